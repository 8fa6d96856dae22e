// @ts-check
'use strict';
/* The queue: calls go to the library's threads, and their completions come
 * back once per turn of the event loop, many at a time. */
const { raw } = require('./native.js');
const { answer, read } = require('./errors.js');
const { takeSlot, giveSlot, BLOCK_BYTES } = require('./slot.js');
const { Call } = require('./options.js');
const { putCall } = require('./request.js');
const { checkpointResult } = require('./results.js');

const COMPLETION_BYTES = 632; // a walpool_completion: id, result, checkpoint, error, backup
const RESULT_AT = 8;
const CHECKPOINT_AT = 16;
const ERROR_AT = 96;
const BACKUP_AT = 608;
const TAKEN_AT_ONCE = 64;
const CANCELLED = raw.WALPOOL_CANCELLED;
const CHECKPOINT = raw.WALPOOL_OP_CHECKPOINT;
const TOOBIG = raw.WALPOOL_TOOBIG;

/** @typedef {import('./slot.js').Slot} Slot */

/** What a job brought back.
 * @typedef {object} Done
 * @property {number} status
 * @property {number} result the handle that it made, or 0
 * @property {ArrayBuffer | null} error its walpool_error
 * @property {ReturnType<typeof checkpointResult> | null} checkpoint
 * @property {Uint32Array} backup its walpool_backup_progress */

/** The jobs under way, by slot.
 * @type {Map<number, {op: number, resolve: (done: Done) => void}>} */
const jobs = new Map();
const completions = new ArrayBuffer(COMPLETION_BYTES * TAKEN_AT_ONCE);
const numbers = new Uint32Array(completions);
const signed = new Int32Array(completions);
let started = false;

/** @param {number} at byte offset of a completion @param {number} op @returns {Done} */
function readCompletion(at, op) {
    const result = (at + RESULT_AT) / 4;
    const status = numbers[(at + ERROR_AT) / 4];
    return {
        status,
        result: numbers[result + 1] * 4294967296 + numbers[result],
        error: status === 0 ? null : completions.slice(at + ERROR_AT, at + BACKUP_AT),
        checkpoint: op === CHECKPOINT
            ? checkpointResult(signed, (at + CHECKPOINT_AT) / 4) : null,
        backup: numbers.slice((at + BACKUP_AT) / 4, (at + COMPLETION_BYTES) / 4),
    };
}

/** The addon calls this with the number of completions that it took.
 * @param {number} count */
function wake(count) {
    for (let at = 0; at < count * COMPLETION_BYTES; at += COMPLETION_BYTES) {
        const id = numbers[at / 4];
        const job = jobs.get(id);
        jobs.delete(id);
        job?.resolve(readCompletion(at, job.op));
    }
}

/** Hand in the request in a slot; settles when its completion was taken.
 * @param {Slot} slot @param {number} op @param {number} target a handle
 * @param {number} mode of a checkpoint, or a task
 * @param {number} [pages] of a task @returns {Promise<Done>} */
function submit(slot, op, target, mode, pages) {
    if (!started) {
        if (raw.queueOpen(completions, wake) !== 0) throw answer();
        started = true;
    }
    if (raw.submit(slot.id, op, target, mode, pages) !== 0) throw answer();
    return new Promise((resolve) => {
        jobs.set(slot.id, { op, resolve });
    });
}

/** Have the request in a slot carried out. A block that proves too small is
 * made larger: then nothing was applied.
 * @param {Slot} slot @param {number} op @param {number} target
 * @param {Call} call @param {number} [mode] @param {number} [pages] */
async function send(slot, op, target, call, mode = 0, pages = 0) {
    for (;;) {
        const done = await submit(slot, op, target, mode, pages);
        if (!done.error) return done;
        const cause = done.status === CANCELLED
            ? call.signals.find((signal) => signal.aborted)?.reason : undefined;
        const error = read(done.error, 0, cause);
        if (done.status !== TOOBIG || !slot.widenBlock()) throw error;
    }
}

/** The same for a call without a statement.
 * @template [T=Done]
 * @param {number} op @param {number} target @param {Call} call
 * @param {number} [mode] @param {(slot: Slot) => T} [take] reads the block
 * @returns {Promise<T>} */
async function sendCall(op, target, call, mode, take) {
    const slot = takeSlot(BLOCK_BYTES);
    try {
        putCall(slot, call, 0);
        const done = await send(slot, op, target, call, mode);
        return take ? take(slot) : /** @type {any} */ (done);
    } finally {
        giveSlot(slot);
    }
}

/* ------------------------------------------------------------------- tokens */

/** Cancels calls when a signal fires, or when told to. */
class Token {
    /** @type {number} */
    #handle;
    #signals;
    #cancel = () => this.cancel();

    /** @param {readonly AbortSignal[]} signals */
    constructor(signals) {
        this.#handle = raw.walpool_token_open();
        if (!this.#handle) throw answer();
        this.#signals = signals;
        for (const signal of signals) signal.addEventListener('abort', this.#cancel);
        if (signals.some((signal) => signal.aborted)) this.cancel();
    }

    /** A call that this token cancels. @param {Call} call */
    guard(call) {
        return Object.assign(new Call(), call,
            { token: this.#handle, signals: this.#signals });
    }

    cancel() {
        raw.walpool_cancel(this.#handle);
    }

    close() {
        for (const signal of this.#signals) signal.removeEventListener('abort', this.#cancel);
        raw.walpool_token_close(this.#handle);
    }
}

/** Do something with a call that its signals, and those of the block that it
 * is in, cancel.
 * @template T @param {Call} call @param {readonly AbortSignal[]} outer
 * @param {(call: Call) => Promise<T>} work @returns {Promise<T>} */
async function withSignals(call, outer, work) {
    const signals = outer.length === 0 ? call.signals : [...outer, ...call.signals];
    if (signals.length === 0) return work(call);
    const token = new Token(signals);
    try {
        return await work(token.guard(call));
    } finally {
        token.close();
    }
}

module.exports = { send, sendCall, withSignals, Token };
