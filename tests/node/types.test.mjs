// Values: what goes in comes out, at its limits, in both interfaces.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { both, failure, openFor } from './helpers.mjs';

const roundTrip = async (db, value, options) =>
    (await db.queryOne('SELECT ? AS v, typeof(?1) AS t', [value], options));

both('types: whole numbers up to 2^53 are INTEGER', async (db) => {
    for (const number of [0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1,
        2 ** 32, -(2 ** 32), 2 ** 32 - 1, 1e12, -1e12, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)]) {
        assert.deepEqual(await roundTrip(db, number), { v: number, t: 'integer' });
    }
    assert.deepEqual(await roundTrip(db, -0), { v: 0, t: 'integer' });
});

both('types: other numbers are REAL', async (db) => {
    for (const number of [0.5, -0.1, 2 ** 53 + 2, -(2 ** 60), 1e300, 5e-324, Infinity, -Infinity]) {
        assert.deepEqual(await roundTrip(db, number), { v: number, t: 'real' });
    }
});

both('types: NaN is refused', async (db) => {
    const error = await failure('WALPOOL_PARAM', () => db.query('SELECT ?', [NaN]));
    assert.match(error.message, /NaN/);
});

both('types: bigints are INTEGER of 64 bits', async (db) => {
    for (const number of [0n, -1n, 2n ** 31n, 2n ** 53n + 1n, -(2n ** 53n) - 1n,
        2n ** 63n - 1n, -(2n ** 63n)]) {
        assert.deepEqual(await roundTrip(db, number, { bigint: true }), { v: number, t: 'integer' });
    }
    for (const number of [2n ** 63n, -(2n ** 63n) - 1n, 10n ** 30n]) {
        const error = await failure('WALPOOL_PARAM', () => db.query('SELECT ?', [number]));
        assert.match(error.message, /parameter 1.*64 bits/);
    }
});

both('types: an INTEGER beyond 2^53 is an error unless bigints are asked for', async (db) => {
    for (const number of [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n]) {
        const sql = `SELECT 1 AS a, ${number} AS b`;
        const error = await failure('WALPOOL_TOOBIG', () => db.query(sql));
        assert.match(error.message, /column 2 .*bigint: true/);
        assert.deepEqual(await db.query(sql, [], { bigint: true }), [{ a: 1n, b: number }]);
    }
    assert.equal((await db.health()).readers_leased, 0);
});

both('types: an INTEGER that cannot be read in a later block ends the result', async (db) => {
    const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 90000) ' +
        'SELECT i, CASE i WHEN 60000 THEN 9007199254740993 ELSE 0 END FROM n';
    await failure('WALPOOL_TOOBIG', () => db.query(sql));
    await failure('WALPOOL_TOOBIG', async () => {
        for await (const row of db.iterate(sql)) assert(row.i < 60000);
    });
    assert.equal((await db.health()).readers_leased, 0);
});

both('types: RETURNING what a number cannot hold says that it was applied', async (db) => {
    await db.execute('CREATE TABLE t(v)');
    const error = await failure('WALPOOL_TOOBIG',
        () => db.execute('INSERT INTO t VALUES (9007199254740993) RETURNING v'));
    assert.equal(error.outcome, 'applied');
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 1 }]);
});

both('types: booleans are 0 and 1, null is NULL', async (db) => {
    assert.deepEqual(await roundTrip(db, true), { v: 1, t: 'integer' });
    assert.deepEqual(await roundTrip(db, false), { v: 0, t: 'integer' });
    assert.deepEqual(await roundTrip(db, null), { v: null, t: 'null' });
});

both('types: texts of every kind and length', async (db) => {
    const texts = ['', 'a', 'a\0b', '\0', 'é', 'ẞ', '漢字', '💩', 'a💩b', '\u2028', '\ufeff', '\uffff'];
    for (const length of [12, 13, 23, 24, 25, 47, 48, 49, 4095, 4096, 4097, 100000]) {
        texts.push('x'.repeat(length), 'é'.repeat(length), `${'x'.repeat(length)}💩`);
    }
    for (const text of texts) {
        assert.deepEqual(await roundTrip(db, text), { v: text, t: 'text' });
    }
    const sql = `SELECT ${texts.map((_, i) => `? AS c${i}`).join(', ')}`;
    const [row] = await db.query(sql, texts, { rows: 'array' });
    assert.deepEqual(row, texts);
});

