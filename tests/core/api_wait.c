/* Deadlines and cancels: when a call ends, and that it strikes nothing else. */
#include "api.h"

static const walpool_statement select_1 = {.sql = "SELECT 1"};
static const walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
static const walpool_statement forever = {
    .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
           " SELECT count(*) FROM n"};

static walpool *db;

static void
set_up(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
}

static walpool_call
within(int64_t timeout_ms)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = timeout_ms;
    call.flags = WALPOOL_CALL_ANY_THREAD;
    return call;
}

/* The call ends with TIMEOUT, not before its deadline nor long after it. */
#define CHECK_TIMEOUT(call, timeout, where)      \
    do {                                         \
        int64_t began_ = check_now_ms();         \
        CHECK_STATUS(call, WALPOOL_TIMEOUT);     \
        int64_t took_ = check_now_ms() - began_; \
        CHECK(took_ >= (timeout) - 1);           \
        CHECK(took_ < (timeout) + 5000);         \
        CHECK_INT(err.phase, where);             \
    } while (0)

TEST(wait__for_a_reader_ends_at_the_deadline)
{
    set_up("readers=1&busy_timeout=60");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    walpool_call none = within(0), some = within(40);
    CHECK_TIMEOUT(walpool_read(db, &select_1, &none, NULL, &err), 0,
                  WALPOOL_PHASE_QUEUE);
    CHECK_TIMEOUT(walpool_read(db, &select_1, &some, NULL, &err), 40,
                  WALPOOL_PHASE_QUEUE);
    CHECK_TIMEOUT(walpool_read(db, &select_1, NULL, NULL, &err), 60,
                  WALPOOL_PHASE_QUEUE);
    CHECK(walpool_acquire(db, WALPOOL_READ, &some, &err) == NULL);
    CHECK_INT(err.status, WALPOOL_TIMEOUT);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(walpool_read(db, &select_1, &none, NULL, &err));
    CHECK_INT(api_health(db).timeouts, 4);
    api_close(db);
}

TEST(wait__busy_timeout_does_not_limit_running)
{
    walpool_statement slow = {
        .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
               " LIMIT 2000000) SELECT count(*) FROM n"};
    walpool_call some = within(1);
    set_up("busy_timeout=1");
    CHECK_OK(walpool_read(db, &slow, NULL, NULL, &err));
    CHECK_OK(walpool_write(db, &slow, NULL, NULL, &err));
    CHECK_STATUS(walpool_read(db, &slow, &some, NULL, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_EXECUTE);
    api_close(db);
}

TEST(wait__for_the_writer_ends_at_the_deadline)
{
    set_up("busy_timeout=60");
    walpool_call none = within(0), some = within(40);
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, &none, &err);
    CHECK(lease != NULL);
    CHECK_TIMEOUT(walpool_write(db, &insert, &none, NULL, &err), 0,
                  WALPOOL_PHASE_QUEUE);
    CHECK_TIMEOUT(walpool_write(db, &insert, &some, NULL, &err), 40,
                  WALPOOL_PHASE_QUEUE);
    CHECK_TIMEOUT(walpool_batch(db, &insert, 1, &some, NULL, NULL, &err), 40,
                  WALPOOL_PHASE_QUEUE);
    CHECK_TIMEOUT(walpool_checkpoint(db, WALPOOL_TRUNCATE, &some, NULL, &err),
                  40, WALPOOL_PHASE_QUEUE);
    CHECK(walpool_acquire(db, WALPOOL_WRITE, &some, &err) == NULL);
    CHECK_INT(err.status, WALPOOL_TIMEOUT);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(walpool_write(db, &insert, &none, NULL, &err));
    api_close(db);
}

TEST(wait__a_running_statement_ends_at_the_deadline)
{
    set_up("");
    walpool_call some = within(40);
    CHECK_TIMEOUT(walpool_read(db, &forever, &some, NULL, &err), 40,
                  WALPOOL_PHASE_EXECUTE);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_TIMEOUT(walpool_run(lease, &forever, &some, NULL, &err), 40,
                  WALPOOL_PHASE_EXECUTE);
    CHECK_INT(api_lease_number(lease, "SELECT 5"), 5);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(wait__timeout_0_waits_for_nothing_but_runs)
{
    set_up("");
    walpool_statement work = {
        .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
               " LIMIT 1000000) SELECT count(*) FROM n"};
    walpool_call none = within(0);
    CHECK_OK(walpool_read(db, &work, &none, NULL, &err));
    CHECK_OK(walpool_write(db, &insert, &none, NULL, &err));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, &none, NULL, &err));
    api_close(db);
}

TEST(wait__a_cursor_ends_at_its_deadline)
{
    walpool_statement slow = {
        .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
               " SELECT i FROM n WHERE i < 200000 OR i < 0"};
    walpool_call some = within(60);
    walpool_rows rows;
    walpool_status status = WALPOOL_OK;
    set_up("");
    walpool_rows_init(&rows);
    CHECK_OK(walpool_read(db, &slow, NULL, &rows, &err));
    walpool_cursor *cursor = api_cursor(&rows);
    for (int i = 0; i < 100 && status == WALPOOL_OK; i++)
        status = walpool_cursor_next(cursor, &some, &rows, &err);
    CHECK_INT(status, WALPOOL_TIMEOUT);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    CHECK_INT(api_health(db).readers_leased, 0);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(wait__timeouts_out_of_range_are_misuse)
{
    set_up("");
    walpool_call call = within(86400001);
    CHECK_STATUS(walpool_read(db, &select_1, &call, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "86400001");
    call = within(INT64_MIN);
    CHECK_STATUS(walpool_write(db, &insert, &call, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_close(db, INT64_MAX, &err), WALPOOL_MISUSE);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    api_close(db);
}

/* ------------------------------------------------------------------ cancel */

struct job {
    pthread_t thread;
    const walpool_statement *statement;
    walpool_token *token;
    walpool_status status;
    int32_t phase;
};

static void *
run_job(void *argument)
{
    struct job *job = argument;
    walpool_call call = within(50000);
    call.token = job->token;
    job->status = job->statement == &insert
                      ? walpool_write(db, job->statement, &call, NULL, &err)
                      : walpool_read(db, job->statement, &call, NULL, &err);
    job->phase = err.phase;
    return NULL;
}

static void
start_jobs(struct job *jobs, int count, const walpool_statement *statement,
           walpool_token *token)
{
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct job){.statement = statement, .token = token};
        CHECK_INT(pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]), 0);
    }
}

