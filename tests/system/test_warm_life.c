/* What may come between reads from a snapshot that stays: a close, a fork, a
 * cancel, a deadline. */
#include "warm.h"

enum { CLOSES = 30, THREADS = 8 };

static walpool *shared;

static void *
read_until_closed(void *unused)
{
    walpool_statement ask = {.sql = "SELECT count(*) FROM t"};
    walpool_status status = WALPOOL_OK;
    walpool_rows rows;
    (void)unused;
    walpool_rows_init(&rows);
    while (status == WALPOOL_OK)
        status = walpool_read(shared, &ask, NULL, &rows, &err);
    CHECK_STATUS(status, WALPOOL_CLOSED);
    walpool_rows_finish(&rows);
    return NULL;
}

/* A short time, so that the sweeper runs, and a long one, so that it sleeps.
 * The close copies the WAL and removes it: nobody keeps a snapshot. */
static void
close_while_all_read(const char *options)
{
    pthread_t threads[THREADS];
    shared = warm_db = api_open("a.db", options);
    CHECK_OK(api_write(shared, "CREATE TABLE IF NOT EXISTS t(n)"));
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_until_closed, NULL), 0);
    CHECK_EVENTUALLY(warm_stays());
    api_close(shared);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

TEST(warm__close_meets_many_readers)
{
    for (int i = 0; i < CLOSES; i++)
        close_while_all_read(i % 2 ? "readers=4&snapshot_keep=1"
                                   : "readers=4&snapshot_keep=1000");
}

static void
read_in_the_child(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(warm_read(), WALPOOL_FORKED);
    CHECK_STATUS(walpool_close(warm_db, -1, &err), WALPOOL_FORKED);
}

TEST(warm__fork_leaves_the_snapshot_to_the_parent)
{
    warm_learn();
    warm_begin(20000);
    for (int i = 0; i < 5; i++) {
        warm_up();
        api_forked(read_in_the_child);
        CHECK_OK(warm_read());
        warm_insert();
        CHECK_OK(warm_read());
    }
    warm_end();
}

/* ------------------------------------------------------------ calls that stop */

static const walpool_statement endless = {
    .sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
           "SELECT max(c.n) FROM c, t"};

static void *
cancel_when_it_runs(void *token)
{
    CHECK_EVENTUALLY(api_health(warm_db).readers_leased == 1);
    CHECK_OK(walpool_cancel(token, &err));
    return NULL;
}

static void
check_the_next(void)
{
    CHECK(warm_is_looked_after());
    CHECK_OK(warm_read());
    warm_insert();
    CHECK_OK(warm_read());
}

TEST(warm__a_cancel_ends_the_call_and_not_the_next)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    warm_learn();
    warm_begin(20000);
    for (int i = 0; i < 5; i++) {
        walpool_call call = WALPOOL_CALL_INIT;
        pthread_t thread;
        warm_up();
        call.token = walpool_token_open(&err);
        CHECK(call.token != NULL);
        CHECK_INT(pthread_create(&thread, NULL, cancel_when_it_runs, call.token),
                  0);
        CHECK_STATUS(walpool_read(warm_db, &endless, &call, &rows, &err),
                     WALPOOL_CANCELLED);
        CHECK_INT(pthread_join(thread, NULL), 0);
        walpool_token_close(call.token);
        check_the_next();
    }
    walpool_rows_finish(&rows);
    warm_end();
}

TEST(warm__a_deadline_ends_the_call_and_not_the_next)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    warm_learn();
    warm_begin(20000);
    for (int timeout = 0; timeout <= 20; timeout += 5) {
        walpool_call call = WALPOOL_CALL_INIT;
        warm_up();
        call.timeout_ms = timeout + 1;
        CHECK_STATUS(walpool_read(warm_db, &endless, &call, &rows, &err),
                     WALPOOL_TIMEOUT);
        check_the_next();
    }
    walpool_rows_finish(&rows);
    warm_end();
}

CHECK_MAIN()
