// @ts-check
'use strict';
/* Blocks: the result of one statement, block by block. While one is turned
 * into values, the next is fetched: one ahead, never more. */
const { raw } = require('./native.js');
const { takeSlot, giveSlot, SCAN_BYTES, AHEAD_BYTES } = require('./slot.js');
const { putCall, putTimeout } = require('./request.js');
const { afterFirst } = require('./options.js');
const { Block, takeRows } = require('./rows.js');
const { send } = require('./queue.js');

const FIRST = raw.WALPOOL_CALL_FIRST;
const LARGE = raw.WALPOOL_ROWS_LARGE;
const CURSOR_NEXT = raw.WALPOOL_OP_CURSOR_NEXT;

/** @typedef {import('./slot.js').Slot} Slot */
/** @typedef {import('./statement.js').Statement} Statement */
/** @typedef {import('./options.js').Call} Call */
/** A request that is written into a slot, and where it goes.
 * @typedef {{slot: Slot, op: number, target: number}} Request */

class Blocks {
    #statement;
    #call;
    #flags;
    #ahead;
    #deadline;
    /** The first request, until it is sent.
     * @type {Request | null} */
    #request;
    /** The slot that the next block comes in, once it is there.
     * @type {Promise<Slot> | null} */
    #fetching = null;
    #cursor = 0;
    /** The take that is running.
     * @type {Promise<unknown> | null} */
    #taking = null;
    #closing = false;
    /** @type {readonly string[]} */
    columns = [];

    /** @param {Request} request its slot is ours from now on
     *  @param {Statement} statement @param {Call} call @param {number} flags
     *  @param {boolean} ahead fetch the next block before it is asked for */
    constructor(request, statement, call, flags, ahead) {
        this.#request = request;
        this.#statement = statement;
        this.#call = call;
        this.#flags = flags;
        this.#ahead = ahead;
        this.#deadline = call.timeout > 0 ? performance.now() + call.timeout : 0;
    }

    /** @param {Request} request */
    async #fetch({ slot, op, target }) {
        try {
            await send(slot, op, target, this.#call);
            return slot;
        } catch (error) {
            giveSlot(slot);
            throw error;
        }
    }

    #fetchNext() {
        const slot = takeSlot(AHEAD_BYTES);
        this.#statement.blockBytes = SCAN_BYTES;
        putCall(slot, afterFirst(this.#call), 0);
        slot.shape = this.#statement.shape;
        if (this.#deadline > 0) {
            putTimeout(slot, Math.max(1, Math.ceil(this.#deadline - performance.now())));
        }
        const fetching = this.#fetch({ slot, op: CURSOR_NEXT, target: this.#cursor });
        fetching.catch(() => {}); // whoever takes the block sees its error
        return fetching;
    }

    /** What the next block comes in, sent for if need be; null at the end. */
    #following() {
        const request = this.#request;
        if (request) {
            this.#request = null;
            this.#fetching = this.#fetch(request);
        } else if (this.#cursor !== 0) {
            this.#fetching ??= this.#fetchNext();
        }
        return this.#fetching;
    }

    /** @param {Promise<Slot>} fetching @param {any[]} rows */
    async #take(fetching, rows) {
        try {
            const slot = await fetching;
            this.#fetching = null;
            this.#read(slot, rows);
        } catch (error) {
            await this.#end();
            throw error;
        } finally {
            this.#taking = null;
        }
        return this.#cursor !== 0;
    }

    /** Add the next block's rows. False: it was the last one. One at a time.
     * @param {any[]} rows @returns {Promise<boolean>} */
    async take(rows) {
        const fetching = this.#closing ? null : this.#following();
        if (!fetching) return false;
        const taking = this.#take(fetching, rows);
        this.#taking = taking;
        return taking;
    }

    /** @param {Slot} slot @param {any[]} rows */
    #read(slot, rows) {
        try {
            const { flags, cursor } = new Block(slot, 0);
            this.#cursor = cursor;
            /* Large values are still behind the cursor: they come first. */
            if (cursor !== 0 && this.#ahead && !this.#closing && !(flags & LARGE)) {
                this.#fetching = this.#fetchNext();
            }
            takeRows(slot, this.#statement, this.#call, rows);
        } finally {
            giveSlot(slot);
        }
        this.columns = this.#statement.shape?.columns ?? [];
        if (this.#flags & FIRST) this.#closeCursor();
    }

    #closeCursor() {
        if (this.#cursor !== 0) raw.walpool_cursor_close(this.#cursor);
        this.#cursor = 0;
    }

    /** Give back what is held; no take is running. */
    async #end() {
        const request = this.#request;
        const fetching = this.#fetching;
        this.#request = null;
        this.#fetching = null;
        if (request) giveSlot(request.slot);
        try {
            const slot = await fetching;
            if (slot) {
                this.#cursor = new Block(slot, 0).cursor;
                giveSlot(slot);
            }
        } catch {
            /* The fetch that failed ended its cursor. */
        }
        this.#closeCursor();
    }

    /** End the result, wherever it is. */
    async close() {
        this.#closing = true;
        try {
            await this.#taking;
        } catch {
            /* Whoever took it sees the error. */
        }
        await this.#end();
    }
}

module.exports = { Blocks };
