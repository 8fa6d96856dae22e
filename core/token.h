/* Tokens: cancelling calls from outside. */
#ifndef WALPOOL_TOKEN_H
#define WALPOOL_TOKEN_H

#include <stdatomic.h>

#include "list.h"
#include "thread.h"

struct walpool__token {
    atomic_bool cancelled; /* only ever goes from false to true */
    struct walpool__mutex mutex; /* guards sleepers */
    struct walpool__link sleepers;
};

/* One sleeping call that a cancel must wake. */
struct walpool__sleeper {
    struct walpool__link link;
    struct walpool__parker *parker;
};

static inline bool
walpool__token_cancelled(const struct walpool__token *token)
{
    return token &&
           atomic_load_explicit(&token->cancelled, memory_order_acquire);
}

/* Zeroed memory becomes one that is not cancelled; and its end. */
void walpool__token_init(struct walpool__token *token);
void walpool__token_finish(struct walpool__token *token);

/* From now on every call that has it must end. */
void walpool__token_cancel(struct walpool__token *token);

/* Between these two a cancel wakes the parker. NULL tokens are allowed. */
void walpool__token_watch(struct walpool__token *token,
                          struct walpool__sleeper *sleeper,
                          struct walpool__parker *parker);
void walpool__token_unwatch(struct walpool__token *token,
                            struct walpool__sleeper *sleeper);

#endif
