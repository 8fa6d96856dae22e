// Writes that expect, that are made once, that wait for the disk; and leases.
import assert from 'node:assert/strict';
import { both, failure, numbers, openFor, walpool } from './helpers.mjs';

const single = async (db, sql) => (await db.queryOne(sql, [], { rows: 'array' }))[0];

both('expect: another number of changes undoes the write', async (db) => {
    await db.script('CREATE TABLE t(n); INSERT INTO t VALUES (1), (2), (3)');
    const error = await failure('WALPOOL_MISMATCH', () =>
        db.execute('DELETE FROM t WHERE n > ?', [1], { expect: 1 }));
    assert(error instanceof walpool.MismatchError);
    assert.match(error.message, /changed 2 rows/);
    assert.equal(error.outcome, 'not_applied');
    assert.equal((await db.execute('DELETE FROM t WHERE n > 1', [], { expect: 2 })).changes, 2);
    assert.equal((await db.execute('DELETE FROM t WHERE n > 1', [], { expect: 0 })).changes, 0);
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 1);
});

both('expect: what it was is not kept for the next call', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const insert = 'INSERT INTO t VALUES (1)';
    await db.batch([{ sql: insert, expect: 1 }]);
    await failure('WALPOOL_MISMATCH', () => db.batch([{ sql: insert, expect: 2 }]));
    await db.batch([insert]);
    await db.execute(insert, [], { expect: 1 });
    await failure('WALPOOL_MISMATCH', () => db.execute(insert, [], { expect: 2 }));
    await db.execute(insert);
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 4);
});

both('expect: of many rows of parameters it is the sum', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const rows = Array.from({ length: 25000 }, (_, i) => [i]);
    await failure('WALPOOL_MISMATCH', () =>
        db.executeMany('INSERT INTO t VALUES (?)', rows, { expect: 24999 }));
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 0);
    await db.executeMany('INSERT INTO t VALUES (?)', rows, { expect: 25000 });
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 25000);
});

both('expect: a batch names the statement, and is undone', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const error = await failure('WALPOOL_MISMATCH', () => db.batch([
        { sql: 'INSERT INTO t VALUES (?)', many: [[1], [2]], expect: 2 },
        { sql: 'UPDATE t SET n = 9', expect: 1 },
    ]));
    assert.equal(error.statement, 1);
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 0);
});

both('expect: on a lease the statement is undone alone', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const writer = await db.acquire('write');
    await writer.execute('INSERT INTO t VALUES (1), (2)', [], { expect: 2 });
    await failure('WALPOOL_MISMATCH', () => writer.execute('DELETE FROM t', [], { expect: 1 }));
    await writer.commit();
    await writer.release();
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 2);
});

both('expect: must be a number of rows', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    for (const expect of [-1, 1.5, NaN, Infinity, 2 ** 53, '1', 1n, {}]) {
        await failure('WALPOOL_MISUSE', () => db.execute('DELETE FROM t', [], { expect }));
        await failure('WALPOOL_MISUSE', () => db.batch([{ sql: 'DELETE FROM t', expect }]));
    }
    await failure('WALPOOL_MISUSE', () => db.query('SELECT 1', [], { expect: 1 }));
});

both('onceKey: a write again is answered again', async (db) => {
    await db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, v)');
    const insert = 'INSERT INTO t(v) VALUES (?) RETURNING id';
    for (const onceKey of ['order 7', Buffer.from('order 7'), new TextEncoder().encode('order 7')]) {
        const result = await db.execute(insert, ['a'], { onceKey });
        assert.deepEqual([result.changes, result.lastRowid, result.rows], [1, 1, [{ id: 1 }]]);
    }
    assert.equal((await db.health()).once_replays, 2);
    await failure('WALPOOL_MISUSE', () => db.execute(insert, ['b'], { onceKey: 'order 7' }));
    const next = await db.execute(insert, ['a']); // the key is not kept for the next call
    assert.equal(next.lastRowid, 2);
});

both('onceKey: a batch, a script, many rows', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    for (let i = 0; i < 2; i++) {
        const batch = await db.batch(['INSERT INTO t VALUES (1)', ['DELETE FROM t WHERE n = ?', [5]]],
            { onceKey: 'batch' });
        assert.deepEqual(batch.map(({ changes }) => changes), [1, 0]);
        await db.script('INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)', { onceKey: 'script' });
        const many = await db.executeMany('INSERT INTO t VALUES (?)', [[4], [5]], { onceKey: 'many' });
        assert.equal(many.changes, 2);
    }
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 5);
});

