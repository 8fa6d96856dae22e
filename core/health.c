/* Health: one snapshot of a database, as a struct and as JSON.
 *
 * Does: gather counters, gauges and a verdict.
 * Must not: take a connection, run SQL, or wait for a lease.
 * Lock: none of its own; the queues' and the wal-index's, one after the
 * other, each for a few loads. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "json.h"
#include "leases.h"

/* A WAL this many thresholds long is not being kept small. */
#define LONG_WAL_THRESHOLDS 10

static int64_t
load(const atomic_int_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
gather_counters(struct walpool__stats *stats, walpool_health *out)
{
    out->reads = load(&stats->reads);
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
    out->statement_hits = load(&stats->statement_hits);
    out->statement_misses = load(&stats->statement_misses);
    out->checkpoints = load(&stats->checkpoints);
    out->checkpoint_failures = load(&stats->checkpoint_failures);
}

static void
gather_times(struct walpool__stats *stats, walpool_health *out)
{
    struct walpool__histogram *wait = &stats->writer_wait_us;
    struct walpool__histogram *hold = &stats->writer_hold_us;
    struct walpool__histogram *sync = &stats->sync_us;

    out->writer_wait_count = (int64_t)walpool__histogram_count(wait);
    out->writer_wait_p50_us = (int64_t)walpool__histogram_quantile(wait, 0.5);
    out->writer_wait_p99_us = (int64_t)walpool__histogram_quantile(wait, 0.99);
    out->writer_wait_max_us = (int64_t)walpool__histogram_max(wait);
    out->writer_hold_p50_us = (int64_t)walpool__histogram_quantile(hold, 0.5);
    out->writer_hold_p99_us = (int64_t)walpool__histogram_quantile(hold, 0.99);
    out->writer_hold_max_us = (int64_t)walpool__histogram_max(hold);
    out->syncs = (int64_t)walpool__histogram_count(sync);
    out->sync_p50_us = (int64_t)walpool__histogram_quantile(sync, 0.5);
    out->sync_p99_us = (int64_t)walpool__histogram_quantile(sync, 0.99);
    out->sync_max_us = (int64_t)walpool__histogram_max(sync);
    out->checkpoint_max_us =
        (int64_t)walpool__histogram_max(&stats->checkpoint_us);
}

/* Look at all that is out. Returns who has been for longest. */
static struct walpool__holder
gather_leases(struct walpool__db *db, walpool_health *out)
{
    int64_t longest_ms = db->options.lease_warn_ms;
    int64_t now = walpool__clock_now();
    struct walpool__holder dirty = walpool__tag_read(&db->dirty);
    int64_t limit_ns =
        longest_ms < 0 ? INT64_MAX : longest_ms * INT64_C(1000000);
    struct walpool__holder oldest = walpool__roster_oldest(
        &db->roster, now, limit_ns, &out->leases_long);

    for (int place = 0; place < walpool__leases_places(db); place++) {
        struct walpool__holder holder = walpool__leases_holder(db, place);

        if (!holder.since_ns)
            continue;
        if (now - holder.since_ns > limit_ns)
            out->leases_long++;
        if (!oldest.since_ns || holder.since_ns < oldest.since_ns)
            oldest = holder;
    }
    if (oldest.since_ns && now > oldest.since_ns)
        out->oldest_lease_us = (now - oldest.since_ns) / 1000;
    memcpy(out->oldest_why, oldest.why, sizeof out->oldest_why);
    memcpy(out->dirty_why, dirty.why, sizeof out->dirty_why);
    return oldest;
}

static void
gather_queues(struct walpool__db *db, walpool_health *out)
{
    int lent, waiters;

    out->readers_limit = db->options.readers;
    out->readers_open = load(&db->stats.readers_open);
    walpool__waitq_count(&db->pool.queue, &lent, &waiters);
    out->readers_leased = lent;
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
}

static void
note(walpool_health *out, walpool_verdict verdict, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The worst verdict wins; the first reason is kept. */
static void
note(walpool_health *out, walpool_verdict verdict, const char *format, ...)
{
    va_list args;

    if ((int32_t)verdict > out->verdict)
        out->verdict = verdict;
    if (out->reason[0])
        return;
    va_start(args, format);
    vsnprintf(out->reason, sizeof out->reason, format, args);
    va_end(args);
}

/* "the oldest is out for 12000 ms, by report (thread 4711)" */
static void
tell_oldest(const walpool_health *out, const struct walpool__holder *oldest,
            char *dst, size_t bytes)
{
    char name[WALPOOL__HOLDER_NAME_BYTES];

    snprintf(dst, bytes, "the oldest is out for %lld ms, by %s",
             (long long)out->oldest_lease_us / 1000,
             walpool__holder_name(oldest, name));
}

static void
judge_wal(struct walpool__db *db, walpool_health *out, const char *oldest)
{
    int64_t pending = out->wal_frames - out->wal_frames_checkpointed;

    if (pending > (int64_t)db->options.checkpoint_frames * LONG_WAL_THRESHOLDS)
        note(out, WALPOOL_HEALTH_DEGRADED,
             "the WAL holds %lld frames that are not in the database: end long "
             "reads%s%s", (long long)pending, oldest[0] ? "; " : "", oldest);
}

static void
judge(struct walpool__db *db, walpool_health *out,
      const struct walpool__holder *oldest)
{
    char why[sizeof out->reason], who[160] = "";

    if (oldest->since_ns)
        tell_oldest(out, oldest, who, sizeof who);
    walpool__poison_explain(&db->poison, why, sizeof why);
    if (why[0])
        note(out, WALPOOL_HEALTH_FAILING, "%s", why);
    judge_wal(db, out, who);
    if (out->leases_long > 0)
        note(out, WALPOOL_HEALTH_DEGRADED,
             "%lld leases are out for longer than lease_warn, %s: it keeps its "
             "snapshot or the writer; release it",
             (long long)out->leases_long, who);
    if (!db->takes_turns && db->options.mode != 2)
        note(out, WALPOOL_HEALTH_DEGRADED,
             "writers do not take turns with other processes: the -turn file "
             "beside the database cannot be opened: look at the folder, then "
             "open the database anew");
    if (out->checkpoint_failures > 0 && out->checkpoints == 0)
        note(out, WALPOOL_HEALTH_FAILING,
             "every checkpoint has failed so far: look at disk and "
             "permissions");
}

static void
gather(struct walpool__db *db, walpool_health *out)
{
    struct walpool__holder oldest;

    memset(out, 0, sizeof *out);
    out->fs_class = db->fs.is;
    out->turns = db->takes_turns;
    out->lock_checks = walpool__ownlocks_is_on(&db->ownlocks);
    walpool__ownlocks_check_open(&db->ownlocks); /* poisons: see judge() */
    gather_counters(&db->stats, out);
    gather_times(&db->stats, out);
    oldest = gather_leases(db, out);
    gather_queues(db, out);
    gather_wal(db, out);
    judge(db, out, &oldest);
}

walpool_status
walpool_health_get(walpool *handle, walpool_health *out, walpool_error *err)
{
    walpool_status status;
    struct walpool__db *db;

    if (!out)
        return walpool__error_set(err, WALPOOL_MISUSE, "out is NULL");
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return status;
    gather(db, out);
    walpool__handle_unpin(handle);
    return WALPOOL_OK;
}

/* ------------------------------------------------------------------- JSON */

static void
put_string(struct walpool__json *json, const char *name, const char *value)
{
    walpool__json_put(json, ",\"%s\":", name);
    walpool__json_string(json, value);
}

static void
put_health(struct walpool__json *json, const walpool_health *health)
{
    static const char *const verdicts[] = {"ok", "degraded", "failing"};

    walpool__json_put(json, "{\"verdict\":\"%s\"", verdicts[health->verdict]);
    put_string(json, "reason", health->reason);
    put_string(json, "oldest_why", health->oldest_why);
    put_string(json, "dirty_why", health->dirty_why);
#define PUT_FIELD(name, meaning) \
    walpool__json_put(json, ",\"" #name "\":%lld", (long long)health->name);
    WALPOOL_HEALTH_LIST(PUT_FIELD)
#undef PUT_FIELD
}

static void
put_version(struct walpool__json *json)
{
    walpool_version_info version;

    walpool_version(&version);
    put_string(json, "walpool", version.walpool);
    put_string(json, "sqlite", version.sqlite);
    walpool__json_put(json, ",\"sqlite_bundled\":%s,\"wal_reset_safe\":%s",
                      version.sqlite_bundled ? "true" : "false",
                      version.wal_reset_safe ? "true" : "false");
}

walpool_status
walpool_health_json(walpool *handle, char *dst, size_t capacity, size_t *need,
                    walpool_error *err)
{
    struct walpool__json json;
    walpool_health health;
    walpool_status status = walpool__json_begin(&json, dst, capacity, err);
    struct walpool__db *db;

    if (status != WALPOOL_OK)
        return status;
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return status;
    gather(db, &health);
    put_health(&json, &health);
    put_string(&json, "path", db->path);
    put_string(&json, "fs_type", db->fs.type);
    put_version(&json);
    walpool__json_put(&json, "}");
    walpool__handle_unpin(handle);
    return walpool__json_end(&json, need, err);
}
