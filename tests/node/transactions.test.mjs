// Blocks and leases of the promise interface: commit, roll back, nest, refuse.
import assert from 'node:assert/strict';
import { AsyncResource } from 'node:async_hooks';
import { test } from 'node:test';

import { both, failure, numbers, openFor, walpool } from './helpers.mjs';

const values = async (on) => (await on.query('SELECT v FROM t ORDER BY rowid', [], { rows: 'array' })).flat();
const insert = (on, ...list) => on.executeMany('INSERT INTO t VALUES (?)', list.map((v) => [v]));

async function openTable(t, options) {
    const db = await openFor(t, options);
    await db.execute('CREATE TABLE t(v UNIQUE)');
    return db;
}

/** Nothing is out, and nothing was given back dirty. */
async function assertIdle(db) {
    const health = await db.health();
    assert.deepEqual([health.writer_leased, health.readers_leased, health.dirty_leases], [0, 0, 0]);
}

test('write: commits what the callback did and gives its result', async (t) => {
    const db = await openTable(t);
    const result = await db.write(async (w) => {
        await w.execute("INSERT INTO t VALUES ('a')");
        await insert(w, 'b', 'c');
        await w.script("INSERT INTO t VALUES ('d')");
        assert.deepEqual(await values(db), []);
        for await (const { v } of w.iterate('SELECT v FROM t')) assert.equal(v.length, 1);
        return w.queryOne('SELECT count(*) AS n FROM t');
    }, { why: 'import' });
    assert.deepEqual(result, { n: 4 });
    assert.deepEqual(await values(db), ['a', 'b', 'c', 'd']);
    await assertIdle(db);
});

test('write: an error of the callback undoes everything and is passed on', async (t) => {
    const db = await openTable(t);
    const boom = new Error('boom');
    await assert.rejects(db.write(async (w) => {
        await insert(w, 1);
        throw boom;
    }), boom);
    await assert.rejects(db.write(() => { throw boom; }), boom);
    assert.deepEqual(await values(db), []);
    await assertIdle(db);
});

test('write: a commit that fails undoes everything', async (t) => {
    const db = await openTable(t);
    await db.script('CREATE TABLE p(id INTEGER PRIMARY KEY); ' +
        'CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)');
    const error = await failure('WALPOOL_CONSTRAINT', db.write(async (w) => {
        await insert(w, 1);
        await w.execute('INSERT INTO c VALUES (9)');
    }));
    assert.equal(error.sqliteName, 'SQLITE_CONSTRAINT_FOREIGNKEY');
    assert.deepEqual(await values(db), []);
    await assertIdle(db);
});

test('write: an error that the callback caught leaves the rest', async (t) => {
    const db = await openTable(t);
    await db.write(async (w) => {
        await insert(w, 1);
        await failure('WALPOOL_CONSTRAINT', insert(w, 2, 1));
        await insert(w, 3);
    });
    assert.deepEqual(await values(db), [1, 3]);
});

test('write: calls that were not awaited are still part of it', async (t) => {
    const db = await openTable(t);
    await db.write((w) => { for (let i = 0; i < 20; i++) insert(w, i); });
    assert.equal((await values(db)).length, 20);
});

test('write: an open iterator does not keep it from committing', async (t) => {
    const db = await openTable(t);
    let rows;
    await db.write(async (w) => {
        rows = w.iterate(numbers(1e6));
        await rows.next();
        await insert(w, 1);
    });
    assert.deepEqual(await values(db), [1]);
    assert.equal((await rows.next()).done, true);
});

