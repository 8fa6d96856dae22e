// Bad input and errors: each has a class, a code, and says what is wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { both, failure, folderFor, walpool } from './helpers.mjs';

const opens = { promises: walpool.open, synchronous: async (...args) => walpool.openSync(...args) };

function each(name, body) {
    for (const [kind, open] of Object.entries(opens)) {
        test(`${name} (${kind})`, (t) => body(open, folderFor(t)));
    }
}

each('open: names that are none', async (open) => {
    for (const [name, code, words] of [
        [undefined, 'MISUSE', /name of the database.*undefined/],
        [null, 'MISUSE', /null/],
        [5, 'MISUSE', /number/],
        [Buffer.from('x'), 'MISUSE', /class Buffer/],
        ['', 'MISUSE', /./],
        [':memory:', 'MISUSE', /memory/],
        ['a\0b', 'MISUSE', /NUL/],
        ['\ud800', 'ENCODING', /surrogate/],
        ['x'.repeat(100000), /TOOBIG|CANTOPEN/, /./],
        [new URL('http://localhost/x'), /CANTOPEN|OPTION/, /./],
    ]) {
        await assert.rejects(open(name), (error) => {
            assert(error instanceof walpool.WalpoolError, error);
            assert.match(error.code, new RegExp(code.source ?? `^WALPOOL_${code}$`));
            assert.match(error.message, words);
            return true;
        });
    }
});

each('open: files that are no databases are left as they are', async (open, folder) => {
    const text = join(folder, 'text');
    writeFileSync(text, 'this is no database, but a text of some length '.repeat(50));
    mkdirSync(join(folder, 'folder'));
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    writeFileSync(join(folder, 'file'), '');
    for (const [name, code] of [
        ['text', 'WALPOOL_NOTADB'], ['folder', 'WALPOOL_CANTOPEN'], ['fifo', 'WALPOOL_CANTOPEN'],
        ['none/x.db', 'WALPOOL_CANTOPEN'], ['file/x.db', 'WALPOOL_CANTOPEN'],
    ]) {
        const error = await failure(code, open(join(folder, name)));
        assert(error.message.includes(join(folder, name)), error.message);
    }
    const missing = await failure('WALPOOL_CANTOPEN', open(join(folder, 'x.db'), { mode: 'rw' }));
    assert.equal(missing.errnoName, 'ENOENT');
    assert.match(readFileSync(text, 'utf8'), /^this is no database/);
    assert.deepEqual(readdirSync(folder).sort(), ['fifo', 'file', 'folder', 'text']);
});

each('open: a folder that may not be written', async (open, folder) => {
    if (process.getuid() === 0) return; // root may write it
    chmodSync(folder, 0o500);
    await failure('WALPOOL_CANTOPEN', open(join(folder, 'x.db')));
});

each('open: options that are unknown or malformed', async (open, folder) => {
    const file = join(folder, 'x.db');
    for (const [options, code, words] of [
        [{ reeders: 2 }, 'OPTION', /reeders/],
        [{ busyTimeOut: 2 }, 'OPTION', /busy_time_out/],
        [{ readers: 0 }, 'OPTION', /readers.*1.*64/],
        [{ readers: 2.5 }, 'OPTION', /readers/],
        [{ readers: NaN }, 'OPTION', /readers/],
        [{ busyTimeout: 'soon' }, 'OPTION', /busy_timeout.*soon/],
        [{ durability: 'some' }, 'OPTION', /durability.*some/],
        [{ stepAhead: 33 }, 'OPTION', /step_ahead.*32/],
        [{ snapshotKeep: 1001 }, 'OPTION', /snapshot_keep.*1000/],
        [{ walCeilingPolicy: 'panic' }, 'OPTION', /wal_ceiling_policy.*interrupt/],
        [{ checkpointOwner: 'me' }, 'OPTION', /checkpoint_owner.*external/],
        [{ readers: {} }, 'OPTION', /"readers" is an object/],
        [{ mode: null }, 'OPTION', /"mode" is null/],
        [{ 'a&readers': 2 }, 'OPTION', /a&readers/],
        [{ mode: 'rw&readers=1' }, 'OPTION', /mode/],
        [{ mode: '\ud800' }, 'ENCODING', /mode/],
        [5, 'MISUSE', /options are number/],
        [[], 'MISUSE', /options are an array/],
    ]) {
        const error = await failure(`WALPOOL_${code}`, open(file, options));
        assert.match(error.message, words);
    }
    await failure('WALPOOL_OPTION', open(`file:${file}?nonsense=1`));
    assert.deepEqual(readdirSync(folder), []);
});

