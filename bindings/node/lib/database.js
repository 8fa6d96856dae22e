// @ts-check
'use strict';
/* Databases and leases of the promise interface. */
const { raw } = require('./native.js');
const { answer, refuse, refuseVerb } = require('./errors.js');
const { takeSlot, giveSlot, BLOCK_BYTES } = require('./slot.js');
const { describe, statementOf } = require('./statement.js');
const { Call, PLAIN, readCall, readTimeout, openText, openName } = require('./options.js');
const { putOpen, putRequest } = require('./request.js');
const { makePrepared, textOf } = require('./prepared.js');
const { putBatch, batchResults, checkpointMode, readHealth, readLeases, readMetrics, probeResult } = require('./results.js');
const { send, sendCall, withSignals } = require('./queue.js');
const { works, carryOut, writes } = require('./upkeep.js');
const { backUp, restore } = require('./backup.js');
const { Calls } = require('./async-calls.js');
const context = require('./context.js');

/** @typedef {import('./async-calls.js').Held} Held */

/** Keeps constructors to this file: objects are made by asynchronous calls. */
const KEY = Symbol('walpool');

/** Leases and databases that were dropped open.
 * @type {FinalizationRegistry<{handle: number, onRelease: () => void}>} */
const droppedLeases = new FinalizationRegistry(({ handle, onRelease }) => {
    raw.walpool_release(handle);
    onRelease();
});
/** @type {FinalizationRegistry<number>} */
const droppedDatabases = new FinalizationRegistry((handle) => {
    sendCall(raw.WALPOOL_OP_CLOSE, handle, PLAIN).catch(() => {});
});

/** @param {unknown} key @param {string} instead */
function checkKey(key, instead) {
    if (key !== KEY) throw refuse('MISUSE', `do not construct it: call ${instead}`);
}

/** @param {unknown} callback @param {string} method */
function checkCallback(callback, method) {
    if (typeof callback === 'function') return;
    throw refuse('MISUSE', `${method}() takes a function, not ${describe(callback)}`);
}

/** One after another, in the order of asking. */
class Turns {
    /** @type {Promise<unknown>} */
    #last = Promise.resolve();

    /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
    next(work) {
        const result = this.#last.then(work);
        this.#last = result.catch(() => {});
        return result;
    }
}

/* ------------------------------------------------------------------- leases */

class Lease extends Calls {
    #handle;
    #path;
    #writes;
    #signals;
    #turns;
    #onRelease;
    /** Transactions and savepoints that are open. */
    #depth;
    /** The innermost block or savepoint that runs a callback.
     * @type {import('./context.js').Scope | undefined} */
    #scope = undefined;
    #released = false;
    /** What the open iterators hold: not they themselves, or nobody could drop
     * one.
     * @type {Set<Held>} */
    #iterators = new Set();

