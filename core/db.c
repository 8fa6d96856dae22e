/* Database: everything that is open on one file.
 *
 * Does: assemble pool, writer and checkpointer, and take them apart.
 * Must not: know who shares it: registry.c does.
 * Lock: none of its own. */
#include "db.h"

#include <stdio.h>

#include "clock.h"
#include "error.h"
#include "last_copy.h"
#include "mem.h"
#include "options.h"
#include "rescue.h"

/* A look at the -wal file costs half a microsecond. */
#define WAL_LOOK_NS 1000000

static void
destroy(struct walpool__db *db)
{
    walpool__checkpointer_finish(&db->checkpointer);
    walpool__ceiling_finish(&db->ceiling);
    walpool__syncer_finish(&db->syncer);
    walpool__survey_finish(&db->survey);
    walpool__walindex_finish(&db->walindex);
    walpool__ownlocks_finish(&db->ownlocks);
    walpool__watch_finish(&db->watch);
    walpool__pool_finish(&db->pool);
    walpool__steppers_finish(&db->steppers);
    walpool__roster_finish(&db->roster);
    walpool__group_finish(&db->group);
    walpool__writer_finish(&db->writer);
    walpool__mem_free(db);
}

void
walpool__db_unref(void *object)
{
    struct walpool__db *db = object;

    if (atomic_fetch_sub_explicit(&db->refs, 1, memory_order_acq_rel) == 1)
        destroy(db);
}

static bool
make_checkpointer(struct walpool__db *db)
{
    const struct walpool__ckpt_room room = {
        .writer = &db->writer,
        .pool = &db->pool,
        .walindex = &db->walindex,
        .pin_room = {&db->walindex, &db->ownlocks, &db->survey, &db->pool,
                     &db->roster},
        .ceiling = &db->ceiling,
        .poison = &db->poison,
        .ownlocks = &db->ownlocks,
        .watch = &db->watch,
        .stats = &db->stats,
        .options = &db->options,
        .path = db->path,
        .wal_path = db->wal_path};

    walpool__ceiling_init(&db->ceiling, &db->options, &db->walindex);
    snprintf(db->wal_path, sizeof db->wal_path, "%s-wal", db->path);
    return walpool__checkpointer_init(&db->checkpointer, &room, &db->options);
}

/* The number of the database that was opened last. */
static atomic_int_fast64_t newest;

static struct walpool__db *
make(const struct walpool__place *place, const walpool_options *options)
{
    struct walpool__db *db = walpool__mem_zalloc(sizeof *db);

    if (!db)
        return NULL;
    memcpy(db->path, place->path, sizeof db->path);
    db->id = place->id;
    walpool__fsclass_of(place->path, &db->fs);
    db->options = *options;
    atomic_init(&db->refs, 1);
    db->stats.database = atomic_fetch_add(&newest, 1) + 1;
    walpool__steppers_init(&db->steppers, options->step_ahead);
    walpool__roster_init(&db->roster);
    walpool__group_init(&db->group);
    walpool__walindex_init(&db->walindex);
    walpool__survey_init(&db->survey, db->path, &db->walindex);
    walpool__watch_init(&db->watch, &db->poison, db->path);
    walpool__ownlocks_init(&db->ownlocks, &db->poison, &db->stats);
    db->ownlocks.watch = &db->watch;
    walpool__syncer_init(&db->syncer, db->wal_path, &db->poison,
                         &db->walindex, &db->stats);
    if (make_checkpointer(db) &&
        walpool__pool_init(&db->pool, db->path, &db->options, &db->stats,
                           &db->walindex) &&
        walpool__writer_init(&db->writer, &db->stats)) {
        db->pool.poison = &db->poison;
        db->pool.watch = &db->watch;
        db->pool.survey = &db->survey;
        return db;
    }
    destroy(db);
    return NULL;
}

/* Prove that the file can be read; also maps the wal-index. */
static walpool_status
read_once(struct walpool__conn *conn, walpool_error *err)
{
    int rc = walpool__conn_own(conn, WALPOOL__OWN_SNAPSHOT);
    walpool_status status;

    if (rc == SQLITE_OK)
        return WALPOOL_OK;
    status = walpool__conn_error(conn, rc, "read the database", err);
    walpool__error_prefix(err, "%.200s: ", conn->path);
    return status;
}

