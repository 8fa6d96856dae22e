/* Upkeep: our own work with the writer, in short pieces.
 *
 * Between two pieces whoever waits for the writer gets it. Work that nobody
 * asked for gives way inside of a piece, too: SQLite's progress handler looks
 * whether somebody waits, and the piece is undone.
 *
 * Does: take the writer, have a piece done, give it back; optimize.
 * Must not: know when it is time.
 * Lock: none of its own. */
#include "upkeep.h"

#include "clock.h"
#include "error.h"
#include "measure.h"

static void
renew(struct walpool__call *call)
{
    if (call->waits_only && call->timeout_ms > 0)
        call->deadline_ns = walpool__clock_deadline(call->timeout_ms);
}

walpool_status
walpool__upkeep_piece(struct walpool__db *db, struct walpool__call *call,
                      walpool__upkeep_work *work, void *arg,
                      walpool_error *err)
{
    struct walpool__aftermath aftermath;
    walpool_status status;

    renew(call);
    status = walpool__db_may_write(db, call, err);
    if (status == WALPOOL_OK)
        status = walpool__writer_take(&db->writer, call, err);
    if (status != WALPOOL_OK)
        return status;
    walpool__conn_cool(db->writer.conn);
    status = work(db->writer.conn, arg, err);
    aftermath = walpool__db_give_writer(db);
    if (status == WALPOOL_OK && aftermath.frames > 0)
        walpool__stats_add(&db->stats.writes, 1);
    renew(call);
    return status == WALPOOL_OK ? walpool__db_settle(db, aftermath, call, err)
                                : status;
}

/* --------------------------------------------------------------- optimize */

struct optimize {
    struct walpool__db *db;
    bool shy;
    bool gave_way;
    walpool_rows list;
    size_t next;
};

/* SQLite asks while a piece of ours runs. */
static int
must_give_way(void *arg)
{
    struct optimize *optimize = arg;
    struct walpool__db *db = optimize->db;
    int lent, waiters;

    walpool__waitq_count(&db->writer.queue, &lent, &waiters);
    optimize->gave_way |= waiters > 0 || atomic_load(&db->closing) ||
                          walpool__group_waiting(&db->group) > 0;
    return optimize->gave_way;
}

static walpool_status
find(struct walpool__conn *conn, void *arg, walpool_error *err)
{
    struct optimize *optimize = arg;

    return walpool__measure_find(conn, !optimize->shy, &optimize->list, err);
}

static walpool_status
measure_next(struct walpool__conn *conn, void *arg, walpool_error *err)
{
    struct optimize *optimize = arg;

    return walpool__measure_run(conn, &optimize->list, optimize->next, err);
}

/* With the hook set for as long as the writer is ours. */
struct shy_work {
    struct optimize *optimize;
    walpool__upkeep_work *work;
};

static walpool_status
work_shyly(struct walpool__conn *conn, void *arg, walpool_error *err)
{
    const struct shy_work *shy = arg;
    walpool_status status;

    conn->hooks.progress = must_give_way;
    conn->hooks.data = shy->optimize;
    status = shy->work(conn, shy->optimize, err);
    memset(&conn->hooks, 0, sizeof conn->hooks);
    return shy->optimize->gave_way && status != WALPOOL_OK ? WALPOOL_BUSY
                                                           : status;
}

static walpool_status
piece(struct optimize *optimize, struct walpool__call *call,
      walpool__upkeep_work *work, walpool_error *err)
{
    struct shy_work shy = {optimize, work};

    return optimize->shy
               ? walpool__upkeep_piece(optimize->db, call, work_shyly, &shy,
                                       err)
               : walpool__upkeep_piece(optimize->db, call, work, optimize, err);
}

walpool_status
walpool__upkeep_optimize(struct walpool__db *db, struct walpool__call *call,
                         bool shy, int64_t *tables, walpool_error *err)
{
    struct optimize optimize = {.db = db, .shy = shy};
    walpool_status status;

    walpool_rows_init(&optimize.list);
    status = piece(&optimize, call, find, err);
    for (size_t count = walpool_rows_count(&optimize.list);
         status == WALPOOL_OK && optimize.next < count; optimize.next++)
        status = piece(&optimize, call, measure_next, err);
    *tables = (int64_t)optimize.next;
    walpool_rows_finish(&optimize.list);
    if (status == WALPOOL_OK)
        walpool__stats_add(&db->stats.optimizes, 1);
    return status;
}

/* -------------------------------------------------------------- at its time */

static bool
optimize_if_idle(void *arg)
{
    struct walpool__call call;
    int64_t tables;

    walpool__call_begin_own(&call, 0);
    call.flags = WALPOOL_CALL_NORMAL; /* a power cut may undo it */
    call.waits_only = true;
    call.why = "optimize";
    return walpool__upkeep_optimize(arg, &call, true, &tables, NULL) ==
           WALPOOL_OK;
}

void
walpool__upkeep_begin(struct walpool__db *db)
{
    if (db->options.optimize_interval_ms > 0 && db->options.mode != 2)
        walpool__optimizer_start(&db->optimizer,
                                 db->options.optimize_interval_ms,
                                 optimize_if_idle, db);
}

void
walpool__upkeep_end(struct walpool__db *db)
{
    walpool__optimizer_stop(&db->optimizer);
}
