/* After fork(): the child is told so by every call, touches nothing that it
 * inherited, and the parent goes on as if nothing had happened. */
#include "api.h"

static walpool *db;
static walpool_lease *reader, *writer;
static walpool_rows rows;
static walpool_cursor *cursor;

static const walpool_statement select_1 = {.sql = "SELECT 1"};
static const walpool_statement many = {
    .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
           "LIMIT 300000) SELECT i FROM n"};

static void
set_up(void)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    reader = api_acquire(db, WALPOOL_READ);
    walpool_rows_init(&rows);
    CHECK_OK(walpool_read(db, &many, NULL, &rows, &err));
    cursor = api_cursor(&rows);
    writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(writer, "INSERT INTO t VALUES (2)"));
}

/* The parent finds everything as it was. */
static void
tear_down(void)
{
    CHECK_OK(api_run(writer, "INSERT INTO t VALUES (3)"));
    CHECK_OK(walpool_commit(writer, NULL, &err));
    CHECK_OK(walpool_release(writer, &err));
    CHECK_INT(api_lease_number(reader, "SELECT count(*) FROM t"), 1);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_OK(walpool_cursor_close(cursor, &err));
    walpool_rows_finish(&rows);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (4)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 4);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

#define FORKED(call) CHECK_STATUS(call, WALPOOL_FORKED)

static void
call_everything(void)
{
    walpool_rows mine;
    walpool_health health;
    char byte;
    walpool_rows_init(&mine);
    FORKED(walpool_read(db, &select_1, NULL, &mine, &err));
    CHECK_CONTAINS(err.message, "fork");
    FORKED(walpool_write(db, &select_1, NULL, &mine, &err));
    FORKED(walpool_batch(db, &select_1, 1, NULL, NULL, NULL, &err));
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, NULL, &err), WALPOOL_FORKED);
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err), WALPOOL_FORKED);
    FORKED(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    FORKED(walpool_health_get(db, &health, &err));
    FORKED(walpool_health_json(db, &byte, 1, NULL, &err));
    for (int i = 0; i < 2; i++) {
        walpool_lease *lease = i == 0 ? reader : writer;
        FORKED(walpool_run(lease, &select_1, NULL, &mine, &err));
        FORKED(walpool_begin(lease, NULL, &err));
        FORKED(walpool_savepoint(lease, &err));
        FORKED(walpool_commit(lease, NULL, &err));
        FORKED(walpool_rollback(lease, &err));
        FORKED(walpool_release(lease, &err));
    }
    FORKED(walpool_cursor_next(cursor, NULL, &mine, &err));
    FORKED(walpool_cursor_value(cursor, 0, 0, &byte, 1, &err));
    FORKED(walpool_cursor_close(cursor, &err));
    FORKED(walpool_close(db, 0, &err));
    walpool_rows_finish(&mine);
}

TEST(fork__the_child_gets_forked_from_every_call)
{
    set_up();
    api_forked(call_everything);
    tear_down();
}

static void
open_the_same(void)
{
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err), WALPOOL_FORKED);
    CHECK_CONTAINS(err.message, "fork");
    api_forked(call_everything); /* and so does the child's child */
}

TEST(fork__the_child_may_not_open_what_the_parent_has_open)
{
    set_up();
    api_forked(open_the_same);
    tear_down();
}

static void
open_another(void)
{
    walpool *other = api_open("b.db", "");
    CHECK_OK(api_write(other, "CREATE TABLE IF NOT EXISTS t(v UNIQUE)"));
    CHECK_OK(api_write(other, "INSERT OR IGNORE INTO t VALUES (7)"));
    CHECK_INT(api_number(other, "SELECT v FROM t"), 7);
    api_close(other);
    CHECK(access(check_path("b.db-wal"), F_OK) != 0);
}

TEST(fork__the_child_may_open_another_file)
{
    set_up();
    api_forked(open_another);
    tear_down();
}

static void
open_what_was_closed(void)
{
    walpool *mine = api_open("a.db", "");
    CHECK_INT(api_number(mine, "SELECT count(*) FROM t"), 1);
    CHECK_OK(api_write(mine, "INSERT INTO t VALUES (2)"));
    api_close(mine);
}

TEST(fork__the_child_may_open_what_the_parent_had_closed)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    api_close(db);
    api_forked(open_what_was_closed);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    api_close(db);
}

/* ------------------------------------------------------- in the middle of it
 */

static atomic_int working;

static void *
work(void *argument)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (5)"};
    (void)argument;
    while (atomic_load(&working)) {
        CHECK_INT(walpool_write(db, &insert, NULL, NULL, &err), WALPOOL_OK);
        CHECK_INT(walpool_read(db, &select_1, NULL, NULL, &err), WALPOOL_OK);
    }
    return NULL;
}

static void
call_some(void)
{
    FORKED(walpool_read(db, &select_1, NULL, NULL, &err));
    FORKED(walpool_write(db, &select_1, NULL, NULL, &err));
    FORKED(walpool_close(db, 0, &err));
    open_another();
}

TEST(fork__at_any_moment_of_busy_threads_hangs_nobody)
{
    pthread_t threads[3];
    db = api_open("a.db", "busy_timeout=30000");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    atomic_store(&working, 1);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int round = 0; round < 30; round++) {
        int64_t writes = api_health(db).writes;
        CHECK_EVENTUALLY(api_health(db).writes > writes);
        api_forked(call_some);
    }
    atomic_store(&working, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"),
              api_health(db).writes - 1);
    api_close(db);
}

static void
exit_normally(void)
{
    exit(atomic_load(&check_failures) != 0);
}

TEST(fork__a_child_that_exits_normally_harms_nothing)
{
    set_up();
    api_forked(exit_normally);
    tear_down();
}

CHECK_MAIN()
