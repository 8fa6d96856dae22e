// @ts-check
'use strict';
/* The promise interface: what databases and leases have in common. Parameters
 * are read when a call is made, not when its turn comes. */
const { raw } = require('./native.js');
const { takeSlot, giveSlot } = require('./slot.js');
const { statementOf } = require('./statement.js');
const { readCall } = require('./options.js');
const { putRequest, putManyRequest } = require('./request.js');
const { writeResult } = require('./results.js');
const { chunksOf, partOf, asExpected, nothing, add } = require('./many.js');
const { send, withSignals, Token } = require('./queue.js');
const { Blocks } = require('./blocks.js');

const FIRST = raw.WALPOOL_CALL_FIRST;
const SCRIPT = raw.WALPOOL_CALL_SCRIPT;

/** @typedef {import('./slot.js').Slot} Slot */
/** @typedef {import('./statement.js').Statement} Statement */
/** @typedef {import('./options.js').Call} Call */
/** @typedef {import('./request.js').Params} Params */

/** What differs between a database and a lease.
 * @typedef {object} Owner
 * @property {number} read how to run a statement that reads: a WALPOOL_OP_
 * @property {number} write the same for one that writes
 * @property {boolean} ahead blocks may be fetched before they are asked for
 * @property {readonly AbortSignal[]} signals of the block that it is in
 * @property {(writes: boolean) => void} enter refuses a call that may not be made
 * @property {<T>(work: () => Promise<T>) => Promise<T>} inTurn one call at a time
 * @property {(held: Held) => void} opened learns of an iterator
 * @property {(held: Held) => void} ended learns of its end
 * @property {(options: object | undefined, work: (calls: Calls) => Promise<any>)
 *   => Promise<any>} atomically does all of the work or nothing */

/* ---------------------------------------------------------------- iterators */

/** Iterators that were dropped before their end.
 * @type {FinalizationRegistry<{end: () => Promise<void>}>} */
const dropped = new FinalizationRegistry((held) => held.end());

/** What an iterator holds; apart, so that it outlives a dropped one. */
class Held {
    /** @type {Promise<void> | null} */
    #ending = null;

    /** @param {Blocks} blocks @param {Token} token @param {Owner} owner stays
     *  open as long as its iterators */
    constructor(blocks, token, owner) {
        this.blocks = blocks;
        this.token = token;
        this.owner = owner;
    }

    /** @param {any[]} rows */
    take(rows) {
        return this.owner.inTurn(() => this.blocks.take(rows));
    }

    async #end() {
        this.token.cancel();
        await this.owner.inTurn(() => this.blocks.close());
        this.token.close();
        this.owner.ended(this);
    }

    end() {
        return this.#ending ??= this.#end();
    }

    get ended() {
        return this.#ending !== null;
    }
}

/** Rows one by one. Calls of next() are answered in their order.
 * @implements {AsyncIterableIterator<any>} */
class Rows {
    #held;
    /** @type {any[]} */
    #rows = [];
    #next = 0;
    #more = true;
    /** Calls of next() that wait, and the last of them. */
    #waiting = 0;
    /** @type {Promise<unknown>} */
    #last = Promise.resolve();

    /** @param {Held} held */
    constructor(held) {
        this.#held = held;
        dropped.register(this, held, this);
    }

    /** The names of the columns, once the first row was there. */
    get columns() {
        return this.#held.blocks.columns;
    }

