/* Maintain: VACUUM and its kin, as calls.
 *
 * VACUUM writes the whole database to a temporary file and from there to the
 * WAL, in one transaction. So room is looked for first, the copy is kept in a
 * file whatever temp_store says, and the WAL is emptied afterwards. An
 * incremental one takes many short transactions instead.
 *
 * The answer is a row of numbers: every language has a reader for rows.
 *
 * Does: check what was asked, do it, tell what came of it.
 * Must not: leave a long WAL behind.
 * Lock: none of its own. */
#include <stdio.h>

#include "clock.h"
#include "error.h"
#include "inspect.h"
#include "pages.h"
#include "rows.h"
#include "txn.h"
#include "upkeep.h"

/* Pages that an incremental vacuum moves in one transaction: some ms. */
#define PAGES_AT_ONCE 128

struct maintenance {
    struct walpool__db *db;
    walpool_task task;
    int64_t wanted; /* pages to be freed at most */
    struct walpool__pages before, after;
    bool begun;     /* `before` was looked at */
    bool complete;
    int64_t tables;
    walpool_checkpoint_result wal;
};

/* ----------------------------------------------------------------- vacuum */

static walpool_status
exec(struct walpool__conn *conn, const char *sql, walpool_error *err)
{
    int rc = walpool__pages_exec(conn, sql, -1, NULL);

    return rc == SQLITE_OK ? WALPOOL_OK
                           : walpool__conn_error(conn, rc, "vacuum", err);
}

static walpool_status
vacuum(struct walpool__conn *conn, void *arg, walpool_error *err)
{
    struct maintenance *work = arg;
    walpool_status status = walpool__pages_read(conn, &work->before, err);

    if (status == WALPOOL_OK)
        status = walpool__pages_need_room(conn, &work->before, err);
    if (status == WALPOOL_OK)
        status = exec(conn, "PRAGMA temp_store=FILE", err);
    if (status != WALPOOL_OK)
        return status;
    walpool__call_leave(conn->call);
    status = exec(conn, "VACUUM", err);
    if (work->db->options.temp_store_memory)
        exec(conn, "PRAGMA temp_store=MEMORY", NULL);
    work->complete = status == WALPOOL_OK;
    return status == WALPOOL_OK ? walpool__pages_read(conn, &work->after, err)
                                : status;
}

/* ------------------------------------------------------------ incremental */

static walpool_status
need_auto_vacuum(const struct walpool__conn *conn,
                 const struct walpool__pages *pages, walpool_error *err)
{
    if (pages->auto_vacuum)
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "cannot free pages of %.200s one by one: its "
                              "auto_vacuum is none: write PRAGMA auto_vacuum="
                              "incremental, then vacuum once", conn->path);
}

static walpool_status
free_some(struct walpool__conn *conn, int64_t pages, walpool_error *err)
{
    walpool_status status = walpool__txn_begin_write(conn, err);
    char sql[64];

    if (status != WALPOOL_OK)
        return status;
    snprintf(sql, sizeof sql, "PRAGMA main.incremental_vacuum(%lld)",
             (long long)pages);
    status = exec(conn, sql, err);
    if (status == WALPOOL_OK)
        status = walpool__txn_commit(conn, err);
    walpool__txn_rollback(conn);
    return status;
}

static walpool_status
free_next(struct walpool__conn *conn, void *arg, walpool_error *err)
{
    struct maintenance *work = arg;
    walpool_status status = walpool__pages_read(conn, &work->after, err);
    int64_t left;

    if (status == WALPOOL_OK)
        status = need_auto_vacuum(conn, &work->after, err);
    if (status != WALPOOL_OK)
        return status;
    if (!work->begun)
        work->before = work->after;
    work->begun = true;
    left = work->wanted - (work->before.count - work->after.count);
    if (work->after.unused < left)
        left = work->after.unused;
    work->complete = left <= 0;
    if (work->complete)
        return WALPOOL_OK;
    status = free_some(conn, left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE, err);
    return status == WALPOOL_OK ? walpool__pages_read(conn, &work->after, err)
                                : status;
}

/* What is freed stays freed: when time is up, that is the answer. */
static walpool_status
free_all(struct maintenance *work, struct walpool__call *call,
         walpool_error *err)
{
    walpool_error why;
    walpool_status status;

    do {
        status = walpool__upkeep_piece(work->db, call, free_next, work, &why);
    } while (status == WALPOOL_OK && !work->complete);
    if (status == WALPOOL_OK ||
        (status == WALPOOL_TIMEOUT && why.outcome == WALPOOL_NOT_APPLIED &&
         work->begun && work->before.count > work->after.count))
        return WALPOOL_OK;
    if (work->begun && work->before.count > work->after.count &&
        why.outcome == WALPOOL_NOT_APPLIED)
        why.outcome = WALPOOL_APPLIED; /* some of it */
    if (err)
        *err = why;
    return status;
}

/* --------------------------------------------------------------- optimize */

static walpool_status
look_at_pages(struct walpool__conn *conn, void *arg, walpool_error *err)
{
    struct maintenance *work = arg;
    walpool_status status = walpool__pages_read(conn, &work->after, err);

    if (!work->begun)
        work->before = work->after;
    work->begun = true;
    return status;
}

