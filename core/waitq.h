/* Wait queue: few things, many who want one. */
#ifndef WALPOOL_WAITQ_H
#define WALPOOL_WAITQ_H

#include <stdatomic.h>

#include "call.h"
#include "list.h"
#include "thread.h"

/* What threads gave back last, each in a cache line that no other thread writes
 * to: it is free, and anybody may take it. */
#define WALPOOL__WAITQ_POCKETS 16
struct walpool__waitq_pocket {
    _Atomic(void *) item;
    char line[56];
};
struct walpool__waitq_pockets {
    atomic_bool closed; /* who gives goes by the mutex; changes under it */
    char line[63];
    struct walpool__waitq_pocket of[WALPOOL__WAITQ_POCKETS];
};

struct walpool__waitq {
    struct walpool__waitq_pockets *pockets; /* NULL: there is one item only */
    struct walpool__mutex mutex; /* guards everything below */
    struct walpool__link waiters; /* oldest first */
    void **free;                  /* the one to be lent next on top */
    int free_count, total;
    int borrowed; /* of those that are not free */
    int waiter_count;
    bool closing;                 /* newcomers are turned away */
    bool shut;                    /* drained: everything stays home */
    bool held;                    /* nothing is lent to who may wait */
    struct walpool__cond home;    /* somebody waits for everything to be home,
                                     and it is; or for something borrowed */
};

/* `items` are the things to lend; the one at the end is lent first. Returns
 * false without memory. */
bool walpool__waitq_init(struct walpool__waitq *waitq, void *const *items,
                         int count);
void walpool__waitq_finish(struct walpool__waitq *waitq);

/* Take one; this one if it is free, or NULL: any. NULL: call->stopped says why
 * (TIMEOUT, CANCELLED, CLOSED). `waited` (may be NULL) receives whether the
 * caller had to wait. */
void *walpool__waitq_take(struct walpool__waitq *waitq,
                          struct walpool__call *call, const void *rather,
                          bool *waited);

/* Take one if any is free, whoever waits; NULL: none. */
void *walpool__waitq_try(struct walpool__waitq *waitq);

/* Take this very one if it is free, whoever waits, and bring it back soon,
 * whatever happens: it does not count as lent, and a drain waits for it past its
 * deadline. `place` is how many are lent after it. */
bool walpool__waitq_borrow(struct walpool__waitq *waitq, void *item, int *place);
void walpool__waitq_bring_back(struct walpool__waitq *waitq, void *item,
                               int place);

/* Take the one to be lent next, and give this one back, to be lent after all
 * others. It comes back itself if nothing else is free. */
void *walpool__waitq_swap(struct walpool__waitq *waitq, void *item);

/* Give one back: to be lent next. */
void walpool__waitq_give(struct walpool__waitq *waitq, void *item);

/* The same, of what this thread took last: it is lent to it again, if nobody
 * wants it before. Threads that do so hardly meet. */
void walpool__waitq_pocket(struct walpool__waitq *waitq, void *item);

/* The same: to be lent after all others. */
void walpool__waitq_put(struct walpool__waitq *waitq, void *item);

/* Turn newcomers away, and wait until everything is home and nobody waits.
 * False: the deadline passed, and the queue is as before. */
bool walpool__waitq_drain(struct walpool__waitq *waitq, int64_t deadline_ns);
void walpool__waitq_reopen(struct walpool__waitq *waitq);

/* Lend nothing for a while: who may wait, does. Then wait until everything is
 * home; false: the deadline passed. Either way it stays held until released.
 * One holder at a time. */
bool walpool__waitq_hold(struct walpool__waitq *waitq, int64_t deadline_ns);
void walpool__waitq_release(struct walpool__waitq *waitq);

/* Who has one already, and is about to do what the holder waits to end, waits
 * here, as newcomers do. False: call->stopped says why. */
bool walpool__waitq_pass(struct walpool__waitq *waitq,
                         struct walpool__call *call);

void walpool__waitq_count(struct walpool__waitq *waitq, int *out,
                          int *waiters);

#endif
