/* bind: values to parameters, by position and by name. */
#include "bind.h"

#include "inside.h"
#include "mem.h"

static sqlite3 *db;
static struct walpool__stmt_cache cache;
static struct walpool__stats stats;
static struct walpool__stmt *stmt;
static walpool_rows rows;
static struct walpool__binding binding;

static void
begin(const char *sql)
{
    const char *why = NULL;
    db = raw_open(":memory:");
    walpool__stmt_cache_init(&cache, db, 8, &stats);
    CHECK_INT(walpool__stmt_take(&cache, sql, strlen(sql), &stmt, &why),
              SQLITE_OK);
    walpool_rows_init(&rows);
}

static void
end(void)
{
    walpool_rows_finish(&rows);
    walpool__stmt_give(&cache, stmt);
    walpool__stmt_cache_finish(&cache);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

/* Whole numbers, one row of them, under these names or none. */
static void
give(uint32_t count, const char *const *names)
{
    CHECK_OK(walpool_rows_begin(&rows, count, names, &err));
    for (uint32_t i = 0; i < count; i++)
        CHECK_OK(walpool_rows_add_int64(&rows, 10 + i, &err));
}

static walpool_status
bind(bool copy)
{
    static struct walpool__params params;
    CHECK_OK(walpool__params_check(rows.data, rows.capacity, &params, &err));
    walpool_status status =
        walpool__bind_begin(&binding, stmt, &params, copy, &err);
    if (status == WALPOOL_OK)
        CHECK_INT(walpool__bind_row(&binding, 0), SQLITE_OK);
    return status;
}

static void
check_answer(int column, int64_t want)
{
    CHECK_INT(sqlite3_column_type(stmt->native, column), SQLITE_INTEGER);
    CHECK_INT(sqlite3_column_int64(stmt->native, column), want);
}

TEST(bind__goes_by_position)
{
    begin("SELECT ?, ?, ?1");
    give(2, NULL);
    CHECK_OK(bind(false));
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    check_answer(0, 10);
    check_answer(1, 11);
    check_answer(2, 10);
    walpool__bind_end(&binding);
    end();
}

TEST(bind__wants_as_many_values_as_there_are_parameters)
{
    begin("SELECT ?, ?, ?");
    for (uint32_t count = 0; count < 6; count++) {
        give(count, NULL);
        CHECK_STATUS(bind(false), count == 3 ? WALPOOL_OK : WALPOOL_PARAM);
        walpool__bind_end(&binding);
    }
    CHECK_STR(err.message, "the statement takes 3 parameters, 5 were given");
    give(1, NULL);
    CHECK_STATUS(bind(false), WALPOOL_PARAM);
    CHECK_STR(err.message, "the statement takes 3 parameters, 1 was given");
    end();
}

TEST(bind__goes_by_name_with_and_without_a_prefix)
{
    static const char *const names[] = {"$c", "b", ":a", "surplus", "@b2"};
    begin("SELECT :a, @b, $c, :b2, $a");
    give(5, names);
    CHECK_OK(bind(false));
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    check_answer(0, 12);
    check_answer(1, 11);
    check_answer(2, 10);
    check_answer(3, 14);
    check_answer(4, 12);
    walpool__bind_end(&binding);
    end();
}

TEST(bind__takes_the_first_of_two_values_of_one_name)
{
    static const char *const names[] = {"a", ":a"};
    begin("SELECT :a");
    give(2, names);
    CHECK_OK(bind(false));
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    check_answer(0, 10);
    walpool__bind_end(&binding);
    end();
}

TEST(bind__compares_whole_names)
{
    static const char *const names[] = {"ab", "", ":", "b", "A"};
    begin("SELECT :a");
    give(5, names);
    CHECK_STATUS(bind(false), WALPOOL_PARAM);
    CHECK_STR(err.message, "parameter :a of the statement has no value");
    walpool__bind_end(&binding);
    end();
}

TEST(bind__cannot_name_what_has_no_name)
{
    static const char *const names[] = {"a", "1", "?1"};
    begin("SELECT :a, ?");
    give(3, names);
    CHECK_STATUS(bind(false), WALPOOL_PARAM);
    CHECK_CONTAINS(err.message, "parameter 2 of the statement has no name");
    walpool__bind_end(&binding);
    end();
    begin("SELECT ?2");
    give(3, names);
    CHECK_STATUS(bind(false), WALPOOL_PARAM);
    CHECK_CONTAINS(err.message, "parameter 1");
    walpool__bind_end(&binding);
    end();
}

TEST(bind__needs_no_values_by_name_for_no_parameters)
{
    static const char *const names[] = {"a"};
    begin("SELECT 1");
    give(1, names);
    CHECK_OK(bind(false));
    walpool__bind_end(&binding);
    end();
}

/* More names than the binding has room for in itself. */
TEST(bind__maps_many_names)
{
    enum { MANY = WALPOOL__BIND_INLINE + 8 };
    char sql[1024] = "SELECT 0", text[MANY][8];
    const char *names[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "p%d", i);
        names[MANY - 1 - i] = text[i];
        snprintf(sql + strlen(sql), 16, ", :p%d", i);
    }
    begin(sql);
    give(MANY, names);
    CHECK_OK(bind(true));
    walpool__bind_end(&binding);
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    for (int i = 0; i < MANY; i++)
        check_answer(1 + i, 10 + MANY - 1 - i);
    walpool__mem_fail_after(0);
    walpool_status status = bind(true);
    walpool__mem_fail_after(-1);
    CHECK_STATUS(status, WALPOOL_NOMEM);
    walpool__bind_end(&binding);
    end();
}

