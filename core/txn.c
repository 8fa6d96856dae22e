/* Transaction: begin and end one on a connection.
 *
 * Does: run BEGIN, COMMIT and their kin, and say truly what became of a write.
 * Must not: decide when.
 * Lock: none. */
#include "txn.h"

#include <errno.h>

#include "error.h"

static walpool_status
own(struct walpool__conn *conn, enum walpool__own which, const char *doing,
    walpool_error *err)
{
    int rc = walpool__conn_own(conn, which);

    if (LIKELY(rc == SQLITE_OK))
        return WALPOOL_OK;
    return walpool__conn_error(conn, rc, doing, err);
}

walpool_status
walpool__txn_begin_write(struct walpool__conn *conn, walpool_error *err)
{
    return own(conn, WALPOOL__OWN_BEGIN_WRITE, "begin a transaction", err);
}

walpool_status
walpool__txn_begin(struct walpool__conn *conn, walpool_error *err)
{
    return own(conn, WALPOOL__OWN_BEGIN_READ, "begin a transaction", err);
}

walpool_status
walpool__txn_begin_read(struct walpool__conn *conn, walpool_error *err)
{
    walpool_status status = own(conn, WALPOOL__OWN_BEGIN_READ,
                                "begin a snapshot", err);

    if (status != WALPOOL_OK)
        return status;
    status = own(conn, WALPOOL__OWN_SNAPSHOT, "take a snapshot", err);
    if (status != WALPOOL_OK)
        walpool__txn_rollback(conn);
    return status;
}

/* Before SQLite begins to commit, nothing that it wrote makes a commit. After
 * that all of it may be in the WAL although an error came: then another process
 * cannot see it, and recovery after a crash would. A disk that is full has not
 * taken all of it. */
void
walpool__txn_set_outcome(const struct walpool__conn *conn, int sqlite_code,
                         walpool_error *err)
{
    int primary = sqlite_code & 0xff;

    if (err && conn->committing &&
        (primary == SQLITE_IOERR || primary == SQLITE_NOMEM))
        err->outcome = WALPOOL_UNKNOWN;
}

walpool_status
walpool__txn_commit(struct walpool__conn *conn, walpool_error *err)
{
    walpool_status status;
    int rc;

    conn->committing = false;
    rc = walpool__conn_own(conn, WALPOOL__OWN_COMMIT);
    if (LIKELY(rc == SQLITE_OK))
        return WALPOOL_OK;
    status = walpool__conn_error(conn, rc, "commit", err);
    walpool__txn_set_outcome(conn, rc, err);
    return status;
}

void
walpool__txn_rollback(struct walpool__conn *conn)
{
    int error = errno; /* of what the caller is about to report */

    walpool__conn_rollback(conn);
    errno = error;
}

/* A statement that stands on a row keeps the snapshot, whatever ends. */
void
walpool__txn_end_snapshot(struct walpool__conn *conn)
{
    for (sqlite3_stmt *native = sqlite3_next_stmt(conn->db, NULL); native;
         native = sqlite3_next_stmt(conn->db, native))
        if (sqlite3_stmt_busy(native))
            sqlite3_reset(native);
    walpool__txn_rollback(conn);
}

walpool_status
walpool__txn_savepoint(struct walpool__conn *conn, walpool_error *err)
{
    return own(conn, WALPOOL__OWN_SAVEPOINT, "open a savepoint", err);
}

walpool_status
walpool__txn_release(struct walpool__conn *conn, walpool_error *err)
{
    return own(conn, WALPOOL__OWN_RELEASE, "keep a savepoint", err);
}

walpool_status
walpool__txn_rollback_to(struct walpool__conn *conn, walpool_error *err)
{
    walpool_status status = own(conn, WALPOOL__OWN_ROLLBACK_TO,
                                "undo to a savepoint", err);

    return status == WALPOOL_OK ? walpool__txn_release(conn, err) : status;
}
