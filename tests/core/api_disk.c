/* A disk that is slow, and one that fails: what calls answer, and health. */
#include "api.h"
#include "disk.h"

/* Milliseconds that surely suffice to get as far as the disk, and no further
 * while it is held. */
#define SOON 400

static walpool *db;

static const char more[] = "INSERT INTO t(v) VALUES('more')";
static const char count[] = "SELECT count(*) FROM t";

/* A database with a table, whose WAL has begun: that alone costs a sync. */
static bool
begin(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v UNIQUE)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1, 'one')"));
    bool watched = disk_watch("a.db-wal");
    if (!watched)
        api_close(db);
    return watched;
}

static walpool_call
durably(int64_t timeout_ms)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_DURABLE;
    call.timeout_ms = timeout_ms;
    return call;
}

static walpool_status
write_durably(const char *sql, int64_t timeout_ms)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = durably(timeout_ms);
    return walpool_write(db, &statement, &call, NULL, &err);
}

static walpool_status
read_durably(int64_t timeout_ms)
{
    walpool_statement statement = {.sql = count};
    walpool_call call = durably(timeout_ms);
    return walpool_read(db, &statement, &call, NULL, &err);
}

/* ---------------------------------------------------------------- it is slow */

static void *
write_and_wait(void *unused)
{
    (void)unused;
    CHECK_OK(write_durably(more, -1));
    return NULL;
}

static void *
read_and_wait(void *unused)
{
    (void)unused;
    CHECK_OK(read_durably(-1));
    return NULL;
}

/* Have a thread wait in a sync, until let_go. */
static pthread_t
hold_up(void *(*run)(void *))
{
    pthread_t thread;
    atomic_store(&disk_held, true);
    CHECK_INT(pthread_create(&thread, NULL, run, NULL), 0);
    CHECK_EVENTUALLY(atomic_load(&disk_syncs) == 1);
    return thread;
}

static void
let_go(pthread_t thread)
{
    atomic_store(&disk_held, false);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

TEST(disk__a_commit_that_waits_too_long_is_unknown)
{
    if (!begin(""))
        return;
    pthread_t thread = hold_up(write_and_wait);
    CHECK_STATUS(write_durably("INSERT INTO t(v) VALUES('late')", SOON),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_CONTAINS(err.message, "waiting for the disk");
    CHECK_INT(api_number(db, count), 3);
    let_go(thread);
    api_close(db);
}

TEST(disk__a_read_that_waits_too_long_changes_nothing_and_has_no_rows)
{
    walpool_statement statement = {.sql = count};
    walpool_call call = durably(SOON);
    walpool_rows rows;
    walpool_rows_init(&rows);
    if (!begin(""))
        return;
    pthread_t thread = hold_up(write_and_wait);
    CHECK_STATUS(walpool_read(db, &statement, &call, &rows, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, &call, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(api_health(db).readers_leased, 0);
    let_go(thread);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(disk__a_large_read_that_waits_too_long_leaves_no_cursor)
{
    walpool_statement statement = {.sql = "WITH RECURSIVE n(i) AS (VALUES(1) "
        "UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i, v FROM n, t"};
    walpool_call call = durably(SOON);
    walpool_rows rows;
    walpool_rows_init(&rows);
    if (!begin(""))
        return;
    pthread_t thread = hold_up(write_and_wait);
    CHECK_STATUS(walpool_read(db, &statement, &call, &rows, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_INT(api_health(db).readers_leased, 0);
    let_go(thread);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(disk__a_snapshot_that_waits_too_long_is_none)
{
    walpool_call call = durably(SOON);
    if (!begin(""))
        return;
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    pthread_t thread = hold_up(write_and_wait);
    CHECK_STATUS(walpool_begin(lease, &call, &err), WALPOOL_TIMEOUT);
    CHECK_STATUS(api_run(lease, count), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "begin the next one");
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(api_lease_number(lease, count), 2);
    let_go(thread);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

/* P2: who wants no durable state does not wait for the disk either. */
TEST(disk__others_get_the_reader_of_a_read_that_waits)
{
    if (!begin("readers=1"))
        return;
    pthread_t thread = hold_up(read_and_wait);
    CHECK_INT(api_number(db, count), 1);
    CHECK_INT(api_health(db).readers_leased, 0);
    let_go(thread);
    api_close(db);
}

/* The row that is in the way may be lost with the power, and then this answer
 * would be wrong. */
TEST(disk__a_durable_write_that_changes_nothing_waits_for_what_it_saw)
{
    if (!begin("durability=full"))
        return;
    pthread_t thread = hold_up(write_and_wait);
    CHECK_STATUS(write_durably("INSERT OR IGNORE INTO t(v) VALUES('more')", SOON),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    let_go(thread);
    CHECK_INT(api_number(db, count), 2);
    api_close(db);
}

static void *
close_it(void *unused)
{
    (void)unused;
    api_close(db);
    return NULL;
}

TEST(disk__close_lets_a_read_that_waits_come_to_its_end)
{
    pthread_t closer;
    if (!begin(""))
        return;
    pthread_t reader = hold_up(read_and_wait);
    CHECK_INT(pthread_create(&closer, NULL, close_it, NULL), 0);
    CHECK_EVENTUALLY(walpool_read(db, &(walpool_statement){.sql = count}, NULL,
                                  NULL, NULL) == WALPOOL_CLOSED);
    let_go(reader);
    CHECK_INT(pthread_join(closer, NULL), 0);
}

/* ------------------------------------------------------------------ it fails */

static void
fail_a_sync(void)
{
    atomic_store(&disk_error, EIO);
    CHECK_STATUS(write_durably(more, -1), WALPOOL_POISONED);
    atomic_store(&disk_error, 0);
}

TEST(disk__a_failed_sync_is_told_truthfully)
{
    if (!begin(""))
        return;
    fail_a_sync();
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_INT(err.system_errno, EIO);
    CHECK_CONTAINS(err.message, "the commit is visible");
    CHECK_INT(api_number(db, count), 2);
    CHECK_STATUS(api_write(db, more), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "close the database and open it anew");
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
               WALPOOL_POISONED);
    CHECK_INT(api_number(db, count), 2);
    api_close(db);
}

TEST(disk__a_poisoned_database_reads_on_but_vouches_for_nothing)
{
    walpool_call durable = durably(-1);
    if (!begin(""))
        return;
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(read_durably(-1));
    fail_a_sync();
    CHECK_STATUS(read_durably(-1), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "cannot tell what is on the disk");
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, &durable, &err),
               WALPOOL_POISONED);
    CHECK_STATUS(walpool_begin(lease, &durable, &err), WALPOOL_POISONED);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(api_lease_number(lease, count), 2);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_health(db).readers_leased, 0);
    api_close(db);
}

TEST(disk__a_read_finds_out_that_the_disk_fails)
{
    if (!begin(""))
        return;
    atomic_store(&disk_error, EIO);
    CHECK_STATUS(read_durably(-1), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "what was read may not survive");
    atomic_store(&disk_error, 0);
    CHECK_STATUS(api_write(db, more), WALPOOL_POISONED);
    api_close(db);
}

CHECK_MAIN()
