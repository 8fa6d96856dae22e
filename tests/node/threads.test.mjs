// Concurrency: many calls, worker threads, and endings while calls run.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { ENDLESS, failure, numbers, openFor, run, until, walpool } from './helpers.mjs';

const start = (task, data) => new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { task, ...data } });

test('parallel: many calls at once are each answered', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, v)');
    const calls = Array.from({ length: 3000 }, (_, i) => (i % 3 === 0
        ? db.execute('INSERT INTO t VALUES (?, ?)', [i, `row ${i}`]).then(({ changes }) => changes)
        : db.queryOne('SELECT ? AS v', [`echo ${i}`]).then(({ v }) => v)));
    const results = await Promise.all(calls);
    results.forEach((result, i) => assert.equal(result, i % 3 === 0 ? 1 : `echo ${i}`));
    assert.equal((await db.query('SELECT * FROM t')).length, 1000);
    const { errors, lock_waits: waits } = await db.health();
    assert.deepEqual([errors, waits], [0, 0]);
});

test('parallel: large results at once', async (t) => {
    const db = await openFor(t);
    const results = await Promise.all(Array.from({ length: 12 }, (_, i) => db.query(numbers(10000 + i))));
    results.forEach((rows, i) => assert.deepEqual(rows.at(-1), { i: 10000 + i, name: `row ${10000 + i}` }));
});

test('parallel: writes of one thread keep their order', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(v)');
    await Promise.all(Array.from({ length: 300 }, (_, i) => db.execute('INSERT INTO t VALUES (?)', [i])));
    const rows = await db.query('SELECT v FROM t ORDER BY rowid');
    rows.forEach(({ v }, i) => assert.equal(v, i));
});

test('close: waits for calls that run, and later ones are told', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(v)');
    const calls = Array.from({ length: 50 }, (_, i) => (i % 2
        ? db.execute('INSERT INTO t VALUES (1)') : db.query(numbers(2000))));
    const closing = [db.close(), db.close()];
    const outcomes = await Promise.allSettled(calls);
    await Promise.all(closing);
    for (const { status, reason } of outcomes) {
        if (status === 'rejected') assert.equal(reason.code, 'WALPOOL_CLOSED');
    }
    for (const use of [() => db.query('SELECT 1'), () => db.execute('DELETE FROM t'),
        () => db.write(() => 1), () => db.read(() => 1), () => db.batch(['SELECT 1']),
        () => db.checkpoint(), () => db.health(), () => db.iterate('SELECT 1').next()]) {
        await failure('WALPOOL_CLOSED', use);
    }
    await db.close();
    if (Symbol.asyncDispose) await db[Symbol.asyncDispose]();
    assert(!existsSync(`${db.path}-wal`));
});

test('close: past its deadline it names a lease, and all goes on', async (t) => {
    const db = await openFor(t);
    const lease = await db.acquire('read', { why: 'slow export' });
    const error = await failure('WALPOOL_TIMEOUT', db.close({ timeout: 20 }));
    assert.match(error.message, /slow export/);
    assert.equal((await lease.query('SELECT 1')).length, 1);
    await lease.release();
    await db.close();
});

test('worker: threads share one database without an error', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE counter(thread, n)');
    const workers = [0, 1, 2, 3].map((thread) => start('count', { path: db.path, thread, times: 200 }));
    const codes = await Promise.all(workers.map(async (worker) => (await once(worker, 'exit'))[0]));
    assert.deepEqual(codes, [0, 0, 0, 0]);
    const rows = await db.query('SELECT thread, count(*) AS n FROM counter GROUP BY thread ORDER BY thread');
    assert.deepEqual(rows, [0, 1, 2, 3].map((thread) => ({ thread, n: 200 })));
    const { errors, readers_limit: limit, writer_leased: leased } = await db.health();
    assert.deepEqual([errors, limit, leased], [0, 4, 0]);
});

test('worker: many that load the addon at the same time', async () => {
    for (let round = 0; round < 5; round++) {
        const workers = Array.from({ length: 8 }, () => start('load', {}));
        const codes = await Promise.all(workers.map(async (worker) => (await once(worker, 'exit'))[0]));
        assert.deepEqual(codes, Array(8).fill(0));
    }
});

for (const task of ['hold the writer', 'hold a reader', 'hold an iterator', 'run', 'run synchronously', 'wait']) {
    test(`worker: one that is ended while it does this leaves nothing behind: ${task}`, async (t) => {
        const db = await openFor(t, { readers: 2 });
        await db.execute('CREATE TABLE t(v)');
        const blocker = task === 'wait' ? await db.acquire('write') : null;
        const worker = start(task, { path: db.path, sql: ENDLESS });
        await once(worker, 'message');
        await until(async () => {
            const { readers_leased: readers, writer_leased: writer, writer_waiters: waiters } = await db.health();
            return task === 'wait' ? waiters === 1 : readers + writer > 0;
        });
        await worker.terminate();
        await blocker?.release();
        await until(async () => {
            const { readers_leased: readers, writer_leased: writer, writer_waiters: waiters } = await db.health();
            return readers + writer + waiters === 0;
        });
        await db.execute('INSERT INTO t VALUES (1)', [], { timeout: 1000 });
        await db.close({ timeout: 1000 });
        assert(!existsSync(`${db.path}-wal`));
    });
}

test('process: ends by itself with a database open, and leaves no -wal', async (t) => {
    const db = await openFor(t);
    await db.close();
    for (const how of ['idle', 'after a call', 'with a call under way', 'synchronous']) {
        const { code, messages, errors } = await run('process.mjs', [how, db.path]);
        assert.equal(code, 0, `${how}: ${errors}`);
        assert.equal(errors, '');
        assert.deepEqual(messages, ['end'], how);
        assert(!existsSync(`${db.path}-wal`), how);
    }
});

test('process: process.exit() ends at once, and loses nothing', async (t) => {
    const db = await openFor(t);
    await db.close();
    const { code, messages, errors } = await run('process.mjs', ['exit', db.path]);
    assert.deepEqual([code, messages, errors], [0, ['end'], '']);
    const again = walpool.openSync(db.path);
    assert.deepEqual(again.query('SELECT v FROM t'), [{ v: 1 }]);
    again.close();
});

test('process: an error in a callback of the caller is as uncaught as any other', async (t) => {
    const db = await openFor(t);
    const { code, errors } = await run('process.mjs', ['throw', db.path]);
    assert.equal(code, 1);
    assert.match(errors, /thrown after a call/);
});

test('process: import and require give the same objects', () => {
    const require = createRequire(import.meta.url);
    assert.equal(require('../../bindings/node/index.cjs').open, walpool.open);
});
