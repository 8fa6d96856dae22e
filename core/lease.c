/* Lease: a connection in somebody's hands.
 *
 * Does: snapshots and transactions of several statements, cleaning up after
 * them.
 * Must not: let two calls use the connection at once.
 * Lock: none; `busy` is taken by a call for as long as it runs, and whoever
 * has it is the only one to touch the lease. */
#include "lease.h"

#include "error.h"
#include "mem.h"
#include "txn.h"

/* -------------------------------------------------------------- its life */

struct walpool__lease *
walpool__lease_make(walpool *db_handle, struct walpool__db *db,
                    struct walpool__reader *reader)
{
    struct walpool__lease *lease = walpool__mem_zalloc(sizeof *lease);

    if (!lease)
        return NULL;
    atomic_init(&lease->refs, 1);
    lease->kind = reader ? WALPOOL_READ : WALPOOL_WRITE;
    lease->db_handle = db_handle;
    lease->db = db;
    lease->timeout_ms = db->options.busy_timeout_ms;
    lease->reader = reader;
    lease->conn = reader ? reader->conn : db->writer.conn;
    walpool__list_init(&lease->cursors);
    return lease;
}

void
walpool__lease_unref(struct walpool__lease *lease)
{
    if (atomic_fetch_sub_explicit(&lease->refs, 1, memory_order_acq_rel) == 1)
        walpool__mem_free(lease);
}

static void
destroy(void *lease)
{
    walpool__lease_unref(lease);
}

walpool_status
walpool__lease_enter(struct walpool__lease *lease, struct walpool__call *call,
                     walpool_error *err)
{
    if (atomic_exchange_explicit(&lease->busy, true, memory_order_acquire))
        return walpool__error_set(err, WALPOOL_BUSY,
                                  "another call is running on this lease");
    if (lease->ended) {
        atomic_store_explicit(&lease->busy, false, memory_order_release);
        return walpool__error_set(err, WALPOOL_CLOSED, "the lease is released");
    }
    if (lease->conn)
        lease->conn->call = call;
    return WALPOOL_OK;
}

void
walpool__lease_exit(struct walpool__lease *lease)
{
    if (!lease->ended && lease->conn)
        lease->conn->call = NULL;
    atomic_store_explicit(&lease->busy, false, memory_order_release);
}

static void
end_cursors(struct walpool__lease *lease)
{
    while (!walpool__list_is_empty(&lease->cursors))
        walpool__cursor_end(WALPOOL__CONTAINER(lease->cursors.next,
                                               struct walpool__cursor, link));
}

/* The transaction has ended: the writer goes to the next at once, however
 * long the lease is kept. */
static struct walpool__aftermath
give_writer(struct walpool__lease *lease)
{
    end_cursors(lease);
    lease->in_transaction = false;
    lease->depth = 0;
    lease->conn = NULL;
    return walpool__db_give_writer(lease->db);
}

static void
end_writer(struct walpool__lease *lease)
{
    if (!lease->conn)
        return;
    walpool__stats_add(&lease->db->stats.dirty_leases, 1);
    walpool__stats_add(&lease->db->stats.rollbacks, 1);
    end_cursors(lease);
    walpool__txn_rollback(lease->conn);
    give_writer(lease);
}

static void
end_reader(struct walpool__lease *lease)
{
    end_cursors(lease);
    walpool__txn_rollback(lease->conn);
    walpool__pool_give(&lease->db->pool, lease->reader);
}

void
walpool__lease_end(struct walpool__lease *lease)
{
    if (lease->reader)
        end_reader(lease);
    else
        end_writer(lease);
    lease->ended = true;
    walpool__handle_unpin(lease->db_handle);
}

/* -------------------------------------------------------------- acquiring */

/* The writer, with a transaction begun. */
static walpool_status
take_writer(struct walpool__db *db, struct walpool__call *call,
            bool any_thread, walpool_error *err)
{
    walpool_status status = walpool__poison_check(&db->poison, err);

    if (status == WALPOOL_OK)
        status = walpool__writer_take(&db->writer, call, err);
    if (status != WALPOOL_OK)
        return status;
    status = walpool__txn_begin_write(db->writer.conn, err);
    if (status != WALPOOL_OK)
        walpool__writer_give(&db->writer);
    else
        walpool__writer_own(&db->writer, any_thread);
    return status;
}

static walpool_status
take(struct walpool__db *db, walpool_kind kind, struct walpool__call *call,
     struct walpool__reader **reader, walpool_error *err)
{
    walpool_status status;

    *reader = NULL;
    if (kind == WALPOOL_READ) {
        status = walpool__pool_take(&db->pool, call, reader, err);
        if (status != WALPOOL_OK)
            return status;
        status = walpool__txn_begin_read((*reader)->conn, err);
        if (status != WALPOOL_OK)
            walpool__pool_give(&db->pool, *reader);
        return status;
    }
    return take_writer(db, call, call->flags & WALPOOL_CALL_ANY_THREAD, err);
}

