/* encode: rows into blocks of every size, growing, LARGE, named. */
#include "encode.h"

#include "inside.h"
#include "mem.h"

static struct inside inside;
static struct walpool__fetch fetch;
static walpool_rows_header *header;

static void
begin(const char *sql)
{
    walpool_statement statement = {.sql = sql};
    if (inside.conn == NULL)
        inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    memset(&fetch, 0, sizeof fetch);
    fetch.conn = inside.conn;
    CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &fetch.stmt, &err));
}

static void
end(void)
{
    walpool__stmt_give(&inside.conn->cache, fetch.stmt);
    inside_close(&inside);
}

static walpool_status
next(walpool_rows *rows)
{
    header = NULL;
    return walpool__encode_block(&fetch, rows, &header, &err);
}

/* ------------------------------------------------------- every buffer size */

/* Row n: every type, with a text of n times 20 bytes that says which. */
static const char mixed[] =
    "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c "
    "WHERE n < 11) "
    "SELECT n, n + 0.5, CASE n % 3 WHEN 0 THEN NULL ELSE -n END, "
    "substr('................................................................"
    "................................................................"
    "................................................................"
    "................................................................', "
    "1, n * 20) || 'row ' || n, CAST('b' || n AS BLOB) FROM c";
enum { MIXED_ROWS = 12, MIXED_COLUMNS = 5 };

static void
check_bytes(const walpool_rows *rows, size_t row, size_t column,
            const char *want)
{
    char got[512];
    size_t bytes = 0;
    const walpool_cell *cell = walpool_rows_cell(rows, row, column);
    CHECK(cell != NULL);
    if (cell->type & WALPOOL_LARGE) {
        bytes = cell->length;
        CHECK(bytes < sizeof got);
        memcpy(got, sqlite3_column_blob(fetch.stmt->native, (int)column),
               bytes);
    } else {
        const void *from = walpool_rows_bytes(rows, row, column, &bytes);
        CHECK(from != NULL);
        CHECK(bytes < sizeof got);
        memcpy(got, from, bytes);
    }
    got[bytes] = 0;
    CHECK_STR(got, want);
}

static void
check_mixed(const walpool_rows *rows, size_t row, int n)
{
    char text[512], blob[16];
    memset(text, '.', sizeof text);
    snprintf(text + n * 20, 16, "row %d", n);
    snprintf(blob, sizeof blob, "b%d", n);
    CHECK_INT(walpool_rows_int64(rows, row, 0), n);
    CHECK(walpool_rows_double(rows, row, 1) == n + 0.5);
    CHECK_INT(walpool_rows_cell(rows, row, 2)->type,
              n % 3 ? WALPOOL_INTEGER : WALPOOL_NULL);
    CHECK_INT(walpool_rows_int64(rows, row, 2), n % 3 ? -n : 0);
    check_bytes(rows, row, 3, text);
    check_bytes(rows, row, 4, blob);
}

/* Fetch all with a buffer of this size; returns the number of blocks. */
static int
fetch_mixed(walpool_rows *rows)
{
    int blocks = 0;
    size_t n = 0;
    do {
        CHECK_OK(next(rows));
        CHECK(header->arena_end <= rows->capacity);
        CHECK_INT(header->column_count, MIXED_COLUMNS);
        CHECK(header->row_count > 0 || !fetch.more);
        for (size_t row = 0; row < header->row_count; row++)
            check_mixed(rows, row, (int)n++);
        blocks++;
    } while (fetch.more);
    CHECK_INT(n, MIXED_ROWS);
    return blocks;
}

TEST(encode__gives_exact_rows_or_TOOBIG_at_every_size)
{
    enum { SMALLEST = 64 + MIXED_COLUMNS * WALPOOL_CELL_BYTES };
    int blocks = 0, before = MIXED_ROWS + 2;
    for (size_t size = 0; size <= 4096; size++) {
        /* Of this size, so that a sanitizer sees one byte too many. */
        unsigned char *memory = malloc(size);
        walpool_rows rows;
        walpool_rows_wrap(&rows, memory, size);
        begin(mixed);
        if (size < SMALLEST) {
            CHECK_STATUS(next(&rows), WALPOOL_TOOBIG);
        } else {
            blocks = fetch_mixed(&rows);
            CHECK(blocks <= before);
            before = blocks;
        }
        walpool__stmt_give(&inside.conn->cache, fetch.stmt);
        free(memory);
    }
    CHECK_INT(blocks, 1);
    inside_close(&inside);
}

