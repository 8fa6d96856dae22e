/* Optimizer: the thread that measures tables when nobody writes.
 *
 * It is there only where the option optimize_interval asks for it: a program
 * that is quiet wakes no thread of ours.
 *
 * Does: tell when it is time.
 * Must not: know what is done then.
 * Lock: `mutex` guards `stopping`; no work is done with it. */
#include "optimizer.h"

#include "clock.h"

/* Somebody needed the writer: look for a better moment. */
#define RETRY_MS 1000

static void
run_thread(void *arg)
{
    struct walpool__optimizer *optimizer = arg;
    int64_t until = 0;

    walpool__mutex_lock(&optimizer->mutex);
    while (!optimizer->stopping) {
        bool done;

        if (walpool__clock_now() < until) {
            walpool__cond_wait(&optimizer->changed, &optimizer->mutex, until);
            continue;
        }
        walpool__mutex_unlock(&optimizer->mutex);
        done = optimizer->work(optimizer->arg);
        until = walpool__clock_deadline(
            done || optimizer->interval_ms < RETRY_MS ? optimizer->interval_ms
                                                      : RETRY_MS);
        walpool__mutex_lock(&optimizer->mutex);
    }
    walpool__mutex_unlock(&optimizer->mutex);
}

void
walpool__optimizer_start(struct walpool__optimizer *optimizer,
                         int64_t interval_ms, bool (*work)(void *arg),
                         void *arg)
{
    PRE(!optimizer->running && interval_ms > 0);
    optimizer->interval_ms = interval_ms;
    optimizer->work = work;
    optimizer->arg = arg;
    optimizer->stopping = false;
    walpool__mutex_init(&optimizer->mutex);
    walpool__cond_init(&optimizer->changed);
    optimizer->running =
        walpool__thread_start(&optimizer->thread, "walpool-opt", run_thread,
                              optimizer) == 0;
    if (optimizer->running)
        return;
    walpool__cond_finish(&optimizer->changed);
    walpool__mutex_finish(&optimizer->mutex);
}

void
walpool__optimizer_stop(struct walpool__optimizer *optimizer)
{
    if (!optimizer->running)
        return;
    walpool__mutex_lock(&optimizer->mutex);
    optimizer->stopping = true;
    walpool__cond_broadcast(&optimizer->changed);
    walpool__mutex_unlock(&optimizer->mutex);
    walpool__thread_join(&optimizer->thread);
    optimizer->running = false;
    walpool__cond_finish(&optimizer->changed);
    walpool__mutex_finish(&optimizer->mutex);
}
