/* Probe: a write and a read by the way of all others, which leave nothing. */
#include "api.h"

static walpool *db;
static walpool_rows rows;

static int64_t
step(size_t column)
{
    return walpool_rows_int64(&rows, 0, column);
}

static walpool_status
probe(int64_t timeout_ms)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = timeout_ms;
    walpool_rows_finish(&rows);
    walpool_rows_init(&rows);
    return walpool_probe(db, &call, &rows, &err);
}

TEST(probe__commits_and_reads_and_tells_how_long_that_took)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "PRAGMA user_version=42"));
    walpool_health before = api_health(db);
    CHECK_OK(probe(5000));
    CHECK_INT(walpool_rows_count(&rows), 1);
    for (size_t column = 0; column < 5; column++)
        CHECK(step(column) >= 0);
    CHECK(step(2) > 0);
    CHECK(step(4) >= step(0) + step(1) + step(2) + step(3));
    walpool_health after = api_health(db);
    CHECK_INT(after.writes - before.writes, 1);
    CHECK_INT(after.reads - before.reads, 1);
    CHECK_INT(after.wal_frames - before.wal_frames, 1);
    CHECK_INT(api_number(db, "PRAGMA user_version"), 42);
    CHECK_INT(api_number(db, "SELECT count(*) FROM sqlite_schema"), 0);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(probe__syncs_where_a_commit_would)
{
    db = api_open("a.db", "durability=full");
    int64_t before = api_health(db).syncs;
    CHECK_OK(probe(5000));
    CHECK_INT(api_health(db).syncs - before, 1);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(probe__needs_no_options_and_no_rows)
{
    db = api_open("a.db", "");
    CHECK_OK(walpool_probe(db, NULL, NULL, NULL));
    api_close(db);
}

TEST(probe__reads_what_it_may_not_write)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    options.mode = 2;
    db = walpool_open(check_path("a.db"), &options, &err);
    CHECK_OK(probe(5000));
    CHECK_INT(step(0), -1);
    CHECK_INT(step(2), -1);
    CHECK(step(3) >= 0);
    walpool_rows_finish(&rows);
    api_close(db);
}

/* It is the truth about writes: who keeps them out keeps it out, by name. */
TEST(probe__waits_as_a_write_does_and_names_who_is_in_the_way)
{
    walpool_call call = WALPOOL_CALL_INIT;
    db = api_open("a.db", "");
    call.why = "migration";
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
    CHECK_STATUS(probe(5000), WALPOOL_DEADLOCK);
    CHECK_OK(walpool_rollback(lease, &err));
    CHECK_OK(walpool_release(lease, &err));
    call.flags = WALPOOL_CALL_ANY_THREAD;
    lease = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
    call.timeout_ms = 20;
    CHECK_STATUS(walpool_probe(db, &call, NULL, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK_CONTAINS(err.message, "migration");
    CHECK_OK(walpool_rollback(lease, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(probe(5000));
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(probe__refuses_bad_handles_and_cancelled_calls)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_token *token = walpool_token_open(&err);
    CHECK_STATUS(walpool_probe(NULL, NULL, NULL, &err), WALPOOL_MISUSE);
    db = api_open("a.db", "");
    call.token = token;
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_STATUS(walpool_probe(db, &call, NULL, &err), WALPOOL_CANCELLED);
    walpool_token_close(token);
    walpool *closed = db;
    api_close(db);
    CHECK_STATUS(walpool_probe(closed, NULL, NULL, &err), WALPOOL_CLOSED);
}

TEST(probe__runs_in_a_queue)
{
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_completion done;
    walpool_job job = {.id = 7, .op = WALPOOL_OP_PROBE};
    db = api_open("a.db", "");
    walpool_rows_init(&rows);
    job.target = db;
    job.rows = &rows;
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, 20000, &err), 1);
    CHECK_INT(done.id, 7);
    CHECK_INT(done.error.status, WALPOOL_OK);
    CHECK(step(2) > 0);
    walpool_rows_finish(&rows);
    walpool_queue_close(queue);
    api_close(db);
}

CHECK_MAIN()
