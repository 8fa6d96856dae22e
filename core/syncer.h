/* Syncer: commits that are on the disk, many at a time. */
#ifndef WALPOOL_SYNCER_H
#define WALPOOL_SYNCER_H

#include <stdatomic.h>

#include "call.h"
#include "poison.h"
#include "stats.h"
#include "thread.h"
#include "walindex.h"

struct walpool__syncer {
    const char *wal_path; /* borrowed */
    struct walpool__poison *poison; /* the database's: set when a sync fails */
    struct walpool__walindex *walindex; /* the database's */
    struct walpool__stats *stats;
    _Atomic uint64_t tickets; /* handed out so far */
    struct walpool__mutex mutex; /* guards the rest */
    struct walpool__cond changed;
    uint64_t synced; /* tickets that a sync covers */
    struct walpool__wal_mark mark; /* the newest commit that one covers */
    bool marked;     /* there is one */
    bool running;    /* one thread syncs, the others wait for it */
    int fd;          /* of the running thread: the -wal file, once it is
                        needed, or -1 */
};

void walpool__syncer_init(struct walpool__syncer *syncer, const char *wal_path,
                          struct walpool__poison *poison,
                          struct walpool__walindex *walindex,
                          struct walpool__stats *stats);

/* Nobody has a connection any more, but who has a ticket may be on its way to
 * the wait: it shall find itself covered, and leave the file alone. */
void walpool__syncer_flush(struct walpool__syncer *syncer);

/* Let go of the file: SQLite is about to remove it. */
void walpool__syncer_close(struct walpool__syncer *syncer);
void walpool__syncer_finish(struct walpool__syncer *syncer);

/* Take a ticket for all that is in the WAL by now, before the connection that
 * wrote or saw it is given back. */
uint64_t walpool__syncer_ticket(struct walpool__syncer *syncer);

/* The same, for what can be seen by now; 0 if a sync has covered that. */
uint64_t walpool__syncer_ticket_if_new(struct walpool__syncer *syncer);

/* What hangs on a ticket. */
enum walpool__stake {
    WALPOOL__STAKE_COMMIT,
    WALPOOL__STAKE_READ
};

/* Wait until a sync that began after `ticket` was taken has ended; there is
 * nothing to wait for with 0. A commit is UNKNOWN where that fails. */
walpool_status walpool__syncer_wait(struct walpool__syncer *syncer,
                                    uint64_t ticket,
                                    enum walpool__stake stake,
                                    struct walpool__call *call,
                                    walpool_error *err);

#endif
