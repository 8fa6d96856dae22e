/* Buffers of the caller, of every small size: what fits comes, what does not
 * is LARGE, comes later or is TOOBIG, and no byte outside is touched. */
#include "api.h"

#define GUARD 64
#define MARK 0xA5

static const char rows_sql[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9)"
    " SELECT i, CASE i % 3 WHEN 0 THEN 'abc' WHEN 1 THEN NULL ELSE"
    " hex(zeroblob(i * 20)) END, zeroblob(i) FROM n";

static walpool *db;
static unsigned char *memory; /* exact, so that a sanitizer sees more */

static void
wrap(walpool_rows *rows, size_t bytes)
{
    memory = malloc(bytes + GUARD);
    memset(memory, MARK, bytes + GUARD);
    walpool_rows_wrap(rows, memory, bytes);
}

static void
unwrap(size_t bytes)
{
    for (size_t i = 0; i < GUARD; i++)
        CHECK_INT(memory[bytes + i], MARK);
    free(memory);
}

/* One more row into a sum over everything in it. */
static void
add_row(const walpool_rows *rows, size_t row, uint64_t *sum)
{
    unsigned char value[1024];
    for (size_t column = 0; column < 3; column++) {
        const walpool_cell *cell = walpool_rows_cell(rows, row, column);
        size_t length = cell->length;
        CHECK(length <= sizeof value);
        memset(value, 0, 8);
        if (cell->type & WALPOOL_LARGE)
            CHECK_OK(walpool_cursor_value(api_cursor(rows), column, 0, value,
                                          length, &err));
        else if (cell->type == WALPOOL_INTEGER)
            memcpy(value, &cell->v.integer, length = 8);
        else if (cell->type != WALPOOL_NULL)
            memcpy(value, walpool_rows_bytes(rows, row, column, NULL), length);
        *sum = *sum * 31 + (cell->type & ~WALPOOL_LARGE) + length;
        for (size_t i = 0; i < length; i++)
            *sum = *sum * 31 + value[i];
    }
}

/* Read all rows; 0 when the buffer was too small for any. */
static uint64_t
sum_of(walpool_rows *rows)
{
    walpool_statement query = {.sql = rows_sql};
    uint64_t sum = 1;
    size_t count = 0;
    walpool_status status = walpool_read(db, &query, NULL, rows, &err);
    if (status == WALPOOL_TOOBIG)
        return 0;
    CHECK_OK(status);
    for (;;) {
        for (size_t row = 0; row < walpool_rows_count(rows); row++, count++)
            add_row(rows, row, &sum);
        if (api_header(rows)->cursor == 0)
            break;
        CHECK(count < 10);
        CHECK_OK(walpool_cursor_next(api_cursor(rows), NULL, rows, &err));
    }
    CHECK_INT(count, 9);
    return sum;
}

TEST(buffer__every_size_gives_the_same_rows_or_too_big)
{
    walpool_rows rows;
    db = api_open("a.db", "");
    walpool_rows_init(&rows);
    uint64_t whole = sum_of(&rows);
    walpool_rows_finish(&rows);
    size_t first = 0;
    for (size_t bytes = 0; bytes < 1600; bytes++) {
        wrap(&rows, bytes);
        uint64_t sum = sum_of(&rows);
        CHECK(sum == whole || (sum == 0 && first == 0));
        if (sum != 0 && first == 0)
            first = bytes;
        unwrap(bytes);
        CHECK_INT(api_health(db).readers_leased, 0);
    }
    CHECK_INT(first, 64 + 16 * 3);
    api_close(db);
}

TEST(buffer__names_that_do_not_fit_are_too_big)
{
    walpool_statement query = {.sql = "SELECT 1 AS a_name_of_some_length"};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows rows;
    int fitted = 0;
    db = api_open("a.db", "");
    call.flags = WALPOOL_CALL_NAMES;
    for (size_t bytes = 0; bytes < 200; bytes++) {
        wrap(&rows, bytes);
        walpool_status status = walpool_read(db, &query, &call, &rows, &err);
        CHECK(status == WALPOOL_OK || (status == WALPOOL_TOOBIG && !fitted));
        fitted |= status == WALPOOL_OK;
        if (fitted) {
            CHECK(api_header(&rows)->flags & WALPOOL_ROWS_NAMES);
            CHECK_INT(walpool_rows_int64(&rows, 0, 0), 1);
        }
        unwrap(bytes);
    }
    CHECK(fitted);
    CHECK_INT(api_health(db).readers_leased, 0);
    api_close(db);
}

