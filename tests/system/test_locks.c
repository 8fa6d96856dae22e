/* Lost locks: what a stray close() of a file of the database does to programs
 * that use SQLite by itself, and that it does no harm to a walpool database. */
#include <fcntl.h>
#include <sqlite3.h>

#include "child.h"
#include "shimvfs.h"

static void
rogue_close(const char *name)
{
    int fd = open(check_path(name), O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
}

/* ------------------------------------------------ a program without walpool */

static sqlite3 *
raw_open(void)
{
    sqlite3 *db = NULL;
    CHECK_INT(sqlite3_open(check_path("a.db"), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static int
raw_exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int64_t
raw_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *query = NULL;
    int64_t answer = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW)
        answer = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return answer;
}

static void
make_table(void)
{
    sqlite3 *db = raw_open();
    CHECK_INT(raw_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE t(v)"),
              SQLITE_OK);
    sqlite3_close(db);
}

/* The other process: has the file open, then begins, reports whether it is in,
 * and commits its row when told. */
static void
write_beside(int number)
{
    sqlite3 *db = raw_open();
    (void)number;
    sqlite3_busy_timeout(db, 0);
    child_tell(raw_exec(db, "INSERT INTO t VALUES ('first')"));
    child_wait();
    child_tell(raw_exec(db, "BEGIN IMMEDIATE; INSERT INTO t VALUES ('other')"));
    child_wait();
    child_tell(raw_exec(db, "COMMIT"));
    child_wait();
    sqlite3_close(db);
}

/* The other process: opens the file, reads, closes it, each time it is told. */
static void
come_and_go(int number)
{
    (void)number;
    for (;;) {
        child_wait();
        sqlite3 *db = raw_open();
        int64_t count = raw_number(db, "SELECT count(*) FROM t");
        sqlite3_close(db);
        child_tell(count);
    }
}

/* Two processes, each in a write transaction, each told that it committed; but
 * the second has written over what the first wrote. */
TEST(locks__that_are_lost_let_two_processes_of_plain_SQLite_write_at_once)
{
    make_table();
    struct child other = child_start(write_beside, 0);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    sqlite3 *db = raw_open();
    CHECK_INT(raw_exec(db, "BEGIN IMMEDIATE; INSERT INTO t VALUES ('own')"),
              SQLITE_OK);
    rogue_close("a.db-shm");
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    CHECK_INT(raw_exec(db, "COMMIT"), SQLITE_OK);
    CHECK_INT(raw_number(db, "SELECT count(*) FROM t WHERE v = 'other'"), 0);
    child_go_on(&other);
    child_join(&other);
    sqlite3_close(db);
}

/* Another process closes the file, takes itself for the last one, and removes
 * the WAL that is still written to. */
TEST(locks__that_are_lost_let_plain_SQLite_commit_to_a_file_that_is_gone)
{
    if (sqlite3_libversion_number() >= 3051000) {
        check_skip("this SQLite sees that others use the WAL");
        return;
    }
    make_table();
    struct child other = child_start(come_and_go, 0);
    sqlite3 *db = raw_open();
    CHECK_INT(raw_exec(db, "INSERT INTO t VALUES (1)"), SQLITE_OK);
    rogue_close("a.db");
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    CHECK_INT(raw_exec(db, "INSERT INTO t VALUES (2)"), SQLITE_OK);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    child_kill(&other);
    sqlite3_close(db);
}

/* ------------------------------------------------------------ the database */

static const walpool_statement insert = {.sql = "INSERT INTO t VALUES ('own')"};

/* Whatever writes is refused, and whatever reads goes on. */
static void
check_poisoned(walpool *db, const char *lock)
{
    CHECK_STATUS(walpool_write(db, &insert, NULL, NULL, &err),
                 WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, lock);
    CHECK_CONTAINS(err.message, "howtocorrupt.html");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_STATUS(walpool_batch(db, &insert, 1, NULL, NULL, NULL, &err),
                 WALPOOL_POISONED);
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
               WALPOOL_POISONED);
    CHECK(api_number(db, "SELECT count(*) FROM t") >= 0);
    walpool_health health = api_health(db);
    CHECK(health.lost_locks >= 1);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(health.reason, lock);
}

/* Opened anew, it is whole, and can be written again. */
static void
check_whole(int64_t rows)
{
    walpool *db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), rows);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
    CHECK_INT(api_health(db).lost_locks, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(locks__that_are_lost_in_a_transaction_undo_it)
{
    make_table();
    struct child other = child_start(write_beside, 0);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_run(lease, &insert, NULL, NULL, &err));
    rogue_close("a.db-shm");
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK); /* two in a transaction */
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "the transaction was rolled back: cannot "
                                "commit: SQLite's write lock is lost");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(walpool_release(lease, &err));
    check_poisoned(db, "write lock");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t WHERE v = 'other'"), 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t WHERE v = 'own'"), 0);
    child_go_on(&other);
    child_join(&other);
    api_close(db);
    check_whole(2);
}

