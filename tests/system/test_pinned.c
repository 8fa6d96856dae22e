/* Somebody else's snapshot: a plain SQLite process pins the WAL, and checkpoint,
 * health and refused writes name it. And what a checkpoint that waits for it
 * leaves to other writers. */
#include <stdbool.h>

#include "../../core/db.h"
#include "../core/inside.h"
#include "child.h"
#include "plain.h"

static const char row[] = "INSERT INTO t VALUES(zeroblob(3000))";

/* A process that knows nothing of walpool reads, and stays in its snapshot. */
static void
pin_as_plain_SQLite(int unused)
{
    sqlite3 *plain;
    (void)unused;
    child_wait();
    CHECK_INT(sqlite3_open(check_path("a.db"), &plain), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    child_tell(plain_number(plain, "SELECT count(*) FROM t"));
    child_wait();
    CHECK_INT(sqlite3_exec(plain, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    child_tell(0);
}

static walpool *
open_small(const char *policy)
{
    char options[200];
    snprintf(options, sizeof options,
             "checkpoint_frames=10&wal_ceiling_frames=20&reader_gate=10&"
             "wal_ceiling_policy=%s", policy);
    walpool *db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(b)"));
    return db;
}

static void
names(const char *text, pid_t pid)
{
    char process[40];
    snprintf(process, sizeof process, "process %d (", (int)pid);
    CHECK_CONTAINS(text, process);
    CHECK_CONTAINS(text, "keeps a snapshot at frame ");
}

TEST(pinned__a_foreign_process_is_named_by_its_id)
{
    walpool_checkpoint_result result;
    struct child child = child_start(pin_as_plain_SQLite, 0);
    walpool *db = open_small("warn");
    CHECK_OK(api_write(db, row));
    int64_t frames = api_health(db).wal_frames;
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 1);
    CHECK_OK(api_write(db, row));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    CHECK_INT(result.pinned_pid, child.pid);
    CHECK_INT(result.pinned_frame, frames);
    CHECK_STR(result.pinned_why, "");
    for (int i = 0; i < 10; i++) /* less than ten thresholds */
        CHECK_OK(api_write(db, row));
    CHECK_EVENTUALLY(api_health(db).wal_over_ceiling == 1);
    names(api_health(db).reason, child.pid);
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 0);
    CHECK_EVENTUALLY(api_health(db).wal_over_ceiling == 0);
    child_join(&child);
    api_close(db);
}

TEST(pinned__writes_that_are_refused_name_the_foreign_process)
{
    static const char *const policies[] = {"fail", "backpressure"};
    for (int i = 0; i < 2; i++) {
        struct child child = child_start(pin_as_plain_SQLite, 0);
        walpool *db = open_small(policies[i]);
        walpool_statement statement = {.sql = row};
        walpool_call call = WALPOOL_CALL_INIT;
        call.timeout_ms = 0;
        CHECK_OK(api_write(db, row));
        child_go_on(&child);
        child_hear(&child);
        CHECK_EVENTUALLY(
            walpool_write(db, &statement, &call, NULL, &err) != WALPOOL_OK &&
            (err.status == WALPOOL_CEILING ||
             err.phase == WALPOOL_PHASE_CEILING));
        CHECK_INT(err.status, i ? WALPOOL_TIMEOUT : WALPOOL_CEILING);
        names(err.message, child.pid);
        child_go_on(&child);
        CHECK_INT(child_hear(&child), 0);
        call.timeout_ms = 20000;
        CHECK_EVENTUALLY(walpool_write(db, &statement, &call, NULL, &err) ==
                         WALPOOL_OK);
        child_join(&child);
        api_close(db);
    }
}

/* It cannot be interrupted, and our own readers that are not the farthest behind
 * would be ended for nothing. */
TEST(pinned__a_foreign_process_is_only_named_by_interrupt)
{
    struct child child = child_start(pin_as_plain_SQLite, 0);
    walpool *db = open_small("interrupt");
    child_go_on(&child);
    child_hear(&child);
    CHECK_OK(api_write(db, row));
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    for (int i = 0; i < 10; i++) /* less than ten thresholds */
        CHECK_OK(api_write(db, row));
    CHECK_EVENTUALLY(api_health(db).wal_over_ceiling == 1);
    names(api_health(db).reason, child.pid);
    int64_t runs = api_health(db).checkpoints;
    CHECK_EVENTUALLY(api_health(db).checkpoints >= runs + 2);
    CHECK(api_lease_number(lease, "SELECT count(*) FROM t") > 0);
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 0);
    CHECK_EVENTUALLY(api_run(lease, "SELECT 1") == WALPOOL_STALE);
    CHECK_OK(walpool_release(lease, &err));
    child_join(&child);
    api_close(db);
}

