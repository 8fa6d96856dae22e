/* Policy: what a checkpointer does next, as a function of what it sees. */
#ifndef WALPOOL_POLICY_H
#define WALPOOL_POLICY_H

#include "base.h"

/* What a run knows when it decides. Frames as in the wal-index. */
struct walpool__wal_view {
    int64_t frames;       /* in the WAL */
    int64_t checkpointed; /* of these, in the database file */
    int64_t threshold;    /* at which there is something to do */
    bool asked;           /* somebody waits for it: whatever the threshold */
    int copies;           /* COPY steps of this run so far */
    int64_t copied_last;  /* frames that the last of them got done */
    bool finished;        /* FINISH was done in this run, since the last gate */
    bool done;            /* and got to what the run is for */
    bool gated;           /* GATE was done in this run */
    int64_t gate_ms;      /* budget of a gate; 0: never */
    int64_t oldest_ms;    /* age of the oldest reader of ours, or -1: none */
};

enum walpool__step {
    WALPOOL__STEP_COPY,   /* copy while others write */
    WALPOOL__STEP_FINISH, /* copy the rest and start anew, with the writer */
    WALPOOL__STEP_GATE,   /* have new readers wait until the old ones end */
    WALPOOL__STEP_END     /* nothing more to do, or to be done */
};

/* The next step of a run. */
enum walpool__step
walpool__policy_next(const struct walpool__wal_view *view);

/* Commits come faster than they are copied: for how long the answer to one that
 * left so many frames is held up, in microseconds; 0: not at all. */
int64_t walpool__policy_hold_up_us(int64_t frames, int64_t threshold);

/* After a run: when to look again, in ms, or -1: not before a commit asks for
 * it. `failures` is the number of runs in a row that did not get to the end. */
int64_t walpool__policy_look_again_ms(bool complete, int failures);

#endif
