/* Leases on several threads. What a lease does in one is in the contract. */
#include "api.h"

static const char forever[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT count(*) FROM n";

/* A call that runs in another thread until its token is cancelled. `leave` of
 * the call tells that it has run for a while. */
struct runner {
    pthread_t thread;
    walpool_lease *lease;
    walpool_cursor *cursor;
    walpool_token *token;
    atomic_int running;
    walpool_status status;
};

static void
on_leave(void *data)
{
    struct runner *runner = data;
    atomic_fetch_add(&runner->running, 1);
}

static void *
run_forever(void *argument)
{
    struct runner *runner = argument;
    walpool_statement query = {.sql = forever};
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 50000;
    call.token = runner->token;
    call.leave = on_leave;
    call.leave_data = runner;
    runner->status = walpool_run(runner->lease, &query, &call, NULL, &err);
    return NULL;
}

static void
start(struct runner *runner, walpool_lease *lease)
{
    memset(runner, 0, sizeof *runner);
    runner->lease = lease;
    runner->token = walpool_token_open(&err);
    CHECK(runner->token != NULL);
    CHECK_INT(pthread_create(&runner->thread, NULL, run_forever, runner), 0);
    CHECK_EVENTUALLY(atomic_load(&runner->running) == 1);
}

static void
stop(struct runner *runner)
{
    CHECK_OK(walpool_cancel(runner->token, &err));
    CHECK_INT(pthread_join(runner->thread, NULL), 0);
    CHECK_INT(runner->status, WALPOOL_CANCELLED);
    CHECK_INT(atomic_load(&runner->running), 1);
    walpool_token_close(runner->token);
}

TEST(lease__a_second_call_at_once_is_busy_and_changes_nothing)
{
    struct runner runner;
    walpool *db = api_open("a.db", "");
    for (int kind = WALPOOL_READ; kind <= WALPOOL_WRITE; kind++) {
        walpool_lease *lease = api_acquire(db, (walpool_kind)kind);
        start(&runner, lease);
        CHECK_STATUS(api_run(lease, "SELECT 1"), WALPOOL_BUSY);
        CHECK_STATUS(walpool_begin(lease, NULL, &err), WALPOOL_BUSY);
        CHECK_STATUS(walpool_savepoint(lease, &err), WALPOOL_BUSY);
        CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_BUSY);
        CHECK_STATUS(walpool_rollback(lease, &err), WALPOOL_BUSY);
        CHECK_STATUS(walpool_release(lease, &err), WALPOOL_BUSY);
        CHECK_CONTAINS(err.message, "lease");
        stop(&runner);
        CHECK_INT(api_lease_number(lease, "SELECT 5"), 5);
        CHECK_OK(walpool_release(lease, &err));
    }
    api_close(db);
}

TEST(lease__a_cursor_of_a_lease_that_runs_is_busy)
{
    walpool_statement many = {
        .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
               " SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n"};
    struct runner runner;
    walpool_rows rows, more;
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    walpool_rows_init(&rows);
    walpool_rows_init(&more);
    CHECK_OK(walpool_run(lease, &many, NULL, &rows, &err));
    start(&runner, lease);
    CHECK_STATUS(walpool_cursor_next(api_cursor(&rows), NULL, &more, &err),
                 WALPOOL_BUSY);
    CHECK_STATUS(walpool_cursor_close(api_cursor(&rows), &err), WALPOOL_BUSY);
    stop(&runner);
    CHECK_OK(walpool_cursor_next(api_cursor(&rows), NULL, &more, &err));
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    CHECK_OK(walpool_release(lease, &err));
    walpool_rows_finish(&rows);
    walpool_rows_finish(&more);
    api_close(db);
}

/* --------------------------------------------------- from thread to thread */

static void *
release_it(void *lease)
{
    CHECK_INT(walpool_release(lease, &err), WALPOOL_OK);
    return NULL;
}

TEST(lease__may_be_released_by_another_thread)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (int i = 0; i < 50; i++) {
        walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
        CHECK_OK(api_run(lease, "INSERT INTO t VALUES (1)"));
        CHECK_OK(walpool_commit(lease, NULL, &err));
        api_elsewhere(release_it, lease);
        CHECK_STATUS(walpool_release(lease, &err), WALPOOL_CLOSED);
    }
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)")); /* holds it no more */
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 51);
    api_close(db);
}

