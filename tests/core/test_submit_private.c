/* submit: leases that wait for the writer never hold up the one that has it,
 * and their jobs keep their order wherever they are carried out. */
#include "jobs.h"

enum { MANY = 40 }; /* more than there are threads for them */

static walpool *db;
static walpool_queue *queue;

static void
begin(void)
{
    db = api_open("a.db", "busy_timeout=50000");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    queue = open_queue();
}

static walpool_lease *
acquire(int32_t op)
{
    walpool_completion done = finish_op(queue, op, db, NULL);
    CHECK_DONE(done, WALPOOL_OK);
    CHECK(done.result != NULL);
    return done.result;
}

static void
end(int64_t rows)
{
    CHECK_INT(api_health(db).private_open, 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), rows);
    walpool_queue_close(queue);
    api_close(db);
}

TEST(submit__opens_private_leases_and_runs_on_them)
{
    begin();
    walpool_lease *lease = acquire(WALPOOL_OP_ACQUIRE_PRIVATE);
    CHECK_INT(api_health(db).private_open, 1);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (1)");
    CHECK_OP(queue, WALPOOL_OP_BEGIN, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (2)");
    CHECK_OP(queue, WALPOOL_OP_SAVEPOINT, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES (3)");
    CHECK_OP(queue, WALPOOL_OP_ROLLBACK, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_COMMIT, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_RELEASE, lease, NULL);
    end(2);
}

/* From one lane to the other and back, with all in the queue at once. */
TEST(submit__keeps_the_order_on_a_private_lease_through_its_transactions)
{
    static const char *const texts[] = {
        "BEGIN", "INSERT INTO t VALUES (1)", "SELECT v FROM t", "COMMIT",
        "INSERT INTO t VALUES (2)", "BEGIN IMMEDIATE", "UPDATE t SET v = v + 1",
        "ROLLBACK", "DELETE FROM t WHERE v = 1"};
    enum { COUNT = sizeof texts / sizeof *texts };
    struct errand errands[3][COUNT];
    walpool_lease *leases[3];
    uint64_t last[3] = {0};
    begin();
    for (int i = 0; i < 3; i++)
        leases[i] = acquire(WALPOOL_OP_ACQUIRE_PRIVATE);
    for (int i = 0; i < 3; i++)
        for (size_t n = 0; n < COUNT; n++) {
            errands[i][n] = errand(WALPOOL_OP_RUN, leases[i], texts[n]);
            hand_in(queue, &errands[i][n]);
        }
    for (size_t n = 0; n < 3 * COUNT; n++) {
        walpool_completion done = next_completion(queue);
        size_t i = (done.id - errands[0][0].job.id) / COUNT;
        if (done.error.status != WALPOOL_STALE) /* two wrote by turns */
            CHECK_DONE(done, WALPOOL_OK);
        CHECK(done.id > last[i]);
        last[i] = done.id;
    }
    for (int i = 0; i < 3; i++) {
        for (size_t n = 0; n < COUNT; n++)
            walpool_rows_finish(&errands[i][n].rows);
        CHECK_OP(queue, WALPOOL_OP_RELEASE, leases[i], NULL);
    }
    CHECK_INT(api_health(db).errors, 0);
    CHECK_INT(api_number(db, "SELECT min(v) FROM t"), 2);
    end(3);
}

TEST(submit__lets_the_writer_go_on_while_many_private_leases_wait_for_it)
{
    struct errand errands[MANY], commit;
    walpool_lease *leases[MANY], *holder;
    begin();
    holder = acquire(WALPOOL_OP_ACQUIRE_PRIVATE);
    for (int i = 0; i < MANY; i++)
        leases[i] = acquire(WALPOOL_OP_ACQUIRE_PRIVATE);
    CHECK_OP(queue, WALPOOL_OP_RUN, holder, "BEGIN IMMEDIATE");
    for (int i = 0; i < MANY; i++) {
        errands[i] = errand(WALPOOL_OP_RUN, leases[i],
                            "INSERT INTO t VALUES (1)");
        hand_in(queue, &errands[i]);
    }
    CHECK_EVENTUALLY(api_health(db).writer_waiters == 32);
    CHECK_OK(walpool_submit(queue, &(walpool_job){.op = WALPOOL_OP_SAVEPOINT,
                                                  .id = 7,
                                                  .target = holder}, &err));
    CHECK_INT(next_completion(queue).id, 7);
    commit = errand(WALPOOL_OP_RUN, holder, "COMMIT");
    hand_in(queue, &commit);
    for (int i = 0; i < MANY + 1; i++) /* nobody's deadline had to pass */
        CHECK_DONE(next_completion(queue), WALPOOL_OK);
    for (int i = 0; i < MANY; i++) {
        walpool_rows_finish(&errands[i].rows);
        CHECK_OP(queue, WALPOOL_OP_RELEASE, leases[i], NULL);
    }
    walpool_rows_finish(&commit.rows);
    CHECK_OP(queue, WALPOOL_OP_RELEASE, holder, NULL);
    end(MANY);
}

TEST(submit__lets_the_writer_go_on_while_other_writer_leases_begin)
{
    enum { COUNT = 6 }; /* more than there are threads for leases */
    struct errand begins[COUNT], commits[COUNT], commit;
    walpool_lease *leases[COUNT], *holder;
    begin();
    for (int i = 0; i < COUNT; i++) {
        leases[i] = acquire(WALPOOL_OP_ACQUIRE_WRITE);
        CHECK_OP(queue, WALPOOL_OP_COMMIT, leases[i], NULL);
    }
    holder = acquire(WALPOOL_OP_ACQUIRE_WRITE);
    for (int i = 0; i < COUNT; i++) {
        begins[i] = errand(WALPOOL_OP_BEGIN, leases[i], NULL);
        hand_in(queue, &begins[i]);
    }
    CHECK_EVENTUALLY(api_health(db).writer_waiters == COUNT);
    commit = errand(WALPOOL_OP_COMMIT, holder, NULL);
    hand_in(queue, &commit);
    for (int left = 2 * COUNT + 1; left > 0; left--) { /* each in its turn */
        walpool_completion done = next_completion(queue);
        size_t number = done.id - begins[0].job.id;
        CHECK_DONE(done, WALPOOL_OK);
        if (number >= COUNT)
            continue;
        commits[number] = errand(WALPOOL_OP_COMMIT, leases[number], NULL);
        hand_in(queue, &commits[number]);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_OP(queue, WALPOOL_OP_RELEASE, leases[i], NULL);
    CHECK_OP(queue, WALPOOL_OP_RELEASE, holder, NULL);
    end(0);
}

TEST(submit__expires_who_waits_and_lets_the_next_on_its_lease_begin)
{
    struct errand late, next, commit;
    walpool_lease *lease, *holder;
    begin();
    holder = acquire(WALPOOL_OP_ACQUIRE_PRIVATE);
    lease = acquire(WALPOOL_OP_ACQUIRE_PRIVATE);
    CHECK_OP(queue, WALPOOL_OP_RUN, holder, "BEGIN IMMEDIATE");
    late = errand(WALPOOL_OP_RUN, lease, "INSERT INTO t VALUES ('late')");
    late.call.timeout_ms = 30;
    next = errand(WALPOOL_OP_RUN, lease, "SELECT count(*) FROM t");
    hand_in(queue, &late);
    hand_in(queue, &next);
    walpool_completion done = next_completion(queue);
    CHECK_INT(done.id, late.job.id);
    CHECK_DONE(done, WALPOOL_TIMEOUT);
    CHECK_INT(done.error.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(next_completion(queue).id, next.job.id);
    commit = errand(WALPOOL_OP_RUN, holder, "COMMIT");
    CHECK_DONE(finish_errand(queue, &commit), WALPOOL_OK);
    walpool_rows_finish(&late.rows);
    walpool_rows_finish(&next.rows);
    CHECK_OP(queue, WALPOOL_OP_RELEASE, lease, NULL);
    CHECK_OP(queue, WALPOOL_OP_RELEASE, holder, NULL);
    end(0);
}

TEST(submit__closes_private_leases_that_nobody_took)
{
    begin();
    struct errand made = errand(WALPOOL_OP_ACQUIRE_PRIVATE, db, NULL);
    hand_in(queue, &made);
    CHECK_EVENTUALLY(api_health(db).private_open == 1);
    walpool_queue_close(queue);
    queue = open_queue();
    CHECK_INT(api_health(db).private_open, 0);
    end(0);
}

CHECK_MAIN()
