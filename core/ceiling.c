/* Ceiling: what happens while somebody keeps the WAL too long.
 *
 * The checkpointer says after each of its runs whether the WAL is over its
 * ceiling all the same. From then on a write that begins waits for a run that
 * says otherwise, or is refused, as the user chose. What has begun goes on, and
 * a writer that another process let start the WAL anew is seen at once.
 *
 * Does: keep who is to blame, hold or refuse writes, end old snapshots, put it
 * into words.
 * Must not: find out whether it is over: policy.c and checkpoint_run.c do.
 * Lock: `mutex`; waiters sleep on parkers of their own. */
#include "ceiling.h"

#include <stdio.h>

#include "error.h"
#include "options.h"
#include "txn.h"

struct waiter {
    struct walpool__link link;
    struct walpool__parker parker;
};

void
walpool__ceiling_init(struct walpool__ceiling *ceiling,
                      const walpool_options *options,
                      struct walpool__walindex *walindex)
{
    ceiling->frames = walpool__policy_ceiling(options->wal_ceiling_frames,
                                              options->checkpoint_frames);
    ceiling->policy =
        (enum walpool__ceiling_policy)options->wal_ceiling_policy;
    ceiling->external = options->checkpoint_owner == WALPOOL__OWNER_EXTERNAL;
    ceiling->walindex = walindex;
    atomic_init(&ceiling->over, false);
    walpool__mutex_init(&ceiling->mutex);
    walpool__list_init(&ceiling->waiters);
    ceiling->pin = (struct walpool__pin){.pid = 0};
    ceiling->lifted = false;
}

void
walpool__ceiling_finish(struct walpool__ceiling *ceiling)
{
    INVARIANT(walpool__list_is_empty(&ceiling->waiters));
    walpool__mutex_finish(&ceiling->mutex);
}

/* The mutex is held: so no parker is gone yet. */
static void
wake_all(struct walpool__ceiling *ceiling)
{
    for (struct walpool__link *link = ceiling->waiters.next;
         link != &ceiling->waiters; link = link->next)
        walpool__parker_wake(
            &WALPOOL__CONTAINER(link, struct waiter, link)->parker);
}

void
walpool__ceiling_note(struct walpool__ceiling *ceiling, bool over,
                      const struct walpool__pin *pin)
{
    walpool__mutex_lock(&ceiling->mutex);
    ceiling->pin = *pin;
    atomic_store_explicit(&ceiling->over, over, memory_order_relaxed);
    if (!over)
        wake_all(ceiling);
    walpool__mutex_unlock(&ceiling->mutex);
}

void
walpool__ceiling_lift(struct walpool__ceiling *ceiling, bool lifted)
{
    walpool__mutex_lock(&ceiling->mutex);
    ceiling->lifted = lifted;
    wake_all(ceiling);
    walpool__mutex_unlock(&ceiling->mutex);
}

bool
walpool__ceiling_is_over(const struct walpool__ceiling *ceiling)
{
    struct walpool__wal_state state = {0, 0};

    return ceiling->frames > 0 &&
           (ceiling->external ||
            atomic_load_explicit(&ceiling->over, memory_order_relaxed)) &&
           walpool__walindex_read(ceiling->walindex, &state) &&
           state.frames > ceiling->frames;
}

bool
walpool__ceiling_is_urgent(const struct walpool__ceiling *ceiling)
{
    return (ceiling->policy == WALPOOL__CEILING_BACKPRESSURE ||
            ceiling->policy == WALPOOL__CEILING_FAIL) &&
           atomic_load_explicit(&ceiling->over, memory_order_relaxed);
}

void
walpool__ceiling_gather(const struct walpool__ceiling *ceiling,
                        walpool_health *out)
{
    out->checkpoint_external = ceiling->external;
    out->wal_ceiling_frames = ceiling->frames;
    out->wal_over_ceiling = walpool__ceiling_is_over(ceiling);
}

/* ------------------------------------------------------------------ readers */

/* The word is read before the tag, and compared when it is moved: so it is the
 * holder of that age that is struck, and not the next one. True: a call runs,
 * was asked to stop, and is still to end the snapshot itself. */
static bool
end_if_old(struct walpool__reader *reader, int64_t patience_ms,
           struct walpool__stats *stats)
{
    uint64_t seen = walpool__recall_look(&reader->recall);
    struct walpool__holder holder = walpool__pool_snapshot(reader);
    enum walpool__recall_answer answer;

