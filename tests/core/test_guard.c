/* guard: what a pooled connection runs, and what it refuses. */
#include "guard.h"

#include "inside.h"

static struct inside inside;

static walpool_status
prepare(const char *sql, struct walpool__stmt **stmt)
{
    walpool_statement statement = {.sql = sql};
    return walpool__conn_prepare(inside.conn, &statement, stmt, &err);
}

static void
check_refused(const char *sql, const char *part)
{
    struct walpool__stmt *stmt = NULL;
    walpool_status status = prepare(sql, &stmt);
    if (status != WALPOOL_REFUSED)
        printf("# %s\n", sql);
    CHECK_STATUS(status, WALPOOL_REFUSED);
    CHECK_CONTAINS(err.message, part);
    CHECK_CONTAINS(err.message, "is not run on a pooled connection");
    CHECK_INT(err.sqlite_code, SQLITE_AUTH);
}

/* Run it to its end. */
static int
run(const char *sql)
{
    struct walpool__stmt *stmt = NULL;
    int rc;
    CHECK_OK(prepare(sql, &stmt));
    do
        rc = walpool__conn_step(inside.conn, stmt->native);
    while (rc == SQLITE_ROW);
    if (rc != SQLITE_DONE)
        printf("# %s: %s\n", sql, sqlite3_errmsg(inside.conn->db));
    walpool__stmt_give(&inside.conn->cache, stmt);
    return rc;
}

/* Twice, because some pragmas act when they are prepared, and the second time
 * the statement comes from the cache. */
static void
check_runs(const char *sql)
{
    CHECK_INT(run(sql), SQLITE_DONE);
    CHECK_INT(run(sql), SQLITE_DONE);
}

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    check_runs("CREATE TABLE IF NOT EXISTS t(n)");
}

TEST(guard__refuses_transactions_as_text)
{
    static const char *const transactions[] = {
        "BEGIN",  "BEGIN IMMEDIATE", "begin exclusive", "COMMIT",
        "END",    "ROLLBACK",        "/* x */ ROLLBACK TRANSACTION"};
    static const char *const savepoints[] = {"SAVEPOINT a", "RELEASE a",
                                             "ROLLBACK TO a"};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(transactions); i++)
        check_refused(transactions[i], "use a write lease");
    for (size_t i = 0; i < ARRAY_COUNT(savepoints); i++)
        check_refused(savepoints[i], "use a lease's savepoint");
    CHECK(!walpool__conn_in_transaction(inside.conn));
    inside_close(&inside);
}

TEST(guard__refuses_other_files_unless_allowed)
{
    static const char *const refused[] = {
        "ATTACH ':memory:' AS m", "ATTACH ? AS m",   "ATTACH 'a'||'b' AS m",
        "DETACH m",               "ATTACH '' AS m"};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        check_refused(refused[i], "allow_attach=1");
    CHECK_INT(run("VACUUM INTO 'x.db'"), SQLITE_AUTH);
    CHECK_CONTAINS(inside.conn->guard.denied, "ATTACH or VACUUM INTO");
    CHECK(access("x.db", F_OK) != 0);
    inside_close(&inside);
    inside.options.allow_attach = 1;
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 1000));
    CHECK_INT(run("ATTACH ':memory:' AS m"), SQLITE_DONE);
    check_runs("CREATE TABLE IF NOT EXISTS m.x(n)");
    CHECK_INT(run("DETACH m"), SQLITE_DONE);
    inside_close(&inside);
}

TEST(guard__refuses_pragmas_that_set_what_is_a_connections)
{
    static const char *const refused[] = {
        "PRAGMA journal_mode=DELETE",   "PRAGMA main.journal_mode=wal",
        "PRAGMA journal_mode(off)",     "PRAGMA synchronous=OFF",
        "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA foreign_keys=OFF",
        "PRAGMA query_only=0",          "PRAGMA cache_size=1",
        "PRAGMA mmap_size=1",           "PRAGMA writable_schema=1",
        "PRAGMA temp_store=FILE",       "PRAGMA busy_timeout=1",
        "PRAGMA wal_autocheckpoint=1",  "PRAGMA secure_delete=1",
        "PRAGMA journal_size_limit=5",  "PRAGMA read_uncommitted=1",
        "PRAGMA recursive_triggers=1",  "PRAGMA trusted_schema=1",
        "PRAGMA ignore_check_constraints=1"};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        check_refused(refused[i], "setting PRAGMA");
    check_refused("PRAGMA wal_checkpoint", "use checkpoint()");
    check_refused("PRAGMA wal_checkpoint(TRUNCATE)", "use checkpoint()");
    check_refused("PRAGMA WAL_CHECKPOINT = FULL", "use checkpoint()");
    check_runs("PRAGMA journal_mode");
    CHECK_INT(inside.conn->guard.denied[0], 0);
    inside_close(&inside);
}

