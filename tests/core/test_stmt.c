/* stmt: the cache's order and limits, texts that are refused, shapes. */
#include "stmt.h"

#include "inside.h"
#include "mem.h"

static sqlite3 *db;
static struct walpool__stmt_cache cache;
static struct walpool__stats stats;
static const char *why;

static void
begin(int limit)
{
    db = raw_open(check_path("a.db"));
    raw_exec(db, "CREATE TABLE IF NOT EXISTS t(a, b)");
    memset(&stats, 0, sizeof stats);
    walpool__stmt_cache_init(&cache, db, limit, &stats);
}

static void
end(void)
{
    walpool__stmt_cache_finish(&cache);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

static int
try_take(const char *sql, size_t bytes, struct walpool__stmt **stmt)
{
    why = NULL;
    *stmt = NULL;
    return walpool__stmt_take(&cache, sql, bytes, stmt, &why);
}

static struct walpool__stmt *
take(const char *sql)
{
    struct walpool__stmt *stmt;
    CHECK_INT(try_take(sql, strlen(sql), &stmt), SQLITE_OK);
    CHECK(stmt->busy);
    return stmt;
}

/* Take and give back; was it in the cache? */
static bool
hits(const char *sql)
{
    int64_t before = walpool__stats_statement_hits(&stats);
    walpool__stmt_give(&cache, take(sql));
    return walpool__stats_statement_hits(&stats) > before;
}

TEST(stmt__is_prepared_once)
{
    begin(10);
    struct walpool__stmt *first = take("SELECT ?1, ?2");
    sqlite3_stmt *native = first->native;
    CHECK_INT(first->param_count, 2);
    CHECK(first->readonly);
    walpool__stmt_give(&cache, first);
    struct walpool__stmt *again = take("SELECT ?1, ?2");
    CHECK(again->native == native);
    walpool__stmt_give(&cache, again);
    CHECK_INT(walpool__stats_statement_hits(&stats), 1);
    CHECK_INT(atomic_load(&stats.statement_misses), 1);
    CHECK(!hits("SELECT ?1, ?2 "));
    end();
}

TEST(stmt__tells_writers_from_readers)
{
    begin(10);
    struct walpool__stmt *stmt = take("INSERT INTO t VALUES(?, ?)");
    CHECK(!stmt->readonly);
    CHECK_INT(stmt->param_count, 2);
    walpool__stmt_give(&cache, stmt);
    end();
}

TEST(stmt__used_longest_ago_goes_first)
{
    begin(3);
    CHECK(!hits("SELECT 1"));
    CHECK(!hits("SELECT 2"));
    CHECK(!hits("SELECT 3"));
    CHECK(hits("SELECT 1"));
    CHECK(!hits("SELECT 4"));
    CHECK_INT(cache.count, 3);
    CHECK(hits("SELECT 1"));
    CHECK(hits("SELECT 3"));
    CHECK(hits("SELECT 4"));
    CHECK(!hits("SELECT 2"));
    CHECK(!hits("SELECT 1"));
    end();
}

TEST(stmt__that_is_busy_gets_a_second_handle)
{
    begin(10);
    struct walpool__stmt *first = take("SELECT a FROM t");
    struct walpool__stmt *second = take("SELECT a FROM t");
    struct walpool__stmt *third = take("SELECT a FROM t");
    CHECK(first->native != second->native);
    CHECK(third->native != second->native);
    CHECK_INT(cache.count, 1);
    walpool__stmt_give(&cache, second);
    walpool__stmt_give(&cache, first);
    walpool__stmt_give(&cache, third);
    CHECK_INT(cache.count, 1);
    CHECK(hits("SELECT a FROM t"));
    end();
}

TEST(stmt__that_is_busy_is_not_dropped)
{
    begin(1);
    struct walpool__stmt *first = take("SELECT 1");
    struct walpool__stmt *second = take("SELECT 2");
    CHECK_INT(sqlite3_step(first->native), SQLITE_ROW);
    CHECK_INT(sqlite3_column_int(first->native, 0), 1);
    walpool__stmt_give(&cache, first);
    walpool__stmt_give(&cache, second);
    CHECK(!hits("SELECT 3"));
    CHECK_INT(cache.count, 1);
    CHECK(hits("SELECT 3"));
    CHECK(!hits("SELECT 2"));
    end();
}

TEST(stmt__is_not_kept_by_a_cache_of_none)
{
    begin(0);
    CHECK(!hits("SELECT 1"));
    CHECK(!hits("SELECT 1"));
    CHECK_INT(cache.count, 0);
    end();
}

/* Values written into the text, as bulk inserts do: it never comes again. */
TEST(stmt__of_a_very_long_text_is_not_kept)
{
    static char sql[65540];
    begin(10);
    for (size_t bytes = 65535; bytes <= 65537; bytes++) {
        memset(sql, ' ', sizeof sql);
        memcpy(sql, "SELECT 1", 8);
        sql[bytes] = 0;
        CHECK(!hits(sql));
        CHECK_INT(hits(sql), bytes <= 65536);
    }
    CHECK_INT(cache.count, 2);
    end();
}

TEST(stmt__finds_its_own_among_very_many)
{
    char sql[32];
    begin(2000);
    for (int i = 0; i < 2000; i++) {
        snprintf(sql, sizeof sql, "SELECT %d", i);
        CHECK(!hits(sql));
    }
    for (int i = 0; i < 2000; i++) {
        snprintf(sql, sizeof sql, "SELECT %d", i);
        struct walpool__stmt *stmt = take(sql);
        CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
        CHECK_INT(sqlite3_column_int(stmt->native, 0), i);
        walpool__stmt_give(&cache, stmt);
    }
    CHECK_INT(walpool__stats_statement_hits(&stats), 2000);
    end();
}

TEST(stmt__is_reset_when_it_is_given_back)
{
    begin(4);
    raw_exec(db, "INSERT INTO t VALUES(1, 2), (3, 4)");
    struct walpool__stmt *stmt = take("SELECT a FROM t");
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    walpool__stmt_give(&cache, stmt);
    CHECK(!sqlite3_stmt_busy(stmt->native));
    raw_exec(db, "DROP TABLE t");
    walpool__stmt_give(&cache, NULL);
    end();
}

/* ------------------------------------------------------------------- texts */

TEST(stmt__is_one_and_only_one)
{
    static const struct {
        const char *sql;
        int rc;
    } cases[] = {
        {"SELECT 1;", SQLITE_OK},
        {"SELECT 1 ; \t\r\n;;", SQLITE_OK},
        {"SELECT 1 -- and nothing else", SQLITE_OK},
        {"SELECT 1; -- and nothing else", SQLITE_OK},
        {"SELECT 1; /* and */ ; /* nothing */ -- else\n;", SQLITE_OK},
        {"-- first\nSELECT 1", SQLITE_OK},
        {"SELECT ';'", SQLITE_OK},
        {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END;", SQLITE_OK},
        {"SELECT 1; SELECT 2", SQLITE_MISUSE},
        {"SELECT 1; /* x */ SELECT 2", SQLITE_MISUSE},
        {"SELECT 1; nonsense", SQLITE_MISUSE},
        {"SELECT 1; /* unfinished", SQLITE_OK},
        {"", SQLITE_MISUSE},
        {" ", SQLITE_MISUSE},
        {";", SQLITE_MISUSE},
        {"-- nothing", SQLITE_MISUSE},
        {"nonsense", SQLITE_ERROR},
        {"SELECT", SQLITE_ERROR},
        {"SELECT * FROM nowhere", SQLITE_ERROR},
        {"SELECT 'unfinished", SQLITE_ERROR},
        {"SELECT '\xFF'", SQLITE_FORMAT},
        {"SELECT 1 -- \xC3", SQLITE_FORMAT},
    };
    begin(100);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct walpool__stmt *stmt;
        int rc = try_take(cases[i].sql, strlen(cases[i].sql), &stmt);
        if (rc != cases[i].rc)
            printf("# %s\n", cases[i].sql);
        CHECK_INT(rc, cases[i].rc);
        CHECK((stmt != NULL) == (rc == SQLITE_OK));
        CHECK((why != NULL) == (rc == SQLITE_MISUSE || rc == SQLITE_FORMAT));
        walpool__stmt_give(&cache, stmt);
    }
    end();
}

TEST(stmt__holds_no_NUL)
{
    struct walpool__stmt *stmt;
    begin(4);
    CHECK_INT(try_take("SELECT 1\0", 9, &stmt), SQLITE_MISUSE);
    CHECK_CONTAINS(why, "NUL");
    CHECK_INT(try_take("SELECT 1\0; DROP TABLE t", 23, &stmt), SQLITE_MISUSE);
    CHECK_INT(try_take("SELECT 12", 8, &stmt), SQLITE_OK);
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    CHECK_INT(sqlite3_column_int(stmt->native, 0), 1);
    walpool__stmt_give(&cache, stmt);
    CHECK_INT(atomic_load(&stats.statement_misses), 3);
    CHECK_INT(cache.count, 1);
    end();
}

TEST(stmt__that_failed_is_not_kept)
{
    struct walpool__stmt *stmt;
    begin(4);
    CHECK_INT(try_take("SELECT c FROM t", 15, &stmt), SQLITE_ERROR);
    raw_exec(db, "ALTER TABLE t ADD COLUMN c");
    CHECK_INT(try_take("SELECT c FROM t", 15, &stmt), SQLITE_OK);
    walpool__stmt_give(&cache, stmt);
    end();
}

TEST(stmt__needs_memory_of_ours)
{
    struct walpool__stmt *stmt;
    begin(4);
    walpool__mem_fail_after(0);
    int rc = try_take("SELECT 1", 8, &stmt);
    walpool__mem_fail_after(-1);
    CHECK_INT(rc, SQLITE_NOMEM);
    CHECK_INT(cache.count, 0);
    CHECK(!hits("SELECT 1"));
    end();
}

/* ------------------------------------------------------------------ shapes */

static uint64_t
shape_of(const char *sql)
{
    struct walpool__stmt *stmt = take(sql);
    sqlite3_step(stmt->native); /* a changed schema shows at the first step */
    uint64_t shape = walpool__stmt_shape(stmt);
    CHECK(shape != 0);
    CHECK(walpool__stmt_shape(stmt) == shape);
    walpool__stmt_give(&cache, stmt);
    return shape;
}

TEST(stmt__has_the_shape_of_its_names)
{
    begin(100);
    CHECK(shape_of("SELECT a, b FROM t") == shape_of("SELECT 1 AS a, 2 AS b"));
    CHECK(shape_of("SELECT a, b FROM t") != shape_of("SELECT b, a FROM t"));
    CHECK(shape_of("SELECT a FROM t") != shape_of("SELECT a, a FROM t"));
    CHECK(shape_of("SELECT 1 AS ab, 2 AS c") !=
          shape_of("SELECT 1 AS a, 2 AS bc"));
    CHECK(shape_of("SELECT 1 AS ''") != shape_of("SELECT 1 AS '', 2 AS ''"));
    CHECK(shape_of("DELETE FROM t") != shape_of("SELECT 1 AS ''"));
    end();
}

TEST(stmt__changes_its_shape_with_the_table)
{
    begin(100);
    uint64_t before = shape_of("SELECT * FROM t");
    raw_exec(db, "ALTER TABLE t ADD COLUMN c");
    uint64_t after = shape_of("SELECT * FROM t");
    CHECK(after != before);
    CHECK(after == shape_of("SELECT a, b, c FROM t"));
    raw_exec(db, "ALTER TABLE t RENAME COLUMN c TO d");
    CHECK(shape_of("SELECT * FROM t") == shape_of("SELECT a, b, d FROM t"));
    end();
}

TEST(stmt__goes_on_after_another_programs_schema_change)
{
    begin(100);
    raw_exec(db, "INSERT INTO t VALUES(1, 2)");
    uint64_t before = shape_of("SELECT * FROM t");
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "ALTER TABLE t DROP COLUMN b");
    sqlite3_close(other);
    struct walpool__stmt *stmt = take("SELECT * FROM t");
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    CHECK_INT(sqlite3_column_count(stmt->native), 1);
    CHECK(walpool__stmt_shape(stmt) != before);
    walpool__stmt_give(&cache, stmt);
    end();
}

CHECK_MAIN()