both('types: lone surrogates are refused everywhere', async (db) => {
    for (const text of ['\ud800', 'a\udfff', `${'x'.repeat(5000)}\ud800`]) {
        const error = await failure('WALPOOL_ENCODING', () => db.query('SELECT ?', [text]));
        assert.match(error.message, /parameter 1.*lone surrogate/);
        await failure('WALPOOL_ENCODING', () => db.query('SELECT :a', { a: text }));
        await failure('WALPOOL_ENCODING', () => db.query(`SELECT '${text}'`));
        await failure('WALPOOL_ENCODING', () => db.query('SELECT 1', [], { why: text }));
    }
    await failure('WALPOOL_ENCODING', () => db.query("SELECT CAST(x'ff' AS TEXT)"));
});

both('types: blobs from any view, and an empty one is not NULL', async (db) => {
    const bytes = new Uint8Array([0, 1, 254, 255, 7, 8, 9, 10]);
    const views = [bytes, Buffer.from(bytes), bytes.buffer, new DataView(bytes.buffer),
        new Uint16Array(bytes.buffer), new Float64Array(bytes.buffer)];
    for (const view of views) {
        const { v, t } = await roundTrip(db, view);
        assert(Buffer.isBuffer(v));
        assert.deepEqual([...v], [...bytes]);
        assert.equal(t, 'blob');
    }
    assert.deepEqual([...(await roundTrip(db, bytes.subarray(2, 4))).v], [254, 255]);
    assert.deepEqual(await roundTrip(db, new Uint8Array(0)), { v: Buffer.alloc(0), t: 'blob' });
    const shared = new SharedArrayBuffer(2);
    assert.deepEqual((await roundTrip(db, shared)).v, Buffer.alloc(2));
});

both('types: a blob in a result belongs to the caller', async (db) => {
    const first = await db.queryOne("SELECT x'0102' AS v");
    await db.queryOne("SELECT x'ffff' AS v");
    first.v[0] = 9;
    assert.deepEqual([...first.v], [9, 2]);
    assert.deepEqual((await db.queryOne("SELECT x'0102' AS v")).v, Buffer.from([1, 2]));
});

both('types: large texts and blobs', async (db) => {
    const blob = Buffer.alloc(3_000_001, 'walpool');
    const text = 'grüße💩'.repeat(400_000);
    const row = await db.queryOne('SELECT ? AS a, ? AS b, 7 AS c', [blob, text]);
    assert(row.a.equals(blob));
    assert.equal(row.b, text);
    assert.equal(row.c, 7);
    const rows = await db.query('SELECT ? AS a UNION ALL SELECT ? UNION ALL SELECT 3', [blob, text]);
    assert(rows[0].a.equals(blob));
    assert.deepEqual(rows.slice(1), [{ a: text }, { a: 3 }]);
});

both('types: other values are refused by name and type', async (db) => {
    const cases = [
        [undefined, /parameter 1 is undefined.*null/],
        [new Date(0), /parameter 1 is an object of class Date.*toISOString/],
        [{}, /parameter 1 is an object,/],
        [[1], /parameter 1 is an array/],
        [() => 1, /parameter 1 is a function/],
        [Symbol('x'), /parameter 1 is symbol/],
        [new Map(), /an object of class Map/],
    ];
    for (const [value, words] of cases) {
        const error = await failure('WALPOOL_PARAM', () => db.query('SELECT ?', [value]));
        assert.match(error.message, words);
    }
    const named = await failure('WALPOOL_PARAM', () => db.query('SELECT :when', { when: new Date(0) }));
    assert.match(named.message, /parameter "when" is an object of class Date/);
    await db.execute('CREATE TABLE t(a, b)');
    const many = await failure('WALPOOL_PARAM',
        () => db.executeMany('INSERT INTO t VALUES (?, ?)', [[1, 2], [3, undefined]]));
    assert.match(many.message, /parameter 2 of row 2 is undefined/);
    assert.deepEqual(await db.query('SELECT * FROM t'), []);
});

both('types: lastRowid is exact beyond 2^53', async (db) => {
    await db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY)');
    const insert = 'INSERT INTO t VALUES (?)';
    assert.equal((await db.execute(insert, [5])).lastRowid, 5);
    assert.equal((await db.execute(insert, [6], { bigint: true })).lastRowid, 6n);
    assert.equal((await db.execute(insert, [2n ** 62n])).lastRowid, 2n ** 62n);
    assert.equal((await db.execute(insert, [-(2n ** 62n)])).lastRowid, -(2n ** 62n));
});

test('types: values in a message of an error stay out of it', async (t) => {
    const db = await openFor(t);
    const error = await failure('WALPOOL_PARAM', db.query('SELECT ?', [{ secret: 'sesame' }]));
    assert.doesNotMatch(error.message, /sesame/);
});
