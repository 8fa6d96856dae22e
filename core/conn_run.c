/* Connection: running statements on it, and saying why they failed.
 *
 * Does: our own statements and callers', one step at a time; explain errors.
 * Must not: open or configure: conn.c does.
 * Lock: none; whoever has a connection leased is its only user. */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "handle.h"
#include "sqlerr.h"
#include "text.h"

#define ROLLBACK_TRIES 10

static const char *const own_sql[WALPOOL__OWN_COUNT] = {
    [WALPOOL__OWN_BEGIN_READ] = "BEGIN",
    [WALPOOL__OWN_SNAPSHOT] = "SELECT 1 FROM sqlite_schema LIMIT 1",
    [WALPOOL__OWN_STAY] = "PRAGMA schema_version", /* reads, has no cursor */
    [WALPOOL__OWN_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [WALPOOL__OWN_COMMIT] = "COMMIT",
    [WALPOOL__OWN_ROLLBACK] = "ROLLBACK",
    [WALPOOL__OWN_SAVEPOINT] = "SAVEPOINT " WALPOOL__SAVEPOINT_NAME,
    [WALPOOL__OWN_RELEASE] = "RELEASE " WALPOOL__SAVEPOINT_NAME,
    [WALPOOL__OWN_ROLLBACK_TO] = "ROLLBACK TO " WALPOOL__SAVEPOINT_NAME,
    [WALPOOL__OWN_ONCE_FIND] = "SELECT digest, answer FROM main.walpool_once "
                               "WHERE key = ?1 AND at > ?2",
    [WALPOOL__OWN_ONCE_KEEP] = "INSERT OR REPLACE INTO main.walpool_once"
                               "(key, at, digest, answer) "
                               "VALUES(?1, ?2, ?3, ?4)",
    [WALPOOL__OWN_ONCE_EXPIRE] = "DELETE FROM main.walpool_once WHERE id IN "
                                 "(SELECT id FROM main.walpool_once ORDER BY "
                                 "id LIMIT 4) AND at <= ?1",
};

static int
prepare_own(struct walpool__conn *conn, enum walpool__own which)
{
    sqlite3_stmt **native = &conn->own[which];

    if (*native)
        return SQLITE_OK;
    return sqlite3_prepare_v3(conn->db, own_sql[which], -1,
                              SQLITE_PREPARE_PERSISTENT, native, NULL);
}

/* A statement that stands on its row keeps its snapshot, and those beside it
 * commit by themselves. */
static void
stand(struct walpool__conn *conn, int64_t now_ns)
{
    conn->guard.off = true;
    if (prepare_own(conn, WALPOOL__OWN_STAY) == SQLITE_OK) {
        if (sqlite3_step(conn->own[WALPOOL__OWN_STAY]) == SQLITE_ROW)
            conn->warm_ns = now_ns;
        else
            sqlite3_reset(conn->own[WALPOOL__OWN_STAY]);
    }
    conn->guard.off = false;
}

/* What begins can end: it is prepared, and for a changed schema SQLite prepares
 * it anew. So it fails for want of memory only. */
void
walpool__conn_rollback(struct walpool__conn *conn)
{
    for (int i = 0; i < ROLLBACK_TRIES && walpool__conn_in_transaction(conn);
         i++)
        walpool__conn_own(conn, WALPOOL__OWN_ROLLBACK);
    if (UNLIKELY(walpool__conn_in_transaction(conn))) {
        INVARIANT(conn->recall); /* the pool closes it */
        conn->doubtful = true;
    }
}

/* A transaction that only read. A cursor that stands on a row keeps going. */
static void
end_transaction(struct walpool__conn *conn)
{
    int error = errno; /* of what the caller is about to report */

    if (walpool__conn_own(conn, WALPOOL__OWN_COMMIT) != SQLITE_OK)
        walpool__conn_rollback(conn);
    INVARIANT(!walpool__conn_in_transaction(conn));
    errno = error;
}

/* In a transaction, because the end of a statement by itself is a commit to
 * SQLite, even of nothing: a tenth of a point read, and a mutex that all
 * connections of the process share (SQLITE_ENABLE_UNLOCK_NOTIFY). */
bool
walpool__conn_stay(struct walpool__conn *conn, int64_t now_ns)
{
    if (walpool__conn_own(conn, WALPOOL__OWN_BEGIN_READ) != SQLITE_OK)
        return false;
    if (walpool__conn_own(conn, WALPOOL__OWN_STAY) != SQLITE_OK) {
        end_transaction(conn);
        return false;
    }
    conn->guard.is_ours = true;
    conn->warm_ns = now_ns;
    return true;
}

/* Whoever begins to read has begun, where a snapshot stays: the transaction is
 * theirs from now on. */
static bool
takes_over(struct walpool__conn *conn)
{
    if (!conn->warm_ns || !walpool__conn_in_transaction(conn)) {
        walpool__conn_cool(conn);
        return false;
    }
    conn->guard.is_ours = false;
    conn->warm_ns = 0;
    return true;
}

void
walpool__conn_warm(struct walpool__conn *conn,
                   const struct walpool__stmt *stmt)
{
    uint32_t seen = stmt->seen & (WALPOOL__SEEN_ROWS | WALPOOL__SEEN_MORE);

    if (!conn->hot || seen != WALPOOL__SEEN_ROWS)
        walpool__conn_cool(conn);
    else if (!conn->warm_ns)
        stand(conn, conn->call->started_ns);
}

void
walpool__conn_cool(struct walpool__conn *conn)
{
    if (!conn->warm_ns)
        return;
    conn->warm_ns = 0;
    conn->guard.is_ours = false;
    if (walpool__conn_in_transaction(conn))
        end_transaction(conn);
    else
        sqlite3_reset(conn->own[WALPOOL__OWN_STAY]);
}

int
walpool__conn_own(struct walpool__conn *conn, enum walpool__own which)
{
    int rc;

    if (which == WALPOOL__OWN_BEGIN_WRITE)
        walpool__conn_cool(conn);
    if (which == WALPOOL__OWN_BEGIN_READ && takes_over(conn))
        return SQLITE_OK;
    conn->guard.off = true;
    rc = prepare_own(conn, which);
    if (rc == SQLITE_OK && (which == WALPOOL__OWN_BEGIN_READ ||
                            which == WALPOOL__OWN_BEGIN_WRITE))
        rc = prepare_own(conn, WALPOOL__OWN_ROLLBACK); /* what begins can end */
    if (rc == SQLITE_OK) {
        errno = 0;
        rc = sqlite3_step(conn->own[which]);
        if (rc == SQLITE_ROW || rc == SQLITE_DONE)
            rc = SQLITE_OK;
        sqlite3_reset(conn->own[which]);
    }
    conn->guard.off = false;
    return rc;
}

int
walpool__conn_own_prepare(struct walpool__conn *conn, enum walpool__own which,
                          sqlite3_stmt **native)
{
    int rc;

    conn->guard.off = true;
    rc = prepare_own(conn, which);
    conn->guard.off = false;
    *native = conn->own[which];
    return rc;
}

int
walpool__conn_own_step(struct walpool__conn *conn, sqlite3_stmt *native)
{
    int rc;

    conn->guard.off = true; /* SQLite may have to prepare it anew */
    rc = sqlite3_step(native);
    conn->guard.off = false;
    return rc;
}

/* On a warm connection SQLite does not call the busy handler, and does not look
 * for a newer snapshot: it gives up before the statement has done anything. */
int
walpool__conn_step(struct walpool__conn *conn, sqlite3_stmt *native)
{
    int rc;

    PRE(conn->call);
    conn->committing = false;
    conn->call->phase = WALPOOL_PHASE_EXECUTE;
    errno = 0;
    rc = sqlite3_step(native);
    if (LIKELY((rc & 0xff) != SQLITE_BUSY || !conn->warm_ns))
        return rc;
    sqlite3_reset(native);
    walpool__conn_cool(conn);
    return sqlite3_step(native);
}

bool
walpool__conn_in_transaction(const struct walpool__conn *conn)
{
    return !sqlite3_get_autocommit(conn->db);
}

/* Who keeps SQLite from going on here? */
static void
name_locker(struct walpool__conn *conn, char *dst, size_t bytes)
{
    static const char does[] = "has the lock";
    static const char somebody[] = "the database is locked";

    if (conn->ownlocks)
        walpool__ownlocks_name_writer(conn->ownlocks, true, does, somebody,
                                      dst, bytes);
    else
        walpool__ownlocks_name_blocker(conn->path, false, does, somebody, dst,
                                       bytes);
}

bool
walpool__conn_owes_foreign_keys(const struct walpool__conn *conn)
{
    int owes = 0, unused;

    sqlite3_db_status(conn->db, SQLITE_DBSTATUS_DEFERRED_FKS, &owes, &unused,
                      0);
    return owes != 0;
}

/* By on_commit. */
static walpool_status
refused_commit(struct walpool__conn *conn, const char *doing,
               walpool_error *err)
{
    char what[96];

    snprintf(what, sizeof what, "cannot %s", doing);
    walpool__poison_refuse(conn->ownlocks->poison, what, err);
    if (err)
        err->sqlite_code = SQLITE_CONSTRAINT_COMMITHOOK;
    return WALPOOL_POISONED;
}

/* SQLite does not let a snapshot write that is not the newest any more, nor
 * does it wait for another program's lock then: it would be too late. */
static walpool_status
stale(struct walpool__conn *conn, int rc, const char *doing,
      walpool_error *err)
{
    bool open = walpool__conn_in_transaction(conn);

    walpool__error_set(
        err, WALPOOL_STALE, "cannot %s: another %s what %s has read: %s",
        doing,
        rc == SQLITE_BUSY_SNAPSHOT ? "commit came after"
                                   : "program is changing",
        open ? "this transaction" : "an open cursor",
        open ? "roll it back, and begin with BEGIN IMMEDIATE"
             : "end it, and run the statement again");
    if (err)
        err->sqlite_code = rc;
    return WALPOOL_STALE;
}

/* What was readable once is not any more. The index of a virtual table is mended
 * by writing, and a file that is no database may be an attached one. */
static bool
is_damage(const struct walpool__conn *conn, int rc)
{
    if ((rc & 0xff) == SQLITE_NOTADB)
        return !conn->guard.allow_attach;
    return (rc & 0xff) == SQLITE_CORRUPT && rc != SQLITE_CORRUPT_VTAB;
}

/* By on_progress, because a checkpoint waits for this snapshot. */
static walpool_status
recalled(int rc, const char *doing, walpool_error *err)
{
    walpool__error_set(err, WALPOOL_STALE,
                       "cannot %s: the snapshot is old and keeps the WAL above "
                       "wal_ceiling_frames, and wal_ceiling_policy is "
                       "interrupt: begin anew", doing);
    if (err)
        err->sqlite_code = rc;
    return WALPOOL_STALE;
}

/* Is the connection better closed? A descriptor, a lock, a page that it has in
 * memory, or what SQLite or we keep in mind of it may be wrong for as long as it
 * is open, and another one has its own. Other failures are none of the
 * connection's: a disk or a memory that is full (SQLite cleans up, and opening
 * would need more), a lock, a cancel, a statement, a virtual table's content. */
static bool
leaves_doubt(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_IOERR:
        return rc != SQLITE_IOERR_NOMEM;
    case SQLITE_CORRUPT:
        return rc != SQLITE_CORRUPT_VTAB;
    case SQLITE_NOTADB:
    case SQLITE_INTERNAL:
    case SQLITE_MISUSE:
        return true;
    default:
        return false;
    }
}

