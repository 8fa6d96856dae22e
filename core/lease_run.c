/* Statements on a lease, in its snapshot or transaction.
 *
 * Does: read, write, script; each is all or nothing. Sees what of it is a
 * transaction's own statement.
 * Must not: begin or end transactions: lease_txn.c does.
 * Lock: none; whoever has the lease's `busy` is alone here. */
#include <string.h>

#include "error.h"
#include "lease_txn.h"
#include "private_run.h"
#include "txn.h"
#include "verb.h"

walpool_status
walpool__lease_read(struct walpool__lease *lease,
                    const walpool_statement *statement,
                    const struct walpool__call *call, walpool_rows *rows,
                    walpool_error *err)
{
    struct walpool__fetch fetch = {.known_shape = call->shape,
                                   .want_names =
                                       call->flags & WALPOOL_CALL_NAMES,
                                   .first = call->flags & WALPOOL_CALL_FIRST};
    walpool_rows_header *header;
    walpool_status status = walpool__execute_read(lease->conn, statement,
                                                  &fetch, rows, &header, err);

    if (status != WALPOOL_OK || !fetch.more)
        return status;
    header->cursor = walpool__cursor_make(lease, &fetch);
    if (header->cursor)
        return WALPOOL_OK;
    walpool__stmt_give(&lease->conn->cache, fetch.stmt);
    return walpool__error_nomem(err, "a cursor");
}

/* A write on the lease has ended, in a savepoint of its own if `nested`: keep
 * it or undo it. One that was stopped while it ran takes the transaction with
 * it: SQLite mostly undoes it all, but not if the statement was just done. */
static walpool_status
end_write(struct walpool__lease *lease, const struct walpool__call *call,
          bool nested, walpool_status status, walpool_error *err)
{
    if (!walpool__conn_in_transaction(lease->conn))
        return status;
    if (status != WALPOOL_OK && call->stopped != WALPOOL_OK)
        walpool__txn_rollback(lease->conn);
    else if (nested && status == WALPOOL_OK)
        status = walpool__txn_release(lease->conn, err);
    if (status == WALPOOL_OK || !nested ||
        !walpool__conn_in_transaction(lease->conn))
        return status;
    if (walpool__txn_rollback_to(lease->conn, NULL) != WALPOOL_OK)
        walpool__txn_rollback(lease->conn);
    return status;
}

static walpool_status
run_write(struct walpool__lease *lease, struct walpool__prepared *prepared,
          const struct walpool__call *call, walpool_rows *rows,
          walpool_error *err)
{
    struct walpool__sink sink = walpool__execute_sink(call, rows);
    struct walpool__effect effect;
    bool nested = walpool__execute_may_leave_some(prepared);
    walpool_status status =
        nested ? walpool__txn_savepoint(lease->conn, err) : WALPOOL_OK;

    if (status != WALPOOL_OK) {
        walpool__stmt_give(&lease->conn->cache, prepared->stmt);
        return status;
    }
    status = walpool__execute_write(lease->conn, prepared, &sink, &effect, err);
    return end_write(lease, call, nested, status, err);
}

static walpool_status
run_script(struct walpool__lease *lease, const walpool_statement *statement,
           const struct walpool__call *call, walpool_rows *rows,
           walpool_error *err)
{
    struct walpool__effect effect;
    walpool_status status = walpool__txn_savepoint(lease->conn, err);

    if (status != WALPOOL_OK)
        return status;
    lease->conn->guard.place = WALPOOL__TEXT_IN_SCRIPT;
    status = walpool__execute_script(lease->conn, statement, &effect, err);
    lease->conn->guard.place = WALPOOL__TEXT_BY_ITSELF;
    if (status == WALPOOL_OK)
        status = walpool__execute_describe(rows, &effect, err);
    return end_write(lease, call, true, status, err);
}

/* A text that begins or ends something is not run, but done as by the call.
 * Nothing may fail after it: so the block comes first. */
static walpool_status
run_verb(struct walpool__lease *lease, enum walpool__verb verb,
         const struct walpool__params *params, struct walpool__call *call,
         walpool_rows *rows, walpool_error *err)
{
    uint32_t takes =
        verb <= WALPOOL__VERB_COMMIT ? WALPOOL__CALL_DURABILITY : 0;
    struct walpool__effect effect = {0};
    walpool_status status =
        walpool__call_check_durability(call, takes, "such a statement", err);
    char savepoint[WALPOOL__SAVEPOINT_BYTES] = "";

    if (status == WALPOOL_OK && params->columns > 0)
        status = walpool__error_set(err, WALPOOL_PARAM,
                                    "the statement has no parameters, and %u "
                                    "were given",
                                    (unsigned)params->columns);
    if (status == WALPOOL_OK)
        status = walpool__execute_describe(rows, &effect, err);
    if (status != WALPOOL_OK)
        return status;
    if (lease->conn)
        memcpy(savepoint, lease->conn->guard.savepoint, sizeof savepoint);
    return walpool__lease_obey(lease, verb, savepoint, call, err);
}

