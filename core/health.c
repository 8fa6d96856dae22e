/* Health: one snapshot of a database.
 *
 * Does: gather counters, gauges and facts, and have them judged.
 * Must not: take a connection, run SQL, or wait for a lease.
 * Lock: none of its own; those of the queues, of the wal-index and of the
 * survey, one after the other, each for a few loads or system calls. */
#include "health.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "leases.h"

/* Naps of SQLite's busy handler are a millisecond long: if the newest one began
 * no longer ago than this, somebody is still at it. */
#define FRESH_NAP_NS 100000000

static int64_t
load(const atomic_int_fast64_t *counter)
{
    return walpool__stats_get(counter);
}

/* --------------------------------------------------------------- numbers */

static void
gather_counters(struct walpool__stats *stats, walpool_health *out)
{
    out->reads = walpool__stats_reads(stats);
    out->writes = load(&stats->writes);
    out->rollbacks = load(&stats->rollbacks);
    out->errors = load(&stats->errors);
    out->timeouts = load(&stats->timeouts);
    out->cancels = load(&stats->cancels);
    out->once_replays = load(&stats->once_replays);
    out->coalesced = load(&stats->coalesced);
    out->dirty_leases = load(&stats->dirty_leases);
    out->leases_overdue = load(&stats->leases_overdue);
    out->lock_waits = load(&stats->lock_waits);
    out->turn_waits = load(&stats->turn_waits);
    out->lost_locks = load(&stats->lost_locks);
    out->optimizes = load(&stats->optimizes);
    out->statement_hits = walpool__stats_statement_hits(stats);
    out->statement_misses = load(&stats->statement_misses);
    out->checkpoints = load(&stats->checkpoints);
    out->checkpoint_failures = load(&stats->checkpoint_failures);
    out->reader_gates = load(&stats->reader_gates);
    out->backups = load(&stats->backups);
    out->backup_running = load(&stats->backups_running);
}

/* Returns how many were recorded. */
static int64_t
summarize(const struct walpool__histogram *histogram, int64_t *p50,
          int64_t *p99, int64_t *max)
{
    struct walpool__histogram_view view;

    walpool__histogram_look(histogram, &view);
    *p50 = (int64_t)walpool__histogram_view_quantile(&view, 0.5);
    *p99 = (int64_t)walpool__histogram_view_quantile(&view, 0.99);
    *max = (int64_t)view.max;
    return (int64_t)view.count;
}

static void
gather_times(struct walpool__stats *stats, walpool_health *out)
{
    out->writer_wait_count =
        summarize(&stats->writer_wait_us, &out->writer_wait_p50_us,
                  &out->writer_wait_p99_us, &out->writer_wait_max_us);
    summarize(&stats->writer_hold_us, &out->writer_hold_p50_us,
              &out->writer_hold_p99_us, &out->writer_hold_max_us);
    summarize(&stats->commit_us, &out->commit_p50_us, &out->commit_p99_us,
              &out->commit_max_us);
    summarize(&stats->query_us, &out->query_p50_us, &out->query_p99_us,
              &out->query_max_us);
    out->syncs = summarize(&stats->sync_us, &out->sync_p50_us,
                           &out->sync_p99_us, &out->sync_max_us);
    summarize(&stats->checkpoint_us, &out->checkpoint_p50_us,
              &out->checkpoint_p99_us, &out->checkpoint_max_us);
    out->checkpoint_hold_max_us =
        (int64_t)walpool__histogram_max(&stats->checkpoint_hold_us);
}

/* Where the wal-index has a format that we do not know, none stays. */
static int64_t
count_warm(struct walpool__db *db)
{
    struct walpool__wal_state state;

    return db->pool.keep_ns && walpool__walindex_read(&db->walindex, &state)
               ? walpool__pool_warm_count(&db->pool)
               : -1;
}

static void
gather_queues(struct walpool__db *db, walpool_health *out)
{
    int lent, waiters;

    out->readers_limit = db->options.readers;
    out->readers_open = walpool__pool_open_count(&db->pool);
    walpool__waitq_count(&db->pool.queue, &lent, &waiters);
    out->readers_leased = lent;
    out->snapshots_warm = count_warm(db);
    out->private_open = walpool__roster_count(&db->roster);
    out->reader_waiters = waiters;
    walpool__waitq_count(&db->writer.queue, &lent, &waiters);
    out->writer_leased = lent;
    out->writer_waiters = waiters + walpool__group_waiting(&db->group);
}

static void
gather_wal(struct walpool__db *db, walpool_health *out)
{
    struct walpool__wal_state state = {0, 0};

    walpool__walindex_read(&db->walindex, &state);
    out->wal_frames = state.frames;
    out->wal_frames_checkpointed = state.checkpointed;
    out->wal_bytes = walpool__fsinfo_size(db->wal_path);
    walpool__stats_highest(&db->stats.wal_bytes_highest, out->wal_bytes);
    out->wal_bytes_highest = load(&db->stats.wal_bytes_highest);
    walpool__ceiling_gather(&db->ceiling, out);
}

