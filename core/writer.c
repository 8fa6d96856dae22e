/* Writer: the right of one thread to write, and the connection for it.
 *
 * The right is the slot among threads and the turn among processes. Most want
 * it with the database's own writing connection; a private connection writes
 * by itself, and wants the right alone.
 *
 * A turn that is kept for the next thread must not outlast the wish for it: no
 * other process could write. The thread that it is kept for may give up, but
 * never while the slot is free. So who kept it looks again after he has given
 * the slot back: if nobody waits and nobody has it, he gives the turn on.
 *
 * Does: lend the slot in fair order, see a thread that would wait for itself,
 * measure waiting and holding.
 * Must not: begin or end transactions.
 * Lock: the queue's; connection and tag belong to whoever has the slot. */
#include "writer.h"

#include <stdio.h>

#include "clock.h"
#include "error.h"

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

walpool_status
walpool__writer_take_slot(struct walpool__writer *writer,
                          struct walpool__call *call, walpool_error *err)
{
    bool waited;
    int64_t now;
    char held[128];
    walpool_status status = walpool__writer_check(writer, call, err);

    if (status != WALPOOL_OK)
        return status;
    if (!walpool__waitq_take(&writer->queue, call, &waited))
        return walpool__writer_missed(writer, call, err);
    if (writer->turn && !walpool__turn_take(writer->turn, call)) {
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
    walpool_status status = walpool__writer_take_slot(writer, call, err);

    if (LIKELY(status == WALPOOL_OK))
        writer->conn->call = call;
    return status;
}

void
walpool__writer_own(struct walpool__writer *writer, bool any_thread)
{
    atomic_store_explicit(&writer->owner,
                          any_thread ? 0 : walpool__thread_self(),
                          memory_order_relaxed);
}

static bool
somebody_waits(struct walpool__writer *writer)
{
    int lent, waiters;

    walpool__waitq_count(&writer->queue, &lent, &waiters);
    return waiters > 0;
}

/* Who was to have it may have given up before the slot was back. */
static void
give_unwanted_turn(struct walpool__writer *writer)
{
    if (somebody_waits(writer) || !walpool__waitq_try(&writer->queue))
        return;
    walpool__turn_give(writer->turn, false);
    walpool__waitq_give(&writer->queue, writer);
}

void
walpool__writer_give_slot(struct walpool__writer *writer)
{
    int64_t since = atomic_load_explicit(&writer->tag.since_ns,
                                         memory_order_relaxed);
    bool kept = false;

    walpool__histogram_record(
        &writer->stats->writer_hold_us,
        (uint64_t)(walpool__clock_now() - since) / 1000);
    atomic_store_explicit(&writer->owner, 0, memory_order_relaxed);
    walpool__tag_clear(&writer->tag);
    if (writer->turn) {
        kept = somebody_waits(writer);
        walpool__turn_give(writer->turn, kept);
    }
    walpool__waitq_give(&writer->queue, writer);
    if (kept)
        give_unwanted_turn(writer);
}

bool
walpool__writer_drain(struct walpool__writer *writer, int64_t deadline_ns)
{
    if (!walpool__waitq_drain(&writer->queue, deadline_ns))
        return false;
    if (writer->turn) /* the slot is out of reach for who would give it on */
        walpool__turn_give(writer->turn, false);
    return true;
}

void
walpool__writer_give(struct walpool__writer *writer)
{
    INVARIANT(!walpool__conn_in_transaction(writer->conn));
    writer->conn->call = NULL;
    walpool__writer_give_slot(writer);
}
