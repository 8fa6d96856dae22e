// Compiled by package.test.mjs, never run: what the types allow and refuse.
import walpool, { open, openSync, ConstraintError, WalpoolError } from 'walpool';
import type { BackupProgress, Database, Health, Maintenance, OpenOptions, Problem, Value, WriteLease, WriteResult } from 'walpool';

interface User {
    id: number;
    name: string;
}

async function promises(signal: AbortSignal): Promise<void> {
    const options: OpenOptions = { readers: 8, busyTimeout: 2000, durability: 'full', cache_size_kib: 4096 };
    const db: Database = await walpool.open('app.db', options);
    const users = await db.query<User>('SELECT id, name FROM user', [], { signal, timeout: 100 });
    const name: string = users[0].name;
    const arrays: Value[][] = await db.query('SELECT 1', undefined, { rows: 'array' });
    const one: User | null = await db.queryOne<User>('SELECT * FROM user WHERE id = :id', { id: 1n });
    const { columns, rows } = await db.queryRaw('SELECT 1', [new Uint8Array(2), true, null]);
    const width: number = columns.length + rows.length + arrays.length;
    for await (const user of db.iterate<User>('SELECT * FROM user')) user.name.trim();
    const result: WriteResult = await db.execute('INSERT INTO user(name) VALUES (?)', [name]);
    const rowid: number | bigint = result.lastRowid;
    await db.executeMany('INSERT INTO user(name) VALUES (?)', new Set([['a'], ['b']]));
    await db.batch(['DELETE FROM a', ['DELETE FROM b WHERE x = ?', [width]], { sql: 'DELETE FROM c', many: [[1]] }]);
    const total: number = await db.write(async (w: WriteLease) => {
        await w.savepoint(async (s) => s.execute('DELETE FROM user'));
        return 5;
    }, { why: 'clean up' });
    const prepared = await db.prepare('SELECT id, name FROM user WHERE id = :id');
    const found: User | null = await prepared.queryOne<User>({ id: 1 }, { why: 'by name' });
    const names: readonly (string | null)[] = prepared.parameters;
    await db.read((r) => r.query<User>(prepared, [found === null ? names.length : found.id]));
    await db.batch([prepared, [prepared, [1]], { sql: prepared, many: [[2]] }]);
    // @ts-expect-error: there is no SQL to give
    await prepared.query('SELECT 1');
    // @ts-expect-error: what is prepared is not prepared again
    await db.prepare(prepared);
    prepared.close();
    const first: User[] = await db.read((r) => r.query<User>('SELECT * FROM user LIMIT 1'));
    const lease = await db.acquire('write');
    await lease.commit();
    const { outcome, logFrames } = await db.checkpoint('truncate', { timeout: 1000 });
    const health: Health = await db.health();
    const frames: number = health.wal_frames + logFrames + total + first.length + Number(rowid);
    await db.close({ timeout: frames });
    if (outcome === 'partial' && one) return;

    // @ts-expect-error a wrong name of an option
    await open('app.db', { reeders: 1 });
    // @ts-expect-error a Date is no parameter
    await db.query('SELECT ?', [new Date()]);
    // @ts-expect-error a wrong mode
    await db.checkpoint('quick');
    const { a }: { a: number } = await db.read(async (r) => {
        await r.fresh({ timeout: 100, durability: 'full' });
        return (await r.query<{ a: number }>('SELECT 1 AS a'))[0];
    });
    db.leases().then((all) => all.length === a);
    // @ts-expect-error a transaction has no fresh snapshot
    await db.write((w) => w.fresh());
    // @ts-expect-error a reader begins no transaction
    await db.read((r) => r.begin());
    // @ts-expect-error a reader does not commit
    await db.read((r) => r.commit());
    // @ts-expect-error databases come from open()
    new walpool.Database();
}

const every: OpenOptions = {
    readers: 2, busyTimeout: Infinity, closeTimeout: 100, cacheSizeKib: 1024, mmapSize: 0,
    journalSizeLimit: -1, checkpointFrames: 500, statementCache: 10, durability: 'full',
    foreignKeys: false, tempStore: 'file', allowAttach: true, coalesce: 2, onceKeep: 3600000,
    leaseWarn: Infinity, leaseTrace: true, snapshotKeep: 20, stepAhead: 1, readerGate: 50,
    walCeilingFrames: 5000, walCeilingPolicy: 'backpressure', checkpointOwner: 'walpool',
    mode: 'rwc', permissions: 0o640, allowNetworkFs: true, optimizeInterval: 3600000,
};

async function upkeep(db: Database): Promise<string> {
    const { phase }: BackupProgress = await db.backup('/tmp/copy.db', {
        progress: async (at) => at.copied / at.pages, pause: 0, check: 'full', replace: true,
    });
    await db.restore(new URL('file:///tmp/copy.db'), { why: phase });
    const { complete, freePages }: Maintenance = await db.optimize({ timeout: 1000 });
    const vacuumed: Maintenance = openSync('app.db', every).incrementalVacuum(freePages);
    const problems: Problem[] = await db.check({ full: complete });
    const { busy, pinnedPid, pinnedWhy } = await db.checkpoint('restart');
    const { totalUs } = await db.probe({ timeout: 100 });
    const metrics: string = await db.metrics();
    // @ts-expect-error there are no such pages
    await db.incrementalVacuum('all');
    // @ts-expect-error a wrong policy
    await open('app.db', { walCeilingPolicy: 'panic' });
    return [busy, pinnedPid, pinnedWhy, totalUs, vacuumed.pagesAfter, ...problems.map((p) => p.kind), metrics].join();
}

function synchronous(): string {
    const db = openSync(new URL('file:///tmp/app.db'), { permissions: 0o640, mode: 'rw' });
    try {
        const inserted: number = db.write((w) => w.execute('INSERT INTO user(name) VALUES (?)', ['x']).changes);
        for (const [id] of db.iterate('SELECT id FROM user', [], { rows: 'array', bigint: true })) {
            if (id === BigInt(inserted)) break;
        }
        return db.queryOne<User>('SELECT * FROM user')?.name ?? walpool.version().sqlite;
    } catch (error) {
        if (error instanceof ConstraintError) return error.sqliteName;
        if (error instanceof WalpoolError && error.phase === 'queue') return error.code;
        throw error;
    } finally {
        db.close();
    }
}

export { promises, synchronous, upkeep };
