/* Warm: a reader's snapshot that stays open between two uses. */
#ifndef WALPOOL_WARM_H
#define WALPOOL_WARM_H

#include "walindex.h"

/* Belongs to whoever has the connection. */
struct walpool__warm {
    struct walpool__wal_header began; /* what the snapshot shows; all zero: not
                                         known, it serves one use */
    int64_t used_ns;                  /* newest use */
    bool reused;                      /* the snapshot served more than one */
    int doubts; /* snapshots in a row that served one use only */
    int skip;   /* uses to go until the next try */
};

/* A use begins. A snapshot that is still the newest serves it, too; an older
 * one ends. Where uses follow each other within `keep_ns`, a new one is taken
 * to stay. 0: none stays. */
void walpool__warm_use(struct walpool__warm *warm, struct walpool__conn *conn,
                       const struct walpool__walindex *walindex, int64_t keep_ns,
                       int64_t now_ns);

/* Does a snapshot stay? */
static inline bool
walpool__warm_stays(const struct walpool__conn *conn)
{
    return conn->warm_ns != 0;
}

/* End it; nothing to do is fine. */
void walpool__warm_end(struct walpool__warm *warm, struct walpool__conn *conn);

#endif
