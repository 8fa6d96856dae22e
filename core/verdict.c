/* Verdict: what the numbers of health come to, and why.
 *
 * A reason says that something is wrong now, or was a moment ago, and that
 * somebody can do something about it. What has only happened is a counter. So a
 * program that runs as it should is never anything but ok, however busy it is.
 *
 * Does: decide, and put it into words.
 * Must not: look at a clock, a lock or a database: the same facts give the same
 * reasons.
 * Lock: none. */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* From when on something is a reason. */
enum limits {
    LONG_WAL_THRESHOLDS = 10,   /* a WAL of so many is not being kept small */
    STUCK_US = 1000000,         /* somebody waits, and nothing moved so long */
    DIRTY_US = 60000000,        /* a dirty lease is told for so long */
    MANY_FAILURES = 3,          /* checkpoints in a row: failing, not degraded */
    DISK_LOW_BYTES = 64 << 20,  /* degraded: a few bursts of writes are left */
    DISK_OUT_BYTES = 4 << 20    /* failing: the next checkpoint may not fit */
};

static void
say(struct walpool__reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);

static void
say(struct walpool__reason *reason, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    walpool__utf8_label(reason->text, sizeof reason->text, text, strlen(text));
}

/* ----------------------------------------------------------------- rules */

static bool
is_poisoned(const struct walpool__facts *facts, struct walpool__reason *reason)
{
    if (!facts->poison[0])
        return false;
    reason->verdict = WALPOOL_HEALTH_FAILING;
    reason->remedy = facts->poison_remedy;
    say(reason, "writes are refused: %s", facts->poison);
    return true;
}

static bool
has_lost_lock(const struct walpool__facts *facts,
              struct walpool__reason *reason)
{
    if (facts->is->lost_locks == 0)
        return false;
    reason->verdict = WALPOOL_HEALTH_FAILING;
    say(reason, "locks of SQLite's that were found lost: %lld",
        (long long)facts->is->lost_locks);
    return true;
}

static bool
is_wal_broken(const struct walpool__facts *facts,
              struct walpool__reason *reason)
{
    if (!facts->beyond)
        return false;
    reason->verdict = WALPOOL_HEALTH_FAILING;
    say(reason, "more frames are checkpointed than the WAL has (%lld of %lld): a "
                "checkpoint has met a WAL reset, and commits are being lost",
        (long long)facts->is->wal_frames_checkpointed,
        (long long)facts->is->wal_frames);
    return true;
}

static bool
fail_checkpoints(const struct walpool__facts *facts,
                 struct walpool__reason *reason)
{
    if (facts->failures == 0)
        return false;
    reason->verdict = facts->failures >= MANY_FAILURES ||
                              facts->is->checkpoints == 0
                          ? WALPOOL_HEALTH_FAILING
                          : WALPOOL_HEALTH_DEGRADED;
    say(reason, "the last %d checkpoints have failed, the newest with %s",
        facts->failures, walpool_status_name(facts->failure_status));
    return true;
}

static bool
is_disk_low(const struct walpool__facts *facts, struct walpool__reason *reason)
{
    int64_t left = facts->is->disk_free_bytes;

    if (left < 0 || left >= DISK_LOW_BYTES || facts->readonly)
        return false;
    reason->verdict = left < DISK_OUT_BYTES ? WALPOOL_HEALTH_FAILING
                                            : WALPOOL_HEALTH_DEGRADED;
    say(reason, "the disk has %lld KiB left", (long long)left / 1024);
    return true;
}

static bool
is_writer_stuck(const struct walpool__facts *facts,
                struct walpool__reason *reason)
{
    if (facts->writer_stuck_us < STUCK_US)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "nothing was written for %lld ms while calls wait (%lld): %s",
        (long long)facts->writer_stuck_us / 1000,
        (long long)facts->is->writer_waiters, facts->blocker);
    return true;
}

static bool
are_readers_exhausted(const struct walpool__facts *facts,
                      struct walpool__reason *reason)
{
    if (facts->readers_stuck_us < STUCK_US)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "all %lld readers are out for %lld ms and more while calls "
                "wait (%lld); %s",
        (long long)facts->is->readers_limit,
        (long long)facts->readers_stuck_us / 1000,
        (long long)facts->is->reader_waiters, facts->oldest);
    return true;
}

static int64_t
pending(const struct walpool__facts *facts)
{
    return facts->is->wal_frames - facts->is->wal_frames_checkpointed;
}

static bool
is_wal_pinned(const struct walpool__facts *facts,
              struct walpool__reason *reason)
{
    const walpool_health *is = facts->is;
    bool own = is->pin_age_us > 0;

    if (is->pin_frames < 0 ||
        is->wal_frames <= facts->threshold * LONG_WAL_THRESHOLDS)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "the WAL has %lld frames, %lld of them not in the database, and "
                "%s keeps it from frame %lld on%s%s",
        (long long)is->wal_frames, (long long)pending(facts),
        facts->pinner[0] ? facts->pinner : "a reader",
        (long long)is->pin_frames, own ? "; " : "", own ? facts->oldest : "");
    return true;
}

/* Above the ceiling it is another reason, which knows more. */
static bool
is_wal_long(const struct walpool__facts *facts, struct walpool__reason *reason)
{
    if (facts->is->wal_over_ceiling ||
        pending(facts) <= facts->threshold * LONG_WAL_THRESHOLDS)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "the WAL holds %lld frames that are not in the database%s%s",
        (long long)pending(facts), facts->oldest[0] ? "; " : "",
        facts->oldest);
    return true;
}

static bool
is_lease_overdue(const struct walpool__facts *facts,
                 struct walpool__reason *reason)
{
    if (facts->is->leases_long == 0)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "leases that are out for longer than lease_warn: %lld; %s",
        (long long)facts->is->leases_long, facts->overdue);
    return true;
}

