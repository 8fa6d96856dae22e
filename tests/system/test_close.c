/* What a close does about a WAL that a slow disk does not take in time: it ends,
 * and nothing is lost. Of one that another process keeps: see test_pinned. */
#include <stdbool.h>

#include "../../core/thread.h"
#include "../core/api.h"
#include "shimvfs.h"

enum { ROWS = 3000, SLOW = 1500 };

static atomic_int slow_us; /* what a page takes that is copied */
static atomic_int slow_writes;

static void
be_slow(int us)
{
    atomic_store(&slow_writes, 0);
    atomic_store(&slow_us, us);
}

static int
write_slowly(enum shim_call call, enum shim_file file)
{
    int us = atomic_load(&slow_us);
    if (call == SHIM_WRITE && file == SHIM_DATABASE && us > 0) {
        atomic_fetch_add(&slow_writes, 1);
        walpool__thread_nap_us(us);
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

/* A page a row. */
static void
insert(walpool *db, int rows)
{
    char sql[160];
    snprintf(sql, sizeof sql, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
             "SELECT i + 1 FROM n LIMIT %d) "
             "INSERT INTO t SELECT zeroblob(3000) FROM n", rows);
    CHECK_OK(api_write(db, sql));
}

/* The checkpointer has nothing to do with what is written here. */
static walpool *
open_with_rows(void)
{
    walpool *db = api_open("a.db", "checkpoint_frames=100000");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    insert(db, ROWS);
    return db;
}

TEST(close__leaves_to_the_next_opening_what_a_slow_disk_did_not_take)
{
    shim_watch(check_path("a.db"));
    walpool *db = open_with_rows();
    be_slow(SLOW);
    CHECK_OK(walpool_close(db, 0, &err));
    atomic_store(&slow_us, 0);
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
    be_slow(SLOW);
    CHECK_OK(walpool_close(db, 60000, &err));
    atomic_store(&slow_us, 0);
    CHECK_INT(wal_bytes(), -1);
    CHECK(atomic_load(&slow_writes) >= ROWS);
    expect_rows(ROWS);
    shim_watch(NULL);
}

/* A run of the checkpointer is in the middle of it. */
static void
close_amid_a_run(int rows, int64_t timeout_ms)
{
    walpool *db = api_open("a.db", "checkpoint_frames=100");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    be_slow(rows < ROWS ? 10 * SLOW : SLOW);
    insert(db, rows);
    CHECK_EVENTUALLY(atomic_load(&slow_writes) > 0);
    CHECK_OK(walpool_close(db, timeout_ms, &err));
    atomic_store(&slow_us, 0);
}

TEST(close__breaks_off_what_the_checkpointer_copies)
{
    shim_watch(check_path("a.db"));
    close_amid_a_run(ROWS, 0);
    CHECK(wal_bytes() > ROWS * 4096);
    CHECK(atomic_load(&slow_writes) < ROWS);
    expect_rows(ROWS);
    CHECK_INT(wal_bytes(), -1);
    shim_watch(NULL);
}

/* So few that they are copied with the writer in hand. */
TEST(close__breaks_off_what_the_checkpointer_copies_at_last)
{
    shim_watch(check_path("a.db"));
    close_amid_a_run(200, 0);
    CHECK(atomic_load(&slow_writes) < 200);
    CHECK(wal_bytes() > 200 * 4096);
    expect_rows(200);
    shim_watch(NULL);
}

TEST(close__lets_the_checkpointer_end_where_there_is_time)
{
    shim_watch(check_path("a.db"));
    close_amid_a_run(ROWS, 60000);
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
