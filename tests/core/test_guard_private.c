/* guard of private connections: what a text is seen to do. What is refused is
 * in api_private_rules.c. */
#include "guard.h"

#include "inside.h"

static struct inside inside;

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(sqlite3_exec(inside.conn->db, "CREATE TABLE t(v)", NULL, NULL,
                           NULL), SQLITE_OK);
    inside_close(&inside);
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_PRIVATE, 10000));
    CHECK_INT(sqlite3_exec(inside.conn->db, "CREATE TEMP TABLE mine(v)", NULL,
                           NULL, NULL), SQLITE_OK);
}

static void
check_seen(const char *sql, uint32_t seen, bool readonly)
{
    walpool_statement statement = {.sql = sql};
    struct walpool__stmt *stmt = NULL;
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &stmt, &err));
        if (stmt->seen != seen || stmt->readonly != readonly)
            printf("# %s: seen %#x, read only %d\n", sql, (unsigned)stmt->seen,
                   stmt->readonly);
        CHECK_INT(stmt->seen, seen);
        CHECK_INT(stmt->readonly, readonly);
        walpool__stmt_give(&inside.conn->cache, stmt);
    }
}

enum {
    CONTROL = WALPOOL__SEEN_CONTROL,
    BEGIN = WALPOOL__SEEN_CONTROL | WALPOOL__SEEN_BEGIN,
    ROLLBACK = WALPOOL__SEEN_CONTROL | WALPOOL__SEEN_ROLLBACK,
    TEMP = WALPOOL__SEEN_TEMP,
    WRITE = WALPOOL__SEEN_WRITE
};

TEST(guard_private__sees_what_begins_and_ends_something)
{
    begin();
    check_seen("BEGIN", BEGIN, true);
    check_seen("begin deferred transaction;", BEGIN, true);
    check_seen("BEGIN IMMEDIATE", BEGIN, false);
    check_seen("BEGIN EXCLUSIVE", BEGIN, false);
    check_seen("/* x */ COMMIT", CONTROL, true);
    check_seen("END", CONTROL, true);
    check_seen("ROLLBACK", ROLLBACK, true);
    check_seen("SAVEPOINT x", CONTROL, true);
    check_seen("RELEASE x", CONTROL, true);
    check_seen("ROLLBACK TO x", CONTROL, true);
    inside_close(&inside);
}

TEST(guard_private__sees_where_a_text_writes)
{
    begin();
    check_seen("SELECT count(*) FROM t, mine", 0, true);
    check_seen("WITH x AS (SELECT 1) SELECT * FROM x", 0, true);
    check_seen("INSERT INTO t VALUES (1)", WRITE, false);
    check_seen("INSERT INTO mine SELECT v FROM t", TEMP, false);
    check_seen("INSERT INTO t SELECT v FROM mine", WRITE, false);
    check_seen("UPDATE mine SET v = 1", TEMP, false);
    check_seen("DELETE FROM t RETURNING v", WRITE, false);
    check_seen("CREATE TABLE u(v)", WRITE, false);
    check_seen("CREATE TEMP VIEW w AS SELECT v FROM t", TEMP, false);
    check_seen("ALTER TABLE mine ADD COLUMN w", TEMP, false);
    check_seen("ALTER TABLE t ADD COLUMN w", WRITE, false);
    check_seen("DROP TABLE mine", TEMP, false);
    check_seen("ANALYZE mine", TEMP, false);
    check_seen("ANALYZE t", WRITE, false);
    check_seen("REINDEX t", 0, true); /* it has no index */
    check_seen("VACUUM", 0, false);
    check_seen("PRAGMA user_version=1", 0, false);
    check_seen("PRAGMA user_version", 0, true);
    check_seen("PRAGMA foreign_keys=0", 0, true);
    check_seen("PRAGMA journal_mode=wal", 0, true);
    check_seen("EXPLAIN INSERT INTO t VALUES (1)", WRITE, true);
    inside_close(&inside);
}

TEST(guard_private__makes_busy_timeout_an_empty_statement_and_keeps_its_value)
{
    static const struct {
        const char *sql;
        int64_t value;
    } cases[] = {
        {"PRAGMA busy_timeout", -1},        {"PRAGMA busy_timeout=70", 70},
        {"PRAGMA busy_timeout(-1)", 0},     {"PRAGMA main.BUSY_TIMEOUT=0", 0},
        {"PRAGMA busy_timeout='60'", 60},   {"PRAGMA busy_timeout=x", 0},
    };
    struct walpool__stmt *stmt = NULL;
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        walpool_statement statement = {.sql = cases[i].sql};
        check_seen(cases[i].sql, WALPOOL__SEEN_TIMEOUT, true);
        CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &stmt, &err));
        CHECK_INT(stmt->timeout_ms, cases[i].value);
        CHECK_INT(sqlite3_step(stmt->native), SQLITE_DONE);
        walpool__stmt_give(&inside.conn->cache, stmt);
    }
    inside_close(&inside);
}

CHECK_MAIN()
