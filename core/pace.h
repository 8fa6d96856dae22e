/* Pace: whether stepping ahead is worth it, by how long blocks took. */
#ifndef WALPOOL_PACE_H
#define WALPOOL_PACE_H

#include "base.h"

/* Of one result. All zero: nothing is known yet. */
struct walpool__pace {
    int64_t given_ns; /* when its user got the newest block */
    int64_t asked_ns; /* when he came for the next one */
    int64_t use_ns;   /* in between, the last time */
    int64_t fill_ns;  /* of the newest block that he stepped himself */
    unsigned lost;    /* times in a row that a thread was of no use */
    unsigned pause;   /* blocks until the next try */
    bool tried;       /* a thread was set to work on the next block */
};

/* Its user comes for a block, and got it: from a thread, or by himself. */
void walpool__pace_ask(struct walpool__pace *pace, int64_t now_ns);
void walpool__pace_give(struct walpool__pace *pace, int64_t now_ns,
                        bool by_thread);

/* Shall a thread be set to work now? */
bool walpool__pace_try(struct walpool__pace *pace);

#endif
