// What is particular to the synchronous interface.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDLESS, failure, numbers, openFor, walpool } from './helpers.mjs';

async function openTable(t) {
    const db = await openFor(t, {}, walpool.openSync);
    db.execute('CREATE TABLE t(v UNIQUE)');
    return db;
}

const values = (on) => on.query('SELECT v FROM t ORDER BY rowid').map(({ v }) => v);
const insert = (on, v) => on.execute('INSERT INTO t VALUES (?)', [v]);

test('sync: write blocks commit, roll back and nest', async (t) => {
    const db = await openTable(t);
    const result = db.write((w) => {
        insert(w, 1);
        assert.throws(() => w.savepoint((s) => {
            insert(s, 2);
            throw new Error('undo');
        }), /undo/);
        return w.savepoint((s) => insert(s, 3).changes);
    });
    assert.equal(result, 1);
    assert.throws(() => db.write((w) => {
        insert(w, 4);
        throw new Error('boom');
    }), /boom/);
    assert.deepEqual(values(db), [1, 3]);
    const { writer_leased: leased, dirty_leases: dirty } = db.health();
    assert.deepEqual([leased, dirty], [0, 0]);
});

test('sync: a block may end its transaction itself', async (t) => {
    const db = await openTable(t);
    db.write((w) => {
        insert(w, 1);
        w.commit();
        w.begin();
        insert(w, 2);
        w.savepoint();
        insert(w, 3);
        w.rollback();
    });
    assert.deepEqual(values(db), [1, 2]);
});

test('sync: a callback that returns a promise is refused and undone', async (t) => {
    const db = await openTable(t);
    for (const method of ['read', 'write']) {
        const error = await failure('WALPOOL_MISUSE', () => db[method](async () => {
            throw new Error('not the one to show');
        }));
        assert.match(error.message, /promise.*walpool\.open\(\)/);
    }
    await failure('WALPOOL_MISUSE', () => db.write((w) => {
        insert(w, 1);
        w.savepoint(async (s) => insert(s, 2));
    }));
    assert.deepEqual(values(db), []);
    const { writer_leased: writer, readers_leased: readers } = db.health();
    assert.deepEqual([writer, readers], [0, 0]);
});

test('sync: a second write from inside a block is a deadlock at once', async (t) => {
    const db = await openTable(t);
    db.write((w) => {
        for (const attempt of [() => insert(db, 1), () => db.write(() => 1),
            () => db.batch(['DELETE FROM t']), () => db.acquire('write')]) {
            assert.throws(attempt, walpool.DeadlockError);
        }
        insert(w, 2);
    });
    assert.deepEqual(values(db), [2]);
});

test('sync: a write never waits for asynchronous code of its thread', async (t) => {
    const db = await openTable(t);
    const other = await walpool.open(db.path);
    const waiting = other.write((w) => insert(w, 1));
    await failure('WALPOOL_DEADLOCK', () => insert(db, 2));
    await waiting;
    insert(db, 3);
    assert.deepEqual(values(db), [1, 3]);
    await other.close();
});

test('sync: reads see one snapshot', async (t) => {
    const db = await openTable(t);
    db.read((r) => {
        assert.deepEqual(values(r), []);
        insert(db, 1);
        assert.deepEqual(values(r), []);
        r.fresh();
        assert.deepEqual(values(r), [1]);
    });
    assert.equal(db.health().readers_leased, 0);
});

test('sync: parameters whose getters call the database are read right', async (t) => {
    const db = await openTable(t);
    const params = {
        get a() { return db.queryOne('SELECT ? AS v', ['x'.repeat(100)]).v.length; },
        get b() { return db.query('SELECT :c AS v', { c: 'inner' })[0].v; },
    };
    assert.deepEqual(db.query('SELECT :a AS a, :b AS b', params), [{ a: 100, b: 'inner' }]);
    const array = Object.defineProperty([1, 2], 0, { get: () => db.query('SELECT 7 AS v')[0].v });
    assert.deepEqual(db.query('SELECT ? AS a, ? AS b', array), [{ a: 7, b: 2 }]);
});

test('sync: a loop may call the database and write to it', async (t) => {
    const db = await openTable(t);
    for (const { i } of db.iterate(numbers(3000))) {
        if (i % 1000 === 0) insert(db, i);
        assert.equal(db.queryOne('SELECT ? AS v', [i]).v, i);
    }
    assert.deepEqual(values(db), [1000, 2000, 3000]);
});

test('sync: a statement past its deadline ends', async (t) => {
    const db = await openTable(t);
    const error = await failure('WALPOOL_TIMEOUT', () => db.query(ENDLESS, [], { timeout: 30 }));
    assert.equal(error.phase, 'execute');
    await failure('WALPOOL_TIMEOUT', () => db.query(
        `SELECT * FROM (${numbers(1e9)})`, [], { timeout: 50 }));
    assert.equal(db.health().readers_leased, 0);
});

test('sync: a signal that has fired cancels a call before it begins', async (t) => {
    const db = await openTable(t);
    const controller = new AbortController();
    const { signal } = controller;
    assert.equal(db.query('SELECT 1', [], { signal }).length, 1);
    const rows = db.iterate(numbers(1e6), [], { signal });
    rows.next();
    controller.abort();
    await failure('WALPOOL_CANCELLED', () => db.query('SELECT 1', [], { signal }));
    await failure('WALPOOL_CANCELLED', () => db.write(() => 1, { signal }));
    await failure('WALPOOL_CANCELLED', () => { for (const row of rows) assert(row); });
    assert.equal(db.health().readers_leased, 0);
});

test('sync: close is idempotent, and what was closed says so', async (t) => {
    const db = await openTable(t);
    const reader = db.acquire('read', { why: 'kept' });
    const error = await failure('WALPOOL_TIMEOUT', () => db.close({ timeout: 0 }));
    assert.match(error.message, /kept/);
    reader.release();
    reader.release();
    if (Symbol.dispose) db[Symbol.dispose]();
    db.close();
    db.close();
    for (const use of [() => db.query('SELECT 1'), () => insert(db, 1), () => db.write(() => 1),
        () => db.health(), () => db.checkpoint(), () => db.batch(['SELECT 1']),
        () => db.iterate('SELECT 1').next(), () => reader.query('SELECT 1')]) {
        await failure('WALPOOL_CLOSED', use);
    }
});
