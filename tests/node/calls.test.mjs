// Calls: what each of them takes and answers, in both interfaces.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { both, failure, folderFor, numbers, openFor, walpool } from './helpers.mjs';

both('query: rows are objects, or arrays, in the order of the statement', async (db) => {
    const sql = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL";
    assert.deepEqual(await db.query(sql), [{ a: 1, b: 'x' }, { a: 2, b: null }]);
    assert.deepEqual(await db.query(sql, [], { rows: 'array' }), [[1, 'x'], [2, null]]);
    assert.deepEqual(await db.query('SELECT 1 WHERE 0'), []);
});

both('query: parameters by position and by name', async (db) => {
    assert.deepEqual(await db.query('SELECT ? AS a, ? AS b', [1, 2]), [{ a: 1, b: 2 }]);
    assert.deepEqual(await db.query('SELECT ?2 AS a, ?1 AS b', [1, 2]), [{ a: 2, b: 1 }]);
    for (const params of [{ x: 1, y: 2, more: 3 }, { ':x': 1, ':y': 2 }, { x: 1, ':y': 2 },
        Object.assign(Object.create(null), { x: 1, y: 2 })]) {
        assert.deepEqual(await db.query('SELECT :x AS a, :y AS b', params), [{ a: 1, b: 2 }]);
    }
    assert.deepEqual(await db.query('SELECT @x AS a, $y AS b', { x: 1, y: 2 }), [{ a: 1, b: 2 }]);
    for (const none of [undefined, null, [], {}]) {
        assert.deepEqual(await db.query('SELECT 1 AS a', none), [{ a: 1 }]);
    }
});

both('query: names of columns may be anything', async (db) => {
    const [row] = await db.query('SELECT 1 AS "__proto__", 2 AS "a""b", 3 AS "", 4 AS "ключ", ' +
        '5 AS "1", 6 AS "a\n", 7 AS "constructor"');
    assert.deepEqual(Object.entries(row).sort(), [['__proto__', 1], ['a"b', 2], ['', 3],
        ['ключ', 4], ['1', 5], ['a\n', 6], ['constructor', 7]].sort());
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
    assert.deepEqual(await db.query('SELECT 1 AS a, 2 AS a'), [{ a: 2 }]);
    assert.deepEqual(await db.queryRaw('SELECT 1 AS a, 2 AS a'), { columns: ['a', 'a'], rows: [[1, 2]] });
});

both('query: hundreds of columns', async (db) => {
    const names = Array.from({ length: 700 }, (_, i) => `column_${i}`);
    const sql = `SELECT ${names.map((name, i) => `${i} AS ${name}`).join(', ')}, 1 AS "__proto__"`;
    const [row] = await db.query(sql);
    assert.equal(Object.keys(row).length, 701);
    assert.equal(row.column_699, 699);
    assert.equal(Object.getOwnPropertyDescriptor(row, '__proto__').value, 1);
    const [array] = await db.query(sql, [], { rows: 'array', bigint: true });
    assert.equal(array[699], 699n);
});

both('query: columns that change under a statement are noticed', async (db) => {
    await db.script('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    assert.deepEqual(await db.query('SELECT * FROM t'), [{ a: 1 }]);
    await db.script('ALTER TABLE t ADD COLUMN b DEFAULT 2');
    assert.deepEqual(await db.query('SELECT * FROM t'), [{ a: 1, b: 2 }]);
    await db.script('ALTER TABLE t RENAME COLUMN a TO c');
    assert.deepEqual(await db.query('SELECT * FROM t'), [{ c: 1, b: 2 }]);
});

both('query: a result of many blocks comes whole', async (db) => {
    const rows = await db.query(numbers(70000));
    assert.equal(rows.length, 70000);
    rows.forEach((row, i) => assert.equal(row.name, `row ${i + 1}`));
    assert.equal((await db.health()).readers_leased, 0);
});

both('queryOne: the first row, or null', async (db) => {
    assert.deepEqual(await db.queryOne('SELECT 1 AS a UNION ALL SELECT 2'), { a: 1 });
    assert.deepEqual(await db.queryOne('SELECT 1 AS a', [], { rows: 'array' }), [1]);
    assert.equal(await db.queryOne('SELECT 1 WHERE 0'), null);
    const row = await db.queryOne('SELECT zeroblob(500000) AS a UNION ALL SELECT 2');
    assert.equal(row.a.length, 500000);
    assert.equal((await db.health()).readers_leased, 0);
});

both('queryRaw: columns are told also of no row', async (db) => {
    assert.deepEqual(await db.queryRaw('SELECT 1 AS a, 2 AS b WHERE 0'), { columns: ['a', 'b'], rows: [] });
    assert.deepEqual(await db.queryRaw('SELECT ? AS a', [1], { bigint: true }), { columns: ['a'], rows: [[1n]] });
});

both('execute: changes, rowid and what RETURNING gives', async (db) => {
    assert.deepEqual(await db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, v)'),
        { changes: 0, lastRowid: 0, rows: [], columns: [] });
    assert.deepEqual(await db.execute('INSERT INTO t(v) VALUES (?), (?)', ['a', 'b']),
        { changes: 2, lastRowid: 2, rows: [], columns: [] });
    assert.deepEqual(await db.execute('UPDATE t SET v = v || :s RETURNING id, v', { s: '!' }),
        { changes: 2, lastRowid: 2, rows: [{ id: 1, v: 'a!' }, { id: 2, v: 'b!' }], columns: ['id', 'v'] });
    const { rows } = await db.execute('DELETE FROM t WHERE id = 1 RETURNING v', [], { rows: 'array' });
    assert.deepEqual(rows, [['a!']]);
});

