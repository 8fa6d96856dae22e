// @ts-check
'use strict';
/* Context: which asynchronous code is inside which write block, so that a
 * second write from in there is an error at once and not a wait for itself. */
const { AsyncLocalStorage } = require('node:async_hooks');
const { refuse } = require('./errors.js');

/** A write block or savepoint that is open, and what it is nested in.
 * @typedef {{path: string, lease: object, outer: Scope | undefined,
 *   open: boolean}} Scope */

/** @type {AsyncLocalStorage<Scope>} */
const storage = new AsyncLocalStorage();

/** Paths whose writer this thread's asynchronous code holds or waits for.
 * @type {Map<string, number>} */
const writers = new Map();

/** @param {string} path @param {number} change */
function countWriter(path, change) {
    const count = (writers.get(path) ?? 0) + change;
    if (count > 0) writers.set(path, count);
    else writers.delete(path);
}

/** @param {string} path */
function refuseNested(path) {
    if (writers.size === 0) return;
    for (let scope = storage.getStore(); scope; scope = scope.outer) {
        if (scope.open && scope.path === path) {
            throw refuse('DEADLOCK', `cannot write to ${path} from inside a write block ` +
                'on it: the block has the writer; use the object that it was given');
        }
    }
}

/** A synchronous write would stop the very code that it waits for.
 * @param {string} path */
function refuseSynchronous(path) {
    if (writers.size === 0 || !writers.has(path)) return;
    throw refuse('DEADLOCK', `cannot write to ${path} synchronously while asynchronous ` +
        'code of this thread has the writer or waits for it: await that first');
}

/** The innermost scope of a lease that this code is in, if it is in one.
 * @param {object} lease */
function scopeOf(lease) {
    if (writers.size === 0) return undefined;
    let scope = storage.getStore();
    while (scope && scope.lease !== lease) scope = scope.outer;
    return scope;
}

/** Run a callback inside a new scope.
 * @template T
 * @param {string} path @param {object} lease
 * @param {(scope: Scope) => Promise<T>} callback */
function inScope(path, lease, callback) {
    const scope = { path, lease, outer: storage.getStore(), open: true };
    return storage.run(scope, callback, scope);
}

module.exports = { countWriter, refuseNested, refuseSynchronous, scopeOf, inScope };
