/* lease: transactions of several statements, and what failures leave. */
#include "lease.h"

#include "api.h"

static walpool *db;
static walpool_rows rows;

static void
begin(void)
{
    db = api_open("a.db", "readers=2");
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)"));
    walpool_rows_init(&rows);
}

static void
end(void)
{
    walpool_rows_finish(&rows);
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_INT(api_health(db).writer_leased, 0);
    api_close(db);
}

static walpool_status
run(walpool_lease *lease, const char *sql, uint32_t flags, walpool_rows *into)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = flags;
    return walpool_run(lease, &statement, &call, into, &err);
}

static int64_t
count(walpool_lease *lease)
{
    return api_lease_number(lease, "SELECT count(*) FROM t");
}

/* One statement with a row of parameters for each number. */
static walpool_status
run_for(walpool_lease *lease, const char *sql, const int *numbers, int count)
{
    walpool_rows params;
    walpool_rows_init(&params);
    CHECK_OK(walpool_rows_begin(&params, 1, NULL, &err));
    for (int i = 0; i < count; i++)
        CHECK_OK(walpool_rows_add_int64(&params, numbers[i], &err));
    walpool_statement statement = {.sql = sql,
                                   .params = params.data,
                                   .params_bytes = params.capacity};
    walpool_status status = walpool_run(lease, &statement, NULL, NULL, &err);
    walpool_rows_finish(&params);
    return status;
}