both('execute: RETURNING more than the first buffer holds', async (db) => {
    await db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, v)');
    const { changes, rows } = await db.execute(
        `INSERT INTO t SELECT i, hex(zeroblob(50)) FROM (${numbers(20000)}) RETURNING id, v`);
    assert.equal(changes, 20000);
    assert.equal(rows.length, 20000);
    assert.deepEqual(rows.at(-1), { id: 20000, v: '00'.repeat(50) });
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 20000 }]);
});

both('executeMany: arrays, objects and generators', async (db) => {
    await db.execute('CREATE TABLE t(a, b)');
    const insert = 'INSERT INTO t VALUES (?, ?)';
    assert.deepEqual(await db.executeMany(insert, [[1, 'x'], [2, 'y']]),
        { changes: 2, lastRowid: 2, rows: [], columns: [] });
    const named = [{ a: 3, b: 'z', more: 0 }, { b: 'w', more: 0, a: 4, most: 0 }];
    assert.equal((await db.executeMany('INSERT INTO t VALUES (:a, :b)', named)).changes, 2);
    const { rows } = await db.executeMany(`${insert} RETURNING a`, new Set([[5, null], [6, null]]));
    assert.deepEqual(rows, [{ a: 5 }, { a: 6 }]);
    assert.deepEqual(await db.executeMany(insert, []),
        { changes: 0, lastRowid: 0, rows: [], columns: [] });
    assert.deepEqual(await db.query('SELECT a, b FROM t ORDER BY a', [], { rows: 'array' }),
        [[1, 'x'], [2, 'y'], [3, 'z'], [4, 'w'], [5, null], [6, null]]);
});

both('executeMany: a long input goes in pieces and is one transaction', async (db) => {
    await db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, v)');
    function* rows(count, bad) {
        for (let i = 1; i <= count; i++) yield [i === bad ? 1 : i, `row ${i}`];
    }
    const insert = 'INSERT INTO t VALUES (?, ?)';
    await failure('WALPOOL_CONSTRAINT', () => db.executeMany(insert, rows(35000, 34000)));
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 0 }]);
    const { changes, lastRowid } = await db.executeMany(insert, rows(35000));
    assert.deepEqual([changes, lastRowid], [35000, 35000]);
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 35000 }]);
});

both('executeMany: an input that throws undoes everything and is closed', async (db) => {
    await db.execute('CREATE TABLE t(v)');
    let closed = false;
    function* rows() {
        try {
            for (let i = 0; i < 30000; i++) {
                if (i === 25000) throw new Error('no more');
                yield [i];
            }
        } finally {
            closed = true;
        }
    }
    await assert.rejects(async () => db.executeMany('INSERT INTO t VALUES (?)', rows()), /no more/);
    assert(closed);
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 0 }]);
    assert.equal((await db.health()).writer_leased, 0);
});

both('script: many statements, or none of them', async (db) => {
    assert.equal(await db.script('CREATE TABLE t(v); INSERT INTO t VALUES (1);'), undefined);
    await failure('WALPOOL_CONSTRAINT', () => db.script(
        'INSERT INTO t VALUES (2); CREATE TABLE u(v UNIQUE); INSERT INTO u VALUES (1), (1)'));
    assert.deepEqual(await db.query('SELECT v FROM t'), [{ v: 1 }]);
});

