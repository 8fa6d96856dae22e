/* Pool: the readers of one database.
 *
 * A reader has a connection from when it is first needed until nobody has used
 * it for IDLE_NS; one that is open stays so. One whose connection is in doubt
 * (conn_run.c) is closed when it comes home. Where the database is poisoned all
 * stay: there may be no other connection to be had, and reads go on.
 *
 * Does: lend readers, rather the one that the thread had last, then the one used
 * last: its page cache is warm and its statements are prepared; open and close
 * their connections; end snapshots that stay (warm.c) when nobody uses them.
 * Must not: know what a reader is used for.
 * Lock: the queue's; a reader and its connection belong to whoever has it. */
#include "pool.h"

#include <stdio.h>

#include "clock.h"
#include "mem.h"

#define COLD_ON_REQUEST 1u
#define COLD_FOR_OTHERS 2u
#define IDLE_NS INT64_C(60000000000)

/* The reader that this thread had last, maybe of another pool, maybe gone: what
 * it has in memory is in this core's cache, and belongs to no other now. */
static _Thread_local const void *mine;

/* -------------------------------------------------------------- connections */

static bool
is_open(const struct walpool__reader *reader)
{
    return atomic_load(&reader->open);
}

int
walpool__pool_open_count(const struct walpool__pool *pool)
{
    int count = 0;

    for (int i = 0; i < pool->count; i++)
        count += is_open(&pool->readers[i]);
    return count;
}

/* For these, by whoever has the reader. */
static void
close_reader(struct walpool__reader *reader)
{
    atomic_store(&reader->stays, false);
    atomic_store(&reader->open, false);
    walpool__conn_close(reader->conn);
    reader->conn = NULL;
}

static walpool_status
open_reader(struct walpool__pool *pool, struct walpool__reader *reader,
            struct walpool__call *call, walpool_error *err)
{
    walpool_status status = pool->watch
                                ? walpool__watch_may_open(pool->watch, err)
                                : WALPOOL_OK;

    if (status == WALPOOL_OK)
        reader->conn = walpool__conn_open(pool->path, pool->options,
                                          WALPOOL__CONN_READER, pool->stats,
                                          call, err, &status);
    if (!reader->conn) {
        if (pool->poison)
            walpool__poison_note_open(pool->poison, status);
        return status;
    }
    reader->conn->poison = pool->poison;
    reader->conn->recall = &reader->recall;
    atomic_store(&reader->open, true);
    if (walpool__pool_open_count(pool) > 1) /* without a thread both stay */
        walpool__sweeper_arm(&pool->sweeper, call->started_ns + pool->idle_ns);
    return WALPOOL_OK;
}

/* Could another be opened in its place? */
static bool
may_close(const struct walpool__pool *pool)
{
    return !pool->poison || !walpool__poison_is_set(pool->poison);
}

/* -------------------------------------------------- snapshots that stay */

static bool
stays(const struct walpool__reader *reader)
{
    return atomic_load(&reader->stays);
}

static void
end_snapshot(struct walpool__reader *reader)
{
    walpool__warm_end(&reader->warm, reader->conn);
    atomic_store(&reader->stays, false);
}

/* It is home. */
static bool
end_at_home(struct walpool__pool *pool, struct walpool__reader *reader)
{
    int place;

    if (!walpool__waitq_borrow(&pool->queue, reader, &place))
        return false;
    if (reader->conn)
        end_snapshot(reader);
    walpool__waitq_bring_back(&pool->queue, reader, place);
    return true;
}

/* A checkpoint of another program may wait for a moment without readers, with
 * the write lock in its hand: where snapshots stay there is none, because who
 * comes joins the read mark of those who are there. */
static bool
gives_way(struct walpool__pool *pool)
{
    bool gives = pool->keep_ns && pool->survey &&
                 walpool__survey_is_copying(pool->survey);

    if (gives)
        atomic_fetch_or(&pool->cold, COLD_FOR_OTHERS);
    else
        atomic_fetch_and(&pool->cold, ~COLD_FOR_OTHERS);
    return gives;
}

