// @ts-check
'use strict';
/* The synchronous interface: every call is carried out on this thread before
 * it returns. */
const { raw } = require('./native.js');
const { answer } = require('./errors.js');
const { takeSlot, giveSlot, BLOCK_BYTES, SCAN_BYTES } = require('./slot.js');
const { statementOf } = require('./statement.js');
const { readCall, afterFirst, Call, PLAIN } = require('./options.js');
const {
    putRequest, putManyRequest, putCall, putAfterFirst, putTimeout,
} = require('./request.js');
const { takeRows } = require('./rows.js');
const { writeResult } = require('./results.js');
const { chunksOf, partOf, asExpected, nothing, add } = require('./many.js');

const FIRST = raw.WALPOOL_CALL_FIRST;
const SCRIPT = raw.WALPOOL_CALL_SCRIPT;
const TOOBIG = raw.WALPOOL_TOOBIG;

/** @typedef {import('./slot.js').Slot} Slot */
/** @typedef {import('./statement.js').Statement} Statement */
/** @typedef {import('./request.js').Params} Params */
/** A call of the library on a handle, with a slot. Returns its status.
 * @typedef {(handle: number, slot: number) => number} Run */

/** A token that cancels every call that has it; made when first needed. */
let cancelled = 0;

/** Nothing can fire a signal while a synchronous call runs: it counts when the
 * call begins, and the library then answers as to any cancelled call.
 * @param {Call} call @returns {Call} */
function withSignals(call) {
    if (!call.signals.some((signal) => signal.aborted)) return call;
    if (!cancelled) {
        cancelled = raw.walpool_token_open();
        raw.walpool_cancel(cancelled);
    }
    return Object.assign(new Call(), call, { token: cancelled });
}

/** @param {object | undefined} options */
function callOf(options) {
    return options === undefined ? PLAIN : withSignals(readCall(options));
}

/** @param {number} status */
function check(status) {
    if (status !== 0) throw answer();
}

/** Send the request in the slot. A block that proves too small is made larger:
 * then nothing was applied.
 * @param {Run} run @param {number} handle @param {Slot} slot */
function send(run, handle, slot) {
    for (;;) {
        const status = run(handle, slot.id);
        if (status === 0) return;
        const error = answer();
        if (status !== TOOBIG || !slot.widenBlock()) throw error;
    }
}

/** Do something with a slot. @template T @param {number} bytes of its block
 *  @param {(slot: Slot) => T} work @returns {T} */
function withSlot(bytes, work) {
    const slot = takeSlot(bytes);
    try {
        return work(slot);
    } finally {
        giveSlot(slot);
    }
}

/** Do something with a slot that holds how to carry out a call.
 * @template T @param {Call} call @param {(id: number, slot: Slot) => T} work */
function withCall(call, work) {
    return withSlot(BLOCK_BYTES, (slot) => {
        putCall(slot, call, 0);
        return work(slot.id, slot);
    });
}

/* ------------------------------------------------------------------ reading */

/** Read what is left behind the slot's cursor.
 * @param {Slot} slot @param {Statement} statement @param {Call} call
 * @param {any[]} rows @param {number} deadline 0: each block has its own */
function drain(slot, statement, call, rows, deadline) {
    statement.blockBytes = SCAN_BYTES;
    slot.growBlock(SCAN_BYTES);
    if (call.durability !== 0) putAfterFirst(slot);
    while (slot.cursor !== 0) {
        if (deadline > 0) putTimeout(slot, Math.max(1, Math.ceil(deadline - performance.now())));
        send(raw.walpool_cursor_next, slot.cursor, slot);
        takeRows(slot, statement, call, rows);
    }
}

/** @param {{cursor: number}} holder */
function closeCursor(holder) {
    if (holder.cursor !== 0) raw.walpool_cursor_close(holder.cursor);
    holder.cursor = 0;
}

/** All rows of a statement.
 * @param {Run} run @param {number} handle @param {Statement} statement
 * @param {Params | undefined} params @param {Call} call @param {number} flags */
function readRows(run, handle, statement, params, call, flags) {
    const deadline = call.timeout > 0 ? performance.now() + call.timeout : 0;
    const slot = takeSlot(statement.blockBytes);
    try {
        putRequest(slot, 0, statement, params, call, flags);
        send(run, handle, slot);
        /** @type {any[]} */
        const rows = [];
        takeRows(slot, statement, call, rows);
        if (slot.cursor !== 0 && !(flags & FIRST)) drain(slot, statement, call, rows, deadline);
        return rows;
    } finally {
        if (slot.cursor !== 0) closeCursor(slot);
        giveSlot(slot);
    }
}

/** Cursors of iterators that were dropped.
 * @type {FinalizationRegistry<{cursor: number}>} */
const dropped = new FinalizationRegistry(({ cursor }) => raw.walpool_cursor_close(cursor));

/** Rows one by one, fetched a block at a time.
 * @implements {IterableIterator<any>} */
class RowsSync {
    #held = { cursor: 0 }; // apart, so that it outlives a dropped iterator
    /** @type {any[]} */
    #rows = [];
    #next = 0;
    /** @type {((slot: Slot) => void) | null} */
    #open;
    #source;
    #ended;
    #statement;
    #call;
    /** @type {readonly string[] | undefined} */
    #columns = undefined;

