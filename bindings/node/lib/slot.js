// @ts-check
'use strict';
/* Slots: a request's memory and a block's memory, registered with the addon
 * and reused. A call takes one, and gives it back when its rows are decoded;
 * a call made meanwhile (by a getter of a parameter object, say) takes
 * another. */
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');

const REQUEST_BYTES = 16 * 1024;
const BLOCK_BYTES = 16 * 1024; // of a call whose result is not known to be big
/* Of a large result. Its strings are cut from the text of their block, and so
 * keep it: a block must not be large. */
const SCAN_BYTES = 64 * 1024;
const AHEAD_BYTES = 128 * 1024; // the same, where a block costs a thread's turn
const LARGEST_BLOCK = 64 * 1024 * 1024;
const LARGEST_REQUEST = 2 ** 31 - 64; // so that offsets are whole 32-bit numbers
const KEPT_SLOTS = 32;
const KEPT_REQUEST_BYTES = 1024 * 1024;

/** Memory, seen as every type that lives in it. */
class Memory {
    /** @param {number} bytes */
    constructor(bytes) {
        /** @type {ArrayBuffer} */
        let memory;
        try {
            memory = new ArrayBuffer(Math.ceil(bytes / 64) * 64);
        } catch {
            throw refuse('NOMEM', `no memory for a call of ${bytes} bytes`);
        }
        this.bytes = Buffer.from(memory);
        this.i32 = new Int32Array(memory);
        this.f64 = new Float64Array(memory);
        this.i64 = new BigInt64Array(memory);
    }
}

class Slot {
    constructor() {
        /** @type {number} */
        this.id = raw.slotOpen();
        if (this.id < 0) throw refuse('NOMEM', 'no memory for one more call');
        this.request = new Memory(REQUEST_BYTES);
        this.block = new Memory(BLOCK_BYTES);
        /** The byte after what is written of the request. */
        this.end = 0;
        /** What lies at the beginning of the request already, see request.js.
         * @type {object | null} */
        this.statement = null;
        this.why = '';
        this.params = 0;
        this.flags = 0;
        /** @type {object | null} */
        this.call = null;
        /** The columns that the request says are known.
         * @type {import('./shape.js').Shape | null} */
        this.shape = null;
        /** What follows the block that was read last, or 0. */
        this.cursor = 0;
        raw.slotMemory(this.id, this.request.bytes, this.block.bytes);
    }

    /** Make room for a request of so many bytes; what is written stays.
     * @param {number} bytes */
    reserve(bytes) {
        const have = this.request.bytes.length;
        if (bytes > have) this.#growRequest(Math.max(bytes, Math.min(have * 2, LARGEST_REQUEST)));
    }

    /** @param {number} bytes */
    #growRequest(bytes) {
        if (bytes > LARGEST_REQUEST) {
            throw refuse('TOOBIG', `a call with ${bytes} bytes of SQL and parameters: ` +
                `the limit is ${LARGEST_REQUEST}; pass fewer or smaller values`);
        }
        const larger = new Memory(bytes);
        larger.bytes.set(this.request.bytes);
        this.request = larger;
        raw.slotMemory(this.id, larger.bytes, undefined);
    }

    /** Make the block at least this large; what is in it is lost.
     * @param {number} bytes */
    growBlock(bytes) {
        if (this.block.bytes.length >= bytes) return;
        this.block = new Memory(bytes);
        raw.slotMemory(this.id, undefined, this.block.bytes);
    }

    /** A block was too small. False: it is as large as it may become. */
    widenBlock() {
        const bytes = this.block.bytes.length;
        if (bytes >= LARGEST_BLOCK) return false;
        this.growBlock(Math.min(bytes * 16, LARGEST_BLOCK));
        return true;
    }
}

/** @type {Slot[]} */
const idle = [];

/** @param {number} blockBytes room for the result, at least */
function takeSlot(blockBytes) {
    const slot = idle.length ? /** @type {Slot} */ (idle.pop()) : new Slot();
    if (slot.block.bytes.length < blockBytes) slot.growBlock(blockBytes);
    slot.cursor = 0;
    return slot;
}

/** @param {Slot} slot */
function giveSlot(slot) {
    const tooLarge = slot.request.bytes.length > KEPT_REQUEST_BYTES ||
        slot.block.bytes.length > AHEAD_BYTES;
    if (idle.length < KEPT_SLOTS && !tooLarge) idle.push(slot);
    else raw.slotClose(slot.id);
}

module.exports = { Slot, takeSlot, giveSlot, BLOCK_BYTES, SCAN_BYTES, AHEAD_BYTES };
