// Prepared statements: what they run, and where they end.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { both, failure, folderFor, numbers, openFor, until, walpool } from './helpers.mjs';

const SCHEMA = 'CREATE TABLE user(id INTEGER PRIMARY KEY, name TEXT UNIQUE);' +
    "INSERT INTO user(name) VALUES ('Ada'), ('Grace'), ('Alan')";

/** The test for both interfaces, with three users. */
const users = (name, body) => both(`prepare: ${name}`, async (db, t, open) => {
    await db.script(SCHEMA);
    return body(db, t, open);
});

async function all(rows) {
    const list = [];
    for await (const row of rows) list.push(row);
    return list;
}

users('it reads as its text does', async (db) => {
    const prepared = await db.prepare('SELECT id, name FROM user WHERE id >= :id ORDER BY id');
    assert(prepared instanceof walpool.Prepared);
    for (let round = 0; round < 3; round++) {
        assert.deepEqual(await prepared.query([2]),
            [{ id: 2, name: 'Grace' }, { id: 3, name: 'Alan' }]);
        assert.deepEqual(await prepared.query({ id: 3 }, { rows: 'array' }), [[3, 'Alan']]);
        assert.deepEqual(await prepared.queryOne([1], { bigint: true }), { id: 1n, name: 'Ada' });
        assert.equal(await prepared.queryOne([9]), null);
        assert.deepEqual(await prepared.queryRaw([9]), { columns: ['id', 'name'], rows: [] });
        assert.deepEqual((await all(prepared.iterate([2]))).map(({ id }) => id), [2, 3]);
    }
});

users('it writes as its text does', async (db) => {
    const add = await db.prepare('INSERT INTO user(name) VALUES (?) RETURNING id');
    const { changes, lastRowid, rows } = await add.execute(['Kurt']);
    assert.deepEqual([changes, lastRowid, rows], [1, 4, [{ id: 4 }]]);
    assert.deepEqual((await add.executeMany([['Edsger'], ['Tony']])).rows, [{ id: 5 }, { id: 6 }]);
    for (let i = 0; i < 2; i++) {
        assert.deepEqual((await add.execute(['Niklaus'], { onceKey: 'seven' })).rows, [{ id: 7 }]);
    }
    await failure('WALPOOL_MISMATCH', () => add.execute(['John'], { expect: 2 }));
    await failure('WALPOOL_CONSTRAINT', () => add.execute(['Ada']));
    assert.deepEqual(await db.queryOne('SELECT count(*) AS n FROM user'), { n: 7 });
});

users('many rows go in several requests', async (db) => {
    const add = await db.prepare('INSERT INTO user(name) VALUES (?)');
    const names = Array.from({ length: 25000 }, (_, i) => [`name ${i}`]);
    assert.equal((await add.executeMany(names)).changes, 25000);
});

users('results of many blocks come whole', async (db) => {
    const prepared = await db.prepare(numbers(30000));
    const rows = await prepared.query();
    assert.deepEqual([rows.length, rows[29999].name], [30000, 'row 30000']);
    assert.equal((await all(prepared.iterate())).length, 30000);
});

users('it takes the place of the SQL', async (db) => {
    const byId = await db.prepare('SELECT name FROM user WHERE id = ?');
    const rename = await db.prepare('UPDATE user SET name = ? WHERE id = ?');
    const reader = await db.acquire('read');
    assert.deepEqual(await reader.query(byId, [1]), [{ name: 'Ada' }]);
    await reader.release();
    const writer = await db.acquire('write');
    assert.equal((await writer.execute(rename, ['A.', 1])).changes, 1);
    assert.equal((await writer.executeMany(rename, [['G.', 2], ['T.', 3]])).changes, 2);
    await writer.commit();
    await writer.release();
    const results = await db.batch([
        [rename, ['Ada', 1]],
        { sql: rename, params: ['Grace', 2], expect: 1 },
        "UPDATE user SET name = 'Alan' WHERE id = 3",
        { sql: rename, many: [['none', 98], ['none', 99]] },
        await db.prepare('DELETE FROM user WHERE id = 99'),
    ]);
    assert.deepEqual(results.map(({ changes }) => changes), [1, 1, 1, 0, 0]);
    assert.deepEqual(await db.queryOne(byId, [2]), { name: 'Grace' });
});

users('it says what it is', async (db) => {
    const sql = 'SELECT id, name AS n FROM user WHERE id = :id OR name = ?';
    const { readonly, parameters, columns, sql: text } = await db.prepare(sql);
    assert.deepEqual({ text, readonly, parameters, columns },
        { text: sql, readonly: true, parameters: [':id', null], columns: ['id', 'n'] });
    assert.equal((await db.prepare('DELETE FROM user')).readonly, false);
    assert.throws(() => columns.push('more'), TypeError);
});

