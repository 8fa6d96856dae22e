/* Statements on a lease, in its snapshot or transaction.
 *
 * Does: read, write, script; each is all or nothing.
 * Must not: begin or end transactions: lease_txn.c does.
 * Lock: none; whoever has the lease's `busy` is alone here. */
#include "error.h"
#include "lease_txn.h"
#include "private_run.h"
#include "txn.h"

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
    status = walpool__execute_write(lease->conn, prepared, &sink, &effect,
                                    err);
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
    status = walpool__execute_script(lease->conn, statement, &effect, err);
    if (status == WALPOOL_OK)
        status = walpool__execute_describe(rows, &effect, err);
    return end_write(lease, call, true, status, err);
}

static walpool_status
run_on_writer(struct walpool__lease *lease, const walpool_statement *statement,
              const struct walpool__call *call, walpool_rows *rows,
              walpool_error *err)
{
    struct walpool__prepared prepared;
    walpool_status status;

    if (call->flags & WALPOOL_CALL_SCRIPT)
        return run_script(lease, statement, call, rows, err);
    status = walpool__execute_prepare(lease->conn, statement, &prepared, err);
    if (status != WALPOOL_OK)
        return status;
    if (!prepared.stmt->readonly)
        return run_write(lease, &prepared, call, rows, err);
    walpool__stmt_give(&lease->conn->cache, prepared.stmt);
    return walpool__lease_read(lease, statement, call, rows, err);
}

static walpool_status
run(struct walpool__lease *lease, const walpool_statement *statement,
    struct walpool__call *call, walpool_rows *rows, walpool_error *err)
{
    walpool_status status;

    if (lease->private)
        return walpool__private_run(lease, statement, call, rows, err);
    status = walpool__lease_must_be_open(lease, err);
    if (status == WALPOOL_OK)
        status = walpool__call_check_durability(call, 0,
                                                "a statement on a lease", err);
    if (status != WALPOOL_OK)
        return status;
    return lease->kind == WALPOOL_READ
               ? walpool__lease_read(lease, statement, call, rows, err)
               : run_on_writer(lease, statement, call, rows, err);
}

walpool_status
walpool_run(walpool_lease *handle, const walpool_statement *statement,
            const walpool_call *asked, walpool_rows *rows, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status = walpool__execute_check_write(statement, asked,
                                                         err);
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
