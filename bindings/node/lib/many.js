// @ts-check
'use strict';
/* Many rows of parameters for one statement, cut into chunks: a chunk is one
 * request, so that neither memory nor a queue's turn grows with the input. */
const { types } = require('node:util');
const { refuse } = require('./errors.js');
const { afterFirst } = require('./options.js');
const { describe } = require('./statement.js');

const CHUNK_ROWS = 10000;
const CHUNK_BYTES = 4 * 1024 * 1024; // of texts and blobs

/** @typedef {import('./request.js').Params} Params */
/** @typedef {import('./results.js').WriteResult} WriteResult */
/** A chunk, the number of its first row, and whether it is the last one.
 * @typedef {{rows: Params[], first: number, last: boolean}} Chunk */

/** @param {unknown} value */
function bytesOf(value) {
    if (typeof value === 'string') return value.length;
    return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value) ? value.byteLength : 0;
}

/** @param {unknown} row */
function weigh(row) {
    if (typeof row !== 'object' || row === null) return 0;
    let bytes = 0;
    for (const value of Array.isArray(row) ? row : Object.values(row)) bytes += bytesOf(value);
    return bytes;
}

/** @param {unknown} rows @returns {Iterator<Params>} */
function iteratorOf(rows) {
    if (typeof rows === 'object' && rows !== null && Symbol.iterator in rows &&
        !ArrayBuffer.isView(rows)) {
        return /** @type {Iterable<Params>} */ (rows)[Symbol.iterator]();
    }
    throw refuse('PARAM', 'the rows of parameters must be an array or another ' +
        `iterable of arrays or objects, not ${describe(rows)}`);
}

/** All rows at once. @param {unknown} input @returns {Params[]} */
function listOf(input) {
    return Array.from({ [Symbol.iterator]: () => iteratorOf(input) });
}

/** @param {unknown} input @returns {Generator<Chunk, void>} */
function* chunksOf(input) {
    const iterator = iteratorOf(input);
    let first = 0;
    try {
        for (let next = iterator.next(); !next.done;) {
            const rows = [];
            for (let bytes = 0; !next.done && rows.length < CHUNK_ROWS &&
                bytes < CHUNK_BYTES; next = iterator.next()) {
                rows.push(next.value);
                bytes += weigh(next.value);
            }
            yield { rows, first, last: next.done === true };
            first += rows.length;
        }
    } finally {
        iterator.return?.();
    }
}

/** The call of one of several chunks, in a transaction around them all.
 * @param {import('./options.js').Call} call */
function partOf(call) {
    if (call.once === null) return afterFirst(call);
    throw refuse('MISUSE', `more than ${CHUNK_ROWS} rows of parameters, or 4 MiB, are no single ` +
        'write, which onceKey needs: make it several, with a key each');
}

/** @param {WriteResult} sum of all chunks @param {import('./options.js').Call} call */
function asExpected(sum, call) {
    if (call.expect < 0 || sum.changes === call.expect) return sum;
    throw refuse('MISMATCH', `the statement changed ${sum.changes} rows, ${call.expect} ` +
        'expected: nothing of it is applied');
}

/** @returns {WriteResult} */
function nothing() {
    return { changes: 0, lastRowid: 0, rows: [], columns: [] };
}

/** Add what one chunk did. @param {WriteResult} sum @param {WriteResult} result */
function add(sum, result) {
    sum.changes += result.changes;
    sum.lastRowid = result.lastRowid;
    sum.columns = result.columns;
    for (const row of result.rows) sum.rows.push(row);
    return sum;
}

module.exports = { chunksOf, listOf, partOf, asExpected, nothing, add };
