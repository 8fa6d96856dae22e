/* A place where a test holds one thread: the clock, which every call reads
 * after it has pinned its handle and before it does anything else. */
#ifndef GATE_H
#define GATE_H

#include <sched.h>

#include "api.h"
#include "clock.h"

struct gate {
    atomic_bool reached, open;
};

static _Thread_local struct gate *gate_here; /* of this thread, or NULL */

static inline int64_t
gate_clock(void)
{
    struct timespec now;
    if (gate_here != NULL) {
        atomic_store(&gate_here->reached, true);
        while (!atomic_load(&gate_here->open))
            sched_yield();
        gate_here = NULL;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A call on a thread of its own, held before it begins. */
struct held {
    struct gate gate;
    pthread_t thread;
    walpool *db;
    walpool_status (*call)(walpool *db);
    walpool_status status;
};

static inline void *
held_run(void *arg)
{
    struct held *held = arg;
    gate_here = &held->gate;
    held->status = held->call(held->db);
    return NULL;
}

static inline void
held_begin(struct held *held, walpool *db, walpool_status (*call)(walpool *))
{
    *held = (struct held){.db = db, .call = call};
    walpool__clock_replace(gate_clock);
    CHECK_INT(pthread_create(&held->thread, NULL, held_run, held), 0);
    CHECK_EVENTUALLY(atomic_load(&held->gate.reached));
}

static inline walpool_status
held_finish(struct held *held)
{
    atomic_store(&held->gate.open, true);
    CHECK_INT(pthread_join(held->thread, NULL), 0);
    walpool__clock_replace(NULL);
    return held->status;
}

#endif
