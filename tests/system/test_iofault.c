/* Every call of SQLite to the disk fails, one after the other: the call of
 * walpool says so clearly, what it says about its outcome is true of the file,
 * nothing leaks, and the next write works or is refused because a sync failed.
 * Each round has a database of its own. */
#include "iofault.h"
#include "ways.h"

static struct iofault *now;

#define HOLDS(holds) IOFAULT_HOLDS(now, holds)

/* The next write works, or a sync has failed. */
static int64_t
write_next(int64_t rows)
{
    walpool_status status = api_write(ways_db, "INSERT INTO t VALUES (1000, 1)");
    if (status == WALPOOL_OK) {
        HOLDS(!iofault_was_sync(now));
        return rows + 1;
    }
    HOLDS(status == WALPOOL_POISONED && iofault_was_sync(now));
    HOLDS(err.outcome == WALPOOL_NOT_APPLIED && err.system_errno == EIO);
    CHECK_INT(api_health(ways_db).verdict, WALPOOL_HEALTH_FAILING);
    return rows;
}

static void
sweep(const struct way *way, bool full, enum iofault_kind kind, bool lasts)
{
    IOFAULT_EACH(fault, kind, lasts) {
        now = &fault;
        ways_begin(way, full, kind == IOFAULT_BUSY ? 60 : 20000);
        iofault_arm(now);
        walpool_status status = way->run();
        iofault_disarm();
        if (way->reads && kind == IOFAULT_BUSY && status == WALPOOL_STALE)
            HOLDS(err.sqlite_code == SQLITE_BUSY);
        else if (status != WALPOOL_OK)
            iofault_expect_clear(now, status);
        ways_end(write_next(ways_compare(way, status, iofault_name(now))));
    }
}

static void
sweep_all(const struct way *way)
{
    ways_warm_up();
    shim_watch(ways_path);
    for (int full = 0; full < 2; full++)
        for (int kind = IOFAULT_ERROR; kind <= IOFAULT_BUSY; kind++)
            for (int lasts = 0; lasts < 2; lasts++)
                sweep(way, full, (enum iofault_kind)kind, lasts);
}

#define SWEEP(name, ...)                              \
    TEST(iofault__in_##name)                          \
    {                                                 \
        static const struct way way = {__VA_ARGS__};  \
        sweep_all(&way);                              \
    }
WAYS(SWEEP)

/* All frames are in the WAL when this fails: a crash would find the commit. */
TEST(iofault__in_a_commit_that_extends_the_wal_index)
{
    static const struct way way = {.run = ways_batch, .rows = 2,
                                   .extends = true};
    ways_warm_up();
    shim_watch(ways_path);
    sweep(&way, false, IOFAULT_ERROR, false);
}

/* Its descriptors, its locks or its pages may be what failed. One that cannot be
 * opened is none. */
static void
read_under_fault(enum iofault_kind kind, bool *replaced)
{
    static const struct way way = {.alone = true};
    IOFAULT_EACH(fault, kind, false) {
        now = &fault;
        ways_begin(&way, false, 20000);
        CHECK_INT(api_number(ways_db, "SELECT length(v) FROM t"), 9000);
        CHECK_INT(api_health(ways_db).readers_open, 1);
        CHECK_OK(api_write(ways_db, "UPDATE t SET v = zeroblob(8000)"));
        iofault_arm(now);
        walpool_statement ask = {.sql = "SELECT length(v) FROM t"};
        walpool_status status = walpool_read(ways_db, &ask, NULL, NULL, &err);
        iofault_disarm();
        if (status != WALPOOL_OK)
            iofault_expect_clear(now, status);
        HOLDS(api_health(ways_db).readers_open == (status == WALPOOL_OK));
        *replaced |= status == WALPOOL_IO;
        CHECK_INT(api_number(ways_db, "SELECT length(v) FROM t"), 8000);
        CHECK_INT(api_health(ways_db).readers_open, 1);
        ways_end(0);
    }
}

TEST(iofault__has_a_reader_opened_anew_whose_read_failed)
{
    bool replaced = false;
    ways_warm_up();
    shim_watch(ways_path);
    read_under_fault(IOFAULT_ERROR, &replaced);
    CHECK(replaced);
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!iofault_install())
        return 2;
    return check_main(argc, argv);
}
