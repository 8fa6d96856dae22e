/* Pool: who has its readers, and what stays of them.
 *
 * Does: answer at any moment, for health, errors and checkpoints.
 * Must not: wait, take a reader, or touch a connection.
 * Lock: none; tags and flags are read as they are. */
#include "pool.h"

int
walpool__pool_warm_count(const struct walpool__pool *pool)
{
    int count = 0;

    for (int i = 0; i < pool->count; i++)
        count += atomic_load(&pool->readers[i].stays);
    return count;
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

struct walpool__holder
walpool__pool_snapshot(const struct walpool__reader *reader)
{
    struct walpool__holder holder = walpool__tag_read(&reader->tag);
    int64_t begun = atomic_load(&reader->begun_ns);

    if (!walpool__recall_has_snapshot(walpool__recall_look(&reader->recall)))
        holder.since_ns = 0;
    if (holder.since_ns && begun > holder.since_ns)
        holder.since_ns = begun;
    return holder;
}

int
walpool__pool_ended_count(const struct walpool__pool *pool)
{
    int count = 0;

    for (int i = 0; i < pool->count; i++)
        count += walpool__recall_is_ended(
            walpool__recall_look(&pool->readers[i].recall));
    return count;
}

struct walpool__holder
walpool__pool_oldest_snapshot(const struct walpool__pool *pool)
{
    struct walpool__holder oldest = {0};

    for (int i = 0; i < pool->count; i++) {
        struct walpool__holder holder =
            walpool__pool_snapshot(&pool->readers[i]);

        if (holder.since_ns &&
            (!oldest.since_ns || holder.since_ns < oldest.since_ns))
            oldest = holder;
    }
    return oldest;
}
