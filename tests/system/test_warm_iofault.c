/* Every call of SQLite to the disk fails, one after the other, while a snapshot
 * is taken to stay, is read, is found old and is taken anew: a read says clearly
 * what failed or is true, and the next works. */
#include "iofault.h"
#include "warm.h"

static struct iofault *now;

/* Before and after a commit of another program: so the first reads take a
 * snapshot to stay, and the second find it old. */
static void
read_under_fault(void)
{
    for (int i = 0; i < 3; i++) {
        walpool_status status = warm_read();
        if (status != WALPOOL_OK)
            iofault_expect_clear(now, status);
        CHECK(warm_is_looked_after());
    }
}

static void
insert_plainly(sqlite3 *plain)
{
    CHECK_INT(sqlite3_exec(plain, "INSERT INTO t VALUES (2)", NULL, NULL, NULL),
              SQLITE_OK);
    warm_state.rows++;
}

static void
sweep(enum iofault_kind kind, bool lasts, bool renews)
{
    IOFAULT_EACH(fault, kind, lasts) {
        sqlite3 *plain;
        now = &fault;
        warm_begin(kind == IOFAULT_BUSY ? 60 : 20000);
        CHECK_INT(sqlite3_open(warm_state.path, &plain), SQLITE_OK);
        sqlite3_busy_timeout(plain, 20000);
        insert_plainly(plain);
        if (renews) {
            warm_up();
            insert_plainly(plain);
        }
        iofault_arm(now);
        read_under_fault();
        iofault_disarm();
        CHECK_INT(sqlite3_close(plain), SQLITE_OK);
        warm_end();
    }
}

static void
sweep_all(bool renews)
{
    warm_learn();
    shim_watch(warm_state.path);
    for (int kind = IOFAULT_ERROR; kind <= IOFAULT_BUSY; kind++)
        for (int lasts = 0; lasts < 2; lasts++)
            sweep((enum iofault_kind)kind, lasts, renews);
}

TEST(warm__first_snapshot_meets_every_failure)
{
    sweep_all(false);
}

TEST(warm__next_snapshot_meets_every_failure)
{
    sweep_all(true);
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
