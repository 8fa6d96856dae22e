// @ts-check
'use strict';
/* Upkeep: optimize, vacuum and checks. Both interfaces ask by the same call
 * and read the same rows; only who waits is different. */
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');
const { takeSlot, giveSlot } = require('./slot.js');
const { describe } = require('./statement.js');
const { Call, readCall } = require('./options.js');
const { putCall } = require('./request.js');
const { Block, shapeIn, addRows } = require('./rows.js');

const ROOM = 128 * 1024; // for the problems of a check: or it would be made again

/** @typedef {import('./slot.js').Slot} Slot */
/** What is to be done, and how.
 * @typedef {{task: number, pages: number, call: Call}} Work */

/** @param {number} task @param {object} [options] @returns {Work} */
function workOf(task, options) {
    return { task, pages: 0, call: readCall(options) };
}

const works = {
    /** @param {object} [options] */
    optimize: (options) => workOf(raw.WALPOOL_OPTIMIZE, options),
    /** @param {object} [options] */
    vacuum: (options) => workOf(raw.WALPOOL_VACUUM, options),
    /** @param {unknown} pages @param {object} [options] */
    incrementalVacuum(pages, options) {
        const work = workOf(raw.WALPOOL_INCREMENTAL_VACUUM, options);
        if (pages === undefined) return work;
        if (!Number.isSafeInteger(pages) || /** @type {number} */ (pages) < 0) {
            const is = typeof pages === 'number' ? String(pages) : describe(pages);
            throw refuse('MISUSE', `pages is ${is}: it must be a whole number, 0 for all`);
        }
        return { ...work, pages: /** @type {number} */ (pages) };
    },
    /** @param {{full?: unknown}} [options] */
    check(options) {
        if (options !== null && typeof options !== 'object') {
            return workOf(raw.WALPOOL_QUICK_CHECK, options);
        }
        const { full = false, ...rest } = options ?? {};
        if (typeof full !== 'boolean') {
            throw refuse('MISUSE', `full is ${describe(full)}: it must be true or false`);
        }
        return workOf(full ? raw.WALPOOL_FULL_CHECK : raw.WALPOOL_QUICK_CHECK, rest);
    },
};

/** A slot that holds how to carry it out. @param {Call} call */
function slotFor(call) {
    const slot = takeSlot(ROOM);
    try {
        putCall(slot, call, 0);
        return slot;
    } catch (error) {
        giveSlot(slot);
        throw error;
    }
}

/** @param {Slot} slot */
function rowsIn(slot) {
    const block = new Block(slot, 0);
    /** @type {any[]} */
    const rows = [];
    addRows(block, shapeIn(block, null), new Call(), rows);
    return rows;
}

/** @param {Work} work @param {any[]} rows */
function answerOf(work, rows) {
    if (work.task >= raw.WALPOOL_QUICK_CHECK) return rows;
    const row = rows[0];
    return {
        pageSize: row.page_size,
        pagesBefore: row.pages_before,
        pagesAfter: row.pages_after,
        freePages: row.free_pages,
        tables: row.tables,
        walFrames: row.wal_frames,
        walFramesCheckpointed: row.wal_frames_checkpointed,
        complete: row.complete !== 0,
    };
}

/** @param {Work} work @param {(slot: Slot) => void} run */
function carryOutSync(work, run) {
    const slot = slotFor(work.call);
    try {
        run(slot);
        return answerOf(work, rowsIn(slot));
    } finally {
        giveSlot(slot);
    }
}

/** @param {Work} work @param {Call} call @param {(slot: Slot) => Promise<unknown>} run */
async function carryOut(work, call, run) {
    const slot = slotFor(call);
    try {
        await run(slot);
        return answerOf(work, rowsIn(slot));
    } finally {
        giveSlot(slot);
    }
}

/** Does it need the writer? @param {Work} work */
const writes = (work) => work.task < raw.WALPOOL_QUICK_CHECK;

module.exports = { works, carryOut, carryOutSync, writes };
