/* Private: a connection that is one caller's own, and its part of the writer.
 *
 * The writing connection of the pool is lent together with slot and turn. A
 * private connection writes by itself, in transactions that its owner begins
 * and ends as he likes. So slot and turn come to it when they are needed, and
 * go when they are not:
 *
 *   before a statement that is about to write, if the connection has not
 *   SQLite's write lock            take slot and turn
 *   after any statement, if it has not the write lock (any more)
 *                                  give them back
 *
 * SQLite itself says whether it has the lock (sqlite3_txn_state), so whatever
 * ended the transaction is seen: COMMIT as text, a failed statement that SQLite
 * answered with a rollback, a last cursor. Whoever has the lock without the
 * slot (a function of the caller's wrote by a statement of its own) must not
 * queue for the slot: who has it may be waiting for the lock.
 *
 * A snapshot is never taken before the slot by a statement that writes. One
 * that was there before (a transaction that has read, an open cursor) may be
 * stale by then, and SQLite refuses to write on it: then the slot goes back.
 *
 * Does: open and close, slot and turn, transactions by call.
 * Must not: run the caller's statements: private_run.c does.
 * Lock: none; whoever has the lease's `busy` is alone here. */
#include "private.h"

#include "clock.h"
#include "error.h"
#include "mem.h"
#include "txn.h"

/* -------------------------------------------------------------- its life */

static walpool_status
open_connection(struct walpool__private *private, struct walpool__call *call,
                walpool_error *err)
{
    struct walpool__db *db = private->db;
    walpool_status status = walpool__db_must_be_the_file(db, err);

    if (status != WALPOOL_OK)
        return status;
    private->conn =
        walpool__conn_open(db->path, &db->options, WALPOOL__CONN_PRIVATE,
                           &db->stats, call, err, &status);
    if (!private->conn) {
        walpool__poison_note_open(&db->poison, status);
        return status;
    }
    private->conn->poison = &db->poison;
    if (db->writer.conn)
        private->conn->ownlocks = &db->ownlocks;
    return WALPOOL_OK;
}

struct walpool__private *
walpool__private_open(struct walpool__db *db, struct walpool__call *call,
                      walpool_error *err, walpool_status *status)
{
    struct walpool__private *private = walpool__mem_zalloc(sizeof *private);

    if (!private) {
        *status = walpool__error_nomem(err, "a private connection");
        return NULL;
    }
    private->db = db;
    private->flags = call->flags & (WALPOOL_CALL_ANY_THREAD |
                                    WALPOOL_CALL_IMMEDIATE);
    private->durability = call->flags & WALPOOL__CALL_DURABILITY;
    if (!walpool__roster_join(&db->roster, &private->member, call->why,
                              call->started_ns)) {
        call->stopped = WALPOOL_CLOSED;
        *status = walpool__call_stopped(call, "open a private connection", "",
                                        err);
        walpool__mem_free(private);
        return NULL;
    }
    *status = open_connection(private, call, err);
    if (*status == WALPOOL_OK)
        return private;
    walpool__roster_leave(&db->roster, &private->member);
    walpool__mem_free(private);
    return NULL;
}

static void
note_dirty(const struct walpool__private *private)
{
    struct walpool__db *db = private->db;
    struct walpool__holder holder = walpool__tag_read(
        private->has_slot ? &db->writer.tag : &private->member.tag);

    walpool__tag_set(&db->dirty, holder.why, walpool__clock_now());
    walpool__stats_add(&db->stats.dirty_leases, 1);
    walpool__stats_add(&db->stats.rollbacks, 1);
}

void
walpool__private_close(struct walpool__private *private)
{
    struct walpool__db *db = private->db;

    if (walpool__conn_in_transaction(private->conn)) {
        note_dirty(private);
        walpool__txn_rollback(private->conn);
    }
    walpool__private_exit(private);
    walpool__conn_close(private->conn);
    walpool__roster_leave(&db->roster, &private->member);
    walpool__mem_free(private);
}