static int64_t
free_since(const struct walpool__reader *reader, int64_t now)
{
    int64_t home = atomic_load(&reader->home_ns);

    return home ? home : now;
}

/* One in use is looked at again later: who uses it may leave it at any time. */
static int64_t
sweep_snapshots(struct walpool__pool *pool, int64_t now)
{
    bool gives = gives_way(pool);
    int64_t next = gives ? now + pool->keep_ns : WALPOOL__NEVER;

    for (int i = 0; i < pool->count; i++) {
        struct walpool__reader *reader = &pool->readers[i];
        int64_t due = gives ? now : free_since(reader, now) + pool->keep_ns;

        if (!stays(reader) || (due <= now && end_at_home(pool, reader)))
            continue;
        due = due > now ? due : now + pool->keep_ns;
        next = due < next ? due : next;
    }
    return next;
}

/* A use begins. */
static void
look_at_snapshot(struct walpool__pool *pool, struct walpool__reader *reader,
                 int64_t now)
{
    bool cold = atomic_load_explicit(&pool->cold, memory_order_relaxed) != 0;

    walpool__warm_use(&reader->warm, reader->conn, pool->walindex,
                      cold ? 0 : pool->keep_ns, now);
    if (walpool__warm_stays(reader->conn) ==
        atomic_load_explicit(&reader->stays, memory_order_relaxed))
        return;
    atomic_store(&reader->stays, walpool__warm_stays(reader->conn));
    if (stays(reader) &&
        !walpool__sweeper_arm(&pool->sweeper, now + pool->keep_ns))
        end_snapshot(reader); /* there would be nobody to do it later */
}

void
walpool__pool_keep(struct walpool__reader *reader)
{
    if (stays(reader))
        end_snapshot(reader);
}

void
walpool__pool_cool(struct walpool__pool *pool, bool cold)
{
    if (cold)
        atomic_fetch_or(&pool->cold, COLD_ON_REQUEST);
    else
        atomic_fetch_and(&pool->cold, ~COLD_ON_REQUEST);
    for (int i = 0; cold && i < pool->count; i++)
        if (stays(&pool->readers[i]))
            end_at_home(pool, &pool->readers[i]);
}

/* ------------------------------------------------------------- idle readers */

static const struct walpool__reader *
used_last(const struct walpool__pool *pool, int64_t now)
{
    const struct walpool__reader *last = NULL;

    for (int i = 0; i < pool->count; i++) {
        const struct walpool__reader *reader = &pool->readers[i];

        if (is_open(reader) &&
            (!last || free_since(reader, now) > free_since(last, now)))
            last = reader;
    }
    return last;
}

/* It is home, unless somebody was faster. */
static bool
close_at_home(struct walpool__pool *pool, struct walpool__reader *reader,
              int64_t now)
{
    int place;
    bool idle;

    if (!walpool__waitq_borrow(&pool->queue, reader, &place))
        return false;
    idle = reader->conn && free_since(reader, now) + pool->idle_ns <= now;
    if (idle)
        close_reader(reader);
    walpool__waitq_bring_back(&pool->queue, reader, idle ? 0 : place);
    return idle;
}

/* As above. The one that was used last stays. */
static int64_t
sweep_readers(struct walpool__pool *pool, int64_t now)
{
    const struct walpool__reader *last = used_last(pool, now);
    int64_t next = WALPOOL__NEVER;

    for (int i = 0; i < pool->count && may_close(pool); i++) {
        struct walpool__reader *reader = &pool->readers[i];
        int64_t due = free_since(reader, now) + pool->idle_ns;

        if (!is_open(reader) || reader == last ||
            (due <= now && close_at_home(pool, reader, now)))
            continue;
        due = due > now ? due : now + pool->idle_ns;
        next = due < next ? due : next;
    }
    return next;
}

