/* Transactions of a lease, and the snapshots of a reader.
 *
 * Does: begin, nest, commit, roll back; notice what SQLite undid by itself.
 * Must not: be called without the lease's `busy`.
 * Lock: none; whoever has `busy` is alone here. */
#include "lease_txn.h"

#include "clock.h"
#include "error.h"
#include "txn.h"

walpool_status
walpool__lease_must_be_open(const struct walpool__lease *lease,
                            walpool_error *err)
{
    if (lease->in_transaction)
        return WALPOOL_OK;
    if (lease->lost_snapshot)
        return walpool__lease_must_be_current(lease, err);
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "the transaction of this lease has ended: begin "
                              "the next one, or release it");
}

/* SQLite undoes the whole transaction after some errors (disk full, I/O
 * error, no memory, an interrupted write). Say so, and let the writer go. */
void
walpool__lease_notice_loss(struct walpool__lease *lease, walpool_error *err)
{
    if (!lease->in_transaction || walpool__conn_in_transaction(lease->conn))
        return;
    walpool__stats_add(&lease->db->stats.rollbacks, 1);
    walpool__error_prefix(err, "the transaction was rolled back: ");
    if (lease->kind == WALPOOL_WRITE)
        walpool__lease_give_writer(lease);
    else
        lease->in_transaction = false;
}

static walpool_status
begin_writer(struct walpool__lease *lease, struct walpool__call *call,
             walpool_error *err)
{
    walpool_status status;

    if (lease->in_transaction)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a transaction is open: use a savepoint");
    if (!call->why && lease->why[0])
        call->why = lease->why;
    status =
        walpool__lease_take_writer(lease->db, call, lease->any_thread, err);
    if (status != WALPOOL_OK)
        return status;
    lease->conn = lease->db->writer.conn;
    lease->in_transaction = true;
    if (call->flags & WALPOOL__CALL_DURABILITY)
        lease->durability = call->flags & WALPOOL__CALL_DURABILITY;
    return WALPOOL_OK;
}

static walpool_status
begin_reader(struct walpool__lease *lease, struct walpool__call *call,
             walpool_error *err)
{
    struct walpool__reader *reader = lease->reader;
    walpool_status status = walpool__call_check_durability(
        call, WALPOOL_CALL_DURABLE, "a reader", err);
    bool passes;

    if (status != WALPOOL_OK)
        return status;
    if (!walpool__list_is_empty(&lease->cursors))
        return walpool__error_set(err, WALPOOL_BUSY,
                                  "a cursor of this lease is open: close it "
                                  "first");
    walpool__txn_rollback(lease->conn);
    walpool__recall_drop(&reader->recall);
    lease->lost_snapshot = lease->in_transaction = false;
    passes = walpool__waitq_pass(&lease->db->pool.queue, call);
    atomic_store(&reader->begun_ns, walpool__clock_now());
    walpool__recall_begin(&reader->recall);
    if (!passes)
        return walpool__call_stopped(call, "begin", "a checkpoint has readers "
                                     "wait for a moment", err);
    status = walpool__lease_take_snapshot(lease->db, reader, call, err);
    lease->in_transaction = status == WALPOOL_OK;
    return status;
}

walpool_status
walpool_begin(walpool_lease *handle, const walpool_call *asked,
              walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease =
        walpool__lease_pin(handle, &call, asked, &status, err);

    if (!lease)
        return status;
    if (lease->private) {
        status = walpool__private_begin(lease->private, &call, err);
        return walpool__lease_unpin(lease, handle, &call, status);
    }
    status = lease->kind == WALPOOL_READ ? begin_reader(lease, &call, err)
                                         : begin_writer(lease, &call, err);
    return walpool__lease_unpin(lease, handle, &call, status);
}

static walpool_status
must_be_writing(const struct walpool__lease *lease, walpool_error *err)
{
    if (lease->private)
        return WALPOOL_OK; /* SQLite knows */
    if (lease->kind == WALPOOL_WRITE)
        return walpool__lease_must_be_open(lease, err);
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "this is a reader: it has no transaction to "
                              "commit, undo or nest");
}

static walpool_status
savepoint(struct walpool__lease *lease, walpool_error *err)
{
    walpool_status status;

    if (lease->private)
        return walpool__private_savepoint(lease->private, err);
    status = must_be_writing(lease, err);
    if (status == WALPOOL_OK)
        status = walpool__nest_open(&lease->nest, lease->conn, NULL, err);
    return status;
}

