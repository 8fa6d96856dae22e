/* Private leases: close, fork, and many threads at once. */
#include "api.h"

#define THREADS 8
#define ROUNDS 100

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
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0); /* checkpointer */
    CHECK_INT(api_health(db).private_open, 0);
    api_close(db);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

/* ----------------------------------------------------------- close and fork */

static void *
release_a(void *argument)
{
    (void)argument;
    CHECK_EVENTUALLY(api_write(db, "SELECT 1") == WALPOOL_CLOSED);
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)")); /* its end needs it */
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_OK(walpool_release(a, &err));
    return NULL;
}

TEST(private__a_close_waits_for_it_and_lets_it_come_to_its_end)
{
    pthread_t thread;
    begin("");
    CHECK_OK(walpool_release(b, &err));
    CHECK_STATUS(walpool_close(db, 20, &err), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "a private lease of driver a");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (0)")); /* goes on */
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(pthread_create(&thread, NULL, release_a, NULL), 0);
    CHECK_OK(walpool_close(db, 50000, &err));
    pthread_join(thread, NULL);
    CHECK_STATUS(api_run(a, "SELECT 1"), WALPOOL_CLOSED);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    api_close(db);
}

static void
call_in_child(void)
{
    walpool_statement select_1 = {.sql = "SELECT 1"};
    CHECK_STATUS(walpool_run(a, &select_1, NULL, NULL, &err), WALPOOL_FORKED);
    CHECK_STATUS(walpool_begin(a, NULL, &err), WALPOOL_FORKED);
    CHECK_STATUS(walpool_commit(a, NULL, &err), WALPOOL_FORKED);
    CHECK_STATUS(walpool_release(a, &err), WALPOOL_FORKED);
    CHECK_NULL(walpool_acquire(db, WALPOOL_PRIVATE, NULL, &err),
               WALPOOL_FORKED);
    CHECK_NULL(walpool_private_sqlite3(a, "x", &err), WALPOOL_FORKED);
    CHECK_STATUS(walpool_private_hooks(a, NULL, &err), WALPOOL_FORKED);
}

TEST(private__a_child_is_told_of_the_fork_and_closes_nothing)
{
    begin("");
    CHECK_OK(api_run(a, "CREATE TEMP TABLE mine(v)"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    api_forked(call_in_child);
    CHECK_OK(api_run(a, "INSERT INTO mine SELECT v FROM t"));
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM mine"), 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    end();
}

/* --------------------------------------------------------------- many at once */

/* Two of three threads are private, the third uses the pool; none may meet a
 * locked database, and every step of each counter must be there. */
static void
step_private(walpool_lease *mine, int round)
{
    char sql[80];
    if (round % 3 == 0) {
        CHECK_OK(api_run(mine, "UPDATE counter SET n = n + 1"));
        return;
    }
    CHECK_OK(api_run(mine, round % 3 == 1 ? "BEGIN IMMEDIATE"
                                          : "BEGIN; -- deferred"));
    if (round % 3 == 2) /* has not read, so it is never stale */
        CHECK_OK(api_run(mine, "UPDATE counter SET n = n"));
    snprintf(sql, sizeof sql, "UPDATE counter SET n = %lld",
             (long long)api_lease_number(mine, "SELECT n FROM counter") + 1);
    CHECK_OK(api_run(mine, sql));
    CHECK_OK(api_run(mine, "COMMIT"));
}

static void *
count_up(void *argument)
{
    int number = (int)(intptr_t)argument;
    walpool_lease *mine = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_OK(api_run(mine, "CREATE TEMP TABLE mine(n)"));
    for (int round = 0; round < ROUNDS; round++) {
        if (number % 3 == 2)
            CHECK_OK(api_write(db, "UPDATE counter SET n = n + 1"));
        else
            step_private(mine, round);
        CHECK_OK(api_run(mine, "INSERT INTO mine SELECT n FROM counter"));
    }
    CHECK_INT(api_lease_number(mine, "SELECT count(DISTINCT n) FROM mine"),
              ROUNDS);
    CHECK_OK(walpool_release(mine, &err));
    return NULL;
}

TEST(private__many_threads_write_without_an_error_and_sums_are_exact)
{
    pthread_t threads[THREADS];
    begin("busy_timeout=50000&checkpoint_frames=20");
    CHECK_OK(api_write(db, "CREATE TABLE counter(n)"));
    CHECK_OK(api_write(db, "INSERT INTO counter VALUES (0)"));
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, count_up,
                                 (void *)(intptr_t)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(api_number(db, "SELECT n FROM counter"), THREADS * ROUNDS);
    CHECK_INT(api_health(db).errors, 0);
    CHECK(api_health(db).checkpoints > 0);
    end();
}

CHECK_MAIN()
