/* Private leases: transactions as in SQLite, and the writer only as long as
 * they write. What one refuses is in api_private_rules.c, its life in
 * api_private_life.c. */
#include <stdbool.h>

#include "api.h"

static walpool *db;
static walpool_lease *a, *b;

static void
begin(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(v UNIQUE)"));
    a = api_acquire(db, WALPOOL_PRIVATE);
    b = api_acquire(db, WALPOOL_PRIVATE);
}

/* Has a lease the writer? Health counts it too when the library itself has it
 * for a moment. */
static bool
writes(void)
{
    walpool_lease_info infos[8];
    size_t count = walpool_leases(db, infos, 8, &err);
    for (size_t i = 0; i < count; i++)
        if (infos[i].kind == WALPOOL_WRITE)
            return true;
    return false;
}

static void
end(void)
{
    CHECK_OK(walpool_release(a, &err));
    CHECK_OK(walpool_release(b, &err));
    CHECK(!writes());
    CHECK_OK(api_write(db, "INSERT INTO t VALUES ('end')"));
    api_close(db);
}

static int64_t
rows(void)
{
    return api_number(db, "SELECT count(*) FROM t");
}

static walpool_status
run_script(walpool_lease *lease, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    return walpool_run(lease, &statement, &call, NULL, &err);
}

static walpool_status
run_immediate(walpool_lease *lease, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_IMMEDIATE;
    return walpool_run(lease, &statement, &call, NULL, &err);
}

/* One try to get the writer for a lease of its own. */
static walpool_status
try_writer(void)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_lease *lease;
    call.timeout_ms = 0;
    call.flags = WALPOOL_CALL_ANY_THREAD;
    lease = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    return walpool_release(lease, &err);
}

TEST(private__a_statement_by_itself_commits_and_gives_the_writer_back)
{
    begin("");
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK(!writes());
    CHECK_INT(rows(), 1);
    CHECK_OK(api_run(b, "UPDATE t SET v = 2"));
    CHECK_INT(api_lease_number(a, "SELECT v FROM t"), 2);
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (2)"), WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK(!writes());
    CHECK_STATUS(api_run(a, "INSERT INTO nowhere VALUES (2)"), WALPOOL_SQL);
    CHECK_INT(api_health(db).writes, 3); /* with CREATE TABLE */
    end();
}

TEST(private__the_header_tells_what_a_write_did)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (5), (6)"};
    walpool_rows block;
    walpool_rows_init(&block);
    begin("");
    CHECK_OK(walpool_run(a, &insert, NULL, &block, &err));
    CHECK_INT(api_header(&block)->changes, 2);
    CHECK_INT(api_header(&block)->last_rowid, 2);
    insert.sql = "COMMIT";
    CHECK_STATUS(walpool_run(a, &insert, NULL, &block, &err), WALPOOL_SQL);
    CHECK(walpool_rows_count(&block) == 0);
    insert.sql = "BEGIN";
    CHECK_OK(walpool_run(a, &insert, NULL, &block, &err));
    CHECK_INT(api_header(&block)->changes, 0);
    CHECK_INT(api_header(&block)->column_count, 0);
    CHECK_INT(api_header(&block)->last_rowid, 2);
    walpool_rows_finish(&block);
    end();
}

TEST(private__a_transaction_as_text_holds_the_writer_from_its_first_write)
{
    begin("");
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 0);
    CHECK(!writes());
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK(writes());
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (2)"), WALPOOL_CONSTRAINT);
    CHECK(writes());
    CHECK_INT(rows(), 0);
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK(!writes());
    CHECK_INT(rows(), 2);
    CHECK_OK(api_run(a, "BEGIN EXCLUSIVE"));
    CHECK(writes());
    CHECK_OK(api_run(a, "DELETE FROM t"));
    CHECK_OK(api_run(a, "ROLLBACK"));
    CHECK(!writes());
    CHECK_INT(rows(), 2);
    CHECK_INT(api_health(db).rollbacks, 1);
    end();
}