both('call: SQL that is none', async (db) => {
    for (const [sql, code, words] of [
        [undefined, 'MISUSE', /SQL must be a string, not undefined/],
        [null, 'MISUSE', /null/],
        [{}, 'MISUSE', /an object/],
        ['', /MISUSE|SQL/, /./],
        ['-- nothing', /MISUSE|SQL/, /./],
        ['SELEC 1', 'SQL', /syntax error/],
        ['SELECT 1; SELECT 2', /SQL|MISUSE/, /./],
        ['SELECT * FROM missing', 'SQL', /missing/],
        ['INSERT INTO t VALUES (1)', 'SQL', /./],
        ['BEGIN', 'REFUSED', /./],
        ["ATTACH 'x' AS y", 'REFUSED', /./],
    ]) {
        for (const call of ['query', 'queryOne', 'queryRaw', 'execute']) {
            await assert.rejects(async () => db[call](sql), (error) => {
                assert.match(error.code, new RegExp(code.source ?? `^WALPOOL_${code}$`), `${call} ${sql}`);
                assert.match(error.message, words);
                return true;
            });
        }
    }
    await failure('WALPOOL_MISUSE', () => db.script(5));
    await failure('WALPOOL_MISUSE', async () => db.iterate(undefined));
});

both('call: parameters that do not fit', async (db) => {
    await db.execute('CREATE TABLE t(a, b)');
    for (const [sql, params, words] of [
        ['SELECT ?, ?', [1], /2.*1/],
        ['SELECT ?', [1, 2], /1.*2/],
        ['SELECT ?', undefined, /1/],
        ['SELECT :a, :b', { a: 1 }, /:b/],
        ['SELECT ?', 5, /array.*object.*number/],
        ['SELECT ?', 'text', /string/],
        ['SELECT ?', new Uint8Array(1), /Uint8Array/],
        ['SELECT ?', new Map([['a', 1]]), /Map/],
        ['SELECT ?', new Date(), /Date/],
        ['SELECT ?', () => 1, /function/],
        ['SELECT ?', new Array(40000).fill(0), /40000.*32766/],
    ]) {
        const error = await failure('WALPOOL_PARAM', () => db.query(sql, params));
        assert.match(error.message, words);
    }
    const insert = 'INSERT INTO t VALUES (?, ?)';
    for (const [rows, words] of [
        [undefined, /iterable.*undefined/], [5, /number/], ['ab', /string/], [{ a: 1 }, /an object/],
        [new Uint8Array(2), /Uint8Array/], [[5], /number/], [[[1, 2], [3]], /row 2.*1.*2/],
        [[[1, 2], { a: 1 }], /row 2.*an object.*array/], [[{ a: 1, b: 2 }, [1, 2]], /row 2.*an array.*object/],
        [[{ a: 1, b: 2 }, { a: 1 }], /row 2.*"b"/], [[[1, 2], null], /row 2.*null/],
    ]) {
        const error = await failure('WALPOOL_PARAM', () => db.executeMany(insert, rows));
        assert.match(error.message, words);
    }
    assert.deepEqual(await db.query('SELECT * FROM t'), []);
});

