/* Writer: the right of one thread to write, and the connection for it.
 *
 * The right is the slot among threads and the turn among processes. Most want
 * it with the database's own writing connection; a private connection writes
 * by itself, and wants the right alone.
 *
 * Writes that follow each other closely find the writer warm: the turn is kept
 * between them, and the connection's snapshot stays open, for WARM_NS at most,
 * so that checkpoints are not kept back by it. Each costs two system calls in
 * ten. Both end with the turn: when the next write does not come, when another
 * process is in line, when the writer closes. A kept turn is thereby never
 * idle for longer than turn.c says, and a snapshot is open only while no other
 * process of ours writes or ends a checkpoint.
 *
 * Does: lend the slot in fair order, see a thread that would wait for itself,
 * measure waiting and holding.
 * Must not: begin or end transactions.
 * Lock: the queue's; connection and tag belong to whoever has the slot. */
#include "writer.h"

#include <stdio.h>

#include "clock.h"
#include "error.h"

#define WARM_NS 1000000

bool
walpool__writer_init(struct walpool__writer *writer,
                     struct walpool__stats *stats)
{
    void *self = writer;

    memset(writer, 0, sizeof *writer);
    writer->stats = stats;
    return walpool__waitq_init(&writer->queue, &self, 1);
}

void
walpool__writer_finish(struct walpool__writer *writer)
{
    walpool__waitq_finish(&writer->queue);
}

/* Which process keeps this one from writing? Who has the turn is mostly in a
 * transaction, too. */
static void
name_other(struct walpool__writer *writer, bool idle, char *dst, size_t bytes)
{
    static const char somebody[] = "another process has the turn";

    if (writer->ownlocks)
        walpool__ownlocks_name_writer(writer->ownlocks, idle, "writes",
                                      somebody, dst, bytes);
    else
        snprintf(dst, bytes, "%s", somebody);
}

/* By another thread of this process; or that one has the slot and waits for
 * another process itself. */
walpool_status
walpool__writer_missed(struct walpool__writer *writer,
                       struct walpool__call *call, walpool_error *err)
{
    struct walpool__holder holder = walpool__tag_read(&writer->tag);
    char held[192], name[WALPOOL__HOLDER_NAME_BYTES];

    if (holder.since_ns)
        snprintf(held, sizeof held, "the writer is held for %lld ms by %s",
                 (long long)walpool__holder_age_ms(&holder),
                 walpool__holder_name(&holder, name));
    else
        name_other(writer, false, held, sizeof held);
    return walpool__call_stopped(call, "get the writer", held, err);
}

walpool_status
walpool__writer_check(struct walpool__writer *writer,
                      const struct walpool__call *call, walpool_error *err)
{
    if (writer->readonly)
        return walpool__error_set(err, WALPOOL_READONLY,
                                  "cannot write: the database was opened "
                                  "with mode=ro");
    if (atomic_load_explicit(&writer->owner, memory_order_relaxed) ==
            walpool__thread_self() &&
        !(call->flags & WALPOOL_CALL_ANY_THREAD))
        return walpool__error_set(err, WALPOOL_DEADLOCK,
                                  "this thread holds the writer already: use "
                                  "that lease, or a savepoint on it");
    return WALPOOL_OK;
}

/* Health tells for how long others keep this process from writing. */
static bool
take_turn(struct walpool__writer *writer, struct walpool__call *call)
{
    bool taken;

    walpool__stats_set(&writer->stats->turn_since_ns, call->started_ns);
    taken = walpool__turn_take(writer->turn, call);
    walpool__stats_set(&writer->stats->turn_since_ns, 0);
    return taken;
}