walpool_status
walpool__db_must_be_the_file(struct walpool__db *db, walpool_error *err)
{
    struct walpool__file_id id;

    if (walpool__fsinfo_id_at(db->path, &id) &&
        walpool__fsinfo_is_same(&id, &db->id))
        return walpool__watch_may_open(&db->watch, err);
    return walpool__error_set(err, WALPOOL_CANTOPEN,
                              "%.200s: another file is there than the one "
                              "that is open: close the database, then open "
                              "it anew", db->path);
}

/* Another process may have made the file, failed to open it, and removed it
 * while SQLite had it open here already. */
static walpool_status
still_there(const struct walpool__db *db, walpool_error *err)
{
    struct walpool__file_id id;

    if (walpool__fsinfo_id_at(db->path, &id) &&
        walpool__fsinfo_is_same(&id, &db->id))
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_CANTOPEN,
                              "cannot open %.256s: it was removed or replaced "
                              "meanwhile", db->path);
}

/* Open the first connection: the writer, or the base reader of a read-only
 * database. It stays open until the end, so the WAL does, too. */
static walpool_status
open_first(struct walpool__db *db, struct walpool__call *call,
           walpool_error *err)
{
    walpool_status status = WALPOOL_OK;
    struct walpool__conn *conn = walpool__conn_open(
        db->path, &db->options,
        db->options.mode == 2 ? WALPOOL__CONN_READER : WALPOOL__CONN_WRITER,
        &db->stats, call, err, &status);

    if (!conn)
        return status;
    conn->call = call;
    status = read_once(conn, err);
    if (status == WALPOOL_OK)
        status = still_there(db, err);
    conn->call = NULL;
    if (status != WALPOOL_OK) {
        walpool__conn_close(conn);
        return status;
    }
    conn->poison = &db->poison;
    walpool__walindex_attach(&db->walindex, conn);
    walpool__survey_attach(&db->survey);
    walpool__watch_attach(&db->watch);
    db->writer.readonly = db->options.mode == 2;
    if (db->writer.readonly)
        db->base = conn;
    else {
        walpool__ownlocks_attach(&db->ownlocks, db->path);
        conn->ownlocks = &db->ownlocks;
        db->writer.conn = conn;
        db->writer.ownlocks = &db->ownlocks;
        db->writer.turn = walpool__turn_open(db->path, &db->stats,
                                             walpool__writer_idle, &db->writer);
        db->takes_turns = db->writer.turn != NULL;
    }
    return WALPOOL_OK;
}

struct walpool__db *
walpool__db_open(const struct walpool__place *place,
                 const walpool_options *options, struct walpool__call *call,
                 walpool_error *err, walpool_status *status)
{
    struct walpool__db *db = make(place, options);

    if (!db) {
        *status = walpool__error_nomem(err, "a database");
        return NULL;
    }
    *status = walpool__fsclass_check(&db->fs, db->path,
                                     options->allow_network_fs, err);
    if (*status == WALPOOL_OK)
        *status = open_first(db, call, err);
    if (*status == WALPOOL_OK)
        return db;
    walpool__db_unref(db);
    return NULL;
}

/* Who keeps the database open; `kind` receives what. */
static struct walpool__holder
find_holder(struct walpool__db *db, const char **kind)
{
    struct walpool__holder holder = walpool__roster_first(&db->roster);

    *kind = "private lease";
    if (holder.since_ns)
        return holder;
    holder = walpool__tag_read(&db->writer.tag);
    *kind = "writer lease";
    if (holder.since_ns)
        return holder;
    *kind = "reader lease or cursor";
    return walpool__pool_oldest(&db->pool);
}

