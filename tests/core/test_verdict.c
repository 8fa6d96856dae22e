/* verdict: one row for each reason, at its edges and in its words. */
#include "verdict.h"

#include "check.h"

static walpool_health is;
static struct walpool__facts facts;
static struct walpool__reasons reasons;
static walpool_health told;

/* A database that is in the middle of its work. */
static void
set_up(void)
{
    is = (walpool_health){.readers_limit = 4,
                          .readers_leased = 4,
                          .reader_waiters = 3,
                          .writer_leased = 1,
                          .writer_waiters = 7,
                          .turns = 1,
                          .errors = 12,
                          .timeouts = 5,
                          .leases_overdue = 3,
                          .dirty_leases = 2,
                          .checkpoints = 100,
                          .checkpoint_failures = 4,
                          .wal_frames = 10000,
                          .wal_frames_checkpointed = 9000,
                          .pin_frames = -1,
                          .disk_free_bytes = INT64_C(1) << 40};
    facts = (struct walpool__facts){.is = &is,
                                    .threshold = 1000,
                                    .poison = "",
                                    .poison_remedy = "see to it",
                                    .oldest = "the oldest is out, by report",
                                    .overdue = "the oldest is out, by report",
                                    .pinner = "process 12 (job)",
                                    .blocker = "process 13 (import) writes",
                                    .others = "libother.so",
                                    .fs_type = "fuse.mine",
                                    .readers_stuck_us = 999999,
                                    .writer_stuck_us = 999999,
                                    .dirty_us = 60000000};
}

static void
judge(void)
{
    memset(&told, 0, sizeof told);
    walpool__verdict_judge(&facts, &reasons);
    walpool__verdict_tell(&reasons, &told);
}

/* That is the only reason, with this verdict and these words. */
static void
check_only(walpool_reason code, walpool_verdict verdict, const char *words)
{
    judge();
    CHECK_INT(reasons.count, 1);
    CHECK_INT(reasons.list[0].code, code);
    CHECK_INT(reasons.list[0].verdict, verdict);
    CHECK_CONTAINS(reasons.list[0].text, words);
    CHECK(strlen(reasons.list[0].remedy) > 5);
    CHECK_INT(told.verdict, verdict);
    CHECK_INT(told.reasons, 1 << code);
    CHECK_CONTAINS(told.reason, words);
    CHECK_CONTAINS(told.reason, reasons.list[0].remedy);
    set_up();
}

static void
check_ok(void)
{
    judge();
    CHECK_INT(reasons.count, 0);
    CHECK_INT(told.verdict, WALPOOL_HEALTH_OK);
    CHECK_INT(told.reasons, 0);
    CHECK_STR(told.reason, "");
    set_up();
}

TEST(verdict__is_ok_while_all_are_busy_and_some_have_failed)
{
    set_up();
    check_ok();
}