static walpool_status
optimize(struct maintenance *work, struct walpool__call *call,
         walpool_error *err)
{
    walpool_status status =
        walpool__upkeep_piece(work->db, call, look_at_pages, work, err);

    if (status == WALPOOL_OK)
        status = walpool__upkeep_optimize(work->db, call, false, &work->tables,
                                          err);
    work->complete = status == WALPOOL_OK;
    return status == WALPOOL_OK ? walpool__upkeep_piece(work->db, call,
                                                        look_at_pages, work,
                                                        err)
                                : status;
}

/* -------------------------------------------------------------- the answer */

static walpool_status
tell(const struct maintenance *work, walpool_rows *rows, walpool_error *err)
{
    static const char *const names[] = {
        "page_size", "pages_before", "pages_after", "free_pages", "tables",
        "wal_frames", "wal_frames_checkpointed", "complete"};
    const int64_t values[] = {
        work->after.bytes, work->before.count, work->after.count,
        work->after.unused, work->tables, work->wal.log_frames,
        work->wal.checkpointed_frames, work->complete && !work->wal.busy};
    walpool_status status;

    static_assert(ARRAY_COUNT(names) == ARRAY_COUNT(values), "a name for each");
    if (!rows)
        return WALPOOL_OK;
    status = walpool_rows_begin(rows, ARRAY_COUNT(names), names, err);
    for (size_t i = 0; i < ARRAY_COUNT(values) && status == WALPOOL_OK; i++)
        status = walpool_rows_add_int64(rows, values[i], err);
    if (status == WALPOOL_OK)
        walpool__rows_seal(rows);
    return status;
}

/* ----------------------------------------------------------------- the call */

static walpool_status
check(walpool_task task, int64_t pages, walpool_error *err)
{
    if ((int)task < WALPOOL_OPTIMIZE || (int)task > WALPOOL_FULL_CHECK)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "task is %d: use WALPOOL_OPTIMIZE (0) to "
                                  "WALPOOL_FULL_CHECK (4)", (int)task);
    if (pages < 0 || (pages > 0 && task != WALPOOL_INCREMENTAL_VACUUM))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "pages is %lld: it is for "
                                  "WALPOOL_INCREMENTAL_VACUUM, and 0 or more",
                                  (long long)pages);
    return WALPOOL_OK;
}

static walpool_status
carry_out(walpool *handle, struct maintenance *work, const walpool_call *asked,
          walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;

    work->db = walpool__db_enter(handle, &call, asked, err, &status);
    if (!work->db)
        return status;
    if (work->task == WALPOOL_OPTIMIZE)
        status = optimize(work, &call, err);
    else if (work->task == WALPOOL_VACUUM)
        status = walpool__upkeep_piece(work->db, &call, vacuum, work, err);
    else
        status = free_all(work, &call, err);
    return walpool__db_exit(work->db, handle, &call, status);
}

/* What the WAL holds goes into the database; only then it is shorter. A reader
 * may be in the way, time up, or checkpoints somebody else's: that is told, and
 * no error. */
static walpool_status
shorten(walpool *handle, struct maintenance *work, const walpool_call *asked,
        int64_t began_ns, walpool_error *err)
{
    bool whole = work->task == WALPOOL_VACUUM;
    walpool_call call = *asked;
    walpool_error why;
    walpool_status status;

    call.flags &= ~WALPOOL__CALL_DURABILITY;
    if (call.timeout_ms > 0)
        call.spent_ms += (uint32_t)((walpool__clock_now() - began_ns) /
                                    1000000);
    status = walpool_checkpoint(handle,
                                whole ? WALPOOL_TRUNCATE : WALPOOL_PASSIVE,
                                &call, &work->wal, &why);
    work->wal.busy |= status != WALPOOL_OK;
    if (status == WALPOOL_OK || status == WALPOOL_TIMEOUT ||
        status == WALPOOL_REFUSED)
        return WALPOOL_OK;
    why.outcome = WALPOOL_APPLIED;
    if (err)
        *err = why;
    return status;
}

walpool_status
walpool_maintain(walpool *db, walpool_task task, int64_t pages,
                 const walpool_call *given, walpool_rows *rows,
                 walpool_error *err)
{
    static const walpool_call defaults = WALPOOL_CALL_INIT;
    struct maintenance work = {.task = task,
                               .wanted = pages ? pages : INT64_MAX};
    walpool_call asked = given ? *given : defaults;
    int64_t began_ns = walpool__clock_now();
    walpool_status status = check(task, pages, err);

    walpool__rows_clear(rows);
    if (status != WALPOOL_OK)
        return status;
    if (asked.leave) /* once, for all the calls below */
        asked.leave(asked.leave_data);
    asked.leave = NULL;
    if (task >= WALPOOL_QUICK_CHECK)
        return walpool__inspect(db, task == WALPOOL_FULL_CHECK, &asked, rows,
                                err);
    status = carry_out(db, &work, &asked, err);
    if (status == WALPOOL_OK && task != WALPOOL_OPTIMIZE)
        status = shorten(db, &work, &asked, began_ns, err);
    return status == WALPOOL_OK ? tell(&work, rows, err) : status;
}
