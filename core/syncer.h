/* Syncer: commits that are on the disk, many at a time. */
#ifndef WALPOOL_SYNCER_H
#define WALPOOL_SYNCER_H

#include <stdatomic.h>

#include "call.h"
#include "poison.h"
#include "thread.h"

struct walpool__syncer {
    const char *wal_path; /* borrowed */
    struct walpool__poison *poison; /* the database's: set when a sync fails */
    _Atomic uint64_t committed; /* commits so far; the writer's slot counts */
    struct walpool__mutex mutex; /* guards the rest */
    struct walpool__cond changed;
    uint64_t synced; /* commits that a sync covers */
    bool running;    /* one thread syncs, the others wait for it */
    int fd;          /* of the running thread: the -wal file, once it is
                        needed, or -1 */
};

void walpool__syncer_init(struct walpool__syncer *syncer, const char *wal_path,
                          struct walpool__poison *poison);

/* Nobody commits any more, but who has committed may be on its way to the wait:
 * it shall find its commit synced, and leave the file alone. */
void walpool__syncer_flush(struct walpool__syncer *syncer);

/* Let go of the file: SQLite is about to remove it. */
void walpool__syncer_close(struct walpool__syncer *syncer);
void walpool__syncer_finish(struct walpool__syncer *syncer);

/* A commit was made; the caller has the writer's slot. Returns its number. */
uint64_t walpool__syncer_commit(struct walpool__syncer *syncer);

/* Wait until a sync that began after commit `number` has ended. */
walpool_status walpool__syncer_wait(struct walpool__syncer *syncer,
                                    uint64_t number, struct walpool__call *call,
                                    walpool_error *err);

#endif
