// Backups and restores, by both interfaces.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { both, failure, openFor, until, walpool } from './helpers.mjs';

const ROWS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300) ' +
    'INSERT INTO t(v) SELECT zeroblob(3000) FROM n';

async function fill(db) {
    await db.script(`CREATE TABLE t(id INTEGER PRIMARY KEY, v); ${ROWS}`);
    const folder = dirname(db.path);
    return { folder, to: join(folder, 'copy.db'), files: () => readdirSync(folder).sort() };
}

function rowsIn(path) {
    const copy = walpool.openSync(path);
    try {
        assert.deepEqual(copy.query('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
        return copy.query('SELECT count(*) AS n FROM t')[0].n;
    } finally {
        copy.close();
    }
}

both('backup: is of one snapshot, in one file', async (db) => {
    const { to, files } = await fill(db);
    const before = files();
    const seen = [];
    const done = await db.backup(to, {
        pages: 20, pause: 1, check: 'full', why: 'nightly',
        progress: (at) => { seen.push(at); },
    });
    await db.execute('DELETE FROM t');
    assert.deepEqual(files(), [...before, 'copy.db'].sort());
    assert.equal(done.phase, 'done');
    assert.equal(done.copied, done.pages);
    assert.equal(done.pageSize, 4096);
    assert.deepEqual(seen.slice(-3).map((at) => at.phase), ['check', 'place', 'done']);
    assert.equal(seen[0].copied, 20);
    assert.equal(rowsIn(to), 300);
    await db.restore(to, { durability: 'full' });
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 300 }]);
});

test('backup: writes go on, and the event loop runs', async (t) => {
    const db = await openFor(t);
    const { to } = await fill(db);
    let turns = 0, running = true;
    const backup = db.backup(to, {
        pages: 5, pause: 0,
        progress: () => db.execute('UPDATE t SET v = 1 WHERE id = 7'),
    }).finally(() => { running = false; });
    while (running) {
        await turn();
        turns++;
    }
    await backup;
    assert(turns > 20, `${turns} turns`);
    assert.equal(rowsIn(to), 300);
});

both('backup: an error of the callback ends it', async (db) => {
    const { to, files } = await fill(db);
    const before = files();
    const reason = new Error('enough');
    for (const pages of [5, 1000000]) {
        await assert.rejects(async () => db.backup(to, { pages, progress() { throw reason; } }), reason);
        assert.deepEqual(files(), before);
    }
    assert.deepEqual(await db.leases(), []);
    assert.equal((await db.health()).private_open, 0);
});

test('backup: a promise of the callback is awaited, or refused', async (t) => {
    const db = await openFor(t);
    const { to, files } = await fill(db);
    const before = files();
    await assert.rejects(db.backup(to, { async progress() { throw new TypeError('later'); } }), TypeError);
    const same = walpool.openSync(db.path);
    await failure('WALPOOL_MISUSE', () => same.backup(to, { async progress() {} }));
    same.close();
    assert.deepEqual(files(), before);
});

test('backup: a signal ends it, at every moment', async (t) => {
    const db = await openFor(t);
    const { to, files } = await fill(db);
    const before = files();
    const reason = new Error('changed my mind');
    const error = await failure('WALPOOL_CANCELLED', db.backup(to, { signal: AbortSignal.abort(reason) }));
    assert.equal(error.cause, reason);
    const controller = new AbortController();
    const backup = failure('WALPOOL_CANCELLED',
        db.backup(to, { pages: 1, pause: 3600000, signal: controller.signal, why: 'nightly' }));
    await until(async () => (await db.leases()).some((lease) => lease.why === 'nightly'));
    controller.abort();
    await backup;
    await failure('WALPOOL_TIMEOUT', db.backup(to, { pages: 1, pause: 5, timeout: 20 }));
    assert.deepEqual(files(), before);
});

both('backup: refuses what it would break', async (db) => {
    const { folder, to } = await fill(db);
    writeFileSync(to, 'mine');
    const error = await failure('WALPOOL_CANTOPEN', async () => db.backup(to));
    assert.match(error.message, /a file is there/);
    assert.equal(error.errnoName, 'EEXIST');
    await db.backup(to, { replace: true, check: 'none' });
    assert.equal(rowsIn(to), 300);
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
        await failure('WALPOOL_MISUSE', async () => db.backup(db.path + suffix, { replace: true }));
    }
    await failure('WALPOOL_MISUSE', async () => db.restore(db.path));
    await failure('WALPOOL_CANTOPEN', async () => db.backup(join(folder, 'none', 'copy.db')));
    await failure('WALPOOL_CANTOPEN', async () => db.restore(join(folder, 'none.db')));
    writeFileSync(join(folder, 'junk'), Buffer.alloc(8192, 'x'));
    await failure('WALPOOL_NOTADB', async () => db.restore(join(folder, 'junk')));
});

both('backup: refuses odd arguments', async (db) => {
    const { to, files } = await fill(db);
    const before = files();
    for (const path of [undefined, null, 7, {}, '', 'a\0b', Buffer.alloc(0)]) {
        await failure('WALPOOL_MISUSE', async () => db.backup(path));
        await failure('WALPOOL_MISUSE', async () => db.restore(path));
    }
    await failure('WALPOOL_ENCODING', async () => db.backup('\ud800'));
    for (const odd of [7, { pages: 0 }, { pages: 1.5 }, { pages: NaN }, { pages: 2 ** 31 }, { pages: '1' },
        { pause: -1 }, { pause: Infinity }, { check: 'deep' }, { replace: 1 }, { progress: 7 },
        { timeout: -2 }, { why: 7 }, { signal: 7 }, { durability: 'full' }]) {
        await failure('WALPOOL_MISUSE', async () => db.backup(to, odd));
    }
    await failure('WALPOOL_OPTION', async () => db.backup(to, { page: 1 }));
    assert.deepEqual(files(), before);
});

both('backup: to a path of any name', async (db) => {
    const { folder } = await fill(db);
    for (const name of ['größe 数据.db', 'file:x?mode=memory', 'a b%20c']) {
        const to = join(folder, name);
        await db.backup(pathToFileURL(to));
        await db.restore(Buffer.from(to));
        renameSync(to, join(folder, 'plain.db'));
        assert.equal(rowsIn(join(folder, 'plain.db')), 300);
    }
});

test('backup: into a folder that may not be written', { skip: process.getuid() === 0 }, async (t) => {
    const db = await openFor(t);
    const { folder } = await fill(db);
    mkdirSync(join(folder, 'closed'), { mode: 0o500 });
    await failure('WALPOOL_CANTOPEN', db.backup(join(folder, 'closed', 'copy.db')));
});

both('backup: of a closed database', async (db, t, open) => {
    const { to } = await fill(db);
    const other = await open(db.path);
    await other.close();
    await failure('WALPOOL_CLOSED', async () => other.backup(to));
    await failure('WALPOOL_CLOSED', async () => other.restore(to));
});

test('restore: not inside of a write', async (t) => {
    const db = await openFor(t);
    const { to } = await fill(db);
    await db.backup(to);
    await db.write(async (writer) => {
        await failure('WALPOOL_DEADLOCK', async () => db.restore(to));
        await writer.execute('DELETE FROM t');
    });
    assert.deepEqual(await db.query('SELECT count(*) AS n FROM t'), [{ n: 0 }]);
    assert(existsSync(to));
});
