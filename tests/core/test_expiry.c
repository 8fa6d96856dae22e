/* submit: deadlines and cancels of jobs that have not begun. */
#include "jobs.h"

static walpool_queue *queue;
static walpool *db;
static walpool_lease *lease; /* keeps the writer from the queue's jobs */
static struct errand first;  /* has begun, and waits for the writer */

static void
block_writes(void)
{
    queue = open_queue();
    db = open_table("a.db");
    lease = api_acquire(db, WALPOOL_WRITE);
    first = errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('first')");
    first.call.timeout_ms = 60000;
    hand_in(queue, &first);
    CHECK_EVENTUALLY(api_health(db).writer_waiters == 1);
}

/* Nothing but these was applied. */
static void
check_applied(const char *want)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT group_concat(v) = '%s' FROM (SELECT v FROM t ORDER BY n)",
             want);
    CHECK_INT(api_number(db, sql), 1);
    walpool_queue_close(queue);
    api_close(db);
}

static void
unblock(void)
{
    CHECK_OK(walpool_release(lease, &err));
    walpool_completion done = next_completion(queue);
    CHECK_INT(done.id, first.job.id);
    CHECK_DONE(done, WALPOOL_OK);
}

TEST(expiry__ends_a_queued_job_at_its_own_deadline)
{
    block_writes();
    struct errand late =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('late')");
    struct errand next =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('next')");
    late.call.timeout_ms = 30;
    next.call.timeout_ms = 60000;
    hand_in(queue, &next);
    hand_in(queue, &late);
    walpool_completion done = next_completion(queue);
    CHECK_INT(done.id, late.job.id);
    CHECK_DONE(done, WALPOOL_TIMEOUT);
    CHECK_INT(done.error.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(done.error.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(done.error.message, "the deadline passed in the queue");
    CHECK_INT(api_health(db).timeouts, 1);
    unblock();
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    check_applied("first,next");
}

TEST(expiry__counts_the_default_timeout_from_the_submit)
{
    queue = open_queue();
    db = api_open("a.db", "busy_timeout=1000");
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)"));
    lease = api_acquire(db, WALPOOL_WRITE);
    struct errand list[5];
    int64_t start = check_now_ms();
    for (size_t i = 0; i < 5; i++) {
        list[i] = errand(WALPOOL_OP_WRITE, db, "DELETE FROM t");
        hand_in(queue, &list[i]);
    }
    for (size_t i = 0; i < 5; i++)
        CHECK_DONE(next_completion(queue), WALPOOL_TIMEOUT);
    int64_t took = check_now_ms() - start;
    CHECK(took >= 990);
    CHECK(took < 4000); /* one after the other would take 5000 */
    CHECK_OK(walpool_release(lease, &err));
    walpool_queue_close(queue);
    api_close(db);
}

TEST(expiry__leaves_a_job_alone_that_only_wants_to_try_once)
{
    block_writes();
    struct errand once =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('once')");
    once.call.timeout_ms = 0;
    hand_in(queue, &once);
    unblock();
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    check_applied("first,once");
}

TEST(expiry__ends_a_queued_job_when_its_token_is_cancelled)
{
    block_writes();
    walpool_token *token = walpool_token_open(&err);
    struct errand dropped =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('dropped')");
    struct errand next =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('next')");
    dropped.call.token = token;
    hand_in(queue, &dropped);
    hand_in(queue, &next);
    CHECK_OK(walpool_cancel(token, &err));
    walpool_completion done = next_completion(queue);
    CHECK_INT(done.id, dropped.job.id);
    CHECK_DONE(done, WALPOOL_CANCELLED);
    CHECK_INT(done.error.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(api_health(db).cancels, 1);
    walpool_token_close(token);
    unblock();
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    check_applied("first,next");
}

TEST(expiry__ends_a_job_whose_token_was_cancelled_before_the_submit)
{
    block_writes();
    walpool_token *token = walpool_token_open(&err);
    CHECK_OK(walpool_cancel(token, &err));
    struct errand dropped = errand(WALPOOL_OP_WRITE, db, "DELETE FROM t");
    dropped.call.token = token;
    CHECK_DONE(finish_errand(queue, &dropped), WALPOOL_CANCELLED);
    struct errand read = errand(WALPOOL_OP_READ, db, "SELECT 1");
    read.call.token = token;
    CHECK_DONE(finish_errand(queue, &read), WALPOOL_CANCELLED);
    walpool_token_close(token);
    unblock();
    check_applied("first");
}

TEST(expiry__cancels_a_job_that_has_begun)
{
    block_writes();
    walpool_token *token = walpool_token_open(&err);
    struct errand read = errand(
        WALPOOL_OP_READ, db,
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
        "SELECT count(*) FROM c");
    read.call.token = token;
    read.call.timeout_ms = 60000;
    hand_in(queue, &read);
    CHECK_EVENTUALLY(api_health(db).readers_leased == 1);
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_DONE(next_completion(queue), WALPOOL_CANCELLED);
    walpool_rows_finish(&read.rows);
    walpool_token_close(token);
    unblock();
    check_applied("first");
}

TEST(expiry__runs_a_job_whose_token_was_closed_meanwhile)
{
    block_writes();
    walpool_token *token = walpool_token_open(&err);
    struct errand next =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t(v) VALUES ('next')");
    next.call.token = token;
    hand_in(queue, &next);
    walpool_token_close(token);
    unblock();
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    struct errand refused = errand(WALPOOL_OP_WRITE, db, "DELETE FROM t");
    refused.call.token = token;
    refused.job.call = &refused.call;
    refused.job.statements = &refused.statement;
    CHECK_STATUS(walpool_submit(queue, &refused.job, &err), WALPOOL_CLOSED);
    check_applied("first,next");
}

TEST(expiry__does_not_drop_what_ends_a_lease_or_a_cursor)
{
    queue = open_queue();
    db = open_table("a.db");
    walpool_token *token = walpool_token_open(&err);
    CHECK_OK(walpool_cancel(token, &err));
    lease = api_acquire(db, WALPOOL_WRITE);
    struct errand rollback = errand(WALPOOL_OP_ROLLBACK, lease, NULL);
    struct errand release = errand(WALPOOL_OP_RELEASE, lease, NULL);
    rollback.call.token = release.call.token = token;
    CHECK_DONE(finish_errand(queue, &rollback), WALPOOL_OK);
    CHECK_DONE(finish_errand(queue, &release), WALPOOL_OK);
    walpool_token_close(token);
    walpool_queue_close(queue);
    api_close(db);
}

enum { ROUNDS = 20, STORM = 64 };

static walpool_token *storm_tokens[STORM];

static void *
cancel_some(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < STORM; i += 3)
        walpool_cancel(storm_tokens[i], NULL);
    return NULL;
}

/* Jobs whose deadlines, cancels and turns come at about the same time. */
static void
hand_in_storm(struct errand *list)
{
    for (size_t i = 0; i < STORM; i++) {
        storm_tokens[i] = walpool_token_open(&err);
        list[i] = errand(i % 2 ? WALPOOL_OP_WRITE : WALPOOL_OP_READ, db,
                         i % 2 ? "INSERT INTO t(v) VALUES (1)"
                               : "SELECT count(*) FROM t");
        list[i].job.id = i;
        list[i].call.timeout_ms = 1 + (int64_t)(i % 4);
        list[i].call.token = storm_tokens[i];
        hand_in(queue, &list[i]);
    }
}

static void
check_storm(struct errand *list)
{
    int ended[STORM] = {0};
    for (size_t i = 0; i < STORM; i++) {
        walpool_completion done = next_completion(queue);
        CHECK(done.error.status == WALPOOL_OK ||
              done.error.status == WALPOOL_TIMEOUT ||
              done.error.status == WALPOOL_CANCELLED);
        CHECK_INT(ended[done.id]++, 0);
    }
    for (size_t i = 0; i < STORM; i++)
        walpool_rows_finish(&list[i].rows);
}

TEST(expiry__ends_every_job_once_however_cancels_deadlines_and_turns_meet)
{
    static struct errand list[STORM];
    walpool_completion done;
    queue = open_queue();
    db = open_table("a.db");
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread;
        hand_in_storm(list);
        CHECK_INT(pthread_create(&thread, NULL, cancel_some, NULL), 0);
        check_storm(list);
        CHECK_INT(pthread_join(thread, NULL), 0);
        for (size_t i = 0; i < STORM; i++)
            walpool_token_close(storm_tokens[i]);
        CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 0);
    }
    walpool_queue_close(queue);
    api_close(db);
}

CHECK_MAIN()
