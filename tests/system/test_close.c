/* What a close does about a WAL that a slow disk does not take in time: it ends,
 * and nothing is lost. Of one that another process keeps: see test_pinned. */
#include <stdbool.h>

#include "../../core/thread.h"
#include "../core/api.h"
#include "shimvfs.h"

enum { ROWS = 3000 };

static atomic_bool slow;
static atomic_int slow_writes;

/* Each page that is copied takes its time: all of them several seconds. */
static int
write_slowly(enum shim_call call, enum shim_file file)
{
    if (call == SHIM_WRITE && file == SHIM_DATABASE && atomic_load(&slow)) {
        atomic_fetch_add(&slow_writes, 1);
        walpool__thread_nap_us(2000);
    }
    return SQLITE_OK;
}

static void
expect_rows(int64_t rows)
{
    walpool *db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), rows);
    CHECK_INT(api_number(db, "SELECT count(*) FROM pragma_integrity_check "
                             "WHERE integrity_check = 'ok'"), 1);
    api_close(db);
}

static int64_t
wal_bytes(void)
{
    struct stat facts;
    return stat(check_path("a.db-wal"), &facts) == 0 ? facts.st_size : -1;
}

/* The checkpointer has nothing to do with what is written here: a page a row. */
static walpool *
open_with_rows(void)
{
    walpool *db = api_open("a.db", "checkpoint_frames=100000");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    CHECK_OK(api_write(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                           "SELECT i + 1 FROM n LIMIT 3000) "
                           "INSERT INTO t SELECT zeroblob(3000) FROM n"));
    return db;
}

TEST(close__leaves_to_the_next_opening_what_a_slow_disk_did_not_take)
{
    shim_watch(check_path("a.db"));
    walpool *db = open_with_rows();
    atomic_store(&slow_writes, 0);
    atomic_store(&slow, true);
    CHECK_OK(walpool_close(db, 0, &err));
    atomic_store(&slow, false);
    CHECK(wal_bytes() > ROWS * 4096);
    CHECK(atomic_load(&slow_writes) > 0);
    CHECK(atomic_load(&slow_writes) < ROWS);
    expect_rows(ROWS);
    CHECK_INT(wal_bytes(), -1);
    shim_watch(NULL);
}

TEST(close__copies_everything_where_there_is_no_deadline)
{
    shim_watch(check_path("a.db"));
    walpool *db = open_with_rows();
    atomic_store(&slow_writes, 0);
    atomic_store(&slow, true);
    CHECK_OK(walpool_close(db, 60000, &err));
    atomic_store(&slow, false);
    CHECK_INT(wal_bytes(), -1);
    CHECK(atomic_load(&slow_writes) >= ROWS);
    expect_rows(ROWS);
    shim_watch(NULL);
}

int
main(int argc, char **argv)
{
    const struct shim_hooks hooks = {.fail = write_slowly};
    if (!shim_install(&hooks))
        return 2;
    return check_main(argc, argv);
}