both('batch: statements of every form, atomically', async (db) => {
    const results = await db.batch([
        'CREATE TABLE t(id INTEGER PRIMARY KEY, v)',
        ['INSERT INTO t(v) VALUES (?) RETURNING id', ['a']],
        { sql: 'INSERT INTO t(v) VALUES (:v)', params: { v: 'b' } },
        { sql: 'INSERT INTO t(v) VALUES (?) RETURNING v', many: [['c'], ['d']] },
        ['DELETE FROM t WHERE 0'],
    ]);
    assert.deepEqual(results.map(({ changes }) => changes), [0, 1, 1, 2, 0]);
    assert.deepEqual(results.map(({ rows }) => rows), [[], [{ id: 1 }], [], [{ v: 'c' }, { v: 'd' }], []]);
    assert.equal(results[3].lastRowid, 4);
    const error = await failure('WALPOOL_CONSTRAINT', () => db.batch([
        "INSERT INTO t(v) VALUES ('e')", ['INSERT INTO t VALUES (1, 1)']]));
    assert.deepEqual([error.statement, error.sqliteName], [1, 'SQLITE_CONSTRAINT_PRIMARYKEY']);
    const refused = await failure('WALPOOL_PARAM', () => db.batch(['SELECT 1', ['SELECT ?', [{}]]]));
    assert.equal(refused.statement, 1);
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 4 }]);
});

both('batch: results larger than the first buffer', async (db) => {
    const big = `SELECT hex(zeroblob(4000)) AS v FROM (${numbers(30)})`;
    await db.script('CREATE TABLE t(v)');
    const results = await db.batch(Array.from({ length: 20 }, () => `INSERT INTO t ${big} RETURNING v`));
    assert.equal(results.length, 20);
    for (const { rows } of results) assert.deepEqual([rows.length, rows[29].v.length], [30, 8000]);
});

both('iterate: rows one by one, and their columns', async (db) => {
    const rows = db.iterate(numbers(50000), [], { rows: 'array' });
    let expected = 0;
    for await (const [i] of rows) assert.equal(i, ++expected);
    assert.equal(expected, 50000);
    assert.deepEqual(rows.columns, ['i', 'name']);
    assert.equal((await rows.next()).done, true);
    assert.equal((await db.health()).readers_leased, 0);
});

both('iterate: leaving a loop early gives the reader back', async (db) => {
    for await (const { i } of db.iterate(numbers(1e6))) if (i === 10) break;
    await assert.rejects(async () => {
        for await (const { i } of db.iterate(numbers(1e6))) if (i === 10) throw new Error('enough');
    }, /enough/);
    const rows = db.iterate(numbers(1e6));
    await rows.next();
    await rows.return();
    await rows.return();
    assert.equal((await rows.next()).done, true);
    await db.iterate(numbers(1e6)).return();
    assert.equal((await db.health()).readers_leased, 0);
});

test('iterate: answers several calls of next() in their order', async (t) => {
    const db = await openFor(t);
    const rows = db.iterate(numbers(3), [], { rows: 'array' });
    const taken = await Promise.all(Array.from({ length: 5 }, () => rows.next()));
    assert.deepEqual(taken.map(({ value }) => value?.[0]), [1, 2, 3, undefined, undefined]);
});

test('iterate: fetches one block ahead and no more', async (t) => {
    const db = await openFor(t, { readers: 1 });
    const rows = db.iterate(`SELECT i, hex(zeroblob(500)) FROM (${numbers(1e9)})`);
    await rows.next();
    await failure('WALPOOL_TIMEOUT', db.query('SELECT 1', [], { timeout: 20 }));
    const { memory } = await import('node:process').then(({ memoryUsage }) => ({ memory: memoryUsage() }));
    assert(memory.arrayBuffers < 64 * 1024 * 1024);
    await rows.return();
    assert.deepEqual(await db.query('SELECT 1 AS a'), [{ a: 1 }]);
});

both('checkpoint: modes, counters and outcome', async (db) => {
    await db.script('CREATE TABLE t(v); INSERT INTO t VALUES (1)');
    for (const mode of [undefined, 'passive', 'full', 'restart', 'truncate']) {
        const { outcome, busy, logFrames, checkpointedFrames } = await db.checkpoint(mode);
        assert.deepEqual([outcome, busy], ['complete', false]);
        assert.equal(logFrames, checkpointedFrames);
    }
    const reader = await db.acquire('read');
    await db.execute('INSERT INTO t VALUES (2)');
    const { outcome, busy } = await db.checkpoint('passive');
    assert.notEqual(outcome, 'complete');
    assert.equal(busy, true);
    await reader.release();
});

