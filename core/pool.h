/* Pool: the readers of one database. */
#ifndef WALPOOL_POOL_H
#define WALPOOL_POOL_H

#include "conn.h"
#include "tag.h"
#include "waitq.h"

struct walpool__reader {
    struct walpool__conn *conn; /* NULL until it is first needed */
    struct walpool__tag tag;
};

struct walpool__pool {
    struct walpool__waitq queue;
    struct walpool__reader *readers;
    int count;
    const char *path;
    const walpool_options *options;
    struct walpool__stats *stats;
    struct walpool__poison *poison; /* the readers'; NULL: they set none */
};

/* What is given must outlive the pool. False without memory. */
bool walpool__pool_init(struct walpool__pool *pool, const char *path,
                        const walpool_options *options,
                        struct walpool__stats *stats);
void walpool__pool_finish(struct walpool__pool *pool); /* after close_all */

/* Take a reader with an open connection, and let `call` run on it. */
walpool_status walpool__pool_take(struct walpool__pool *pool,
                                  struct walpool__call *call,
                                  struct walpool__reader **taken,
                                  walpool_error *err);
void walpool__pool_give(struct walpool__pool *pool,
                        struct walpool__reader *reader);

/* Close the connections; nobody has one. */
void walpool__pool_close_all(struct walpool__pool *pool);

/* Who has had a reader for longest. */
struct walpool__holder walpool__pool_oldest(const struct walpool__pool *pool);

#endif
