/* Statements on a private lease.
 *
 * The text decides: it may read, write, begin or end transactions, and is one
 * statement or, as a script, many, each of which commits by itself unless a
 * transaction is open. What of this a statement does was seen when it was
 * prepared (guard_private.c), and kept with it in the cache.
 *
 *   reads                     its rows, by a cursor if they are many
 *   begins or ends something  as SQLite does it; nothing stops it half way
 *   writes                    slot and turn first, unless to temporary tables;
 *                             undone as a whole when it fails
 *
 * Does: run them, and settle after each.
 * Must not: look at statement text.
 * Lock: none; whoever has the lease's `busy` is alone here. */
#include "private_run.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "txn.h"

/* A statement on its way, single or of a script. */
struct run {
    struct walpool__lease *lease;
    struct walpool__private *private;
    struct walpool__conn *conn;
    struct walpool__call *call;
    walpool_error *err;
    enum walpool__verb verb;
    uint32_t seen; /* WALPOOL__SEEN_* */
    bool readonly;
    bool within; /* a transaction of the caller's was open before */
    bool nested; /* it is in a savepoint or transaction of our own */
    int64_t changes; /* of the connection, before */
};

static struct run
begin_run(struct walpool__lease *lease, struct walpool__call *call,
          walpool_error *err)
{
    lease->conn->committing = false;
    return (struct run){.lease = lease,
                        .private = lease->private,
                        .conn = lease->conn,
                        .call = call,
                        .err = err,
                        .within = walpool__conn_in_transaction(lease->conn),
                        .changes = walpool__conn_total_changes(lease->conn)};
}

/* It is about to take SQLite's write lock: be the one who may. */
static walpool_status
take_writer(const struct run *run)
{
    bool only_temp = (run->seen & WALPOOL__SEEN_TEMP) &&
                     !(run->seen & WALPOOL__SEEN_WRITE);

    return run->readonly || only_temp
               ? WALPOOL_OK
               : walpool__private_take(run->private, run->call, run->err);
}

/* BEGIN, and the caller wants the writer with it. */
static bool
begins_at_once(const struct run *run)
{
    return run->verb == WALPOOL__VERB_BEGIN && run->readonly &&
           (run->call->flags & WALPOOL_CALL_IMMEDIATE) && !run->within;
}

/* What ends a transaction must not be stopped behind its work, which an error
 * would deny: it runs as a statement of our own. */
static void
set_unstoppable(const struct run *run, bool unstoppable)
{
    if (run->verb != WALPOOL__VERB_NONE)
        run->conn->guard.off = unstoppable;
}

/* ------------------------------------------------------------- its outcome */

/* A write that was stopped while it ran takes the transaction with it: SQLite
 * mostly undoes it all, but not if the statement was just done. */
static bool
was_stopped(const struct run *run, walpool_status status)
{
    return !run->readonly && run->call->phase == WALPOOL_PHASE_EXECUTE &&
           (run->call->stopped != WALPOOL_OK || status == WALPOOL_CANCELLED);
}

static void
undo(const struct run *run, walpool_status status)
{
    if (!walpool__conn_in_transaction(run->conn))
        return;
    if (was_stopped(run, status) || (run->nested && !run->within) ||
        (run->nested &&
         walpool__txn_rollback_to(run->conn, NULL) != WALPOOL_OK))
        walpool__txn_rollback(run->conn);
}

static walpool_status
keep(const struct run *run)
{
    if (!run->nested)
        return WALPOOL_OK;
    return run->within ? walpool__txn_release(run->conn, run->err)
                       : walpool__txn_commit(run->conn, run->err);
}

/* SQLite undoes the whole transaction after some errors. Say so. */
static void
notice_loss(const struct run *run)
{
    if (!run->within || walpool__conn_in_transaction(run->conn))
        return;
    walpool__stats_add(&run->private->db->stats.rollbacks, 1);
    walpool__error_prefix(run->err, "the transaction was rolled back: ");
}

/* SQLite undoes a statement that fails, but for ON CONFLICT FAIL: it counts
 * what that has left. */
static void
set_outcome(const struct run *run)
{
    walpool_error *err = run->err;

    if (!err)
        return;
    walpool__txn_set_outcome(run->conn, err->sqlite_code, err);
    if (err->status != WALPOOL_CONSTRAINT || run->nested ||
        err->sqlite_code == SQLITE_CONSTRAINT_COMMITHOOK ||
        walpool__conn_total_changes(run->conn) == run->changes)
        return;
    err->outcome = WALPOOL_APPLIED;
    walpool__error_prefix(err, "some of it was applied, because of FAIL: ");
}