walpool_status
walpool_savepoint(walpool_lease *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease =
        walpool__lease_pin(handle, &call, NULL, &status, err);

    if (!lease)
        return status;
    status = savepoint(lease, err);
    return walpool__lease_unpin(lease, handle, &call, status);
}

static walpool_status
must_have_no_cursor(const struct walpool__lease *lease, walpool_error *err)
{
    if (walpool__list_is_empty(&lease->cursors))
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_BUSY,
                              "a cursor of this transaction is open: "
                              "close it first");
}

/* Commit the transaction, with the savepoints that are open. */
static walpool_status
commit(struct walpool__lease *lease, struct walpool__call *call,
       walpool_error *err)
{
    walpool_status status = must_have_no_cursor(lease, err);

    if (status != WALPOOL_OK)
        return status;
    if (!(call->flags & WALPOOL__CALL_DURABILITY))
        call->flags |= lease->durability;
    status = walpool__txn_commit(lease->conn, err);
    if (status != WALPOOL_OK)
        return status;
    walpool__stats_add(&lease->db->stats.writes, 1);
    return walpool__db_settle(lease->db, walpool__lease_give_writer(lease),
                              call, err);
}

/* Keep what was done in a savepoint; NULL: in the newest. */
static walpool_status
keep(struct walpool__lease *lease, const char *savepoint, walpool_error *err)
{
    walpool_status status = must_have_no_cursor(lease, err);

    if (status != WALPOOL_OK)
        return status;
    return walpool__nest_keep(&lease->nest, lease->conn, savepoint, err);
}

static walpool_status
commit_innermost(struct walpool__lease *lease, struct walpool__call *call,
                 walpool_error *err)
{
    if (lease->private)
        return walpool__private_commit(lease->private, call, err);
    return lease->nest.ours > 0 ? keep(lease, NULL, err)
                                : commit(lease, call, err);
}

walpool_status
walpool_commit(walpool_lease *handle, const walpool_call *asked,
               walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease =
        walpool__lease_pin(handle, &call, asked, &status, err);

    if (!lease)
        return status;
    status = must_be_writing(lease, err);
    if (status == WALPOOL_OK) {
        status = commit_innermost(lease, &call, err);
        if (status != WALPOOL_OK)
            walpool__lease_notice_loss(lease, err);
    }
    return walpool__lease_unpin(lease, handle, &call, status);
}

/* Undo the transaction, with all of its savepoints. */
static walpool_status
undo(struct walpool__lease *lease)
{
    walpool__lease_end_cursors(lease);
    walpool__txn_rollback(lease->conn);
    walpool__stats_add(&lease->db->stats.rollbacks, 1);
    walpool__lease_give_writer(lease);
    return WALPOOL_OK;
}

/* Undo what was done since a savepoint; NULL: since the newest. */
static walpool_status
undo_to(struct walpool__lease *lease, const char *savepoint, walpool_error *err)
{
    walpool__lease_end_cursors(lease);
    return walpool__nest_undo(&lease->nest, lease->conn, savepoint, err);
}

static walpool_status
undo_innermost(struct walpool__lease *lease, struct walpool__call *call,
               walpool_error *err)
{
    walpool_status status;

    if (lease->private)
        return walpool__private_rollback(lease->private, call, err);
    if (lease->nest.ours == 0)
        return undo(lease);
    status = undo_to(lease, NULL, err);
    return status == WALPOOL_OK ? keep(lease, NULL, err) : status;
}

walpool_status
walpool_rollback(walpool_lease *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease =
        walpool__lease_pin(handle, &call, NULL, &status, err);

    if (!lease)
        return status;
    status = must_be_writing(lease, err);
    if (status == WALPOOL_OK)
        status = undo_innermost(lease, &call, err);
    return walpool__lease_unpin(lease, handle, &call, status);
}

/* ---------------------------------------------------------------- as text */

walpool_status
walpool__lease_obey(struct walpool__lease *lease, enum walpool__verb verb,
                    const char *savepoint, struct walpool__call *call,
                    walpool_error *err)
{
    switch (verb) {
    case WALPOOL__VERB_BEGIN:
        return begin_writer(lease, call, err);
    case WALPOOL__VERB_COMMIT:
        return commit(lease, call, err);
    case WALPOOL__VERB_ROLLBACK:
        return undo(lease);
    case WALPOOL__VERB_SAVEPOINT:
        return walpool__nest_open(&lease->nest, lease->conn, savepoint, err);
    case WALPOOL__VERB_RELEASE:
        return keep(lease, savepoint, err);
    case WALPOOL__VERB_ROLLBACK_TO:
        return undo_to(lease, savepoint, err);
    default:
        return WALPOOL_OK;
    }
}
