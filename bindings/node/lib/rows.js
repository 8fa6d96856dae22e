// @ts-check
'use strict';
/* Rows: the block in a slot as JavaScript values. walpool.h has its layout.
 * No code of the caller runs in here, so one block at a time is read, and the
 * module's variables say which. */
const { raw } = require('./native.js');
const { answer, refuse } = require('./errors.js');
const { shapeOf } = require('./shape.js');
const { latin1At, utf8At } = require('./text.js');

const ASCII = raw.WALPOOL_ROWS_ASCII;
const NAMES = raw.WALPOOL_ROWS_NAMES;
const LARGE = raw.WALPOOL_LARGE;
const INTEGER = raw.WALPOOL_INTEGER;
const REAL = raw.WALPOOL_REAL;
const TEXT = raw.WALPOOL_TEXT;
const BLOB = raw.WALPOOL_BLOB;
const HEADER_WORDS = 16;
const CELL_WORDS = 4;
const EXACT = 2 ** 53;
const SCANNED_TEXT = 48; // up to this length, see whether a text is ASCII

/** @typedef {import('./slot.js').Slot} Slot */
/** @typedef {import('./shape.js').Shape} Shape */
/** @typedef {import('./options.js').Call} Call */

/** @param {number} low @param {number} high */
const toNumber = (low, high) => high * 4294967296 + (low >>> 0);

/** One block of a result, at a byte offset in a slot's memory. */
class Block {
    /** @param {Slot} slot @param {number} origin a multiple of 8 */
    constructor(slot, origin) {
        const i32 = slot.block.i32;
        const head = origin >> 2;
        this.memory = slot.block;
        this.origin = origin;
        this.flags = i32[head + 1];
        this.columnCount = i32[head + 2];
        this.rowCount = i32[head + 3];
        this.arenaStart = i32[head + 4];
        this.arenaEnd = i32[head + 6];
        this.cursor = toNumber(i32[head + 10], i32[head + 11]);
        /** Index of the first row's first cell. */
        this.first = head + HEADER_WORDS +
            (this.flags & NAMES ? this.columnCount * CELL_WORDS : 0);
    }
}

/* ----------------------------------------------------------- single cells */

/** The block that is being read, and how.
 * @type {Block} */
let block;
let bigint = false;
/** @type {string | null} the arena as Latin-1, made when first needed */
let arena = null;

/** @param {number} at index of the cell */
function columnOf(at) {
    return ((at - block.first) / CELL_WORDS) % block.columnCount;
}

/** @param {number} at */
function integer(at) {
    const { i32, i64 } = block.memory;
    if (bigint) return i64[(at >> 1) + 1];
    const low = i32[at + 2];
    const number = toNumber(low, i32[at + 3]);
    const size = Math.abs(number);
    if (size < EXACT || (size === EXACT && low === 0)) return number;
    throw refuse('TOOBIG', `column ${columnOf(at) + 1} holds an INTEGER beyond ` +
        '2^53, which a number cannot hold exactly: ask for { bigint: true }');
}

/** A text in a block that has one which is not ASCII.
 * @param {number} from byte offset @param {number} bytes */
function textAt(from, bytes) {
    const memory = block.memory.bytes;
    const end = from + bytes;
    if (bytes > SCANNED_TEXT) return utf8At(memory, from, end);
    for (let i = from; i < end; i++) {
        if (memory[i] > 127) return utf8At(memory, from, end);
    }
    const start = block.origin + block.arenaStart;
    const whole = arena ??= latin1At(memory, start, block.origin + block.arenaEnd);
    return whole.substring(from - start, end - start);
}

/** A value that is still in SQLite. @param {number} at @param {number} type */
function large(at, type) {
    const bytes = Buffer.allocUnsafeSlow(block.memory.i32[at + 1] >>> 0);
    const status = raw.walpool_cursor_value(block.cursor, columnOf(at), 0, bytes);
    if (status !== 0) throw answer();
    return type === TEXT ? utf8At(bytes, 0, bytes.length) : bytes;
}

/** Any cell. @param {number} at @returns {any} */
function cell(at) {
    const { i32, f64, bytes } = block.memory;
    const type = i32[at];
    if (type & LARGE) return large(at, type & ~LARGE);
    const from = block.origin + i32[at + 2];
    const length = i32[at + 1];
    switch (type) {
    case INTEGER: return integer(at);
    case REAL: return f64[(at >> 1) + 1];
    case TEXT: return textAt(from, length);
    case BLOB: return Buffer.from(bytes.subarray(from, from + length));
    default: return null;
    }
}

/* ------------------------------------------------------------ whole blocks */

/** @param {Block} from @returns {string[]} */
function namesIn(from) {
    const { i32, bytes } = from.memory;
    const names = [];
    let at = (from.origin >> 2) + HEADER_WORDS;
    for (; at < from.first; at += CELL_WORDS) {
        const start = from.origin + i32[at + 2];
        names.push(utf8At(bytes, start, start + i32[at + 1]));
    }
    return names;
}

/** The columns of a block: the ones that were expected, or new ones.
 * @param {Block} from @param {Shape | null} expected */
function shapeIn(from, expected) {
    const head = from.origin >> 2;
    const low = from.memory.i32[head + 8];
    const high = from.memory.i32[head + 9];
    if (expected && expected.low === low && expected.high === high) return expected;
    return shapeOf(low, high, () => namesIn(from));
}

/** Add the rows of a block to a list.
 * @param {Block} from @param {Shape} shape @param {Call} call
 * @param {any[]} rows */
function addRows(from, shape, call, rows) {
    block = from;
    bigint = call.bigint;
    arena = null;
    const { i32, f64, bytes } = from.memory;
    const text = from.flags & ASCII
        ? latin1At(bytes, from.origin + from.arenaStart, from.origin + from.arenaEnd) : null;
    const end = from.first + from.rowCount * from.columnCount * CELL_WORDS;
    shape.maker(call.arrays, bigint)(
        i32, f64, text, from.arenaStart, from.first, end, rows, cell);
}

/** No row, no cursor, and the columns that were expected: the quickest answer.
 * @param {Slot} slot */
function holdsNothing(slot) {
    const { i32 } = slot.block;
    const { shape } = slot;
    return i32[3] === 0 && i32[10] === 0 && i32[11] === 0 && shape !== null &&
        i32[8] === shape.low && i32[9] === shape.high;
}

/** Add the rows of the block in a slot, and remember their columns. slot.cursor
 * is then the cursor of the rows that follow, or 0; also when this throws.
 * @param {Slot} slot @param {import('./statement.js').Statement} statement
 * @param {Call} call @param {any[]} rows */
function takeRows(slot, statement, call, rows) {
    if (holdsNothing(slot)) {
        slot.cursor = 0;
        statement.shape = slot.shape;
        return;
    }
    const from = new Block(slot, 0);
    slot.cursor = from.cursor;
    statement.shape = shapeIn(from, slot.shape);
    if (from.rowCount !== 0) addRows(from, statement.shape, call, rows);
}

/** @param {Int32Array} i32 @param {number} at index @returns {number | bigint} */
function wholeNumber(i32, at) {
    const low = i32[at];
    const number = toNumber(low, i32[at + 1]);
    if (Math.abs(number) < EXACT) return number;
    return (BigInt(i32[at + 1]) << 32n) + BigInt(low >>> 0);
}

module.exports = { Block, shapeIn, addRows, takeRows, wholeNumber };
