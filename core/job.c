/* Job: one call that a queue carries out, and its completion.
 *
 * Its deadline counts from the submit: time in the queue is time waited.
 *
 * Does: copy what was asked, carry it out or expire, undo.
 * Must not: know threads or queues.
 * Lock: none; one thread at a time has a job. */
#include "job.h"

#include "clock.h"
#include "error.h"
#include "handle.h"
#include "lease.h"
#include "mem.h"

enum { NS_PER_MS = 1000000, LONGEST_TIMEOUT_MS = 86400000 };

/* ---------------------------------------------------------------- make */

static walpool_status
check(const walpool_job *asked, walpool_error *err)
{
    if (walpool__op_find(asked->op) == NULL)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "walpool_submit: there is no op %d",
                                  (int)asked->op);
    if (asked->op != WALPOOL_OP_OPEN && asked->target == NULL)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "walpool_submit: the target is NULL");
    if (asked->op != WALPOOL_OP_BATCH && asked->statement_count > 1)
        return walpool__error_set(
            err, WALPOOL_MISUSE,
            "walpool_submit: %zu statements; only a batch takes more than one",
            asked->statement_count);
    return WALPOOL_OK;
}

/* An executor's thread is not the caller's: one that took the writer for a
 * lease must not see a deadlock in the next job. */
static void
take_call(struct walpool__job *job)
{
    static const walpool_call defaults = WALPOOL_CALL_INIT;
    job->call = job->asked.call != NULL ? *job->asked.call : defaults;
    job->call.flags |= WALPOOL_CALL_ANY_THREAD | WALPOOL__CALL_QUEUED;
    job->call.leave = NULL;
    job->call.leave_data = NULL;
}

/* Jobs on a cursor keep their order with those on the lease it belongs to:
 * the key of both is the lease. It is pinned until the job begins. */
static void
take_lease(struct walpool__job *job, int64_t *default_timeout_ms)
{
    walpool_status status;
    const void *handle = job->asked.target;
    struct walpool__lease *lease =
        walpool__handle_pin(WALPOOL__HANDLE_LEASE, handle, NULL, &status);
    if (lease == NULL) {
        struct walpool__cursor *cursor =
            walpool__handle_pin(WALPOOL__HANDLE_CURSOR, handle, NULL, &status);
        if (cursor == NULL)
            return;
        lease = cursor->lease;
    }
    job->lease = lease;
    job->task.key = (uintptr_t)lease;
    *default_timeout_ms = lease->timeout_ms;
}

static void
drop_lease(struct walpool__job *job)
{
    if (job->lease != NULL)
        walpool__handle_unpin(job->asked.target);
    job->lease = NULL;
}

enum walpool__op_lane
walpool__job_lane(const struct walpool__job *job)
{
    if (!job->op->takes_writer || job->lease == NULL ||
        job->lease->kind == WALPOOL_READ ||
        atomic_load_explicit(&job->lease->has_writer, memory_order_relaxed))
        return job->op->lane;
    return WALPOOL__OP_WAIT;
}

/* Writes keep their order per database, whichever handle they use. */
static void
take_database(struct walpool__job *job, int64_t *default_timeout_ms)
{
    walpool_status status;
    const void *handle = job->asked.target;
    struct walpool__db *db =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, NULL, &status);
    if (db == NULL)
        return;
    if (job->op->lane == WALPOOL__OP_WRITE &&
        job->asked.op != WALPOOL_OP_CHECKPOINT && /* it may wait for readers */
        job->asked.op != WALPOOL_OP_MAINTAIN) /* it lets others write */
        job->task.key = (uintptr_t)db;
    *default_timeout_ms = db->options.busy_timeout_ms;
    walpool__handle_unpin(handle);
}

/* A target that is none, like a timeout out of range, is left for the call to
 * refuse. */
static void
take_target(struct walpool__job *job)
{
    int64_t timeout_ms = job->call.timeout_ms, default_timeout_ms = -1;
    if (job->op->lane == WALPOOL__OP_LEASE)
        take_lease(job, &default_timeout_ms);
    else
        take_database(job, &default_timeout_ms);
    if (timeout_ms == -1)
        timeout_ms = default_timeout_ms;
    bool counts = job->op->lateness != WALPOOL__OP_UNTIMED && timeout_ms > 0 &&
                  timeout_ms <= LONGEST_TIMEOUT_MS;
    job->deadline_ns =
        counts ? walpool__clock_deadline(timeout_ms) : WALPOOL__NEVER;
}

static walpool_status
take_token(struct walpool__job *job, struct walpool__parker *watcher,
           walpool_error *err)
{
    walpool_status status = WALPOOL_OK;
    walpool_token *handle = job->call.token;
    if (job->op->lateness != WALPOOL__OP_EXPIRES || handle == NULL)
        return WALPOOL_OK;
    job->token =
        walpool__handle_pin(WALPOOL__HANDLE_TOKEN, handle, err, &status);
    walpool__token_watch(job->token, &job->sleeper, watcher);
    return status;
}

static void
drop_token(struct walpool__job *job)
{
    if (job->token == NULL)
        return;
    walpool__token_unwatch(job->token, &job->sleeper);
    walpool__handle_unpin(job->call.token);
    job->token = NULL;
}