TEST(guard__lets_everything_else_run)
{
    static const char *const allowed[] = {
        "SELECT 1",
        "PRAGMA user_version=7",
        "PRAGMA user_version",
        "PRAGMA application_id=9",
        "PRAGMA table_info(t)",
        "PRAGMA index_list('t')",
        "SELECT name FROM pragma_table_info('t')",
        "PRAGMA foreign_key_check",
        "PRAGMA integrity_check",
        "PRAGMA quick_check(t)",
        "PRAGMA optimize",
        "PRAGMA page_count",
        "PRAGMA synchronous",
        "PRAGMA compile_options",
        "CREATE INDEX IF NOT EXISTS i ON t(n)",
        "INSERT INTO t VALUES(1)",
        "UPDATE t SET n = n + 1",
        "DELETE FROM t",
        "EXPLAIN QUERY PLAN SELECT * FROM t",
        "CREATE TEMP TABLE IF NOT EXISTS x(n)",
        "ANALYZE",
        "REINDEX",
        "VACUUM",
    };
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(allowed); i++)
        check_runs(allowed[i]);
    inside_close(&inside);
}

/* SQLite calls a question after the journal mode no reading statement. */
TEST(guard__calls_a_question_after_a_pragma_reading)
{
    struct walpool__stmt *stmt = NULL;
    begin();
    CHECK_OK(prepare("PRAGMA journal_mode", &stmt));
    CHECK(stmt->readonly);
    walpool__stmt_give(&inside.conn->cache, stmt);
    CHECK_OK(prepare("PRAGMA user_version=3", &stmt));
    CHECK(!stmt->readonly);
    walpool__stmt_give(&inside.conn->cache, stmt);
    inside_close(&inside);
}

/* A virtual table may ask after pragmas while a caller's text is prepared. */
TEST(guard__does_not_call_a_write_to_a_virtual_table_reading)
{
    static const char *const modules[] = {"fts4", "fts5", "rtree(a, b, c)"};
    struct walpool__stmt *stmt = NULL;
    char sql[128];
    for (size_t i = 0; i < ARRAY_COUNT(modules); i++) {
        begin();
        snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE v%zu USING %s", i,
                 strcmp(modules[i], "fts5") == 0 ? "fts5(a)" : modules[i]);
        sqlite3 *raw = raw_open(inside.path);
        int rc = sqlite3_exec(raw, sql, NULL, NULL, NULL);
        sqlite3_close(raw);
        if (rc == SQLITE_OK) {
            snprintf(sql, sizeof sql, "DELETE FROM v%zu", i);
            CHECK_OK(prepare(sql, &stmt));
            CHECK(!stmt->readonly);
            walpool__stmt_give(&inside.conn->cache, stmt);
            check_runs(sql);
        }
        inside_close(&inside);
    }
}

TEST(guard__lets_full_text_search_work)
{
    begin();
    sqlite3 *raw = raw_open(inside.path);
    int rc = sqlite3_exec(raw, "CREATE VIRTUAL TABLE f USING fts5(a)", NULL,
                          NULL, NULL);
    sqlite3_close(raw);
    if (rc == SQLITE_OK) {
        check_runs("INSERT INTO f VALUES('brown fox')");
        check_runs("SELECT * FROM f WHERE f MATCH 'fox'");
        check_runs("INSERT INTO f(f) VALUES('optimize')");
        check_runs("DELETE FROM f");
        check_runs("DROP TABLE IF EXISTS f");
    } else {
        check_skip("this SQLite has no FTS5");
    }
    inside_close(&inside);
}

TEST(guard__holds_what_it_said_until_it_is_asked_once)
{
    struct walpool__stmt *stmt = NULL;
    begin();
    check_refused("COMMIT", "COMMIT");
    CHECK_STATUS(prepare("SELECT * FROM nowhere", &stmt), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "no such table");
    CHECK_STATUS(prepare("SELECT 1; COMMIT", &stmt), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "more than one statement");
    inside_close(&inside);
}

TEST(guard__is_off_for_our_own_statements_only)
{
    begin();
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_WRITE),
              SQLITE_OK);
    check_refused("COMMIT", "COMMIT");
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_COMMIT), SQLITE_OK);
    inside_close(&inside);
}

CHECK_MAIN()