both('onceKey: is for one write', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const bad = { '': 'MISUSE', ['x'.repeat(256)]: 'MISUSE', '\ud800': 'ENCODING' };
    for (const [onceKey, status] of Object.entries(bad)) {
        await failure(`WALPOOL_${status}`, () => db.execute('DELETE FROM t', [], { onceKey }));
    }
    for (const onceKey of [1, {}, [1], new Uint16Array(2), new Uint8Array(0)]) {
        await failure('WALPOOL_MISUSE', () => db.execute('DELETE FROM t', [], { onceKey }));
    }
    const onceKey = 'x'.repeat(255);
    await failure('WALPOOL_MISUSE', () => db.query('SELECT 1', [], { onceKey }));
    await failure('WALPOOL_MISUSE', () => db.acquire('write', { onceKey }));
    const rows = Array.from({ length: 25000 }, (_, i) => [i]);
    await failure('WALPOOL_MISUSE', () =>
        db.executeMany('INSERT INTO t VALUES (?)', rows, { onceKey }));
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 0);
    await db.execute("INSERT INTO t VALUES ('ok')", [], { onceKey: 'a\0b' });
});

both('onceKey: a large answer is refused', async (db) => {
    await db.execute('CREATE TABLE t(v)');
    await failure('WALPOOL_TOOBIG', () =>
        db.execute('INSERT INTO t VALUES (zeroblob(3000000)) RETURNING v', [], { onceKey: 'k' }));
    assert.equal(await single(db, 'SELECT count(*) FROM t'), 0);
});

both('durability: of one call', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const before = (await db.health()).syncs;
    const syncs = async () => (await db.health()).syncs - before;
    const full = { durability: 'full' };
    await db.execute('INSERT INTO t VALUES (1)', [], full);
    await db.batch(['INSERT INTO t VALUES (2)'], full);
    await db.write((writer) => writer.execute('INSERT INTO t VALUES (3)'), full);
    const writer = await db.acquire('write');
    await writer.execute('INSERT INTO t VALUES (4)');
    await writer.commit(full);
    await writer.release();
    assert.equal(await syncs(), 4);
    await db.execute('INSERT INTO t VALUES (5)');
    assert.equal(await syncs(), 4);
    await failure('WALPOOL_MISUSE', () => db.execute('DELETE FROM t', [], { durability: 'maybe' }));
    await failure('WALPOOL_MISUSE', () => db.query('SELECT 1', [], { durability: 'normal' }));
});

both('durability: a read of what is on the disk, in all its blocks', async (db) => {
    await db.execute('CREATE TABLE t(n)');
    const before = (await db.health()).syncs;
    const full = { durability: 'full' };
    assert.equal((await db.query(numbers(20000), [], full)).length, 20000);
    let count = 0;
    for await (const row of db.iterate(numbers(20000), [], full)) count += row.i > 0;
    assert.equal(count, 20000);
    await db.read((reader) => reader.query('SELECT 1'), full);
    assert.equal((await db.health()).syncs - before, 1);
});

both('durability: normal spares the sync', async (_, t, open) => {
    const db = await openFor(t, { durability: 'full' }, open);
    await db.execute('CREATE TABLE t(n)');
    const before = (await db.health()).syncs;
    await db.execute('INSERT INTO t VALUES (1)', [], { durability: 'normal' });
    assert.equal((await db.health()).syncs, before);
});

both('leases: who has what', async (_, t, open) => {
    const db = await openFor(t, { leaseTrace: true }, open);
    assert.deepEqual(await db.leases(), []);
    const reader = await db.acquire('read', { why: 'report' });
    const writer = await db.acquire('write', { why: 'import' });
    const [one, other] = await db.leases();
    assert.deepEqual([one.kind, one.holder, one.why], ['read', 'lease', 'report']);
    assert.deepEqual([other.kind, other.holder, other.why], ['write', 'lease', 'import']);
    assert(one.thread > 0 && one.age_us >= 0 && Array.isArray(one.stack));
    await writer.release();
    await reader.release();
    await db.close();
    await failure('WALPOOL_CLOSED', () => db.leases());
});