walpool_status
walpool__job_make(const walpool_job *asked, struct walpool__parker *watcher,
                  struct walpool__job **made, walpool_error *err)
{
    walpool_status status = check(asked, err);
    if (status != WALPOOL_OK)
        return status;
    struct walpool__job *job = walpool__mem_zalloc(sizeof *job);
    if (job == NULL)
        return walpool__error_nomem(err, "a job");
    job->submitted_ns = walpool__clock_now();
    job->op = walpool__op_find(asked->op);
    job->asked = *asked;
    job->completion.id = asked->id;
    job->completion.error.sql_offset = -1;
    job->completion.error.statement = -1;
    walpool__list_init(&job->timed);
    walpool__list_init(&job->tokened);
    walpool__list_init(&job->done);
    take_call(job);
    take_target(job);
    status = take_token(job, watcher, err);
    if (status == WALPOOL_OK) {
        *made = job;
        return WALPOOL_OK;
    }
    drop_lease(job);
    walpool__mem_free(job);
    return status;
}

/* -------------------------------------------------------------- expire */

bool
walpool__job_may_expire(const struct walpool__job *job)
{
    return job->op->lateness == WALPOOL__OP_EXPIRES &&
           (job->deadline_ns != WALPOOL__NEVER || job->token != NULL);
}

bool
walpool__job_is_due(const struct walpool__job *job, int64_t now_ns)
{
    return job->deadline_ns <= now_ns || walpool__token_cancelled(job->token);
}

/* A call that never began has failed its database all the same. */
static void
count_failure(const struct walpool__job *job, walpool_status failure)
{
    walpool_status status;
    struct walpool__db *db = walpool__handle_pin(
        WALPOOL__HANDLE_DATABASE, job->asked.target, NULL, &status);
    if (db == NULL)
        return;
    walpool__stats_failed(&db->stats, failure);
    walpool__handle_unpin(job->asked.target);
}

void
walpool__job_expire(struct walpool__job *job)
{
    walpool_error *err = &job->completion.error;
    bool cancelled = walpool__token_cancelled(job->token);
    drop_token(job);
    drop_lease(job);
    walpool__error_set(err, cancelled ? WALPOOL_CANCELLED : WALPOOL_TIMEOUT,
                       "%s in the queue, before the job began",
                       cancelled ? "cancelled" : "the deadline passed");
    err->phase = WALPOOL_PHASE_QUEUE;
    count_failure(job, (walpool_status)err->status);
}

/* ----------------------------------------------------------------- run */

/* The call counts its time from the submit, but its messages tell the timeout
 * that was asked for. */
static void
spend_time(struct walpool__job *job, int64_t now_ns)
{
    int64_t spent_ms = (now_ns - job->submitted_ns) / NS_PER_MS;

    if (job->deadline_ns != WALPOOL__NEVER)
        job->call.spent_ms += (uint32_t)spent_ms;
}

static bool
token_is_closed(const struct walpool__job *job)
{
    walpool_status status = WALPOOL_OK;
    if (job->call.token == NULL)
        return false;
    if (walpool__handle_pin(WALPOOL__HANDLE_TOKEN, job->call.token, NULL,
                            &status) != NULL)
        walpool__handle_unpin(job->call.token);
    return status == WALPOOL_CLOSED;
}

static void
carry_out(struct walpool__job *job)
{
    walpool_completion *out = &job->completion;
    walpool_status status =
        walpool__op_run(&job->asked, &job->call, out, &job->cursor);
    /* The token was closed since the submit, which must not stop the job.
     * The call did not begin: make it again without. */
    if (status == WALPOOL_CLOSED && token_is_closed(job)) {
        job->call.token = NULL;
        status = walpool__op_run(&job->asked, &job->call, out, &job->cursor);
    }
    if (status != WALPOOL_OK)
        return;
    out->error = (walpool_error){
        .status = WALPOOL_OK, .sql_offset = -1, .statement = -1};
}

void
walpool__job_run(struct walpool__job *job)
{
    int64_t now = walpool__clock_now();
    if (walpool__job_may_expire(job) && walpool__job_is_due(job, now)) {
        walpool__job_expire(job);
        return;
    }
    drop_token(job);
    drop_lease(job);
    spend_time(job, now);
    carry_out(job);
}

/* ---------------------------------------------------------------- free */

void
walpool__job_free(struct walpool__job *job)
{
    drop_token(job);
    drop_lease(job);
    walpool__mem_free(job);
}

void
walpool__job_abandon(struct walpool__job *job)
{
    void *result = job->completion.result;
    if (job->cursor != NULL)
        walpool_cursor_close(job->cursor, NULL);
    if (result != NULL && job->asked.op == WALPOOL_OP_OPEN)
        walpool_close(result, -1, NULL);
    else if (result != NULL && job->asked.op == WALPOOL_OP_BACKUP_START)
        walpool_backup_finish(result, NULL);
    else if (result != NULL && job->asked.op == WALPOOL_OP_PREPARE)
        walpool_prepared_close(result);
    else if (result != NULL)
        walpool_release(result, NULL);
    walpool__job_free(job);
}
