/* encode: names of columns, many columns, text that is none, no memory. */
#include "encode.h"

#include "inside.h"
#include "mem.h"

static struct inside inside;
static struct walpool__fetch fetch;
static walpool_rows_header *header;
static walpool_rows rows;

static void
begin(const char *sql)
{
    walpool_statement statement = {.sql = sql};
    if (inside.conn == NULL) {
        inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
        walpool_rows_init(&rows);
    }
    memset(&fetch, 0, sizeof fetch);
    fetch.conn = inside.conn;
    CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &fetch.stmt, &err));
}

static walpool_status
next(void)
{
    header = NULL;
    return walpool__encode_block(&fetch, &rows, &header, &err);
}

static void
give(void)
{
    walpool__stmt_give(&inside.conn->cache, fetch.stmt);
}

static void
end(void)
{
    give();
    walpool_rows_finish(&rows);
    inside_close(&inside);
}

static void
check_name(size_t column, const char *want)
{
    const walpool_cell *cell =
        (const walpool_cell *)(const void *)(rows.data +
                                             WALPOOL_ROWS_HEADER_BYTES) +
        column;
    CHECK_INT(cell->type, WALPOOL_TEXT);
    CHECK_INT(cell->length, strlen(want));
    CHECK(memcmp(rows.data + cell->v.offset, want, strlen(want)) == 0);
}

TEST(encode__names_the_columns_when_asked)
{
    begin("SELECT 1 AS one, 2 AS \"\", 3 AS dr\xC3\xA4i");
    CHECK_OK(next());
    CHECK_INT(header->flags, WALPOOL_ROWS_ASCII);
    CHECK_INT(walpool_rows_int64(&rows, 0, 2), 3);
    give();
    begin("SELECT 1 AS one, 2 AS \"\", 3 AS dr\xC3\xA4i");
    fetch.want_names = true;
    CHECK_OK(next());
    CHECK_INT(header->flags, WALPOOL_ROWS_NAMES);
    CHECK_INT(header->row_count, 1);
    check_name(0, "one");
    check_name(1, "");
    check_name(2, "dr\xC3\xA4i");
    CHECK_INT(walpool_rows_int64(&rows, 0, 2), 3);
    end();
}

TEST(encode__names_the_columns_of_a_shape_that_is_not_known)
{
    begin("SELECT 1 AS a, 2 AS b");
    CHECK_OK(next());
    uint64_t shape = header->shape;
    CHECK(shape != 0);
    give();
    for (int known = 0; known < 2; known++) {
        begin("SELECT 3 AS a, 4 AS b");
        fetch.known_shape = known ? shape : shape + 1;
        CHECK_OK(next());
        CHECK(header->shape == shape);
        CHECK_INT(header->flags & WALPOOL_ROWS_NAMES,
                  known ? 0 : WALPOOL_ROWS_NAMES);
        CHECK_INT(walpool_rows_int64(&rows, 0, 1), 4);
        give();
    }
    begin("SELECT 1");
    end();
}

TEST(encode__names_the_columns_in_the_first_block_only)
{
    _Alignas(8) unsigned char memory[200];
    begin("SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 "
          "UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 "
          "UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9");
    walpool_rows_wrap(&rows, memory, sizeof memory);
    fetch.want_names = true;
    CHECK_OK(next());
    CHECK(header->flags & WALPOOL_ROWS_NAMES);
    CHECK(fetch.more);
    CHECK_OK(next());
    CHECK_INT(header->flags & WALPOOL_ROWS_NAMES, 0);
    CHECK(header->shape != 0);
    end();
}

TEST(encode__names_the_columns_of_no_rows)
{
    begin("SELECT 1 AS a WHERE 0");
    fetch.want_names = true;
    CHECK_OK(next());
    CHECK_INT(header->row_count, 0);
    CHECK_INT(header->column_count, 1);
    check_name(0, "a");
    CHECK(!fetch.more);
    end();
}

TEST(encode__refuses_names_that_do_not_fit_or_are_no_text)
{
    _Alignas(8) unsigned char memory[64 + 2 * WALPOOL_CELL_BYTES];
    begin("SELECT 1 AS a");
    walpool_rows_wrap(&rows, memory, sizeof memory);
    fetch.want_names = true;
    CHECK_STATUS(next(), WALPOOL_TOOBIG);
    end();
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "CREATE TABLE t(fine, \"bad\xFF\")");
    sqlite3_close(other);
    begin("SELECT * FROM t");
    fetch.want_names = true;
    CHECK_STATUS(next(), WALPOOL_ENCODING);
    CHECK_CONTAINS(err.message, "the name of column 2");
    give();
    begin("SELECT * FROM t");
    CHECK_OK(next());
    end();
}

