// @ts-check
'use strict';
/* Options: what a call or an open may be asked for. Those of a database are
 * the library's: they are passed on as text, and it names what it does not
 * know. Those of a call are checked here. */
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');
const { describe } = require('./statement.js');

const LONGEST_MS = 86400000; // a day: the library's limit, and what Infinity means

const LONGEST_KEY = 255;

/** What a call says about the disk, as flags of the library.
 * @type {Map<unknown, number>} */
const DURABILITIES = new Map([
    [undefined, 0], ['full', raw.WALPOOL_CALL_DURABLE], ['normal', raw.WALPOOL_CALL_NORMAL]]);

/** @type {readonly AbortSignal[]} */
const NO_SIGNALS = Object.freeze([]);

/** How to carry out one call. */
class Call {
    constructor() {
        this.timeout = -1; // the database's busy_timeout
        this.token = 0;
        this.why = '';
        this.arrays = false;
        this.bigint = false;
        this.durability = 0; // as flags
        this.expect = -1; // rows to be changed; -1: any number
        /** @type {Buffer | null} */
        this.once = null;
        /** @type {readonly AbortSignal[]} what cancels it */
        this.signals = NO_SIGNALS;
    }
}

/** A call of which nothing was asked. Never changed. */
const PLAIN = Object.freeze(new Call());

/** @param {unknown} value */
function readTimeout(value) {
    if (value === undefined || value === null) return -1;
    if (value === Infinity) return LONGEST_MS;
    if (typeof value !== 'number' || Number.isNaN(value) || value < -1) {
        const is = typeof value === 'number' ? String(value) : describe(value);
        throw refuse('MISUSE',
            `timeout is ${is}: it must be milliseconds, 0 or more, or Infinity`);
    }
    return Math.ceil(value);
}

/** @param {unknown} value */
function readWhy(value) {
    if (value === undefined || value === null) return '';
    if (typeof value !== 'string') {
        throw refuse('MISUSE', `why is ${describe(value)}: it must be a string`);
    }
    if (!value.isWellFormed()) {
        throw refuse('ENCODING', 'why holds a lone surrogate');
    }
    return value;
}

/** @param {unknown} value @returns {readonly AbortSignal[]} */
function readSignal(value) {
    if (value === undefined || value === null) return NO_SIGNALS;
    const signal = /** @type {AbortSignal} */ (value);
    if (typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') {
        return [signal];
    }
    throw refuse('MISUSE', `signal is ${describe(value)}: it must be an AbortSignal`);
}

/** @param {unknown} value */
function readRows(value) {
    if (value === undefined || value === 'object') return false;
    if (value === 'array') return true;
    throw refuse('MISUSE',
        `rows is ${typeof value === 'string' ? `"${value}"` : describe(value)}: ` +
        'it must be "object" or "array"');
}

/** @param {unknown} value */
function readBigint(value) {
    if (value === undefined) return false;
    if (typeof value === 'boolean') return value;
    throw refuse('MISUSE', `bigint is ${describe(value)}: it must be true or false`);
}

/** @param {unknown} value */
function readDurability(value) {
    const flags = DURABILITIES.get(value);
    if (flags !== undefined) return flags;
    throw refuse('MISUSE',
        `durability is ${typeof value === 'string' ? `"${value}"` : describe(value)}: ` +
        'it must be "full" or "normal"');
}

/** @param {unknown} value */
function readExpect(value) {
    if (value === undefined || value === null) return -1;
    if (Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0) {
        return /** @type {number} */ (value);
    }
    const is = typeof value === 'number' ? String(value) : describe(value);
    throw refuse('MISUSE', `expect is ${is}: it must be a whole number of rows, 0 or more`);
}

