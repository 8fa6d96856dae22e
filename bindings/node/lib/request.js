// @ts-check
'use strict';
/* Requests: a statement, its parameters and how to carry it out, written into
 * a slot as walpool.h lays them out: header, SQL, label, block of parameters.
 * A slot that is used for the same statement again keeps SQL and label. */
const { types } = require('node:util');
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');
const { describe } = require('./statement.js');
const { putValue } = require('./values.js');
const { putUtf8At } = require('./text.js');

const REQUEST_MAGIC = raw.WALPOOL_REQUEST_MAGIC | 0;
const ROWS_MAGIC = raw.WALPOOL_ROWS_MAGIC | 0;
const ROWS_NAMES = raw.WALPOOL_ROWS_NAMES;
const CALL_NAMES = raw.WALPOOL_CALL_NAMES;
const EXPECT = raw.WALPOOL_REQUEST_EXPECT;
const FIRST_ONLY = raw.WALPOOL_CALL_DURABLE | raw.WALPOOL_CALL_NORMAL | EXPECT;
const HEADER_BYTES = 80;
const BLOCK_HEADER_BYTES = 64;
const CELL_BYTES = 16;
const WHY_BYTES = raw.WALPOOL_WHY_BYTES;
const MOST_COLUMNS = 32766;

/** @typedef {import('./slot.js').Slot} Slot */
/** @typedef {import('./statement.js').Statement} Statement */
/** @typedef {import('./options.js').Call} Call */
/** @typedef {readonly unknown[] | {readonly [name: string]: unknown}} Params */

/** Stands for the statement in a request that has none. */
const NO_STATEMENT = {};

/** The value that is being written, for errors. One is enough: no code of the
 * caller runs meanwhile.
 * @type {import('./values.js').Place} */
const place = { names: null, row: -1, column: 0 };

/** @param {number} bytes */
const padded = (bytes) => (bytes + 7) & ~7;

/** @param {Slot} slot @param {number} at a multiple of 4 @param {number} number
 *  whole, up to 2^53 */
function putInt64(slot, at, number) {
    const high = Math.floor(number / 4294967296);
    slot.request.i32[at >> 2] = number - high * 4294967296;
    slot.request.i32[(at >> 2) + 1] = high;
}

/* ------------------------------------------------------ SQL and its header */

/** Write header, SQL (of a prepared statement its handle, in the header), label
 * and key at `at`; the parameters follow at slot.end.
 * @param {Slot} slot @param {number} at @param {Statement | null} statement
 * @param {string} why @param {Buffer | null} once */
function putStatement(slot, at, statement, why, once) {
    const sql = statement ? statement.bytes : null;
    const sqlAt = at + HEADER_BYTES;
    const whyAt = sqlAt + (sql ? sql.length : 0);
    slot.reserve(whyAt + WHY_BYTES * 3 + 8 + (once ? once.length : 0));
    const { bytes, i32 } = slot.request;
    if (sql) bytes.set(sql, sqlAt);
    const whyBytes = why === '' ? 0 : putUtf8At(bytes, why.slice(0, WHY_BYTES), whyAt);
    const head = at >> 2;
    i32[head] = REQUEST_MAGIC;
    if (statement && statement.handle !== 0) {
        putInt64(slot, at + 32, statement.handle);
    } else {
        i32[head + 8] = HEADER_BYTES;
        i32[head + 9] = sql ? sql.length : 0;
    }
    i32[head + 10] = whyAt - at;
    i32[head + 11] = whyBytes;
    i32[head + 13] = 0;
    for (let word = 15; word < HEADER_BYTES / 4; word++) i32[head + word] = 0;
    slot.end = padded(whyAt + whyBytes);
    if (!once) return;
    bytes.set(once, slot.end);
    i32[head + 18] = slot.end - at;
    i32[head + 19] = once.length;
    slot.end = padded(slot.end + once.length);
}

/** SQL and label, unless they lie there already. A key is there once.
 * @param {Slot} slot @param {number} at @param {Statement | null} statement
 * @param {string} why @param {Buffer | null} once */
function putStart(slot, at, statement, why, once) {
    const key = statement ?? NO_STATEMENT;
    if (at === 0 && slot.statement === key && slot.why === why && once === null) {
        slot.end = slot.params;
        return;
    }
    slot.statement = null;
    slot.call = null;
    putStatement(slot, at, statement, why, once);
    if (at !== 0 || once !== null) return;
    slot.statement = key;
    slot.why = why;
    slot.params = slot.end;
}