static walpool_status
still_out(struct walpool__db *db, struct walpool__call *call,
          walpool_error *err)
{
    const char *kind;
    struct walpool__holder holder = find_holder(db, &kind);
    char name[WALPOOL__HOLDER_NAME_BYTES];

    if (holder.since_ns)
        walpool__error_set(err, WALPOOL_TIMEOUT,
                           "cannot close the database: %lld ms passed, and a "
                           "%s of %s is out for %lld ms: release it, then "
                           "close again", (long long)call->timeout_ms, kind,
                           walpool__holder_name(&holder, name),
                           (long long)walpool__holder_age_ms(&holder));
    else
        walpool__error_set(err, WALPOOL_TIMEOUT,
                           "cannot close the database: %lld ms passed, and a "
                           "call is still running: close again",
                           (long long)call->timeout_ms);
    if (err)
        err->phase = WALPOOL_PHASE_QUEUE;
    return WALPOOL_TIMEOUT;
}

/* What the checkpointer's thread has is given back when the last copy would end,
 * too. What a caller has is waited for until the deadline. */
static bool
drain_checkpointer(struct walpool__db *db, const struct walpool__call *call)
{
    struct walpool__checkpointer *checkpointer = &db->checkpointer;
    struct walpool__waitq *slot = &checkpointer->room.slot;
    int64_t due_ns =
        walpool__last_copy_due(call->started_ns, call->deadline_ns);

    if (!walpool__writer_drain(&db->writer, call->deadline_ns) &&
        !(atomic_load(&checkpointer->room.in_hand) &&
          walpool__checkpointer_end_run(checkpointer, due_ns) &&
          walpool__writer_drain(&db->writer, 0)))
        return false;
    return walpool__waitq_drain(slot, call->deadline_ns) ||
           (walpool__checkpointer_end_run(checkpointer, due_ns) &&
            walpool__waitq_drain(slot, 0));
}

/* Private leases first, and writes that may share a transaction: they need the
 * writer to come to their end, while new calls find `closing`. */
static bool
drain(struct walpool__db *db, const struct walpool__call *call)
{
    int64_t deadline_ns = call->deadline_ns;

    walpool__ceiling_lift(&db->ceiling, true);
    if (walpool__roster_drain(&db->roster, deadline_ns) &&
        walpool__group_drain(&db->group, deadline_ns) &&
        walpool__waitq_drain(&db->pool.queue, deadline_ns) &&
        drain_checkpointer(db, call))
        return true;
    atomic_store(&db->checkpointer.room.broken_off, false);
    walpool__waitq_reopen(&db->writer.queue);
    walpool__waitq_reopen(&db->pool.queue);
    walpool__group_reopen(&db->group);
    walpool__roster_reopen(&db->roster);
    walpool__ceiling_lift(&db->ceiling, false);
    return false;
}

walpool_status
walpool__db_drain(struct walpool__db *db, struct walpool__call *call,
                  walpool_error *err)
{
    atomic_store(&db->closing, true);
    if (drain(db, call))
        return WALPOOL_OK;
    atomic_store(&db->closing, false);
    return still_out(db, call, err);
}

/* As a run of the checkpointer does, while nobody can write. */
static void
look_for_wal_reset(struct walpool__db *db)
{
    struct walpool__wal_state state = {0, 0};

    if (!db->writer.conn || walpool__poison_is_set(&db->poison) ||
        walpool__checkpoint_lock(db->writer.conn) != SQLITE_OK)
        return; /* then nothing is truncated either */
    if (walpool__walindex_read(&db->walindex, &state) &&
        walpool__wal_state_is_false(&state))
        walpool__poison_set(&db->poison, WALPOOL__POISON_WAL_RESET, 0);
    walpool__checkpoint_unlock(db->writer.conn);
}

/* Leave a small WAL behind if another process still has the file open. If
 * not, SQLite removes it when the last connection closes. Nothing is written
 * to a poisoned database: the next opening recovers what is in the WAL. */
static void
truncate_wal(struct walpool__db *db, int64_t deadline_ns)
{
    int64_t wal_bytes;

    if (!db->writer.conn)
        return;
    if (db->options.checkpoint_owner == WALPOOL__OWNER_EXTERNAL)
        return; /* nor does SQLite: see conn.c */
    if (walpool__poison_is_set(&db->poison)) {
        walpool__ckpt_rescue(&db->checkpointer.room);
        walpool__rescue_set_aside(&db->watch);
        walpool__conn_leave_wal(db->writer.conn);
        return;
    }
    wal_bytes = walpool__fsinfo_size(db->wal_path);
    walpool__stats_highest(&db->stats.wal_bytes_highest, wal_bytes);
    if (atomic_load(&db->checkpointer.room.broken_off))
        walpool__conn_leave_wal(db->writer.conn); /* the time is gone */
    else
        walpool__last_copy_run(db->writer.conn, wal_bytes, deadline_ns);
}