/* Between two transactions a lease has no connection, and runs what begins the
 * next one only. */
static walpool_status
run_on_none(struct walpool__lease *lease, const walpool_statement *statement,
            struct walpool__call *call, walpool_rows *rows, walpool_error *err)
{
    struct walpool__params params;
    walpool_status status;

    if (call->flags & WALPOOL_CALL_SCRIPT ||
        walpool__verb_of(statement, &lease->db->stats) != WALPOOL__VERB_BEGIN)
        return walpool__lease_must_be_open(lease, err);
    status = walpool__params_check(statement->params, statement->params_bytes,
                                   &params, err);
    if (status != WALPOOL_OK)
        return status;
    return run_verb(lease, WALPOOL__VERB_BEGIN, &params, call, rows, err);
}

static walpool_status
run_prepared(struct walpool__lease *lease, struct walpool__prepared *prepared,
             const walpool_statement *statement, struct walpool__call *call,
             walpool_rows *rows, walpool_error *err)
{
    walpool_status status =
        walpool__call_check_durability(call, 0, "a statement on a lease", err);

    if (status == WALPOOL_OK && !prepared->stmt->readonly)
        return run_write(lease, prepared, call, rows, err);
    walpool__stmt_give(&lease->conn->cache, prepared->stmt);
    if (status != WALPOOL_OK)
        return status;
    return walpool__lease_read(lease, statement, call, rows, err);
}

static walpool_status
run_on_writer(struct walpool__lease *lease, const walpool_statement *statement,
              struct walpool__call *call, walpool_rows *rows,
              walpool_error *err)
{
    struct walpool__guard *guard = &lease->conn->guard;
    enum walpool__verb verb = WALPOOL__VERB_NONE;
    struct walpool__prepared prepared;
    walpool_status status;

    if (call->flags & WALPOOL_CALL_SCRIPT)
        return run_script(lease, statement, call, rows, err);
    guard->place = WALPOOL__TEXT_ON_WRITER;
    status = walpool__execute_prepare(lease->conn, statement, &prepared, err);
    if (status == WALPOOL_OK)
        verb = walpool__conn_verb(lease->conn, prepared.stmt);
    if (status == WALPOOL_OK && LIKELY(verb == WALPOOL__VERB_NONE))
        status = run_prepared(lease, &prepared, statement, call, rows, err);
    guard->place = WALPOOL__TEXT_BY_ITSELF;
    if (LIKELY(verb == WALPOOL__VERB_NONE))
        return status;
    walpool__stmt_forget(&lease->conn->cache, prepared.stmt);
    walpool__stmt_give(&lease->conn->cache, prepared.stmt);
    return run_verb(lease, verb, &prepared.params, call, rows, err);
}

static walpool_status
run_on_reader(struct walpool__lease *lease, const walpool_statement *statement,
              struct walpool__call *call, walpool_rows *rows,
              walpool_error *err)
{
    walpool_status status = walpool__lease_must_be_open(lease, err);

    if (status == WALPOOL_OK)
        status = walpool__call_check_durability(call, 0,
                                                "a statement on a lease", err);
    if (status != WALPOOL_OK)
        return status;
    lease->conn->guard.place = WALPOOL__TEXT_ON_READER;
    status = walpool__lease_read(lease, statement, call, rows, err);
    lease->conn->guard.place = WALPOOL__TEXT_BY_ITSELF;
    return status;
}

static walpool_status
run(struct walpool__lease *lease, const walpool_statement *statement,
    struct walpool__call *call, walpool_rows *rows, walpool_error *err)
{
    if (lease->private)
        return walpool__private_run(lease, statement, call, rows, err);
    if (lease->kind == WALPOOL_READ)
        return run_on_reader(lease, statement, call, rows, err);
    if (lease->in_transaction)
        return run_on_writer(lease, statement, call, rows, err);
    return run_on_none(lease, statement, call, rows, err);
}

walpool_status
walpool_run(walpool_lease *handle, const walpool_statement *statement,
            const walpool_call *asked, walpool_rows *rows, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status = walpool__execute_check_write(statement, asked, err);
    struct walpool__lease *lease;

    if (status != WALPOOL_OK)
        return status;
    lease = walpool__lease_pin(handle, &call, asked, &status, err);
    if (!lease)
        return status;
    walpool__rows_clear(rows);
    status = run(lease, statement, &call, rows, err);
    if (status != WALPOOL_OK) {
        walpool__rows_clear(rows);
        walpool__lease_notice_loss(lease, err);
    }
    return walpool__lease_unpin(lease, handle, &call, status);
}
