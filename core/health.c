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
#include "db.h"
#include "error.h"

/* From here on a lease that is out is worth a word. */
#define LONG_LEASE_US 10000000
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
    out->dirty_leases = load(&stats->dirty_leases);
    out->lock_waits = load(&stats->lock_waits);
    out->turn_waits = load(&stats->turn_waits);
    out->lost_locks = load(&stats->lost_locks);
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

    out->writer_wait_count = (int64_t)walpool__histogram_count(wait);
    out->writer_wait_p50_us = (int64_t)walpool__histogram_quantile(wait, 0.5);
    out->writer_wait_p99_us = (int64_t)walpool__histogram_quantile(wait, 0.99);
    out->writer_wait_max_us = (int64_t)walpool__histogram_max(wait);
    out->writer_hold_p50_us = (int64_t)walpool__histogram_quantile(hold, 0.5);
    out->writer_hold_p99_us = (int64_t)walpool__histogram_quantile(hold, 0.99);
    out->writer_hold_max_us = (int64_t)walpool__histogram_max(hold);
    out->checkpoint_max_us =
        (int64_t)walpool__histogram_max(&stats->checkpoint_us);
}

static void
gather_leases(struct walpool__db *db, walpool_health *out)
{
    int lent, waiters;
    struct walpool__holder oldest = walpool__pool_oldest(&db->pool);
    struct walpool__holder writer = walpool__tag_read(&db->writer.tag);
    int64_t now = walpool__clock_now();

    if (writer.since_ns &&
        (!oldest.since_ns || writer.since_ns < oldest.since_ns))
        oldest = writer;
    memcpy(out->oldest_why, oldest.why, sizeof out->oldest_why);
    if (oldest.since_ns && now > oldest.since_ns)
        out->oldest_lease_us = (now - oldest.since_ns) / 1000;
    out->readers_limit = db->options.readers;
    out->readers_open = load(&db->stats.readers_open);
    walpool__waitq_count(&db->pool.queue, &lent, &waiters);
    out->readers_leased = lent;
    out->reader_waiters = waiters;
    walpool__waitq_count(&db->writer.queue, &lent, &waiters);
    out->writer_leased = lent;
    out->writer_waiters = waiters;
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

static void
judge(struct walpool__db *db, walpool_health *out)
{
    int64_t long_wal =
        (int64_t)db->options.checkpoint_frames * LONG_WAL_THRESHOLDS;
    char why[sizeof out->reason];

    walpool__poison_explain(&db->poison, why, sizeof why);
    if (why[0])
        note(out, WALPOOL_HEALTH_FAILING, "%s", why);
    if (out->wal_frames - out->wal_frames_checkpointed > long_wal)
        note(out, WALPOOL_HEALTH_DEGRADED,
             "the WAL holds %lld frames that are not in the database: end "
             "long reads (the oldest lease is out since %lld ms%s%s)",
             (long long)(out->wal_frames - out->wal_frames_checkpointed),
             (long long)out->oldest_lease_us / 1000,
             out->oldest_why[0] ? ": " : "", out->oldest_why);
    if (out->oldest_lease_us > LONG_LEASE_US)
        note(out, WALPOOL_HEALTH_DEGRADED,
             "a lease is out since %lld ms%s%s: it keeps its snapshot or the "
             "writer; release it",
             (long long)out->oldest_lease_us / 1000,
             out->oldest_why[0] ? ": " : "", out->oldest_why);
    if (out->checkpoint_failures > 0 && out->checkpoints == 0)
        note(out, WALPOOL_HEALTH_FAILING,
             "every checkpoint has failed so far: look at disk and "
             "permissions");
}

static void
gather(struct walpool__db *db, walpool_health *out)
{
    memset(out, 0, sizeof *out);
    out->lock_checks = walpool__ownlocks_is_on(&db->ownlocks);
    walpool__ownlocks_check_open(&db->ownlocks); /* poisons: see judge() */
    gather_counters(&db->stats, out);
    gather_times(&db->stats, out);
    gather_leases(db, out);
    gather_wal(db, out);
    judge(db, out);
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

/* Text that counts what it would need, like snprintf. */
struct text {
    char *dst;
    size_t capacity, length;
};

static void put(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

static void
put(struct text *text, const char *format, ...)
{
    size_t left = text->length < text->capacity
                      ? text->capacity - text->length
                      : 0;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vsnprintf(left ? text->dst + text->length : NULL, left, format,
                      args);
    va_end(args);
    text->length += (size_t)bytes;
}

static void
put_string(struct text *text, const char *name, const char *value)
{
    put(text, ",\"%s\":\"", name);
    for (const unsigned char *at = (const unsigned char *)value; *at; at++) {
        if (*at == '"' || *at == '\\')
            put(text, "\\%c", *at);
        else if (*at < 0x20)
            put(text, "\\u%04x", *at);
        else
            put(text, "%c", *at);
    }
    put(text, "\"");
}

static void
put_health(struct text *text, const walpool_health *health)
{
    static const char *const verdicts[] = {"ok", "degraded", "failing"};

    put(text, "{\"verdict\":\"%s\"", verdicts[health->verdict]);
    put_string(text, "reason", health->reason);
    put_string(text, "oldest_why", health->oldest_why);
#define PUT_FIELD(name, meaning) \
    put(text, ",\"" #name "\":%lld", (long long)health->name);
    WALPOOL_HEALTH_LIST(PUT_FIELD)
#undef PUT_FIELD
}

static void
put_version(struct text *text)
{
    walpool_version_info version;

    walpool_version(&version);
    put_string(text, "walpool", version.walpool);
    put_string(text, "sqlite", version.sqlite);
    put(text, ",\"sqlite_bundled\":%s,\"wal_reset_safe\":%s",
        version.sqlite_bundled ? "true" : "false",
        version.wal_reset_safe ? "true" : "false");
}

walpool_status
walpool_health_json(walpool *handle, char *dst, size_t capacity, size_t *need,
                    walpool_error *err)
{
    struct text text = {.dst = dst, .capacity = capacity};
    walpool_health health;
    walpool_status status;
    struct walpool__db *db;

    if (!dst && capacity)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "dst is NULL and capacity %zu", capacity);
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return status;
    gather(db, &health);
    put_health(&text, &health);
    put_string(&text, "path", db->path);
    put_version(&text);
    put(&text, "}");
    walpool__handle_unpin(handle);
    if (need)
        *need = text.length + 1;
    if (text.length < text.capacity)
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_TOOBIG,
                              "%zu bytes are needed, %zu are there",
                              text.length + 1, text.capacity);
}
