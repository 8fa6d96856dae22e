/* Lease: a connection in somebody's hands.
 *
 * Does: acquire, let one call in at a time, clean up, release.
 * Must not: let two calls use the connection at once, or run statements:
 * lease_txn.c and lease_run.c do.
 * Lock: none; `busy` is taken by a call for as long as it runs, and whoever
 * has it is the only one to touch the lease. */
#include "lease.h"

#include "clock.h"
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
    walpool__nest_init(&lease->nest);
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
walpool__lease_claim(struct walpool__lease *lease, walpool_error *err)
{
    if (atomic_exchange_explicit(&lease->busy, true, memory_order_acquire))
        return walpool__error_set(err, WALPOOL_BUSY,
                                  "another call is running on this lease");
    if (!lease->ended)
        return WALPOOL_OK;
    atomic_store_explicit(&lease->busy, false, memory_order_release);
    return walpool__error_set(err, WALPOOL_CLOSED, "the lease is released");
}

void
walpool__lease_board(struct walpool__lease *lease, struct walpool__call *call)
{
    if (lease->reader && !walpool__recall_resume(&lease->reader->recall)) {
        lease->lost_snapshot |= lease->implicit || lease->in_transaction;
        lease->in_transaction = false;
    }
    if (lease->private)
        walpool__private_enter(lease->private, call);
    else if (lease->conn)
        lease->conn->call = call;
}

walpool_status
walpool__lease_enter(struct walpool__lease *lease, struct walpool__call *call,
                     walpool_error *err)
{
    walpool_status status = walpool__lease_claim(lease, err);

    if (status == WALPOOL_OK)
        walpool__lease_board(lease, call);
    return status;
}

walpool_status
walpool__lease_must_be_current(const struct walpool__lease *lease,
                               walpool_error *err)
{
    if (LIKELY(!lease->lost_snapshot))
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_STALE,
                              "the snapshot was ended after more than %d ms: "
                              "it kept the WAL above wal_ceiling_frames, and "
                              "wal_ceiling_policy is interrupt: begin anew",
                              (int)lease->db->options.reader_gate_ms);
}

void
walpool__lease_keep_reader(struct walpool__lease *lease)
{
    struct walpool__recall *recall = &lease->reader->recall;

    if (UNLIKELY(!lease->implicit && !lease->in_transaction)) {
        walpool__recall_drop(recall); /* a begin failed, or SQLite ended it */
        return;
    }
    if (LIKELY(walpool__recall_keep(recall)))
        return;
    walpool__txn_end_snapshot(lease->conn);
    walpool__recall_ended(recall);
    walpool__stats_add(&lease->db->stats.snapshots_ended, 1);
}

static bool
has_writer(const struct walpool__lease *lease)
{
    return lease->private ? lease->private->has_slot
                          : lease->kind == WALPOOL_WRITE && lease->conn;
}

void
walpool__lease_leave(struct walpool__lease *lease)
{
    if (lease->ended)
        return;
    if (lease->private)
        walpool__private_exit(lease->private);
    else if (lease->conn)
        lease->conn->call = NULL;
    if (lease->reader)
        walpool__lease_keep_reader(lease);
}

void
walpool__lease_let_go(struct walpool__lease *lease)
{
    atomic_store_explicit(&lease->has_writer, has_writer(lease),
                          memory_order_relaxed);
    atomic_store_explicit(&lease->busy, false, memory_order_release);
}

void
walpool__lease_exit(struct walpool__lease *lease)
{
    walpool__lease_leave(lease);
    walpool__lease_let_go(lease);
}

void
walpool__lease_end_cursors(struct walpool__lease *lease)
{
    while (!walpool__list_is_empty(&lease->cursors))
        walpool__cursor_end(WALPOOL__CONTAINER(lease->cursors.next,
                                               struct walpool__cursor, link));
}

struct walpool__aftermath
walpool__lease_give_writer(struct walpool__lease *lease)
{
    walpool__lease_end_cursors(lease);
    lease->in_transaction = false;
    walpool__nest_clear(&lease->nest);
    lease->conn = NULL;
    walpool__db_note_age(lease->db,
                         walpool__tag_since(&lease->db->writer.tag));
    return walpool__db_give_writer(lease->db);
}

