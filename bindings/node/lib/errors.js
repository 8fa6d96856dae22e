// @ts-check
'use strict';
/* Errors: one class per status, filled from the 512 bytes of walpool_error. */
const { getSystemErrorName } = require('node:util');
const { raw } = require('./native.js');

const PHASES = /** @type {const} */ ([
    'none', 'queue', 'lock', 'execute', 'turn', 'sync', 'ceiling',
]);
const OUTCOMES = /** @type {const} */ (['not_applied', 'applied', 'unknown']);
const MESSAGE_AT = 32;

/** @typedef {{status: number, sqliteCode?: number, errno?: number,
 *   sqlOffset?: number, statement?: number, phase?: number, outcome?: number,
 *   message: string, cause?: unknown}} Facts */

class WalpoolError extends Error {
    /** @param {Facts} facts */
    constructor(facts) {
        super(facts.message,
            facts.cause === undefined ? undefined : { cause: facts.cause });
        const sqliteCode = facts.sqliteCode ?? 0;
        const errno = facts.errno ?? 0;
        /** @type {string} */
        this.code = raw.walpool_status_name(facts.status);
        this.status = facts.status;
        this.sqliteCode = sqliteCode;
        /** @type {string} */
        this.sqliteName = sqliteCode ? raw.walpool_sqlite_code_name(sqliteCode) : '';
        this.errno = errno;
        this.errnoName = errno ? getSystemErrorName(-errno) : '';
        this.sqlOffset = facts.sqlOffset ?? -1;
        this.statement = facts.statement ?? -1;
        this.phase = PHASES[facts.phase ?? 0];
        this.outcome = OUTCOMES[facts.outcome ?? 0];
    }
}

/** The name shows in stack traces, so it belongs to the class.
 * @param {typeof WalpoolError} type @param {string} name */
function nameError(type, name) {
    Object.defineProperty(type, 'name', { value: name, configurable: true });
    Object.defineProperty(type.prototype, 'name',
        { value: name, configurable: true, writable: true });
}
nameError(WalpoolError, 'WalpoolError');

/** @param {string} name @returns {typeof WalpoolError} */
function subclass(name) {
    const type = class extends WalpoolError {};
    nameError(type, name);
    return type;
}

/** Status names of walpool.h without their prefix, and their classes. */
const classes = {
    MISUSE: subclass('MisuseError'),
    CLOSED: subclass('ClosedError'),
    BUSY: subclass('BusyError'),
    NOMEM: subclass('NoMemoryError'),
    TIMEOUT: subclass('TimeoutError'),
    CANCELLED: subclass('CancelledError'),
    DEADLOCK: subclass('DeadlockError'),
    FORKED: subclass('ForkedError'),
    OPTION: subclass('OptionError'),
    PARAM: subclass('ParamError'),
    SQL: subclass('SqlError'),
    CONSTRAINT: subclass('ConstraintError'),
    READONLY: subclass('ReadonlyError'),
    CANTOPEN: subclass('CantOpenError'),
    NOTADB: subclass('NotADatabaseError'),
    CORRUPT: subclass('CorruptError'),
    FULL: subclass('FullError'),
    IO: subclass('IOError'),
    TOOBIG: subclass('TooBigError'),
    ENCODING: subclass('EncodingError'),
    NOTWAL: subclass('NotWalError'),
    UNSUPPORTED: subclass('UnsupportedError'),
    REFUSED: subclass('RefusedError'),
    INTERNAL: subclass('InternalError'),
    POISONED: subclass('PoisonedError'),
    MISMATCH: subclass('MismatchError'),
    STALE: subclass('StaleError'),
    CEILING: subclass('CeilingError'),
};

/** @type {Map<number, typeof WalpoolError>} */
const byStatus = new Map(Object.entries(classes).map(
    ([name, type]) => [raw[`WALPOOL_${name}`], type]));

/** Make an error of the class of its status.
 * @param {Facts} facts */
function make(facts) {
    return new (byStatus.get(facts.status) ?? classes.INTERNAL)(facts);
}

/** An error that this side found before the library was asked.
 * @param {keyof typeof classes} name @param {string} message
 * @param {Partial<Facts>} [more] */
function refuse(name, message, more) {
    return make({ ...more, status: raw[`WALPOOL_${name}`], message });
}

/** The error of a lease of the other kind.
 * @param {'begin' | 'fresh'} verb */
function refuseVerb(verb) {
    return refuse('MISUSE', verb === 'begin'
        ? 'begin() is for write leases: fresh() takes the newest snapshot'
        : 'fresh() is for read leases: commit or roll back, then begin()');
}

/** Read a walpool_error.
 * @param {ArrayBuffer} memory @param {number} [at] a multiple of 4
 * @param {unknown} [cause] */
function read(memory, at = 0, cause) {
    const numbers = new Int32Array(memory, at, MESSAGE_AT / 4);
    const text = Buffer.from(memory, at + MESSAGE_AT, 512 - MESSAGE_AT);
    const end = text.indexOf(0);
    return make({
        status: numbers[0],
        sqliteCode: numbers[1],
        errno: numbers[2],
        sqlOffset: numbers[3],
        statement: numbers[4],
        phase: numbers[5],
        outcome: numbers[6],
        message: text.toString('utf8', 0, end < 0 ? text.length : end),
        cause,
    });
}

/** The error of the synchronous call that just failed. */
function answer() {
    return read(raw.answer);
}

module.exports = { WalpoolError, classes, refuse, refuseVerb, read, answer };