    /** @param {symbol} key @param {number} handle @param {string} path
     *  @param {boolean} writes @param {readonly AbortSignal[]} signals
     *  @param {() => void} onRelease keeps the database alive, too */
    constructor(key, handle, path, writes, signals, onRelease) {
        checkKey(key, 'acquire(), read() or write()');
        const turns = new Turns();
        super(handle, {
            read: raw.WALPOOL_OP_RUN,
            write: raw.WALPOOL_OP_RUN,
            ahead: false,
            signals,
            enter: () => this.#enter(),
            inTurn: (work) => turns.next(work),
            opened: (held) => { this.#iterators.add(held); },
            ended: (held) => { this.#iterators.delete(held); },
            atomically: (_, work) => this.savepoint(work),
        });
        this.#handle = handle;
        this.#path = path;
        this.#writes = writes;
        this.#depth = writes ? 1 : 0;
        this.#signals = signals;
        this.#turns = turns;
        this.#onRelease = onRelease;
        droppedLeases.register(this, { handle, onRelease }, this);
    }

    /** While a savepoint's callback runs, only it may use the lease: what comes
     * from elsewhere would be undone with it. */
    #enter() {
        const scope = context.scopeOf(this);
        if (!scope || scope === this.#scope) return;
        throw refuse('BUSY', 'a savepoint of this transaction is still open, or the block ' +
            'that this call belongs to has ended: await each before the next');
    }

    /** @param {number} op @param {Call} asked */
    #send(op, asked) {
        return withSignals(asked, this.#signals,
            (call) => this.#turns.next(() => sendCall(op, this.#handle, call)));
    }

    async #closeIterators() {
        for (const held of [...this.#iterators]) await held.end();
    }

    /** @param {object} [options] */
    async begin(options) {
        if (!this.#writes) throw refuseVerb('begin');
        const call = readCall(options);
        this.#enter();
        await this.#send(raw.WALPOOL_OP_BEGIN, call);
        this.#depth = 1;
    }

    /** @param {object} [options] */
    async fresh(options) {
        if (this.#writes) throw refuseVerb('fresh');
        const call = readCall(options);
        this.#enter();
        await this.#send(raw.WALPOOL_OP_BEGIN, call);
    }

    async #savepoint() {
        await this.#send(raw.WALPOOL_OP_SAVEPOINT, PLAIN);
        this.#depth++;
    }

    /** @param {(lease: Lease) => any} [callback] */
    async savepoint(callback) {
        if (callback !== undefined) checkCallback(callback, 'savepoint');
        this.#enter();
        return callback ? this.#nest(() => this.#savepoint(), callback) : this.#savepoint();
    }

    /** @param {Call} call */
    async #commit(call) {
        await this.#send(raw.WALPOOL_OP_COMMIT, call);
        this.#depth--;
    }

    /** @param {object} [options] */
    async commit(options) {
        const call = readCall(options);
        this.#enter();
        await this.#commit(call);
    }

    /** Nothing cancels a rollback. */
    async #rollback() {
        await this.#turns.next(() => sendCall(raw.WALPOOL_OP_ROLLBACK, this.#handle, PLAIN));
        this.#depth--;
    }

    async rollback() {
        this.#enter();
        await this.#rollback();
    }

    async release() {
        await this.#turns.next(async () => {
            if (this.#released) return;
            if (raw.walpool_release(this.#handle) !== 0) throw answer();
            this.#released = true;
            droppedLeases.unregister(this);
            this.#onRelease();
        });
    }

    /** Undo all that is open above a depth, as far as SQLite has not yet.
     * @param {number} depth */
    async #undo(depth) {
        try {
            while (this.#depth > depth) await this.#rollback();
        } catch {
            this.#depth = depth;
        }
    }

    /** Keep what the callback did when it succeeds, undo it when it fails.
     * @param {import('./context.js').Scope} scope
     * @param {import('./context.js').Scope | undefined} outer
     * @param {(lease: Lease) => any} callback */
    async #settle(scope, outer, callback) {
        const depth = this.#depth;
        try {
            const result = await callback(this);
            if (this.#scope !== scope || (outer && !outer.open)) {
                throw refuse('BUSY', 'a savepoint was not awaited before the end of the ' +
                    'block around it: all of the block is undone');
            }
            await this.#closeIterators();
            while (this.#depth >= depth) await this.#commit(PLAIN);
            return result;
        } catch (error) {
            await this.#undo(depth - 1);
            throw error;
        }
    }

    /** @param {() => Promise<void>} begin @param {(lease: Lease) => any} callback */
    #nest(begin, callback) {
        return context.inScope(this.#path, this, async (scope) => {
            const outer = this.#scope;
            this.#scope = scope;
            try {
                await begin();
                return await this.#settle(scope, outer, callback);
            } finally {
                scope.open = false;
                if (this.#scope === scope) this.#scope = outer;
            }
        });
    }

    /** Run the callback of a write block in the transaction that is open.
     * @param {symbol} key @param {(lease: Lease) => any} callback */
    run(key, callback) {
        checkKey(key, 'write()');
        return this.#nest(async () => {}, callback);
    }
}

/* ---------------------------------------------------------------- databases */

class Database extends Calls {
    #handle;
    #path;
    /** @type {Promise<void> | null} */
    #closing = null;

    /** @param {symbol} key @param {number} handle @param {string} path */
    constructor(key, handle, path) {
        checkKey(key, 'walpool.open()');
        super(handle, {
            read: raw.WALPOOL_OP_READ,
            write: raw.WALPOOL_OP_WRITE,
            ahead: true,
            signals: [],
            enter: (writes) => { if (writes) context.refuseNested(this.#path); },
            inTurn: (work) => work(),
            opened() {},
            ended() {},
            atomically: (options, work) => this.write(work, options),
        });
        this.#handle = handle;
        this.#path = path;
        droppedDatabases.register(this, handle, this);
    }

    /** @param {string | URL} name @param {object} [options] */
    static async open(name, options) {
        const slot = takeSlot(BLOCK_BYTES);
        try {
            putOpen(slot, openName(name), openText(options));
            const { result } = await send(slot, raw.WALPOOL_OP_OPEN, 0, PLAIN);
            return new Database(KEY, result, readHealth(result).path);
        } finally {
            giveSlot(slot);
        }
    }

    get path() {
        return this.#path;
    }

    /** @param {unknown} list @param {object} [options] */
    async batch(list, options) {
        const asked = readCall(options);
        context.refuseNested(this.#path);
        return withSignals(asked, [], async (call) => {
            const slot = takeSlot(BLOCK_BYTES);
            try {
                const count = putBatch(slot, list, call);
                await send(slot, raw.WALPOOL_OP_BATCH, this.#handle, call);
                return batchResults(slot, count, call);
            } finally {
                giveSlot(slot);
            }
        });
    }

    /** @param {boolean} writes @param {Call} asked */
    async #acquire(writes, asked) {
        const op = writes ? raw.WALPOOL_OP_ACQUIRE_WRITE : raw.WALPOOL_OP_ACQUIRE_READ;
        if (writes) {
            context.refuseNested(this.#path);
            context.countWriter(this.#path, 1);
        }
        const released = () => { if (writes) context.countWriter(this.#path, -1); };
        try {
            const { result } = await withSignals(asked, [],
                (call) => sendCall(op, this.#handle, call));
            return new Lease(KEY, result, this.#path, writes, asked.signals, released);
        } catch (error) {
            released();
            throw error;
        }
    }

    /** @param {'read' | 'write'} kind @param {object} [options] */
    async acquire(kind, options) {
        if (kind === 'read' || kind === 'write') {
            return this.#acquire(kind === 'write', readCall(options));
        }
        throw refuse('MISUSE', 'the kind of a lease must be "read" or "write"');
    }

    /** @param {(lease: Lease) => any} callback @param {object} [options] */
    async read(callback, options) {
        checkCallback(callback, 'read');
        const lease = await this.#acquire(false, readCall(options));
        try {
            return await callback(lease);
        } finally {
            await lease.release();
        }
    }

    /** @param {(lease: Lease) => any} callback @param {object} [options] */
    async write(callback, options) {
        checkCallback(callback, 'write');
        const lease = await this.#acquire(true, readCall(options));
        try {
            return await lease.run(KEY, callback);
        } finally {
            await lease.release();
        }
    }

    /** @param {string} sql @param {object} [options] */
    async prepare(sql, options) {
        const statement = statementOf(textOf(sql));
        const handle = await withSignals(readCall(options), [], async (call) => {
            const slot = takeSlot(BLOCK_BYTES);
            try {
                putRequest(slot, 0, statement, undefined, call, 0);
                return (await send(slot, raw.WALPOOL_OP_PREPARE, this.#handle, call)).result;
            } finally {
                giveSlot(slot);
            }
        });
        return makePrepared(this, sql, handle);
    }

    /** @param {string} [mode] @param {object} [options] */
    async checkpoint(mode, options) {
        const number = checkpointMode(mode);
        const asked = readCall(options);
        context.refuseNested(this.#path);
        const { checkpoint } = await withSignals(asked, [],
            (call) => sendCall(raw.WALPOOL_OP_CHECKPOINT, this.#handle, call, number));
        return checkpoint;
    }

    /** @param {import('./upkeep.js').Work} work */
    async #maintain(work) {
        if (writes(work)) context.refuseNested(this.#path);
        return withSignals(work.call, [], (call) => carryOut(work, call, (slot) =>
            send(slot, raw.WALPOOL_OP_MAINTAIN, this.#handle, call, work.task, work.pages)));
    }

    /** @param {object} [options] */
    async optimize(options) {
        return this.#maintain(works.optimize(options));
    }

    /** @param {object} [options] */
    async vacuum(options) {
        return this.#maintain(works.vacuum(options));
    }

    /** @param {number} [pages] @param {object} [options] */
    async incrementalVacuum(pages, options) {
        return this.#maintain(works.incrementalVacuum(pages, options));
    }

    /** @param {object} [options] */
    async check(options) {
        return this.#maintain(works.check(options));
    }

    /** @param {unknown} to @param {object} [options] */
    async backup(to, options) {
        return backUp(this, this.#handle, to, options);
    }

    /** @param {unknown} from @param {object} [options] */
    async restore(from, options) {
        context.refuseNested(this.#path);
        await restore(this, this.#handle, from, options);
    }

    async health() {
        return readHealth(this.#handle);
    }

    async metrics() {
        return readMetrics(this.#handle);
    }

    /** @param {object} [options] */
    async probe(options) {
        const asked = readCall(options);
        context.refuseNested(this.#path);
        return withSignals(asked, [], (call) =>
            sendCall(raw.WALPOOL_OP_PROBE, this.#handle, call, 0, probeResult));
    }

    async leases() {
        return readLeases(this.#handle);
    }

    /** @param {number} timeout */
    async #close(timeout) {
        const call = Object.assign(new Call(), { timeout });
        try {
            await sendCall(raw.WALPOOL_OP_CLOSE, this.#handle, call);
            droppedDatabases.unregister(this);
        } catch (error) {
            this.#closing = null; // it is still open
            throw error;
        }
    }

    /** @param {{timeout?: number}} [options] */
    async close(options) {
        const timeout = readTimeout(options?.timeout);
        this.#closing ??= this.#close(timeout);
        return this.#closing;
    }
}

/* Older versions of Node.js 20 lack the symbol. */
if (Symbol.asyncDispose) {
    Object.defineProperty(Database.prototype, Symbol.asyncDispose,
        { value() { return this.close(); }, configurable: true, writable: true });
    Object.defineProperty(Lease.prototype, Symbol.asyncDispose,
        { value() { return this.release(); }, configurable: true, writable: true });
}

module.exports = { Database, Lease };
