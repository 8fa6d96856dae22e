// @ts-check
'use strict';
/* Databases and leases of the synchronous interface. */
const { raw } = require('./native.js');
const { answer, refuse, refuseVerb } = require('./errors.js');
const { BLOCK_BYTES } = require('./slot.js');
const { describe, statementOf } = require('./statement.js');
const { readTimeout, openText, openName } = require('./options.js');
const { putOpen, putRequest } = require('./request.js');
const { makePrepared, textOf } = require('./prepared.js');
const {
    putBatch, batchResults, checkpointMode, checkpointResult, readHealth, readLeases,
    readMetrics, probeResult,
} = require('./results.js');
const { works, carryOutSync, writes } = require('./upkeep.js');
const { refuseSynchronous } = require('./context.js');
const { backUpSync, restoreSync } = require('./backup-sync.js');
const { CallsSync, callOf, withSignals, check, withSlot, withCall, send } = require('./sync-calls.js');

const ANSWER_CHECKPOINT = 512 / 4; // index of the checkpoint in the answer
const answerNumbers = new Int32Array(raw.answer);

/** @typedef {ReturnType<CallsSync['iterate']>} RowsSync */

/** Leases and databases that were dropped open.
 * @type {FinalizationRegistry<number>} */
const droppedLeases = new FinalizationRegistry((handle) => raw.walpool_release(handle));
/** @type {FinalizationRegistry<number>} */
const droppedDatabases = new FinalizationRegistry((handle) => raw.walpool_close(handle, 0));

/** @param {unknown} callback @param {string} method */
function checkCallback(callback, method) {
    if (typeof callback === 'function') return;
    throw refuse('MISUSE', `${method}() takes a function, not ${describe(callback)}`);
}

/** A promise would be left behind: nobody waits for it here.
 * @template T @param {T} result @param {string} method */
function refusePromise(result, method) {
    if (typeof /** @type {any} */ (result)?.then !== 'function') return result;
    Promise.resolve(result).catch(() => {}); // its error is not the one to show
    throw refuse('MISUSE', `the function given to ${method}() returned a promise, which ` +
        'a synchronous block cannot await: use walpool.open() for asynchronous code');
}

/* ------------------------------------------------------------------- leases */

class LeaseSync extends CallsSync {
    #handle;
    #database;
    #writes;
    /** Transactions and savepoints that are open. */
    #depth;
    #released = false;
    /** @type {Set<RowsSync>} */
    #iterators = new Set();

