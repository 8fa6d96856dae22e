/* execute: one caller's statement, from text to block. */
#include "execute.h"

#include "inside.h"

static struct inside inside;
static struct walpool__fetch fetch;
static struct walpool__effect effect;
static walpool_rows rows, params;
static walpool_rows_header *header;

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    walpool_rows_init(&rows);
    walpool_rows_init(&params);
    CHECK_INT(sqlite3_exec(inside.conn->db,
                           "CREATE TABLE t(n INTEGER PRIMARY KEY, v)", NULL,
                           NULL, NULL), SQLITE_OK);
}

/* Nothing is left busy, whatever happened. */
static void
end(void)
{
    for (sqlite3_stmt *stmt = NULL;
         (stmt = sqlite3_next_stmt(inside.conn->db, stmt)) != NULL;)
        CHECK(!sqlite3_stmt_busy(stmt));
    walpool_rows_finish(&rows);
    walpool_rows_finish(&params);
    inside_close(&inside);
}

static walpool_statement
statement(const char *sql)
{
    walpool_statement made = {.sql = sql};
    if (params.data != NULL && params.building) {
        made.params = params.data;
        made.params_bytes = params.capacity;
    }
    return made;
}

static walpool_status
read_sql(const char *sql)
{
    walpool_statement made = statement(sql);
    memset(&fetch, 0, sizeof fetch);
    return walpool__execute_read(inside.conn, &made, &fetch, &rows, &header,
                                 &err);
}

static walpool_status
write_sql(const char *sql, size_t offset, bool compact)
{
    struct walpool__prepared prepared;
    walpool_statement made = statement(sql);
    walpool_status status =
        walpool__execute_prepare(inside.conn, &made, &prepared, &err);
    if (status != WALPOOL_OK)
        return status;
    struct walpool__sink sink = {.rows = &rows, .offset = offset,
                                 .compact = compact};
    return walpool__execute_write(inside.conn, &prepared, &sink, &effect, &err);
}

static walpool_status
script(const char *sql)
{
    walpool_statement made = statement(sql);
    return walpool__execute_script(inside.conn, &made, &effect, &err);
}

static void
give_numbers(uint32_t columns, int count)
{
    CHECK_OK(walpool_rows_begin(&params, columns, NULL, &err));
    for (int i = 1; i <= count; i++)
        CHECK_OK(walpool_rows_add_int64(&params, i, &err));
}

static int64_t
count(void)
{
    return raw_number(inside.conn->db, "SELECT count(*) FROM t");
}

TEST(execute__wants_a_statement_with_text)
{
    walpool_statement none = {0}, some = {.sql = "x"};
    CHECK_STATUS(walpool__execute_check(NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool__execute_check(&none, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool__execute_check(&some, &err));
}

TEST(execute__reads_and_gives_the_statement_back)
{
    begin();
    CHECK_OK(read_sql("SELECT 1, 'two'"));
    CHECK_INT(header->row_count, 1);
    CHECK(fetch.stmt == NULL);
    CHECK(!fetch.more);
    end();
}

TEST(execute__keeps_the_statement_while_there_is_more)
{
    begin();
    CHECK_OK(read_sql("SELECT zeroblob(40000)"));
    CHECK(fetch.more);
    CHECK(fetch.stmt != NULL);
    CHECK(fetch.stmt->busy);
    walpool__stmt_give(&inside.conn->cache, fetch.stmt);
    end();
}

TEST(execute__gives_the_statement_back_when_a_read_fails)
{
    static const struct {
        const char *sql;
        walpool_status want;
    } cases[] = {
        {"SELECT * FROM nowhere", WALPOOL_SQL},
        {"DELETE FROM t", WALPOOL_READONLY},
        {"SELECT ?", WALPOOL_PARAM},
        {"SELECT abs(-9223372036854775808)", WALPOOL_SQL},
        {"SELECT CAST(x'FF' AS TEXT)", WALPOOL_ENCODING},
        {"SELECT 1; SELECT 2", WALPOOL_SQL},
        {"BEGIN", WALPOOL_REFUSED},
        {"SELECT zeroblob(2000000000)", WALPOOL_TOOBIG},
    };
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        CHECK_STATUS(read_sql(cases[i].sql), cases[i].want);
        CHECK(fetch.stmt == NULL);
        CHECK(header == NULL);
    }
    end();
}

TEST(execute__takes_one_row_of_parameters_for_a_read)
{
    begin();
    give_numbers(1, 1);
    CHECK_OK(read_sql("SELECT ?"));
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 1);
    give_numbers(1, 2);
    CHECK_STATUS(read_sql("SELECT ?"), WALPOOL_PARAM);
    CHECK_CONTAINS(err.message, "takes one row of parameters, 2 were given");
    give_numbers(1, 0);
    CHECK_STATUS(read_sql("SELECT ?"), WALPOOL_PARAM);
    give_numbers(0, 0);
    CHECK_OK(read_sql("SELECT 1"));
    CHECK_STATUS(read_sql("SELECT ?"), WALPOOL_PARAM);
    end();
}

