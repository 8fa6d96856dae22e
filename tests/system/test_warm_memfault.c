/* Every allocation of reads from a snapshot that stays fails, ours and
 * SQLite's, one after the other: a read says NOMEM or is true, nothing leaks,
 * and no snapshot stays that nobody looks after. Each round has a database of
 * its own, whose reader is not open yet. */
#include "../core/fault.h"
#include "warm.h"

enum { READS = 4 };

/* Returns how many rounds said nothing of what had failed: all reads worked. */
static int
sweep(enum fault_kind kind)
{
    int silent = 0;
    FAULT_EACH(kind, fault) {
        int failed = 0;
        warm_begin(20000);
        fault_arm(&fault);
        for (int i = 0; i < READS; i++) {
            walpool_status status = warm_read();
            failed += status != WALPOOL_OK;
            if (status != WALPOOL_OK)
                CHECK_STATUS(status, WALPOOL_NOMEM);
            CHECK(warm_is_looked_after());
        }
        fault_disarm(&fault);
        CHECK(failed == 0 || fault.struck);
        silent += fault.struck && failed == 0;
        warm_end();
    }
    return silent;
}

/* As if there were no thread to be had for the sweeper: nothing stays, and no
 * read fails. */
TEST(warm__survives_that_ours_fail)
{
    warm_learn();
    CHECK(sweep(FAULT_OURS) > 0);
}

TEST(warm__survives_that_those_of_SQLite_fail)
{
    if (fault_real.xMalloc == NULL) {
        check_skip("this SQLite cannot fail");
        return;
    }
    warm_learn();
    sweep(FAULT_SQLITE);
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