static walpool_status
conclude(const struct run *run, walpool_status status)
{
    if (status == WALPOOL_OK)
        status = keep(run);
    if (status == WALPOOL_OK) {
        run->private->undone = run->verb == WALPOOL__VERB_ROLLBACK;
        return WALPOOL_OK;
    }
    set_outcome(run);
    undo(run, status);
    notice_loss(run);
    return status;
}

/* ------------------------------------------------------------ one statement */

/* Two rows of parameters, rows that may not fit, a count to be checked: all of
 * it or nothing. ON CONFLICT FAIL keeps what came before, as in SQLite. */
static bool
must_be_nested(const struct walpool__prepared *prepared)
{
    return (prepared->params.header && prepared->params.rows > 1) ||
           prepared->expects ||
           sqlite3_column_count(prepared->stmt->native) > 0;
}

static walpool_status
refuse_expect(walpool_error *err)
{
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "expect counts rows changed, and this statement "
                              "begins a transaction");
}

static walpool_status
run_write(struct run *run, struct walpool__prepared *prepared,
          walpool_rows *rows)
{
    struct walpool__sink sink = walpool__execute_sink(run->call, rows);
    struct walpool__effect effect;
    walpool_status status =
        prepared->expects && run->verb != WALPOOL__VERB_NONE
            ? refuse_expect(run->err)
            : take_writer(run);

    run->nested = must_be_nested(prepared);
    if (status == WALPOOL_OK && run->nested)
        status = walpool__txn_savepoint(run->conn, run->err);
    if (status != WALPOOL_OK) {
        walpool__stmt_give(&run->conn->cache, prepared->stmt);
        return status;
    }
    set_unstoppable(run, true);
    status = walpool__execute_write(run->conn, prepared, &sink, &effect,
                                    run->err);
    set_unstoppable(run, false);
    return conclude(run, status);
}

static walpool_status
begin_at_once(const struct run *run, walpool_rows *rows)
{
    struct walpool__effect nothing = {
        .last_rowid = sqlite3_last_insert_rowid(run->conn->db)};
    walpool_status status = walpool__execute_describe(rows, &nothing, run->err);

    return status == WALPOOL_OK
               ? walpool__private_begin(run->private, run->call, run->err)
               : status;
}

/* PRAGMA busy_timeout: the row that SQLite would give. */
static walpool_status
answer_timeout(const struct run *run, int64_t timeout_ms, walpool_rows *rows)
{
    walpool_statement answer = {0};
    char sql[64];

    if (timeout_ms >= 0)
        run->lease->timeout_ms = timeout_ms;
    snprintf(sql, sizeof sql, "SELECT %lld AS timeout",
             (long long)run->lease->timeout_ms);
    answer.sql = sql;
    return walpool__lease_read(run->lease, &answer, run->call, rows, run->err);
}

/* What is not SQLite's to run, and has no parameter to be bound. */
static bool
is_ours(const struct run *run, const struct walpool__prepared *prepared)
{
    return prepared->params.columns == 0 &&
           (begins_at_once(run) || (run->seen & WALPOOL__SEEN_TIMEOUT));
}

static walpool_status
run_statement(struct walpool__lease *lease, const walpool_statement *statement,
              struct walpool__call *call, walpool_rows *rows,
              walpool_error *err)
{
    struct walpool__prepared prepared;
    struct run run;
    int64_t timeout_ms;
    bool ours;
    walpool_status status =
        walpool__execute_prepare(lease->conn, statement, &prepared, err);

    if (status != WALPOOL_OK)
        return status;
    run = begin_run(lease, call, err);
    run.verb = prepared.stmt->verb;
    run.seen = prepared.stmt->seen;
    run.readonly = prepared.stmt->readonly;
    ours = is_ours(&run, &prepared);
    if (!run.readonly || (run.verb != WALPOOL__VERB_NONE && !ours))
        return run_write(&run, &prepared, rows);
    timeout_ms = prepared.stmt->timeout_ms;
    walpool__stmt_give(&lease->conn->cache, prepared.stmt);
    if (ours)
        return run.verb != WALPOOL__VERB_NONE
                   ? begin_at_once(&run, rows)
                   : answer_timeout(&run, timeout_ms, rows);
    return conclude(&run,
                    walpool__lease_read(lease, statement, call, rows, err));
}

/* ----------------------------------------------------------------- a script */

