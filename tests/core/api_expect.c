/* expect: exactly so many rows changed, or nothing. */
#include "api.h"

static walpool *db;
static walpool_rows rows;

static void
begin(void)
{
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)"));
}

/* Nothing is left behind: the writer works, and is free. */
static void
end(void)
{
    walpool_rows_finish(&rows);
    CHECK_OK(api_write(db, "UPDATE t SET v = 0"));
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    api_close(db);
}

static int64_t
touched(void)
{
    return api_number(db, "SELECT count(*) FROM t WHERE v <> 0");
}

static walpool_statement
expecting(const char *sql, int64_t expect)
{
    return (walpool_statement){
        .sql = sql, .expect = expect, .flags = WALPOOL_STATEMENT_EXPECT};
}

static walpool_status
write_it(walpool_statement statement)
{
    return walpool_write(db, &statement, NULL, &rows, &err);
}

static void
give_keys(walpool_rows *params, int from, int to)
{
    walpool_rows_init(params);
    CHECK_OK(walpool_rows_begin(params, 1, NULL, &err));
    for (int n = from; n <= to; n++)
        CHECK_OK(walpool_rows_add_int64(params, n, &err));
}

TEST(expect__what_is_met_is_applied)
{
    begin();
    CHECK_OK(write_it(expecting("UPDATE t SET v = 1 WHERE n > 1", 2)));
    CHECK_INT(api_header(&rows)->changes, 2);
    CHECK_INT(touched(), 2);
    CHECK_OK(write_it(expecting("DELETE FROM t WHERE n = 99", 0)));
    CHECK_OK(write_it(expecting("CREATE TABLE u(x)", 0)));
    CHECK_INT(api_health(db).errors, 0);
    end();
}

TEST(expect__what_is_missed_is_undone_and_both_numbers_are_told)
{
    static const struct {
        const char *sql;
        int64_t expect;
        const char *words;
    } cases[] = {
        {"UPDATE t SET v = 1", 2, "changed 3 rows, 2 were expected"},
        {"UPDATE t SET v = 1 WHERE n = 1", 0, "changed 1 row, 0 were expected"},
        {"UPDATE t SET v = 1 WHERE n = 9", 1, "changed 0 rows, 1 was expected"},
        {"UPDATE t SET v = 1 RETURNING n", INT64_MAX, "changed 3 rows"},
        {"INSERT INTO t VALUES (7, 7)", 2, "changed 1 row"},
        {"UPDATE OR IGNORE t SET n = 1, v = 1", 3, "changed 1 row"},
        {"CREATE TABLE u(x)", 1, "changed 0 rows"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STATUS(write_it(expecting(cases[i].sql, cases[i].expect)),
                     WALPOOL_MISMATCH);
        CHECK_CONTAINS(err.message, cases[i].words);
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
        CHECK_INT(err.statement, -1);
        CHECK_INT(walpool_rows_count(&rows), 0);
        CHECK_INT(touched(), 0);
        CHECK_INT(api_number(db, "SELECT count(*) FROM sqlite_schema"), 1);
    }
    CHECK_INT(api_health(db).rollbacks, 7);
    end();
}

TEST(expect__counts_over_all_rows_of_parameters)
{
    walpool_rows params;
    begin();
    give_keys(&params, 2, 5);
    walpool_statement statement =
        expecting("UPDATE t SET v = 1 WHERE n = ?", 2);
    statement.params = params.data;
    statement.params_bytes = params.capacity;
    CHECK_OK(write_it(statement));
    CHECK_INT(touched(), 2);
    statement.sql = "UPDATE t SET v = 0 WHERE n = ?";
    statement.expect = 4;
    CHECK_STATUS(write_it(statement), WALPOOL_MISMATCH);
    CHECK_INT(touched(), 2);
    walpool_rows_finish(&params);
    end();
}

TEST(expect__does_not_count_what_triggers_and_foreign_keys_change)
{
    begin();
    CHECK_OK(api_write(db, "CREATE TABLE child(n REFERENCES t ON DELETE "
                           "CASCADE)"));
    CHECK_OK(api_write(db, "INSERT INTO child VALUES (1), (1), (2)"));
    CHECK_OK(write_it(expecting("DELETE FROM t WHERE n = 1", 1)));
    CHECK_INT(api_number(db, "SELECT count(*) FROM child"), 1);
    CHECK_OK(api_write(db, "CREATE TRIGGER busy AFTER UPDATE ON t BEGIN "
                           "UPDATE child SET n = n; END"));
    CHECK_OK(write_it(expecting("UPDATE t SET v = 1 WHERE n = 2", 1)));
    end();
}

TEST(expect__of_one_statement_decides_over_the_batch)
{
    walpool_statement list[] = {
        expecting("UPDATE t SET v = 1 WHERE n = 1", 1),
        {.sql = "INSERT INTO t VALUES (4, 4)"},
        expecting("UPDATE t SET v = 2 WHERE n = 4", 1),
        expecting("DELETE FROM t WHERE n = 9", 1),
        {.sql = "INSERT INTO t VALUES (5, 5)"},
    };
    walpool_result results[5];
    begin();
    CHECK_STATUS(walpool_batch(db, list, 5, NULL, results, NULL, &err),
                 WALPOOL_MISMATCH);
    CHECK_INT(err.statement, 3);
    CHECK_CONTAINS(err.message, "statement 3 of the batch: the statement "
                                "changed 0 rows, 1 was expected");
    CHECK_INT(touched(), 0);
    list[3].expect = 0;
    CHECK_OK(walpool_batch(db, list, 5, NULL, results, NULL, &err));
    CHECK_INT(results[3].changes, 0);
    CHECK_INT(touched(), 3);
    end();
}

TEST(expect__on_a_lease_undoes_the_statement_and_not_the_transaction)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    walpool_statement none = expecting("UPDATE t SET v = 9 WHERE n > 1", 1);
    walpool_statement one = expecting("UPDATE t SET v = 2 WHERE n = 3", 1);
    CHECK_OK(api_run(lease, "UPDATE t SET v = 1 WHERE n = 1"));
    CHECK_STATUS(walpool_run(lease, &none, NULL, &rows, &err),
                 WALPOOL_MISMATCH);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(api_lease_number(lease, "SELECT max(v) FROM t"), 1);
    CHECK_OK(walpool_run(lease, &one, NULL, &rows, &err));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(touched(), 2);
    end();
}