TEST(encode__moves_offsets_rightly_while_it_grows)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(mixed);
    CHECK_INT(fetch_mixed(&rows), 1);
    CHECK(rows.capacity >= 4096);
    walpool_rows_finish(&rows);
    end();
}

/* Growth in the middle of a row, at every place in it: the text before is in
 * the arena already, the cells behind are not written yet. */
TEST(encode__grows_in_the_middle_of_a_row)
{
    char sql[256], want[4096];
    for (int bytes = 3700; bytes < 3990; bytes++) {
        walpool_rows rows;
        walpool_rows_init(&rows);
        snprintf(sql, sizeof sql,
                 "SELECT 'first', printf('%%.*c', %d, 'x'), 'third', x'04', "
                 "'fifth'", bytes);
        memset(want, 'x', sizeof want);
        begin(sql);
        CHECK_OK(next(&rows));
        check_bytes(&rows, 0, 0, "first");
        size_t length = 0;
        const void *text = walpool_rows_bytes(&rows, 0, 1, &length);
        CHECK_INT(length, bytes);
        CHECK(memcmp(text, want, length) == 0);
        check_bytes(&rows, 0, 2, "third");
        check_bytes(&rows, 0, 3, "\x04");
        check_bytes(&rows, 0, 4, "fifth");
        walpool__stmt_give(&inside.conn->cache, fetch.stmt);
        walpool_rows_finish(&rows);
    }
    inside_close(&inside);
}

TEST(encode__ends_a_block_at_its_limit_and_goes_on)
{
    walpool_rows rows;
    int64_t n = 0;
    int blocks = 0;
    walpool_rows_init(&rows);
    begin("WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c "
          "WHERE n < 29999) SELECT n, 'some text ' || n FROM c");
    do {
        CHECK_OK(next(&rows));
        CHECK(rows.capacity <= WALPOOL__BLOCK_LIMIT);
        CHECK(header->arena_end - header->arena_start + header->row_count * 32 <
              WALPOOL__BLOCK_FULL + 100);
        for (size_t row = 0; row < header->row_count; row++)
            CHECK_INT(walpool_rows_int64(&rows, row, 0), n++);
        blocks++;
    } while (fetch.more);
    CHECK_INT(n, 30000);
    CHECK(blocks > 3); /* of some 1.4 MB */
    CHECK(blocks < 8);
    walpool_rows_finish(&rows);
    end();
}

TEST(encode__takes_the_same_row_again_after_TOOBIG)
{
    _Alignas(8) unsigned char small[64 + 2 * WALPOOL_CELL_BYTES];
    walpool_rows rows, tiny;
    walpool_rows_init(&rows);
    begin("SELECT 1, 2 UNION ALL SELECT 3, 4 UNION ALL SELECT 5, 6");
    walpool_rows_wrap(&tiny, small, sizeof small);
    CHECK_OK(next(&tiny));
    CHECK_INT(walpool_rows_int64(&tiny, 0, 0), 1);
    CHECK(fetch.more);
    walpool_rows_wrap(&tiny, small, sizeof small - 8);
    CHECK_STATUS(next(&tiny), WALPOOL_TOOBIG);
    CHECK(fetch.pending);
    CHECK_OK(next(&rows));
    CHECK_INT(header->row_count, 2);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 3);
    CHECK_INT(walpool_rows_int64(&rows, 1, 0), 5);
    CHECK(!fetch.more);
    walpool_rows_finish(&rows);
    end();
}

/* ------------------------------------------------------------ large values */

static void
check_threshold(const char *before, const char *behind, uint32_t type)
{
    char sql[160];
    for (int bytes = 32766; bytes <= 32770; bytes++) {
        walpool_rows rows;
        walpool_rows_init(&rows);
        snprintf(sql, sizeof sql, "SELECT 'before', %s%d%s, 'behind', x'05'",
                 before, bytes, behind);
        begin(sql);
        CHECK_OK(next(&rows));
        const walpool_cell *cell = walpool_rows_cell(&rows, 0, 1);
        bool large = bytes >= 32768;
        CHECK_INT(cell->type, type | (large ? WALPOOL_LARGE : 0));
        CHECK_INT(cell->length, bytes);
        CHECK_INT(fetch.more, large);
        CHECK_INT(fetch.large, large);
        CHECK_INT(header->flags & WALPOOL_ROWS_LARGE,
                  large ? WALPOOL_ROWS_LARGE : 0);
        CHECK_INT(header->flags & WALPOOL_ROWS_MORE,
                  large ? WALPOOL_ROWS_MORE : 0);
        check_bytes(&rows, 0, 0, "before");
        check_bytes(&rows, 0, 2, "behind");
        check_bytes(&rows, 0, 3, "\x05");
        CHECK((walpool_rows_bytes(&rows, 0, 1, NULL) == NULL) == large);
        walpool__stmt_give(&inside.conn->cache, fetch.stmt);
        walpool_rows_finish(&rows);
    }
    inside_close(&inside);
}

