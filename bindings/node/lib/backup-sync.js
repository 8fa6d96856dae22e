// @ts-check
'use strict';
/* Backups of the synchronous interface: nothing else runs meanwhile on this
 * thread, but its callback. */
const { raw } = require('./native.js');
const { answer, refuse } = require('./errors.js');
const { BLOCK_BYTES } = require('./slot.js');
const { PLAIN } = require('./options.js');
const { putRequest } = require('./request.js');
const { readBackup, pathOf, clockOf, progressOf } = require('./backup.js');
const { callOf, check, withSlot, withCall, withSignals } = require('./sync-calls.js');

const PROGRESS_WORDS = 6; // a walpool_backup_progress ends the answer
const numbers = new Uint32Array(raw.answer);
const bed = new Int32Array(new SharedArrayBuffer(4));

/** @param {ReturnType<typeof readBackup>} plan @param {number} backup
 *  @param {() => import('./options.js').Call} next */
function takeSteps(plan, backup, next) {
    for (;;) {
        withCall(withSignals(next()),
            (slot) => check(raw.walpool_backup_step(backup, plan.pages, slot)));
        const at = progressOf(numbers, numbers.length - PROGRESS_WORDS);
        if (typeof plan.progress?.(at)?.then === 'function') {
            throw refuse('MISUSE', 'progress() returned a promise, which a synchronous ' +
                'backup cannot await: use walpool.open() for asynchronous code');
        }
        if (at.phase === 'done') return at;
        if (at.phase === 'copy' && plan.pause > 0) Atomics.wait(bed, 0, 0, plan.pause);
    }
}

/** @param {number} handle @param {unknown} to @param {object} [options] */
function backUpSync(handle, to, options) {
    const plan = readBackup(options);
    const path = pathOf(to, 'back up to');
    const next = clockOf(plan.call);
    const backup = withSlot(BLOCK_BYTES, (slot) => {
        putRequest(slot, 0, path, undefined, withSignals(next()), 0);
        const made = raw.walpool_backup_start(handle, slot.id, plan.flags, slot.id);
        if (!made) throw answer();
        return made;
    });
    try {
        return takeSteps(plan, backup, next);
    } finally {
        raw.walpool_backup_finish(backup);
    }
}

/** @param {number} handle @param {unknown} from @param {object} [options] */
function restoreSync(handle, from, options) {
    const call = options === undefined ? PLAIN : callOf(options);
    const path = pathOf(from, 'restore from');
    withSlot(BLOCK_BYTES, (slot) => {
        putRequest(slot, 0, path, undefined, call, 0);
        check(raw.walpool_restore(handle, slot.id, slot.id));
    });
}

module.exports = { backUpSync, restoreSync };