static walpool_status
run_next(struct walpool__lease *lease, struct walpool__script *script,
         struct walpool__call *call, struct walpool__effect *effect,
         walpool_error *err)
{
    const struct walpool__guard *guard = &lease->conn->guard;
    struct run run = begin_run(lease, call, err);
    walpool_status status;

    run.verb = script->verb;
    run.seen = guard->seen;
    run.readonly = script->readonly;
    if ((run.seen & WALPOOL__SEEN_TIMEOUT) && guard->timeout_ms >= 0)
        lease->timeout_ms = guard->timeout_ms;
    if (begins_at_once(&run))
        return walpool__private_begin(run.private, call, err);
    status = take_writer(&run);
    if (status != WALPOOL_OK)
        return status;
    set_unstoppable(&run, true);
    status = walpool__script_run(lease->conn, script, effect, err);
    set_unstoppable(&run, false);
    return conclude(&run, status);
}

/* The block is made before anything is done, so that it cannot fail after. */
static walpool_status
run_script(struct walpool__lease *lease, const walpool_statement *statement,
           struct walpool__call *call, walpool_rows *rows, walpool_error *err)
{
    struct walpool__effect effect = {
        .last_rowid = sqlite3_last_insert_rowid(lease->conn->db)};
    struct walpool__script script;
    walpool_status status = walpool__script_begin(&script, statement, err);

    if (status == WALPOOL_OK)
        status = walpool__execute_describe(rows, &effect, err);
    while (status == WALPOOL_OK) {
        status = walpool__script_next(lease->conn, &script, err);
        if (status != WALPOOL_OK || !script.native)
            break;
        status = run_next(lease, &script, call, &effect, err);
        status = walpool__private_settle(lease->private, call, status, err);
    }
    walpool__script_end(&script);
    return status == WALPOOL_OK ? walpool__execute_describe(rows, &effect, err)
                                : status;
}

/* Nobody gets to know the cursor of rows that are thrown away. */
static void
end_newest_cursor(struct walpool__lease *lease, const walpool_rows *rows)
{
    const walpool_rows_header *header =
        rows ? (const void *)rows->data : NULL;

    if (header && header->cursor)
        walpool__cursor_end(WALPOOL__CONTAINER(
            lease->cursors.prev, struct walpool__cursor, link));
}

walpool_status
walpool__private_run(struct walpool__lease *lease,
                     const walpool_statement *statement,
                     struct walpool__call *call, walpool_rows *rows,
                     walpool_error *err)
{
    walpool_status settled, status = WALPOOL_OK;
    uint64_t ticket;

    if (call->flags & WALPOOL_CALL_DURABLE) /* can that be told at all? */
        status = walpool__db_see(lease->db, &ticket, err);
    if (status != WALPOOL_OK)
        return status;
    status = call->flags & WALPOOL_CALL_SCRIPT
                 ? run_script(lease, statement, call, rows, err)
                 : run_statement(lease, statement, call, rows, err);
    settled = walpool__private_settle(lease->private, call, status, err);
    if (status == WALPOOL_OK && settled != WALPOOL_OK)
        end_newest_cursor(lease, rows);
    return settled;
}

/* ------------------------------------------------- SQLite, for its own users */

/* Pin a private lease, and enter it. */
static struct walpool__lease *
enter(walpool_lease *handle, struct walpool__call *call,
      walpool_status *status, walpool_error *err)
{
    struct walpool__lease *lease =
        walpool__lease_pin(handle, call, NULL, status, err);

    if (!lease || lease->private)
        return lease;
    *status = walpool__error_set(err, WALPOOL_MISUSE,
                                 "this is no private lease: its connection is "
                                 "the pool's");
    walpool__lease_unpin(lease, handle, call, *status);
    return NULL;
}

void *
walpool_private_sqlite3(walpool_lease *handle, const char *source_id,
                        walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, &status, err);
    void *db = NULL;

    if (!lease)
        return NULL;
    if (source_id == sqlite3_sourceid()) {
        db = lease->conn->db;
        lease->conn->lent = true;
    } else {
        status = walpool__error_set(
            err, WALPOOL_UNSUPPORTED,
            source_id ? "the caller has another copy of SQLite than walpool: "
                        "link it with the same"
                      : "source_id is NULL: give sqlite3_sourceid()");
    }
    walpool__lease_unpin(lease, handle, &call, status);
    return db;
}

walpool_status
walpool_private_hooks(walpool_lease *handle, const walpool_hooks *hooks,
                      walpool_error *err)
{
    static const walpool_hooks none;
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, &status, err);

    if (!lease)
        return status;
    walpool__conn_set_hooks(lease->conn, hooks ? hooks : &none);
    return walpool__lease_unpin(lease, handle, &call, WALPOOL_OK);
}
