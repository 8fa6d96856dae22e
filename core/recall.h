/* Recall: the right to end the snapshot of a reader that is out. */
#ifndef WALPOOL_RECALL_H
#define WALPOOL_RECALL_H

#include <stdatomic.h>

#include "base.h"

struct walpool__recall {
    _Atomic uint64_t word; /* of which lending, and in which state */
};

/* For whoever has the reader ------------------------------------------- */

/* It has a new snapshot, or is about to; a call runs on it. */
void walpool__recall_begin(struct walpool__recall *recall);

/* The call ends, and the snapshot stays. False: it was asked for, and the
 * caller must end it, then say walpool__recall_ended. */
bool walpool__recall_keep(struct walpool__recall *recall);

/* The next call begins. False: the snapshot was ended meanwhile. */
bool walpool__recall_resume(struct walpool__recall *recall);

void walpool__recall_ended(struct walpool__recall *recall);
void walpool__recall_drop(struct walpool__recall *recall); /* it ended it, not
                                                               asked */
void walpool__recall_home(struct walpool__recall *recall);

/* Is the running call to stop? */
static inline bool
walpool__recall_is_asked(const struct walpool__recall *recall)
{
    return atomic_load_explicit(&recall->word, memory_order_relaxed) & 8;
}

/* For who wants the snapshot ended --------------------------------------- */

/* Which lending is this, for the two below? */
uint64_t walpool__recall_look(const struct walpool__recall *recall);

/* Was there a snapshot? Not at home, and not after it was ended. */
bool walpool__recall_has_snapshot(uint64_t seen);

/* Was it ended, and its holder has the reader still? */
bool walpool__recall_is_ended(uint64_t seen);

enum walpool__recall_answer {
    WALPOOL__RECALL_GONE,   /* that lending is over, or ended already */
    WALPOOL__RECALL_ASKED,  /* a call runs: it stops, and ends it itself */
    WALPOOL__RECALL_SEIZED  /* nobody uses the connection: end the snapshot,
                               then say walpool__recall_ended */
};
enum walpool__recall_answer
walpool__recall_seize(struct walpool__recall *recall, uint64_t seen);

#endif