walpool_status
walpool__conn_error(struct walpool__conn *conn, int rc, const char *doing,
                    walpool_error *err)
{
    int primary = rc & 0xff;
    walpool_status status;

    conn->failed = true;
    conn->doubtful |= leaves_doubt(rc);
    if (primary == SQLITE_BUSY && conn->guard.is_private &&
        sqlite3_txn_state(conn->db, "main") == SQLITE_TXN_READ)
        return stale(conn, rc, doing, err);

    if (conn->call && conn->call->stopped != WALPOOL_OK &&
        (primary == SQLITE_BUSY || primary == SQLITE_INTERRUPT)) {
        char held[128] = "";

        if (primary == SQLITE_BUSY)
            name_locker(conn, held, sizeof held);
        status = walpool__call_stopped(conn->call, doing, held, err);
        if (err)
            err->sqlite_code = rc;
        return status;
    }
    if (primary == SQLITE_INTERRUPT && conn->recall &&
        walpool__recall_is_asked(conn->recall))
        return recalled(rc, doing, err);
    if (primary == SQLITE_AUTH && conn->guard.denied[0]) {
        status = walpool__error_set(err, WALPOOL_REFUSED, "%s",
                                    conn->guard.denied);
        conn->guard.denied[0] = '\0';
        if (err)
            err->sqlite_code = rc;
        return status;
    }
    if ((rc == SQLITE_CONSTRAINT_COMMITHOOK || primary == SQLITE_AUTH) &&
        conn->ownlocks && walpool__poison_is_set(conn->ownlocks->poison))
        return refused_commit(conn, doing, err);
    /* SQLite syncs a WAL that it starts anew. */
    if ((rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) &&
        conn->ownlocks)
        walpool__poison_set(conn->ownlocks->poison, WALPOOL__POISON_SYNC,
                            errno);
    if (conn->poison && is_damage(conn, rc))
        walpool__poison_set(conn->poison, WALPOOL__POISON_CORRUPT, 0);
    status = walpool__sqlerr_set(err, conn->db, rc, doing);
    if (err && primary == SQLITE_BUSY)
        err->phase = WALPOOL_PHASE_LOCK;
    return status;
}