TEST(private__the_calls_do_what_the_text_does)
{
    begin("");
    CHECK_OK(walpool_begin(a, NULL, &err));
    CHECK(!writes());
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(walpool_savepoint(a, &err));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    CHECK_OK(walpool_rollback(a, &err));
    CHECK_OK(walpool_savepoint(a, &err));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (3)"));
    CHECK_OK(walpool_commit(a, NULL, &err));
    CHECK(writes());
    CHECK_OK(walpool_commit(a, NULL, &err));
    CHECK(!writes());
    CHECK_INT(rows(), 2);
    CHECK_OK(walpool_begin(a, NULL, &err));
    CHECK_OK(api_run(a, "DELETE FROM t"));
    CHECK_OK(api_run(a, "ROLLBACK")); /* by call begun, by text ended */
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (4)"));
    CHECK_OK(walpool_commit(a, NULL, &err)); /* and the other way round */
    CHECK(!writes());
    CHECK_INT(rows(), 3);
    end();
}

TEST(private__calls_without_a_transaction_and_with_one_are_misuse)
{
    begin("");
    CHECK_STATUS(walpool_commit(a, NULL, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "no transaction is open to commit");
    CHECK_STATUS(walpool_rollback(a, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_begin(a, NULL, &err));
    CHECK_STATUS(walpool_begin(a, NULL, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "savepoint");
    CHECK_STATUS(api_run(a, "BEGIN"), WALPOOL_SQL); /* SQLite's own words */
    CHECK_CONTAINS(err.message, "within a transaction");
    CHECK_STATUS(run_immediate(a, "BEGIN"), WALPOOL_SQL);
    CHECK_OK(walpool_rollback(a, &err));
    CHECK_STATUS(api_run(a, "ROLLBACK"), WALPOOL_SQL);
    CHECK_STATUS(api_run(a, "RELEASE nothing"), WALPOOL_SQL);
    end();
}

TEST(private__savepoints_as_text_nest_and_the_outermost_is_a_transaction)
{
    begin("");
    CHECK_OK(api_run(a, "SAVEPOINT one"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_run(a, "SAVEPOINT two"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    CHECK_OK(api_run(a, "ROLLBACK TO two"));
    CHECK_OK(api_run(a, "RELEASE two"));
    CHECK(writes());
    CHECK_INT(api_health(db).rollbacks, 0);
    CHECK_OK(api_run(a, "RELEASE one"));
    CHECK(!writes());
    CHECK_INT(rows(), 1);
    CHECK_OK(walpool_savepoint(a, &err)); /* by call, too */
    CHECK_INT(walpool_lease_depth(a), 1);
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (3)"));
    CHECK_OK(walpool_savepoint(a, &err));
    CHECK_INT(walpool_lease_depth(a), 2);
    CHECK_OK(walpool_commit(a, NULL, &err));
    CHECK_OK(walpool_commit(a, NULL, &err));
    CHECK_INT(walpool_lease_depth(a), 0);
    CHECK(!writes());
    CHECK_INT(rows(), 2);
    CHECK_OK(walpool_savepoint(a, &err));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (4)"));
    CHECK_OK(walpool_rollback(a, &err));
    CHECK_INT(walpool_lease_depth(a), 0);
    CHECK_INT(rows(), 2);
    end();
}

TEST(private__text_may_release_what_a_call_has_opened_inside_it)
{
    begin("");
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "SAVEPOINT outer"));
    CHECK_OK(walpool_savepoint(a, &err));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_run(a, "RELEASE outer"));
    CHECK_STATUS(walpool_commit(a, NULL, &err), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "no such savepoint");
    CHECK_OK(walpool_commit(a, NULL, &err)); /* now it means the transaction */
    CHECK_INT(rows(), 1);
    end();
}

TEST(private__immediate_takes_the_writer_with_begin)
{
    walpool_call call = WALPOOL_CALL_INIT;
    begin("");
    call.flags = WALPOOL_CALL_IMMEDIATE;
    CHECK_OK(walpool_begin(a, &call, &err));
    CHECK(writes());
    CHECK_OK(walpool_rollback(a, &err));
    CHECK(!writes());
    CHECK_OK(run_immediate(a, "EXPLAIN BEGIN"));
    CHECK(!writes());
    CHECK_OK(run_immediate(a, "BEGIN DEFERRED"));
    CHECK(writes());
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK(!writes());
    CHECK_OK(api_run(a, "COMMIT"));
    walpool_lease *always = walpool_acquire(db, WALPOOL_PRIVATE, &call, &err);
    CHECK(always != NULL);
    CHECK_OK(run_script(always, "BEGIN; INSERT INTO t VALUES (1)"));
    CHECK(writes());
    CHECK_OK(walpool_commit(always, NULL, &err));
    CHECK_OK(walpool_begin(always, NULL, &err));
    CHECK(writes());
    CHECK_OK(walpool_release(always, &err));
    CHECK(!writes());
    end();
}

TEST(private__a_snapshot_that_is_not_the_newest_cannot_write)
{
    begin("");
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 0);
    CHECK_OK(api_run(b, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (2)"), WALPOOL_STALE);
    CHECK_CONTAINS(err.message, "BEGIN IMMEDIATE");
    CHECK_INT(err.sqlite_code, 517); /* SQLITE_BUSY_SNAPSHOT */
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK(!writes()); /* it has nothing to hold the writer for */
    CHECK_EVENTUALLY(try_writer() == WALPOOL_OK);
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 0);
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (2)"), WALPOOL_STALE);
    CHECK_OK(api_run(a, "ROLLBACK"));
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 2);
    end();
}

TEST(private__a_transaction_that_has_not_read_is_never_stale)
{
    begin("");
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(b, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 2);
    end();
}

TEST(private__what_writes_temporary_tables_only_leaves_the_writer_alone)
{
    begin("");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(a, "CREATE TEMP TABLE mine(v)"));
    CHECK_OK(api_run(a, "INSERT INTO mine VALUES (1), (2)"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "UPDATE mine SET v = v + 1"));
    CHECK_OK(api_run(a, "CREATE INDEX temp.i ON mine(v)"));
    CHECK_OK(api_run(a, "ALTER TABLE mine RENAME TO yours"));
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_OK(run_script(a, "CREATE TEMP TABLE more(v); DROP TABLE more"));
    CHECK_INT(api_lease_number(a, "SELECT sum(v) FROM yours"), 5);
    CHECK_STATUS(api_run(b, "SELECT v FROM yours"), WALPOOL_SQL);
    CHECK_STATUS(api_run(a, "INSERT INTO t SELECT v FROM yours"),
                 WALPOOL_DEADLOCK);
    CHECK_OK(walpool_release(writer, &err));
    CHECK_OK(api_run(a, "INSERT INTO t SELECT v FROM yours"));
    CHECK_INT(rows(), 2);
    end();
}

TEST(private__a_temporary_trigger_that_writes_takes_the_writer)
{
    begin("");
    CHECK_OK(api_run(a, "CREATE TEMP TABLE mine(v)"));
    CHECK_OK(api_run(a, "CREATE TEMP TRIGGER copy AFTER INSERT ON mine BEGIN "
                        "INSERT INTO t VALUES (new.v); END"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO mine VALUES (1)"));
    CHECK(writes());
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 1);
    end();
}

TEST(private__what_explains_a_write_does_not_write)
{
    begin("");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(a, "EXPLAIN QUERY PLAN UPDATE t SET v = 1"));
    CHECK_OK(run_script(a, "EXPLAIN DELETE FROM t"));
    CHECK_OK(walpool_release(writer, &err));
    end();
}

TEST(private__a_script_is_no_transaction)
{
    begin("");
    CHECK_STATUS(run_script(a, "INSERT INTO t VALUES (1); -- a comment\n"
                               "INSERT INTO t VALUES (2); INSERT INTO t "
                               "VALUES (1); INSERT INTO t VALUES (3)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(rows(), 2);
    CHECK_OK(run_script(a, "BEGIN; INSERT INTO t VALUES (3); COMMIT; BEGIN; "
                           "INSERT INTO t VALUES (4); ROLLBACK; VACUUM"));
    CHECK_INT(rows(), 3);
    CHECK_STATUS(run_script(a, "BEGIN; DELETE FROM t; SELECT nonsense"),
                 WALPOOL_SQL);
    CHECK_INT(err.sql_offset, 29);
    CHECK(writes()); /* as in SQLite: the transaction is still open */
    CHECK_OK(api_run(a, "ROLLBACK"));
    CHECK_STATUS(run_script(a, "BEGIN; INSERT OR ROLLBACK INTO t VALUES (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_CONTAINS(err.message, "the transaction was rolled back");
    CHECK(!writes());
    CHECK_STATUS(run_script(a, "BEGIN; COMMIT; SELECT nonsense"), WALPOOL_SQL);
    CHECK(strstr(err.message, "rolled back") == NULL);
    end();
}

CHECK_MAIN()
