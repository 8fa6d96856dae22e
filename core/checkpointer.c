/* Checkpointer: the only one of a database that checkpoints.
 *
 * SQLite's automatic checkpoint is off: it makes the thread that commits pay,
 * and never gets to the end while others write. Here a commit only says how
 * many frames the WAL has. From the threshold on a thread of our own, started
 * with the first need, does a run (checkpoint_run.c). Of several processes the
 * one that has the right to copy does it, and the others come back later.
 *
 *   state     on                          to
 *   idle      notice of enough frames     wanted
 *   wanted    a run that did it all       idle
 *   wanted    a run that did not          resting
 *   resting   REST_MS passed, or hurry    pausing
 *   pausing   notice of enough frames     wanted
 *   pausing   the pause passed            wanted; the next is longer
 *   any       stop                        stopped
 *
 * Does: decide when, run manual checkpoints.
 * Must not: know how: that is checkpoint_run.c's.
 * Lock: `mutex` guards the state; the room belongs to whoever has its slot, so
 * that no two checkpoints of this process meet. */
#include "checkpointer.h"

#include "clock.h"
#include "error.h"
#include "options.h"

/* A reader kept frames back: no sense in trying again at every commit. */
#define REST_MS 50
/* So many runs may be cut by readers until commits are not held up any more. */
#define HOPEFUL_FAILURES 3
/* Between two tries of a manual one. */
#define RETRY_NAP_US 2000
/* SQLite forgets an interrupt that comes between two of its steps. */
#define BREAK_AGAIN_MS 10

bool
walpool__checkpointer_init(struct walpool__checkpointer *checkpointer,
                           const struct walpool__ckpt_room *room,
                           const walpool_options *options)
{
    void *self = checkpointer;

    memset(checkpointer, 0, sizeof *checkpointer);
    walpool__mutex_init(&checkpointer->mutex);
    walpool__cond_init(&checkpointer->changed);
    checkpointer->room = *room;
    checkpointer->options = options;
    return walpool__waitq_init(&checkpointer->room.slot, &self, 1);
}

void
walpool__checkpointer_finish(struct walpool__checkpointer *checkpointer)
{
    INVARIANT(!checkpointer->running);
    walpool__ckpt_close(&checkpointer->room);
    walpool__waitq_finish(&checkpointer->room.slot);
    walpool__cond_finish(&checkpointer->changed);
    walpool__mutex_finish(&checkpointer->mutex);
}

static void
note_slot(struct walpool__checkpointer *checkpointer, bool has_slot)
{
    walpool__mutex_lock(&checkpointer->mutex);
    checkpointer->has_slot = has_slot;
    walpool__cond_broadcast(&checkpointer->changed);
    walpool__mutex_unlock(&checkpointer->mutex);
}

/* One run, with the slot. */
static walpool_status
attempt(struct walpool__checkpointer *checkpointer,
        const struct walpool__ckpt_wish *wish, struct walpool__call *call,
        walpool_checkpoint_result *out, walpool_error *err)
{
    struct walpool__ckpt_room *room = &checkpointer->room;
    walpool_status status;

    if (!walpool__waitq_take(&room->slot, call, NULL, NULL))
        return walpool__call_stopped(call, "checkpoint",
                                     "another checkpoint of this process runs",
                                     err);
    if (!wish->asked)
        note_slot(checkpointer, true);
    status = walpool__ckpt_run(room, wish, call, out, err);
    walpool__waitq_give(&room->slot, checkpointer);
    if (!wish->asked)
        note_slot(checkpointer, false);
    return status;
}