/* What the guard saw, it saw if the statement was not prepared before; here:
 * what matters on a private connection. */
static void
remember(const struct walpool__conn *conn, struct walpool__stmt *stmt)
{
    const struct walpool__guard *guard = &conn->guard;

    if (guard->verb != WALPOOL__VERB_NONE)
        stmt->verb = walpool__conn_verb(conn, stmt);
    if (guard->seen & WALPOOL__SEEN_TIMEOUT)
        stmt->timeout_ms = guard->timeout_ms;
}

static walpool_status
prepare_text(struct walpool__conn *conn, const struct walpool__view *view,
             struct walpool__stmt **taken, walpool_error *err)
{
    const char *why = NULL;
    int rc;

    conn->guard.preparing = true;
    conn->guard.asks_mode = false;
    errno = 0;
    rc = walpool__stmt_take(&conn->cache, view->sql, view->bytes, taken, &why);
    conn->guard.preparing = false;
    if (LIKELY(rc == SQLITE_OK)) {
        (*taken)->readonly |= conn->guard.asks_mode; /* SQLite says no */
        (*taken)->seen |= conn->guard.seen;
        if (UNLIKELY(conn->guard.is_private))
            remember(conn, *taken);
        return WALPOOL_OK;
    }
    if (why)
        return walpool__error_set(
            err, rc == SQLITE_FORMAT ? WALPOOL_ENCODING : WALPOOL_SQL, "%s",
            why);
    return walpool__conn_error(conn, rc, "prepare the statement", err);
}

