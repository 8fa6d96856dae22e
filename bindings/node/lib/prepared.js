// @ts-check
'use strict';
/* Prepared statements, of either interface: they stand for the SQL wherever a
 * call takes one, and have the calls of their database without it. */
const { raw } = require('./native.js');
const { answer, refuse } = require('./errors.js');
const { Statement, STATEMENT, describe } = require('./statement.js');

/** @typedef {import('./request.js').Params} Params */
/** A database: what it answers, promises or values, is passed on.
 * @typedef {import('./async-calls.js').Calls | import('./sync-calls.js').CallsSync} Home */

/** Those that were dropped. @type {FinalizationRegistry<number>} */
const dropped = new FinalizationRegistry((handle) => raw.walpool_prepared_close(handle));

/** Keeps the constructor to this package. */
const KEY = Symbol('walpool');

/** Its text, before it is prepared. @param {unknown} sql @returns {string} */
function textOf(sql) {
    if (typeof sql === 'string') return sql;
    throw refuse('MISUSE', `the SQL must be a string, not ${describe(sql)}`);
}

class Prepared {
    /** @type {any} */
    #home;
    #handle;
    #sql;
    #about;
    #statement;

    /** @param {symbol} key @param {Home} home @param {string} sql
     *  @param {number} handle */
    constructor(key, home, sql, handle) {
        if (key !== KEY) throw refuse('MISUSE', 'do not construct it: call prepare()');
        this.#home = home;
        this.#handle = handle;
        this.#sql = sql;
        this.#statement = Statement.ofHandle(handle);
        dropped.register(this, handle, this);
        const about = raw.walpool_prepared_json(handle);
        if (typeof about !== 'string') throw answer();
        this.#about = JSON.parse(about, (_, value) => (Array.isArray(value) ? Object.freeze(value) : value));
    }

    get [STATEMENT]() {
        return this.#statement;
    }

    get sql() {
        return this.#sql;
    }

    get readonly() {
        return this.#about.readonly;
    }

    get parameters() {
        return this.#about.parameters;
    }

    get columns() {
        return this.#about.columns;
    }

    /** @param {Params} [params] @param {object} [options] */
    query(params, options) {
        return this.#home.query(this, params, options);
    }

    /** @param {Params} [params] @param {object} [options] */
    queryOne(params, options) {
        return this.#home.queryOne(this, params, options);
    }

    /** @param {Params} [params] @param {object} [options] */
    queryRaw(params, options) {
        return this.#home.queryRaw(this, params, options);
    }

    /** @param {Params} [params] @param {object} [options] */
    iterate(params, options) {
        return this.#home.iterate(this, params, options);
    }

    /** @param {Params} [params] @param {object} [options] */
    execute(params, options) {
        return this.#home.execute(this, params, options);
    }

    /** @param {Iterable<Params>} rows @param {object} [options] */
    executeMany(rows, options) {
        return this.#home.executeMany(this, rows, options);
    }

    close() {
        dropped.unregister(this);
        raw.walpool_prepared_close(this.#handle);
    }
}

/* Older versions of Node.js 20 lack the symbol. */
if (Symbol.dispose) {
    Object.defineProperty(Prepared.prototype, Symbol.dispose,
        { value() { this.close(); }, configurable: true, writable: true });
}

/** @param {Home} home @param {string} sql @param {number} handle 0: the answer says why */
function makePrepared(home, sql, handle) {
    if (!handle) throw answer();
    return new Prepared(KEY, home, sql, handle);
}

module.exports = { Prepared, makePrepared, textOf };
