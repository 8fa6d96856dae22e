// @ts-check
'use strict';
/* Backups: what both interfaces have in common, and that of the promises. The
 * steps are the library's, carried out by its threads; the loop is here, so
 * that the callback runs between two of them. */
const { fileURLToPath } = require('node:url');
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');
const { takeSlot, giveSlot, BLOCK_BYTES } = require('./slot.js');
const { describe } = require('./statement.js');
const { Call, PLAIN, readCall } = require('./options.js');
const { putRequest } = require('./request.js');
const { send, sendCall, withSignals } = require('./queue.js');

const PHASES = /** @type {const} */ (['copy', 'check', 'place', 'done']);
/** @type {Map<unknown, number>} */
const CHECKS = new Map([['quick', 0], ['full', 2], ['none', 4]]);
const REPLACE = 1;
const MOST_PAGES = 2 ** 31 - 1;
const LONGEST_MS = 86400000;
const EXECUTE = raw.WALPOOL_PHASE_EXECUTE;

/** @typedef {{phase: typeof PHASES[number], pageSize: number, pages: number,
 *   copied: number}} Progress */

/** @param {Uint32Array} u32 @param {number} at index of a walpool_backup_progress
 *  @returns {Progress} */
function progressOf(u32, at) {
    return {
        phase: PHASES[u32[at]],
        pageSize: u32[at + 1],
        pages: u32[at + 3] * 2 ** 32 + u32[at + 2],
        copied: u32[at + 5] * 2 ** 32 + u32[at + 4],
    };
}

/* ------------------------------------------------------------ what was asked */

/** A path as the library reads it, where a request has its SQL.
 * @param {unknown} path @param {string} doing */
function pathOf(path, doing) {
    const given = path instanceof URL ? fileURLToPath(path) : path;
    if (typeof given !== 'string' && !(given instanceof Uint8Array)) {
        throw refuse('MISUSE', `cannot ${doing} ${describe(path)}: ` +
            'the path must be a string, a file: URL or bytes');
    }
    if (typeof given === 'string' && !given.isWellFormed()) {
        throw refuse('ENCODING', `cannot ${doing} a path that holds a lone surrogate`);
    }
    const bytes = Buffer.concat([Buffer.from(given), Buffer.alloc(1)]);
    if (bytes.length === 1 || bytes.indexOf(0) !== bytes.length - 1) {
        throw refuse('MISUSE', `cannot ${doing} a path that is empty or holds a NUL character`);
    }
    return /** @type {import('./statement.js').Statement} */ (
        { bytes, handle: 0, flags: 0, shape: null, blockBytes: BLOCK_BYTES });
}

/** @param {unknown} value @param {string} name @param {number} least @param {number} most */
function numberOf(value, name, least, most) {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    const is = typeof value === 'number' ? String(value) : describe(value);
    throw refuse('MISUSE', `${name} is ${is}: it must be a number from ${least} to ${most}`);
}

/** @param {unknown} check @param {unknown} replace */
function flagsOf(check, replace) {
    const flags = CHECKS.get(check);
    if (flags === undefined) {
        throw refuse('MISUSE',
            `check is ${typeof check === 'string' ? `"${check}"` : describe(check)}: ` +
            'it must be "quick", "full" or "none"');
    }
    if (typeof replace !== 'boolean') {
        throw refuse('MISUSE', `replace is ${describe(replace)}: it must be true or false`);
    }
    return replace ? flags | REPLACE : flags;
}

/** @param {any} options what the caller gave */
function readBackup(options) {
    const asked = readCall(typeof options === 'object' ? undefined : options);
    const {
        progress, pages = 1000, pause = 5, check = 'quick', replace = false, ...rest
    } = options ?? {};
    if (progress !== undefined && typeof progress !== 'function') {
        throw refuse('MISUSE', `progress is ${describe(progress)}: it must be a function`);
    }
    if (!Number.isInteger(numberOf(pages, 'pages', 1, MOST_PAGES))) {
        throw refuse('MISUSE', `pages is ${pages}: it must be a whole number`);
    }
    return {
        call: options ? readCall(rest) : asked,
        flags: flagsOf(check, replace),
        pages,
        pause: numberOf(pause, 'pause', 0, LONGEST_MS),
        /** @type {((at: Progress) => any) | undefined} */
        progress,
    };
}

/** One timeout for all steps together.
 * @param {Call} call @returns {() => Call} the call of the next step */
function clockOf(call) {
    if (call.timeout <= 0) return () => call;
    const end = performance.now() + call.timeout;
    return () => {
        const left = Math.ceil(end - performance.now());
        if (left > 0) return Object.assign(new Call(), call, { timeout: left });
        throw refuse('TIMEOUT', `cannot back up: ${call.timeout} ms passed`, { phase: EXECUTE });
    };
}

/* -------------------------------------------------------------- the promises */

/** Databases with a backup under way must not be collected.
 * @type {Set<object>} */
const atWork = new Set();

/** Ends early with a signal: the next step tells why.
 * @param {number} ms @param {readonly AbortSignal[]} signals */
async function pauseFor(ms, signals) {
    /** @type {(value?: unknown) => void} */
    let wake = () => {};
    const woken = new Promise((resolve) => { wake = resolve; });
    const timer = setTimeout(wake, ms);
    for (const signal of signals) {
        signal.addEventListener('abort', wake);
        if (signal.aborted) wake();
    }
    await woken;
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', wake);
}

/** @param {number} op @param {number} target @param {import('./statement.js').Statement} path
 *  @param {Call} call @param {number} [mode] */
async function sendPath(op, target, path, call, mode) {
    const slot = takeSlot(BLOCK_BYTES);
    try {
        putRequest(slot, 0, path, undefined, call, 0);
        return await send(slot, op, target, call, mode);
    } finally {
        giveSlot(slot);
    }
}

/** @param {ReturnType<typeof readBackup>} plan @param {number} backup
 *  @param {Call} call @param {() => Call} next */
async function takeSteps(plan, backup, call, next) {
    for (;;) {
        const done = await sendCall(raw.WALPOOL_OP_BACKUP_STEP, backup, next(), plan.pages);
        const at = progressOf(done.backup, 0);
        await plan.progress?.(at);
        if (at.phase === 'done') return at;
        if (at.phase === 'copy' && plan.pause > 0) await pauseFor(plan.pause, call.signals);
    }
}

/** @param {object} database @param {number} handle @param {unknown} to
 *  @param {object} [options] */
async function backUp(database, handle, to, options) {
    const plan = readBackup(options);
    const path = pathOf(to, 'back up to');
    atWork.add(database);
    try {
        return await withSignals(plan.call, [], async (call) => {
            const next = clockOf(call);
            const { result } = await sendPath(raw.WALPOOL_OP_BACKUP_START, handle, path, next(),
                plan.flags);
            try {
                return await takeSteps(plan, result, call, next);
            } finally {
                await sendCall(raw.WALPOOL_OP_BACKUP_FINISH, result, PLAIN);
            }
        });
    } finally {
        atWork.delete(database);
    }
}

/** @param {object} database @param {number} handle @param {unknown} from
 *  @param {object} [options] */
async function restore(database, handle, from, options) {
    const asked = readCall(options);
    const path = pathOf(from, 'restore from');
    atWork.add(database);
    try {
        await withSignals(asked, [],
            (call) => sendPath(raw.WALPOOL_OP_RESTORE, handle, path, call));
    } finally {
        atWork.delete(database);
    }
}

module.exports = { backUp, restore, readBackup, pathOf, clockOf, progressOf };
