/* Pool: the readers of one database.
 *
 * Does: lend readers, the one used last first, since its page cache is warm
 * and its statements are prepared; open a connection when it is first needed.
 * Must not: know what a reader is used for.
 * Lock: the queue's; a reader and its connection belong to whoever has it. */
#include "pool.h"

#include <stdio.h>

#include "clock.h"
#include "mem.h"

bool
walpool__pool_init(struct walpool__pool *pool, const char *path,
                   const walpool_options *options,
                   struct walpool__stats *stats)
{
    void *items[64];

    PRE(options->readers >= 1 && options->readers <= 64);
    memset(pool, 0, sizeof *pool);
    pool->path = path;
    pool->options = options;
    pool->stats = stats;
    pool->count = options->readers;
    pool->readers =
        walpool__mem_zalloc((size_t)pool->count * sizeof *pool->readers);
    if (!pool->readers)
        return false;
    for (int i = 0; i < pool->count; i++)
        items[i] = &pool->readers[i];
    if (walpool__waitq_init(&pool->queue, items, pool->count))
        return true;
    walpool__mem_free(pool->readers);
    pool->readers = NULL;
    return false;
}

void
walpool__pool_finish(struct walpool__pool *pool)
{
    if (!pool->readers)
        return;
    walpool__waitq_finish(&pool->queue);
    walpool__mem_free(pool->readers);
}

struct walpool__holder
walpool__pool_oldest(const struct walpool__pool *pool)
{
    struct walpool__holder oldest = {0};

    for (int i = 0; i < pool->count; i++) {
        struct walpool__holder holder =
            walpool__tag_read(&pool->readers[i].tag);

        if (holder.since_ns &&
            (!oldest.since_ns || holder.since_ns < oldest.since_ns))
            oldest = holder;
    }
    return oldest;
}

static walpool_status
not_to_be_had(struct walpool__pool *pool, struct walpool__call *call,
              walpool_error *err)
{
    struct walpool__holder oldest = walpool__pool_oldest(pool);
    char held[192], name[WALPOOL__HOLDER_NAME_BYTES];

    snprintf(held, sizeof held,
             "all %d readers are in use, the oldest for %lld ms by %s",
             pool->count, (long long)walpool__holder_age_ms(&oldest),
             walpool__holder_name(&oldest, name));
    return walpool__call_stopped(call, "get a reader", held, err);
}

walpool_status
walpool__pool_take(struct walpool__pool *pool, struct walpool__call *call,
                   struct walpool__reader **taken, walpool_error *err)
{
    bool waited;
    struct walpool__reader *reader =
        walpool__waitq_take(&pool->queue, call, &waited);

    if (UNLIKELY(!reader))
        return not_to_be_had(pool, call, err);
    if (UNLIKELY(!reader->conn)) {
        walpool_status status = WALPOOL_OK;

        reader->conn = walpool__conn_open(pool->path, pool->options,
                                          WALPOOL__CONN_READER, pool->stats,
                                          call, err, &status);
        if (!reader->conn) {
            if (pool->poison)
                walpool__poison_note_open(pool->poison, status);
            walpool__waitq_give(&pool->queue, reader);
            return status;
        }
        reader->conn->poison = pool->poison;
        walpool__stats_add(&pool->stats->readers_open, 1);
    }
    walpool__tag_set(&reader->tag, call->why,
                     waited ? walpool__clock_now() : call->started_ns);
    reader->conn->call = call;
    *taken = reader;
    return WALPOOL_OK;
}

void
walpool__pool_give(struct walpool__pool *pool, struct walpool__reader *reader)
{
    reader->conn->call = NULL;
    walpool__tag_clear(&reader->tag);
    walpool__waitq_give(&pool->queue, reader);
}

void
walpool__pool_close_all(struct walpool__pool *pool)
{
    for (int i = 0; i < pool->count; i++) {
        walpool__conn_close(pool->readers[i].conn);
        pool->readers[i].conn = NULL;
    }
    atomic_store_explicit(&pool->stats->readers_open, 0, memory_order_relaxed);
}
