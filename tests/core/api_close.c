/* Closing: while calls run, twice at once, with leases out, again and again. */
#include <stdbool.h>

#include "api.h"

static walpool *db;

/* --------------------------------------------------- while others call it */

struct caller {
    pthread_t thread;
    int number;
    int64_t done;
    walpool_status last;
};

static walpool_status
one_call(int number)
{
    walpool_statement query = {.sql = "SELECT count(*) FROM t"};
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    walpool_health health;
    walpool_lease *lease;
    switch (number % 5) {
    case 0:
        return walpool_read(db, &query, NULL, NULL, &err);
    case 1:
        return walpool_write(db, &insert, NULL, NULL, &err);
    case 2:
        return walpool_health_get(db, &health, &err);
    case 3:
        return walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, NULL, &err);
    default:
        lease = walpool_acquire(db, number % 2 ? WALPOOL_READ : WALPOOL_WRITE,
                                NULL, &err);
        return lease == NULL ? (walpool_status)err.status
                             : walpool_release(lease, &err);
    }
}

static void *
call_until_closed(void *argument)
{
    struct caller *caller = argument;
    do {
        caller->last = one_call(caller->number + (int)caller->done);
        caller->done++;
    } while (caller->last == WALPOOL_OK);
    return NULL;
}

TEST(close__ends_while_many_threads_call_and_they_are_told)
{
    struct caller callers[6];
    for (int round = 0; round < 20; round++) {
        db = api_open("a.db", "busy_timeout=30000");
        CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(v)"));
        for (int i = 0; i < 6; i++) {
            callers[i] = (struct caller){.number = i};
            CHECK_INT(pthread_create(&callers[i].thread, NULL,
                                     call_until_closed, &callers[i]),
                      0);
        }
        CHECK_EVENTUALLY(api_health(db).writes > 5);
        CHECK_OK(walpool_close(db, 30000, &err));
        for (int i = 0; i < 6; i++) {
            pthread_join(callers[i].thread, NULL);
            CHECK_INT(callers[i].last, WALPOOL_CLOSED);
        }
        CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    }
}

static void *
close_it(void *argument)
{
    *(walpool_status *)argument = walpool_close(db, 10000, &err);
    return NULL;
}

TEST(close__by_two_threads_succeeds_for_one)
{
    for (int round = 0; round < 50; round++) {
        pthread_t threads[2];
        walpool_status status[2];
        db = api_open("a.db", "");
        for (int i = 0; i < 2; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, close_it, &status[i]),
                      0);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        CHECK(status[0] == WALPOOL_OK || status[1] == WALPOOL_OK);
        CHECK(status[0] == WALPOOL_CLOSED || status[1] == WALPOOL_CLOSED);
    }
}

/* ------------------------------------------------------------- leases out */

TEST(close__with_a_lease_out_names_it_and_leaves_all_usable)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = "nightly export";
    call.flags = WALPOOL_CALL_ANY_THREAD;
    db = api_open("a.db", "close_timeout=30");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (int kind = WALPOOL_READ; kind <= WALPOOL_WRITE; kind++) {
        walpool_lease *lease =
            walpool_acquire(db, (walpool_kind)kind, &call, &err);
        CHECK(lease != NULL);
        int64_t began = check_now_ms();
        CHECK_STATUS(walpool_close(db, -1, &err), WALPOOL_TIMEOUT);
        CHECK(check_now_ms() - began >= 29);
        CHECK_CONTAINS(err.message, "nightly export");
        CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_TIMEOUT);
        CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
        CHECK_INT(api_lease_number(lease, "SELECT 5"), 5);
        CHECK_OK(walpool_release(lease, &err));
    }
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    CHECK_OK(walpool_close(db, 0, &err));
}

TEST(close__with_a_cursor_out_waits_for_it)
{
    walpool_statement many = {
        .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
               " LIMIT 300000) SELECT i FROM n"};
    walpool_rows rows;
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    CHECK_OK(walpool_read(db, &many, NULL, &rows, &err));
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_TIMEOUT);
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    CHECK_OK(walpool_close(db, 0, &err));
    walpool_rows_finish(&rows);
}

static void *
close_patiently(void *argument)
{
    *(walpool_status *)argument = walpool_close(db, 30000, &err);
    return NULL;
}

