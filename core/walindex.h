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

/* A place in the history of the WAL: in which WAL, behind how many frames. */
struct walpool__wal_mark {
    uint32_t salt[2]; /* another pair after each time that it begins anew */
    uint32_t frames;
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

/* Where the newest commit is that anybody can see by now. False: not known. */
bool walpool__walindex_mark(struct walpool__walindex *walindex,
                            struct walpool__wal_mark *mark);

/* Was all that is visible at `seen` in the same WAL at `past` already? Nothing
 * is missing from an empty one: the database file has it all, synced. */
static inline bool
walpool__wal_mark_covers(const struct walpool__wal_mark *past,
                         const struct walpool__wal_mark *seen)
{
    return seen->frames == 0 ||
           (past->salt[0] == seen->salt[0] && past->salt[1] == seen->salt[1] &&
            past->frames >= seen->frames);
}

#endif
