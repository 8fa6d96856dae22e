// Objects that are dropped without being closed, in any order. Needs --expose-gc.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { numbers, openFor, until, walpool } from './helpers.mjs';

const skip = globalThis.gc ? false : 'run node with --expose-gc';

/** Collect until something holds. */
const collected = (holds) => until(async () => {
    globalThis.gc();
    await turn();
    return holds();
});

const idle = async (db) => {
    const { readers_leased: readers, writer_leased: writer } = await db.health();
    return readers + writer === 0;
};

test('gc: a dropped iterator gives its reader back', { skip }, async (t) => {
    const db = await openFor(t, { readers: 3 });
    const sync = walpool.openSync(db.path);
    await (async () => {
        await db.iterate(numbers(1e6)).next();
        sync.iterate(numbers(1e6)).next();
        db.iterate(numbers(1e6));
    })();
    assert.equal((await db.health()).readers_leased, 2);
    await collected(() => idle(db));
    sync.close();
});

test('gc: a dropped lease is given back, and its iterators with it', { skip }, async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(v)');
    await (async () => {
        const reader = await db.acquire('read');
        await reader.iterate(numbers(1e6)).next();
        const writer = await db.acquire('write');
        await writer.execute('INSERT INTO t VALUES (1)');
    })();
    assert.equal(await idle(db), false);
    await collected(() => idle(db));
    assert.deepEqual(await db.query('SELECT * FROM t'), []);
});

test('gc: a dropped synchronous lease is given back', { skip }, async (t) => {
    const db = await openFor(t, {}, walpool.openSync);
    (() => {
        db.acquire('write').savepoint();
        db.acquire('read').iterate(numbers(1e6)).next();
    })();
    assert.equal(await idle(db), false);
    await collected(() => idle(db));
});

test('gc: a dropped database closes', { skip }, async (t) => {
    const { path } = await openFor(t).then(async (db) => {
        await db.close();
        return db;
    });
    for (const open of [walpool.open, walpool.openSync]) {
        await (async () => { await (await open(path)).script('CREATE TABLE IF NOT EXISTS t(v)'); })();
        assert(existsSync(`${path}-wal`));
        await collected(() => !existsSync(`${path}-wal`));
    }
});

test('gc: what hangs below a database keeps it open', { skip }, async (t) => {
    const { path } = await openFor(t);
    for (const open of [walpool.open, walpool.openSync]) {
        const rows = await (async () => (await open(path)).iterate(numbers(200000)))();
        const lease = await (async () => (await open(path)).acquire('read'))();
        let count = 0;
        for await (const { i } of rows) {
            count++;
            if (i % 50000 === 0) globalThis.gc();
        }
        assert.equal(count, 200000);
        assert.equal((await lease.query('SELECT 1')).length, 1);
        await lease.release();
    }
});

test('gc: calls under way keep what they need', { skip }, async (t) => {
    const { path } = await openFor(t);
    const results = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
        const db = await walpool.open(path);
        const result = db.query('SELECT ? AS v UNION ALL SELECT ?', [Buffer.alloc(50000, i), 'x'.repeat(50000)]);
        globalThis.gc();
        return result;
    }));
    results.forEach(([{ v }, text], i) => assert(v.equals(Buffer.alloc(50000, i)) && text.v.length === 50000));
});

test('gc: a long run of calls does not grow', { skip }, async (t) => {
    const db = await openFor(t);
    const sync = walpool.openSync(db.path);
    const used = async () => {
        await collected(() => true);
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        return heapUsed + arrayBuffers;
    };
    const work = async (times) => {
        for (let i = 0; i < times; i++) {
            const signal = new AbortController().signal;
            await db.query('SELECT ? AS v', [i], { signal });
            await db.read((r) => r.query('SELECT 1'));
            for await (const row of db.iterate('SELECT 1 AS a')) assert.equal(row.a, 1);
            sync.query(`SELECT ${i} AS c${i % 700}`);
        }
    };
    await work(2000);
    const before = await used();
    await work(4000);
    const grown = await used() - before;
    assert(grown < 4 * 1024 * 1024, `grew by ${grown} bytes`);
    sync.close();
});

test('gc: a dropped writer lets synchronous writes go on', { skip }, async (t) => {
    const db = await openFor(t);
    const sync = walpool.openSync(db.path);
    await (async () => { await db.acquire('write'); })();
    assert.throws(() => sync.script('CREATE TABLE t(v)'), walpool.DeadlockError);
    await collected(() => idle(db));
    await collected(() => {
        try {
            return sync.script('CREATE TABLE IF NOT EXISTS t(v)') === undefined;
        } catch {
            return false;
        }
    });
    sync.close();
});
