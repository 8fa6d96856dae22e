/* SQLite's result codes, in our words.
 *
 * Does: map codes to statuses and names, and fill in the error slot.
 * Must not: call SQLite for anything but messages, or decide what to do.
 * Lock: none; the connection asked is the caller's. */
#include "sqlerr.h"

#include <errno.h>
#include <string.h>

#include "error.h"

#define CODE_NAMES(X)                                                          \
    X(ERROR) X(INTERNAL) X(PERM) X(ABORT) X(BUSY) X(LOCKED) X(NOMEM)           \
    X(READONLY) X(INTERRUPT) X(IOERR) X(CORRUPT) X(NOTFOUND) X(FULL)           \
    X(CANTOPEN) X(PROTOCOL) X(EMPTY) X(SCHEMA) X(TOOBIG) X(CONSTRAINT)         \
    X(MISMATCH) X(MISUSE) X(NOLFS) X(AUTH) X(FORMAT) X(RANGE) X(NOTADB)        \
    X(NOTICE) X(WARNING) X(ROW) X(DONE)

#define EXTENDED_NAMES(X)                                                      \
    X(ERROR_MISSING_COLLSEQ) X(ERROR_RETRY) X(ERROR_SNAPSHOT)                  \
    X(IOERR_READ) X(IOERR_SHORT_READ) X(IOERR_WRITE) X(IOERR_FSYNC)            \
    X(IOERR_DIR_FSYNC) X(IOERR_TRUNCATE) X(IOERR_FSTAT) X(IOERR_UNLOCK)        \
    X(IOERR_RDLOCK) X(IOERR_DELETE) X(IOERR_BLOCKED) X(IOERR_NOMEM)            \
    X(IOERR_ACCESS) X(IOERR_CHECKRESERVEDLOCK) X(IOERR_LOCK) X(IOERR_CLOSE)    \
    X(IOERR_DIR_CLOSE) X(IOERR_SHMOPEN) X(IOERR_SHMSIZE) X(IOERR_SHMLOCK)      \
    X(IOERR_SHMMAP) X(IOERR_SEEK) X(IOERR_DELETE_NOENT) X(IOERR_MMAP)          \
    X(IOERR_GETTEMPPATH) X(IOERR_CONVPATH) X(IOERR_VNODE) X(IOERR_AUTH)        \
    X(IOERR_BEGIN_ATOMIC) X(IOERR_COMMIT_ATOMIC) X(IOERR_ROLLBACK_ATOMIC)      \
    X(IOERR_DATA) X(IOERR_CORRUPTFS) X(LOCKED_SHAREDCACHE) X(LOCKED_VTAB)      \
    X(BUSY_RECOVERY) X(BUSY_SNAPSHOT) X(BUSY_TIMEOUT) X(CANTOPEN_NOTEMPDIR)    \
    X(CANTOPEN_ISDIR) X(CANTOPEN_FULLPATH) X(CANTOPEN_CONVPATH)                \
    X(CANTOPEN_SYMLINK) X(CORRUPT_VTAB) X(CORRUPT_SEQUENCE) X(CORRUPT_INDEX)   \
    X(READONLY_RECOVERY) X(READONLY_CANTLOCK) X(READONLY_ROLLBACK)             \
    X(READONLY_DBMOVED) X(READONLY_CANTINIT) X(READONLY_DIRECTORY)             \
    X(ABORT_ROLLBACK) X(CONSTRAINT_CHECK) X(CONSTRAINT_COMMITHOOK)             \
    X(CONSTRAINT_FOREIGNKEY) X(CONSTRAINT_FUNCTION) X(CONSTRAINT_NOTNULL)      \
    X(CONSTRAINT_PRIMARYKEY) X(CONSTRAINT_TRIGGER) X(CONSTRAINT_UNIQUE)        \
    X(CONSTRAINT_VTAB) X(CONSTRAINT_ROWID) X(CONSTRAINT_PINNED)                \
    X(AUTH_USER)

#ifdef SQLITE_CONSTRAINT_DATATYPE /* 3.37 */
#define NEWER_NAMES(X) X(CONSTRAINT_DATATYPE)
#else
#define NEWER_NAMES(X)
#endif

#define NAME_CASE(name)   \
    case SQLITE_##name: \
        return "SQLITE_" #name;

