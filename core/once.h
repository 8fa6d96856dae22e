/* Once: the answers that were given to writes with a once_key. */
#ifndef WALPOOL_ONCE_H
#define WALPOOL_ONCE_H

#include "answer.h"
#include "conn.h"

/* A write that has a key. */
struct walpool__once {
    const void *key; /* the caller's, 1..255 bytes; NULL: it has none */
    size_t bytes;
    uint64_t digest; /* of what it asks */
    int64_t keep_ms; /* how long its answer counts */
};

/* In the write transaction that is open, look for the answer to the call that
 * had this key before. *found: `answer` has it. Fails with MISUSE where that
 * call asked something else. */
walpool_status walpool__once_find(struct walpool__conn *conn,
                                  const struct walpool__once *once,
                                  struct walpool__answer *answer, bool *found,
                                  walpool_error *err);

/* In the same transaction, keep the answer, and drop a few old ones. */
walpool_status walpool__once_keep(struct walpool__conn *conn,
                                  const struct walpool__once *once,
                                  const struct walpool__answer *answer,
                                  walpool_error *err);

#endif
