/* What health counts, for one database. Plain atomics, no lock: each is true
 * by itself, and reading them stops nobody. */
#ifndef WALPOOL_STATS_H
#define WALPOOL_STATS_H

#include <stdatomic.h>

#include "base.h"
#include "histogram.h"
#include "thread.h"

/* Counts of every read. Threads that read beside each other would wait for the
 * same cache line, so each counts in one of these; they are added up. */
struct walpool__stats_stripe {
    atomic_int_fast64_t reads, statement_hits;
    char line[48];
};
#define WALPOOL__STATS_STRIPES 16

struct walpool__stats {
    int64_t database; /* no other one that this process opens has this number */
    struct walpool__stats_stripe stripes[WALPOOL__STATS_STRIPES];
    atomic_int_fast64_t writes, rollbacks;
    atomic_int_fast64_t errors, timeouts, cancels;
    atomic_int_fast64_t once_replays, coalesced;
    atomic_int_fast64_t dirty_leases, leases_overdue, lock_waits, turn_waits;
    atomic_int_fast64_t lost_locks, rescues, optimizes;
    atomic_int_fast64_t statement_misses;
    atomic_int_fast64_t wal_bytes_highest;
    atomic_int_fast64_t checkpoints, checkpoint_failures, reader_gates;
    atomic_int_fast64_t backups, backups_running;
    /* Checkpoints that failed in a row, and the newest status: not counters. */
    atomic_int_fast64_t checkpoint_failing, checkpoint_status;
    /* Since when the writer waits for another process, 0: it does not; and for
     * SQLite's lock, as naps tell: when the first and the newest one began. */
    atomic_int_fast64_t turn_since_ns, lock_since_ns, lock_newest_ns;
    atomic_int_fast64_t snapshots_ended; /* by wal_ceiling_policy=interrupt */
    /* Most frames that were there to be copied with the writer in hand. */
    atomic_int_fast64_t frames_in_hand_highest;
    struct walpool__histogram writer_wait_us, writer_hold_us, sync_us;
    struct walpool__histogram commit_us, query_us;
    struct walpool__histogram checkpoint_us, checkpoint_hold_us;
};

static inline void
walpool__stats_add(atomic_int_fast64_t *counter, int64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static inline void
walpool__stats_set(atomic_int_fast64_t *gauge, int64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static inline int64_t
walpool__stats_get(const atomic_int_fast64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static inline struct walpool__stats_stripe *
walpool__stats_mine(struct walpool__stats *stats)
{
    return &stats->stripes[walpool__thread_nth() % WALPOOL__STATS_STRIPES];
}

static inline int64_t
walpool__stats_reads(const struct walpool__stats *stats)
{
    int64_t reads = 0;

    for (int i = 0; i < WALPOOL__STATS_STRIPES; i++)
        reads += walpool__stats_get(&stats->stripes[i].reads);
    return reads;
}

static inline int64_t
walpool__stats_statement_hits(const struct walpool__stats *stats)
{
    int64_t hits = 0;

    for (int i = 0; i < WALPOOL__STATS_STRIPES; i++)
        hits += walpool__stats_get(&stats->stripes[i].statement_hits);
    return hits;
}

/* Count a call that failed, by kind; returns the status. */
static inline walpool_status
walpool__stats_failed(struct walpool__stats *stats, walpool_status status)
{
    walpool__stats_add(&stats->errors, 1);
    if (status == WALPOOL_TIMEOUT)
        walpool__stats_add(&stats->timeouts, 1);
    if (status == WALPOOL_CANCELLED)
        walpool__stats_add(&stats->cancels, 1);
    return status;
}

static inline void
walpool__stats_highest(atomic_int_fast64_t *highest, int64_t value)
{
    int_fast64_t now = atomic_load_explicit(highest, memory_order_relaxed);

    while (value > now && !atomic_compare_exchange_weak_explicit(
                              highest, &now, value, memory_order_relaxed,
                              memory_order_relaxed)) {
    }
}

#endif