struct attempt {
    walpool *db;
    uint32_t flags;
    walpool_status status;
};

static void *
try_to_write(void *argument)
{
    struct attempt *attempt = argument;
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = attempt->flags;
    call.timeout_ms = 0;
    attempt->status = walpool_write(attempt->db, &insert, &call, NULL, &err);
    return NULL;
}

TEST(lease__deadlock_is_told_only_to_the_thread_that_holds_the_writer)
{
    walpool *db = api_open("a.db", "");
    struct attempt attempt = {db, 0, WALPOOL_OK};
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    try_to_write(&attempt);
    CHECK_INT(attempt.status, WALPOOL_DEADLOCK);
    attempt.flags = WALPOOL_CALL_ANY_THREAD;
    try_to_write(&attempt);
    CHECK_INT(attempt.status, WALPOOL_TIMEOUT);
    attempt.flags = 0;
    api_elsewhere(try_to_write, &attempt);
    CHECK_INT(attempt.status, WALPOOL_TIMEOUT);
    CHECK_OK(walpool_release(lease, &err));
    try_to_write(&attempt);
    CHECK_INT(attempt.status, WALPOOL_OK);
    api_close(db);
}

TEST(lease__acquired_for_any_thread_deadlocks_nobody)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool *db = api_open("a.db", "");
    struct attempt attempt = {db, 0, WALPOOL_OK};
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    call.flags = WALPOOL_CALL_ANY_THREAD;
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
    CHECK(lease != NULL);
    try_to_write(&attempt);
    CHECK_INT(attempt.status, WALPOOL_TIMEOUT);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

/* ------------------------------------------------------------------ labels */

static void
label(walpool *db, const char *why, const char *seen)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = why;
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, &call, &err);
    CHECK(lease != NULL);
    CHECK_STR(api_health(db).oldest_why, seen);
    CHECK_OK(walpool_release(lease, &err));
}

TEST(lease__labels_are_cut_at_47_bytes_between_characters)
{
    walpool *db = api_open("a.db", "");
    label(db, NULL, "");
    label(db, "", "");
    label(db, "import of today", "import of today");
    label(db, "12345678901234567890123456789012345678901234567890",
          "12345678901234567890123456789012345678901234567");
    label(db,
          "1234567890123456789012345678901234567890123456\xc3\xa4 and so on",
          "1234567890123456789012345678901234567890123456");
    api_close(db);
}

/* ----------------------------------------------------------- many at once */

struct writers {
    walpool *db;
    atomic_int failures;
};

static void *
write_by_lease(void *argument)
{
    struct writers *writers = argument;
    for (int i = 0; i < 100; i++) {
        walpool_lease *lease =
            walpool_acquire(writers->db, WALPOOL_WRITE, NULL, NULL);
        int failed = lease == NULL;
        if (!failed)
            failed = api_run(lease, "UPDATE t SET v = v + 1") != WALPOOL_OK ||
                     walpool_commit(lease, NULL, NULL) != WALPOOL_OK ||
                     walpool_release(lease, NULL) != WALPOOL_OK;
        atomic_fetch_add(&writers->failures, failed);
    }
    return NULL;
}

TEST(lease__many_threads_take_turns_and_lose_nothing)
{
    pthread_t threads[8];
    struct writers writers = {.db = api_open("a.db", "busy_timeout=30000")};
    CHECK_OK(api_write(writers.db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(writers.db, "INSERT INTO t VALUES (0)"));
    for (int i = 0; i < 8; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, write_by_lease, &writers),
                  0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&writers.failures), 0);
    CHECK_INT(api_number(writers.db, "SELECT v FROM t"), 800);
    CHECK_INT(api_health(writers.db).errors, 0);
    api_close(writers.db);
}

TEST(lease__a_thousand_savepoints_nest)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(walpool_savepoint(lease, &err));
        CHECK_OK(api_run(lease, "INSERT INTO t VALUES (1)"));
    }
    for (int i = 0; i < 500; i++)
        CHECK_OK(walpool_rollback(lease, &err));
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 500);
    for (int i = 0; i < 501; i++)
        CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 500);
    api_close(db);
}

CHECK_MAIN()