walpool_status
walpool__checkpointer_run(struct walpool__checkpointer *checkpointer,
                          walpool_checkpoint_mode mode,
                          struct walpool__call *call,
                          walpool_checkpoint_result *out, walpool_error *err)
{
    bool waits = mode != WALPOOL_PASSIVE && call->timeout_ms != 0;
    const struct walpool__ckpt_wish wish = {
        mode, true, waits ? checkpointer->options->reader_gate_ms : 0};

    for (bool again = false;; again = true) {
        walpool_checkpoint_result newest = {0};
        walpool_error error;
        walpool_status status =
            attempt(checkpointer, &wish, call, &newest, &error);

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

    while (!checkpointer->stopping && !checkpointer->hurry &&
           walpool__clock_now() < until)
        walpool__cond_wait(&checkpointer->changed, &checkpointer->mutex, until);
}

/* True: everything is copied, and the WAL starts anew. */
static bool
run_once(struct walpool__checkpointer *checkpointer)
{
    const struct walpool__ckpt_wish wish = {
        WALPOOL_RESTART, false, checkpointer->options->reader_gate_ms};
    walpool_checkpoint_result result = {0};
    struct walpool__call call;
    walpool_status status;

    walpool__call_begin_own(&call, -1);
    status = attempt(checkpointer, &wish, &call, &result, NULL);
    return status == WALPOOL_OK && !result.busy;
}

static void
run_thread(void *arg)
{
    struct walpool__checkpointer *checkpointer = arg;
    int64_t until = WALPOOL__NEVER;

    walpool__mutex_lock(&checkpointer->mutex);
    for (;;) {
        int64_t pause_ms;
        bool complete, hurried;

        while (!checkpointer->wanted && !checkpointer->stopping &&
               walpool__clock_now() < until)
            walpool__cond_wait(&checkpointer->changed, &checkpointer->mutex,
                               until);
        if (checkpointer->stopping)
            break;
        checkpointer->wanted = false;
        hurried = checkpointer->hurry;
        checkpointer->at_work = true;
        walpool__mutex_unlock(&checkpointer->mutex);
        complete = run_once(checkpointer);
        walpool__mutex_lock(&checkpointer->mutex);
        checkpointer->at_work = false;
        checkpointer->hurry &= !hurried;
        checkpointer->failures = complete ? 0 : checkpointer->failures + 1;
        walpool__cond_broadcast(&checkpointer->changed);
        if (!complete)
            rest(checkpointer);
        pause_ms = walpool__policy_look_again_ms(
            complete, checkpointer->failures,
            walpool__ceiling_is_urgent(checkpointer->room.ceiling));
        until = pause_ms < 0 ? WALPOOL__NEVER
                             : walpool__clock_deadline(pause_ms);
    }
    walpool__mutex_unlock(&checkpointer->mutex);
}

/* Is there a chance that the WAL gets shorter soon? Not where a reader has been
 * in the way for several runs: then waiting would help nobody, unless the next
 * one ends its snapshot. */
static bool
gets_shorter(const struct walpool__checkpointer *checkpointer)
{
    if (checkpointer->hurry || atomic_load(&checkpointer->room.curable))
        return checkpointer->running;
    return checkpointer->failures <= HOPEFUL_FAILURES &&
           (checkpointer->at_work || checkpointer->failures > 0);
}

/* The answer is late, the writer is free. The mutex is held. */
static void
hold_up(struct walpool__checkpointer *checkpointer, struct walpool__call *call,
        int64_t us)
{
    int64_t until = walpool__clock_now() + us * 1000;

    walpool__mutex_unlock(&checkpointer->mutex);
    walpool__call_leave(call);
    walpool__mutex_lock(&checkpointer->mutex);
    while (gets_shorter(checkpointer) && !checkpointer->stopping &&
           walpool__clock_now() < until)
        walpool__cond_wait(&checkpointer->changed, &checkpointer->mutex, until);
}

/* Where readers may be interrupted, a run is due as soon as the WAL is above
 * its ceiling; if that does not help, the next one as usual. The mutex is
 * held. */
static void
look_at_ceiling(struct walpool__checkpointer *checkpointer, int64_t frames)
{
    const struct walpool__ceiling *ceiling = checkpointer->room.ceiling;
    bool above = ceiling->policy == WALPOOL__CEILING_INTERRUPT &&
                 ceiling->frames > 0 && frames > ceiling->frames;

    if (above && !checkpointer->above) {
        checkpointer->hurry = true;
        walpool__cond_broadcast(&checkpointer->changed);
    }
    checkpointer->above = above;
}

/* The mutex is held. */
static void
want(struct walpool__checkpointer *checkpointer)
{
    if (!checkpointer->running && !checkpointer->stopping)
        checkpointer->running =
            walpool__thread_start(&checkpointer->thread, "walpool-ckpt",
                                  run_thread, checkpointer) == 0;
    if (checkpointer->wanted)
        return;
    checkpointer->wanted = true;
    walpool__cond_broadcast(&checkpointer->changed);
}

void
walpool__checkpointer_wake(struct walpool__checkpointer *checkpointer)
{
    walpool__mutex_lock(&checkpointer->mutex);
    want(checkpointer);
    walpool__mutex_unlock(&checkpointer->mutex);
}

void
walpool__checkpointer_notice(struct walpool__checkpointer *checkpointer,
                             int frames, struct walpool__call *call)
{
    int64_t threshold = checkpointer->options->checkpoint_frames, us;

    if (frames < threshold ||
        checkpointer->options->checkpoint_owner == WALPOOL__OWNER_EXTERNAL)
        return;
    us = walpool__policy_hold_up_us(frames, threshold);
    walpool__mutex_lock(&checkpointer->mutex);
    want(checkpointer);
    look_at_ceiling(checkpointer, frames);
    if (us > 0)
        hold_up(checkpointer, call, us);
    walpool__mutex_unlock(&checkpointer->mutex);
}

/* What was copied in the step that is cut is to be copied again; what it does
 * with the disk just now is not cut. */
static void
break_off(struct walpool__ckpt_room *room)
{
    struct walpool__conn *copier = atomic_load(&room->copier);

    atomic_store(&room->broken_off, true);
    if (copier)
        sqlite3_interrupt(copier->db);
}

bool
walpool__checkpointer_end_run(struct walpool__checkpointer *checkpointer,
                              int64_t due_ns)
{
    bool was;

    walpool__mutex_lock(&checkpointer->mutex);
    was = checkpointer->has_slot;
    while (checkpointer->has_slot) {
        int64_t until = due_ns;

        if (walpool__clock_now() >= due_ns) {
            walpool__mutex_unlock(&checkpointer->mutex);
            break_off(&checkpointer->room);
            until = walpool__clock_deadline(BREAK_AGAIN_MS);
            walpool__mutex_lock(&checkpointer->mutex);
        }
        if (checkpointer->has_slot)
            walpool__cond_wait(&checkpointer->changed, &checkpointer->mutex,
                               until);
    }
    walpool__mutex_unlock(&checkpointer->mutex);
    return was;
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