static void
end_writer(struct walpool__lease *lease)
{
    struct walpool__holder holder;

    if (!lease->conn)
        return;
    holder = walpool__tag_read(&lease->db->writer.tag);
    walpool__tag_set(&lease->db->dirty, holder.why, walpool__clock_now());
    walpool__stats_add(&lease->db->stats.dirty_leases, 1);
    walpool__stats_add(&lease->db->stats.rollbacks, 1);
    walpool__lease_end_cursors(lease);
    walpool__txn_rollback(lease->conn);
    walpool__lease_give_writer(lease);
}

static void
end_reader(struct walpool__lease *lease)
{
    walpool__lease_end_cursors(lease);
    walpool__txn_rollback(lease->conn);
    walpool__db_note_age(lease->db, walpool__tag_since(&lease->reader->tag));
    walpool__pool_give(&lease->db->pool, lease->reader);
}

static void
end_private(struct walpool__lease *lease)
{
    walpool__lease_end_cursors(lease);
    walpool__private_close(lease->private);
    lease->private = NULL;
    lease->conn = NULL;
}

void
walpool__lease_end(struct walpool__lease *lease)
{
    if (lease->reader)
        end_reader(lease);
    else if (lease->private)
        end_private(lease);
    else
        end_writer(lease);
    lease->ended = true;
    walpool__handle_unpin(lease->db_handle);
}

/* -------------------------------------------------------------- acquiring */

walpool_status
walpool__lease_take_writer(struct walpool__db *db, struct walpool__call *call,
                           bool any_thread, walpool_error *err)
{
    walpool_status status = walpool__db_may_write(db, call, err);

    if (status == WALPOOL_OK)
        status = walpool__writer_take(&db->writer, call, err);
    if (status != WALPOOL_OK)
        return status;
    status = walpool__txn_begin_write(db->writer.conn, err);
    if (status != WALPOOL_OK) {
        walpool__writer_give(&db->writer);
        return status;
    }
    walpool__writer_own(&db->writer, any_thread);
    walpool__tag_keep(&db->writer.tag, WALPOOL_HOLDER_LEASE, -1,
                      db->options.lease_trace);
    return WALPOOL_OK;
}

walpool_status
walpool__lease_take_snapshot(struct walpool__db *db,
                             struct walpool__reader *reader,
                             struct walpool__call *call, walpool_error *err)
{
    struct walpool__wal_state before = {0, 0};
    bool known = walpool__walindex_read(&db->walindex, &before);
    walpool_status status = walpool__txn_begin_read(reader->conn, err);
    uint64_t ticket;

    walpool__pool_keep(reader);
    if (status != WALPOOL_OK)
        return status;
    walpool__tag_keep(&reader->tag, WALPOOL_HOLDER_LEASE,
                      known ? (int64_t)before.frames : -1,
                      db->options.lease_trace);
    if (!(call->flags & WALPOOL_CALL_DURABLE))
        return WALPOOL_OK;
    status = walpool__db_see(db, &ticket, err);
    if (status == WALPOOL_OK)
        status = walpool__db_settle_read(db, ticket, call, err);
    if (status != WALPOOL_OK)
        walpool__txn_rollback(reader->conn);
    return status;
}

static walpool_status
take_reader(struct walpool__db *db, struct walpool__call *call,
            struct walpool__reader **reader, walpool_error *err)
{
    walpool_status status = walpool__call_check_durability(
        call, WALPOOL_CALL_DURABLE, "a reader", err);

    if (status == WALPOOL_OK)
        status = walpool__pool_take(&db->pool, call, reader, err);
    if (status != WALPOOL_OK)
        return status;
    status = walpool__lease_take_snapshot(db, *reader, call, err);
    if (status != WALPOOL_OK)
        walpool__pool_give(&db->pool, *reader);
    return status;
}

