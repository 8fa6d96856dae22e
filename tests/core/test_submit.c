/* submit: every operation through a queue, their order, deadlines, cancels. */
#include "jobs.h"

TEST(submit__opens_reads_writes_checkpoints_and_closes)
{
    walpool_queue *queue = open_queue();
    struct errand work = errand(WALPOOL_OP_OPEN, NULL, NULL);
    work.job.name = check_path("a.db");
    walpool_completion done = finish_errand(queue, &work);
    CHECK_DONE(done, WALPOOL_OK);
    walpool *db = done.result;
    CHECK_OP(queue, WALPOOL_OP_WRITE, db, "CREATE TABLE t(n)");
    CHECK_OP(queue, WALPOOL_OP_WRITE, db, "INSERT INTO t VALUES (7), (8)");
    work = errand(WALPOOL_OP_READ, db, "SELECT n FROM t ORDER BY n");
    hand_in(queue, &work);
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    CHECK_INT(walpool_rows_count(&work.rows), 2);
    CHECK_INT(walpool_rows_int64(&work.rows, 1, 0), 8);
    walpool_rows_finish(&work.rows);
    work = errand(WALPOOL_OP_CHECKPOINT, db, NULL);
    work.job.mode = WALPOOL_TRUNCATE;
    done = finish_errand(queue, &work);
    CHECK_DONE(done, WALPOOL_OK);
    CHECK_INT(done.checkpoint.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_OP(queue, WALPOOL_OP_CLOSE, db, NULL);
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_CLOSED);
    walpool_queue_close(queue);
}

TEST(submit__runs_a_batch_and_names_the_statement_that_failed)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_statement list[] = {{.sql = "INSERT INTO t(v) VALUES (1), (2)"},
                                {.sql = "INSERT INTO t VALUES (1, 3)"}};
    walpool_result results[2];
    walpool_job job = {.op = WALPOOL_OP_BATCH,
                       .target = db,
                       .statements = list,
                       .statement_count = 2,
                       .results = results};
    CHECK_OK(walpool_submit(queue, &job, &err));
    walpool_completion done = next_completion(queue);
    CHECK_DONE(done, WALPOOL_CONSTRAINT);
    CHECK_INT(done.error.statement, 1);
    CHECK_STR(walpool_sqlite_code_name(done.error.sqlite_code),
              "SQLITE_CONSTRAINT_PRIMARYKEY");
    CHECK_INT(done.error.outcome, WALPOOL_NOT_APPLIED);
    list[1].sql = "INSERT INTO t(v) VALUES (3)";
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    CHECK_INT(results[0].changes, 2);
    CHECK_INT(results[1].last_rowid, 3);
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__carries_out_every_step_of_a_transaction)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_lease *lease =
        finish_op(queue, WALPOOL_OP_ACQUIRE_WRITE, db, NULL).result;
    CHECK(lease != NULL);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (1, 1)");
    CHECK_OP(queue, WALPOOL_OP_SAVEPOINT, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (2, 2)");
    CHECK_OP(queue, WALPOOL_OP_ROLLBACK, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_COMMIT, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_BEGIN, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (3, 3)");
    CHECK_OP(queue, WALPOOL_OP_RELEASE, lease, NULL);
    CHECK_INT(api_number(db, "SELECT group_concat(n) = '1' FROM t"), 1);
    CHECK_DONE(finish_op(queue, WALPOOL_OP_RUN, lease, "SELECT 1"),
               WALPOOL_CLOSED);
    walpool_queue_close(queue);
    api_close(db);
}

static const char many_rows[] =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
    "WHERE n < 30000) SELECT n, 'some text to make it long' || n FROM c";

static walpool_cursor *
start_scan(walpool_queue *queue, int32_t op, void *target)
{
    struct errand work = errand(op, target, many_rows);
    hand_in(queue, &work);
    CHECK_DONE(next_completion(queue), WALPOOL_OK);
    walpool_cursor *cursor = api_cursor(&work.rows);
    CHECK(cursor != NULL);
    walpool_rows_finish(&work.rows);
    return cursor;
}

TEST(submit__fetches_the_rest_of_a_result_or_closes_it)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_cursor *cursor = start_scan(queue, WALPOOL_OP_READ, db);
    struct errand work = errand(WALPOOL_OP_CURSOR_NEXT, cursor, NULL);
    size_t blocks = 0;
    do {
        hand_in(queue, &work);
        CHECK_DONE(next_completion(queue), WALPOOL_OK);
        blocks++;
    } while (api_cursor(&work.rows) != NULL);
    CHECK(blocks > 0);
    size_t count = walpool_rows_count(&work.rows);
    CHECK_INT(walpool_rows_int64(&work.rows, count - 1, 0), 30000);
    walpool_rows_finish(&work.rows);
    cursor = start_scan(queue, WALPOOL_OP_READ, db);
    CHECK_OP(queue, WALPOOL_OP_CURSOR_CLOSE, cursor, NULL);
    CHECK_INT(api_health(db).readers_leased, 0);
    walpool_queue_close(queue);
    api_close(db);
}

