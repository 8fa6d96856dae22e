/* Optimizer: the thread that measures tables when nobody writes. */
#ifndef WALPOOL_OPTIMIZER_H
#define WALPOOL_OPTIMIZER_H

#include "thread.h"

/* All zero: it does not run. */
struct walpool__optimizer {
    bool running; /* belongs to who opens and closes the database */
    struct walpool__thread thread;
    int64_t interval_ms;
    bool (*work)(void *arg);
    void *arg;
    struct walpool__mutex mutex; /* guards the next two */
    struct walpool__cond changed;
    bool stopping;
};

/* Do `work` now, and then each time that the interval has passed; sooner where
 * it returns false: it did not get to its end. Without a thread nothing is
 * done. */
void walpool__optimizer_start(struct walpool__optimizer *optimizer,
                              int64_t interval_ms, bool (*work)(void *arg),
                              void *arg);

/* Wait until `work` has returned. One that does not run is fine. */
void walpool__optimizer_stop(struct walpool__optimizer *optimizer);

#endif