/** @param {unknown} value @returns {Buffer | null} */
function readOnceKey(value) {
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
        throw refuse('MISUSE', `onceKey is ${describe(value)}: it must be a string or bytes`);
    }
    if (typeof value === 'string' && !value.isWellFormed()) {
        throw refuse('ENCODING', 'onceKey holds a lone surrogate');
    }
    const key = Buffer.from(value); // a copy: the caller may change its bytes
    if (key.length >= 1 && key.length <= LONGEST_KEY) return key;
    throw refuse('MISUSE', `once_key has ${key.length} bytes: it must have 1 to ${LONGEST_KEY}`);
}

/** @type {Record<string, (call: Call, value: any) => void>} */
const readers = {
    __proto__: /** @type {any} */ (null),
    timeout(call, value) { call.timeout = readTimeout(value); },
    why(call, value) { call.why = readWhy(value); },
    rows(call, value) { call.arrays = readRows(value); },
    bigint(call, value) { call.bigint = readBigint(value); },
    signal(call, value) { call.signals = readSignal(value); },
    durability(call, value) { call.durability = readDurability(value); },
    expect(call, value) { call.expect = readExpect(value); },
    onceKey(call, value) { call.once = readOnceKey(value); },
};

/** @param {unknown} options what the caller gave @returns {Call} */
function readCall(options) {
    if (options === undefined || options === null) return PLAIN;
    if (typeof options !== 'object') {
        throw refuse('MISUSE', `the options are ${describe(options)}: they must be an object`);
    }
    const call = new Call();
    for (const [name, value] of Object.entries(options)) {
        const read = readers[name];
        if (!read) {
            throw refuse('OPTION', `unknown option "${name}" of a call: there are ` +
                Object.keys(readers).join(', '));
        }
        read(call, value);
    }
    return call;
}

/** The call as it is for all but its first request. @param {Call} call */
function afterFirst(call) {
    if (call.durability === 0 && call.expect < 0 && call.once === null) return call;
    return Object.assign(new Call(), call, { durability: 0, expect: -1, once: null });
}

/* ----------------------------------------------------------------- opening */

/** busyTimeout is the library's busy_timeout.
 * @param {string} name */
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** @param {string} name @param {unknown} value */
function optionText(name, value) {
    if (value === Infinity) return '-1';
    if (name === 'permissions' && typeof value === 'number') return value.toString(8);
    if (typeof value === 'string' || typeof value === 'boolean' ||
        typeof value === 'number' || typeof value === 'bigint') return String(value);
    throw refuse('OPTION', `option "${name}" is ${describe(value)}: ` +
        'it must be a string, a number or a boolean');
}

/** @param {string} what @param {string} text */
function checkText(what, text) {
    if (!text.isWellFormed()) throw refuse('ENCODING', `${what} holds a lone surrogate`);
    if (text.includes('\0')) throw refuse('MISUSE', `${what} holds a NUL character`);
    return text;
}

/** @param {string} text */
const escaped = (text) => text.replace(/[^A-Za-z0-9_.-]/gu, encodeURIComponent);

/** Options as `name=value&name=value`, for walpool_options_parse.
 * @param {unknown} options */
function openText(options) {
    if (options === undefined || options === null) return '';
    if (typeof options !== 'object' || Array.isArray(options)) {
        throw refuse('MISUSE', `the options are ${describe(options)}: they must be an object`);
    }
    return Object.entries(options)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => {
            if (!/^\w+$/.test(name)) throw refuse('OPTION', `unknown option "${name}"`);
            const text = checkText(`option "${name}"`, optionText(name, value));
            return `${snake(name)}=${escaped(text)}`;
        })
        .join('&');
}

/** A path or DSN. @param {unknown} name */
function openName(name) {
    if (name instanceof URL) return checkText('the URL', name.href);
    if (typeof name !== 'string') {
        throw refuse('MISUSE', 'the name of the database must be a string or a ' +
            `file: URL, not ${describe(name)}`);
    }
    return checkText('the name of the database', name);
}

module.exports = {
    Call, PLAIN, readCall, readTimeout, readExpect, afterFirst, openText, openName,
};