/* ---------------------------------------------------------------- leases */

/* Who has connections, as far as it tells what is wrong. */
struct holders {
    struct walpool__holder oldest;        /* of all */
    struct walpool__holder oldest_reader; /* of those with a snapshot */
    struct walpool__holder oldest_lease;  /* of all but backups */
    struct walpool__holder writer;
    int64_t newest_reader_ns; /* since when the youngest reader is out */
};

static void
keep_oldest(struct walpool__holder *oldest,
            const struct walpool__holder *holder)
{
    if (holder->since_ns &&
        (!oldest->since_ns || holder->since_ns < oldest->since_ns))
        *oldest = *holder;
}

/* Look at all that is out. */
static void
gather_holders(struct walpool__db *db, int64_t now, walpool_health *out,
               struct holders *holders)
{
    int64_t longest_ms = db->options.lease_warn_ms;
    int64_t limit_ns =
        longest_ms < 0 ? INT64_MAX : longest_ms * INT64_C(1000000);

    memset(holders, 0, sizeof *holders);
    holders->oldest_reader = walpool__roster_oldest_of_all(&db->roster);
    holders->oldest_lease = walpool__roster_oldest(&db->roster, now, limit_ns,
                                                   &out->leases_long);
    for (int place = 0; place < walpool__leases_places(db); place++) {
        struct walpool__holder holder = walpool__leases_holder(db, place);

        if (!holder.since_ns)
            continue;
        if (now - holder.since_ns > limit_ns)
            out->leases_long++;
        keep_oldest(&holders->oldest_lease, &holder);
        if (place == db->pool.count) {
            holders->writer = holder;
            continue;
        }
        keep_oldest(&holders->oldest_reader, &holder);
        if (holder.since_ns > holders->newest_reader_ns)
            holders->newest_reader_ns = holder.since_ns;
    }
    holders->oldest = holders->oldest_reader;
    keep_oldest(&holders->oldest, &holders->writer);
}

static int64_t
age_us(const struct walpool__holder *holder, int64_t now)
{
    return holder->since_ns && now > holder->since_ns
               ? (now - holder->since_ns) / 1000
               : 0;
}

static void
gather_leases(struct walpool__db *db, int64_t now,
              const struct holders *holders, walpool_health *out)
{
    struct walpool__holder dirty = walpool__tag_read(&db->dirty);

    out->oldest_lease_us = age_us(&holders->oldest, now);
    memcpy(out->oldest_why, holders->oldest.why, sizeof out->oldest_why);
    memcpy(out->dirty_why, dirty.why, sizeof out->dirty_why);
}

static void
gather_findings(const struct walpool__findings *findings,
                const struct holders *holders, int64_t now,
                walpool_health *out)
{
    out->disk_free_bytes = findings->disk_free;
    out->pin_frames = findings->pin_frames;
    out->pin_pid = findings->pin.pid;
    if (findings->pin.pid && findings->pin.pid == getpid())
        out->pin_age_us = age_us(&holders->oldest_reader, now);
}

/* -------------------------------------------------------------- judgement */

/* Since when nothing that waits for the writer has moved, in nanoseconds, and
 * whether that is the doing of another process. */
static int64_t
writer_stuck_ns(struct walpool__db *db, const walpool_health *out,
                const struct holders *holders, int64_t now, bool *foreign)
{
    int64_t since = load(&db->stats.turn_since_ns);
    int64_t newest = load(&db->stats.lock_newest_ns);

    *foreign = true;
    if (!since && newest && now - newest < FRESH_NAP_NS)
        since = load(&db->stats.lock_since_ns);
    if (!since) {
        *foreign = false;
        since = out->writer_waiters > 0 ? holders->writer.since_ns : 0;
    }
    return since && now > since ? now - since : 0;
}

/* "the writer is out for 12000 ms, by report (thread 4711)" */
static void
tell_holder(const char *what, const struct walpool__holder *holder,
            int64_t now, char *dst, size_t bytes)
{
    char name[WALPOOL__HOLDER_NAME_BYTES];

    dst[0] = '\0';
    if (holder->since_ns)
        snprintf(dst, bytes, "the %s is out for %lld ms, by %s", what,
                 (long long)age_us(holder, now) / 1000,
                 walpool__holder_name(holder, name));
}

/* The words that reasons need. They are not made where there are none. */
struct words {
    char poison[256], oldest[192], overdue[192], blocker[192], pinner[96];
    char ceiling[240];
};

static void
put_words(const struct holders *holders,
          const struct walpool__findings *findings, bool foreign, int64_t now,
          struct words *words)
{
    const struct walpool__process *writer = &findings->writer;

