// Signals and deadlines: they strike at every moment, and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { ENDLESS, failure, numbers, openFor, until, walpool } from './helpers.mjs';

async function assertIdle(db) {
    const { readers_leased: readers, writer_leased: writer } = await db.health();
    assert.deepEqual([readers, writer], [0, 0]);
    assert.deepEqual(await db.query('SELECT 1 AS a', [], { timeout: 1000 }), [{ a: 1 }]);
}

test('cancel: a signal that fired before the call', async (t) => {
    const db = await openFor(t);
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    for (const call of [() => db.query('SELECT 1', [], { signal }), () => db.execute('CREATE TABLE t(v)', [], { signal }),
        () => db.write(() => assert.fail(), { signal }), () => db.read(() => assert.fail(), { signal }),
        () => db.batch(['CREATE TABLE t(v)'], { signal }), () => db.iterate('SELECT 1', [], { signal }).next()]) {
        const error = await failure('WALPOOL_CANCELLED', call);
        assert.equal(error.cause, reason);
    }
    await assertIdle(db);
});

test('cancel: a running statement, with the event loop running all the while', async (t) => {
    const db = await openFor(t);
    const controller = new AbortController();
    let turns = 0;
    let settled = false;
    const query = db.query(ENDLESS, [], { signal: controller.signal }).finally(() => { settled = true; });
    const failed = failure('WALPOOL_CANCELLED', query);
    const end = Date.now() + 1500;
    let longest = 0;
    for (let before = performance.now(); Date.now() < end; turns++) {
        await turn();
        const now = performance.now();
        longest = Math.max(longest, now - before);
        before = now;
    }
    assert(!settled);
    assert(turns > 1000, `${turns} turns of the event loop in 1.5 s`);
    assert(longest < 500, `one turn took ${longest} ms`);
    controller.abort();
    const error = await failed;
    assert.equal(error.phase, 'execute');
    assert.equal(error.cause.name, 'AbortError');
    await assertIdle(db);
});

test('cancel: calls that wait for a reader or for the writer', async (t) => {
    const db = await openFor(t, { readers: 1 });
    const reader = await db.acquire('read');
    const writer = await db.acquire('write');
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = [
        db.query('SELECT 1', [], { signal }), db.read(() => assert.fail(), { signal }),
        db.execute('CREATE TABLE t(v)', [], { signal }), db.write(() => assert.fail(), { signal }),
    ].map((call) => failure('WALPOOL_CANCELLED', call));
    await until(async () => (await db.health()).reader_waiters + (await db.health()).writer_waiters >= 2);
    controller.abort();
    for (const error of await Promise.all(waiting)) assert.equal(error.phase, 'queue');
    await reader.release();
    await writer.release();
    await assertIdle(db);
});

test('cancel: at any moment of a result of many blocks', async (t) => {
    const db = await openFor(t, { readers: 2 });
    const outcomes = new Set();
    for (let delay = 0; delay < 60; delay++) {
        const controller = new AbortController();
        const query = db.query(numbers(30000), [], { signal: controller.signal });
        for (let i = 0; i < delay; i++) await turn();
        controller.abort();
        await query.then((rows) => {
            assert.equal(rows.length, 30000);
            outcomes.add('done');
        }, (error) => outcomes.add(error.code));
    }
    assert(outcomes.has('WALPOOL_CANCELLED'));
    for (const outcome of outcomes) assert(['done', 'WALPOOL_CANCELLED'].includes(outcome), outcome);
    await assertIdle(db);
});

test('cancel: at any moment of writes: applied once or not at all', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(v)');
    let applied = 0;
    for (let delay = 0; delay < 40; delay++) {
        const controller = new AbortController();
        const { signal } = controller;
        const write = db.executeMany('INSERT INTO t VALUES (?)', [[delay], [delay]], { signal });
        for (let i = 0; i < delay % 8; i++) await turn();
        controller.abort();
        await write.then(() => { applied += 2; }, (error) => {
            assert.equal(error.code, 'WALPOOL_CANCELLED');
            assert.equal(error.outcome, 'not_applied');
        });
    }
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: applied }]);
    await assertIdle(db);
});

test('cancel: the signal of a block covers its calls and its commit', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(v)');
    const controller = new AbortController();
    const reason = new Error('shutting down');
    await failure('WALPOOL_CANCELLED', db.write(async (w) => {
        await w.execute('INSERT INTO t VALUES (1)');
        setImmediate(() => controller.abort(reason));
        const error = await failure('WALPOOL_CANCELLED', w.query(ENDLESS));
        assert.equal(error.cause, reason);
        await failure('WALPOOL_CANCELLED', w.query('SELECT 1'));
    }, { signal: controller.signal }));
    assert.deepEqual(await db.query('SELECT * FROM t'), []);
    await assertIdle(db);
});

