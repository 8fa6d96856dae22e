// @ts-check
'use strict';
/* Statements: SQL text as bytes, and what is known of its results, so that
 * neither is worked out twice. Kept per text, the most recent ones. */
const { raw } = require('./native.js');
const { refuse } = require('./errors.js');
const { BLOCK_BYTES } = require('./slot.js');

const KEPT = 512; // twice as many at most: see statementOf
const LONGEST_KEPT = 64 * 1024;
const PREPARED = raw.WALPOOL_REQUEST_PREPARED;

/** Where a prepared statement has its Statement: see prepared.js. */
const STATEMENT = Symbol('statement');

class Statement {
    /** @param {string} sql */
    constructor(sql) {
        if (!sql.isWellFormed()) {
            throw refuse('ENCODING', 'the SQL text holds a lone surrogate');
        }
        /* An empty text reaches the library as one blank, which it refuses in
         * its own words. */
        this.bytes = Buffer.from(sql || ' ', 'utf8');
        /** What the library knows it by, instead of the text, or 0. */
        this.handle = 0;
        /** Bits of its requests that say so. */
        this.flags = 0;
        /** The columns of its last result.
         * @type {import('./shape.js').Shape | null} */
        this.shape = null;
        /** Room that its results need, as far as seen. */
        this.blockBytes = BLOCK_BYTES;
    }

    /** One that has a handle and no text. @param {number} handle */
    static ofHandle(handle) {
        const statement = new Statement('');
        statement.bytes = NO_BYTES;
        statement.handle = handle;
        statement.flags = PREPARED;
        return statement;
    }
}

const NO_BYTES = Buffer.alloc(0);

/** Two generations instead of a list in order of use: a hit costs one look-up.
 * @type {Map<string, Statement>} */
let young = new Map();
/** @type {Map<string, Statement>} */
let old = new Map();

/** @param {string} sql @param {Statement} statement */
function keep(sql, statement) {
    if (young.size >= KEPT) {
        old = young;
        young = new Map();
    }
    young.set(sql, statement);
    return statement;
}

/** The statement that was asked for last; programs ask in loops. */
let lastSql = '';
let last = new Statement('');

/** @param {string | {[STATEMENT]: Statement}} sql @returns {Statement} */
function statementOf(sql) {
    if (sql === lastSql) return last;
    if (typeof sql !== 'string') return preparedOf(sql);
    const statement = young.get(sql) ?? findOld(sql);
    if (sql.length > LONGEST_KEPT) return statement;
    lastSql = sql;
    return last = statement;
}

/** @param {any} prepared @returns {Statement} */
function preparedOf(prepared) {
    const statement = prepared?.[STATEMENT];
    if (statement) return statement;
    throw refuse('MISUSE', `the SQL must be a string, not ${describe(prepared)}`);
}

/** @param {string} sql */
function findOld(sql) {
    const statement = old.get(sql) ?? new Statement(sql);
    return sql.length > LONGEST_KEPT ? statement : keep(sql, statement);
}

/** Name the type of a value for an error; never the value itself.
 * @param {unknown} value @returns {string} */
function describe(value) {
    if (value === null) return 'null';
    if (Array.isArray(value)) return 'an array';
    if (typeof value === 'function') return 'a function';
    if (typeof value !== 'object') return typeof value;
    const name = Object.getPrototypeOf(value)?.constructor?.name;
    return typeof name === 'string' && name !== 'Object' && name !== ''
        ? `an object of class ${name}` : 'an object';
}

module.exports = { statementOf, describe, Statement, STATEMENT };