both('health: numbers, verdict and path', async (db) => {
    const before = await db.health();
    assert.equal(before.verdict, 'ok');
    assert.equal(before.path, db.path);
    assert.equal(before.readers_limit, 4);
    await db.query('SELECT 1');
    assert.equal((await db.health()).reads, before.reads + 1);
});

both('health: reasons with remedies, and the leases', async (db) => {
    const lease = await db.acquire('write', { why: 'import' });
    assert.deepEqual((await db.health()).leases.map(({ kind, why }) => [kind, why]), [['write', 'import']]);
    await lease.release();
    const { reasons, reason, verdict } = await db.health();
    assert.equal(verdict, 'degraded');
    assert.deepEqual(reasons.map(({ code }) => code), ['dirty_leases']);
    assert.equal(reason, `${reasons[0].text}: ${reasons[0].remedy}`);
});

both('metrics: text for Prometheus', async (db) => {
    await db.execute('CREATE TABLE t(v)');
    const text = await db.metrics();
    assert.match(text, /^# TYPE walpool_writes_total counter$/m);
    assert(text.includes(`walpool_writes_total{database="${db.path}"} 1\n`));
    assert.match(text, /^walpool_commit_seconds_bucket\{database="[^"]*",le="\+Inf"\} 1$/m);
});

both('probe: commits what is there already, and reads it', async (db) => {
    await db.execute('PRAGMA user_version=7');
    const before = await db.health();
    const probe = await db.probe({ timeout: 20000 });
    assert(probe.writerUs >= 0 && probe.writeUs >= 0 && probe.commitUs > 0 && probe.readUs >= 0);
    assert(probe.totalUs >= probe.writerUs + probe.writeUs + probe.commitUs + probe.readUs);
    const after = await db.health();
    assert.deepEqual([after.writes, after.reads], [before.writes + 1, before.reads + 1]);
    assert.deepEqual(await db.query('PRAGMA user_version'), [{ user_version: 7 }]);
});

test('open: takes every option', async (t) => {
    const db = await openFor(t, {
        readers: 2, busyTimeout: Infinity, closeTimeout: 100, cacheSizeKib: 1024, mmapSize: 0,
        journalSizeLimit: -1, checkpointFrames: 500, statementCache: 10, durability: 'full',
        foreignKeys: false, tempStore: 'file', allowAttach: true, coalesce: 2,
        onceKeep: 3600000, leaseWarn: Infinity, leaseTrace: true, snapshotKeep: 20,
        stepAhead: 2, readerGate: 50, walCeilingFrames: 5000,
        walCeilingPolicy: 'backpressure', checkpointOwner: 'walpool', mode: 'rwc', permissions: 0o640, allowNetworkFs: true,
        optimizeInterval: 3600000,
    });
    assert.equal(statSync(db.path).mode & 0o777, 0o640);
    const { readers_limit, wal_ceiling_frames } = await db.health();
    assert.deepEqual([readers_limit, wal_ceiling_frames], [2, 5000]);
    assert.deepEqual(await db.queryRaw('SELECT * FROM pragma_foreign_keys, pragma_cache_size'),
        { columns: ['foreign_keys', 'cache_size'], rows: [[0, -1024]] });
});

test('open: by path, DSN and URL, sharing one database', async (t) => {
    const file = join(folderFor(t), 'a b.db');
    const one = await walpool.open(file, { readers: 2, busy_timeout: 100, permissions: 0o640 });
    const two = await walpool.open(`file:${file.replaceAll(' ', '%20')}?_busy_timeout=7`);
    const three = walpool.openSync(pathToFileURL(file));
    assert(existsSync(file));
    assert.deepEqual([two.path, three.path], [one.path, one.path]);
    await one.execute('CREATE TABLE t(v)');
    assert.deepEqual(three.query('SELECT name FROM sqlite_schema'), [{ name: 't' }]);
    assert.equal((await two.health()).readers_limit, 2);
    await one.close();
    await two.query('SELECT * FROM t');
    await two.close();
    assert.equal(new walpool.DatabaseSync(file).health().readers_limit, 2);
    three.close();
});

test('version: of walpool and of SQLite', () => {
    const { walpool: ours, sqlite, sqliteNumber, sqliteBundled, walResetSafe } = walpool.version();
    assert.match(ours, /^\d+\.\d+\.\d+$/);
    assert.match(sqlite, /^3\.\d+/);
    assert(sqliteNumber >= 3035000);
    assert.deepEqual([typeof sqliteBundled, typeof walResetSafe], ['boolean', 'boolean']);
    const [major, minor, patch] = ours.split('.').map(Number);
    assert.equal(walpool.versionNumber(), major * 10000 + minor * 100 + patch);
});
