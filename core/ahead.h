/* Ahead: the next blocks of a result, filled before they are asked for. */
#ifndef WALPOOL_AHEAD_H
#define WALPOOL_AHEAD_H

#include "call.h"
#include "crew.h"
#include "rows.h"

#define WALPOOL__AHEAD_BLOCKS 2

/* The threads that do it for one database. */
struct walpool__steppers {
    struct walpool__mutex mutex; /* guards the crew, and what ahead.h says */
    struct walpool__crew crew;
};

#define WALPOOL__STEPPERS_AUTO (-1) /* threads: as the processors say */

/* Zeroed memory becomes some. Of 0 threads none steps ahead; one is started
 * when it is first needed. */
void walpool__steppers_init(struct walpool__steppers *steppers, int threads);

/* End the threads; nothing steps ahead any more. Before the finish. */
void walpool__steppers_stop(struct walpool__steppers *steppers);
void walpool__steppers_finish(struct walpool__steppers *steppers);

/* What comes after a block, or after a failure to make one. */
enum walpool__ahead_next {
    WALPOOL__AHEAD_GOES_ON, /* another block can be made at once */
    WALPOOL__AHEAD_WAITS,   /* its user must look at this one first */
    WALPOOL__AHEAD_ENDED    /* none */
};

/* Make the next block, on whatever thread: one at a time. It must end soon
 * after the call's token is cancelled. */
typedef enum walpool__ahead_next walpool__ahead_fill(
    void *owner, struct walpool__call *call, walpool_rows *rows,
    walpool_status *status, walpool_error *err);

struct walpool__ahead_block {
    walpool_rows rows;
    walpool_status status;
    enum walpool__ahead_next next;
    walpool_error error;
};

enum walpool__ahead_state {
    WALPOOL__AHEAD_RESTS,  /* its user may use what `fill` uses */
    WALPOOL__AHEAD_QUEUED, /* the same, after it was taken out of the queue */
    WALPOOL__AHEAD_RUNS    /* a thread is in `fill`, or about to be */
};

/* One result. It has one user, who makes, starts, takes and frees. */
struct walpool__ahead {
    struct walpool__steppers *steppers;
    walpool__ahead_fill *fill;
    void *owner;
    struct walpool__token stop; /* of the calls that fill */
    /* Guarded by the mutex of the steppers: */
    struct walpool__task task;
    enum walpool__ahead_state state;
    struct walpool__parker *waiter; /* its user, or NULL */
    unsigned first, filled; /* blocks that wait to be taken: a ring */
    struct walpool__ahead_block blocks[WALPOOL__AHEAD_BLOCKS];
};

/* NULL: no memory, or nobody steps ahead. Blocks are as large as the user's
 * buffer, or grow as it does. */
struct walpool__ahead *walpool__ahead_make(struct walpool__steppers *steppers,
                                           walpool__ahead_fill *fill,
                                           void *owner,
                                           const walpool_rows *like);

/* Stop what runs, drop what was filled; then nobody is in `fill`. NULL is
 * ignored. */
void walpool__ahead_free(struct walpool__ahead *ahead);

/* Have the blocks filled that are free. Where no thread can be had, nothing
 * happens. */
void walpool__ahead_start(struct walpool__ahead *ahead);

/* Take the next block into `rows`, which is the user's; wait for it if a thread
 * is at it. False: nobody is, nor will be: the user fills it himself. A TIMEOUT
 * or CANCELLED, of the call, leaves the thread at it: free. TOOBIG for a buffer
 * that cannot hold the block leaves all as it was. */
bool walpool__ahead_take(struct walpool__ahead *ahead,
                         struct walpool__call *call, walpool_rows *rows,
                         enum walpool__ahead_next *next,
                         walpool_status *status, walpool_error *err);

#endif