test('write: a second one from inside is a deadlock at once', async (t) => {
    const db = await openTable(t);
    const again = await walpool.open(db.path);
    const sync = walpool.openSync(db.path);
    await db.write(async (w) => {
        for (const other of [db, again, sync]) {
            for (const attempt of [() => other.execute('DELETE FROM t'), () => other.write(() => 1),
                () => other.batch(['DELETE FROM t']), () => other.acquire('write')]) {
                const error = await failure('WALPOOL_DEADLOCK', attempt);
                assert.match(error.message, /writer/);
            }
            assert.equal((await other.query('SELECT 1')).length, 1);
        }
        await insert(w, 1);
    });
    await insert(db, 2);
    sync.execute('INSERT INTO t VALUES (3)');
    assert.deepEqual(await values(db), [1, 2, 3]);
    sync.close();
    await again.close();
});

test('write: others wait for it, in their order', async (t) => {
    const db = await openTable(t);
    const order = [];
    await Promise.all([1, 2, 3].map((v) => db.write(async (w) => {
        await insert(w, v);
        order.push(v);
    })));
    assert.deepEqual(order, [1, 2, 3]);
    assert.deepEqual(await values(db), [1, 2, 3]);
});

test('write: the object of a block that has ended is closed', async (t) => {
    const db = await openTable(t);
    let kept;
    await db.write((w) => { kept = w; });
    await failure('WALPOOL_CLOSED', kept.execute('DELETE FROM t'));
    await failure('WALPOOL_CLOSED', kept.commit());
    await kept.release();
});

test('write: a block may end its transaction itself', async (t) => {
    const db = await openTable(t);
    await db.write(async (w) => {
        await insert(w, 1);
        await w.commit();
        await w.begin();
        await insert(w, 2);
        await w.rollback();
    });
    assert.deepEqual(await values(db), [1]);
    await assertIdle(db);
});

test('savepoint: is kept or undone by itself, at any depth', async (t) => {
    const db = await openTable(t);
    await db.write(async (w) => {
        await insert(w, 'a');
        await assert.rejects(w.savepoint(async (s) => {
            await insert(s, 'b');
            await w.savepoint(async () => insert(w, 'c'));
            throw new Error('undo');
        }), /undo/);
        assert.equal(await w.savepoint(async (s) => {
            await insert(s, 'd');
            await assert.rejects(s.savepoint(async () => {
                await insert(w, 'e');
                throw new Error('undo');
            }), /undo/);
            return 'kept';
        }), 'kept');
    });
    assert.deepEqual(await values(db), ['a', 'd']);
});

test('savepoint: a call from outside of it is refused while it is open', async (t) => {
    const db = await openTable(t);
    await db.write(async (w) => {
        const open = w.savepoint(async (s) => {
            await insert(s, 1);
            await insert(s, 2);
        });
        await failure('WALPOOL_BUSY', w.query('SELECT 1'));
        await failure('WALPOOL_BUSY', w.savepoint(async () => {}));
        await open;
        await insert(w, 3);
    });
    assert.deepEqual(await values(db), [1, 2, 3]);
});

test('savepoint: one that was not awaited undoes its block', async (t) => {
    const db = await openTable(t);
    let inner;
    await failure('WALPOOL_BUSY', db.write(async (w) => {
        inner = w.savepoint(async (s) => {
            await insert(s, 1);
            await insert(s, 2);
        });
        inner.catch(() => {});
        await new Promise(setImmediate);
    }));
    await assert.rejects(inner);
    assert.deepEqual(await values(db), []);
    await insert(db, 'after');
    await assertIdle(db);
});

test('read: all calls of a block see one snapshot', async (t) => {
    const db = await openTable(t);
    await insert(db, 1);
    const seen = await db.read(async (r) => {
        const before = await values(r);
        await insert(db, 2);
        assert.deepEqual(await values(r), before);
        await failure('WALPOOL_READONLY', r.execute('DELETE FROM t'));
        await r.fresh();
        return values(r);
    });
    assert.deepEqual(seen, [1, 2]);
    await assertIdle(db);
});

