/* Sweeper: a thread that looks after what was left, once that is due.
 *
 *   state    on                               to
 *   none     arm                              armed, and a thread
 *   armed    sweep says when                  armed, asleep until then
 *   armed    sweep says never, twice          unarmed, asleep
 *   unarmed  arm                              armed
 *   any      stop                             none
 *
 * Who leaves something says so before he looks whether the sweeper is armed;
 * the sweeper says that it is not before it looks for the last time. So one of
 * the two sees the other, and nothing is left behind.
 *
 * Does: sleep and wake, start with the first need.
 * Must not: know what is swept.
 * Lock: `mutex` guards the state; sweep is called without it. */
#include "sweeper.h"

#include "clock.h"

void
walpool__sweeper_init(struct walpool__sweeper *sweeper,
                      int64_t (*sweep)(void *arg), void *arg)
{
    sweeper->sweep = sweep;
    sweeper->arg = arg;
    atomic_init(&sweeper->armed, false);
    walpool__mutex_init(&sweeper->mutex);
    walpool__cond_init(&sweeper->changed);
    sweeper->running = sweeper->stopping = false;
}

void
walpool__sweeper_finish(struct walpool__sweeper *sweeper)
{
    INVARIANT(!sweeper->running);
    walpool__cond_finish(&sweeper->changed);
    walpool__mutex_finish(&sweeper->mutex);
}

/* Do what is due; when is the next? */
static int64_t
sweep(struct walpool__sweeper *sweeper)
{
    int64_t due = sweeper->sweep(sweeper->arg);

    if (due != WALPOOL__NEVER)
        return due;
    atomic_store(&sweeper->armed, false);
    due = sweeper->sweep(sweeper->arg);
    if (due != WALPOOL__NEVER)
        atomic_store(&sweeper->armed, true);
    return due;
}

static void
run_thread(void *arg)
{
    struct walpool__sweeper *sweeper = arg;

    walpool__mutex_lock(&sweeper->mutex);
    while (!sweeper->stopping) {
        int64_t due;

        walpool__mutex_unlock(&sweeper->mutex);
        due = sweep(sweeper);
        walpool__mutex_lock(&sweeper->mutex);
        while (!sweeper->stopping && walpool__clock_now() < due &&
               (due != WALPOOL__NEVER || !atomic_load(&sweeper->armed)))
            walpool__cond_wait(&sweeper->changed, &sweeper->mutex, due);
    }
    walpool__mutex_unlock(&sweeper->mutex);
}

bool
walpool__sweeper_rouse(struct walpool__sweeper *sweeper)
{
    bool runs;

    walpool__mutex_lock(&sweeper->mutex);
    atomic_store(&sweeper->armed, true);
    if (!sweeper->running && !sweeper->stopping)
        sweeper->running =
            walpool__thread_start(&sweeper->thread, "walpool-sweep", run_thread,
                                  sweeper) == 0;
    runs = sweeper->running;
    if (!runs)
        atomic_store(&sweeper->armed, false);
    walpool__cond_signal(&sweeper->changed);
    walpool__mutex_unlock(&sweeper->mutex);
    return runs;
}

void
walpool__sweeper_stop(struct walpool__sweeper *sweeper)
{
    bool running;

    walpool__mutex_lock(&sweeper->mutex);
    sweeper->stopping = true;
    running = sweeper->running;
    walpool__cond_signal(&sweeper->changed);
    walpool__mutex_unlock(&sweeper->mutex);
    if (running)
        walpool__thread_join(&sweeper->thread);
    walpool__mutex_lock(&sweeper->mutex);
    sweeper->running = sweeper->stopping = false;
    walpool__mutex_unlock(&sweeper->mutex);
    atomic_store(&sweeper->armed, false);
}
