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

#define WALPOOL__WAL_MARKS 5

/* What readers may keep: a mark is true as long as somebody has its lock, and
 * is no frame of the WAL where the slot is not in use. */
struct walpool__wal_pins {
    uint32_t marks[WALPOOL__WAL_MARKS]; /* frames; the first: none of them */
};

/* More is checkpointed than there is: nothing but the WAL-reset bug does that.
 * Only while nobody can write, or the two may be of different moments. */
static inline bool
walpool__wal_state_is_false(const struct walpool__wal_state *state)
{
    return state->checkpointed > state->frames;
}

/* A place in the history of the WAL: in which WAL, behind how many frames. */
struct walpool__wal_mark {
    uint32_t salt[2]; /* another pair after each time that it begins anew */
    uint32_t frames;
    uint32_t page_bytes;
};

/* The first copy of the header: every commit, in any process, changes it. */
#define WALPOOL__WAL_HEADER_WORDS 12
struct walpool__wal_header {
    uint32_t words[WALPOOL__WAL_HEADER_WORDS];
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

/* False: as above. */
bool walpool__walindex_pins(struct walpool__walindex *walindex,
                            struct walpool__wal_pins *pins);

/* Are more frames checkpointed than there are? That is so for a moment when the
 * WAL starts anew, and otherwise never: so it tells something if nobody has the
 * write lock before and after. */
bool walpool__walindex_is_beyond(struct walpool__walindex *walindex,
                                 struct walpool__wal_mark *mark);

/* Where the newest commit is that anybody can see by now. False: not known. */
bool walpool__walindex_mark(struct walpool__walindex *walindex,
                            struct walpool__wal_mark *mark);

/* For users of a connection of the same database, which keeps it attached: read
 * the header without the mutex. False: not attached, or in a format that we do
 * not know. */
bool walpool__walindex_header(const struct walpool__walindex *walindex,
                              struct walpool__wal_header *header);

/* Is it still that one? Then nothing was committed since. */
bool walpool__walindex_is(const struct walpool__walindex *walindex,
                          const struct walpool__wal_header *header);

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
