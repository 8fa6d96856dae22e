// @ts-check
'use strict';
/* Values: one JavaScript value as one cell of a request, and its bytes behind
 * the cells. The layout is walpool.h's. A slot's `end` is where the next bytes
 * go; `base` is where the block of parameters begins. */
const { types } = require('node:util');
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');
const { describe } = require('./statement.js');
const { putUtf8At } = require('./text.js');

const NULL = raw.WALPOOL_NULL;
const INTEGER = raw.WALPOOL_INTEGER;
const REAL = raw.WALPOOL_REAL;
const TEXT = raw.WALPOOL_TEXT;
const BLOB = raw.WALPOOL_BLOB;
const EXACT = 2 ** 53; // whole numbers up to here are INTEGER
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const SHORT_TEXT = 24; // up to this length a loop beats a call
const LONG_TEXT = 4096; // from this length on, count the bytes first

/** @typedef {import('./slot.js').Slot} Slot */

/** Where a value stands, for errors.
 * @typedef {{names: string[] | null, row: number, column: number}} Place */

/** @param {Place} place */
function nameOf(place) {
    const parameter = place.names
        ? `parameter "${place.names[place.column]}"`
        : `parameter ${place.column + 1}`;
    return place.row < 0 ? parameter : `${parameter} of row ${place.row + 1}`;
}

/** @param {Slot} slot @param {number} cell @param {number} type
 *  @param {number} length @param {number} low @param {number} high */
function putCell(slot, cell, type, length, low, high) {
    const i32 = slot.request.i32;
    const at = cell >> 2;
    i32[at] = type;
    i32[at + 1] = length;
    i32[at + 2] = low;
    i32[at + 3] = high;
}

/** @param {Slot} slot @param {number} cell @param {number} number */
function putNumber(slot, cell, number) {
    if (number === (number | 0)) {
        putCell(slot, cell, INTEGER, 0, number, number >> 31);
    } else if (Number.isInteger(number) && number >= -EXACT && number <= EXACT) {
        const high = Math.floor(number / 4294967296);
        putCell(slot, cell, INTEGER, 0, number - high * 4294967296, high);
    } else {
        putCell(slot, cell, REAL, 0, 0, 0);
        slot.request.f64[(cell >> 3) + 1] = number;
    }
}

/** @param {Slot} slot @param {number} cell @param {bigint} number
 *  @param {Place} place */
function putBigInt(slot, cell, number, place) {
    if (number < INT64_MIN || number > INT64_MAX) {
        throw refuse('PARAM', `${nameOf(place)}: the bigint does not fit ` +
            'an INTEGER, which has 64 bits');
    }
    putCell(slot, cell, INTEGER, 0, 0, 0);
    slot.request.i64[(cell >> 3) + 1] = number;
}

/** Write a short text; false: it is not ASCII.
 * @param {Slot} slot @param {string} text */
function putAscii(slot, text) {
    slot.reserve(slot.end + SHORT_TEXT);
    const bytes = slot.request.bytes;
    const end = slot.end;
    for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 127) return false;
        bytes[end + i] = unit;
    }
    slot.end = end + text.length;
    return true;
}

/** @param {Slot} slot @param {string} text @param {Place} place */
function putUtf8(slot, text, place) {
    const most = text.length < LONG_TEXT ? text.length * 3 : Buffer.byteLength(text);
    slot.reserve(slot.end + most);
    const written = putUtf8At(slot.request.bytes, text, slot.end);
    if (written !== text.length && !text.isWellFormed()) {
        throw refuse('ENCODING', `${nameOf(place)}: the string holds a lone surrogate`);
    }
    slot.end += written;
}

/** @param {Slot} slot @param {number} base @param {number} cell
 *  @param {string} text @param {Place} place */
function putText(slot, base, cell, text, place) {
    const start = slot.end;
    if (text.length > SHORT_TEXT || !putAscii(slot, text)) putUtf8(slot, text, place);
    putCell(slot, cell, TEXT, slot.end - start, start - base, 0);
}

/** @param {Slot} slot @param {number} base @param {number} cell
 *  @param {Uint8Array} blob */
function putBlob(slot, base, cell, blob) {
    const start = slot.end;
    slot.reserve(start + blob.length);
    slot.request.bytes.set(blob, start);
    slot.end = start + blob.length;
    putCell(slot, cell, BLOB, blob.length, start - base, 0);
}

/** @param {unknown} value @returns {Uint8Array | null} its bytes, not a copy */
function bytesOf(value) {
    if (value instanceof Uint8Array) return value;
    if (ArrayBuffer.isView(value)) {
        return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
    return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : null;
}

/** @param {unknown} value @returns {string} what to do instead */
function advice(value) {
    if (value === undefined) return 'pass null for NULL';
    if (types.isDate(value)) {
        return 'pass its toISOString(), or its getTime(), as the column expects';
    }
    return 'pass null, a number, bigint, string, boolean, Uint8Array or ArrayBuffer';
}

/** @param {Slot} slot @param {number} base @param {number} cell
 *  @param {unknown} value @param {Place} place */
function putOther(slot, base, cell, value, place) {
    if (typeof value === 'boolean') {
        putCell(slot, cell, INTEGER, 0, value ? 1 : 0, 0);
        return;
    }
    if (typeof value === 'bigint') {
        putBigInt(slot, cell, value, place);
        return;
    }
    const blob = bytesOf(value);
    if (!blob) {
        throw refuse('PARAM', `${nameOf(place)} is ${describe(value)}, ` +
            `which cannot be stored: ${advice(value)}`);
    }
    putBlob(slot, base, cell, blob);
}

/** Write one value. The slot has room for the cell.
 * @param {Slot} slot @param {number} base @param {number} cell
 * @param {unknown} value @param {Place} place */
function putValue(slot, base, cell, value, place) {
    if (typeof value === 'number') putNumber(slot, cell, value);
    else if (typeof value === 'string') putText(slot, base, cell, value, place);
    else if (value === null) putCell(slot, cell, NULL, 0, 0, 0);
    else putOther(slot, base, cell, value, place);
}

module.exports = { putValue };