TEST(lease__tells_what_a_script_did)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(run(lease, "SELECT 1, 2", 0, &rows));
    CHECK_OK(run(lease, "INSERT INTO t VALUES(7, 1); UPDATE t SET v = 2",
                 WALPOOL_CALL_SCRIPT, &rows));
    const walpool_rows_header *header = api_header(&rows);
    CHECK_INT(header->magic, WALPOOL_ROWS_MAGIC);
    CHECK_INT(header->column_count, 0);
    CHECK_INT(header->changes, 2);
    CHECK_INT(header->last_rowid, 7);
    CHECK_INT(header->cursor, 0);
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(lease__undoes_a_failing_statement_by_itself)
{
    static const int numbers[] = {5, 6, 1, 8};
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO t(n) VALUES(1)"));
    CHECK_STATUS(run_for(lease, "INSERT INTO t(n) VALUES(?)", numbers, 4),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(count(lease), 1);
    CHECK_STATUS(api_run(lease, "INSERT INTO t(n) VALUES(2), (3), (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(count(lease), 1);
    CHECK_STATUS(run(lease, "INSERT INTO t(n) VALUES(2); DELETE FROM nowhere",
                     WALPOOL_CALL_SCRIPT, NULL), WALPOOL_SQL);
    CHECK_INT(count(lease), 1);
    CHECK_OK(run_for(lease, "INSERT INTO t(n) VALUES(?)", numbers, 2));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 3);
    end();
}

TEST(lease__undoes_a_statement_whose_rows_do_not_fit)
{
    _Alignas(8) unsigned char memory[128];
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    walpool_rows tiny;
    walpool_rows_wrap(&tiny, memory, sizeof memory);
    CHECK_STATUS(run(lease, "INSERT INTO t(v) VALUES(1), (2), (3), (4), (5) "
                            "RETURNING n", 0, &tiny), WALPOOL_TOOBIG);
    CHECK_INT(walpool_rows_count(&tiny), 0);
    CHECK_INT(count(lease), 0);
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(lease__ends_its_transaction_with_an_interrupted_write)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_statement slow = {
        .sql = "INSERT INTO t(v) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "
               "SELECT n + 1 FROM c) SELECT n FROM c"};
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO t(n) VALUES(1)"));
    call.timeout_ms = 5;
    CHECK_STATUS(walpool_run(lease, &slow, &call, NULL, &err),
                 WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "the transaction was rolled back: ");
    CHECK_STATUS(api_run(lease, "SELECT 1"), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_MISUSE);
    CHECK_OK(api_write(db, "INSERT INTO t(n) VALUES(2)"));
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(count(lease), 1);
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(lease__keeps_its_transaction_when_a_read_is_interrupted)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_statement slow = {
        .sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
               "FROM c) SELECT count(*) FROM c"};
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO t(n) VALUES(1)"));
    call.timeout_ms = 5;
    CHECK_STATUS(walpool_run(lease, &slow, &call, &rows, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(count(lease), 1);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(lease__gives_the_writer_on_with_its_commit)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(api_write(db, "DELETE FROM t"), WALPOOL_DEADLOCK);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(api_write(db, "INSERT INTO t(n) VALUES(1)"));
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_STATUS(walpool_begin(lease, NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(count(lease), 1);
    CHECK_OK(walpool_rollback(lease, &err));
    CHECK_STATUS(walpool_rollback(lease, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_savepoint(lease, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_health(db).dirty_leases, 0);
    end();
}

TEST(lease__counts_a_transaction_that_was_left_open)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_savepoint(lease, &err));
    CHECK_OK(api_run(lease, "INSERT INTO t(n) VALUES(1)"));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_health(db).dirty_leases, 1);
    CHECK_INT(api_health(db).rollbacks, 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    end();
}

/* The pragma acts when it is prepared; the second time it is in the cache. */
TEST(lease__defers_foreign_keys_every_time)
{
    begin();
    CHECK_OK(api_write(db, "CREATE TABLE c(p REFERENCES t(n))"));
    for (int i = 1; i <= 3; i++) {
        char child[64], parent[64];
        snprintf(child, sizeof child, "INSERT INTO c VALUES(%d)", i);
        snprintf(parent, sizeof parent, "INSERT INTO t(n) VALUES(%d)", i);
        walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
        CHECK_STATUS(api_run(lease, child), WALPOOL_CONSTRAINT);
        CHECK_OK(api_run(lease, "PRAGMA defer_foreign_keys=ON"));
        CHECK_OK(api_run(lease, child));
        CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_CONSTRAINT);
        CHECK_OK(api_run(lease, parent));
        CHECK_OK(walpool_commit(lease, NULL, &err));
        CHECK_OK(walpool_release(lease, &err));
    }
    end();
}

/* The first statement of a connection on such a table asks after a pragma. */
TEST(lease__writes_many_rows_to_a_virtual_table)
{
    static const int numbers[] = {1, 2, 3};
    begin();
    if (api_write(db, "CREATE VIRTUAL TABLE f USING fts4(a)") != WALPOOL_OK) {
        check_skip("this SQLite has no FTS4");
    } else {
        api_close(db);
        db = api_open("a.db", "");
        walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
        CHECK_OK(run_for(lease, "INSERT INTO f VALUES(?)", numbers, 3));
        CHECK_OK(walpool_commit(lease, NULL, &err));
        CHECK_OK(walpool_release(lease, &err));
        CHECK_INT(api_number(db, "SELECT count(*) FROM f"), 3);
    }
    end();
}

TEST(lease__does_not_vacuum_but_a_write_does)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO t(n) VALUES(1)"));
    CHECK_STATUS(api_run(lease, "VACUUM"), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "VACUUM");
    CHECK_INT(count(lease), 1);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(api_write(db, "VACUUM"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    end();
}

TEST(lease__of_a_reader_keeps_its_snapshot_until_it_begins_anew)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(api_write(db, "INSERT INTO t(n) VALUES(1)"));
    CHECK_OK(api_write(db, "ALTER TABLE t ADD COLUMN w"));
    CHECK_INT(count(lease), 0);
    CHECK_STATUS(api_run(lease, "SELECT w FROM t"), WALPOOL_SQL);
    CHECK_STATUS(api_run(lease, "DELETE FROM t"), WALPOOL_READONLY);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_savepoint(lease, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(count(lease), 1);
    CHECK_OK(api_run(lease, "SELECT w FROM t"));
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(lease__ends_its_cursors_with_its_transaction)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(run(lease, "SELECT zeroblob(40000)", 0, &rows));
    walpool_cursor *cursor = api_cursor(&rows);
    CHECK(cursor != NULL);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_BUSY);
    CHECK_OK(walpool_savepoint(lease, &err));
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_BUSY);
    CHECK_OK(walpool_rollback(lease, &err));
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    end();
}

/* --------------------------------------------------------- several threads */

static walpool_lease *shared;

static void *
use_beside(void *unused)
{
    walpool_error error;
    (void)unused;
    walpool_statement statement = {.sql = "SELECT 1"};
    CHECK_INT(walpool_run(shared, &statement, NULL, NULL, &error),
              WALPOOL_BUSY);
    CHECK_INT(walpool_release(shared, &error), WALPOOL_BUSY);
    CHECK_INT(walpool_commit(shared, NULL, &error), WALPOOL_BUSY);
    CHECK_INT(walpool_rollback(shared, &error), WALPOOL_BUSY);
    CHECK_INT(walpool_savepoint(shared, &error), WALPOOL_BUSY);
    CHECK_INT(walpool_begin(shared, NULL, &error), WALPOOL_BUSY);
    return NULL;
}

/* In the middle of the call: another thread has its turn. */
static void
let_others_run(void *unused)
{
    api_elsewhere(use_beside, unused);
}

TEST(lease__is_busy_while_a_call_runs_on_it)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_statement slow = {
        .sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
               "WHERE n < 100000) SELECT count(*) FROM c"};
    begin();
    shared = api_acquire(db, WALPOOL_WRITE);
    call.leave = let_others_run;
    CHECK_OK(walpool_run(shared, &slow, &call, NULL, &err));
    CHECK_OK(walpool_release(shared, &err));
    end();
}

static atomic_int released, ran;

static void *
run_and_release(void *unused)
{
    walpool_error error;
    walpool_statement statement = {.sql = "INSERT INTO t(v) VALUES(1)"};
    (void)unused;
    for (;;) {
        walpool_status status =
            walpool_run(shared, &statement, NULL, NULL, &error);
        if (status == WALPOOL_OK && atomic_fetch_add(&ran, 1) > 20) {
            status = walpool_release(shared, &error);
            atomic_fetch_add(&released, status == WALPOOL_OK);
        }
        if (status == WALPOOL_CLOSED)
            return NULL;
        CHECK(status == WALPOOL_OK || status == WALPOOL_BUSY);
    }
}

TEST(lease__is_released_once_when_threads_race)
{
    begin();
    for (int round = 0; round < 20; round++) {
        pthread_t threads[3];
        atomic_store(&released, 0);
        atomic_store(&ran, 0);
        shared = api_acquire(db, WALPOOL_WRITE);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_create(&threads[i], NULL, run_and_release, NULL),
                      0);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(atomic_load(&released), 1);
        CHECK_INT(api_health(db).writer_leased, 0);
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    end();
}

CHECK_MAIN()
