// @ts-check
'use strict';
/* Results: what a write, a batch and a checkpoint answer. */
const { raw } = require('./native.js');
const { answer, refuse } = require('./errors.js');
const { describe, statementOf, STATEMENT } = require('./statement.js');
const { putRequest, putManyRequest, putBatchEnd } = require('./request.js');
const { Block, shapeIn, addRows, wholeNumber } = require('./rows.js');
const { listOf } = require('./many.js');
const { readExpect } = require('./options.js');

const NAMES = raw.WALPOOL_CALL_NAMES;
const RESULT_BYTES = 32; // of a walpool_result

/** @typedef {import('./slot.js').Slot} Slot */
/** @typedef {import('./statement.js').Statement} Statement */
/** @typedef {import('./options.js').Call} Call */
/** @typedef {import('./request.js').Params} Params */
/** @typedef {{changes: number, lastRowid: number | bigint, rows: any[],
 *   columns: readonly string[]}} WriteResult */

/** @type {readonly string[]} */
const NO_COLUMNS = Object.freeze([]);

/** @param {Int32Array} i32 @param {number} at index of changes; the rowid follows
 *  @param {Call} call @returns {WriteResult} */
function changesAt(i32, at, call) {
    const rowid = wholeNumber(i32, at + 2);
    return {
        changes: Number(wholeNumber(i32, at)),
        lastRowid: call.bigint ? BigInt(rowid) : rowid,
        rows: [],
        columns: NO_COLUMNS,
    };
}

/** Reading may fail after the write was applied: the error has to say so.
 * @param {Block} block @param {Call} call @param {WriteResult} result
 * @param {import('./shape.js').Shape} shape */
function addReturned(block, call, result, shape) {
    result.columns = shape.columns;
    try {
        addRows(block, shape, call, result.rows);
    } catch (error) {
        throw Object.assign(/** @type {Error} */ (error), { outcome: 'applied' });
    }
}

/** What the write whose block is in the slot did.
 * @param {Slot} slot @param {Statement} statement @param {Call} call */
function writeResult(slot, statement, call) {
    const block = new Block(slot, 0);
    const result = changesAt(slot.block.i32, 12, call);
    if (block.columnCount !== 0) {
        statement.shape = shapeIn(block, slot.shape);
        addReturned(block, call, result, statement.shape);
    }
    return result;
}

/* ------------------------------------------------------------------- batch */

/** @typedef {{statement: Statement, params?: Params, many?: readonly Params[],
 *   expect: number}} Item */

const ITEM_NAMES = ['sql', 'params', 'many', 'expect'];

/** @param {any} entry @param {number} index @returns {Item} */
function itemOf(entry, index) {
    if (typeof entry === 'string' || entry?.[STATEMENT]) return { statement: statementOf(entry), expect: -1 };
    if (Array.isArray(entry) && entry.length >= 1 && entry.length <= 2) {
        return { statement: statementOf(entry[0]), params: entry[1], expect: -1 };
    }
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
        throw refuse('MISUSE', `statement ${index + 1} of the batch is ${describe(entry)}: ` +
            'it must be a string, [sql, params] or { sql, params }');
    }
    for (const name of Object.keys(entry)) {
        if (ITEM_NAMES.includes(name)) continue;
        throw refuse('OPTION', `unknown property "${name}" in statement ${index + 1} ` +
            `of the batch: there are ${ITEM_NAMES.join(', ')}`);
    }
    const many = entry.many === undefined ? undefined : listOf(entry.many);
    const expect = readExpect(entry.expect);
    return { statement: statementOf(entry.sql), params: entry.params, many, expect };
}

/** An error of the work is one of this statement of the batch.
 * @template T @param {number} index @param {() => T} work */
function ofStatement(index, work) {
    try {
        return work();
    } catch (error) {
        throw Object.assign(/** @type {Error} */ (error), { statement: index });
    }
}

/** Write the requests of a batch; returns how many there are.
 * @param {Slot} slot @param {unknown} list @param {Call} call */
