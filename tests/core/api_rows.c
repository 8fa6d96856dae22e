/* Rows through the public interface: building parameters, reading blocks. */
#include <math.h>

#include "api.h"

static walpool_statement
statement_of(const char *sql, const walpool_rows *params)
{
    walpool_statement statement = {.sql = sql, .params = params->data};
    statement.params_bytes = (size_t)api_header(params)->arena_end;
    return statement;
}

TEST(rows__nothing_is_needed_to_read_an_empty_buffer)
{
    walpool_rows rows;
    size_t bytes = 7;
    walpool_rows_init(NULL);
    walpool_rows_wrap(NULL, NULL, 0);
    walpool_rows_finish(NULL);
    walpool_rows_init(&rows);
    CHECK_INT(walpool_rows_count(NULL), 0);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK(walpool_rows_cell(NULL, 0, 0) == NULL);
    CHECK(walpool_rows_cell(&rows, 0, 0) == NULL);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 0);
    CHECK(walpool_rows_double(NULL, 0, 0) == 0.0);
    CHECK(walpool_rows_bytes(&rows, 0, 0, &bytes) == NULL);
    walpool_rows_finish(&rows);
    walpool_rows_finish(&rows);
}

TEST(rows__values_are_read_as_they_were_added)
{
    const char *const names[] = {":a", "b", "@c", "$d", "e"};
    walpool_rows rows;
    size_t bytes;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 5, names, &err));
    for (int row = 0; row < 2; row++) {
        CHECK_OK(walpool_rows_add_null(&rows, &err));
        CHECK_OK(walpool_rows_add_int64(&rows, INT64_MIN + row, &err));
        CHECK_OK(walpool_rows_add_double(&rows, -1.75, &err));
        CHECK_OK(walpool_rows_add_text(&rows, "a\0b", 3, &err));
        CHECK_OK(walpool_rows_add_blob(&rows, NULL, 0, &err));
    }
    CHECK_INT(walpool_rows_count(&rows), 2);
    CHECK_INT(walpool_rows_cell(&rows, 1, 0)->type, WALPOOL_NULL);
    CHECK_INT(walpool_rows_int64(&rows, 1, 1), INT64_MIN + 1);
    CHECK(walpool_rows_double(&rows, 1, 2) == -1.75);
    CHECK(memcmp(walpool_rows_bytes(&rows, 1, 3, &bytes), "a\0b", 3) == 0);
    CHECK_INT(bytes, 3);
    CHECK(walpool_rows_bytes(&rows, 1, 4, &bytes) != NULL);
    CHECK_INT(bytes, 0);
    CHECK_INT(api_header(&rows)->magic, WALPOOL_ROWS_MAGIC);
    CHECK(api_header(&rows)->flags & WALPOOL_ROWS_NAMES);
    walpool_rows_finish(&rows);
    CHECK_INT(walpool_rows_count(&rows), 0);
}

TEST(rows__conversions_say_zero_for_what_they_cannot_give)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 6, NULL, &err));
    walpool_rows_add_double(&rows, 2.9, NULL);
    walpool_rows_add_double(&rows, -2.9, NULL);
    walpool_rows_add_double(&rows, 1e300, NULL);
    walpool_rows_add_double(&rows, INFINITY, NULL);
    walpool_rows_add_int64(&rows, 7, NULL);
    walpool_rows_add_text(&rows, "12", 2, NULL);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 2);
    CHECK_INT(walpool_rows_int64(&rows, 0, 1), -2);
    CHECK_INT(walpool_rows_int64(&rows, 0, 2), 0);
    CHECK_INT(walpool_rows_int64(&rows, 0, 3), 0);
    CHECK(walpool_rows_double(&rows, 0, 4) == 7.0);
    CHECK_INT(walpool_rows_int64(&rows, 0, 5), 0);
    CHECK(walpool_rows_double(&rows, 0, 5) == 0.0);
    CHECK(walpool_rows_bytes(&rows, 0, 4, NULL) == NULL);
    walpool_rows_finish(&rows);
}

TEST(rows__positions_out_of_range_give_nothing)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 2, NULL, &err));
    walpool_rows_add_int64(&rows, 1, NULL);
    walpool_rows_add_int64(&rows, 2, NULL);
    CHECK(walpool_rows_cell(&rows, 0, 1) != NULL);
    CHECK(walpool_rows_cell(&rows, 0, 2) == NULL);
    CHECK(walpool_rows_cell(&rows, 1, 0) == NULL);
    CHECK(walpool_rows_cell(&rows, SIZE_MAX, SIZE_MAX) == NULL);
    CHECK_INT(walpool_rows_int64(&rows, 0, SIZE_MAX), 0);
    walpool_rows_finish(&rows);
}