both('call: options that are unknown or malformed', async (db) => {
    for (const [options, code, words] of [
        [{ timeot: 5 }, 'OPTION', /"timeot".*timeout, why/],
        [{ timeout: '5' }, 'MISUSE', /timeout is string/],
        [{ timeout: NaN }, 'MISUSE', /timeout is NaN/],
        [{ timeout: -5 }, 'MISUSE', /timeout is -5/],
        [{ timeout: 1e12 }, 'MISUSE', /timeout/],
        [{ why: 5 }, 'MISUSE', /why is number/],
        [{ rows: 'map' }, 'MISUSE', /rows is "map"/],
        [{ bigint: 1 }, 'MISUSE', /bigint is number/],
        [{ signal: {} }, 'MISUSE', /signal is an object/],
        [5, 'MISUSE', /options are number/],
    ]) {
        const error = await failure(`WALPOOL_${code}`, () => db.query('SELECT 1', [], options));
        assert.match(error.message, words);
    }
    await db.query('SELECT 1', [], { timeout: Infinity, why: undefined, signal: undefined });
    await failure('WALPOOL_MISUSE', () => db.close({ timeout: 'soon' }));
});

both('call: blocks, batches and checkpoints that are none', async (db) => {
    for (const method of ['read', 'write']) {
        const error = await failure('WALPOOL_MISUSE', () => db[method](5));
        assert.match(error.message, new RegExp(`${method}\\(\\) takes a function, not number`));
    }
    for (const [list, code, words] of [
        [undefined, 'MISUSE', /undefined/], [[], 'MISUSE', /empty/], ['SELECT 1', 'MISUSE', /string/],
        [[5], 'MISUSE', /statement 1.*number/], [['SELECT 1', null], 'MISUSE', /statement 2.*null/],
        [[{ sql: 'SELECT 1', parms: [] }], 'OPTION', /"parms" in statement 1/], [[[]], 'MISUSE', /statement 1/],
        [[{ sql: 'SELECT ?', many: [] }], 'PARAM', /many is empty/], [[{}], 'MISUSE', /undefined/],
    ]) {
        const error = await failure(`WALPOOL_${code}`, () => db.batch(list));
        assert.match(error.message, words);
    }
    const error = await failure('WALPOOL_MISUSE', () => db.checkpoint('quick'));
    assert.match(error.message, /"quick".*passive, full, restart, truncate/);
    await failure('WALPOOL_MISUSE', () => db.acquire('both'));
    assert.equal((await db.health()).writer_leased, 0);
});

both('error: carries what the library knows', async (db) => {
    await db.execute('CREATE TABLE user(email UNIQUE)');
    const error = await failure('WALPOOL_CONSTRAINT',
        () => db.execute("INSERT INTO user VALUES ('a'), ('a')"));
    assert(error instanceof walpool.ConstraintError && error instanceof Error);
    const { name, status, sqliteCode, sqliteName, errno, errnoName, statement, phase, outcome } = error;
    assert.deepEqual({ name, status, sqliteCode, sqliteName, errno, errnoName, statement, phase, outcome }, {
        name: 'ConstraintError', status: 12, sqliteCode: 2067, sqliteName: 'SQLITE_CONSTRAINT_UNIQUE',
        errno: 0, errnoName: '', statement: -1, phase: 'none', outcome: 'not_applied' });
    assert.match(error.message, /user\.email/);
    assert.match(error.stack, /^ConstraintError: .*\n[^]*errors\.test\.mjs/);
    const syntax = await failure('WALPOOL_SQL', () => db.query('SELECT ) FROM x'));
    assert.equal(syntax.sqlOffset, 7);
});

test('error: every status has a class of its own', () => {
    const classes = Object.values(walpool).filter((type) => type.prototype instanceof walpool.WalpoolError);
    const header = readFileSync(new URL('../../include/walpool.h', import.meta.url), 'utf8');
    const failures = header.match(/^    X\([A-Z]+, \d+, /gm).length - 1; // OK is none
    assert.equal(classes.length, failures);
    assert.equal(new Set(classes.map((type) => type.name)).size, failures);
    for (const type of classes) assert.equal(walpool[type.name], type);
});

test('error: objects are not made by hand', () => {
    assert.throws(() => new walpool.Database(), walpool.MisuseError);
});
