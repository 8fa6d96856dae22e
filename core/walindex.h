/* Wal-index: what the shared memory of a WAL says, without a lock on it. */
#ifndef WALPOOL_WALINDEX_H
#define WALPOOL_WALINDEX_H

#include "conn.h"
#include "thread.h"

struct walpool__walindex {
    struct walpool__mutex mutex; /* guards header against unmapping */
    const volatile uint32_t *header; /* SQLite's mapping, or NULL */
};

struct walpool__wal_state {
    uint32_t frames;       /* mxFrame: frames that hold commits */
    uint32_t checkpointed; /* nBackfill: of these, in the database */
};

void walpool__walindex_init(struct walpool__walindex *walindex);
void walpool__walindex_finish(struct walpool__walindex *walindex);

/* Use the mapping of `conn`, which stays open until the detach. */
void walpool__walindex_attach(struct walpool__walindex *walindex,
                              struct walpool__conn *conn);
void walpool__walindex_detach(struct walpool__walindex *walindex);

/* False: not attached, or in a format that we do not know. */
bool walpool__walindex_read(struct walpool__walindex *walindex,
                            struct walpool__wal_state *state);

#endif
