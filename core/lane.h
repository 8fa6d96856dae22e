/* Lane: which task may begin next, when some must keep their order. */
#ifndef WALPOOL_LANE_H
#define WALPOOL_LANE_H

#include "list.h"

#define WALPOOL__LANE_BUCKETS 64

/* Tasks of one key begin in their order and never run at once. */
struct walpool__task {
    uintptr_t key;                  /* 0: free of any other task */
    struct walpool__link link;      /* in `ready` or behind its head */
    struct walpool__link followers; /* of a head: the others of its key */
    struct walpool__link bucket;    /* a head with a key can be found */
    bool follows;                   /* waits behind its head */
};

struct walpool__lane {
    struct walpool__link ready; /* heads that may begin, oldest first */
    size_t ready_count;
    struct walpool__link heads[WALPOOL__LANE_BUCKETS]; /* ready or running */
};

void walpool__lane_init(struct walpool__lane *lane);

/* Add a task; its key is set. True: it may begin at once. */
bool walpool__lane_add(struct walpool__lane *lane, struct walpool__task *task);

/* Take the oldest task that may begin; NULL: there is none. */
struct walpool__task *walpool__lane_take(struct walpool__lane *lane);

/* A task that was taken has ended: the next of its key may begin. Returns that
 * one, or NULL. */
struct walpool__task *walpool__lane_end(struct walpool__lane *lane,
                                        struct walpool__task *task);

/* Take a task out that has not been taken. Returns as walpool__lane_end. */
struct walpool__task *walpool__lane_remove(struct walpool__lane *lane,
                                           struct walpool__task *task);

/* Is there a task of this key, other than 0? */
bool walpool__lane_knows(struct walpool__lane *lane, uintptr_t key);

/* A task that may begin goes to another lane, which knows none of its key, and
 * all behind it go with it. */
void walpool__lane_move(struct walpool__lane *from, struct walpool__lane *to,
                        struct walpool__task *task);

#endif
