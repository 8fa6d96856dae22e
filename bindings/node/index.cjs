// @ts-check
'use strict';
/* walpool for Node.js. `import` and `require` get the same objects: the ES
 * module beside this file only passes them on. */
const { raw } = require('./lib/native.js');
const { WalpoolError, classes } = require('./lib/errors.js');
const { Database } = require('./lib/database.js');
const { DatabaseSync } = require('./lib/sync.js');
const { Prepared } = require('./lib/prepared.js');

/** @param {string | URL} name @param {object} [options] */
const open = (name, options) => Database.open(name, options);

/** @param {string | URL} name @param {object} [options] */
const openSync = (name, options) => new DatabaseSync(name, options);

module.exports = {
    open,
    openSync,
    version: raw.walpool_version,
    versionNumber: raw.walpool_version_number,
    Database,
    DatabaseSync,
    Prepared,
    WalpoolError,
    MisuseError: classes.MISUSE,
    ClosedError: classes.CLOSED,
    BusyError: classes.BUSY,
    NoMemoryError: classes.NOMEM,
    TimeoutError: classes.TIMEOUT,
    CancelledError: classes.CANCELLED,
    DeadlockError: classes.DEADLOCK,
    ForkedError: classes.FORKED,
    OptionError: classes.OPTION,
    ParamError: classes.PARAM,
    SqlError: classes.SQL,
    ConstraintError: classes.CONSTRAINT,
    ReadonlyError: classes.READONLY,
    CantOpenError: classes.CANTOPEN,
    NotADatabaseError: classes.NOTADB,
    CorruptError: classes.CORRUPT,
    FullError: classes.FULL,
    IOError: classes.IO,
    TooBigError: classes.TOOBIG,
    EncodingError: classes.ENCODING,
    NotWalError: classes.NOTWAL,
    UnsupportedError: classes.UNSUPPORTED,
    RefusedError: classes.REFUSED,
    InternalError: classes.INTERNAL,
    PoisonedError: classes.POISONED,
    MismatchError: classes.MISMATCH,
    StaleError: classes.STALE,
    CeilingError: classes.CEILING,
};
