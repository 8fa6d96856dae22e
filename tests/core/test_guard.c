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

TEST(guard__refuses_what_is_temporary)
{
    static const char *const refused[] = {
        "CREATE TEMP TABLE x(n)", "CREATE TABLE temp.x(n)",
        "CREATE TEMP TABLE IF NOT EXISTS x AS SELECT 1",
        "CREATE TEMPORARY VIEW v AS SELECT * FROM t",
        "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE TRIGGER temp.r AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE VIEW temp.v AS SELECT 1",
        "CREATE VIRTUAL TABLE temp.r USING rtree(a, b, c)"};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        check_refused(refused[i], "use a private one");
    check_runs("CREATE TABLE IF NOT EXISTS temporary(n)");
    CHECK_INT(run("ALTER TABLE temporary RENAME TO other"), SQLITE_DONE);
    inside_close(&inside);
}

/* The flag would hold until somebody else's transaction ends. */
TEST(guard__lets_foreign_keys_be_deferred_in_a_transaction_only)
{
    static const char defer[] = "PRAGMA defer_foreign_keys=ON";
    static const char ask[] = "PRAGMA defer_foreign_keys";
    struct walpool__stmt *stmt = NULL;
    begin();
    check_refused(defer, "for a transaction that is open");
    CHECK_STATUS(prepare("SELECT 1; PRAGMA defer_foreign_keys=ON", &stmt),
                 WALPOOL_SQL);
    CHECK_INT(raw_number(inside.conn->db, ask), 0);
    for (int i = 0; i < 2; i++) { /* the second time it comes from the cache */
        CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_WRITE),
                  SQLITE_OK);
        CHECK_INT(run(defer), SQLITE_DONE);
        CHECK_INT(raw_number(inside.conn->db, ask), 1);
        CHECK_INT(walpool__conn_own(inside.conn, i ? WALPOOL__OWN_ROLLBACK
                                                   : WALPOOL__OWN_COMMIT),
                  SQLITE_OK);
        CHECK_INT(raw_number(inside.conn->db, ask), 0);
    }
    CHECK_INT(run(defer), SQLITE_AUTH);
    CHECK_CONTAINS(inside.conn->guard.denied, "for a transaction");
    CHECK_INT(raw_number(inside.conn->db, ask), 0);
    inside_close(&inside);
}

TEST(guard__notes_what_a_text_does_where_a_lease_does_it)
{
    static const struct {
        const char *sql;
        enum walpool__verb verb;
        const char *savepoint;
    } texts[] = {
        {"BEGIN", WALPOOL__VERB_BEGIN, ""},
        {"begin exclusive transaction", WALPOOL__VERB_BEGIN, ""},
        {"/* x */ COMMIT;", WALPOOL__VERB_COMMIT, ""},
        {"END", WALPOOL__VERB_COMMIT, ""},
        {"ROLLBACK TRANSACTION -- x", WALPOOL__VERB_ROLLBACK, ""},
        {"SAVEPOINT a", WALPOOL__VERB_SAVEPOINT, "a"},
        {"SAVEPOINT \"a \"\"b\"\"\"", WALPOOL__VERB_SAVEPOINT, "a \"b\""},
        {"RELEASE SAVEPOINT a", WALPOOL__VERB_RELEASE, "a"},
        {"ROLLBACK TO a", WALPOOL__VERB_ROLLBACK_TO, "a"},
        {"SELECT 'COMMIT'", WALPOOL__VERB_NONE, NULL},
        {"EXPLAIN COMMIT", WALPOOL__VERB_NONE, NULL},
        {"EXPLAIN QUERY PLAN SELECT 1", WALPOOL__VERB_NONE, NULL},
    };
    char longest[300];
    struct walpool__stmt *stmt = NULL;
    begin();
    inside.conn->guard.place = WALPOOL__TEXT_ON_WRITER;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        CHECK_OK(prepare(texts[i].sql, &stmt));
        CHECK_INT(walpool__conn_verb(inside.conn, stmt), texts[i].verb);
        if (texts[i].verb >= WALPOOL__VERB_SAVEPOINT)
            CHECK_STR(inside.conn->guard.savepoint, texts[i].savepoint);
        walpool__stmt_forget(&inside.conn->cache, stmt);
        walpool__stmt_give(&inside.conn->cache, stmt);
    }
    CHECK_STATUS(prepare("COMMIT; SELECT 1", &stmt), WALPOOL_SQL);
    snprintf(longest, sizeof longest, "SAVEPOINT %0255d", 1);
    longest[10] = 'a';
    CHECK_OK(prepare(longest, &stmt));
    walpool__stmt_give(&inside.conn->cache, stmt);
    snprintf(longest, sizeof longest, "SAVEPOINT %0256d", 1);
    longest[10] = 'a';
    check_refused(longest, "at most 255 bytes");
    inside.conn->guard.place = WALPOOL__TEXT_ON_READER;
    check_refused("BEGIN", "its begin takes the newest snapshot");
    check_refused("SAVEPOINT a", "a reader has no transaction");
    inside.conn->guard.place = WALPOOL__TEXT_IN_SCRIPT;
    check_refused("COMMIT", "not in a script");
    check_refused("RELEASE a", "not in a script");
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