TEST(close__lets_a_writer_commit_that_it_waits_for)
{
    pthread_t thread;
    walpool_status closed;
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES (1)"));
    CHECK_INT(pthread_create(&thread, NULL, close_patiently, &closed), 0);
    walpool_statement query = {.sql = "SELECT 1"};
    CHECK_EVENTUALLY(walpool_read(db, &query, NULL, NULL, &err) != WALPOOL_OK);
    CHECK_INT(err.status, WALPOOL_CLOSED);
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES (2)"));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    pthread_join(thread, NULL);
    CHECK_INT(closed, WALPOOL_OK);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    api_close(db);
}

TEST(close__does_not_wait_for_a_writer_lease_between_transactions)
{
    db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "CREATE TABLE t(v)"));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_close(db, 0, &err));
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    CHECK_STATUS(walpool_begin(lease, NULL, &err), WALPOOL_CLOSED);
    CHECK_STATUS(api_run(lease, "INSERT INTO t VALUES (1)"), WALPOOL_MISUSE);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_STATUS(walpool_release(lease, &err), WALPOOL_CLOSED);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    api_close(db);
}

static atomic_bool turned_away;

/* Give up again and again, until somebody has met it. */
static void *
close_until_met(void *argument)
{
    do
        *(walpool_status *)argument = walpool_close(db, 20, &err);
    while (!atomic_load(&turned_away));
    return NULL;
}

TEST(close__turns_calls_away_while_it_waits_and_takes_them_when_it_gave_up)
{
    walpool_statement query = {.sql = "SELECT 1"};
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    pthread_t thread;
    walpool_status closed;
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (int kind = WALPOOL_READ; kind <= WALPOOL_WRITE; kind++) {
        bool writes = kind == WALPOOL_WRITE;
        walpool_lease *lease = api_acquire(db, (walpool_kind)kind);
        atomic_store(&turned_away, false);
        CHECK_INT(pthread_create(&thread, NULL, close_until_met, &closed), 0);
        CHECK_EVENTUALLY(walpool_read(db, &query, NULL, NULL, &err) ==
                         WALPOOL_CLOSED);
        CHECK_CONTAINS(err.message, "being closed");
        atomic_store(&turned_away, true);
        pthread_join(thread, NULL);
        CHECK_INT(closed, WALPOOL_TIMEOUT);
        CHECK_OK(walpool_read(db, &query, NULL, NULL, &err));
        if (writes)
            CHECK_OK(walpool_commit(lease, NULL, &err));
        CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
        CHECK_OK(walpool_release(lease, &err));
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    CHECK_OK(walpool_close(db, 0, &err));
}

/* ------------------------------------------------------------ again and again
 */

static char path[512];

static void *
open_and_close(void *argument)
{
    atomic_int *failures = argument;
    for (int i = 0; i < 40; i++) {
        walpool *mine = walpool_open(path, NULL, &err);
        walpool_statement update = {.sql = "UPDATE t SET v = v + 1"};
        int failed = mine == NULL;
        if (!failed) {
            failed |=
                walpool_write(mine, &update, NULL, NULL, &err) != WALPOOL_OK;
            failed |= walpool_close(mine, -1, &err) != WALPOOL_OK;
        }
        if (failed)
            printf("# %s\n", err.message);
        atomic_fetch_add(failures, failed);
    }
    return NULL;
}

TEST(close__and_open_by_many_threads_never_fails)
{
    pthread_t threads[6];
    atomic_int failures = 0;
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (0)"));
    api_close(db);
    for (int i = 0; i < 6; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, open_and_close, &failures),
                  0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&failures), 0);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT v FROM t"), 240);
    api_close(db);
}

TEST(close__leaves_no_descriptor_open)
{
    int before = dup(0);
    for (int i = 0; i < 30; i++) {
        db = api_open("a.db", "readers=3");
        walpool_lease *a = api_acquire(db, WALPOOL_READ);
        walpool_lease *b = api_acquire(db, WALPOOL_READ);
        CHECK_OK(walpool_release(a, &err));
        CHECK_OK(walpool_release(b, &err));
        CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
        api_close(db);
    }
    int after = dup(0);
    CHECK(after <= before + 2);
    close(before);
    close(after);
}

CHECK_MAIN()