TEST(buffer__returning_that_does_not_fit_applies_nothing)
{
    walpool_statement insert = {
        .sql =
            "INSERT INTO t VALUES ('some text'), ('more of it') RETURNING v"};
    walpool_rows rows;
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    size_t bytes = 0, applied = 0;
    for (; bytes < 200; bytes++) {
        wrap(&rows, bytes);
        walpool_status status = walpool_write(db, &insert, NULL, &rows, &err);
        if (status != WALPOOL_OK) {
            CHECK_INT(status, WALPOOL_TOOBIG);
            CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
            CHECK_INT(applied, 0);
        } else {
            CHECK_INT(walpool_rows_count(&rows), 2);
            applied += 2;
        }
        unwrap(bytes);
        CHECK_INT(api_number(db, "SELECT count(*) FROM t"), applied);
    }
    CHECK(applied > 0);
    api_close(db);
}

TEST(buffer__a_batch_that_does_not_fit_applies_nothing)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t VALUES (1) RETURNING v"},
        {.sql = "INSERT INTO t VALUES (2)"},
        {.sql = "INSERT INTO t VALUES (3), (4) RETURNING v, 'x'"},
    };
    walpool_result results[3];
    walpool_rows rows;
    size_t applied = 0;
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (size_t bytes = 0; bytes < 400; bytes += 4) {
        wrap(&rows, bytes);
        walpool_status status =
            walpool_batch(db, list, 3, NULL, results, &rows, &err);
        if (status != WALPOOL_OK) {
            CHECK_INT(status, WALPOOL_TOOBIG);
            CHECK_INT(applied, 0);
        } else {
            CHECK(results[0].rows_bytes > 0);
            CHECK_INT(results[0].rows_offset % 8, 0);
            CHECK_INT(results[1].rows_bytes, 0);
            CHECK(results[2].rows_offset + results[2].rows_bytes <= bytes);
            applied += 4;
        }
        unwrap(bytes);
        CHECK_INT(api_number(db, "SELECT count(*) FROM t"), applied);
    }
    CHECK(applied > 0);
    api_close(db);
}

TEST(buffer__one_that_grows_is_used_again_and_again)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    uint64_t sum = sum_of(&rows);
    unsigned char *data = rows.data;
    for (int i = 0; i < 100; i++)
        CHECK(sum_of(&rows) == sum);
    CHECK(rows.data == data);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(buffer__a_failed_call_leaves_no_block)
{
    walpool_statement good = {.sql = "SELECT 1"},
                      bad = {.sql = "SELECT nonsense"};
    walpool_rows rows;
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    CHECK_OK(walpool_read(db, &good, NULL, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_STATUS(walpool_read(db, &bad, NULL, &rows, &err), WALPOOL_SQL);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_OK(walpool_read(db, &good, NULL, &rows, &err));
    CHECK_STATUS(walpool_write(db, &bad, NULL, &rows, &err), WALPOOL_SQL);
    CHECK_INT(walpool_rows_count(&rows), 0);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(buffer__rows_are_thrown_away_where_none_is_given)
{
    walpool_statement query = {.sql = rows_sql};
    db = api_open("a.db", "");
    CHECK_OK(walpool_read(db, &query, NULL, NULL, &err));
    CHECK_OK(walpool_write(db, &query, NULL, NULL, &err));
    CHECK_OK(walpool_batch(db, &query, 1, NULL, NULL, NULL, &err));
    CHECK_INT(api_health(db).readers_leased, 0);
    api_close(db);
}

TEST(buffer__shape_says_whether_names_are_needed)
{
    walpool_statement query = {.sql = "SELECT 1 AS a, 2 AS b"};
    walpool_statement other = {.sql = "SELECT 1 AS a, 2 AS c"};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows rows;
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    CHECK_OK(walpool_read(db, &query, &call, &rows, &err));
    CHECK_INT(api_header(&rows)->flags & WALPOOL_ROWS_NAMES, 0);
    call.shape = api_header(&rows)->shape;
    CHECK(call.shape != 0);
    CHECK_OK(walpool_read(db, &query, &call, &rows, &err));
    CHECK_INT(api_header(&rows)->flags & WALPOOL_ROWS_NAMES, 0);
    CHECK_OK(walpool_read(db, &other, &call, &rows, &err));
    CHECK(api_header(&rows)->flags & WALPOOL_ROWS_NAMES);
    CHECK(api_header(&rows)->shape != call.shape);
    walpool_rows_finish(&rows);
    api_close(db);
}

CHECK_MAIN()