/* Wait for `count` completions, in any order, all of this status. */
static void
check_all(walpool_queue *queue, size_t count, walpool_status want)
{
    for (size_t i = 0; i < count; i++)
        CHECK_DONE(next_completion(queue), want);
}

static void
make_inserts(struct errand *list, size_t count, int32_t op, void *target)
{
    for (size_t i = 0; i < count; i++)
        list[i] = errand(op, target, "INSERT INTO t(v) VALUES (?)");
}

/* Give errand number i the parameter i. */
static void
add_numbers(struct errand *list, size_t count, walpool_rows *params)
{
    for (size_t i = 0; i < count; i++) {
        walpool_rows_init(&params[i]);
        CHECK_OK(walpool_rows_begin(&params[i], 1, NULL, &err));
        CHECK_OK(walpool_rows_add_int64(&params[i], (int64_t)i, &err));
        list[i].statement.params = params[i].data;
        list[i].statement.params_bytes =
            (size_t)api_header(&params[i])->arena_end;
    }
}

enum { MANY = 300 };

static struct errand list[MANY];
static walpool_rows params[MANY];

static void
free_many(void)
{
    for (size_t i = 0; i < MANY; i++) {
        walpool_rows_finish(&params[i]);
        walpool_rows_finish(&list[i].rows);
    }
}

#define COUNT_ORDERED "SELECT count(*) FROM t WHERE v = n - 1"

TEST(submit__keeps_the_order_of_writes)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    make_inserts(list, MANY, WALPOOL_OP_WRITE, db);
    add_numbers(list, MANY, params);
    for (size_t i = 0; i < MANY; i++)
        hand_in(queue, &list[i]);
    check_all(queue, MANY, WALPOOL_OK);
    CHECK_INT(api_number(db, COUNT_ORDERED), MANY);
    free_many();
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__keeps_the_order_on_a_lease_and_never_answers_busy)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    struct errand commit = errand(WALPOOL_OP_COMMIT, lease, NULL);
    struct errand release = errand(WALPOOL_OP_RELEASE, lease, NULL);
    make_inserts(list, MANY, WALPOOL_OP_RUN, lease);
    add_numbers(list, MANY, params);
    for (size_t i = 0; i < MANY; i++)
        hand_in(queue, &list[i]);
    hand_in(queue, &commit);
    hand_in(queue, &release);
    check_all(queue, MANY + 2, WALPOOL_OK);
    CHECK_INT(api_number(db, COUNT_ORDERED), MANY);
    free_many();
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__keeps_a_cursor_and_its_lease_apart)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    walpool_cursor *cursor = start_scan(queue, WALPOOL_OP_RUN, lease);
    struct errand fetch = errand(WALPOOL_OP_CURSOR_NEXT, cursor, NULL);
    struct errand run = errand(WALPOOL_OP_RUN, lease, many_rows);
    struct errand finish = errand(WALPOOL_OP_CURSOR_CLOSE, cursor, NULL);
    struct errand release = errand(WALPOOL_OP_RELEASE, lease, NULL);
    run.call.flags = WALPOOL_CALL_FIRST;
    walpool_rows_finish(&fetch.rows);
    static _Alignas(8) unsigned char room[4096];
    walpool_rows_wrap(&fetch.rows, room, sizeof room);
    hand_in(queue, &fetch);
    hand_in(queue, &run);
    hand_in(queue, &finish);
    hand_in(queue, &release);
    check_all(queue, 4, WALPOOL_OK);
    walpool_rows_finish(&run.rows);
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__lets_a_write_wait_for_a_lease_of_the_same_queue)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_lease *lease =
        finish_op(queue, WALPOOL_OP_ACQUIRE_WRITE, db, NULL).result;
    struct errand waits =
        errand(WALPOOL_OP_WRITE, db, "INSERT INTO t VALUES (2, 'second')");
    hand_in(queue, &waits);
    CHECK_EVENTUALLY(api_health(db).writer_waiters == 1);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (1, 1)");
    struct errand commit = errand(WALPOOL_OP_COMMIT, lease, NULL);
    struct errand release = errand(WALPOOL_OP_RELEASE, lease, NULL);
    hand_in(queue, &commit); /* the writer goes to the next here already */
    hand_in(queue, &release);
    check_all(queue, 3, WALPOOL_OK);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__lets_leases_go_on_while_all_readers_are_waited_for)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    walpool_lease *first = api_acquire(db, WALPOOL_READ);
    walpool_lease *second = api_acquire(db, WALPOOL_READ);
    struct errand waits[6];
    for (size_t i = 0; i < 6; i++) {
        waits[i] = errand(WALPOOL_OP_READ, db, "SELECT 1");
        hand_in(queue, &waits[i]);
    }
    CHECK_EVENTUALLY(api_health(db).reader_waiters == 4);
    CHECK_OP(queue, WALPOOL_OP_RUN, first, "SELECT 1");
    struct errand release = errand(WALPOOL_OP_RELEASE, first, NULL);
    hand_in(queue, &release);
    check_all(queue, 7, WALPOOL_OK);
    for (size_t i = 0; i < 6; i++)
        walpool_rows_finish(&waits[i].rows);
    CHECK_OK(walpool_release(second, &err));
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__does_not_let_one_database_wait_for_the_writer_of_another)
{
    walpool_queue *queue = open_queue();
    walpool *a = open_table("a.db"), *b = open_table("b.db");
    walpool_lease *lease = api_acquire(a, WALPOOL_WRITE);
    struct errand waits = errand(WALPOOL_OP_WRITE, a, "DELETE FROM t");
    struct errand behind = errand(WALPOOL_OP_WRITE, a, "DELETE FROM t");
    struct errand other = errand(WALPOOL_OP_WRITE, b, "DELETE FROM t");
    hand_in(queue, &waits);
    hand_in(queue, &behind);
    hand_in(queue, &other);
    CHECK_INT(next_completion(queue).id, other.job.id);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(next_completion(queue).id, waits.job.id);
    CHECK_INT(next_completion(queue).id, behind.job.id);
    walpool_queue_close(queue);
    api_close(a);
    api_close(b);
}