/** @param {Slot} slot @param {number} at @param {Statement | null} statement
 *  @param {Call} call @param {number} flags @param {number} expect -1: any */
function putHead(slot, at, statement, call, flags, expect) {
    putStart(slot, at, statement, call.why, call.once);
    /* Whoever asks for names gets them; others only where they are unknown. */
    const shape = statement !== null && (flags & CALL_NAMES) === 0 ? statement.shape : null;
    const all = (shape === null ? flags | CALL_NAMES : flags) | call.durability |
        (expect < 0 ? 0 : EXPECT) | (statement === null ? 0 : statement.flags);
    if (slot.call === call && slot.shape === shape && slot.flags === all && expect < 0) return;
    slot.call = at === 0 ? call : null;
    slot.shape = shape;
    slot.flags = all;
    const i32 = slot.request.i32;
    const head = at >> 2;
    i32[head + 1] = all;
    putInt64(slot, at + 8, call.timeout);
    putInt64(slot, at + 16, call.token);
    putInt64(slot, at + 64, expect < 0 ? 0 : expect);
    i32[head + 6] = shape ? shape.low : 0;
    i32[head + 7] = shape ? shape.high : 0;
}

/** The request ends at slot.end. @param {Slot} slot @param {number} at
 *  @param {number} paramsAt 0: none */
function putEnd(slot, at, paramsAt) {
    const i32 = slot.request.i32;
    slot.end = padded(slot.end);
    i32[(at >> 2) + 12] = paramsAt === 0 ? 0 : paramsAt - at;
    i32[(at >> 2) + 14] = slot.end - at;
}

/* -------------------------------------------------------------- parameters */

/** @param {unknown} params @returns {string[] | null} null: by position */
function namesOf(params) {
    if (Array.isArray(params)) return null;
    const odd = typeof params !== 'object' || params === null ||
        ArrayBuffer.isView(params) || types.isAnyArrayBuffer(params) ||
        types.isDate(params) || Symbol.iterator in params;
    if (odd) {
        throw refuse('PARAM', 'the parameters must be an array, or an object ' +
            `with their names, not ${describe(params)}`);
    }
    return Object.keys(params);
}

/** The values of one row, read before anything is written.
 * @param {any} params @param {string[] | null} names @param {number} row
 * @returns {readonly unknown[]} */
function valuesOf(params, names, row) {
    if (!names) {
        if (Array.isArray(params)) return params;
        throw refuse('PARAM', `row ${row + 1} of the parameters is ` +
            `${describe(params)}, where the first one is an array`);
    }
    if (typeof params !== 'object' || params === null || Array.isArray(params)) {
        throw refuse('PARAM', `row ${row + 1} of the parameters is ` +
            `${describe(params)}, where the first one is an object`);
    }
    return names.map((name) => {
        if (row < 0 || Object.hasOwn(params, name)) return params[name];
        throw refuse('PARAM', `row ${row + 1} of the parameters has no "${name}", ` +
            'which the first one has');
    });
}

/** Begin a block: its header and names; returns where the first row's cells
 *  are. @param {Slot} slot @param {number} base @param {string[] | null} names
 *  @param {number} columns @param {number} rows */
function putBlockHead(slot, base, names, columns, rows) {
    const cellRows = names ? rows + 1 : rows;
    const start = base + BLOCK_HEADER_BYTES + columns * cellRows * CELL_BYTES;
    slot.reserve(start);
    const i32 = slot.request.i32;
    const at = base >> 2;
    for (let word = at + 5; word < at + BLOCK_HEADER_BYTES / 4; word++) i32[word] = 0;
    i32[at] = ROWS_MAGIC;
    i32[at + 1] = names ? ROWS_NAMES : 0;
    i32[at + 2] = columns;
    i32[at + 3] = rows;
    i32[at + 4] = start - base;
    slot.end = start;
    if (!names) return base + BLOCK_HEADER_BYTES;
    putRow(slot, base, base + BLOCK_HEADER_BYTES, names, columns, names, -1);
    return base + BLOCK_HEADER_BYTES + columns * CELL_BYTES;
}

/** @param {Slot} slot @param {number} base @param {number} cell
 *  @param {readonly unknown[]} values @param {number} columns
 *  @param {string[] | null} names @param {number} row -1: the only one */
