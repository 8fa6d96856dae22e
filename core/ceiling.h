/* Ceiling: what happens while somebody keeps the WAL too long. */
#ifndef WALPOOL_CEILING_H
#define WALPOOL_CEILING_H

#include "call.h"
#include "pin.h"
#include "policy.h"

struct walpool__ceiling {
    int64_t frames; /* 0: none */
    enum walpool__ceiling_policy policy;
    bool external; /* another one checkpoints: there are no runs to wait for */
    struct walpool__walindex *walindex;
    atomic_bool over; /* set under the mutex, read without */
    struct walpool__mutex mutex; /* guards the rest */
    struct walpool__link waiters;
    struct walpool__pin pin; /* what the last run found, while it is over */
    bool lifted; /* the database is being closed: nobody waits */
};

/* `walindex` must outlive it. */
void walpool__ceiling_init(struct walpool__ceiling *ceiling,
                           const walpool_options *options,
                           struct walpool__walindex *walindex);
void walpool__ceiling_finish(struct walpool__ceiling *ceiling);

/* After a run of the checkpointer: is it over, and because of whom? */
void walpool__ceiling_note(struct walpool__ceiling *ceiling, bool over,
                           const struct walpool__pin *pin);

/* While the database is being closed writes pass. */
void walpool__ceiling_lift(struct walpool__ceiling *ceiling, bool lifted);

/* Is it over, and has nobody started the WAL anew since? */
bool walpool__ceiling_is_over(const struct walpool__ceiling *ceiling);

/* Do writes wait for the next run, or are they refused? */
bool walpool__ceiling_is_urgent(const struct walpool__ceiling *ceiling);

/* End the snapshots of the pool that are so old. True: of some a call runs, was
 * asked to stop, and is still to end it itself. */
bool walpool__ceiling_end_old(struct walpool__pool *pool, int64_t patience_ms,
                              struct walpool__stats *stats);

/* Who keeps it, in less than 240 bytes; "" where it is not over. */
void walpool__ceiling_explain(struct walpool__ceiling *ceiling, char *dst,
                              size_t bytes);

/* Its numbers for health. */
void walpool__ceiling_gather(const struct walpool__ceiling *ceiling,
                             walpool_health *out);

/* A write may begin: or it has waited in vain, or it is refused. */
walpool_status walpool__ceiling_wait(struct walpool__ceiling *ceiling,
                                     struct walpool__call *call,
                                     walpool_error *err);

static inline walpool_status
walpool__ceiling_pass(struct walpool__ceiling *ceiling,
                      struct walpool__call *call, walpool_error *err)
{
    if (LIKELY(!atomic_load_explicit(&ceiling->over, memory_order_relaxed)))
        return WALPOOL_OK;
    return walpool__ceiling_wait(ceiling, call, err);
}

#endif
