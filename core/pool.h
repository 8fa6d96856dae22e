/* Pool: the readers of one database. */
#ifndef WALPOOL_POOL_H
#define WALPOOL_POOL_H

#include "conn.h"
#include "survey.h"
#include "sweeper.h"
#include "tag.h"
#include "waitq.h"
#include "warm.h"

struct walpool__reader {
    struct walpool__conn *conn; /* NULL until it is needed */
    struct walpool__tag tag;
    struct walpool__warm warm; /* of whoever has it */
    atomic_bool open;          /* has a connection, for who has not got it */
    atomic_bool stays;         /* its snapshot does */
    atomic_int_fast64_t home_ns; /* since when it is free; 0: it is not */
    struct walpool__recall recall;
    atomic_int_fast64_t begun_ns; /* of a snapshot that its lease took when it
                                     began anew; before the lending: of another
                                     lease */
    char line[64]; /* the next one's words are in another cache line */
};

struct walpool__pool {
    struct walpool__waitq queue;
    struct walpool__reader *readers;
    int count;
    const char *path;
    const walpool_options *options;
    struct walpool__stats *stats;
    struct walpool__watch *watch;   /* NULL: nobody looks after the files */
    struct walpool__poison *poison; /* the readers'; NULL: they set none */
    const struct walpool__walindex *walindex;
    struct walpool__survey *survey; /* sees checkpoints of others; NULL: nobody
                                       looks for them */
    int64_t keep_ns;  /* how long a snapshot may stay; 0: none does */
    atomic_uint cold; /* why none does for now, in bits; 0: they may */
    int64_t idle_ns;  /* how long a reader stays open without use */
    struct walpool__sweeper sweeper; /* of snapshots and readers that stay */
};

/* What is given must outlive the pool. Without a walindex no snapshot stays
 * open between two uses. False without memory. */
bool walpool__pool_init(struct walpool__pool *pool, const char *path,
                        const walpool_options *options,
                        struct walpool__stats *stats,
                        const struct walpool__walindex *walindex);
void walpool__pool_finish(struct walpool__pool *pool); /* after close_all */

/* Take a reader with an open connection, and let `call` run on it. */
walpool_status walpool__pool_take(struct walpool__pool *pool,
                                  struct walpool__call *call,
                                  struct walpool__reader **taken,
                                  walpool_error *err);

/* At the end of a call, which runs on it until then. */
void walpool__pool_give(struct walpool__pool *pool,
                        struct walpool__reader *reader);

/* Its snapshot is kept by a transaction or a cursor from now on. */
void walpool__pool_keep(struct walpool__reader *reader);

/* Have no snapshot stay, from now on until they may: a checkpoint wants to get
 * through. Those in use end with it. */
void walpool__pool_cool(struct walpool__pool *pool, bool cold);

/* How many stay? */
int walpool__pool_warm_count(const struct walpool__pool *pool);

/* How many readers have a connection? */
int walpool__pool_open_count(const struct walpool__pool *pool);

/* Close the connections; nobody has one. */
void walpool__pool_close_all(struct walpool__pool *pool);

/* Who has had a reader for longest. */
struct walpool__holder walpool__pool_oldest(const struct walpool__pool *pool);

/* Who has a snapshot on this reader, and since when; and who has the oldest. */
struct walpool__holder
walpool__pool_snapshot(const struct walpool__reader *reader);
struct walpool__holder
walpool__pool_oldest_snapshot(const struct walpool__pool *pool);

/* How many are out, but their snapshot was ended? */
int walpool__pool_ended_count(const struct walpool__pool *pool);

#endif
