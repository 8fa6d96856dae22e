/* Every allocation of a write fails, ours and SQLite's, one after the other:
 * the call says NOMEM, what it says about its outcome is true of the file,
 * nothing leaks, and the next write works. Each round has a database of its
 * own. tests/core/test_fault.c does the same to all other calls. */
#include "../core/fault.h"
#include "ways.h"

static void
sweep(const struct way *way, bool full, enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        char name[60];
        snprintf(name, sizeof name, "allocation %ld of %s", fault.nth,
                 kind == FAULT_OURS ? "ours" : "SQLite's");
        ways_begin(way, full, 20000);
        fault_arm(&fault);
        walpool_status status = way->run();
        fault_disarm(&fault);
        if (status != WALPOOL_OK) {
            CHECK(fault.struck);
            CHECK_STATUS(status, WALPOOL_NOMEM);
            CHECK_INT(err.status, WALPOOL_NOMEM);
            CHECK_CONTAINS(err.message, " ");
        }
        int64_t rows = ways_compare(way, status, name);
        CHECK_OK(api_write(ways_db, "INSERT INTO t VALUES (1000, 1)"));
        ways_end(rows + 1);
    }
}

static void
sweep_all(const struct way *way)
{
    ways_warm_up();
    for (int full = 0; full < 2; full++) {
        sweep(way, full, FAULT_OURS);
        if (fault_real.xMalloc != NULL)
            sweep(way, full, FAULT_SQLITE);
    }
}

#define SWEEP(name, ...)                             \
    TEST(memfault__in_##name)                        \
    {                                                \
        static const struct way way = {__VA_ARGS__}; \
        sweep_all(&way);                             \
    }
WAYS(SWEEP)

/* All frames are in the WAL when this fails: a crash would find the commit. */
TEST(memfault__in_a_commit_that_extends_the_wal_index)
{
    static const struct way way = {.run = ways_batch, .rows = 2,
                                   .extends = true};
    if (fault_real.xMalloc == NULL) {
        check_skip("this SQLite cannot fail");
        return;
    }
    ways_warm_up();
    sweep(&way, false, FAULT_SQLITE);
}

/* Most of it is copied beside writers, the rest with the writer in hand. */
static walpool_status
checkpoint(void)
{
    return walpool_checkpoint(ways_db, WALPOOL_RESTART, NULL, NULL, &err);
}

TEST(memfault__in_a_checkpoint)
{
    static const struct way way = {.run = checkpoint, .pending = true};
    sweep_all(&way);
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!fault_install())
        fault_real.xMalloc = NULL;
    fault_all = true;
    return check_main(argc, argv);
}
