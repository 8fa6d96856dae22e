// Large results, row by row as a formula has them, one and many at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openFor, walpool } from './helpers.mjs';

const ROWS = 20000;
const SQL = 'SELECT i, a, b FROM big ORDER BY i';
const ARRAYS = { rows: 'array', timeout: 120000 };
const MAKE = `CREATE TABLE big(i INTEGER PRIMARY KEY, a, b);
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT ${ROWS})
    INSERT INTO big SELECT i, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'row ' || i
        WHEN 3 THEN 'grüße, 漢字, 🙂 ' || i WHEN 4 THEN 'a' || char(0) || i
        WHEN 5 THEN i * 4000000000 ELSE i / 8.0 + 0.5 END,
        CASE WHEN i % 4001 = 4000 THEN zeroblob(32000 + i) WHEN i % 3 = 0 THEN CAST(i AS BLOB)
        WHEN i % 3 = 1 THEN x'' END FROM n`;

/** The value that the SQL above has made. */
function textOf(i) {
    switch (i % 7) {
    case 0: return null;
    case 1: return '';
    case 2: return `row ${i}`;
    case 3: return `grüße, 漢字, 🙂 ${i}`;
    case 4: return `a\0${i}`;
    case 5: return i * 4000000000;
    default: return i / 8 + 0.5;
    }
}

function bytesOf(i) {
    if (i % 4001 === 4000) return Buffer.alloc(32000 + i);
    if (i % 3 === 2) return null;
    return Buffer.from(i % 3 === 0 ? String(i) : '');
}

/** @param {unknown[]} row @param {number} i */
function assertRow(row, i) {
    const bytes = bytesOf(i);
    const [number, text, got] = row;
    assert(row.length === 3 && number === i && Object.is(text, textOf(i)), `row ${i} is ${row}`);
    assert(bytes ? Buffer.isBuffer(got) && bytes.equals(got) : got === null, `the blob of row ${i}`);
}

async function assertRows(rows) {
    let i = 0;
    for await (const row of rows) assertRow(row, i++);
    assert.equal(i, ROWS);
}

const ways = {
    query: async (db) => assertRows(await db.query(SQL, [], ARRAYS)),
    iterate: async (db) => assertRows(db.iterate(SQL, [], ARRAYS)),
    prepared: async (db) => {
        const all = await db.prepare(SQL);
        await assertRows(await all.query([], ARRAYS));
        await assertRows(all.iterate([], ARRAYS));
        all.close();
    },
    objects: async (db) => {
        const rows = await db.query(SQL, [], { timeout: 120000 });
        await assertRows(rows.map(({ i, a, b }) => [i, a, b]));
    },
    lease: async (db) => {
        const r = await db.acquire('read', { timeout: 120000 });
        await assertRows(await r.query(SQL, [], ARRAYS));
        await assertRows(r.iterate(SQL, [], ARRAYS));
        await r.release();
    },
};

for (const [kind, open] of Object.entries({ promises: walpool.open, synchronous: walpool.openSync })) {
    for (const callers of [1, 2, 8]) {
        test(`large: ${callers} at once, every row as it was written (${kind})`, async (t) => {
            const db = await openFor(t, { readers: kind === 'promises' ? 4 : 64 }, open);
            await db.script(MAKE);
            await Promise.all(Array.from({ length: callers }, async (_, first) => {
                const all = Object.values(ways);
                for (let n = 0; n < all.length; n++) await all[(first + n) % all.length](db);
            }));
            assert.equal((await db.health()).readers_leased, 0);
        });
    }
}

test('large: every result is one snapshot while a writer commits', async (t) => {
    const db = await openFor(t);
    await db.script(`CREATE TABLE age(i INTEGER PRIMARY KEY, n INTEGER);
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 10000)
        INSERT INTO age SELECT i, 0 FROM n`);
    let reading = true;
    const writer = (async () => {
        let commits = 0;
        for (; reading; commits++) await db.execute('UPDATE age SET n = n + 1', [], { timeout: 120000 });
        return commits;
    })();
    const read = async () => {
        let newest = 0;
        for (let round = 0; round < 5; round++) {
            const least = (await db.queryOne('SELECT n FROM age WHERE i = 0', [], ARRAYS))[0];
            const ages = new Set();
            let i = 0;
            for await (const row of db.iterate("SELECT i, n, 'row ' || i FROM age ORDER BY i", [], ARRAYS)) {
                assert.equal(row[0], i++);
                ages.add(row[1]);
            }
            assert.equal(i, 10000);
            assert.equal(ages.size, 1, 'rows of several commits in one result');
            const [age] = ages;
            assert(age >= least && least >= newest, `${newest}, ${least}, then ${age}`);
            newest = age;
        }
    };
    try {
        await Promise.all(Array.from({ length: 8 }, read));
    } finally {
        reading = false;
    }
    const commits = await writer;
    assert.deepEqual(await db.queryOne('SELECT n FROM age LIMIT 1'), { n: commits });
});
