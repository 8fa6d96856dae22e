// Compiled by package.test.mjs, never run: what the types allow and refuse.
import walpool, { open, openSync, ConstraintError, WalpoolError } from 'walpool';
import type { Database, Health, OpenOptions, Value, WriteLease, WriteResult } from 'walpool';

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
    // @ts-expect-error a reader does not commit
    await db.read((r) => r.commit());
    // @ts-expect-error databases come from open()
    new walpool.Database();
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

export { promises, synchronous };
