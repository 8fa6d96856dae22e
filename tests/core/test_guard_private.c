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
check_seen(const char *sql, enum walpool__verb verb, uint32_t seen,
           bool readonly)
{
    walpool_statement statement = {.sql = sql};
    struct walpool__stmt *stmt = NULL;
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &stmt, &err));
        if (stmt->verb != verb || stmt->seen != seen ||
            stmt->readonly != readonly)
            printf("# %s: verb %d, seen %#x, read only %d\n", sql,
                   (int)stmt->verb, (unsigned)stmt->seen, stmt->readonly);
        CHECK_INT(stmt->verb, verb);
        CHECK_INT(stmt->seen, seen);
        CHECK_INT(stmt->readonly, readonly);
        walpool__stmt_give(&inside.conn->cache, stmt);
    }
}

enum { TEMP = WALPOOL__SEEN_TEMP, WRITE = WALPOOL__SEEN_WRITE };
static const enum walpool__verb NONE = WALPOOL__VERB_NONE;

TEST(guard_private__sees_what_begins_and_ends_something)
{
    begin();
    check_seen("BEGIN", WALPOOL__VERB_BEGIN, 0, true);
    check_seen("begin deferred transaction;", WALPOOL__VERB_BEGIN, 0, true);
    check_seen("BEGIN IMMEDIATE", WALPOOL__VERB_BEGIN, 0, false);
    check_seen("BEGIN EXCLUSIVE", WALPOOL__VERB_BEGIN, 0, false);
    check_seen("/* x */ COMMIT", WALPOOL__VERB_COMMIT, 0, true);
    check_seen("END", WALPOOL__VERB_COMMIT, 0, true);
    check_seen("ROLLBACK", WALPOOL__VERB_ROLLBACK, 0, true);
    check_seen("SAVEPOINT x", WALPOOL__VERB_SAVEPOINT, 0, true);
    check_seen("RELEASE x", WALPOOL__VERB_RELEASE, 0, true);
    check_seen("ROLLBACK TO x", WALPOOL__VERB_ROLLBACK_TO, 0, true);
    check_seen("EXPLAIN BEGIN IMMEDIATE", NONE, 0, true);
    inside_close(&inside);
}

TEST(guard_private__sees_where_a_text_writes)
{
    begin();
    check_seen("SELECT count(*) FROM t, mine", NONE, 0, true);
    check_seen("WITH x AS (SELECT 1) SELECT * FROM x", NONE, 0, true);
    check_seen("INSERT INTO t VALUES (1)", NONE, WRITE, false);
    check_seen("INSERT INTO mine SELECT v FROM t", NONE, TEMP, false);
    check_seen("INSERT INTO t SELECT v FROM mine", NONE, WRITE, false);
    check_seen("UPDATE mine SET v = 1", NONE, TEMP, false);
    check_seen("DELETE FROM t RETURNING v", NONE, WRITE, false);
    check_seen("CREATE TABLE u(v)", NONE, WRITE, false);
    check_seen("CREATE TEMP VIEW w AS SELECT v FROM t", NONE, TEMP, false);
    check_seen("ALTER TABLE mine ADD COLUMN w", NONE, TEMP, false);
    check_seen("ALTER TABLE t ADD COLUMN w", NONE, WRITE, false);
    check_seen("DROP TABLE mine", NONE, TEMP, false);
    check_seen("ANALYZE mine", NONE, TEMP, false);
    check_seen("ANALYZE t", NONE, WRITE, false);
    check_seen("REINDEX t", NONE, 0, true); /* it has no index */
    check_seen("VACUUM", NONE, 0, false);
    check_seen("PRAGMA user_version=1", NONE, 0, false);
    check_seen("PRAGMA user_version", NONE, 0, true);
    check_seen("PRAGMA foreign_keys=0", NONE, 0, true);
    check_seen("PRAGMA journal_mode=wal", NONE, 0, true);
    check_seen("EXPLAIN INSERT INTO t VALUES (1)", NONE, WRITE, true);
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
        check_seen(cases[i].sql, NONE, WALPOOL__SEEN_TIMEOUT, true);
        CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &stmt, &err));
        CHECK_INT(stmt->timeout_ms, cases[i].value);
        CHECK_INT(sqlite3_step(stmt->native), SQLITE_DONE);
        walpool__stmt_give(&inside.conn->cache, stmt);
    }
    inside_close(&inside);
}

CHECK_MAIN()