    tell_holder("oldest", &holders->oldest, now, words->oldest,
                sizeof words->oldest);
    tell_holder("oldest", &holders->oldest_lease, now, words->overdue,
                sizeof words->overdue);
    if (!foreign)
        tell_holder("writer", &holders->writer, now, words->blocker,
                    sizeof words->blocker);
    else
        snprintf(words->blocker, sizeof words->blocker, "%s %s",
                 writer->pid ? writer->name : "another process",
                 writer->pid ? "writes" : "has the turn");
    snprintf(words->pinner, sizeof words->pinner, "%s",
             findings->pin.pid == getpid() ? "this process"
                                           : findings->pin.name);
}

/* "why: what to do", as poison.c says it, comes apart at its last colon. */
static const char *
cut_remedy(char *poison)
{
    char *remedy = NULL;

    for (char *at = poison; (at = strstr(at, ": ")) != NULL; at++)
        remedy = at;
    if (!remedy)
        return "close the database and open it anew";
    *remedy = '\0';
    return remedy + 2;
}

static void
judge(struct walpool__db *db, walpool_health *out,
      const struct holders *holders, const struct walpool__findings *findings,
      const struct walpool__watch_report *report, int64_t now,
      struct walpool__reasons *reasons)
{
    struct words words = {.oldest = ""};
    bool foreign, crowded = out->reader_waiters > 0 &&
                            out->readers_leased >= out->readers_limit;
    int64_t dirty_ns = walpool__tag_since(&db->dirty);
    struct walpool__facts facts = {
        .is = out,
        .threshold = db->options.checkpoint_frames,
        .readonly = db->options.mode == 2,
        .poison = words.poison,
        .oldest = words.oldest,
        .overdue = words.overdue,
        .pinner = words.pinner,
        .blocker = words.blocker,
        .others = report->others,
        .fs_type = db->fs.type,
        .ceiling = words.ceiling,
        .refuses = db->ceiling.policy == WALPOOL__CEILING_FAIL,
        .readers_stuck_us = crowded && holders->newest_reader_ns
                                ? (now - holders->newest_reader_ns) / 1000
                                : 0,
        .dirty_us = dirty_ns ? (now - dirty_ns) / 1000 : -1,
        .failures = (int)load(&db->stats.checkpoint_failing),
        .failure_status = (int)load(&db->stats.checkpoint_status),
        .beyond = findings->beyond};

    facts.writer_stuck_us =
        writer_stuck_ns(db, out, holders, now, &foreign) / 1000;
    walpool__poison_explain(&db->poison, words.poison, sizeof words.poison);
    facts.poison_remedy = cut_remedy(words.poison);
    walpool__verdict_judge(&facts, reasons);
    if (UNLIKELY(reasons->count > 0)) {
        put_words(holders, findings, foreign, now, &words);
        walpool__ceiling_explain(&db->ceiling, words.ceiling,
                                 sizeof words.ceiling);
        walpool__verdict_judge(&facts, reasons);
    }
    walpool__verdict_tell(reasons, out);
}

/* Poisons: see judge(). */
static void
gather_files(struct walpool__db *db, int64_t now, walpool_health *out,
             struct walpool__watch_report *report)
{
    walpool__watch_check(&db->watch, now, WALPOOL__WATCH_HEALTH_NS);
    walpool__db_save(db);
    walpool__watch_report(&db->watch, report);
    out->fs_class = db->fs.is;
    out->moved_files = report->moved;
    out->rescues = load(&db->stats.rescues);
    out->second_sqlite = report->second;
}

void
walpool__health_take(struct walpool__db *db, walpool_health *out,
                     struct walpool__reasons *reasons)
{
    int64_t now = walpool__clock_now();
    struct walpool__watch_report report;
    struct walpool__findings findings;
    walpool_version_info version;
    struct holders holders;

    memset(out, 0, sizeof *out);
    walpool_version(&version);
    out->wal_reset_safe = version.wal_reset_safe;
    out->turns = db->takes_turns;
    out->lock_checks = walpool__ownlocks_is_on(&db->ownlocks);
    walpool__ownlocks_check_open(&db->ownlocks); /* poisons: see judge() */
    gather_files(db, now, out, &report);
    walpool__db_look_at_wal(db, now); /* the same */
    walpool__survey_look(&db->survey, now, &findings);
    gather_counters(&db->stats, out);
    gather_times(&db->stats, out);
    gather_holders(db, now, out, &holders);
    gather_leases(db, now, &holders, out);
    gather_findings(&findings, &holders, now, out);
    gather_queues(db, out);
    gather_wal(db, out);
    judge(db, out, &holders, &findings, &report, now, reasons);
}

const char *
walpool__health_word(int32_t verdict)
{
    static const char *const words[] = {"ok", "degraded", "failing"};

    return words[verdict];
}

walpool_status
walpool_health_get(walpool *handle, walpool_health *out, walpool_error *err)
{
    struct walpool__reasons reasons;
    walpool_status status;
    struct walpool__db *db;

    if (!out)
        return walpool__error_set(err, WALPOOL_MISUSE, "out is NULL");
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return status;
    walpool__health_take(db, out, &reasons);
    walpool__handle_unpin(handle);
    return WALPOOL_OK;
}