static walpool_status
take(struct walpool__db *db, walpool_kind kind, struct walpool__call *call,
     struct walpool__reader **reader, walpool_error *err)
{
    *reader = NULL;
    if (kind == WALPOOL_READ)
        return take_reader(db, call, reader, err);
    return walpool__lease_take_writer(
        db, call, call->flags & WALPOOL_CALL_ANY_THREAD, err);
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
        if (call->why)
            walpool__utf8_label(lease->why, sizeof lease->why, call->why,
                                strnlen(call->why, WALPOOL_WHY_BYTES));
        atomic_init(&lease->depth, reader ? 0 : 1);
        atomic_init(&lease->has_writer, !reader);
        handle = walpool__handle_open(WALPOOL__HANDLE_LEASE, lease, destroy);
    }
    if (handle) {
        lease->handle = handle;
        lease->any_thread = call->flags & WALPOOL_CALL_ANY_THREAD;
        lease->durability = call->flags & WALPOOL__CALL_DURABILITY;
        conn->call = NULL;
        if (reader)
            walpool__lease_keep_reader(lease);
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

static walpool_lease *
acquire_private(walpool *db_handle, struct walpool__db *db,
                struct walpool__call *call, walpool_status *status,
                walpool_error *err)
{
    struct walpool__private *private =
        walpool__private_open(db, call, err, status);
    struct walpool__lease *lease;

    if (!private)
        return NULL;
    lease = walpool__lease_make(db_handle, db, NULL);
    if (lease) {
        lease->kind = WALPOOL_PRIVATE;
        lease->private = private;
        lease->conn = private->conn;
        lease->handle =
            walpool__handle_open(WALPOOL__HANDLE_LEASE, lease, destroy);
        if (lease->handle)
            return lease->handle;
    }
    walpool__mem_free(lease);
    walpool__private_close(private);
    *status = walpool__error_nomem(err, "a lease");
    return NULL;
}

static walpool_lease *
acquire_pooled(walpool *db_handle, struct walpool__db *db, walpool_kind kind,
               struct walpool__call *call, walpool_status *status,
               walpool_error *err)
{
    struct walpool__reader *reader;
    walpool_lease *handle = NULL;

    *status = take(db, kind, call, &reader, err);
    if (*status == WALPOOL_OK) {
        handle = wrap(db_handle, db, reader, call, err);
        *status = handle ? WALPOOL_OK : WALPOOL_NOMEM;
    }
    return handle;
}

walpool_lease *
walpool_acquire(walpool *db_handle, walpool_kind kind,
                const walpool_call *asked, walpool_error *err)
{
    struct walpool__call call;
    walpool_lease *handle;
    walpool_status status;
    struct walpool__db *db;

    if (kind != WALPOOL_READ && kind != WALPOOL_WRITE &&
        kind != WALPOOL_PRIVATE) {
        walpool__error_set(err, WALPOOL_MISUSE,
                           "kind is %d: use WALPOOL_READ, WALPOOL_WRITE or "
                           "WALPOOL_PRIVATE", (int)kind);
        return NULL;
    }
    db = walpool__db_enter(db_handle, &call, asked, err, &status);
    if (!db)
        return NULL;
    handle = kind == WALPOOL_PRIVATE
                 ? acquire_private(db_handle, db, &call, &status, err)
                 : acquire_pooled(db_handle, db, kind, &call, &status, err);
    if (!handle) {
        walpool__db_exit(db, db_handle, &call, status);
        return NULL;
    }
    walpool__call_end(&call); /* the pin of the database is the lease's now */
    return handle;
}

struct walpool__lease *
walpool__lease_pin(walpool_lease *handle, struct walpool__call *call,
                   const walpool_call *asked, walpool_status *status,
                   walpool_error *err)
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

static int
depth_of(const struct walpool__lease *lease)
{
    if (lease->private)
        return walpool__conn_in_transaction(lease->conn)
                   ? 1 + lease->private->depth
                   : 0;
    return lease->kind == WALPOOL_WRITE && lease->in_transaction
               ? 1 + lease->nest.ours
               : 0;
}

walpool_status
walpool__lease_unpin(struct walpool__lease *lease, walpool_lease *handle,
                     struct walpool__call *call, walpool_status status)
{
    atomic_store_explicit(&lease->depth, depth_of(lease),
                          memory_order_relaxed);
    if (status != WALPOOL_OK)
        walpool__stats_failed(&lease->db->stats, status);
    walpool__lease_exit(lease);
    walpool__call_end(call);
    walpool__handle_unpin(handle);
    return status;
}

int32_t
walpool_lease_depth(walpool_lease *handle)
{
    walpool_status status;
    struct walpool__lease *lease =
        walpool__handle_pin(WALPOOL__HANDLE_LEASE, handle, NULL, &status);
    int depth;

    if (!lease)
        return 0;
    depth = atomic_load_explicit(&lease->depth, memory_order_relaxed);
    walpool__handle_unpin(handle);
    return depth;
}

walpool_status
walpool_release(walpool_lease *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__lease *lease =
        walpool__lease_pin(handle, &call, NULL, &status, err);

    if (!lease)
        return status;
    walpool__lease_end(lease);
    walpool__handle_close(handle);
    walpool__lease_exit(lease);
    walpool__call_end(&call);
    walpool__handle_unpin(handle);
    return WALPOOL_OK;
}