function putBatch(slot, list, call) {
    if (!Array.isArray(list) || list.length === 0) {
        const is = Array.isArray(list) ? 'empty' : describe(list);
        throw refuse('MISUSE', `the batch is ${is}: it must be an array of statements`);
    }
    let at = 0;
    const items = list.map((entry, index) => ofStatement(index, () => itemOf(entry, index)));
    items.forEach((item, index) => {
        at = ofStatement(index, () => putItem(slot, at, item, call));
    });
    putBatchEnd(slot);
    slot.growBlock(slot.block.bytes.length + list.length * RESULT_BYTES);
    return list.length;
}

/** @param {Slot} slot @param {number} at @param {Item} item @param {Call} call */
function putItem(slot, at, item, call) {
    const { statement, params, many, expect } = item;
    if (!many) return putRequest(slot, at, statement, params, call, NAMES, expect);
    if (many.length > 0) {
        return putManyRequest(slot, at, statement, many, 0, call, NAMES, expect);
    }
    throw refuse('PARAM', 'many is empty: leave the statement out');
}

/** @param {Slot} slot @param {number} count @param {Call} call */
function batchResults(slot, count, call) {
    const { i32 } = slot.block;
    const results = [];
    for (let at = 0; at < count * RESULT_BYTES; at += RESULT_BYTES) {
        const result = changesAt(i32, at >> 2, call);
        if (i32[(at >> 2) + 6] !== 0) {
            const block = new Block(slot, count * RESULT_BYTES + i32[(at >> 2) + 4]);
            addReturned(block, call, result, shapeIn(block, null));
        }
        results.push(result);
    }
    return results;
}

/* -------------------------------------------------------------- checkpoint */

const MODES = ['passive', 'full', 'restart', 'truncate'];
const OUTCOMES = ['complete', 'partial', 'not_reset', 'other'];

/** @param {unknown} mode @returns {number} */
function checkpointMode(mode) {
    const number = mode === undefined ? 0 : MODES.indexOf(/** @type {string} */ (mode));
    if (number >= 0) return number;
    const is = typeof mode === 'string' ? `"${mode}"` : describe(mode);
    throw refuse('MISUSE', `the mode of a checkpoint is ${is}: it must be ` +
        `one of ${MODES.join(', ')}`);
}

/** @param {Int32Array} i32 @param {number} at index of a
 *  walpool_checkpoint_result */
function checkpointResult(i32, at) {
    const why = Buffer.from(i32.buffer, (at + 8) * 4, 48);
    return {
        outcome: OUTCOMES[i32[at]],
        busy: i32[at + 1] !== 0,
        logFrames: i32[at + 2],
        checkpointedFrames: i32[at + 3],
        pinnedPid: i32[at + 5] * 4294967296 + (i32[at + 4] >>> 0),
        pinnedFrame: i32[at + 6],
        pinnedWhy: why.toString('utf8', 0, why.indexOf(0)),
    };
}

/* -------------------------------------------------------- health and leases */

/** @param {unknown} json what the library answered */
function parsed(json) {
    if (typeof json !== 'string') throw answer();
    return JSON.parse(json);
}

/** @param {number} handle */
const readHealth = (handle) => parsed(raw.walpool_health_json(handle));

/** @param {number} handle */
const readLeases = (handle) => parsed(raw.walpool_leases_json(handle));

/** @param {number} handle @returns {string} */
function readMetrics(handle) {
    const text = raw.walpool_metrics(handle);
    if (typeof text !== 'string') throw answer();
    return text;
}

/** The row of a probe, which stands behind the row of its names.
 * @param {import('./slot.js').Slot} slot */
function probeResult(slot) {
    const [writerUs, writeUs, commitUs, readUs, totalUs] =
        [0, 1, 2, 3, 4].map((step) => Number(slot.block.i64[8 + (5 + step) * 2 + 1]));
    return { writerUs, writeUs, commitUs, readUs, totalUs };
}

module.exports = {
    writeResult, putBatch, batchResults, checkpointMode, checkpointResult, readHealth, readLeases,
    readMetrics, probeResult,
};