/* By the sweeper. */
static int64_t
sweep(void *arg)
{
    struct walpool__pool *pool = arg;
    int64_t now = walpool__clock_now();
    int64_t snapshots = sweep_snapshots(pool, now);
    int64_t readers = sweep_readers(pool, now);

    return snapshots < readers ? snapshots : readers;
}

/* ------------------------------------------------------------------ lending */

bool
walpool__pool_init(struct walpool__pool *pool, const char *path,
                   const walpool_options *options,
                   struct walpool__stats *stats,
                   const struct walpool__walindex *walindex)
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
    pool->walindex = walindex;
    pool->keep_ns = walindex && !options->allow_attach
                        ? options->snapshot_keep_ms * (int64_t)1000000
                        : 0;
    pool->idle_ns = IDLE_NS;
    mine = NULL; /* may be a reader of this pool by its address alone */
    walpool__sweeper_init(&pool->sweeper, sweep, pool);
    if (walpool__waitq_init(&pool->queue, items, pool->count))
        return true;
    walpool__sweeper_finish(&pool->sweeper);
    walpool__mem_free(pool->readers);
    pool->readers = NULL;
    return false;
}

void
walpool__pool_finish(struct walpool__pool *pool)
{
    if (!pool->readers)
        return;
    walpool__sweeper_finish(&pool->sweeper);
    walpool__waitq_finish(&pool->queue);
    walpool__mem_free(pool->readers);
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
    int64_t now;
    struct walpool__reader *reader =
        walpool__waitq_take(&pool->queue, call, mine, &waited);

    if (UNLIKELY(!reader))
        return not_to_be_had(pool, call, err);
    if (UNLIKELY(!reader->conn))
        reader = walpool__waitq_swap(&pool->queue, reader); /* rather open */
    if (UNLIKELY(!reader->conn)) {
        walpool_status status = open_reader(pool, reader, call, err);

        if (status != WALPOOL_OK) {
            walpool__waitq_put(&pool->queue, reader);
            return status;
        }
    }
    now = waited ? walpool__clock_now() : call->started_ns;
    walpool__tag_set(&reader->tag, call->why, now);
    reader->conn->call = call;
    atomic_store_explicit(&reader->home_ns, 0, memory_order_relaxed);
    if (LIKELY(pool->keep_ns))
        look_at_snapshot(pool, reader, now);
    walpool__recall_begin(&reader->recall);
    mine = *taken = reader;
    return WALPOOL_OK;
}

/* A call that was short has just begun, and a clock costs more than it. */
static int64_t
end_of(const struct walpool__call *call)
{
    return UNLIKELY(call->long_running) ? walpool__clock_now()
                                        : call->started_ns;
}

void
walpool__pool_give(struct walpool__pool *pool, struct walpool__reader *reader)
{
    PRE(reader->conn->call);
    if (UNLIKELY(atomic_load_explicit(&pool->cold, memory_order_relaxed)) &&
        stays(reader))
        end_snapshot(reader);
    atomic_store_explicit(&reader->home_ns, end_of(reader->conn->call),
                          memory_order_relaxed);
    reader->conn->call = NULL;
    walpool__recall_home(&reader->recall);
    walpool__tag_clear(&reader->tag);
    if (UNLIKELY(reader->conn->doubtful) && may_close(pool)) {
        close_reader(reader);
        walpool__waitq_put(&pool->queue, reader);
    } else if (LIKELY(reader == mine)) {
        walpool__waitq_pocket(&pool->queue, reader);
    } else {
        walpool__waitq_give(&pool->queue, reader);
    }
}

void
walpool__pool_close_all(struct walpool__pool *pool)
{
    walpool__sweeper_stop(&pool->sweeper);
    atomic_fetch_and(&pool->cold, ~COLD_FOR_OTHERS); /* nobody would do it */
    for (int i = 0; i < pool->count; i++)
        close_reader(&pool->readers[i]);
}