    /** @param {CallsSync} source stays open as long as its iterators
     *  @param {(rows: RowsSync) => void} ended learns of the end
     *  @param {(slot: Slot) => void} open sends the first request
     *  @param {Statement} statement @param {Call} call */
    constructor(source, ended, open, statement, call) {
        this.#source = source;
        this.#ended = ended;
        this.#open = open;
        this.#statement = statement;
        this.#call = call;
        dropped.register(this, this.#held, this);
    }

    get source() {
        return this.#source;
    }

    /** The names of the columns, once the first row was asked for. */
    get columns() {
        return this.#columns;
    }

    /** Read the block that `fetch` brings. Whatever fails ends the iterator.
     * @param {number} bytes @param {(slot: Slot) => void} fetch */
    #take(bytes, fetch) {
        this.#rows = [];
        this.#next = 0;
        try {
            withSlot(bytes, (slot) => {
                fetch(slot);
                try {
                    takeRows(slot, this.#statement, this.#call, this.#rows);
                } finally {
                    this.#held.cursor = slot.cursor;
                }
            });
        } catch (error) {
            this.return();
            throw error;
        }
        this.#columns ??= this.#statement.shape?.columns;
    }

    /** False: there are no more rows. */
    #fill() {
        const open = this.#open;
        if (open) {
            this.#open = null;
            this.#take(this.#statement.blockBytes, open);
        } else if (this.#held.cursor !== 0) {
            this.#take(SCAN_BYTES, (slot) => {
                putCall(slot, afterFirst(withSignals(this.#call)), 0);
                slot.shape = this.#statement.shape;
                send(raw.walpool_cursor_next, this.#held.cursor, slot);
            });
        } else {
            return false;
        }
        return this.#rows.length > 0;
    }

    /** @returns {IteratorResult<any>} */
    next() {
        if (this.#next >= this.#rows.length && !this.#fill()) return this.return();
        return { value: this.#rows[this.#next++], done: false };
    }

    /** @param {any} [value] @returns {IteratorResult<any>} */
    return(value) {
        this.#open = null;
        this.#rows = [];
        this.#next = 0;
        dropped.unregister(this);
        closeCursor(this.#held);
        this.#ended(this);
        return { value, done: true };
    }

    [Symbol.iterator]() {
        return this;
    }
}

/* -------------------------------------------------------------------- calls */

/** What differs between a database and a lease.
 * @typedef {object} Owner
 * @property {() => void} beforeWrite refuses what would wait for itself
 * @property {(rows: RowsSync) => void} opened learns of an iterator
 * @property {(rows: RowsSync) => void} ended learns of its end
 * @property {(options: object | undefined, work: (calls: CallsSync) => any) => any}
 *   atomically does all of the work or nothing */

/** What databases and leases have in common. */
class CallsSync {
    #handle;
    #read;
    #write;
    #owner;

    /** @param {number} handle @param {Run} read @param {Run} write
     *  @param {Owner} owner */
    constructor(handle, read, write, owner) {
        this.#handle = handle;
        this.#read = read;
        this.#write = write;
        this.#owner = owner;
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    query(sql, params, options) {
        return readRows(this.#read, this.#handle, statementOf(sql), params,
            callOf(options), 0);
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    queryOne(sql, params, options) {
        const rows = readRows(this.#read, this.#handle, statementOf(sql), params,
            callOf(options), FIRST);
        return rows.length === 0 ? null : rows[0];
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    queryRaw(sql, params, options) {
        const statement = statementOf(sql);
        const call = callOf({ ...options, rows: 'array' });
        const rows = readRows(this.#read, this.#handle, statement, params, call, 0);
        return { columns: statement.shape?.columns ?? [], rows };
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    iterate(sql, params, options) {
        const statement = statementOf(sql);
        const call = callOf(options);
        const rows = new RowsSync(this, this.#owner.ended, (slot) => {
            putRequest(slot, 0, statement, params, call, 0);
            send(this.#read, this.#handle, slot);
        }, statement, call);
        this.#owner.opened(rows);
        return rows;
    }

    /** @param {Statement} statement @param {Call} call @param {(slot: Slot) => void} put */
    #change(statement, call, put) {
        this.#owner.beforeWrite();
        return withSlot(statement.blockBytes, (slot) => {
            put(slot);
            send(this.#write, this.#handle, slot);
            return writeResult(slot, statement, call);
        });
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    execute(sql, params, options) {
        const statement = statementOf(sql);
        const call = callOf(options);
        return this.#change(statement, call,
            (slot) => putRequest(slot, 0, statement, params, call, 0));
    }

    /** @param {string} sql @param {object} [options] */
    script(sql, options) {
        const statement = statementOf(sql);
        const call = callOf(options);
        this.#change(statement, call,
            (slot) => putRequest(slot, 0, statement, undefined, call, SCRIPT));
    }

    /** @param {string} sql @param {Iterable<Params>} rows @param {object} [options] */
    executeMany(sql, rows, options) {
        const statement = statementOf(sql);
        const call = callOf(options);
        const chunks = chunksOf(rows);
        /** @param {CallsSync} calls @param {import('./many.js').Chunk} chunk
         *  @param {Call} [asked] */
        const run = (calls, chunk, asked = call) => calls.#change(statement, asked,
            (slot) => putManyRequest(slot, 0, statement, chunk.rows, chunk.first, asked, 0));
        try {
            const first = chunks.next();
            if (first.done) return nothing();
            if (first.value.last) return run(this, first.value);
            const part = partOf(call);
            return this.#owner.atomically(options, (calls) => {
                const sum = run(calls, first.value, part);
                for (const chunk of chunks) add(sum, run(calls, chunk, part));
                return asExpected(sum, call);
            });
        } finally {
            chunks.return();
        }
    }
}

module.exports = { CallsSync, callOf, withSignals, check, withSlot, withCall, send };