void
walpool__db_shut(struct walpool__db *db, int64_t deadline_ns)
{
    walpool__checkpointer_stop(&db->checkpointer);
    walpool__steppers_stop(&db->steppers);
    walpool__ownlocks_check_open(&db->ownlocks); /* poisons: see above */
    walpool__watch_look(&db->watch);
    look_for_wal_reset(db); /* the same */
    walpool__ownlocks_detach(&db->ownlocks);
    walpool__survey_detach(&db->survey);
    walpool__walindex_detach(&db->walindex);
    walpool__syncer_flush(&db->syncer);
    walpool__syncer_close(&db->syncer);
    walpool__pool_close_all(&db->pool);
    walpool__ckpt_close(&db->checkpointer.room);
    truncate_wal(db, deadline_ns);
    walpool__watch_detach(&db->watch);
    walpool__conn_close(db->writer.conn);
    db->writer.conn = NULL;
    walpool__turn_close(db->writer.turn);
    db->writer.turn = NULL;
    walpool__conn_close(db->base);
    db->base = NULL;
}

walpool_status
walpool__db_may_write(struct walpool__db *db, struct walpool__call *call,
                      walpool_error *err)
{
    walpool_status status = walpool__poison_check(&db->poison, err);

    if (status == WALPOOL_OK && UNLIKELY(walpool__ceiling_is_urgent(&db->ceiling)))
        status = walpool__writer_check(&db->writer, call, err);
    if (status == WALPOOL_OK)
        status = walpool__ceiling_pass(&db->ceiling, call, err);
    return status;
}

bool
walpool__db_wants_sync(const struct walpool__db *db,
                       const struct walpool__call *call)
{
    if (call && call->flags & WALPOOL_CALL_DURABLE)
        return true;
    return db->options.durability &&
           !(call && call->flags & WALPOOL_CALL_NORMAL);
}

void
walpool__db_note_age(struct walpool__db *db, int64_t since_ns)
{
    int64_t longest_ms = db->options.lease_warn_ms;

    if (longest_ms >= 0 &&
        walpool__clock_now() - since_ns > longest_ms * INT64_C(1000000))
        walpool__stats_add(&db->stats.leases_overdue, 1);
}

struct walpool__aftermath
walpool__db_take_stock(struct walpool__db *db, struct walpool__conn *conn,
                       bool answers)
{
    struct walpool__aftermath aftermath = {
        .frames = walpool__conn_take_frames(conn),
        .since_ns = walpool__tag_since(&db->writer.tag)};

    if (aftermath.frames > 0)
        aftermath.lost_lock = !walpool__ownlocks_check_again(&db->ownlocks);
    if ((answers || aftermath.frames > 0) &&
        walpool__db_wants_sync(db, conn->call))
        aftermath.ticket = aftermath.frames > 0
                               ? walpool__syncer_ticket(&db->syncer)
                               : walpool__syncer_ticket_if_new(&db->syncer);
    return aftermath;
}

struct walpool__aftermath
walpool__db_give_writer(struct walpool__db *db)
{
    struct walpool__aftermath aftermath =
        walpool__db_take_stock(db, db->writer.conn, true);

    if (aftermath.frames >= db->options.checkpoint_frames)
        walpool__conn_cool(db->writer.conn); /* the checkpointer begins */
    aftermath.until_ns = walpool__writer_give(&db->writer);
    return aftermath;
}

/* A commit took this long: what came before the call, in its transaction, is
 * not part of it, nor is the wait for the writer. Where nothing was waited for
 * after the writer was given back, that was its end: a clock costs more than
 * all else here. */