/* A handle that this connection has not met yet. */
static walpool_status
prepare_handle(struct walpool__conn *conn, const struct walpool__view *view,
               struct walpool__stmt **taken, walpool_error *err)
{
    walpool_status status;

    if (view->text->database != conn->stats->database)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "the statement was prepared for another "
                                  "database: prepare it for this one");
    status = prepare_text(conn, view, taken, err);
    if (status == WALPOOL_OK)
        walpool__stmt_note(&conn->cache, *taken, view->handle);
    return status;
}

static struct walpool__stmt *
take_cached(struct walpool__conn *conn, const walpool_statement *statement)
{
    if (statement->prepared)
        return LIKELY(walpool__handle_is_open(statement->prepared))
                   ? walpool__stmt_take_known(&conn->cache, statement->prepared)
                   : NULL;
    return walpool__stmt_take_cached(&conn->cache, statement->sql,
                                     statement->sql_bytes
                                         ? statement->sql_bytes
                                         : strlen(statement->sql));
}

walpool_status
walpool__conn_prepare(struct walpool__conn *conn,
                      const walpool_statement *statement,
                      struct walpool__stmt **taken, walpool_error *err)
{
    struct walpool__view view;
    walpool_status status;

    conn->guard.seen = 0;
    conn->guard.verb = WALPOOL__VERB_NONE;
    *taken = take_cached(conn, statement);
    if (LIKELY(*taken))
        return WALPOOL_OK;
    status = walpool__view_begin(&view, statement, err);
    if (status != WALPOOL_OK)
        return status;
    status = view.text ? prepare_handle(conn, &view, taken, err)
                       : prepare_text(conn, &view, taken, err);
    walpool__view_end(&view);
    return status;
}

void
walpool__conn_leave_wal(struct walpool__conn *conn)
{
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

int64_t
walpool__conn_total_changes(const struct walpool__conn *conn)
{
    return sqlite3_total_changes(conn->db);
}

/* sqlite3_changes() keeps its value over statements that are no INSERT,
 * UPDATE or DELETE; the total tells whether there was one. */
int64_t
walpool__conn_changes(const struct walpool__conn *conn, int64_t total_before)
{
    if (walpool__conn_total_changes(conn) == total_before)
        return 0;
    return sqlite3_changes(conn->db);
}

int
walpool__conn_take_frames(struct walpool__conn *conn)
{
    int frames = conn->wal_frames;

    conn->wal_frames = 0;
    return frames;
}