TEST(encode__leaves_values_of_32_KiB_and_more_where_they_are)
{
    check_threshold("printf('%.*c', ", ", 'x')", WALPOOL_TEXT);
    check_threshold("zeroblob(", ")", WALPOOL_BLOB);
}

TEST(encode__ends_a_block_with_the_row_that_has_large_values)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin("SELECT 1, 'a' UNION ALL SELECT 2, zeroblob(50000) "
          "UNION ALL SELECT 3, 'c'");
    CHECK_OK(next(&rows));
    CHECK_INT(header->row_count, 2);
    CHECK_INT(walpool_rows_cell(&rows, 1, 1)->type,
              WALPOOL_BLOB | WALPOOL_LARGE);
    CHECK_INT(walpool_rows_cell(&rows, 1, 1)->length, 50000);
    CHECK(fetch.more);
    CHECK_OK(next(&rows));
    CHECK_INT(header->row_count, 1);
    CHECK_INT(header->flags & WALPOOL_ROWS_LARGE, 0);
    check_bytes(&rows, 0, 1, "c");
    CHECK(!fetch.more);
    walpool_rows_finish(&rows);
    end();
}

TEST(encode__gives_an_empty_block_behind_a_large_last_row)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin("SELECT zeroblob(40000)");
    CHECK_OK(next(&rows));
    CHECK(fetch.more);
    CHECK_OK(next(&rows));
    CHECK_INT(header->row_count, 0);
    CHECK(!fetch.more);
    walpool_rows_finish(&rows);
    end();
}

/* The statement is at its end, and a step would begin it anew. */
TEST(encode__stays_at_the_end_when_the_buffer_is_too_small_there)
{
    _Alignas(8) unsigned char small[72];
    walpool_rows rows, tiny;
    walpool_rows_init(&rows);
    walpool_rows_wrap(&tiny, small, sizeof small);
    begin("SELECT zeroblob(40000)");
    CHECK_OK(next(&rows));
    CHECK_STATUS(next(&tiny), WALPOOL_TOOBIG);
    CHECK_STATUS(next(&tiny), WALPOOL_TOOBIG);
    CHECK_OK(next(&rows));
    CHECK_INT(header->row_count, 0);
    CHECK(!fetch.more);
    walpool_rows_finish(&rows);
    end();
}

TEST(encode__makes_what_does_not_fit_a_small_buffer_large)
{
    _Alignas(8) unsigned char memory[64 + 3 * WALPOOL_CELL_BYTES + 8];
    walpool_rows rows;
    walpool_rows_wrap(&rows, memory, sizeof memory);
    begin("SELECT 'fits', 'does not fit any more', 'too'");
    CHECK_OK(next(&rows));
    CHECK_INT(walpool_rows_cell(&rows, 0, 0)->type, WALPOOL_TEXT);
    CHECK_INT(walpool_rows_cell(&rows, 0, 1)->type,
              WALPOOL_TEXT | WALPOOL_LARGE);
    CHECK_INT(walpool_rows_cell(&rows, 0, 2)->type, WALPOOL_TEXT);
    check_bytes(&rows, 0, 1, "does not fit any more");
    end();
}

TEST(encode__puts_a_whole_result_into_one_block)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin("WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c "
          "WHERE n < 39) SELECT n, zeroblob(100000) FROM c");
    fetch.whole = true;
    CHECK_OK(next(&rows));
    CHECK_INT(header->row_count, 40);
    CHECK_INT(header->flags & (WALPOOL_ROWS_LARGE | WALPOOL_ROWS_MORE), 0);
    CHECK(!fetch.more);
    for (size_t i = 0; i < 40; i++)
        CHECK_INT(walpool_rows_cell(&rows, i, 1)->length, 100000);
    walpool_rows_finish(&rows);
    end();
}

TEST(encode__cannot_put_a_whole_result_into_too_small_a_buffer)
{
    _Alignas(8) unsigned char memory[256];
    walpool_rows rows;
    walpool_rows_wrap(&rows, memory, sizeof memory);
    begin("SELECT zeroblob(100) UNION ALL SELECT zeroblob(100)");
    fetch.whole = true;
    CHECK_STATUS(next(&rows), WALPOOL_TOOBIG);
    CHECK_CONTAINS(err.message, "256 bytes is too small");
    end();
}

CHECK_MAIN()
