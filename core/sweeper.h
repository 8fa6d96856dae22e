/* Sweeper: a thread that looks after what was left, once that is due. */
#ifndef WALPOOL_SWEEPER_H
#define WALPOOL_SWEEPER_H

#include <stdatomic.h>

#include "thread.h"

struct walpool__sweeper {
    /* Do what is due, and say when the next is: WALPOOL__NEVER, if nothing was
     * left. By the sweeper's thread only. */
    int64_t (*sweep)(void *arg);
    void *arg;
    atomic_int_fast64_t until_ns; /* it looks again then, or earlier;
                                     WALPOOL__NEVER: when it is armed */
    struct walpool__mutex mutex; /* guards the rest */
    struct walpool__cond changed;
    bool running, stopping;
    struct walpool__thread thread;
};

void walpool__sweeper_init(struct walpool__sweeper *sweeper,
                           int64_t (*sweep)(void *arg), void *arg);
void walpool__sweeper_finish(struct walpool__sweeper *sweeper);

/* The slow half of the next. */
bool walpool__sweeper_rouse(struct walpool__sweeper *sweeper, int64_t due_ns);

/* Something was left, `sweep` sees it, and it is due then. False: no thread to
 * be had. */
static inline bool
walpool__sweeper_arm(struct walpool__sweeper *sweeper, int64_t due_ns)
{
    return atomic_load(&sweeper->until_ns) <= due_ns ||
           walpool__sweeper_rouse(sweeper, due_ns);
}

/* End the thread; the next arming starts another one. */
void walpool__sweeper_stop(struct walpool__sweeper *sweeper);

#endif