/* Wrap what was taken, or give it back. */
static walpool_lease *
wrap(walpool *db_handle, struct walpool__db *db, struct walpool__reader *reader,
     const struct walpool__call *call, walpool_error *err)
{
    struct walpool__lease *lease = walpool__lease_make(db_handle, db, reader);
    struct walpool__conn *conn = reader ? reader->conn : db->writer.conn;
    walpool_lease *handle = NULL;

    if (lease) {
        lease->in_transaction = true;
        handle = walpool__handle_open(WALPOOL__HANDLE_LEASE, lease, destroy);
    }
    if (handle) {
        lease->handle = handle;
        lease->any_thread = call->flags & WALPOOL_CALL_ANY_THREAD;
        conn->call = NULL;
        return handle;
    }
    walpool__mem_free(lease);
    walpool__txn_rollback(conn);
    if (reader)
        walpool__pool_give(&db->pool, reader);
    else
        walpool__writer_give(&db->writer);
    walpool__error_nomem(err, "a lease");
    return NULL;
}

walpool_lease *
walpool_acquire(walpool *db_handle, walpool_kind kind,
                const walpool_call *asked, walpool_error *err)
{
    struct walpool__call call;
    struct walpool__reader *reader;
    walpool_lease *handle = NULL;
    walpool_status status;
    struct walpool__db *db;

    if (kind != WALPOOL_READ && kind != WALPOOL_WRITE) {
        walpool__error_set(err, WALPOOL_MISUSE,
                           "kind is %d: use WALPOOL_READ or WALPOOL_WRITE",
                           (int)kind);
        return NULL;
    }
    db = walpool__db_enter(db_handle, &call, asked, err, &status);
    if (!db)
        return NULL;
    status = take(db, kind, &call, &reader, err);
    if (status == WALPOOL_OK)
        handle = wrap(db_handle, db, reader, &call, err);
    if (!handle) {
        status = status == WALPOOL_OK ? WALPOOL_NOMEM : status;
        walpool__db_exit(db, db_handle, &call, status);
        return NULL;
    }
    walpool__call_end(&call); /* the pin of the database is the lease's now */
    return handle;
}

/* Pin a lease and enter it. */
static struct walpool__lease *
enter(walpool_lease *handle, struct walpool__call *call,
      const walpool_call *asked, walpool_status *status, walpool_error *err)
{
    struct walpool__lease *lease =
        walpool__handle_pin(WALPOOL__HANDLE_LEASE, handle, err, status);

    if (!lease)
        return NULL;
    *status = walpool__call_begin(call, asked, lease->timeout_ms, err);
    if (*status == WALPOOL_OK) {
        *status = walpool__lease_enter(lease, call, err);
        if (*status == WALPOOL_OK)
            return lease;
        walpool__call_end(call);
    }
    walpool__handle_unpin(handle);
    return NULL;
}

static walpool_status
leave(struct walpool__lease *lease, walpool_lease *handle,
      struct walpool__call *call, walpool_status status)
{
    if (status != WALPOOL_OK)
        walpool__stats_failed(&lease->db->stats, status);
    walpool__lease_exit(lease);
    walpool__call_end(call);
    walpool__handle_unpin(handle);
    return status;
}

walpool_status
walpool_release(walpool_lease *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, NULL, &status, err);

    if (!lease)
        return status;
    walpool__lease_end(lease);
    walpool__handle_close(handle);
    walpool__lease_exit(lease);
    walpool__call_end(&call);
    walpool__handle_unpin(handle);
    return WALPOOL_OK;
}

/* -------------------------------------------------------------- statements */

static walpool_status
must_be_in_transaction(const struct walpool__lease *lease, walpool_error *err)
{
    if (lease->in_transaction)
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "the transaction of this lease has ended: begin "
                              "the next one, or release it");
}

