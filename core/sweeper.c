/* Sweeper: a thread that looks after what was left, once that is due.
 *
 *   state            on                       to
 *   no thread        arm                      at work
 *   at work          sweep says when, twice   asleep until the earlier one
 *   asleep until t   t                        at work
 *   asleep until t   arm, for before t        at work
 *   any              stop                     no thread
 *
 * Who leaves something says so before he looks until when the sweeper sleeps;
 * the sweeper says until when before it looks for the last time. So one of the
 * two sees the other, and nothing is left for longer.
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
    atomic_init(&sweeper->until_ns, WALPOOL__NEVER);
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

static void
look_again_by(struct walpool__sweeper *sweeper, int_fast64_t due_ns)
{
    int_fast64_t until = atomic_load(&sweeper->until_ns);

    while (due_ns < until &&
           !atomic_compare_exchange_weak(&sweeper->until_ns, &until, due_ns))
        continue;
}

static void
sweep(struct walpool__sweeper *sweeper)
{
    atomic_store(&sweeper->until_ns, sweeper->sweep(sweeper->arg));
    look_again_by(sweeper, sweeper->sweep(sweeper->arg));
}

static void
run_thread(void *arg)
{
    struct walpool__sweeper *sweeper = arg;
    int64_t until;

    walpool__mutex_lock(&sweeper->mutex);
    while (!sweeper->stopping) {
        walpool__mutex_unlock(&sweeper->mutex);
        sweep(sweeper);
        walpool__mutex_lock(&sweeper->mutex);
        while (!sweeper->stopping &&
               walpool__clock_now() < (until = atomic_load(&sweeper->until_ns)))
            walpool__cond_wait(&sweeper->changed, &sweeper->mutex, until);
    }
    walpool__mutex_unlock(&sweeper->mutex);
}

bool
walpool__sweeper_rouse(struct walpool__sweeper *sweeper, int64_t due_ns)
{
    bool runs;

    walpool__mutex_lock(&sweeper->mutex);
    if (!sweeper->running && !sweeper->stopping)
        sweeper->running =
            walpool__thread_start(&sweeper->thread, "walpool-sweep", run_thread,
                                  sweeper) == 0;
    runs = sweeper->running;
    if (runs)
        look_again_by(sweeper, due_ns);
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
    atomic_store(&sweeper->until_ns, WALPOOL__NEVER);
}