static const struct {
    int32_t op;
    size_t statements;
    const char *message;
} refused[] = {
    {-1, 0, "there is no op -1"},
    {1000, 0, "there is no op 1000"},
    {WALPOOL_OP_READ, 0, "the target is NULL"},
    {WALPOOL_OP_RELEASE, 0, "the target is NULL"},
    {WALPOOL_OP_OPEN, 2, "only a batch takes more than one"},
};

TEST(submit__refuses_jobs_that_make_no_sense)
{
    walpool_queue *queue = open_queue();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        walpool_job job = {.op = refused[i].op,
                           .statement_count = refused[i].statements};
        CHECK_STATUS(walpool_submit(queue, &job, &err), WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, refused[i].message);
        CHECK_INT(walpool_submit(queue, &job, NULL), WALPOOL_MISUSE);
    }
    CHECK_STATUS(walpool_submit(queue, NULL, &err), WALPOOL_MISUSE);
    walpool_completion done;
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 0);
    walpool_queue_close(queue);
}

TEST(submit__completes_a_job_on_a_wrong_target_with_its_error)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    CHECK_DONE(finish_op(queue, WALPOOL_OP_RUN, db, "SELECT 1"),
               WALPOOL_MISUSE);
    CHECK_DONE(finish_op(queue, WALPOOL_OP_READ, queue, "SELECT 1"),
               WALPOOL_MISUSE);
    CHECK_DONE(finish_op(queue, WALPOOL_OP_CURSOR_CLOSE, (void *)8, NULL),
               WALPOOL_MISUSE);
    CHECK_DONE(finish_op(queue, WALPOOL_OP_READ, db, NULL), WALPOOL_MISUSE);
    walpool_completion done =
        finish_op(queue, WALPOOL_OP_READ, db, "SELECT nothing FROM t");
    CHECK_DONE(done, WALPOOL_SQL);
    CHECK_INT(done.error.sql_offset, 7);
    struct errand bad = errand(WALPOOL_OP_WRITE, db, "DELETE FROM t");
    bad.call.timeout_ms = -2;
    CHECK_DONE(finish_errand(queue, &bad), WALPOOL_MISUSE);
    CHECK_DONE(finish_op(queue, WALPOOL_OP_OPEN, NULL, NULL), WALPOOL_MISUSE);
    api_close(db);
    CHECK_DONE(finish_op(queue, WALPOOL_OP_WRITE, db, "DELETE FROM t"),
               WALPOOL_CLOSED);
    walpool_queue_close(queue);
}

CHECK_MAIN()