TEST(verdict__tells_each_reason_from_its_limit_on)
{
    const walpool_verdict degraded = WALPOOL_HEALTH_DEGRADED;
    const walpool_verdict failing = WALPOOL_HEALTH_FAILING;
    set_up();
    facts.poison = "a sync of the WAL failed";
    check_only(WALPOOL_REASON_POISONED, failing, "a sync of the WAL failed");
    is.lost_locks = 1;
    check_only(WALPOOL_REASON_LOST_LOCK, failing, "lost: 1");
    facts.beyond = true;
    check_only(WALPOOL_REASON_WAL_BROKEN, failing, "9000 of 10000");
    facts.failures = 1;
    facts.failure_status = WALPOOL_FULL;
    check_only(WALPOOL_REASON_CHECKPOINT_FAILING, degraded, "WALPOOL_FULL");
    facts.failures = 3;
    check_only(WALPOOL_REASON_CHECKPOINT_FAILING, failing, "last 3");
    facts.failures = 1;
    is.checkpoints = 0;
    check_only(WALPOOL_REASON_CHECKPOINT_FAILING, failing, "last 1");
    is.disk_free_bytes = (64 << 20) - 1;
    check_only(WALPOOL_REASON_DISK_LOW, degraded, "65535 KiB");
    is.disk_free_bytes = (4 << 20) - 1;
    check_only(WALPOOL_REASON_DISK_LOW, failing, "4095 KiB");
    facts.writer_stuck_us = 1000000;
    check_only(WALPOOL_REASON_WRITER_STUCK, degraded,
               "process 13 (import) writes");
    facts.readers_stuck_us = 1000000;
    check_only(WALPOOL_REASON_READER_EXHAUSTED, degraded, "by report");
    is.leases_long = 1;
    check_only(WALPOOL_REASON_LEASE_OVERDUE, degraded, "by report");
    is.turns = 0;
    check_only(WALPOOL_REASON_NO_TURNS, degraded, "do not take turns");
    facts.dirty_us = 59999999;
    check_only(WALPOOL_REASON_DIRTY_LEASES, degraded, "2 so far");
    is.second_sqlite = 1;
    check_only(WALPOOL_REASON_SECOND_SQLITE, degraded, "of libother.so");
    is.fs_class = WALPOOL_FS_FUSE;
    check_only(WALPOOL_REASON_RISKY_FS, degraded, "fuse.mine");
    is.fs_class = WALPOOL_FS_NETWORK;
    check_only(WALPOOL_REASON_RISKY_FS, degraded, "fuse.mine");
    is.fs_class = WALPOOL_FS_OVERLAY;
    check_ok();
    is.wal_over_ceiling = 1;
    facts.ceiling = "process 14 keeps it";
    check_only(WALPOOL_REASON_WAL_CEILING, degraded, "process 14");
    is.wal_over_ceiling = 1;
    facts.ceiling = "process 14 keeps it";
    facts.refuses = true;
    check_only(WALPOOL_REASON_WAL_CEILING, failing, "writes are refused");
}

TEST(verdict__tells_a_long_WAL_and_who_keeps_it)
{
    set_up();
    is.wal_frames = 19001;
    check_only(WALPOOL_REASON_WAL_LONG, WALPOOL_HEALTH_DEGRADED,
               "10001 frames");
    is.wal_frames = 19000;
    check_ok();
    is.pin_frames = 17;
    check_ok(); /* of a WAL that is not long */
    is.pin_frames = 17;
    is.wal_frames = 10001;
    check_only(WALPOOL_REASON_WAL_PINNED, WALPOOL_HEALTH_DEGRADED,
               "process 12 (job) keeps it from frame 17 on");
    is.pin_frames = 17;
    is.pin_age_us = 5000;
    is.wal_frames = 10001;
    check_only(WALPOOL_REASON_WAL_PINNED, WALPOOL_HEALTH_DEGRADED,
               "by report");
}

TEST(verdict__does_not_ask_a_read_only_database_for_what_it_cannot_have)
{
    set_up();
    facts.readonly = true;
    is.turns = 0;
    is.disk_free_bytes = 0;
    check_ok();
    is.disk_free_bytes = -1; /* not known */
    check_ok();
}

TEST(verdict__puts_the_gravest_first_into_words_and_keeps_all)
{
    set_up();
    is.turns = 0;
    is.leases_long = 2;
    facts.failures = 5;
    facts.dirty_us = 0;
    judge();
    CHECK_INT(reasons.count, 4);
    CHECK_INT(told.verdict, WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(told.reason, "last 5 checkpoints");
    CHECK_INT(told.reasons, 1 << WALPOOL_REASON_NO_TURNS |
                                1 << WALPOOL_REASON_LEASE_OVERDUE |
                                1 << WALPOOL_REASON_CHECKPOINT_FAILING |
                                1 << WALPOOL_REASON_DIRTY_LEASES);
    facts.failures = 0;
    judge();
    CHECK_INT(told.verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(told.reason, "by report");
}

TEST(verdict__cuts_long_words_between_characters)
{
    char name[400];
    set_up();
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(&name[i], "\xc3\xa4", 3);
    facts.overdue = name;
    is.leases_long = 1;
    judge();
    CHECK(strlen(told.reason) >= sizeof told.reason - 2);
    CHECK((unsigned char)told.reason[strlen(told.reason) - 1] == 0xa4);
}

TEST(verdict__has_a_code_for_each_reason)
{
#define CODE(name, code, number, meaning)                        \
    CHECK_STR(walpool__verdict_code(WALPOOL_REASON_##name), code); \
    CHECK_INT(WALPOOL_REASON_##name, number);
    WALPOOL_REASON_LIST(CODE)
#undef CODE
}

CHECK_MAIN()
