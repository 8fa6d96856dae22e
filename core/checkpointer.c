/* Checkpointer: the only one of a database that checkpoints.
 *
 * SQLite's automatic checkpoint is off: it makes the thread that commits pay,
 * and never gets to the end while others write. Here a commit only says how
 * many frames the WAL has. From the threshold on a thread of our own, started
 * with the first need, takes the writer like any other, copies all frames while
 * nobody writes, and has SQLite start the WAL anew. Readers that began before
 * are waited for, a few milliseconds at most: newcomers do not matter, they
 * read the database itself. Without this a WAL grows for as long as there is
 * always some reader at the moment of a commit.
 *
 *   state     on                          to
 *   idle      notice of enough frames     wanted
 *   wanted    a run that did it all       idle
 *   wanted    a run that a reader cut     resting
 *   resting   REST_MS passed              pausing
 *   pausing   notice of enough frames     wanted
 *   pausing   the pause passed            wanted; the next is twice as long
 *   any       stop                        stopped
 *
 * Does: decide when, run manual checkpoints, count.
 * Must not: hold the writer while it waits for readers, beyond RESET_BUDGET_NS.
 * Lock: `mutex` guards the state; the worker connection belongs to whoever
 * has the writer, so that no two checkpoints of this process meet. */
#include "checkpointer.h"

#include <stdio.h>

#include "clock.h"
#include "error.h"
#include "fsinfo.h"

/* A reader kept frames back: no sense in trying again at every commit. */
#define REST_MS 50
/* Where no commit comes any more, what it kept is looked after at times. */
#define LONGEST_PAUSE_MS 1000
/* Longest wait of a background run for the writer. */
#define BACKGROUND_MS 1000
/* Longest wait for readers while the writer is held, and between two looks. */
#define RESET_BUDGET_NS 5000000
#define RESET_NAP_US 200
/* Between two tries of a manual one. */
#define RETRY_NAP_US 2000

void
walpool__checkpointer_init(struct walpool__checkpointer *checkpointer,
                           struct walpool__writer *writer, const char *path,
                           const walpool_options *options,
                           struct walpool__stats *stats)
{
    memset(checkpointer, 0, sizeof *checkpointer);
    walpool__mutex_init(&checkpointer->mutex);
    walpool__cond_init(&checkpointer->changed);
    checkpointer->writer = writer;
    checkpointer->path = path;
    checkpointer->options = options;
    checkpointer->stats = stats;
    snprintf(checkpointer->wal_path, sizeof checkpointer->wal_path, "%s-wal",
             path);
}

void
walpool__checkpointer_finish(struct walpool__checkpointer *checkpointer)
{
    INVARIANT(!checkpointer->running);
    walpool__conn_close(checkpointer->worker);
    checkpointer->worker = NULL;
    walpool__cond_finish(&checkpointer->changed);
    walpool__mutex_finish(&checkpointer->mutex);
}

/* ------------------------------------------------------------- one attempt */

static walpool_status
open_worker(struct walpool__checkpointer *checkpointer,
            struct walpool__call *call, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    if (!checkpointer->worker)
        checkpointer->worker = walpool__conn_open(
            checkpointer->path, checkpointer->options,
            WALPOOL__CONN_CHECKPOINTER, checkpointer->stats, call, err,
            &status);
    return status;
}

/* All frames are copied: start anew, as soon as the readers that began before
 * are gone, or not at all. */
static int
reset(struct walpool__checkpointer *checkpointer, walpool_checkpoint_mode mode,
      walpool_checkpoint_result *out)
{
    int64_t until = walpool__clock_now() + RESET_BUDGET_NS;

    for (;;) {
        int rc = walpool__checkpoint_reset(checkpointer->worker, mode, out);

        if (rc != SQLITE_OK || !out->busy || walpool__clock_now() >= until)
            return rc;
        walpool__thread_nap_us(RESET_NAP_US);
    }
}

/* Copy, and reset if the mode asks; the writer is ours. */
static walpool_status
attempt(struct walpool__checkpointer *checkpointer,
        walpool_checkpoint_mode mode, struct walpool__call *call,
        walpool_checkpoint_result *out, walpool_error *err)
{
    struct walpool__conn *writer = checkpointer->writer->conn;
    walpool_status status = open_worker(checkpointer, call, err);
    bool locked;
    int rc;

    if (status != WALPOOL_OK)
        return status;
    rc = walpool__checkpoint_copy(checkpointer->worker, writer, &locked, out);
    if (!locked)
        return walpool__conn_error(writer, rc, "checkpoint", err);
    if (rc == SQLITE_OK && mode >= WALPOOL_RESTART &&
        out->outcome == WALPOOL_CHECKPOINT_COMPLETE)
        rc = reset(checkpointer, mode, out);
    if (rc == SQLITE_OK)
        return WALPOOL_OK;
    return walpool__conn_error(checkpointer->worker, rc, "checkpoint", err);
}

/* To wait in vain for another process is no failure of a checkpoint. */
static void
count(struct walpool__stats *stats, walpool_status status)
{
    if (status == WALPOOL_OK)
        walpool__stats_add(&stats->checkpoints, 1);
    else if (status != WALPOOL_TIMEOUT && status != WALPOOL_CANCELLED)
        walpool__stats_add(&stats->checkpoint_failures, 1);
}