static void
expect_jobs(struct job *jobs, int count, walpool_status status)
{
    for (int i = 0; i < count; i++) {
        pthread_join(jobs[i].thread, NULL);
        CHECK_INT(jobs[i].status, status);
    }
}

TEST(cancel__ends_every_call_that_has_the_token_wherever_it_is)
{
    struct job reads[4], writes[4];
    set_up("readers=2");
    walpool_token *token = walpool_token_open(&err);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    start_jobs(reads, 4, &forever, token);
    start_jobs(writes, 4, &insert, token);
    CHECK_EVENTUALLY(api_health(db).readers_leased == 2 &&
                     api_health(db).reader_waiters == 2 &&
                     api_health(db).writer_waiters == 4);
    CHECK_OK(walpool_cancel(token, &err));
    expect_jobs(reads, 4, WALPOOL_CANCELLED);
    expect_jobs(writes, 4, WALPOOL_CANCELLED);
    CHECK_INT(writes[0].phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(api_health(db).cancels, 8);
    CHECK_INT(api_health(db).reader_waiters + api_health(db).writer_waiters, 0);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    walpool_token_close(token);
    api_close(db);
}

TEST(cancel__touches_no_call_of_another_token)
{
    struct job mine, other;
    set_up("readers=2");
    walpool_token *token = walpool_token_open(&err);
    walpool_token *another = walpool_token_open(&err);
    start_jobs(&mine, 1, &forever, token);
    start_jobs(&other, 1, &forever, another);
    CHECK_EVENTUALLY(api_health(db).readers_leased == 2);
    CHECK_OK(walpool_cancel(token, &err));
    expect_jobs(&mine, 1, WALPOOL_CANCELLED);
    CHECK_INT(api_health(db).readers_leased, 1);
    CHECK_INT(api_number(db, "SELECT 5"), 5);
    CHECK_OK(walpool_cancel(another, &err));
    expect_jobs(&other, 1, WALPOOL_CANCELLED);
    walpool_token_close(token);
    walpool_token_close(another);
    api_close(db);
}

TEST(cancel__a_token_closed_while_in_use_lets_its_calls_run_on)
{
    struct job write;
    set_up("");
    walpool_token *token = walpool_token_open(&err);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    start_jobs(&write, 1, &insert, token);
    CHECK_EVENTUALLY(api_health(db).writer_waiters == 1);
    walpool_token_close(token);
    CHECK_STATUS(walpool_cancel(token, &err), WALPOOL_CLOSED);
    CHECK_OK(walpool_release(lease, &err));
    expect_jobs(&write, 1, WALPOOL_OK);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    api_close(db);
}

TEST(cancel__a_call_with_a_closed_or_wrong_token_is_refused)
{
    walpool_call call = within(-1);
    set_up("");
    call.token = walpool_token_open(&err);
    walpool_token_close(call.token);
    CHECK_STATUS(walpool_read(db, &select_1, &call, NULL, &err),
                 WALPOOL_CLOSED);
    call.token = (walpool_token *)(void *)db;
    CHECK_STATUS(walpool_read(db, &select_1, &call, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_write(db, &insert, &call, NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    api_close(db);
}

static atomic_int cancelling;

static void *
cancel_all_the_time(void *argument)
{
    struct job *job = argument;
    while (atomic_load(&cancelling))
        walpool_cancel(job->token, &err);
    return NULL;
}

TEST(cancel__a_late_one_never_strikes_the_next_call_on_the_connection)
{
    struct job job = {.statement = &select_1};
    pthread_t thread;
    set_up("readers=1");
    for (int round = 0; round < 200; round++) {
        job.token = walpool_token_open(&err);
        atomic_store(&cancelling, 1);
        CHECK_INT(pthread_create(&thread, NULL, cancel_all_the_time, &job), 0);
        for (int i = 0; i < 20; i++) {
            run_job(&job);
            CHECK(job.status == WALPOOL_OK || job.status == WALPOOL_CANCELLED);
            CHECK_INT(api_number(db, "SELECT 5"), 5);
        }
        atomic_store(&cancelling, 0);
        pthread_join(thread, NULL);
        walpool_token_close(job.token);
    }
    api_close(db);
}

/* ------------------------------------------------------------------- leave */

static void
count_leave(void *data)
{
    ++*(int *)data;
}

TEST(leave__is_called_once_when_a_call_waits_or_runs_long)
{
    int left = 0;
    set_up("readers=1");
    walpool_call call = within(40);
    call.leave = count_leave;
    call.leave_data = &left;
    CHECK_STATUS(walpool_read(db, &forever, &call, NULL, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(left, 1);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_STATUS(walpool_read(db, &select_1, &call, NULL, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(left, 2);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

CHECK_MAIN()