    /** @returns {Promise<IteratorResult<any>>} */
    next() {
        if (this.#waiting === 0 && this.#next < this.#rows.length && !this.#held.ended) {
            return Promise.resolve({ value: this.#rows[this.#next++], done: false });
        }
        this.#waiting++;
        const result = this.#last.then(() => this.#fetch());
        this.#last = result.catch(() => {}).then(() => { this.#waiting--; });
        return result;
    }

    /** @returns {Promise<IteratorResult<any>>} */
    async #fetch() {
        while (!this.#held.ended) {
            if (this.#next < this.#rows.length) {
                return { value: this.#rows[this.#next++], done: false };
            }
            if (!this.#more) break;
            this.#rows = [];
            this.#next = 0;
            try {
                this.#more = await this.#held.take(this.#rows);
            } catch (error) {
                await this.return();
                throw error;
            }
        }
        return this.return();
    }

    /** @param {any} [value] @returns {Promise<IteratorResult<any>>} */
    async return(value) {
        this.#rows = [];
        this.#next = 0;
        dropped.unregister(this);
        await this.#held.end();
        return { value, done: true };
    }

    [Symbol.asyncIterator]() {
        return this;
    }
}

/* -------------------------------------------------------------------- calls */

class Calls {
    #handle;
    #owner;

    /** @param {number} handle @param {Owner} owner */
    constructor(handle, owner) {
        this.#handle = handle;
        this.#owner = owner;
    }

    /** Write the request of a statement that reads, ready to be sent.
     * @param {Statement} statement @param {Params | undefined} params
     * @param {Call} call @param {number} flags @param {boolean} ahead */
    #prepare(statement, params, call, flags, ahead) {
        const slot = takeSlot(statement.blockBytes);
        try {
            putRequest(slot, 0, statement, params, call, flags);
        } catch (error) {
            giveSlot(slot);
            throw error;
        }
        const request = { slot, op: this.#owner.read, target: this.#handle };
        return new Blocks(request, statement, call, flags, ahead);
    }

    /** @param {Statement} statement @param {Params | undefined} params
     *  @param {Call} asked @param {number} flags */
    #readRows(statement, params, asked, flags) {
        const owner = this.#owner;
        owner.enter(false);
        return withSignals(asked, owner.signals, async (call) => {
            const blocks = this.#prepare(statement, params, call, flags, true);
            /** @type {any[]} */
            const rows = [];
            await owner.inTurn(async () => {
                while (await blocks.take(rows));
            });
            return { columns: blocks.columns, rows };
        });
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    async query(sql, params, options) {
        const call = readCall(options);
        return (await this.#readRows(statementOf(sql), params, call, 0)).rows;
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    async queryOne(sql, params, options) {
        const call = readCall(options);
        const { rows } = await this.#readRows(statementOf(sql), params, call, FIRST);
        return rows.length === 0 ? null : rows[0];
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    async queryRaw(sql, params, options) {
        const call = readCall({ ...options, rows: 'array' });
        return this.#readRows(statementOf(sql), params, call, 0);
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    iterate(sql, params, options) {
        const owner = this.#owner;
        const statement = statementOf(sql);
        const asked = readCall(options);
        owner.enter(false);
        const token = new Token([...owner.signals, ...asked.signals]);
        try {
            const blocks = this.#prepare(statement, params, token.guard(asked), 0, owner.ahead);
            const held = new Held(blocks, token, owner);
            owner.opened(held);
            return new Rows(held);
        } catch (error) {
            token.close();
            throw error;
        }
    }

    /** @param {Statement} statement @param {Call} asked
     *  @param {(slot: Slot, call: Call) => void} put */
    #change(statement, asked, put) {
        const owner = this.#owner;
        owner.enter(true);
        return withSignals(asked, owner.signals, async (call) => {
            const slot = takeSlot(statement.blockBytes);
            try {
                put(slot, call);
                await owner.inTurn(() => send(slot, owner.write, this.#handle, call));
                return writeResult(slot, statement, call);
            } finally {
                giveSlot(slot);
            }
        });
    }

    /** @param {string} sql @param {Params} [params] @param {object} [options] */
    async execute(sql, params, options) {
        const statement = statementOf(sql);
        return this.#change(statement, readCall(options),
            (slot, call) => putRequest(slot, 0, statement, params, call, 0));
    }

    /** @param {string} sql @param {object} [options] */
    async script(sql, options) {
        const statement = statementOf(sql);
        await this.#change(statement, readCall(options),
            (slot, call) => putRequest(slot, 0, statement, undefined, call, SCRIPT));
    }

    /** @param {string} sql @param {Iterable<Params>} rows @param {object} [options] */
    async executeMany(sql, rows, options) {
        const statement = statementOf(sql);
        const asked = readCall(options);
        const chunks = chunksOf(rows);
        /** @param {Calls} calls @param {import('./many.js').Chunk} chunk
         *  @param {Call} [how] */
        const run = (calls, chunk, how = asked) => calls.#change(statement, how, (slot, call) =>
            putManyRequest(slot, 0, statement, chunk.rows, chunk.first, call, 0));
        try {
            const first = chunks.next();
            if (first.done) return nothing();
            if (first.value.last) return await run(this, first.value);
            const part = partOf(asked);
            return await this.#owner.atomically(options, async (calls) => {
                const sum = await run(calls, first.value, part);
                for (const chunk of chunks) add(sum, await run(calls, chunk, part));
                return asExpected(sum, asked);
            });
        } finally {
            chunks.return();
        }
    }
}

module.exports = { Calls, Held };