/* The transaction of the other is still open when ours must be undone. */
TEST(locks__that_another_has_taken_meanwhile_are_waited_for)
{
    walpool_call call = WALPOOL_CALL_INIT;
    make_table();
    struct child other = child_start(write_beside, 0);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_run(lease, &insert, NULL, NULL, &err));
    rogue_close("a.db-shm");
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    call.timeout_ms = 30;
    int64_t began = check_now_ms();
    CHECK_STATUS(walpool_commit(lease, &call, &err), WALPOOL_POISONED);
    CHECK(check_now_ms() - began >= 29);
    CHECK_OK(walpool_release(lease, &err));
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    child_go_on(&other);
    child_join(&other);
    check_poisoned(db, "write lock");
    api_close(db);
    check_whole(2);
}

TEST(locks__that_are_lost_between_writes_refuse_the_next_one)
{
    make_table();
    struct child other = child_start(come_and_go, 0);
    walpool *db = api_open("a.db", "");
    CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
    rogue_close("a.db");
    int64_t lost = check_now_ms();
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    CHECK_EVENTUALLY(check_now_ms() > lost + 3); /* looked at once in 1 ms */
    CHECK_STATUS(walpool_write(db, &insert, NULL, NULL, &err),
                 WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    check_poisoned(db, "database file");
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    api_close(db);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    child_kill(&other);
    check_whole(1);
}

TEST(locks__that_are_lost_are_noticed_by_health)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(api_health(db).lost_locks, 0);
    CHECK_INT(api_health(db).lock_checks, 1);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    rogue_close("a.db-shm");
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    check_poisoned(db, "-shm");
    api_close(db);
    CHECK_INT(access(check_path("a.db-wal"), F_OK), 0); /* left as it was */
    check_whole(0);
}

TEST(locks__that_are_lost_refuse_a_checkpoint)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    rogue_close("a.db");
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++) {
        CHECK_STATUS(walpool_checkpoint(db, (walpool_checkpoint_mode)mode, NULL,
                                        NULL, &err),
                     WALPOOL_POISONED);
        CHECK_CONTAINS(err.message, "cannot checkpoint: SQLite's lock on the "
                                    "database file is lost");
    }
    CHECK_INT(api_health(db).wal_frames_checkpointed, 0);
    check_poisoned(db, "database file");
    api_close(db);
    check_whole(0);
}

/* An older process shares the locks: then the kernel names that one, and a
 * transaction that does not touch the file has no lock of its own. */
TEST(locks__beside_an_older_process_and_other_databases_are_no_false_alarm)
{
    make_table();
    struct child other = child_start(write_beside, 0);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    walpool *db = api_open("a.db", "allow_attach=1");
    CHECK_OK(api_write(db, "ATTACH ':memory:' AS m"));
    CHECK_OK(api_write(db, "CREATE TABLE m.mine(v)"));
    for (int i = 0; i < 200; i++) {
        CHECK_OK(api_write(db, "INSERT INTO mine VALUES (1)"));
        CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    }
    CHECK_INT(api_health(db).lost_locks, 0);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    child_go_on(&other);
    child_join(&other);
    api_close(db);
    check_whole(202);
}

/* ------------------------------------------------- those of other processes */

static void
check_names(const struct child *child, const char *does)
{
    char want[80];
    snprintf(want, sizeof want, "process %d (test_locks) %s", (int)child->pid,
             does);
    CHECK_CONTAINS(err.message, want);
}

static void
lock_the_file(int number)
{
    (void)number;
    sqlite3 *db = raw_open();
    child_tell(raw_exec(db, "CREATE TABLE t(v); BEGIN EXCLUSIVE"));
    child_wait();
    sqlite3_close(db);
}

TEST(locks__of_another_process_are_named_by_an_opening_that_waits)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    struct child other = child_start(lock_the_file, 0);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    for (options.busy_timeout_ms = 0; options.busy_timeout_ms <= 30;
         options.busy_timeout_ms += 30) {
        CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
                   WALPOOL_TIMEOUT);
        CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
        check_names(&other, "uses the file");
    }
    child_go_on(&other);
    child_join(&other);
    check_whole(0);
}