TEST(rows__the_builder_refuses_what_it_cannot_hold)
{
    const char *const names[] = {"a", NULL};
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_STATUS(walpool_rows_add_null(&rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_add_null(NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(NULL, 1, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(&rows, 32767, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(&rows, UINT32_MAX, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(&rows, 2, names, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_add_null(&rows, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_rows_begin(&rows, 0, NULL, &err));
    CHECK_STATUS(walpool_rows_add_null(&rows, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_STATUS(walpool_rows_add_text(&rows, NULL, 1, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_add_blob(&rows, NULL, 1, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_add_blob(&rows, "x", (size_t)1 << 32, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(walpool_rows_count(&rows), 0);
    walpool_rows_finish(&rows);
}

TEST(rows__a_buffer_of_the_caller_fills_up_and_says_so)
{
    _Alignas(8) unsigned char memory[64 + 16 * 3];
    walpool_rows rows;
    walpool_rows_wrap(&rows, memory, sizeof memory);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_OK(walpool_rows_add_int64(&rows, 1, &err));
    CHECK_OK(walpool_rows_add_text(&rows, "0123456789abcdef", 16, &err));
    CHECK_STATUS(walpool_rows_add_int64(&rows, 3, &err), WALPOOL_TOOBIG);
    CHECK_INT(walpool_rows_count(&rows), 2);
    CHECK(memcmp(walpool_rows_bytes(&rows, 1, 0, NULL), "0123456789abcdef",
                 16) == 0);
    walpool_rows_finish(&rows);
}

TEST(rows__buffers_too_small_or_crooked_are_refused)
{
    _Alignas(8) unsigned char memory[256] = {0};
    walpool_rows rows;
    for (size_t bytes = 0; bytes < 64; bytes++) {
        walpool_rows_wrap(&rows, memory, bytes);
        CHECK_STATUS(walpool_rows_begin(&rows, 0, NULL, &err), WALPOOL_TOOBIG);
    }
    walpool_rows_wrap(&rows, NULL, 4096);
    CHECK_STATUS(walpool_rows_begin(&rows, 1, NULL, &err), WALPOOL_TOOBIG);
    walpool_rows_wrap(&rows, memory + 1, 128);
    CHECK_STATUS(walpool_rows_begin(&rows, 1, NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK(walpool_rows_cell(&rows, 0, 0) == NULL);
}

TEST(rows__begin_forgets_what_the_buffer_held)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    for (int i = 0; i < 10000; i++)
        CHECK_OK(
            walpool_rows_add_text(&rows, "some text of some length", 24, &err));
    CHECK_INT(walpool_rows_count(&rows), 10000);
    CHECK(memcmp(walpool_rows_bytes(&rows, 9999, 0, NULL), "some", 4) == 0);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_OK(walpool_rows_add_int64(&rows, 5, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 5);
    walpool_rows_finish(&rows);
}

/* ------------------------------------------------- as parameters of a call */

TEST(rows__ten_thousand_rows_are_one_write)
{
    walpool *db = api_open("a.db", "");
    walpool_rows params, result;
    walpool_rows_init(&params);
    walpool_rows_init(&result);
    CHECK_OK(api_write(db, "CREATE TABLE t(a INTEGER, b TEXT)"));
    CHECK_OK(walpool_rows_begin(&params, 2, NULL, &err));
    for (int i = 1; i <= 10000; i++) {
        walpool_rows_add_int64(&params, i, NULL);
        walpool_rows_add_text(&params, "text", 4, NULL);
    }
    walpool_statement insert =
        statement_of("INSERT INTO t VALUES (?, ?)", &params);
    CHECK_OK(walpool_write(db, &insert, NULL, &result, &err));
    CHECK_INT(api_header(&result)->changes, 10000);
    CHECK_INT(api_header(&result)->last_rowid, 10000);
    CHECK_INT(api_number(db, "SELECT sum(a) FROM t"), 50005000);
    CHECK_INT(api_health(db).writes, 2);
    walpool_rows_finish(&params);
    walpool_rows_finish(&result);
    api_close(db);
}

TEST(rows__a_read_takes_one_row_of_parameters)
{
    walpool *db = api_open("a.db", "");
    walpool_rows params;
    walpool_rows_init(&params);
    CHECK_OK(walpool_rows_begin(&params, 1, NULL, &err));
    walpool_rows_add_int64(&params, 1, NULL);
    walpool_rows_add_int64(&params, 2, NULL);
    walpool_statement query = statement_of("SELECT ?", &params);
    CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err), WALPOOL_PARAM);
    walpool_rows_finish(&params);
    api_close(db);
}

TEST(rows__an_unfinished_row_is_refused)
{
    walpool *db = api_open("a.db", "");
    walpool_rows params;
    walpool_rows_init(&params);
    CHECK_OK(api_write(db, "CREATE TABLE t(a, b)"));
    CHECK_OK(walpool_rows_begin(&params, 2, NULL, &err));
    for (int i = 1; i <= 3; i++) {
        walpool_rows_add_int64(&params, i, NULL);
        walpool_statement insert =
            statement_of("INSERT INTO t VALUES (?, ?)", &params);
        walpool_status status = walpool_write(db, &insert, NULL, NULL, &err);
        CHECK_STATUS(status, i == 2 ? WALPOOL_OK : WALPOOL_PARAM);
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    walpool_rows_finish(&params);
    api_close(db);
}

TEST(rows__none_of_them_write_nothing)
{
    walpool *db = api_open("a.db", "");
    walpool_rows params, out;
    walpool_rows_init(&params);
    walpool_rows_init(&out);
    CHECK_OK(api_write(db, "CREATE TABLE t(a)"));
    for (uint32_t columns = 1; columns < 3; columns++) {
        CHECK_OK(walpool_rows_begin(&params, columns, NULL, &err));
        walpool_statement insert = statement_of("INSERT INTO t VALUES (?)", &params);
        CHECK_OK(walpool_write(db, &insert, NULL, &out, &err));
        CHECK_INT(((walpool_rows_header *)(void *)out.data)->changes, 0);
        walpool_statement bad = statement_of("INSERT INTO nowhere VALUES (?)", &params);
        CHECK_STATUS(walpool_write(db, &bad, NULL, &out, &err), WALPOOL_SQL);
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    walpool_rows_finish(&params);
    walpool_rows_finish(&out);
    api_close(db);
}

CHECK_MAIN()
