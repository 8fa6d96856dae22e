/* Every allocation fails once, ours and SQLite's, while a reader that was closed
 * because nobody used it is opened again: the call says NOMEM or works, the next
 * works, and nothing leaks. */
#include "../core/api.h"
#include "../core/fault.h"
#include "../core/leaks.h"
#include "db.h"
#include "plain.h"

static walpool *db;

static struct walpool__pool *
pool(void)
{
    walpool_status status;
    struct walpool__db *found =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, db, &err, &status);
    CHECK_INT(status, WALPOOL_OK);
    walpool__handle_unpin(db); /* the handle keeps it open */
    return &found->pool;
}

/* Both readers at once. */
static walpool_status
use_both(void)
{
    walpool_statement statement = {.sql = "SELECT n FROM t"};
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, NULL, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = walpool_read(db, &statement, NULL, NULL, &err);
    CHECK_INT(walpool_release(lease, NULL), WALPOOL_OK);
    return status;
}

/* One of its readers was closed, and from now on both stay. */
static void
begin(void)
{
    db = api_open("a.db", "readers=2&snapshot_keep=0");
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t AS SELECT 7 AS n"));
    pool()->idle_ns = 1;
    CHECK_OK(use_both());
    CHECK_EVENTUALLY(walpool__pool_open_count(pool()) == 1);
    walpool__sweeper_stop(&pool()->sweeper);
    pool()->idle_ns = INT64_C(3600000000000);
}

static void
round_of(struct fault *fault)
{
    long blocks = leaks_blocks();
    int64_t memory = sqlite3_memory_used();
    int descriptors = plain_descriptors();
    begin();
    fault_arm(fault);
    walpool_status status = use_both();
    fault_disarm(fault);
    if (status != WALPOOL_OK)
        CHECK_STATUS(status, WALPOOL_NOMEM);
    CHECK(status == WALPOOL_OK || fault->struck);
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_OK(use_both());
    CHECK_INT(api_health(db).readers_open, 2);
    api_close(db);
    CHECK_INT(leaks_blocks(), blocks);
    CHECK_INT(sqlite3_memory_used(), memory);
    CHECK_INT(plain_descriptors(), descriptors);
    alarm(CHECK_SECONDS);
}

/* What walpool and SQLite keep for as long as the program runs is no leak. */
static void
sweep(enum fault_kind kind)
{
    begin();
    api_close(db);
    FAULT_EACH(kind, fault)
        round_of(&fault);
}

TEST(idle__survives_that_ours_fail)
{
    sweep(FAULT_OURS);
}

TEST(idle__survives_that_those_of_SQLite_fail)
{
    if (fault_real.xMalloc == NULL)
        check_skip("this SQLite cannot fail");
    else
        sweep(FAULT_SQLITE);
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!fault_install())
        fault_real.xMalloc = NULL;
    return check_main(argc, argv);
}