static bool
takes_no_turns(const struct walpool__facts *facts,
               struct walpool__reason *reason)
{
    if (facts->is->turns || facts->readonly)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "writers do not take turns with other processes: the -turn "
                "file beside the database cannot be opened");
    return true;
}

static bool
has_dirty_lease(const struct walpool__facts *facts,
                struct walpool__reason *reason)
{
    if (facts->dirty_us < 0 || facts->dirty_us >= DIRTY_US)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "a lease came back with an open transaction, which was undone; "
                "%lld so far, the newest by %s",
        (long long)facts->is->dirty_leases,
        facts->is->dirty_why[0] ? facts->is->dirty_why
                                : "a call without a label (why)");
    return true;
}

static bool
has_second_sqlite(const struct walpool__facts *facts,
                  struct walpool__reason *reason)
{
    if (!facts->is->second_sqlite)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "another SQLite of this process has had the file open%s%s: each "
                "drops the locks of the other",
        facts->others[0] ? ", of " : "", facts->others);
    return true;
}

static bool
is_risky_fs(const struct walpool__facts *facts, struct walpool__reason *reason)
{
    int64_t is = facts->is->fs_class;

    if (is != WALPOOL_FS_NETWORK && is != WALPOOL_FS_BRIDGE &&
        is != WALPOOL_FS_FUSE)
        return false;
    reason->verdict = WALPOOL_HEALTH_DEGRADED;
    say(reason, "the file lies on %s, where locks and shared memory may not "
                "reach all that use it", facts->fs_type);
    return true;
}

static bool
is_over_ceiling(const struct walpool__facts *facts,
                struct walpool__reason *reason)
{
    if (!facts->is->wal_over_ceiling)
        return false;
    reason->verdict = facts->refuses ? WALPOOL_HEALTH_FAILING
                                     : WALPOOL_HEALTH_DEGRADED;
    say(reason, "%s%s", facts->refuses ? "writes are refused, since " : "",
        facts->ceiling);
    return true;
}

static const struct rule {
    bool (*holds)(const struct walpool__facts *, struct walpool__reason *);
    const char *remedy;
} rules[WALPOOL__REASONS] = {
    [WALPOOL_REASON_POISONED] = {is_poisoned, ""},
    [WALPOOL_REASON_LOST_LOCK] = {has_lost_lock,
        "find the code of this process that opens and closes the database, its "
        "-wal or its -shm, and stop it"},
    [WALPOOL_REASON_WAL_BROKEN] = {is_wal_broken,
        "kill all programs that use the file, so that the next opening "
        "recovers the WAL, and use SQLite 3.51.3 or newer"},
    [WALPOOL_REASON_CHECKPOINT_FAILING] = {fail_checkpoints,
        "look at disk and permissions"},
    [WALPOOL_REASON_DISK_LOW] = {is_disk_low, "make room"},
    [WALPOOL_REASON_WRITER_STUCK] = {is_writer_stuck,
        "commit or release it sooner, or end that process"},
    [WALPOOL_REASON_READER_EXHAUSTED] = {are_readers_exhausted,
        "release leases and cursors, or open with more readers"},
    [WALPOOL_REASON_WAL_PINNED] = {is_wal_pinned,
        "end that read transaction"},
    [WALPOOL_REASON_WAL_LONG] = {is_wal_long,
        "end long reads; if there are none, the disk is too slow for what is "
        "written"},
    [WALPOOL_REASON_LEASE_OVERDUE] = {is_lease_overdue,
        "it keeps its snapshot or the writer: release it"},
    [WALPOOL_REASON_NO_TURNS] = {takes_no_turns,
        "look at the folder, then open the database anew"},
    [WALPOOL_REASON_DIRTY_LEASES] = {has_dirty_lease,
        "commit or roll back before you release"},
    [WALPOOL_REASON_SECOND_SQLITE] = {has_second_sqlite,
        "open this file with one SQLite only, then close the database and open "
        "it anew"},
    [WALPOOL_REASON_RISKY_FS] = {is_risky_fs,
        "put the database on a local disk"},
    [WALPOOL_REASON_WAL_CEILING] = {is_over_ceiling,
        "end what keeps it"},
};

void
walpool__verdict_judge(const struct walpool__facts *facts,
                       struct walpool__reasons *reasons)
{
    reasons->count = 0;
    for (int code = 0; code < WALPOOL__REASONS; code++) {
        struct walpool__reason *reason = &reasons->list[reasons->count];

        reason->code = (walpool_reason)code;
        reason->remedy = rules[code].remedy;
        if (rules[code].holds(facts, reason))
            reasons->count++;
    }
}

void
walpool__verdict_tell(const struct walpool__reasons *reasons,
                      walpool_health *health)
{
    const struct walpool__reason *gravest = NULL;
    char text[512];

    health->verdict = WALPOOL_HEALTH_OK;
    health->reasons = 0;
    health->reason[0] = '\0';
    for (int i = 0; i < reasons->count; i++) {
        const struct walpool__reason *reason = &reasons->list[i];

        health->reasons |= UINT32_C(1) << reason->code;
        if (!gravest || reason->verdict > gravest->verdict)
            gravest = reason;
    }
    if (!gravest)
        return;
    health->verdict = gravest->verdict;
    snprintf(text, sizeof text, "%s: %s", gravest->text, gravest->remedy);
    walpool__utf8_label(health->reason, sizeof health->reason, text,
                        strlen(text));
}

const char *
walpool__verdict_code(walpool_reason reason)
{
    static const char *const codes[] = {
#define CODE(name, code, number, meaning) [number] = code,
        WALPOOL_REASON_LIST(CODE)
#undef CODE
    };

    return codes[reason];
}
