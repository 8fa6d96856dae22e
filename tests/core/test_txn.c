/* txn: begin and end, savepoints, and what became of a write. */
#include "txn.h"

#include "error.h"
#include "inside.h"

static struct inside inside;

static int
run(const char *sql)
{
    return sqlite3_exec(inside.conn->db, sql, NULL, NULL, NULL);
}

static int64_t
count(void)
{
    return raw_number(inside.conn->db, "SELECT count(*) FROM t");
}

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(run("CREATE TABLE t(n UNIQUE)"), SQLITE_OK);
    CHECK_OK(walpool__txn_begin_write(inside.conn, &err));
    CHECK(walpool__conn_in_transaction(inside.conn));
}

TEST(txn__is_kept_by_a_commit)
{
    begin();
    CHECK_INT(run("INSERT INTO t VALUES(1)"), SQLITE_OK);
    CHECK_OK(walpool__txn_commit(inside.conn, &err));
    CHECK(!walpool__conn_in_transaction(inside.conn));
    CHECK_INT(count(), 1);
    inside_close(&inside);
}

TEST(txn__is_undone_by_a_rollback)
{
    begin();
    CHECK_INT(run("INSERT INTO t VALUES(1)"), SQLITE_OK);
    walpool__txn_rollback(inside.conn);
    CHECK(!walpool__conn_in_transaction(inside.conn));
    walpool__txn_rollback(inside.conn);
    CHECK_INT(count(), 0);
    inside_close(&inside);
}

TEST(txn__of_a_writer_has_the_write_lock_at_once)
{
    begin();
    sqlite3 *other = raw_open(inside.path);
    CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
              SQLITE_BUSY);
    walpool__txn_rollback(inside.conn);
    raw_exec(other, "BEGIN IMMEDIATE");
    walpool__call_begin_own(&inside.call, 5);
    CHECK_STATUS(walpool__txn_begin_write(inside.conn, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    CHECK_CONTAINS(err.message, "cannot begin a transaction: 5 ms passed");
    CHECK(!walpool__conn_in_transaction(inside.conn));
    sqlite3_close(other);
    inside_close(&inside);
}

TEST(txn__of_a_reader_is_the_newest_snapshot)
{
    begin();
    CHECK_OK(walpool__txn_commit(inside.conn, &err));
    sqlite3 *other = raw_open(inside.path);
    raw_exec(other, "INSERT INTO t VALUES(1)");
    CHECK_OK(walpool__txn_begin_read(inside.conn, &err));
    raw_exec(other, "INSERT INTO t VALUES(2)");
    CHECK_INT(count(), 1);
    walpool__txn_rollback(inside.conn);
    CHECK_OK(walpool__txn_begin_read(inside.conn, &err));
    CHECK_INT(count(), 2);
    walpool__txn_rollback(inside.conn);
    sqlite3_close(other);
    inside_close(&inside);
}

TEST(txn__does_not_begin_inside_itself)
{
    begin();
    CHECK_STATUS(walpool__txn_begin_write(inside.conn, &err), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "within a transaction");
    CHECK(walpool__conn_in_transaction(inside.conn));
    walpool__txn_rollback(inside.conn);
    CHECK_STATUS(walpool__txn_commit(inside.conn, &err), WALPOOL_SQL);
    inside_close(&inside);
}

TEST(txn__nests_by_savepoints_newest_first)
{
    begin();
    for (int i = 1; i <= 4; i++) {
        char sql[64];
        CHECK_OK(walpool__txn_savepoint(inside.conn, &err));
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES(%d)", i);
        CHECK_INT(run(sql), SQLITE_OK);
    }
    CHECK_OK(walpool__txn_rollback_to(inside.conn, &err));
    CHECK_INT(count(), 3);
    CHECK_OK(walpool__txn_release(inside.conn, &err));
    CHECK_INT(count(), 3);
    CHECK_OK(walpool__txn_rollback_to(inside.conn, &err));
    CHECK_INT(count(), 1);
    CHECK_OK(walpool__txn_release(inside.conn, &err));
    CHECK_OK(walpool__txn_commit(inside.conn, &err));
    CHECK_INT(count(), 1);
    inside_close(&inside);
}

TEST(txn__has_no_savepoint_that_was_not_opened)
{
    begin();
    CHECK_STATUS(walpool__txn_release(inside.conn, &err), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "cannot keep a savepoint");
    CHECK_STATUS(walpool__txn_rollback_to(inside.conn, &err), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "cannot undo to a savepoint");
    CHECK(walpool__conn_in_transaction(inside.conn));
    walpool__txn_rollback(inside.conn);
    inside_close(&inside);
}

TEST(txn__stays_open_when_a_deferred_constraint_fails)
{
    begin();
    CHECK_INT(run("CREATE TABLE c(p REFERENCES t(n) DEFERRABLE INITIALLY "
                  "DEFERRED); INSERT INTO c VALUES(5)"), SQLITE_OK);
    CHECK_STATUS(walpool__txn_commit(inside.conn, &err), WALPOOL_CONSTRAINT);
    CHECK_INT(err.sqlite_code, SQLITE_CONSTRAINT_FOREIGNKEY);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK(walpool__conn_in_transaction(inside.conn));
    CHECK_INT(run("INSERT INTO t VALUES(5)"), SQLITE_OK);
    CHECK_OK(walpool__txn_commit(inside.conn, &err));
    CHECK_INT(raw_number(inside.conn->db, "SELECT count(*) FROM c"), 1);
    inside_close(&inside);
}

static int32_t
outcome_of(int code, bool committing)
{
    inside.conn->committing = committing;
    walpool__error_set(&err, WALPOOL_SQL, "x");
    walpool__txn_set_outcome(inside.conn, code, &err);
    return err.outcome;
}

TEST(txn__may_be_in_the_file_after_some_errors_of_a_commit_only)
{
    static const int codes[] = {SQLITE_FULL, SQLITE_BUSY, SQLITE_CONSTRAINT,
                                SQLITE_OK, SQLITE_INTERRUPT};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        CHECK_INT(outcome_of(codes[i], true), WALPOOL_NOT_APPLIED);
    CHECK_INT(outcome_of(SQLITE_IOERR_FSYNC, true), WALPOOL_UNKNOWN);
    CHECK_INT(outcome_of(SQLITE_NOMEM, true), WALPOOL_UNKNOWN);
    CHECK_INT(outcome_of(SQLITE_IOERR_WRITE, false), WALPOOL_NOT_APPLIED);
    CHECK_INT(outcome_of(SQLITE_NOMEM, false), WALPOOL_NOT_APPLIED);
    walpool__txn_set_outcome(inside.conn, SQLITE_IOERR_WRITE, NULL);
    walpool__txn_rollback(inside.conn);
    inside_close(&inside);
}

CHECK_MAIN()