static void
time_commit(struct walpool__db *db, struct walpool__aftermath aftermath,
            const struct walpool__call *call)
{
    int64_t began = call->started_ns > aftermath.since_ns
                        ? call->started_ns
                        : aftermath.since_ns;
    bool waited = aftermath.ticket || !aftermath.until_ns ||
                  aftermath.frames >= db->options.checkpoint_frames;
    int64_t ended = waited ? walpool__clock_now() : aftermath.until_ns;

    walpool__histogram_record(&db->stats.commit_us,
                              (uint64_t)(ended - began) / 1000);
}

walpool_status
walpool__db_settle(struct walpool__db *db, struct walpool__aftermath aftermath,
                   struct walpool__call *call, walpool_error *err)
{
    walpool_status status;

    if (UNLIKELY(aftermath.lost_lock)) {
        walpool__poison_refuse(&db->poison, "the commit was made, and may be "
                               "undone", err);
        if (err)
            err->outcome = WALPOOL_UNKNOWN;
        return WALPOOL_POISONED;
    }
    walpool__checkpointer_notice(&db->checkpointer, aftermath.frames, call);
    status = walpool__syncer_wait(&db->syncer, aftermath.ticket,
                                  aftermath.frames > 0 ? WALPOOL__STAKE_COMMIT
                                                       : WALPOOL__STAKE_READ,
                                  call, err);
    if (aftermath.frames > 0 && status == WALPOOL_OK)
        time_commit(db, aftermath, call);
    return status;
}

walpool_status
walpool__db_see(struct walpool__db *db, uint64_t *ticket, walpool_error *err)
{
    if (walpool__poison_is_set(&db->poison))
        return walpool__poison_refuse(&db->poison,
                                      "cannot tell what is on the disk", err);
    *ticket = walpool__syncer_ticket_if_new(&db->syncer);
    return WALPOOL_OK;
}

walpool_status
walpool__db_settle_read(struct walpool__db *db, uint64_t ticket,
                        struct walpool__call *call, walpool_error *err)
{
    return walpool__syncer_wait(&db->syncer, ticket, WALPOOL__STAKE_READ, call,
                                err);
}

void
walpool__db_look_at_wal(struct walpool__db *db, int64_t now_ns)
{
    if (LIKELY(now_ns < atomic_load_explicit(&db->wal_due_ns,
                                             memory_order_relaxed)))
        return;
    atomic_store_explicit(&db->wal_due_ns, now_ns + WAL_LOOK_NS,
                          memory_order_relaxed);
    if (walpool__walcut_is_short(&db->walindex, db->wal_path))
        walpool__poison_set(&db->poison, WALPOOL__POISON_WAL_CUT, 0);
}

void
walpool__db_save(struct walpool__db *db)
{
    if (UNLIKELY(walpool__poison_is_only(&db->poison,
                                         WALPOOL__POISON_SIDECAR)) &&
        !atomic_load(&db->poison.saved))
        walpool__checkpointer_wake(&db->checkpointer);
}

struct walpool__db *
walpool__db_enter(walpool *handle, struct walpool__call *call,
                  const walpool_call *asked, walpool_error *err,
                  walpool_status *status)
{
    struct walpool__db *db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE,
                                                 handle, err, status);

    if (UNLIKELY(!db))
        return NULL;
    *status = walpool__call_begin(call, asked, db->options.busy_timeout_ms,
                                  err);
    if (*status == WALPOOL_OK &&
        UNLIKELY(atomic_load_explicit(&db->closing, memory_order_relaxed))) {
        walpool__call_end(call);
        call->stopped = WALPOOL_CLOSED;
        *status = walpool__call_stopped(call, "begin the call", "", err);
    }
    if (LIKELY(*status == WALPOOL_OK)) {
        walpool__db_look_at_wal(db, call->started_ns);
        return db;
    }
    walpool__stats_failed(&db->stats, *status);
    walpool__handle_unpin(handle);
    return NULL;
}

walpool_status
walpool__db_exit(struct walpool__db *db, walpool *handle,
                 struct walpool__call *call, walpool_status status)
{
    walpool__call_end(call);
    if (UNLIKELY(status != WALPOOL_OK)) {
        walpool__stats_failed(&db->stats, status);
        walpool__db_save(db);
    }
    walpool__handle_unpin(handle);
    return status;
}