users('what is wrong with the text is told at once', async (db) => {
    for (const [code, sql] of [
        ['WALPOOL_SQL', 'SELECT nothing FROM user'], ['WALPOOL_SQL', 'SELECT 1; SELECT 2'],
        ['WALPOOL_SQL', ''], ['WALPOOL_SQL', 'SELECT 1\0'], ['WALPOOL_ENCODING', "SELECT '\ud800'"],
        ['WALPOOL_REFUSED', 'COMMIT'], ['WALPOOL_MISUSE', 7], ['WALPOOL_MISUSE', undefined],
        ['WALPOOL_MISUSE', await db.prepare('SELECT 1')],
    ]) {
        await failure(code, async () => db.prepare(sql));
    }
    await failure('WALPOOL_CANCELLED', async () =>
        db.prepare('SELECT 1', { signal: AbortSignal.abort() }));
});

users('wrong parameters, and what is none, are refused', async (db) => {
    const prepared = await db.prepare('SELECT name FROM user WHERE id = ?');
    for (const params of [[], [1, 2], { id: 1 }, [{}]]) {
        await failure('WALPOOL_PARAM', async () => prepared.query(params));
    }
    const remove = await db.prepare('DELETE FROM user');
    await failure('WALPOOL_READONLY', async () => remove.query());
    await failure('WALPOOL_MISUSE', async () => db.query({ sql: 'SELECT 1' }));
    await assert.rejects(async () => db.query(Object.create(prepared)), TypeError);
    await failure('WALPOOL_MISUSE', async () => new walpool.Prepared());
});

users('closed it runs no more', async (db) => {
    const prepared = await db.prepare('SELECT name FROM user');
    const rows = prepared.iterate();
    await rows.next();
    prepared.close();
    prepared.close();
    assert.equal((await all(rows)).length, 2);
    for (const call of ['query', 'queryOne', 'queryRaw', 'execute']) {
        const error = await failure('WALPOOL_CLOSED', async () => prepared[call]());
        assert.match(error.message, /prepared statement is closed/);
    }
    await failure('WALPOOL_CLOSED', async () => db.batch([prepared]));
    assert.deepEqual(prepared.columns, ['name']);
});

users('it belongs to one database', async (db, t, open) => {
    const other = await openFor(t, {}, open);
    const prepared = await db.prepare('SELECT 1 AS one');
    const error = await failure('WALPOOL_MISUSE', async () => other.query(prepared));
    assert.match(error.message, /another database/);
    const same = await open(db.path);
    assert.deepEqual(await same.query(prepared), [{ one: 1 }]);
    const late = await same.prepare('SELECT 2');
    await same.close();
    await failure('WALPOOL_CLOSED', async () => late.query());
    await failure('WALPOOL_CLOSED', async () => same.prepare('SELECT 1'));
});

users('it survives a change of the schema', async (db) => {
    const prepared = await db.prepare('SELECT * FROM user WHERE id = 1');
    assert.deepEqual(await prepared.queryOne(), { id: 1, name: 'Ada' });
    await db.execute('ALTER TABLE user ADD COLUMN age DEFAULT 36');
    assert.deepEqual(await prepared.queryOne(), { id: 1, name: 'Ada', age: 36 });
    await db.execute('DROP TABLE user');
    await failure('WALPOOL_SQL', async () => prepared.query());
});

test('prepare: many at once share one statement', async (t) => {
    const db = await openFor(t, { readers: 2 });
    await db.script(SCHEMA);
    const prepared = await db.prepare('SELECT name FROM user WHERE id = ?');
    const names = ['Ada', 'Grace', 'Alan'];
    const found = await Promise.all(Array.from({ length: 300 }, (_, i) => prepared.queryOne([i % 3 + 1])));
    found.forEach(({ name }, i) => assert.equal(name, names[i % 3]));
});

test('prepare: a dropped one is closed', { skip: globalThis.gc ? false : 'run node with --expose-gc' },
    async (t) => {
        const db = await openFor(t, {}, walpool.openSync);
        let gone = 0;
        const registry = new FinalizationRegistry(() => { gone++; });
        (() => {
            for (let i = 0; i < 100; i++) registry.register(db.prepare(`SELECT ${i}`), i);
        })();
        await until(async () => {
            globalThis.gc();
            await turn();
            return gone >= 90;
        });
        assert.deepEqual(db.prepare('SELECT 1 AS one').query(), [{ one: 1 }]);
    });

test('prepare: a worker that ends leaves none behind', async (t) => {
    const path = join(folderFor(t), 'test.db');
    const index = new URL('../../bindings/node/index.cjs', import.meta.url);
    const program = `
        const walpool = require(${JSON.stringify(index.pathname)});
        const db = walpool.openSync(${JSON.stringify(path)});
        const prepared = db.prepare('SELECT 1 AS one');
        require('node:worker_threads').parentPort.postMessage(prepared.query());`;
    for (let i = 0; i < 3; i++) {
        const worker = new Worker(program, { eval: true });
        const rows = await new Promise((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
        });
        await worker.terminate();
        assert.deepEqual(rows, [{ one: 1 }]);
    }
});