TEST(execute__refuses_parameters_before_it_runs)
{
    walpool_statement made = {.sql = "INSERT INTO t VALUES(?, ?)"};
    struct walpool__prepared prepared;
    begin();
    give_numbers(2, 3);
    made.params = params.data;
    made.params_bytes = params.capacity;
    CHECK_STATUS(walpool__execute_prepare(inside.conn, &made, &prepared, &err),
                 WALPOOL_PARAM);
    made.params = (const char *)params.data + 1;
    CHECK_STATUS(walpool__execute_prepare(inside.conn, &made, &prepared, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(count(), 0);
    end();
}

TEST(execute__writes_once_per_row_of_parameters)
{
    begin();
    give_numbers(2, 20);
    CHECK_OK(write_sql("INSERT INTO t VALUES(?, ?)", 0, false));
    CHECK_INT(effect.changes, 10);
    CHECK_INT(effect.last_rowid, 19);
    CHECK_INT(count(), 10);
    CHECK_INT(api_header(&rows)->changes, 10);
    CHECK_INT(api_header(&rows)->last_rowid, 19);
    CHECK_INT(api_header(&rows)->row_count, 0);
    give_numbers(2, 0);
    CHECK_OK(write_sql("INSERT INTO t VALUES(?, ?)", 0, false));
    CHECK_INT(effect.changes, 0);
    CHECK_INT(count(), 10);
    end();
}

TEST(execute__collects_the_rows_of_all_runs)
{
    begin();
    give_numbers(1, 100);
    CHECK_OK(write_sql("INSERT INTO t(v) VALUES(?) RETURNING n, v * 2", 0,
                       false));
    CHECK_INT(walpool_rows_count(&rows), 100);
    for (size_t i = 0; i < 100; i++)
        CHECK_INT(walpool_rows_int64(&rows, i, 1), 2 * ((int64_t)i + 1));
    end();
}

TEST(execute__counts_what_was_changed_not_what_was_changed_before)
{
    begin();
    CHECK_OK(write_sql("INSERT INTO t(v) VALUES(1), (2), (3)", 0, false));
    CHECK_INT(effect.changes, 3);
    CHECK_OK(write_sql("CREATE TABLE u(n)", 0, false));
    CHECK_INT(effect.changes, 0);
    CHECK_OK(write_sql("SELECT * FROM t", 0, false));
    CHECK_INT(effect.changes, 0);
    CHECK_INT(walpool_rows_count(&rows), 3);
    CHECK_OK(write_sql("DELETE FROM t", 0, false));
    CHECK_INT(effect.changes, 3);
    CHECK_OK(write_sql("UPDATE t SET v = 1", 0, false));
    CHECK_INT(effect.changes, 0);
    end();
}

TEST(execute__stops_at_the_first_row_that_fails)
{
    begin();
    CHECK_OK(write_sql("INSERT INTO t VALUES(3, 0)", 0, false));
    give_numbers(1, 5);
    CHECK_STATUS(write_sql("INSERT INTO t(n) VALUES(?)", 0, false),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.sqlite_code, SQLITE_CONSTRAINT_PRIMARYKEY);
    CHECK_INT(count(), 3);
    CHECK_INT(effect.changes, 2);
    end();
}

TEST(execute__puts_compact_blocks_behind_each_other)
{
    begin();
    give_numbers(1, 3);
    CHECK_OK(write_sql("INSERT INTO t(v) VALUES(?) RETURNING 'first'", 0,
                       true));
    size_t second = effect.block_bytes;
    CHECK_INT(second, 64 + 3 * 16 + 16); /* 15 bytes of text, rounded up */
    CHECK_OK(write_sql("INSERT INTO t(v) VALUES(?) RETURNING 'next'", second,
                       true));
    const walpool_rows_header *behind = (const void *)(rows.data + second);
    CHECK_INT(behind->magic, WALPOOL_ROWS_MAGIC);
    CHECK_INT(behind->row_count, 3);
    CHECK_INT(behind->changes, 3);
    CHECK_INT(walpool_rows_count(&rows), 3);
    size_t bytes = 0;
    CHECK(memcmp(walpool_rows_bytes(&rows, 2, 0, &bytes), "first", 5) == 0);
    end();
}

/* A statement by itself has committed when its last step is done: there must be
 * nothing left that can fail. */
TEST(execute__writes_nothing_where_its_answer_does_not_fit)
{
    _Alignas(8) unsigned char memory[56];
    begin();
    walpool_rows_finish(&rows);
    walpool_rows_wrap(&rows, memory, sizeof memory);
    CHECK_STATUS(write_sql("INSERT INTO t(v) VALUES(1)", 0, false),
                 WALPOOL_TOOBIG);
    CHECK_INT(count(), 0);
    walpool_rows_init(&rows);
    end();
}

/* ----------------------------------------------------------------- scripts */

TEST(execute__runs_a_script_to_its_end)
{
    begin();
    CHECK_OK(script("INSERT INTO t(v) VALUES(1);; -- one\n"
                    "INSERT INTO t(v) VALUES(2), (3); SELECT * FROM t;"
                    "UPDATE t SET v = 0 WHERE v > 1; /* end */ "));
    CHECK_INT(effect.changes, 5);
    CHECK_INT(effect.last_rowid, 3);
    CHECK_OK(script(""));
    CHECK_OK(script(" -- nothing"));
    CHECK_INT(effect.changes, 0);
    end();
}

TEST(execute__says_where_in_a_script_it_failed)
{
    static const char *const texts[] = {
        "INSERT INTO t(v) VALUES(1); SELECT nope",
        "SELECT 1;\n\n  SELECT 2;   SELECT nope",
        "SELECT nope",
    };
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        CHECK_STATUS(script(texts[i]), WALPOOL_SQL);
        CHECK_CONTAINS(err.message, "no such column: nope");
        if (sqlite3_libversion_number() >= 3038000)
            CHECK_INT(err.sql_offset, strstr(texts[i], "nope") - texts[i]);
    }
    end();
}

TEST(execute__refuses_scripts_that_are_none)
{
    walpool_statement cut = {.sql = "SELECT 1\0SELECT 2", .sql_bytes = 17};
    begin();
    CHECK_STATUS(script("SELECT ?"), WALPOOL_PARAM);
    CHECK_STATUS(script("SELECT 1; COMMIT"), WALPOOL_REFUSED);
    CHECK_STATUS(script("SELECT '\xFF'"), WALPOOL_ENCODING);
    CHECK_STATUS(walpool__execute_script(inside.conn, &cut, &effect, &err),
                 WALPOOL_SQL);
    give_numbers(1, 1);
    CHECK_STATUS(script("SELECT 1"), WALPOOL_PARAM);
    end();
}

TEST(execute__reads_no_byte_beyond_a_scripts_length)
{
    begin();
    char *text = malloc(28);
    memcpy(text, "INSERT INTO t(v) VALUES(1);;", 28);
    walpool_statement made = {.sql = text, .sql_bytes = 28};
    CHECK_OK(walpool__execute_script(inside.conn, &made, &effect, &err));
    CHECK_INT(effect.changes, 1);
    free(text);
    end();
}

CHECK_MAIN()
