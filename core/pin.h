/* Pin: who keeps the WAL from being reset, and at which frame. */
#ifndef WALPOOL_PIN_H
#define WALPOOL_PIN_H

#include "ownlocks.h"
#include "pool.h"
#include "roster.h"
#include "walindex.h"

/* In place of a process id: there is one, and its number is not to be had. */
#define WALPOOL__PIN_UNNAMED (-1)

struct walpool__pin {
    int64_t frame; /* what came after it stays in the WAL */
    int64_t pid;   /* 0: nobody was found */
    bool ours;     /* this process's */
    bool pooled;   /* it is a reader of the pool */
    char why[WALPOOL_WHY_BYTES]; /* label of our oldest holder, or "" */
};

/* What a pin is found with. */
struct walpool__pin_room {
    struct walpool__walindex *walindex;
    struct walpool__ownlocks *ownlocks; /* tells whether the kernel tells */
    struct walpool__survey *survey;
    struct walpool__pool *pool;
    struct walpool__roster *roster; /* NULL: there are no private connections */
};

/* Find the one that is the farthest behind. Some ten system calls. */
struct walpool__pin walpool__pin_find(const struct walpool__pin_room *room);

/* The oldest snapshot of ours that is not the pool's: a private lease's, or a
 * backup's. since_ns is 0: there is none. */
struct walpool__holder
walpool__pin_oldest_private(const struct walpool__pin_room *room);

/* "process 12 (name)", or "report (this process)". */
#define WALPOOL__PIN_NAME_BYTES (WALPOOL_WHY_BYTES + 48)
const char *walpool__pin_name(const struct walpool__pin *pin,
                              char dst[WALPOOL__PIN_NAME_BYTES]);

#endif