/* ------------------------------------------------------------------ its tag */

/* A call begins on an idle connection: who it is, and what it will see. */
static void
set_tag(struct walpool__private *private, const struct walpool__call *call)
{
    struct walpool__wal_state state = {0, 0};
    bool known = walpool__walindex_read(&private->db->walindex, &state);

    private->since_ns = call->started_ns;
    private->frames = known ? (int64_t)state.frames : -1;
    walpool__tag_set(&private->member.tag, call->why, private->since_ns);
}

/* From now on it is the writer, and has the writer's tag. */
static void
hide_tag(struct walpool__private *private)
{
    private->kept = false;
    walpool__tag_clear(&private->member.tag);
}

/* The call ends, and leaves a snapshot or a transaction. */
static void
keep_tag(struct walpool__private *private, const struct walpool__call *call)
{
    struct walpool__tag *tag = &private->member.tag;
    bool trace = private->db->options.lease_trace;

    if (private->has_slot) {
        walpool__tag_keep(&private->db->writer.tag, WALPOOL_HOLDER_LEASE, -1,
                          trace);
        return;
    }
    if (private->kept)
        return;
    if (!walpool__tag_since(tag))
        walpool__tag_set(tag, call->why, private->since_ns);
    walpool__tag_keep(tag, WALPOOL_HOLDER_LEASE, private->frames, trace);
    private->kept = true;
}

static void
clear_tag(struct walpool__private *private)
{
    if (private->kept)
        walpool__db_note_age(private->db, private->since_ns);
    hide_tag(private);
    private->since_ns = 0;
}

/* ----------------------------------------------------------- slot and turn */

static bool
has_write_lock(const struct walpool__private *private)
{
    return sqlite3_txn_state(private->conn->db, "main") == SQLITE_TXN_WRITE;
}

walpool_status
walpool__private_take(struct walpool__private *private,
                      struct walpool__call *call, walpool_error *err)
{
    struct walpool__writer *writer = &private->db->writer;
    walpool_status status;

    if (private->has_slot || has_write_lock(private))
        return WALPOOL_OK;
    status = walpool__db_may_write(private->db, call, err);
    if (status == WALPOOL_OK)
        status = walpool__writer_take_slot(writer, call, err);
    if (status != WALPOOL_OK)
        return status;
    walpool__writer_own(writer, call->flags & WALPOOL_CALL_ANY_THREAD);
    private->has_slot = true;
    hide_tag(private);
    return WALPOOL_OK;
}

/* A commit has the durability that its call asks for, or its lease. */
static void
choose_durability(const struct walpool__private *private, bool ended)
{
    struct walpool__call *call = private->conn->call;

    if ((ended || private->conn->wal_frames > 0) &&
        !(call->flags & WALPOOL__CALL_DURABILITY))
        call->flags |= private->durability;
}

/* What was committed, and the writer back if nothing needs it. */
static struct walpool__aftermath
give(struct walpool__private *private)
{
    struct walpool__conn *conn = private->conn;
    bool ended = private->has_slot && !has_write_lock(private);
    struct walpool__aftermath aftermath;

    choose_durability(private, ended);
    aftermath = walpool__db_take_stock(
        private->db, conn,
        (ended && !private->undone) ||
            (conn->call->flags & WALPOOL_CALL_DURABLE));
    if (aftermath.frames > 0)
        walpool__stats_add(&private->db->stats.writes, 1);
    if (private->undone)
        walpool__stats_add(&private->db->stats.rollbacks, 1);
    private->undone = false;
    if (!walpool__conn_in_transaction(conn))
        private->depth = 0;
    if (ended) {
        private->has_slot = false;
        walpool__db_note_age(private->db,
                             walpool__tag_since(&private->db->writer.tag));
        walpool__writer_give_slot(&private->db->writer);
    }
    return aftermath;
}

