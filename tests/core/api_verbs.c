/* BEGIN, COMMIT and their kin as text on a lease: done as by the calls. */
#include "api.h"
#include "disk.h"

static walpool *db;
static walpool_lease *lease;

static void
begin(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE p(n INTEGER PRIMARY KEY)"));
    CHECK_OK(api_write(db, "CREATE TABLE t(v REFERENCES p(n) "
                           "DEFERRABLE INITIALLY DEFERRED)"));
    lease = api_acquire(db, WALPOOL_WRITE);
}

static void
end(void)
{
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static void
insert(void)
{
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES(NULL)"));
}

static int64_t
rows(void)
{
    return api_number(db, "SELECT count(*) FROM t");
}

static walpool_status
run_as(uint32_t flags, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = flags;
    return walpool_run(lease, &statement, &call, NULL, &err);
}

/* ------------------------------------------------------------- transactions */

TEST(verbs__commit_gives_the_writer_to_the_next)
{
    begin("");
    walpool_health before = api_health(db);
    insert();
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(rows(), 1);
    walpool_health after = api_health(db);
    CHECK_INT(after.writes, before.writes + 1);
    CHECK_INT(after.writer_leased, 0);
    CHECK_STATUS(api_run(lease, "INSERT INTO t VALUES(NULL)"), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "begin the next one");
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_MISUSE);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(NULL)"));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_health(db).dirty_leases, 0);
    api_close(db);
}

TEST(verbs__begin_takes_the_writer_again)
{
    static const char *const begins[] = {"BEGIN", "begin deferred",
                                         "BEGIN EXCLUSIVE; -- now"};
    begin("");
    for (size_t i = 0; i < 3; i++) {
        insert();
        CHECK_OK(api_run(lease, "END"));
        CHECK_INT(api_health(db).writer_leased, 0);
        CHECK_OK(api_run(lease, begins[i]));
        CHECK_INT(api_health(db).writer_leased, 1);
    }
    insert();
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_INT(rows(), 4);
    end();
}

