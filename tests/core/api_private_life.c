/* Private leases: several cursors, waiting, what health tells. */
#include "api.h"

static walpool *db;
static walpool_lease *a, *b;

static void
begin(const char *options)
{
    walpool_call call = WALPOOL_CALL_INIT;
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    call.why = "driver a";
    a = walpool_acquire(db, WALPOOL_PRIVATE, &call, &err);
    CHECK(a != NULL);
    b = api_acquire(db, WALPOOL_PRIVATE);
}

static void
end(void)
{
    CHECK_OK(walpool_release(a, &err));
    CHECK_OK(walpool_release(b, &err));
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_INT(api_health(db).private_open, 0);
    api_close(db);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

/* ------------------------------------------------------------------ cursors */

static const char numbers[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
    "200000) SELECT i FROM n, (SELECT count(*) FROM t)";

static walpool_cursor *
open_cursor(walpool_lease *lease, walpool_rows *rows)
{
    walpool_statement statement = {.sql = numbers};
    walpool_rows_init(rows);
    CHECK_OK(walpool_run(lease, &statement, NULL, rows, &err));
    CHECK(api_header(rows)->cursor != 0);
    return api_cursor(rows);
}

/* Rows that are left; ends the cursor. */
static int64_t
count_rest(walpool_cursor *cursor, walpool_rows *rows)
{
    int64_t count = (int64_t)walpool_rows_count(rows);
    while (api_header(rows)->cursor != 0) {
        CHECK_OK(walpool_cursor_next(cursor, NULL, rows, &err));
        count += (int64_t)walpool_rows_count(rows);
    }
    walpool_rows_finish(rows);
    return count;
}

TEST(private__several_cursors_of_one_text_go_on_beside_a_transaction)
{
    walpool_rows one, two;
    begin("");
    walpool_cursor *first = open_cursor(a, &one);
    walpool_cursor *second = open_cursor(a, &two);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(walpool_cursor_next(first, NULL, &one, &err));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(walpool_cursor_next(second, NULL, &two, &err));
    CHECK_OK(api_run(a, "COMMIT")); /* SQLite lets readers go on */
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK(count_rest(first, &one) > 0);
    CHECK_OK(walpool_begin(a, NULL, &err));
    CHECK_OK(api_run(a, "DELETE FROM t"));
    CHECK_OK(walpool_rollback(a, &err));
    CHECK(count_rest(second, &two) > 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    end();
}

TEST(private__an_open_cursor_that_is_not_the_newest_keeps_from_writing)
{
    walpool_rows rows;
    begin("");
    walpool_cursor *cursor = open_cursor(a, &rows);
    CHECK_OK(api_run(b, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (2)"), WALPOOL_STALE);
    CHECK_CONTAINS(err.message, "an open cursor has read");
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    walpool_rows_finish(&rows);
    end();
}

TEST(private__a_release_ends_cursors_and_rolls_back)
{
    walpool_rows rows;
    begin("");
    walpool_cursor *cursor = open_cursor(a, &rows);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(walpool_release(a, &err));
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    CHECK_STATUS(api_run(a, "SELECT 1"), WALPOOL_CLOSED);
    CHECK_INT(api_health(db).dirty_leases, 1);
    CHECK_STR(api_health(db).dirty_why, "driver a");
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    walpool_rows_finish(&rows);
    a = api_acquire(db, WALPOOL_PRIVATE);
    end();
}

/* ------------------------------------------------------------------ waiting */

static walpool_status
run_with(walpool_lease *lease, const char *sql, walpool_call call)
{
    walpool_statement statement = {.sql = sql};
    return walpool_run(lease, &statement, &call, NULL, &err);
}

TEST(private__waits_for_the_writer_as_anybody)
{
    walpool_call none = WALPOOL_CALL_INIT, some = WALPOOL_CALL_INIT;
    none.timeout_ms = 0;
    some.timeout_ms = 30;
    none.flags = some.flags = WALPOOL_CALL_ANY_THREAD;
    begin("");
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_STATUS(run_with(b, "INSERT INTO t VALUES (1)", none),
                 WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "driver a");
    CHECK_STATUS(run_with(b, "INSERT INTO t VALUES (1)", some),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(api_run(b, "BEGIN")); /* and stays where it was */
    CHECK_STATUS(run_with(b, "INSERT INTO t VALUES (1)", some),
                 WALPOOL_TIMEOUT);
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_OK(api_run(b, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(run_with(a, "INSERT INTO t VALUES (1)", none),
                 WALPOOL_TIMEOUT);
    CHECK_OK(api_run(b, "COMMIT"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    end();
}

TEST(private__a_thread_that_would_wait_for_itself_is_told_so)
{
    begin("");
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_STATUS(api_run(b, "INSERT INTO t VALUES (1)"), WALPOOL_DEADLOCK);
    CHECK_STATUS(api_write(db, "INSERT INTO t VALUES (1)"), WALPOOL_DEADLOCK);
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
               WALPOOL_DEADLOCK);
    CHECK_INT(api_lease_number(b, "SELECT count(*) FROM t"), 0);
    CHECK_OK(api_run(a, "COMMIT"));
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (1)"), WALPOOL_DEADLOCK);
    CHECK_OK(walpool_release(writer, &err));
    end();
}

static const char forever[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n";

TEST(private__a_write_that_is_stopped_takes_its_transaction_with_it)
{
    static const char endless[] =
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
        "i + 1 FROM n) SELECT i FROM n";
    walpool_call some = WALPOOL_CALL_INIT;
    some.timeout_ms = 20;
    begin("");
    CHECK_STATUS(run_with(a, endless, some), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_EXECUTE);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(run_with(a, endless, some), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "the transaction was rolled back");
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(run_with(a, forever, some), WALPOOL_TIMEOUT);
    CHECK_OK(api_run(a, "COMMIT")); /* a read that is stopped does not */
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    end();
}

/* A call in another thread that runs until it is cancelled. */
struct runner {
    pthread_t thread;
    walpool_token *token;
    atomic_int running;
    walpool_status status;
};

static void
on_leave(void *data)
{
    atomic_fetch_add(&((struct runner *)data)->running, 1);
}

static void *
run_forever(void *argument)
{
    struct runner *runner = argument;
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 50000;
    call.token = runner->token;
    call.leave = on_leave;
    call.leave_data = runner;
    runner->status = run_with(a, forever, call);
    return NULL;
}

TEST(private__a_second_call_at_once_is_busy_and_a_cancel_strikes_the_first)
{
    struct runner runner = {.token = walpool_token_open(&err)};
    begin("");
    CHECK_INT(pthread_create(&runner.thread, NULL, run_forever, &runner), 0);
    CHECK_EVENTUALLY(atomic_load(&runner.running) == 1);
    CHECK_STATUS(api_run(a, "SELECT 1"), WALPOOL_BUSY);
    CHECK_STATUS(walpool_begin(a, NULL, &err), WALPOOL_BUSY);
    CHECK_STATUS(walpool_release(a, &err), WALPOOL_BUSY);
    CHECK_OK(api_run(b, "INSERT INTO t VALUES (1)"));
    CHECK_OK(walpool_cancel(runner.token, &err));
    pthread_join(runner.thread, NULL);
    CHECK_INT(runner.status, WALPOOL_CANCELLED);
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 1);
    walpool_token_close(runner.token);
    end();
}

/* ------------------------------------------------------------------- health */

TEST(private__is_listed_while_it_has_something_and_not_while_idle)
{
    walpool_lease_info infos[4];
    char text[4096];
    size_t need;
    begin("");
    CHECK_INT(api_health(db).private_open, 2);
    CHECK_INT(api_health(db).oldest_lease_us, 0);
    CHECK_INT(walpool_leases(db, infos, 4, &err), 0);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(walpool_leases(db, infos, 4, &err), 0); /* nothing read yet */
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 0);
    CHECK_INT(walpool_leases(db, infos, 4, &err), 1);
    CHECK_INT(infos[0].kind, WALPOOL_PRIVATE);
    CHECK_INT(infos[0].holder, WALPOOL_HOLDER_LEASE);
    CHECK_STR(infos[0].why, "driver a");
    CHECK(infos[0].frames >= 0);
    CHECK(api_health(db).oldest_lease_us > 0);
    CHECK_STR(api_health(db).oldest_why, "driver a");
    CHECK_OK(walpool_leases_json(db, text, sizeof text, &need, &err));
    CHECK_CONTAINS(text, "\"kind\":\"private\"");
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_INT(walpool_leases(db, infos, 4, &err), 1); /* now the writer */
    CHECK_INT(infos[0].kind, WALPOOL_WRITE);
    CHECK_INT(infos[0].holder, WALPOOL_HOLDER_LEASE);
    CHECK_STR(infos[0].why, "driver a");
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(walpool_leases(db, infos, 4, &err), 0);
    end();
}

TEST(private__a_snapshot_keeps_its_age_over_a_write_beside_it)
{
    walpool_lease_info info[2];
    walpool_rows rows;
    begin("");
    walpool_cursor *cursor = open_cursor(a, &rows);
    CHECK_INT(walpool_leases(db, info, 2, &err), 1);
    CHECK_INT(info[0].kind, WALPOOL_PRIVATE);
    int64_t age = info[0].age_us, frames = info[0].frames;
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_INT(walpool_leases(db, info, 2, &err), 1);
    CHECK_INT(info[0].kind, WALPOOL_PRIVATE);
    CHECK(info[0].age_us >= age);
    CHECK_INT(info[0].frames, frames);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_INT(walpool_leases(db, info, 2, &err), 0);
    walpool_rows_finish(&rows);
    end();
}

TEST(private__one_that_is_out_for_long_is_reported)
{
    begin("lease_warn=1");
    CHECK_OK(api_run(b, "BEGIN")); /* has nothing */
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_EVENTUALLY(api_health(db).leases_long == 1);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(api_health(db).reason, "driver a");
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(api_health(db).leases_long, 0);
    CHECK_INT(api_health(db).leases_overdue, 1);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 0);
    CHECK_EVENTUALLY(api_health(db).leases_long == 1);
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(api_health(db).leases_long, 0);
    CHECK_INT(api_health(db).leases_overdue, 2);
    CHECK_OK(api_run(b, "COMMIT"));
    end();
}

CHECK_MAIN()
