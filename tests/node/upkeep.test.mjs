// Optimize, vacuum, incremental vacuum and checks, in both interfaces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { both, failure, openFor, walpool } from './helpers.mjs';

const FILL = `
    CREATE TABLE t (id INTEGER PRIMARY KEY, v);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
        INSERT INTO t (v) SELECT zeroblob(1000) FROM n;
    DELETE FROM t WHERE id > 4`;

both('vacuum: gives pages back', async (db) => {
    await db.script(FILL);
    const done = await db.vacuum({ timeout: 60000 });
    assert.equal(done.complete, true);
    assert.deepEqual([done.freePages, done.walFrames, done.tables], [0, 0, 0]);
    assert(done.pagesAfter < done.pagesBefore / 10);
    assert.deepEqual(await db.queryOne('PRAGMA page_count'), { page_count: done.pagesAfter });
});

both('incremental vacuum: frees as many pages as asked', async (db) => {
    const error = await failure('WALPOOL_MISUSE', () => db.incrementalVacuum());
    assert.match(error.message, /auto_vacuum=incremental, then vacuum/);
    await db.execute('PRAGMA auto_vacuum = incremental');
    await db.vacuum();
    await db.script(FILL);
    const done = await db.incrementalVacuum(7);
    assert.equal(done.pagesBefore - done.pagesAfter, 7);
    assert(done.freePages > 100 && done.complete);
    assert.equal((await db.incrementalVacuum()).freePages, 0);
    for (const pages of [-1, 1.5, NaN, 2 ** 53, '7', null, true]) {
        const { message } = await failure('WALPOOL_MISUSE', () => db.incrementalVacuum(pages));
        assert.match(message, /^pages is /);
    }
});

both('optimize: measures tables', async (db) => {
    await db.script('CREATE TABLE t (a); CREATE INDEX ta ON t (a); INSERT INTO t VALUES (1)');
    const done = await db.optimize();
    assert(done.tables >= 1 && done.complete);
    assert.deepEqual(await db.query('SELECT idx FROM sqlite_stat1'), [{ idx: 'ta' }]);
    assert.equal((await db.health()).optimizes, 1);
});

both('check: lists what is wrong', async (_, t, open) => {
    const db = await openFor(t, { foreignKeys: false }, open);
    await db.script('CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p)');
    assert.deepEqual(await db.check(), []);
    await db.execute('INSERT INTO c VALUES (7)');
    const [problem, ...more] = await db.check({ full: true, timeout: 60000 });
    assert.deepEqual({ ...problem }, {
        kind: 'foreign_key', message: '1 rows of c have no parent in p',
        table: 'c', parent: 'p', rows: 1,
    });
    assert.deepEqual(more, []);
    for (const full of [1, 'yes', null]) {
        const { message } = await failure('WALPOOL_MISUSE', () => db.check({ full }));
        assert.match(message, /^full is /);
    }
    await failure('WALPOOL_OPTION', () => db.check({ fully: true }));
    await failure('WALPOOL_MISUSE', () => db.check('full'));
});

both('maintenance: is cancelled by a signal, and knows a closed database', async (db) => {
    const signal = AbortSignal.abort();
    const calls = (options) => [
        () => db.optimize(options), () => db.vacuum(options),
        () => db.incrementalVacuum(0, options), () => db.check(options)];
    for (const call of calls({ signal })) await failure('WALPOOL_CANCELLED', call);
    for (const call of calls({ timeout: 'soon' })) await failure('WALPOOL_MISUSE', call);
    await db.close();
    for (const call of calls()) await failure('WALPOOL_CLOSED', call);
});

test('maintenance: inside of a write of the same database is refused', async (t) => {
    const db = await openFor(t);
    await db.write(async () => {
        await failure('WALPOOL_DEADLOCK', () => db.vacuum());
        assert.deepEqual(await db.check(), []);
    });
});

test('maintenance: tables are measured by themselves where that is asked for', async (t) => {
    const db = await openFor(t, { optimizeInterval: 10 }, walpool.open);
    while ((await db.health()).optimizes < 2) await turn();
});