TEST(verbs__begin_waits_for_the_writer_as_the_call_does)
{
    walpool_statement statement = {.sql = "BEGIN"};
    walpool_call call = WALPOOL_CALL_INIT;
    begin("");
    CHECK_OK(api_run(lease, "COMMIT"));
    call.flags = WALPOOL_CALL_ANY_THREAD;
    walpool_lease *other = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
    CHECK(other != NULL);
    call.timeout_ms = 1;
    CHECK_STATUS(walpool_run(lease, &statement, &call, NULL, &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK_OK(walpool_release(other, &err));
    CHECK_OK(walpool_run(lease, &statement, &call, NULL, &err));
    end();
}

TEST(verbs__begin_in_an_open_transaction_is_misuse)
{
    begin("");
    insert();
    CHECK_STATUS(api_run(lease, "BEGIN"), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "a transaction is open: use a savepoint");
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(rows(), 1);
    end();
}

TEST(verbs__rollback_undoes_all_and_counts_once)
{
    begin("");
    walpool_health before = api_health(db);
    insert();
    CHECK_OK(walpool_savepoint(lease, &err));
    insert();
    CHECK_OK(api_run(lease, "ROLLBACK"));
    CHECK_INT(rows(), 0);
    CHECK_INT(api_health(db).rollbacks, before.rollbacks + 1);
    CHECK_INT(api_health(db).writer_leased, 0);
    CHECK_STATUS(api_run(lease, "ROLLBACK"), WALPOOL_MISUSE);
    CHECK_INT(api_health(db).dirty_leases, 0);
    end();
}

TEST(verbs__commit_keeps_open_savepoints)
{
    begin("");
    CHECK_OK(walpool_savepoint(lease, &err));
    insert();
    CHECK_OK(api_run(lease, "SAVEPOINT a"));
    insert();
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(rows(), 2);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_STATUS(api_run(lease, "RELEASE a"), WALPOOL_SQL);
    end();
}

TEST(verbs__a_commit_that_fails_leaves_the_transaction_open)
{
    begin("");
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES(7)"));
    CHECK_STATUS(api_run(lease, "COMMIT"), WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(api_run(lease, "INSERT INTO p VALUES(7)"));
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(rows(), 1);
    end();
}

TEST(verbs__commit_and_begin_are_as_durable_as_they_ask)
{
    begin("");
    if (disk_watch("a.db-wal")) {
        insert();
        CHECK_OK(run_as(WALPOOL_CALL_DURABLE, "COMMIT"));
        CHECK_INT(disk_count(), 1);
        CHECK_OK(api_run(lease, "BEGIN"));
        insert();
        CHECK_OK(api_run(lease, "COMMIT"));
        CHECK_INT(disk_count(), 0);
        CHECK_OK(run_as(WALPOOL_CALL_DURABLE, "BEGIN"));
        insert();
        CHECK_OK(api_run(lease, "COMMIT"));
        CHECK_INT(disk_count(), 1);
        CHECK_OK(api_run(lease, "BEGIN"));
        CHECK_STATUS(run_as(WALPOOL_CALL_DURABLE, "SAVEPOINT a"),
                     WALPOOL_MISUSE);
        CHECK_STATUS(run_as(WALPOOL_CALL_NORMAL, "ROLLBACK"), WALPOOL_MISUSE);
    }
    end();
}

/* -------------------------------------------------------------- savepoints */

TEST(verbs__savepoints_nest_with_those_of_the_call)
{
    begin("");
    CHECK_OK(api_run(lease, "SAVEPOINT a"));
    insert();
    CHECK_INT(walpool_lease_depth(lease), 1);
    CHECK_OK(walpool_savepoint(lease, &err));
    CHECK_INT(walpool_lease_depth(lease), 2);
    insert();
    CHECK_OK(api_run(lease, "SAVEPOINT \"b c\""));
    insert();
    CHECK_OK(api_run(lease, "ROLLBACK TO \"B C\""));
    insert();
    CHECK_INT(walpool_lease_depth(lease), 2);
    CHECK_OK(walpool_rollback(lease, &err)); /* the call's, with what is in it */
    CHECK_STATUS(api_run(lease, "RELEASE \"b c\""), WALPOOL_SQL);
    CHECK_INT(walpool_lease_depth(lease), 1);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 1);
    CHECK_OK(api_run(lease, "RELEASE a"));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_INT(walpool_lease_depth(lease), 0);
    CHECK_INT(rows(), 1);
    end();
}

/* Whoever ends a block by the call ends what text has left open in it. */
TEST(verbs__commit_by_the_call_keeps_what_text_has_left_open)
{
    begin("");
    CHECK_OK(walpool_savepoint(lease, &err));
    CHECK_OK(api_run(lease, "SAVEPOINT a"));
    insert();
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_INT(walpool_lease_depth(lease), 1);
    CHECK_OK(api_run(lease, "SAVEPOINT b"));
    insert();
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_INT(walpool_lease_depth(lease), 0);
    CHECK_INT(rows(), 2);
    end();
}

TEST(verbs__a_release_ends_what_is_inside)
{
    begin("");
    CHECK_OK(api_run(lease, "SAVEPOINT a"));
    CHECK_OK(walpool_savepoint(lease, &err));
    CHECK_OK(walpool_savepoint(lease, &err));
    insert();
    CHECK_INT(walpool_lease_depth(lease), 3);
    CHECK_OK(api_run(lease, "RELEASE a"));
    CHECK_INT(walpool_lease_depth(lease), 1);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_INT(rows(), 1);
    CHECK_INT(api_health(db).writer_leased, 0);
    end();
}

TEST(verbs__depth_is_told_for_writers_only)
{
    begin("");
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    CHECK_INT(walpool_lease_depth(reader), 0);
    CHECK_INT(walpool_lease_depth(lease), 1);
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(walpool_lease_depth(lease), 0);
    CHECK_OK(api_run(lease, "BEGIN"));
    CHECK_INT(walpool_lease_depth(lease), 1);
    CHECK_STATUS(api_run(lease, "INSERT OR ROLLBACK INTO p VALUES(1), (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(walpool_lease_depth(lease), 0);
    CHECK_INT(walpool_lease_depth(NULL), 0);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_INT(walpool_lease_depth(reader), 0);
    end();
}

TEST(verbs__an_unknown_savepoint_is_an_error_of_the_text)
{
    begin("");
    insert();
    CHECK_STATUS(api_run(lease, "RELEASE nobody"), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "no such savepoint: nobody");
    CHECK_STATUS(api_run(lease, "ROLLBACK TO nobody"), WALPOOL_SQL);
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(rows(), 1);
    end();
}

TEST(verbs__leave_the_name_of_our_own_savepoints_alone)
{
    begin("");
    CHECK_OK(walpool_savepoint(lease, &err));
    insert();
    CHECK_STATUS(api_run(lease, "SAVEPOINT Walpool"), WALPOOL_REFUSED);
    CHECK_STATUS(api_run(lease, "RELEASE walpool"), WALPOOL_REFUSED);
    CHECK_STATUS(api_run(lease, "ROLLBACK TO walpool"), WALPOOL_REFUSED);
    CHECK_CONTAINS(err.message, "that name is taken");
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_INT(rows(), 1);
    end();
}

/* ------------------------------------------------------------------ cursors */

static walpool_cursor *
open_cursor(walpool_rows *block)
{
    walpool_statement statement = {.sql = "WITH RECURSIVE n(i) AS (VALUES(1) "
        "UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n"};
    walpool_rows_init(block);
    CHECK_OK(walpool_run(lease, &statement, NULL, block, &err));
    return api_cursor(block);
}

TEST(verbs__treat_cursors_as_the_calls_do)
{
    walpool_rows block;
    begin("");
    CHECK_OK(api_run(lease, "SAVEPOINT a"));
    walpool_cursor *cursor = open_cursor(&block);
    CHECK_STATUS(api_run(lease, "COMMIT"), WALPOOL_BUSY);
    CHECK_STATUS(api_run(lease, "RELEASE a"), WALPOOL_BUSY);
    CHECK_OK(walpool_cursor_next(cursor, NULL, &block, &err));
    CHECK_OK(api_run(lease, "ROLLBACK TO a"));
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &block, &err),
                 WALPOOL_CLOSED);
    walpool_rows_finish(&block);
    cursor = open_cursor(&block);
    CHECK_OK(api_run(lease, "ROLLBACK"));
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    walpool_rows_finish(&block);
    end();
}

/* ------------------------------------------------------- what stays refused */

TEST(verbs__give_an_empty_block_and_take_no_parameters)
{
    walpool_statement statement = {.sql = "COMMIT"};
    walpool_rows params, block;
    begin("");
    insert();
    walpool_rows_init(&params);
    walpool_rows_init(&block);
    CHECK_OK(walpool_rows_begin(&params, 1, NULL, &err));
    CHECK_OK(walpool_rows_add_int64(&params, 1, &err));
    statement.params = params.data;
    statement.params_bytes = (size_t)api_header(&params)->arena_end;
    CHECK_STATUS(walpool_run(lease, &statement, NULL, &block, &err),
                 WALPOOL_PARAM);
    CHECK_INT(api_health(db).writer_leased, 1);
    statement.params = NULL;
    statement.params_bytes = 0;
    statement.flags = WALPOOL_STATEMENT_EXPECT;
    CHECK_STATUS(walpool_run(lease, &statement, NULL, &block, &err),
                 WALPOOL_MISUSE);
    statement.flags = 0;
    CHECK_OK(walpool_run(lease, &statement, NULL, &block, &err));
    CHECK_INT(walpool_rows_count(&block), 0);
    CHECK_INT(api_header(&block)->changes, 0);
    CHECK_INT(rows(), 1);
    walpool_rows_finish(&params);
    walpool_rows_finish(&block);
    end();
}

TEST(verbs__a_block_that_does_not_fit_commits_nothing)
{
    walpool_statement statement = {.sql = "COMMIT"};
    uint64_t room[4];
    walpool_rows small;
    walpool_rows_wrap(&small, room, sizeof room);
    begin("");
    insert();
    CHECK_STATUS(walpool_run(lease, &statement, NULL, &small, &err),
                 WALPOOL_TOOBIG);
    CHECK_INT(rows(), 0);
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_INT(rows(), 1);
    end();
}

TEST(verbs__are_refused_behind_other_text_and_in_scripts)
{
    begin("");
    insert();
    CHECK_STATUS(api_run(lease, "SELECT 1; COMMIT"), WALPOOL_SQL);
    CHECK_STATUS(api_run(lease, "COMMIT; SELECT 1"), WALPOOL_SQL);
    CHECK_STATUS(run_as(WALPOOL_CALL_SCRIPT, "DELETE FROM t; COMMIT"),
                 WALPOOL_REFUSED);
    CHECK_CONTAINS(err.message, "not in a script");
    CHECK_STATUS(run_as(WALPOOL_CALL_SCRIPT, "SAVEPOINT a"), WALPOOL_REFUSED);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 1);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_STATUS(run_as(WALPOOL_CALL_SCRIPT, "BEGIN"), WALPOOL_MISUSE);
    CHECK_STATUS(api_write(db, "COMMIT"), WALPOOL_REFUSED);
    CHECK_CONTAINS(err.message, "use a write lease");
    CHECK_INT(rows(), 1);
    end();
}

TEST(verbs__are_refused_on_a_reader)
{
    static const char *const texts[] = {"BEGIN", "COMMIT", "ROLLBACK",
                                        "SAVEPOINT a"};
    begin("");
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    for (size_t i = 0; i < 4; i++) {
        CHECK_STATUS(api_run(reader, texts[i]), WALPOOL_REFUSED);
        CHECK_CONTAINS(err.message, "a reader has no transaction");
    }
    CHECK_INT(api_lease_number(reader, "SELECT 1"), 1);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_STATUS(api_write(db, "BEGIN"), WALPOOL_DEADLOCK);
    end();
}

/* A text is found to be a transaction's each time, also when the cache could
 * have it from before, and an EXPLAIN of it is none. */
TEST(verbs__are_never_taken_from_the_cache)
{
    begin("statement_cache=100");
    for (int i = 0; i < 5; i++) {
        CHECK_OK(api_run(lease, "EXPLAIN COMMIT"));
        insert();
        CHECK_OK(api_run(lease, "COMMIT"));
        CHECK_INT(api_health(db).writer_leased, 0);
        CHECK_STATUS(api_write(db, "COMMIT"), WALPOOL_REFUSED);
        CHECK_OK(api_run(lease, "BEGIN"));
    }
    CHECK_INT(rows(), 5);
    end();
}

CHECK_MAIN()