static bool
is_at_work(walpool *handle)
{
    walpool_status status;
    struct walpool__db *db =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, &err, &status);
    CHECK(db != NULL);
    walpool__mutex_lock(&db->checkpointer.mutex);
    bool at_work = db->checkpointer.at_work;
    walpool__mutex_unlock(&db->checkpointer.mutex);
    walpool__handle_unpin(handle);
    return at_work;
}

/* The clock stands still: a gate would stay shut until the reader goes. */
TEST(pinned__no_gate_is_shut_where_a_foreign_process_stays)
{
    struct child child = child_start(pin_as_plain_SQLite, 0);
    inside_stop_clock();
    walpool *db = open_small("warn");
    child_go_on(&child);
    child_hear(&child);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(zeroblob(40000))"));
    CHECK_EVENTUALLY(api_health(db).checkpoints == 1 && !is_at_work(db));
    atomic_fetch_add(&inside_time_ns, 1000000000);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(api_write(db, row));
    CHECK_EVENTUALLY(api_health(db).checkpoints == 2 && !is_at_work(db));
    CHECK_INT(api_health(db).reader_gates, 0);
    CHECK_OK(walpool_release(lease, &err));
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 0);
    child_join(&child);
    api_close(db);
    walpool__clock_replace(NULL);
}

static walpool *waiting;
static walpool_checkpoint_result waited;

static void *
truncate_and_wait(void *unused)
{
    walpool_call call = WALPOOL_CALL_INIT;
    (void)unused;
    call.timeout_ms = 20000;
    CHECK_OK(walpool_checkpoint(waiting, WALPOOL_TRUNCATE, &call, &waited,
                                &err));
    return NULL;
}

/* The other process gets SQLite's write lock without a busy handler, so each
 * attempt that met it held would fail. A run takes it for moments, and SQLite
 * answers BUSY then: those are tried again, and all of them go through. */
static void
write_beside(int count)
{
    sqlite3 *plain;
    child_wait();
    CHECK_INT(sqlite3_open(check_path("a.db"), &plain), SQLITE_OK);
    sqlite3_busy_timeout(plain, 5000);
    for (int i = 0; i < count; i++)
        CHECK_INT(sqlite3_exec(plain, row, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    child_tell(count);
}

TEST(pinned__another_process_writes_while_TRUNCATE_waits_for_a_reader)
{
    pthread_t thread;
    struct child child = child_start(write_beside, 300);
    waiting = api_open("a.db", "");
    CHECK_OK(api_write(waiting, "CREATE TABLE t(b)"));
    walpool_lease *lease = api_acquire(waiting, WALPOOL_READ);
    int64_t runs = api_health(waiting).checkpoints;
    CHECK_OK(api_write(waiting, row));
    CHECK_INT(pthread_create(&thread, NULL, truncate_and_wait, NULL), 0);
    CHECK_EVENTUALLY(api_health(waiting).checkpoints > runs);
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 300); /* the reader is still there */
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 0);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(waited.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(api_health(waiting).wal_bytes, 0);
    CHECK_INT(api_number(waiting, "SELECT count(*) FROM t"), 301);
    child_join(&child);
    api_close(waiting);
}

/* ---------------------------------------------------------------- at close */

static int64_t
wal_bytes(void)
{
    struct stat facts;
    return stat(check_path("a.db-wal"), &facts) == 0 ? (int64_t)facts.st_size
                                                     : -1;
}

static void
stay_open(int unused)
{
    sqlite3 *plain;
    (void)unused;
    child_wait();
    CHECK_INT(sqlite3_open(check_path("a.db"), &plain), SQLITE_OK);
    child_tell(plain_number(plain, "SELECT count(*) FROM t"));
    child_wait();
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    child_tell(0);
}

TEST(pinned__a_close_truncates_beside_a_process_that_is_idle)
{
    struct child child = child_start(stay_open, 0);
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    CHECK_OK(api_write(db, row));
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 1);
    api_close(db);
    CHECK_INT(wal_bytes(), 0);
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 0);
    child_join(&child);
}

/* It must not wait for it: the WAL is left, whole, and the other one finds all
 * of it. */
TEST(pinned__a_close_leaves_the_WAL_that_another_process_reads)
{
    struct child child = child_start(pin_as_plain_SQLite, 0);
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    CHECK_OK(api_write(db, row));
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 1);
    CHECK_OK(api_write(db, row));
    CHECK_OK(walpool_close(db, 0, &err));
    CHECK(wal_bytes() > 0);
    CHECK_INT(plain_rows(check_path("a.db")), 1); /* two, but for the one not counted */
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 0);
    child_join(&child);
    CHECK_INT(plain_rows(check_path("a.db")), 1);
}

CHECK_MAIN()