static walpool_status
run_read(struct walpool__lease *lease, const walpool_statement *statement,
         const struct walpool__call *call, walpool_rows *rows,
         walpool_error *err)
{
    struct walpool__fetch fetch = {.known_shape = call->shape,
                                   .want_names = call->flags &
                                                 WALPOOL_CALL_NAMES,
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

/* A statement for several rows of parameters is all or nothing, too. */
static walpool_status
run_write(struct walpool__lease *lease, struct walpool__prepared *prepared,
          const struct walpool__call *call, walpool_rows *rows,
          walpool_error *err)
{
    struct walpool__effect effect;
    bool nested = (prepared->params.header && prepared->params.rows > 1) ||
                  sqlite3_column_count(prepared->stmt->native) > 0;
    walpool_status status = nested ? walpool__txn_savepoint(lease->conn, err)
                                   : WALPOOL_OK;

    if (status != WALPOOL_OK) {
        walpool__stmt_give(&lease->conn->cache, prepared->stmt);
        return status;
    }
    status = walpool__execute_write(
        lease->conn, prepared, call->flags & WALPOOL_CALL_NAMES, call->shape,
        rows, 0, false, &effect, err);
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

/* SQLite undoes the whole transaction after some errors (disk full, I/O
 * error, no memory, an interrupted write). Say so, and let the writer go. */
static void
notice_lost_transaction(struct walpool__lease *lease, walpool_error *err)
{
    if (!lease->in_transaction || walpool__conn_in_transaction(lease->conn))
        return;
    walpool__stats_add(&lease->db->stats.rollbacks, 1);
    walpool__error_prefix(err, "the transaction was rolled back: ");
    if (lease->kind == WALPOOL_WRITE)
        give_writer(lease);
    else
        lease->in_transaction = false;
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
    return run_read(lease, statement, call, rows, err);
}

walpool_status
walpool_run(walpool_lease *handle, const walpool_statement *statement,
            const walpool_call *asked, walpool_rows *rows, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status = walpool__execute_check(statement, err);
    struct walpool__lease *lease;

    if (status != WALPOOL_OK)
        return status;
    lease = enter(handle, &call, asked, &status, err);
    if (!lease)
        return status;
    walpool__rows_clear(rows);
    status = must_be_in_transaction(lease, err);
    if (status == WALPOOL_OK)
        status = lease->kind == WALPOOL_READ
                     ? run_read(lease, statement, &call, rows, err)
                     : run_on_writer(lease, statement, &call, rows, err);
    if (status != WALPOOL_OK) {
        walpool__rows_clear(rows);
        notice_lost_transaction(lease, err);
    }
    return leave(lease, handle, &call, status);
}

/* ------------------------------------------------------------ transactions */

static walpool_status
begin_writer(struct walpool__lease *lease, struct walpool__call *call,
             walpool_error *err)
{
    walpool_status status;

    if (lease->in_transaction)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a transaction is open: use a savepoint");
    status = take_writer(lease->db, call, lease->any_thread, err);
    if (status == WALPOOL_OK)
        lease->conn = lease->db->writer.conn;
    return status;
}

static walpool_status
begin_reader(struct walpool__lease *lease, walpool_error *err)
{
    if (!walpool__list_is_empty(&lease->cursors))
        return walpool__error_set(err, WALPOOL_BUSY,
                                  "a cursor of this lease is open: close it "
                                  "first");
    walpool__txn_rollback(lease->conn);
    return walpool__txn_begin_read(lease->conn, err);
}

walpool_status
walpool_begin(walpool_lease *handle, const walpool_call *asked,
              walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, asked, &status, err);

    if (!lease)
        return status;
    status = lease->kind == WALPOOL_READ ? begin_reader(lease, err)
                                         : begin_writer(lease, &call, err);
    lease->in_transaction |= status == WALPOOL_OK;
    return leave(lease, handle, &call, status);
}

static walpool_status
must_be_writing(const struct walpool__lease *lease, walpool_error *err)
{
    if (lease->kind == WALPOOL_WRITE)
        return must_be_in_transaction(lease, err);
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "this is a reader: it has no transaction to "
                              "commit, undo or nest");
}

walpool_status
walpool_savepoint(walpool_lease *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, NULL, &status, err);

    if (!lease)
        return status;
    status = must_be_writing(lease, err);
    if (status == WALPOOL_OK)
        status = walpool__txn_savepoint(lease->conn, err);
    if (status == WALPOOL_OK)
        lease->depth++;
    return leave(lease, handle, &call, status);
}

static walpool_status
commit_innermost(struct walpool__lease *lease, struct walpool__call *call,
                 walpool_error *err)
{
    walpool_status status;

    if (!walpool__list_is_empty(&lease->cursors))
        return walpool__error_set(err, WALPOOL_BUSY,
                                  "a cursor of this transaction is open: "
                                  "close it first");
    if (lease->depth > 0) {
        status = walpool__txn_release(lease->conn, err);
        lease->depth -= status == WALPOOL_OK;
        return status;
    }
    status = walpool__txn_commit(lease->conn, err);
    if (status != WALPOOL_OK)
        return status;
    walpool__stats_add(&lease->db->stats.writes, 1);
    return walpool__db_settle(lease->db, give_writer(lease), call, err);
}

walpool_status
walpool_commit(walpool_lease *handle, const walpool_call *asked,
               walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, asked, &status, err);

    if (!lease)
        return status;
    status = must_be_writing(lease, err);
    if (status == WALPOOL_OK) {
        status = commit_innermost(lease, &call, err);
        if (status != WALPOOL_OK)
            notice_lost_transaction(lease, err);
    }
    return leave(lease, handle, &call, status);
}

static walpool_status
rollback_innermost(struct walpool__lease *lease, walpool_error *err)
{
    walpool_status status;

    end_cursors(lease);
    if (lease->depth > 0) {
        status = walpool__txn_rollback_to(lease->conn, err);
        lease->depth -= status == WALPOOL_OK;
        return status;
    }
    walpool__txn_rollback(lease->conn);
    walpool__stats_add(&lease->db->stats.rollbacks, 1);
    give_writer(lease);
    return WALPOOL_OK;
}

walpool_status
walpool_rollback(walpool_lease *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease = enter(handle, &call, NULL, &status, err);

    if (!lease)
        return status;
    status = must_be_writing(lease, err);
    if (status == WALPOOL_OK)
        status = rollback_innermost(lease, err);
    return leave(lease, handle, &call, status);
}