static walpool_status
take(struct walpool__writer *writer, struct walpool__call *call,
     walpool_error *err)
{
    bool waited;
    int64_t now;
    char held[128];
    walpool_status status = walpool__writer_check(writer, call, err);

    if (status != WALPOOL_OK)
        return status;
    if (!walpool__waitq_take(&writer->queue, call, NULL, &waited))
        return walpool__writer_missed(writer, call, err);
    if (writer->turn && !take_turn(writer, call)) {
        name_other(writer, true, held, sizeof held);
        walpool__waitq_give(&writer->queue, writer);
        return walpool__call_stopped(call, "get the writer", held, err);
    }
    waited |= call->phase == WALPOOL_PHASE_TURN;
    now = waited ? walpool__clock_now() : call->started_ns;
    walpool__histogram_record(&writer->stats->writer_wait_us,
                              (uint64_t)(now - call->started_ns) / 1000);
    walpool__tag_set(&writer->tag, call->why, now);
    return WALPOOL_OK;
}

walpool_status
walpool__writer_take(struct walpool__writer *writer,
                     struct walpool__call *call, walpool_error *err)
{
    walpool_status status = take(writer, call, err);

    if (UNLIKELY(status != WALPOOL_OK))
        return status;
    writer->conn->call = call;
    writer->conn->hot = writer->turn && walpool__turn_is_hot(writer->turn);
    return WALPOOL_OK;
}

walpool_status
walpool__writer_take_slot(struct walpool__writer *writer,
                          struct walpool__call *call, walpool_error *err)
{
    walpool_status status = take(writer, call, err);

    if (status == WALPOOL_OK)
        walpool__conn_cool(writer->conn);
    return status;
}

void
walpool__writer_own(struct walpool__writer *writer, bool any_thread)
{
    atomic_store_explicit(&writer->owner,
                          any_thread ? 0 : walpool__thread_self(),
                          memory_order_relaxed);
}

/* A write has ended: what is kept for the next one? */
static void
rest(struct walpool__writer *writer, int64_t now)
{
    int lent, waiters;
    bool stays = false;

    if (writer->turn) {
        walpool__waitq_count(&writer->queue, &lent, &waiters);
        stays = walpool__turn_stay(writer->turn, waiters > 0, now);
    }
    if (!stays || now - writer->conn->warm_ns >= WARM_NS)
        walpool__conn_cool(writer->conn);
    if (writer->turn && !stays)
        walpool__turn_give(writer->turn);
}

/* Nobody has the slot, or it is ours. */
static void
give_turn(struct walpool__writer *writer)
{
    walpool__conn_cool(writer->conn);
    if (writer->turn)
        walpool__turn_give(writer->turn);
}

void
walpool__writer_idle(void *arg)
{
    struct walpool__writer *writer = arg;
    int place;

    if (!walpool__waitq_borrow(&writer->queue, writer, &place))
        return;
    give_turn(writer);
    walpool__waitq_bring_back(&writer->queue, writer, place);
}

int64_t
walpool__writer_give_slot(struct walpool__writer *writer)
{
    int64_t now = walpool__clock_now();
    int64_t since = atomic_load_explicit(&writer->tag.since_ns,
                                         memory_order_relaxed);

    walpool__histogram_record(&writer->stats->writer_hold_us,
                              (uint64_t)(now - since) / 1000);
    atomic_store_explicit(&writer->owner, 0, memory_order_relaxed);
    walpool__tag_clear(&writer->tag);
    rest(writer, now);
    walpool__waitq_give(&writer->queue, writer);
    return now;
}

/* The keeper is not left on its way to the slot when the turn is closed. */
bool
walpool__writer_drain(struct walpool__writer *writer, int64_t deadline_ns)
{
    bool home;

    if (writer->turn)
        walpool__turn_keep_none(writer->turn, true);
    home = walpool__waitq_drain(&writer->queue, deadline_ns);
    if (home && writer->conn)
        give_turn(writer);
    if (writer->turn)
        walpool__turn_keep_none(writer->turn, false);
    return home;
}

int64_t
walpool__writer_give(struct walpool__writer *writer)
{
    INVARIANT(!walpool__conn_in_transaction(writer->conn));
    writer->conn->call = NULL;
    return walpool__writer_give_slot(writer);
}