    /** @param {DatabaseSync} database kept, so that it stays open
     *  @param {number} handle @param {boolean} writes */
    constructor(database, handle, writes) {
        super(handle, raw.walpool_run, raw.walpool_run, {
            beforeWrite() {},
            opened: (rows) => { this.#iterators.add(rows); },
            ended: (rows) => { this.#iterators.delete(rows); },
            atomically: (_, work) => this.savepoint(work),
        });
        this.#database = database;
        this.#handle = handle;
        this.#writes = writes;
        this.#depth = writes ? 1 : 0;
        droppedLeases.register(this, handle, this);
    }

    get database() {
        return this.#database;
    }

    #closeIterators() {
        for (const rows of [...this.#iterators]) rows.return();
    }

    /** @param {object} [options] */
    begin(options) {
        if (!this.#writes) throw refuseVerb('begin');
        withCall(callOf(options), (slot) => check(raw.walpool_begin(this.#handle, slot)));
        this.#depth = 1;
    }

    /** @param {object} [options] */
    fresh(options) {
        if (this.#writes) throw refuseVerb('fresh');
        withCall(callOf(options), (slot) => check(raw.walpool_begin(this.#handle, slot)));
    }

    /** @param {(lease: LeaseSync) => any} [callback] */
    savepoint(callback) {
        if (callback !== undefined) checkCallback(callback, 'savepoint');
        check(raw.walpool_savepoint(this.#handle));
        this.#depth++;
        return callback ? LeaseSync.run(this, callback, 'savepoint') : undefined;
    }

    /** @param {object} [options] */
    commit(options) {
        withCall(callOf(options), (slot) => check(raw.walpool_commit(this.#handle, slot)));
        this.#depth--;
    }

    rollback() {
        check(raw.walpool_rollback(this.#handle));
        this.#depth--;
    }

    release() {
        if (this.#released) return;
        check(raw.walpool_release(this.#handle));
        this.#released = true;
        droppedLeases.unregister(this);
    }

    /** Undo all that is open above a depth, as far as SQLite has not yet.
     * @param {number} depth */
    #undo(depth) {
        while (this.#depth > depth) {
            if (raw.walpool_rollback(this.#handle) !== 0) this.#depth = depth;
            else this.#depth--;
        }
    }

    /** Run a callback in the innermost transaction: keep what it did when it
     * returns, undo it when it throws.
     * @template T @param {LeaseSync} lease @param {(lease: LeaseSync) => T} callback
     * @param {string} method @returns {T} */
    static run(lease, callback, method) {
        const depth = lease.#depth;
        try {
            const result = refusePromise(callback(lease), method);
            lease.#closeIterators();
            while (lease.#depth >= depth) lease.commit();
            return result;
        } catch (error) {
            lease.#undo(depth - 1);
            throw error;
        }
    }
}

/* ---------------------------------------------------------------- databases */

class DatabaseSync extends CallsSync {
    #handle;
    #path;
    #closed = false;

    /** @param {string | URL} name @param {object} [options] */
    constructor(name, options) {
        const handle = withSlot(BLOCK_BYTES, (slot) => {
            putOpen(slot, openName(name), openText(options));
            const opened = raw.walpool_open(slot.id);
            if (!opened) throw answer();
            return opened;
        });
        super(handle, raw.walpool_read, raw.walpool_write, {
            beforeWrite: () => refuseSynchronous(this.#path),
            opened() {},
            ended() {},
            atomically: (settings, work) => this.write(work, settings),
        });
        this.#handle = handle;
        this.#path = this.health().path;
        droppedDatabases.register(this, handle, this);
    }

    get path() {
        return this.#path;
    }

    /** @param {string} sql @param {object} [options] */
    prepare(sql, options) {
        const statement = statementOf(textOf(sql));
        const call = callOf(options);
        const handle = withSlot(BLOCK_BYTES, (slot) => {
            putRequest(slot, 0, statement, undefined, call, 0);
            return raw.walpool_prepare(this.#handle, slot.id);
        });
        return makePrepared(this, sql, handle);
    }

    /** @param {unknown} list @param {object} [options] */
    batch(list, options) {
        const call = callOf(options);
        refuseSynchronous(this.#path);
        return withSlot(BLOCK_BYTES, (slot) => {
            const count = putBatch(slot, list, call);
            send(raw.walpool_batch, this.#handle, slot);
            return batchResults(slot, count, call);
        });
    }

    /** @param {'read' | 'write'} kind @param {object} [options] */
    acquire(kind, options) {
        if (kind !== 'read' && kind !== 'write') {
            throw refuse('MISUSE', 'the kind of a lease must be "read" or "write"');
        }
        const writes = kind === 'write';
        if (writes) refuseSynchronous(this.#path);
        const number = writes ? raw.WALPOOL_WRITE : raw.WALPOOL_READ;
        const handle = withCall(callOf(options),
            (slot) => raw.walpool_acquire(this.#handle, number, slot));
        if (!handle) throw answer();
        return new LeaseSync(this, handle, writes);
    }

    /** @template T @param {(lease: LeaseSync) => T} callback @param {object} [options] */
    read(callback, options) {
        checkCallback(callback, 'read');
        const lease = this.acquire('read', options);
        try {
            return refusePromise(callback(lease), 'read');
        } finally {
            lease.release();
        }
    }

    /** @template T @param {(lease: LeaseSync) => T} callback @param {object} [options] */
    write(callback, options) {
        checkCallback(callback, 'write');
        const lease = this.acquire('write', options);
        try {
            return LeaseSync.run(lease, callback, 'write');
        } finally {
            lease.release();
        }
    }

    /** @param {string} [mode] @param {object} [options] */
    checkpoint(mode, options) {
        const number = checkpointMode(mode);
        refuseSynchronous(this.#path);
        withCall(callOf(options),
            (slot) => check(raw.walpool_checkpoint(this.#handle, number, slot)));
        return checkpointResult(answerNumbers, ANSWER_CHECKPOINT);
    }

    /** @param {import('./upkeep.js').Work} work */
    #maintain(work) {
        if (writes(work)) refuseSynchronous(this.#path);
        const guarded = { ...work, call: withSignals(work.call) };
        return carryOutSync(guarded, (slot) => send((handle, id) =>
            raw.walpool_maintain(handle, work.task, work.pages, id), this.#handle, slot));
    }

    /** @param {object} [options] */
    optimize(options) {
        return this.#maintain(works.optimize(options));
    }

    /** @param {object} [options] */
    vacuum(options) {
        return this.#maintain(works.vacuum(options));
    }

    /** @param {number} [pages] @param {object} [options] */
    incrementalVacuum(pages, options) {
        return this.#maintain(works.incrementalVacuum(pages, options));
    }

    /** @param {object} [options] */
    check(options) {
        return this.#maintain(works.check(options));
    }

    /** @param {unknown} to @param {object} [options] */
    backup(to, options) {
        return backUpSync(this.#handle, to, options);
    }

    /** @param {unknown} from @param {object} [options] */
    restore(from, options) {
        refuseSynchronous(this.#path);
        restoreSync(this.#handle, from, options);
    }

    health() {
        return readHealth(this.#handle);
    }

    metrics() {
        return readMetrics(this.#handle);
    }

    /** @param {object} [options] */
    probe(options) {
        refuseSynchronous(this.#path);
        return withCall(callOf(options), (id, slot) => {
            check(raw.walpool_probe(this.#handle, id));
            return probeResult(slot);
        });
    }

    leases() {
        return readLeases(this.#handle);
    }

    /** @param {{timeout?: number}} [options] */
    close(options) {
        if (this.#closed) return;
        check(raw.walpool_close(this.#handle, readTimeout(options?.timeout)));
        this.#closed = true;
        droppedDatabases.unregister(this);
    }
}

/* Older versions of Node.js 20 lack the symbol. */
if (Symbol.dispose) {
    Object.defineProperty(DatabaseSync.prototype, Symbol.dispose,
        { value() { this.close(); }, configurable: true, writable: true });
    Object.defineProperty(LeaseSync.prototype, Symbol.dispose,
        { value() { this.release(); }, configurable: true, writable: true });
}

module.exports = { DatabaseSync, LeaseSync, checkCallback };