test('cancel: an iterator between two blocks, and in one', async (t) => {
    const db = await openFor(t, { readers: 1 });
    for (const sql of [numbers(1e9), `SELECT 1 AS i UNION ALL SELECT * FROM (${ENDLESS})`]) {
        const controller = new AbortController();
        const rows = db.iterate(sql, [], { signal: controller.signal });
        const loop = failure('WALPOOL_CANCELLED', async () => { for await (const row of rows) assert(row.i); });
        await until(async () => (await db.health()).readers_leased === 1);
        controller.abort();
        await loop;
        assert.equal((await rows.next()).done, true);
        await assertIdle(db);
    }
});

test('cancel: leaving an iterator does not wait for its next block', async (t) => {
    const db = await openFor(t, { readers: 1 });
    const rows = db.iterate(`SELECT * FROM (${numbers(20000)}) UNION ALL SELECT *, 1 FROM (${ENDLESS})`);
    assert.equal((await rows.next()).value.i, 1);
    await rows.return();
    await assertIdle(db);
});

test('cancel: a signal that fires after the end touches nothing, and is let go', async (t) => {
    const db = await openFor(t);
    const controller = new AbortController();
    const { signal } = controller;
    for (let i = 0; i < 50; i++) await db.query('SELECT 1', [], { signal });
    await db.write((w) => w.query('SELECT 1'), { signal });
    controller.abort();
    await assertIdle(db);
    assert.equal((await db.health()).cancels, 0);
});

test('cancel: AbortSignal.timeout works', async (t) => {
    const db = await openFor(t);
    const error = await failure('WALPOOL_CANCELLED',
        db.query(ENDLESS, [], { signal: AbortSignal.timeout(30) }));
    assert.equal(error.cause.name, 'TimeoutError');
});

test('deadline: covers waiting and running, also over many blocks', async (t) => {
    const db = await openFor(t, { readers: 1 });
    const running = await failure('WALPOOL_TIMEOUT', db.query(ENDLESS, [], { timeout: 40 }));
    assert.equal(running.phase, 'execute');
    await failure('WALPOOL_TIMEOUT', db.query(numbers(1e9), [], { timeout: 60 }));
    const lease = await db.acquire('read', { why: 'slow report' });
    const waiting = await failure('WALPOOL_TIMEOUT', db.query('SELECT 1', [], { timeout: 20 }));
    assert.equal(waiting.phase, 'queue');
    assert.match(waiting.message, /slow report/);
    await failure('WALPOOL_TIMEOUT', db.query('SELECT 1', [], { timeout: 0 }));
    await lease.release();
    await assertIdle(db);
});

test('deadline: busyTimeout bounds waiting, not running', async (t) => {
    const db = await openFor(t, { busyTimeout: 200 });
    const sql = `SELECT sum(i) AS n FROM (${numbers(3000000)})`;
    const before = performance.now();
    assert.deepEqual(await db.query(sql), [{ n: 4500001500000 }]);
    assert(performance.now() - before > 200, 'the machine is too fast for this test: raise the number');
});

test('iterate: return() beside calls of next() that wait', async (t) => {
    const db = await openFor(t, { readers: 2 });
    for (let turns = 0; turns < 30; turns++) {
        const rows = db.iterate(numbers(30000));
        const taken = Array.from({ length: 3 }, () => rows.next());
        for (let i = 0; i < turns; i++) await turn();
        const [end] = await Promise.all([rows.return('end'), rows.return(), ...taken.map((row) => row.catch((error) => {
            assert.equal(error.code, 'WALPOOL_CANCELLED');
        }))]);
        assert.deepEqual(end, { value: 'end', done: true });
        assert.equal((await rows.next()).done, true);
        /* The slots of the iterator are whole: nobody else's call is disturbed. */
        const echoes = await Promise.all(Array.from({ length: 5 }, (_, i) => db.queryOne('SELECT ? AS v', [i])));
        assert.deepEqual(echoes.map(({ v }) => v), [0, 1, 2, 3, 4]);
    }
    await assertIdle(db);
});

test('iterate: return() on a lease beside another call of it', async (t) => {
    const db = await openFor(t);
    await db.execute('CREATE TABLE t(v)');
    await db.write(async (w) => {
        for (let i = 0; i < 20; i++) {
            const rows = w.iterate(numbers(30000));
            await rows.next();
            await Promise.all([w.execute('INSERT INTO t VALUES (?)', [i]), rows.return(), w.query('SELECT 1')]);
        }
    });
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 20 }]);
    await assertIdle(db);
});