walpool_status
walpool__private_settle(struct walpool__private *private,
                        struct walpool__call *call, walpool_status status,
                        walpool_error *err)
{
    walpool_status settled = walpool__db_settle(
        private->db, give(private), call, status == WALPOOL_OK ? err : NULL);

    return status == WALPOOL_OK ? settled : status;
}

void
walpool__private_enter(struct walpool__private *private,
                       struct walpool__call *call)
{
    struct walpool__member *member = &private->member;

    call->flags |= private->flags;
    if (!call->why && member->owner.why[0])
        call->why = member->owner.why;
    private->conn->call = call;
    if (!private->since_ns)
        set_tag(private, call);
}

/* A call on a cursor may have ended a transaction, too: by an error. */
void
walpool__private_exit(struct walpool__private *private)
{
    struct walpool__conn *conn = private->conn;

    if ((private->has_slot && !has_write_lock(private)) ||
        conn->wal_frames > 0)
        walpool__checkpointer_notice(&private->db->checkpointer,
                                     give(private).frames, conn->call);
    if (sqlite3_txn_state(conn->db, NULL) != SQLITE_TXN_NONE)
        keep_tag(private, conn->call);
    else
        clear_tag(private);
    conn->call = NULL;
}

/* ------------------------------------------------------------ transactions */

static walpool_status
must_be_open(const struct walpool__private *private, const char *to_do,
             walpool_error *err)
{
    if (walpool__conn_in_transaction(private->conn))
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "no transaction is open to %s: begin one", to_do);
}

walpool_status
walpool__private_begin(struct walpool__private *private,
                       struct walpool__call *call, walpool_error *err)
{
    walpool_status status;

    if (walpool__conn_in_transaction(private->conn))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a transaction is open: use a savepoint");
    if (call->flags & WALPOOL__CALL_DURABILITY)
        private->durability = call->flags & WALPOOL__CALL_DURABILITY;
    if (!(call->flags & WALPOOL_CALL_IMMEDIATE))
        return walpool__txn_begin(private->conn, err);
    status = walpool__private_take(private, call, err);
    if (status == WALPOOL_OK)
        status = walpool__txn_begin_write(private->conn, err);
    return walpool__private_settle(private, call, status, err);
}

walpool_status
walpool__private_savepoint(struct walpool__private *private,
                           walpool_error *err)
{
    bool within = walpool__conn_in_transaction(private->conn);
    walpool_status status = walpool__txn_savepoint(private->conn, err);

    private->depth += status == WALPOOL_OK && within;
    return status;
}

/* Text may have released what was outside our savepoint, and it with that. */
static walpool_status
forget_if_gone(struct walpool__private *private, walpool_status status)
{
    if (status == WALPOOL_SQL)
        private->depth = 0;
    return status;
}

walpool_status
walpool__private_commit(struct walpool__private *private,
                        struct walpool__call *call, walpool_error *err)
{
    walpool_status status = must_be_open(private, "commit", err);

    if (status != WALPOOL_OK)
        return status;
    if (private->depth == 0) {
        status = walpool__txn_commit(private->conn, err);
    } else {
        status = forget_if_gone(private,
                                walpool__txn_release(private->conn, err));
        private->depth -= status == WALPOOL_OK;
    }
    return walpool__private_settle(private, call, status, err);
}

walpool_status
walpool__private_rollback(struct walpool__private *private,
                          struct walpool__call *call, walpool_error *err)
{
    walpool_status status = must_be_open(private, "roll back", err);

    if (status != WALPOOL_OK)
        return status;
    if (private->depth == 0) {
        walpool__txn_rollback(private->conn);
        private->undone = true;
    } else {
        status = forget_if_gone(private,
                                walpool__txn_rollback_to(private->conn, err));
        private->depth -= status == WALPOOL_OK;
    }
    return walpool__private_settle(private, call, status, err);
}