/* --------------------------------------------------------------- bad input */

TEST(expect__below_zero_is_refused)
{
    begin();
    walpool_statement bad = expecting("UPDATE t SET v = 1", -1);
    CHECK_STATUS(write_it(bad), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "expect is -1");
    bad.flags = 0; /* it does not count */
    CHECK_OK(write_it(bad));
    end();
}

TEST(expect__on_a_statement_that_reads_is_refused)
{
    static const char *const readers[] = {
        "SELECT n FROM t", "PRAGMA user_version", "PRAGMA journal_mode"};
    begin();
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        walpool_statement bad = expecting(readers[i], 0);
        CHECK_STATUS(write_it(bad), WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "only reads");
        CHECK_STATUS(walpool_batch(db, &bad, 1, NULL, NULL, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_INT(err.statement, 0);
    }
    end();
}

TEST(expect__of_a_read_is_refused)
{
    begin();
    walpool_statement bad = expecting("SELECT 1", 0);
    CHECK_STATUS(walpool_read(db, &bad, NULL, NULL, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "expect");
    for (int kind = WALPOOL_READ; kind <= WALPOOL_WRITE; kind++) {
        walpool_lease *lease = api_acquire(db, (walpool_kind)kind);
        CHECK_STATUS(walpool_run(lease, &bad, NULL, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "expect");
        CHECK_INT(api_lease_number(lease, "SELECT 5"), 5);
        CHECK_OK(walpool_release(lease, &err));
    }
    end();
}

TEST(expect__with_a_script_is_refused_before_it_runs)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    begin();
    walpool_statement bad = expecting("UPDATE t SET v = 1; DELETE FROM t", 3);
    CHECK_STATUS(walpool_write(db, &bad, &call, NULL, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "script");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(walpool_run(lease, &bad, &call, NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 3);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(touched(), 0);
    end();
}

TEST(expect__what_else_a_statement_says_is_looked_at_first)
{
    walpool_statement list[] = {{.sql = "DROP TABLE t"},
                                {.sql = "SELECT 1", .flags = 6}};
    begin();
    CHECK_STATUS(write_it(list[1]), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "flags of the statement are 0x6");
    CHECK_STATUS(walpool_read(db, &list[1], NULL, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_batch(db, list, 2, NULL, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(err.statement, 1);
    list[1].flags = 0;
    list[1].reserved = 5;
    CHECK_STATUS(write_it(list[1]), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "reserved of the statement is 5");
    CHECK_INT(api_health(db).rollbacks, 0); /* nothing was begun */
    end();
}

/* ------------------------------------------------------------ whole or not */

TEST(expect__is_not_needed_for_a_failure_to_undo_all)
{
    begin();
    CHECK_STATUS(api_write(db, "INSERT OR FAIL INTO t VALUES (7, 1), (1, 1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(touched(), 0);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(api_run(lease, "insert or fail into t values (7, 1), (1, 1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(touched(), 0);
    end();
}

TEST(expect__or_fail_in_the_schema_is_told_truthfully)
{
    begin();
    CHECK_OK(api_write(db, "CREATE TABLE u(n UNIQUE ON CONFLICT FAIL)"));
    CHECK_STATUS(api_write(db, "INSERT INTO u VALUES (1), (2), (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_APPLIED);
    CHECK_CONTAINS(err.message, "some of it was applied");
    CHECK_INT(api_number(db, "SELECT count(*) FROM u"), 2);
    CHECK_STATUS(api_write(db, "INSERT INTO u VALUES (1), (3)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED); /* the first row failed */
    CHECK_STATUS(write_it(expecting("INSERT INTO u VALUES (4), (1)", 2)),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(api_number(db, "SELECT count(*) FROM u"), 2);
    end();
}

CHECK_MAIN()
