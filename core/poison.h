/* Poison: why a database must not be written any more. */
#ifndef WALPOOL_POISON_H
#define WALPOOL_POISON_H

#include <stdatomic.h>

#include "base.h"

/* The gravest first: errors and health name the first that holds. */
enum walpool__poison_reason {
    WALPOOL__POISON_WRITE_LOCK, /* a lock of SQLite's is not ours any more: */
    WALPOOL__POISON_FILE_LOCK,  /* on the database file */
    WALPOOL__POISON_SHM_LOCK,   /* on the -shm file */
    WALPOOL__POISON_SYNC,       /* a sync of the WAL failed */
    WALPOOL__POISON_MOVED,      /* another file or none is at the path */
    WALPOOL__POISON_CUT,        /* the database file has no bytes any more */
    WALPOOL__POISON_SIDECAR,    /* the same of the -wal or -shm file */
    WALPOOL__POISON_CORRUPT,    /* SQLite has met a page that is not right */
    WALPOOL__POISON_WAL_CUT,    /* the -wal is shorter than what was committed */
    WALPOOL__POISON_WAL_RESET,  /* the wal-index counts frames that there are
                                   not */
    WALPOOL__POISON_REASONS
};

/* All zero: nothing has happened. */
struct walpool__poison {
    _Atomic uint32_t reasons; /* one bit each; none is ever taken back */
    _Atomic int error;        /* errno of the first reason that has one */
    _Atomic bool saved;       /* of a lost sidecar: its commits are in the file */
};

/* From now on writes are refused. `error` is an errno, or 0. True: this reason
 * is new. */
bool walpool__poison_set(struct walpool__poison *poison,
                         enum walpool__poison_reason reason, int error);

bool walpool__poison_has(const struct walpool__poison *poison,
                         enum walpool__poison_reason reason);

/* Is it the only reason? */
bool walpool__poison_is_only(const struct walpool__poison *poison,
                             enum walpool__poison_reason reason);

static inline bool
walpool__poison_is_set(const struct walpool__poison *poison)
{
    return atomic_load_explicit(&poison->reasons, memory_order_acquire) != 0;
}

/* The file was readable once, and a connection could not be opened on it. */
static inline void
walpool__poison_note_open(struct walpool__poison *poison,
                          walpool_status status)
{
    if (status == WALPOOL_CORRUPT || status == WALPOOL_NOTADB)
        walpool__poison_set(poison, WALPOOL__POISON_CORRUPT, 0);
}

/* POISONED: "<what>: why, and what to do". It is set. */
walpool_status walpool__poison_refuse(const struct walpool__poison *poison,
                                      const char *what, walpool_error *err);

/* Refuse a write to a poisoned database. */
static inline walpool_status
walpool__poison_check(const struct walpool__poison *poison, walpool_error *err)
{
    if (LIKELY(!walpool__poison_is_set(poison)))
        return WALPOOL_OK;
    return walpool__poison_refuse(poison, "cannot write", err);
}

/* Why, and what to do, in less than 240 bytes; "" where nothing is wrong. */
void walpool__poison_explain(const struct walpool__poison *poison, char *dst,
                             size_t bytes);

#endif
