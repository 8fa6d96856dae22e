/* Queue: jobs on their way through the library's threads. */
#ifndef WALPOOL_QUEUE_H
#define WALPOOL_QUEUE_H

#include "crew.h"
#include "job.h"

#define WALPOOL__QUEUE_JOBS 100000
struct walpool__queue {
    struct walpool__wakefd wakefd;
    struct walpool__parker watcher; /* the thread that expires jobs */
    struct walpool__mutex mutex;    /* guards everything below */
    struct walpool__crew crews[WALPOOL__OP_LANES];
    struct walpool__link timed;   /* not begun, with a deadline, in its order */
    struct walpool__link tokened; /* not begun, with a token */
    struct walpool__link done;    /* ended, not collected */
    struct walpool__cond arrived; /* something has ended */
    size_t jobs;                  /* not collected */
    size_t under_way;             /* of these, not ended */
    size_t collectors;            /* threads that wait for `arrived` */
    bool rung;                    /* the descriptor is readable, or will be */
    bool closing;
    bool watching; /* the watcher was started */
    int64_t watched_until_ns;
    struct walpool__thread watcher_thread;
};

/* Zeroed memory becomes a queue. Returns 0 or an errno. */
int walpool__queue_init(struct walpool__queue *queue);
void walpool__queue_finish(struct walpool__queue *queue); /* after a stop */

/* Add a job, which the queue then owns. Fails with CLOSED, BUSY or NOMEM. */
walpool_status walpool__queue_add(struct walpool__queue *queue,
                                  struct walpool__job *job, walpool_error *err);

/* Move up to `most` jobs that have ended to the empty list `into`, linked by
 * `done`; the caller frees them. Waits as walpool_completions says. Returns
 * how many; `closing` receives whether the queue is being closed. */
size_t walpool__queue_collect(struct walpool__queue *queue, size_t most,
                              int64_t timeout_ms, struct walpool__link *into,
                              bool *closing);

/* End the threads: jobs that have not begun are dropped, running ones
 * awaited, completions abandoned. */
void walpool__queue_stop(struct walpool__queue *queue);

#endif