static walpool_status
attempt_with_writer(struct walpool__checkpointer *checkpointer,
                    walpool_checkpoint_mode mode, struct walpool__call *call,
                    walpool_checkpoint_result *out, walpool_error *err)
{
    int64_t began;
    walpool_status status =
        walpool__writer_take(checkpointer->writer, call, err);

    if (status != WALPOOL_OK)
        return status;
    began = walpool__clock_now();
    walpool__stats_highest(&checkpointer->stats->wal_bytes_highest,
                           walpool__fsinfo_size(checkpointer->wal_path));
    walpool__call_leave(call);
    status = attempt(checkpointer, mode, call, out, err);
    walpool__histogram_record(
        &checkpointer->stats->checkpoint_us,
        (uint64_t)(walpool__clock_now() - began) / 1000);
    count(checkpointer->stats, status);
    walpool__writer_give(checkpointer->writer);
    return status;
}

walpool_status
walpool__checkpointer_run(struct walpool__checkpointer *checkpointer,
                          walpool_checkpoint_mode mode,
                          struct walpool__call *call,
                          walpool_checkpoint_result *out, walpool_error *err)
{
    for (bool again = false;; again = true) {
        walpool_checkpoint_result newest = {0};
        walpool_error error;
        walpool_status status =
            attempt_with_writer(checkpointer, mode, call, &newest, &error);

        if (status == WALPOOL_TIMEOUT && again)
            return WALPOOL_OK; /* with what the tries before have done */
        if (status != WALPOOL_OK && err)
            *err = error;
        *out = newest;
        if (status != WALPOOL_OK || mode == WALPOOL_PASSIVE || !out->busy)
            return status;
        if (walpool__call_must_stop(call))
            return call->stopped == WALPOOL_CANCELLED
                       ? walpool__call_stopped(call, "checkpoint", "", err)
                       : WALPOOL_OK;
        walpool__thread_nap_us(RETRY_NAP_US);
    }
}

/* -------------------------------------------------------------- the thread */

static void
rest(struct walpool__checkpointer *checkpointer)
{
    int64_t until = walpool__clock_deadline(REST_MS);

    while (!checkpointer->stopping && walpool__clock_now() < until)
        walpool__cond_wait(&checkpointer->changed, &checkpointer->mutex, until);
}

/* True: everything is copied, and the WAL starts anew. */
static bool
run_once(struct walpool__checkpointer *checkpointer)
{
    walpool_checkpoint_result result = {0};
    struct walpool__call call;
    walpool_status status;

    walpool__call_begin_own(&call, BACKGROUND_MS);
    call.why = "checkpointer";
    status = attempt_with_writer(checkpointer, WALPOOL_RESTART, &call, &result,
                                 NULL);
    return status == WALPOOL_OK && !result.busy;
}

static void
run_thread(void *arg)
{
    struct walpool__checkpointer *checkpointer = arg;
    int64_t pause_ms = REST_MS, until = WALPOOL__NEVER;

    walpool__mutex_lock(&checkpointer->mutex);
    for (;;) {
        bool complete;

        while (!checkpointer->wanted && !checkpointer->stopping &&
               walpool__clock_now() < until)
            walpool__cond_wait(&checkpointer->changed, &checkpointer->mutex,
                               until);
        if (checkpointer->stopping)
            break;
        checkpointer->wanted = false;
        walpool__mutex_unlock(&checkpointer->mutex);
        complete = run_once(checkpointer);
        walpool__mutex_lock(&checkpointer->mutex);
        if (!complete)
            rest(checkpointer);
        until = complete ? WALPOOL__NEVER : walpool__clock_deadline(pause_ms);
        pause_ms = complete ? REST_MS : pause_ms * 2;
        if (pause_ms > LONGEST_PAUSE_MS)
            pause_ms = LONGEST_PAUSE_MS;
    }
    walpool__mutex_unlock(&checkpointer->mutex);
}

void
walpool__checkpointer_notice(struct walpool__checkpointer *checkpointer,
                             int frames)
{
    if (frames < checkpointer->options->checkpoint_frames)
        return;
    walpool__mutex_lock(&checkpointer->mutex);
    if (!checkpointer->running && !checkpointer->stopping)
        checkpointer->running =
            walpool__thread_start(&checkpointer->thread, "walpool-ckpt",
                                  run_thread, checkpointer) == 0;
    if (!checkpointer->wanted) {
        checkpointer->wanted = true;
        walpool__cond_signal(&checkpointer->changed);
    }
    walpool__mutex_unlock(&checkpointer->mutex);
}

void
walpool__checkpointer_stop(struct walpool__checkpointer *checkpointer)
{
    bool running;

    walpool__mutex_lock(&checkpointer->mutex);
    checkpointer->stopping = true;
    running = checkpointer->running;
    checkpointer->running = false;
    walpool__cond_broadcast(&checkpointer->changed);
    walpool__mutex_unlock(&checkpointer->mutex);
    if (running)
        walpool__thread_join(&checkpointer->thread);
}
