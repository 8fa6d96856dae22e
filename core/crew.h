/* Crew: the threads that serve one lane. */
#ifndef WALPOOL_CREW_H
#define WALPOOL_CREW_H

#include <stdatomic.h>

#include "lane.h"
#include "thread.h"
#include "wakefd.h"

#define WALPOOL__CREW_MOST 32

struct walpool__crew;

struct walpool__worker {
    struct walpool__link idle; /* among its crew's, while it sleeps */
    struct walpool__parker parker;
    struct walpool__thread thread;
    struct walpool__crew *crew;
};

/* Everything is guarded by the owner's mutex, but for the atomic. */
struct walpool__crew {
    struct walpool__mutex *mutex; /* the owner's */
    const char *thread_name;
    void (*work)(struct walpool__worker *worker); /* what a thread does */
    void *owner;                                  /* for `work` */
    struct walpool__lane lane;
    struct walpool__link idle; /* the one that slept last in front */
    struct walpool__worker workers[WALPOOL__CREW_MOST];
    int limit; /* threads that it may have */
    int started;
    int busy;     /* threads that have a task */
    bool called;  /* a thread is on its way to take a task */
    bool lingers; /* a thread stays awake for a moment, on `offered` */
    bool brisk;   /* tasks come in quick succession */
    bool stopping;
    atomic_bool offered;
};

/* Name, limit, mutex, owner and work are set, all else is 0. `work` runs on each
 * thread, with the mutex held at its begin and end: it carries out, without the
 * mutex, what crew_next gives, until that is NULL. */
void walpool__crew_init(struct walpool__crew *crew);
void walpool__crew_finish(struct walpool__crew *crew); /* after a join */

/* Add a task, before the stop. `served` receives whether a thread is free for
 * it. Returns 0, or an errno: there is no thread at all, and the task was not
 * added. */
int walpool__crew_add(struct walpool__crew *crew, struct walpool__task *task,
                      bool *served);

/* Take the next task, or wait for it; the mutex is held, but not while
 * waiting. NULL: the crew stops. A descriptor in `ring` is rung before a wait,
 * when this thread can be called already, so that whoever it wakes finds
 * somebody to serve him; otherwise it is left for the caller to ring. */
struct walpool__task *walpool__crew_next(struct walpool__worker *worker,
                                         struct walpool__wakefd **ring);

/* The task has ended; the mutex is held. Returns the next of its key, which may
 * begin, or NULL. */
struct walpool__task *walpool__crew_end(struct walpool__worker *worker,
                                        struct walpool__task *task);

/* Hand a task that may begin over to another crew, with those behind it. False:
 * that one has no thread, and cannot get one; the task stays. */
bool walpool__crew_hand_over(struct walpool__crew *from,
                             struct walpool__crew *to,
                             struct walpool__task *task);

/* Have the threads end after what they do; the mutex is held. Then, without
 * it, wait until they have. */
void walpool__crew_stop(struct walpool__crew *crew);
void walpool__crew_join(struct walpool__crew *crew);

#endif