TEST(encode__takes_as_many_columns_as_SQLite)
{
    static char sql[40000] = "SELECT 0 AS c0";
    for (int i = 1; i < 2000; i++)
        snprintf(sql + strlen(sql), 32, ",%d AS c%d", i, i);
    begin(sql);
    fetch.want_names = true;
    CHECK_OK(next());
    CHECK_INT(header->column_count, 2000);
    for (size_t i = 0; i < 2000; i++)
        CHECK_INT(walpool_rows_int64(&rows, 0, i), i);
    check_name(1999, "c1999");
    end();
}

TEST(encode__has_no_columns_for_a_statement_without_rows)
{
    begin("CREATE TABLE t(n)");
    CHECK_OK(next());
    CHECK_INT(header->column_count, 0);
    CHECK_INT(header->row_count, 0);
    CHECK(header->shape != 0);
    end();
}

TEST(encode__gives_one_row_when_one_is_asked_for)
{
    begin("SELECT 1 UNION ALL SELECT 2");
    fetch.first = true;
    CHECK_OK(next());
    CHECK_INT(header->row_count, 1);
    CHECK(!fetch.more);
    give();
    begin("SELECT zeroblob(40000) UNION ALL SELECT 2");
    fetch.first = true;
    CHECK_OK(next());
    CHECK(fetch.more);
    CHECK(fetch.large);
    end();
}

TEST(encode__tells_ASCII_from_other_text)
{
    static const struct {
        const char *sql;
        uint32_t flags;
    } cases[] = {
        {"SELECT 'ascii', 1", WALPOOL_ROWS_ASCII},
        {"SELECT 1, 2.5, NULL, x'FF'", WALPOOL_ROWS_ASCII},
        {"SELECT 'a' UNION ALL SELECT '\xC3\xA4'", 0},
        {"SELECT '\xC3\xA4' UNION ALL SELECT 'a'", 0},
        {"SELECT char(0, 127)", WALPOOL_ROWS_ASCII},
        {"SELECT char(128)", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        begin(cases[i].sql);
        CHECK_OK(next());
        CHECK_INT(header->flags, cases[i].flags);
        give();
    }
    begin("SELECT 1");
    end();
}

/* A row that had to wait for the next block says nothing about this one. */
TEST(encode__judges_the_text_of_its_own_rows_only)
{
    _Alignas(8) unsigned char memory[64 + 2 * WALPOOL_CELL_BYTES + 8];
    begin("SELECT 'a' UNION ALL SELECT 'not ASCII: \xC3\xA4'");
    walpool_rows_wrap(&rows, memory, sizeof memory);
    CHECK_OK(next());
    CHECK_INT(header->row_count, 1);
    CHECK(header->flags & WALPOOL_ROWS_ASCII);
    CHECK_OK(next());
    CHECK_INT(header->flags & WALPOOL_ROWS_ASCII, 0);
    end();
}

TEST(encode__refuses_text_that_is_no_UTF8_and_says_where)
{
    begin("SELECT 1 AS a, CAST(x'6162FF' AS TEXT) AS b");
    CHECK_STATUS(next(), WALPOOL_ENCODING);
    CHECK_STR(err.message, "text of column 2 (b) is not UTF-8 at byte 2: read "
                           "CAST(b AS BLOB)");
    end();
}

TEST(encode__refuses_bad_text_that_would_be_large_too)
{
    begin("SELECT CAST(zeroblob(40000) || x'C3' AS TEXT)");
    CHECK_STATUS(next(), WALPOOL_ENCODING);
    end();
}

TEST(encode__throws_rows_away_to_the_end)
{
    begin("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3");
    CHECK_OK(walpool__encode_nothing(&fetch, &err));
    CHECK(!fetch.pending);
    end();
}

TEST(encode__says_when_there_is_no_memory_to_grow)
{
    begin("WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c "
          "WHERE n < 2000) SELECT n, 'text' FROM c");
    for (long nth = 0; nth < 4; nth++) {
        walpool__mem_fail_after(nth);
        walpool_status status = next();
        CHECK_INT(walpool__mem_fail_after(-1), nth + 1);
        CHECK_STATUS(status, WALPOOL_NOMEM);
        give();
        walpool_rows_finish(&rows);
        begin("WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c "
              "WHERE n < 2000) SELECT n, 'text' FROM c");
    }
    CHECK_OK(next());
    CHECK_INT(header->row_count, 2001);
    end();
}

CHECK_MAIN()