both('fresh: a read lease goes on to the newest snapshot, and no further', async (db) => {
    await db.script('CREATE TABLE t(a)');
    const r = await db.acquire('read');
    for (const a of [1, 2, 3]) {
        await db.execute('INSERT INTO t VALUES (?)', [a]);
        assert.equal((await r.queryOne('SELECT count(*) AS n FROM t')).n, a - 1);
        await r.fresh({ timeout: 0 });
        assert.equal((await r.queryOne('SELECT count(*) AS n FROM t')).n, a);
    }
    await r.release();
    await failure('WALPOOL_CLOSED', () => r.fresh());
});

both('fresh: an open iterator keeps its snapshot, and so does the lease', async (db) => {
    await db.script('CREATE TABLE t(a)');
    const r = await db.acquire('read');
    const rows = r.iterate(numbers(50000));
    await rows.next();
    await db.execute('INSERT INTO t VALUES (1)');
    await failure('WALPOOL_BUSY', () => r.fresh());
    assert.deepEqual(await r.query('SELECT a FROM t'), []);
    assert.equal((await rows.next()).value.i, 2);
    await rows.return();
    await r.fresh();
    assert.deepEqual(await r.query('SELECT a FROM t'), [{ a: 1 }]);
    await r.release();
});

both('fresh: is of read leases, begin() of write leases', async (db) => {
    const [r, w] = [await db.acquire('read'), await db.acquire('write')];
    assert.match((await failure('WALPOOL_MISUSE', () => r.begin())).message, /fresh\(\)/);
    assert.match((await failure('WALPOOL_MISUSE', () => w.fresh())).message, /begin\(\)/);
    await r.release();
    await w.release();
});

test('fresh: asked for many times at once it takes its turns', async (t) => {
    const db = await openTable(t);
    await db.read(async (r) => {
        await insert(db, 1);
        const answers = await Promise.all([values(r), r.fresh(), values(r), r.fresh(), values(r)]);
        assert.deepEqual([answers[0], answers[2], answers[4]], [[], [1], [1]]);
    });
    await assertIdle(db);
});

test('fresh: cancelled before it began, the lease stays where it was', async (t) => {
    const db = await openTable(t);
    await db.read(async (r) => {
        await insert(db, 1);
        await failure('WALPOOL_CANCELLED', r.fresh({ signal: AbortSignal.abort() }));
        assert.deepEqual(await values(r), []);
    });
});

test('read: an error of the callback gives the reader back', async (t) => {
    const db = await openTable(t, { readers: 1 });
    await assert.rejects(db.read(() => { throw new Error('boom'); }), /boom/);
    assert.deepEqual(await db.query('SELECT 1 AS a', [], { timeout: 0 }), [{ a: 1 }]);
});

test('acquire: a lease that is worked by hand', async (t) => {
    const db = await openTable(t);
    const w = await db.acquire('write', { why: 'by hand' });
    await insert(w, 1);
    await w.savepoint();
    await insert(w, 2);
    await w.rollback();
    await w.commit();
    await failure('WALPOOL_MISUSE', w.commit());
    await w.release();
    await w.release();
    assert.deepEqual(await values(db), [1]);
    if (Symbol.asyncDispose) await (await db.acquire('read'))[Symbol.asyncDispose]();
    await assertIdle(db);
});

test('acquire: calls on one lease are carried out in their order', async (t) => {
    const db = await openTable(t);
    await db.write(async (w) => {
        const large = `SELECT zeroblob(300000) AS z FROM (${numbers(3)})`;
        const results = await Promise.all([insert(w, 1), values(w), w.query(large), insert(w, 2), values(w)]);
        assert.deepEqual([results[1], results[2].length, results[4]], [[1], 3, [1, 2]]);
    });
});

test('context: follows timers inside the block, and ends with it', async (t) => {
    const db = await openTable(t);
    let later;
    await db.write(async (w) => {
        later = AsyncResource.bind(() => insert(db, 'after'));
        await failure('WALPOOL_DEADLOCK', new Promise((resolve, reject) => {
            setTimeout(() => insert(db, 'timer').then(resolve, reject), 0);
        }));
        await insert(w, 'in');
    });
    await later();
    assert.deepEqual(await values(db), ['in', 'after']);
});