TEST(bind__carries_every_type_as_it_is)
{
    begin("SELECT ?, ?, ?, ?, ?, ?, ?");
    CHECK_OK(walpool_rows_begin(&rows, 7, NULL, &err));
    CHECK_OK(walpool_rows_add_null(&rows, &err));
    CHECK_OK(walpool_rows_add_int64(&rows, INT64_MIN, &err));
    CHECK_OK(walpool_rows_add_double(&rows, 1.0 / 0.0, &err));
    CHECK_OK(walpool_rows_add_text(&rows, "a\0b", 3, &err));
    CHECK_OK(walpool_rows_add_text(&rows, NULL, 0, &err));
    CHECK_OK(walpool_rows_add_blob(&rows, "\0\xFF", 2, &err));
    CHECK_OK(walpool_rows_add_blob(&rows, NULL, 0, &err));
    CHECK_OK(bind(false));
    sqlite3_stmt *native = stmt->native;
    CHECK_INT(sqlite3_step(native), SQLITE_ROW);
    static const int types[] = {SQLITE_NULL, SQLITE_INTEGER, SQLITE_FLOAT,
                                SQLITE_TEXT, SQLITE_TEXT,    SQLITE_BLOB,
                                SQLITE_BLOB};
    for (int i = 0; i < 7; i++)
        CHECK_INT(sqlite3_column_type(native, i), types[i]);
    CHECK(sqlite3_column_int64(native, 1) == INT64_MIN);
    CHECK_INT(sqlite3_column_bytes(native, 3), 3);
    CHECK(memcmp(sqlite3_column_text(native, 3), "a\0b", 3) == 0);
    CHECK_INT(sqlite3_column_bytes(native, 4), 0);
    CHECK_INT(sqlite3_column_bytes(native, 5), 2);
    CHECK_INT(sqlite3_column_bytes(native, 6), 0);
    walpool__bind_end(&binding);
    end();
}

/* The block of a read goes away while the statement still runs. */
TEST(bind__copies_where_it_must)
{
    begin("SELECT ?");
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_OK(walpool_rows_add_text(&rows, "keep me", 7, &err));
    CHECK_OK(bind(true));
    walpool__bind_end(&binding);
    memset(rows.data, 0xEE, rows.capacity);
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    CHECK_STR((const char *)sqlite3_column_text(stmt->native, 0), "keep me");
    end();
}

TEST(bind__forgets_the_block_where_it_did_not_copy)
{
    begin("SELECT ?");
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_OK(walpool_rows_add_text(&rows, "gone", 4, &err));
    CHECK_OK(bind(false));
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    CHECK_INT(sqlite3_reset(stmt->native), SQLITE_OK);
    walpool__bind_end(&binding);
    CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
    CHECK_INT(sqlite3_column_type(stmt->native, 0), SQLITE_NULL);
    end();
}

/* A statement waits in the cache for long, with every value it was given. */
TEST(bind__keeps_no_large_value_with_the_statement)
{
    static char text[5000];
    memset(text, 'x', sizeof text);
    for (size_t bytes = 4095; bytes <= 4096; bytes++) {
        begin("SELECT length(?)");
        CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
        CHECK_OK(walpool_rows_add_text(&rows, text, bytes, &err));
        CHECK_OK(bind(true));
        walpool__bind_end(&binding);
        CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
        check_answer(0, (int64_t)bytes);
        walpool__stmt_give(&cache, stmt);
        char *bound = sqlite3_expanded_sql(stmt->native);
        CHECK_INT(strcmp(bound, "SELECT length(NULL)") == 0, bytes == 4096);
        sqlite3_free(bound);
        stmt = NULL;
        end();
    }
}

TEST(bind__takes_row_after_row)
{
    begin("SELECT ?, ?");
    CHECK_OK(walpool_rows_begin(&rows, 2, NULL, &err));
    for (int i = 0; i < 20; i++)
        CHECK_OK(walpool_rows_add_int64(&rows, i, &err));
    CHECK_OK(bind(false));
    for (uint32_t row = 0; row < 10; row++) {
        CHECK_INT(walpool__bind_row(&binding, row), SQLITE_OK);
        CHECK_INT(sqlite3_step(stmt->native), SQLITE_ROW);
        check_answer(0, 2 * row);
        check_answer(1, 2 * row + 1);
        CHECK_INT(sqlite3_reset(stmt->native), SQLITE_OK);
    }
    walpool__bind_end(&binding);
    end();
}

TEST(bind__says_what_SQLite_refuses)
{
    begin("SELECT ?");
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 100);
    char text[200] = "";
    memset(text, 'x', sizeof text);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_OK(walpool_rows_add_text(&rows, text, sizeof text, &err));
    struct walpool__params params;
    CHECK_OK(walpool__params_check(rows.data, rows.capacity, &params, &err));
    CHECK_OK(walpool__bind_begin(&binding, stmt, &params, false, &err));
    CHECK_INT(walpool__bind_row(&binding, 0), SQLITE_TOOBIG);
    walpool__bind_end(&binding);
    end();
}

CHECK_MAIN()