/* As SQLite does while it recovers a WAL: every lock of the -shm, whose header
 * is not there yet. The WAL is one that a crash left behind. */
static void
recover_for_long(int number)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET,
                        .l_start = 120, .l_len = 8};
    struct flock open_lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET,
                              .l_start = 128, .l_len = 1};
    static const char nothing[136];
    int fd = open(check_path("a.db-shm"), O_RDWR);
    (void)number;
    CHECK_INT(fcntl(fd, F_SETLK, &all), 0);
    CHECK_INT(fcntl(fd, F_SETLK, &open_lock), 0);
    CHECK_INT(pwrite(fd, nothing, sizeof nothing, 0), sizeof nothing);
    child_tell(1);
    child_wait();
}

static void
crash(void)
{
    sqlite3 *db = raw_open();
    CHECK_INT(raw_exec(db, "INSERT INTO t VALUES (1)"), SQLITE_OK);
    _exit(0);
}

TEST(locks__of_a_recovery_elsewhere_are_named_by_an_opening_that_waits)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    make_table();
    api_forked(crash);
    struct child other = child_start(recover_for_long, 0);
    CHECK_INT(child_hear(&other), 1);
    options.busy_timeout_ms = 30;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    check_names(&other, "uses the file");
    child_go_on(&other);
    child_join(&other);
    check_whole(1);
}

/* SQLite keeps connections of one process apart by itself, so the kernel knows
 * nothing of it. */
TEST(locks__of_this_process_beside_the_database_are_told_from_others)
{
    walpool_call call = WALPOOL_CALL_INIT;
    make_table();
    walpool *db = api_open("a.db", "");
    sqlite3 *beside = raw_open();
    CHECK_INT(raw_exec(beside, "BEGIN IMMEDIATE"), SQLITE_OK);
    call.timeout_ms = 20;
    CHECK_STATUS(walpool_write(db, &insert, &call, NULL, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    CHECK_CONTAINS(err.message, "a connection of this process that is not "
                                "walpool's has the lock");
    CHECK_INT(raw_exec(beside, "COMMIT"), SQLITE_OK);
    CHECK_OK(walpool_write(db, &insert, &call, NULL, &err));
    sqlite3_close(beside);
    api_close(db);
    check_whole(1);
}

/* ----------------------------------------------------- lost in the middle */

static atomic_bool lose_at_the_next_write;

static void
lose_while_writing(enum shim_file file, const void *data, int bytes,
                   int64_t offset)
{
    (void)data, (void)bytes, (void)offset;
    if (file == SHIM_WAL && atomic_exchange(&lose_at_the_next_write, false))
        rogue_close("a.db-shm");
}

static void
lose_during_a_commit(void)
{
    static const struct shim_hooks hooks = {.wrote = lose_while_writing};
    CHECK(shim_install(&hooks));
    shim_watch(check_path("a.db"));
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    atomic_store(&lose_at_the_next_write, true);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_run(lease, &insert, NULL, NULL, &err));
    int64_t before = check_now_ms();
    CHECK_EVENTUALLY(check_now_ms() > before + 3);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_CONTAINS(err.message, "the commit was made, and may be undone");
    CHECK_OK(walpool_release(lease, &err));
    check_poisoned(db, "-shm");
    api_close(db);
}

TEST(locks__that_are_lost_during_a_commit_leave_its_outcome_unknown)
{
    check_folder();
    api_forked(lose_during_a_commit);
    check_whole(1);
}

/* VACUUM commits without SQLite's commit hook. */
static int
lose_while_running(void *done)
{
    if (!*(bool *)done)
        rogue_close("a.db-shm");
    *(bool *)done = true;
    return 0;
}

TEST(locks__that_are_lost_in_a_vacuum_undo_it)
{
    bool done = false;
    const walpool_hooks hooks = {.progress = lose_while_running, .data = &done};
    make_table();
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
                           "i + 1 FROM n LIMIT 9999) INSERT INTO t SELECT i "
                           "FROM n"));
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_OK(walpool_private_hooks(lease, &hooks, &err));
    CHECK_STATUS(api_run(lease, "VACUUM"), WALPOOL_POISONED);
    CHECK(done);
    CHECK_CONTAINS(err.message, "SQLite's write lock is lost");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(walpool_release(lease, &err));
    check_poisoned(db, "write lock");
    api_close(db);
    check_whole(9999);
}

CHECK_MAIN()