    if (!holder.since_ns ||
        walpool__holder_age_ms(&holder) < patience_ms)
        return false;
    answer = walpool__recall_seize(&reader->recall, seen);
    if (answer == WALPOOL__RECALL_SEIZED) {
        walpool__txn_end_snapshot(reader->conn);
        walpool__recall_ended(&reader->recall);
        walpool__stats_add(&stats->snapshots_ended, 1);
    }
    return answer == WALPOOL__RECALL_ASKED;
}

bool
walpool__ceiling_end_old(struct walpool__pool *pool, int64_t patience_ms,
                         struct walpool__stats *stats)
{
    bool some_run = false;

    for (int i = 0; i < pool->count; i++)
        some_run |= end_if_old(&pool->readers[i], patience_ms, stats);
    return some_run;
}

/* ------------------------------------------------------------------- words */

/* "the WAL has more than wal_ceiling_frames=16000: report (this process) keeps
 * a snapshot at frame 12" */
static void
explain(struct walpool__ceiling *ceiling, char *dst, size_t bytes)
{
    char name[WALPOOL__PIN_NAME_BYTES];
    struct walpool__pin pin;
    int used;

    walpool__mutex_lock(&ceiling->mutex);
    pin = ceiling->pin;
    walpool__mutex_unlock(&ceiling->mutex);
    used = snprintf(dst, bytes, "the WAL has more than wal_ceiling_frames=%lld",
                    (long long)ceiling->frames);
    if (used < 0 || (size_t)used >= bytes)
        return;
    if (ceiling->external)
        snprintf(dst + used, bytes - (size_t)used,
                 ", and checkpoint_owner is external");
    else if (pin.pid)
        snprintf(dst + used, bytes - (size_t)used,
                 ": %s keeps a snapshot at frame %lld",
                 walpool__pin_name(&pin, name), (long long)pin.frame);
    else
        snprintf(dst + used, bytes - (size_t)used,
                 ", and no checkpoint came to its end");
}

void
walpool__ceiling_explain(struct walpool__ceiling *ceiling, char *dst,
                         size_t bytes)
{
    dst[0] = '\0';
    if (walpool__ceiling_is_over(ceiling))
        explain(ceiling, dst, bytes);
}

/* ------------------------------------------------------------------ waiting */

static walpool_status
refuse(struct walpool__ceiling *ceiling, walpool_error *err)
{
    char why[240];

    explain(ceiling, why, sizeof why);
    return walpool__error_set(err, WALPOOL_CEILING,
                              "cannot write, as wal_ceiling_policy is fail: "
                              "%s: end it", why);
}

/* False: the call must stop. */
static bool
sleep_while_over(struct walpool__ceiling *ceiling, struct walpool__call *call)
{
    struct walpool__sleeper sleeper;
    struct waiter me;
    bool held, stops = false;

    walpool__parker_init(&me.parker);
    walpool__call_leave(call);
    walpool__token_watch(call->token, &sleeper, &me.parker);
    walpool__mutex_lock(&ceiling->mutex);
    walpool__list_append(&ceiling->waiters, &me.link);
    while ((held = ceiling->over && !ceiling->lifted) &&
           !(stops = walpool__call_must_stop(call))) {
        walpool__mutex_unlock(&ceiling->mutex);
        walpool__parker_sleep(&me.parker, call->deadline_ns);
        walpool__mutex_lock(&ceiling->mutex);
    }
    walpool__list_remove(&me.link);
    walpool__mutex_unlock(&ceiling->mutex);
    walpool__token_unwatch(call->token, &sleeper);
    walpool__parker_finish(&me.parker);
    return !held || !stops;
}

walpool_status
walpool__ceiling_wait(struct walpool__ceiling *ceiling,
                      struct walpool__call *call, walpool_error *err)
{
    char why[240];

    if (!walpool__ceiling_is_urgent(ceiling) ||
        !walpool__ceiling_is_over(ceiling))
        return WALPOOL_OK;
    if (ceiling->policy == WALPOOL__CEILING_FAIL)
        return refuse(ceiling, err);
    call->phase = WALPOOL_PHASE_CEILING;
    if (call->timeout_ms == 0)
        call->stopped = WALPOOL_TIMEOUT;
    else if (sleep_while_over(ceiling, call))
        return WALPOOL_OK;
    explain(ceiling, why, sizeof why);
    return walpool__call_stopped(call, "write", why, err);
}