function putRow(slot, base, cell, values, columns, names, row) {
    place.names = names;
    place.row = row;
    for (let column = 0; column < columns; column++) {
        place.column = column;
        putValue(slot, base, cell + column * CELL_BYTES, values[column], place);
    }
}

/** @param {number} columns */
function checkColumns(columns) {
    if (columns > MOST_COLUMNS) {
        throw refuse('PARAM', `${columns} parameters: the most are ${MOST_COLUMNS}`);
    }
}

/** @param {Slot} slot @param {number} base */
function putBlockEnd(slot, base) {
    slot.request.i32[(base >> 2) + 6] = slot.end - base;
}

/** @param {Slot} slot @param {number} base @param {Params} params */
function putParams(slot, base, params) {
    const names = namesOf(params);
    const values = valuesOf(params, names, -1);
    const columns = values.length;
    checkColumns(columns);
    const cell = putBlockHead(slot, base, names, columns, 1);
    putRow(slot, base, cell, values, columns, names, -1);
    putBlockEnd(slot, base);
}

/** @param {readonly unknown[]} values @param {number} columns @param {number} row */
function checkWidth(values, columns, row) {
    if (values.length !== columns) {
        throw refuse('PARAM', `row ${row + 1} of the parameters has ` +
            `${values.length} values, where the first one has ${columns}`);
    }
}

/** @param {Slot} slot @param {number} base @param {readonly Params[]} rows
 *  @param {number} first number of the first row, for errors */
function putManyParams(slot, base, rows, first) {
    const names = namesOf(rows[0]);
    const values = rows.map((row, i) => valuesOf(row, names, first + i));
    const columns = values[0].length;
    checkColumns(columns);
    let cell = putBlockHead(slot, base, names, columns, rows.length);
    for (let row = 0; row < values.length; row++) {
        checkWidth(values[row], columns, first + row);
        putRow(slot, base, cell, values[row], columns, names, first + row);
        cell += columns * CELL_BYTES;
    }
    putBlockEnd(slot, base);
}

/* ----------------------------------------------------------------- requests */

/** Write a request at `at`; returns where the next one of a batch goes.
 * @param {Slot} slot @param {number} at @param {Statement} statement
 * @param {Params | undefined | null} params @param {Call} call
 * @param {number} flags @param {number} [expect] */
function putRequest(slot, at, statement, params, call, flags, expect = call.expect) {
    putHead(slot, at, statement, call, flags, expect);
    const base = params === undefined || params === null ? 0 : slot.end;
    if (base !== 0) putParams(slot, base, /** @type {Params} */ (params));
    putEnd(slot, at, base);
    return slot.end;
}

/** The same for many rows of parameters.
 * @param {Slot} slot @param {number} at @param {Statement} statement
 * @param {readonly Params[]} rows @param {number} first @param {Call} call
 * @param {number} flags @param {number} [expect] */
function putManyRequest(slot, at, statement, rows, first, call, flags, expect = call.expect) {
    putHead(slot, at, statement, call, flags, expect);
    const base = slot.end;
    putManyParams(slot, base, rows, first);
    putEnd(slot, at, base);
    return slot.end;
}

/** A request without a statement: only how to carry it out.
 * @param {Slot} slot @param {Call} call @param {number} flags */
function putCall(slot, call, flags) {
    putHead(slot, 0, null, call, flags, call.expect);
    putEnd(slot, 0, 0);
}

/** After the last request of a batch. @param {Slot} slot */
function putBatchEnd(slot) {
    slot.reserve(slot.end + 8);
    slot.request.i32[slot.end >> 2] = 0;
}

/** Name and options for an open. @param {Slot} slot @param {string} name
 *  @param {string} options */
function putOpen(slot, name, options) {
    const bytes = Buffer.from(`${name}\0${options}\0`, 'utf8');
    slot.statement = null;
    slot.call = null;
    slot.end = 0;
    slot.reserve(bytes.length);
    slot.request.bytes.set(bytes);
}

/** The request is sent again for the next block: drop what was for the first.
 * @param {Slot} slot */
function putAfterFirst(slot) {
    slot.call = null;
    slot.request.i32[1] &= ~FIRST_ONLY;
}

/** Change the deadline of a request that is sent again for the next block.
 * @param {Slot} slot @param {number} timeout */
function putTimeout(slot, timeout) {
    slot.call = null;
    putInt64(slot, 8, timeout);
}

module.exports = {
    putRequest, putManyRequest, putCall, putBatchEnd, putOpen, putAfterFirst, putTimeout,
};