static const char *
extended_name(int32_t code)
{
    switch (code) {
        EXTENDED_NAMES(NAME_CASE)
        NEWER_NAMES(NAME_CASE)
    default:
        return NULL;
    }
}

const char *
walpool_sqlite_code_name(int32_t sqlite_code)
{
    const char *name = extended_name(sqlite_code);

    if (sqlite_code == SQLITE_OK)
        return "";
    if (name)
        return name;
    switch (sqlite_code & 0xff) {
        CODE_NAMES(NAME_CASE)
    default:
        return "SQLITE_UNKNOWN";
    }
}

static const struct {
    int code;
    walpool_status status;
} statuses[] = {
    {SQLITE_ERROR, WALPOOL_SQL},         {SQLITE_INTERNAL, WALPOOL_INTERNAL},
    {SQLITE_PERM, WALPOOL_CANTOPEN},     {SQLITE_ABORT, WALPOOL_SQL},
    {SQLITE_BUSY, WALPOOL_TIMEOUT},      {SQLITE_LOCKED, WALPOOL_BUSY},
    {SQLITE_NOMEM, WALPOOL_NOMEM},       {SQLITE_READONLY, WALPOOL_READONLY},
    {SQLITE_INTERRUPT, WALPOOL_CANCELLED}, {SQLITE_IOERR, WALPOOL_IO},
    {SQLITE_CORRUPT, WALPOOL_CORRUPT},   {SQLITE_FULL, WALPOOL_FULL},
    {SQLITE_CANTOPEN, WALPOOL_CANTOPEN}, {SQLITE_PROTOCOL, WALPOOL_IO},
    {SQLITE_SCHEMA, WALPOOL_SQL},        {SQLITE_TOOBIG, WALPOOL_TOOBIG},
    {SQLITE_CONSTRAINT, WALPOOL_CONSTRAINT},
    {SQLITE_MISMATCH, WALPOOL_CONSTRAINT}, {SQLITE_MISUSE, WALPOOL_INTERNAL},
    {SQLITE_NOLFS, WALPOOL_UNSUPPORTED}, {SQLITE_AUTH, WALPOOL_REFUSED},
    {SQLITE_RANGE, WALPOOL_PARAM},       {SQLITE_NOTADB, WALPOOL_NOTADB},
};

walpool_status
walpool__sqlerr_status(int sqlite_code)
{
    if (sqlite_code == SQLITE_IOERR_NOMEM)
        return WALPOOL_NOMEM;
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
        if (statuses[i].code == (sqlite_code & 0xff))
            return statuses[i].status;
    return WALPOOL_INTERNAL;
}

static int
error_offset(sqlite3 *db)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    if (sqlite3_libversion_number() >= 3038000)
        return sqlite3_error_offset(db);
#endif
    (void)db;
    return -1;
}

/* What SQLite's message leaves open. */
static const char *
hint(int extended)
{
    if ((extended & 0xff) == SQLITE_CORRUPT && extended != SQLITE_CORRUPT_VTAB)
        return ": keep a copy of the file and its -wal, see what `walpool "
               "check` says, then restore a backup or use .recover of the "
               "sqlite3 shell";
    switch (extended) {
    case SQLITE_READONLY_DIRECTORY:
    case SQLITE_READONLY_CANTINIT:
        return ": there is no -wal or -shm file, and none can be made: allow "
               "writing to the folder, or keep the database open for writing "
               "meanwhile";
    case SQLITE_CORRUPT_VTAB:
        return ": rebuild this virtual table";
    default:
        return "";
    }
}

walpool_status
walpool__sqlerr_set(walpool_error *err, sqlite3 *db, int rc, const char *doing)
{
    int error = errno;
    int extended = rc;
    const char *why = sqlite3_errstr(rc);

    if (db && (sqlite3_errcode(db) & 0xff) == (rc & 0xff)) {
        extended = sqlite3_extended_errcode(db);
        why = sqlite3_errmsg(db);
    }
    walpool__error_set(err, walpool__sqlerr_status(extended), "cannot %s: %s%s",
                       doing, why, hint(extended));
    if (!err)
        return walpool__sqlerr_status(extended);
    err->sqlite_code = extended;
    if (db) {
        err->sql_offset = error_offset(db);
        if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN ||
            (rc & 0xff) == SQLITE_FULL)
            err->system_errno = error;
    }
    return (walpool_status)err->status;
}
