/* Policy: what a checkpointer does next, as a function of what it sees. */
#ifndef WALPOOL_POLICY_H
#define WALPOOL_POLICY_H

#include "base.h"

/* What happens above the ceiling; the numbers of walpool_options. */
enum walpool__ceiling_policy {
    WALPOOL__CEILING_WARN,         /* health says so */
    WALPOOL__CEILING_BACKPRESSURE, /* writes wait, too */
    WALPOOL__CEILING_FAIL,         /* writes are refused, too */
    WALPOOL__CEILING_INTERRUPT     /* our oldest readers are ended, too */
};

/* What a run knows when it decides. Frames as in the wal-index. */
struct walpool__wal_view {
    int64_t frames;       /* in the WAL */
    int64_t checkpointed; /* of these, in the database file */
    int64_t threshold;    /* at which there is something to do */
    int64_t ceiling;      /* above which the user's policy holds; 0: none */
    enum walpool__ceiling_policy policy;
    bool beside;          /* frames may be copied without the writer */
    bool asked;           /* somebody waits for it: whatever the threshold */
    int copies;           /* COPY steps of this run so far */
    int64_t copied_last;  /* frames that the last of them got done */
    int crowded;          /* times that FINISH met too many frames */
    bool finished;        /* FINISH was done in this run, since the last GATE or
                             INTERRUPT */
    bool done;            /* and got to what the run is for */
    bool gated;           /* GATE was done in this run */
    int64_t gate_ms;      /* budget of a gate; 0: never */
    int64_t oldest_ms;    /* age of the pool's oldest snapshot, or -1: none */
    int64_t others_ms;    /* of the oldest that no gate ends, or -1: none */
    int interrupts;       /* INTERRUPT steps of this run so far */
    int64_t patience_ms;  /* readers younger than this are not interrupted */
    bool pin_is_pooled;   /* the farthest behind is a reader of the pool */
};

enum walpool__step {
    WALPOOL__STEP_COPY,   /* copy while others write */
    WALPOOL__STEP_FINISH, /* copy the rest and start anew, with the writer */
    WALPOOL__STEP_GATE,   /* have new readers wait until the old ones end */
    WALPOOL__STEP_INTERRUPT, /* end the snapshots of our oldest readers; for
                                the second time new ones wait, as behind GATE */
    WALPOOL__STEP_END     /* nothing more to do, or to be done */
};

/* The next step of a run. */
enum walpool__step
walpool__policy_next(const struct walpool__wal_view *view);

/* The longest tail that FINISH may meet: a commit waits while it is copied. */
int64_t walpool__policy_most_in_hand(int64_t threshold);

/* The frames of a ceiling: of the option, which may ask for the default. */
int64_t walpool__policy_ceiling(int64_t option, int64_t threshold);

/* A run has ended: is the WAL above its ceiling, and kept there? */
bool walpool__policy_is_over(const struct walpool__wal_view *view);

/* The same, and it will be ended: the next run INTERRUPTs who keeps it. */
bool walpool__policy_is_curable(const struct walpool__wal_view *view);

/* Commits come faster than they are copied: for how long the answer to one that
 * left so many frames is held up, in microseconds; 0: not at all. */
int64_t walpool__policy_hold_up_us(int64_t frames, int64_t threshold);

/* After a run: when to look again, in ms, or -1: not before a commit asks for
 * it. `failures` is the number of runs in a row that did not get to the end;
 * `urgent`: writes wait for it, or are refused. */
int64_t walpool__policy_look_again_ms(bool complete, int failures,
                                      bool urgent);

#endif
