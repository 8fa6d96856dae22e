import walpool from './index.cjs';

export default walpool;
export const {
    open, openSync, version, versionNumber,
    Database, DatabaseSync, Prepared,
    WalpoolError, MisuseError, ClosedError, BusyError, NoMemoryError, TimeoutError,
    CancelledError, DeadlockError, ForkedError, OptionError, ParamError, SqlError,
    ConstraintError, ReadonlyError, CantOpenError, NotADatabaseError, CorruptError,
    FullError, IOError, TooBigError, EncodingError, NotWalError, UnsupportedError,
    RefusedError, InternalError, PoisonedError, MismatchError, StaleError,
    CeilingError,
} = walpool;
