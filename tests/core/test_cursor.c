/* cursor: the rest of a result, its large values, its end. */
#include "api.h"
#include "base.h"

static walpool *db;
static walpool_rows rows;

static void
begin(void)
{
    db = api_open("a.db", "readers=1");
    walpool_rows_init(&rows);
}

/* The one reader is home: no cursor has kept it. */
static void
end(void)
{
    walpool_rows_finish(&rows);
    CHECK_INT(api_number(db, "SELECT 1"), 1);
    CHECK_INT(api_health(db).readers_leased, 0);
    api_close(db);
}

static walpool_cursor *
read_sql(const char *sql)
{
    walpool_statement statement = {.sql = sql};
    CHECK_OK(walpool_read(db, &statement, NULL, &rows, &err));
    CHECK_INT(api_health(db).readers_leased, api_cursor(&rows) != NULL);
    return api_cursor(&rows);
}

static const char two[] = "SELECT 1, zeroblob(40000) UNION ALL SELECT 2, 'b'";

/* More than one block, and each takes a while. */
static const char endless[] =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
    "SELECT n, 'some text' FROM c";

TEST(cursor__gives_its_reader_back_at_its_end)
{
    begin();
    walpool_cursor *cursor = read_sql(two);
    CHECK(cursor != NULL);
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_INT(api_header(&rows)->cursor, 0);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 2);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    end();
}

TEST(cursor__gives_its_reader_back_when_it_is_closed)
{
    begin();
    walpool_cursor *cursor = read_sql(two);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    end();
}

TEST(cursor__goes_on_after_TOOBIG_in_the_middle_and_at_the_end)
{
    _Alignas(8) unsigned char memory[72];
    walpool_rows tiny;
    begin();
    walpool_rows_wrap(&tiny, memory, sizeof memory);
    walpool_cursor *cursor =
        read_sql("SELECT zeroblob(40000) UNION ALL SELECT zeroblob(40001)");
    for (int block = 0; block < 2; block++) {
        CHECK_STATUS(walpool_cursor_next(cursor, NULL, &tiny, &err),
                     WALPOOL_TOOBIG);
        CHECK_STATUS(walpool_cursor_next(cursor, NULL, &tiny, &err),
                     WALPOOL_TOOBIG);
        CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
        CHECK_INT(walpool_rows_count(&rows), 1 - block);
    }
    CHECK_INT(api_header(&rows)->cursor, 0);
    end();
}

TEST(cursor__needs_a_buffer_and_lives_on_without)
{
    begin();
    walpool_cursor *cursor = read_sql(two);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    end();
}

TEST(cursor__ends_with_a_deadline_and_gives_its_reader_back)
{
    walpool_call call = WALPOOL_CALL_INIT;
    begin();
    walpool_cursor *cursor = read_sql(endless);
    call.timeout_ms = 1;
    walpool_status status = WALPOOL_OK;
    while (status == WALPOOL_OK)
        status = walpool_cursor_next(cursor, &call, &rows, &err);
    CHECK_STATUS(status, WALPOOL_TIMEOUT);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    end();
}

TEST(cursor__ends_with_a_cancel_before_it_begins)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_token *token = walpool_token_open(&err);
    begin();
    walpool_cursor *cursor = read_sql(endless);
    call.token = token;
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_STATUS(walpool_cursor_next(cursor, &call, &rows, &err),
                 WALPOOL_CANCELLED);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    walpool_token_close(token);
    end();
}

TEST(cursor__ends_with_an_error_of_the_statement)
{
    begin();
    walpool_cursor *cursor = read_sql(
        "SELECT 1, zeroblob(40000) UNION ALL SELECT abs(-9223372036854775808),"
        " 0");
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "integer overflow");
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    end();
}

TEST(cursor__keeps_its_snapshot)
{
    begin();
    CHECK_OK(api_write(db, "CREATE TABLE t(n, b)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1, zeroblob(40000)), "
                           "(2, NULL)"));
    walpool_cursor *cursor = read_sql("SELECT n, b FROM t ORDER BY n");
    CHECK_OK(api_write(db, "DELETE FROM t"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(3, NULL)"));
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 2);
    end();
}

TEST(cursor__copies_bytes_of_a_large_value_within_its_bounds)
{
    static char value[40004];
    static const struct {
        size_t column, offset, bytes;
        walpool_status want;
    } cases[] = {
        {1, 0, 40004, WALPOOL_OK},       {1, 40003, 1, WALPOOL_OK},
        {1, 40004, 0, WALPOOL_OK},       {1, 40004, 1, WALPOOL_MISUSE},
        {1, 0, 40005, WALPOOL_MISUSE},   {1, SIZE_MAX, 2, WALPOOL_MISUSE},
        {1, 2, SIZE_MAX, WALPOOL_MISUSE}, {0, 0, 1, WALPOOL_MISUSE},
        {2, 0, 1, WALPOOL_MISUSE},       {SIZE_MAX, 0, 1, WALPOOL_MISUSE},
    };
    begin();
    walpool_cursor *cursor =
        read_sql("SELECT 1, printf('%.*c', 40000, 'x') || 'tail'");
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        CHECK_STATUS(walpool_cursor_value(cursor, cases[i].column,
                                          cases[i].offset, value,
                                          cases[i].bytes, &err),
                     cases[i].want);
    CHECK_STATUS(walpool_cursor_value(cursor, 1, 0, NULL, 1, &err),
                 WALPOOL_MISUSE);
    CHECK_OK(walpool_cursor_value(cursor, 1, 40000, value, 4, &err));
    CHECK(memcmp(value, "tail", 4) == 0);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    end();
}

/* SQLite keeps such text in UTF-16; what we tell and copy is UTF-8. */
TEST(cursor__copies_text_of_a_UTF16_database_as_UTF8)
{
    static char value[80000];
    begin();
    CHECK_OK(api_write(db, "PRAGMA encoding='UTF-16le'"));
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(printf('%.*c', 39999, 'x') "
                           "|| char(228))"));
    walpool_cursor *cursor = read_sql("SELECT v FROM t");
    const walpool_cell *cell = walpool_rows_cell(&rows, 0, 0);
    CHECK_INT(cell->type, WALPOOL_TEXT | WALPOOL_LARGE);
    CHECK_INT(cell->length, 40001);
    CHECK_OK(walpool_cursor_value(cursor, 0, 0, value, cell->length, &err));
    CHECK(memcmp(value + 39998, "x\xC3\xA4", 3) == 0);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    end();
}

TEST(cursor__ends_with_the_lease_that_made_it)
{
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    walpool_statement statement = {.sql = two};
    CHECK_OK(walpool_run(lease, &statement, NULL, &rows, &err));
    walpool_cursor *cursor = api_cursor(&rows);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    CHECK_STATUS(walpool_cursor_value(cursor, 1, 0, NULL, 0, &err),
                 WALPOOL_CLOSED);
    end();
}

/* ------------------------------------------------------------- many threads */

static walpool_cursor *shared;
static atomic_int sum, last, closed;

/* Whoever is not told BUSY gets the next block; nobody gets one twice. */
static void *
fetch_together(void *unused)
{
    _Alignas(8) unsigned char memory[64 + 5 * WALPOOL_CELL_BYTES];
    walpool_rows mine;
    (void)unused;
    walpool_rows_wrap(&mine, memory, sizeof memory);
    for (;;) {
        walpool_status status =
            walpool_cursor_next(shared, NULL, &mine, &err);
        if (status == WALPOOL_CLOSED)
            return NULL;
        if (status == WALPOOL_BUSY)
            continue;
        CHECK_STATUS(status, WALPOOL_OK);
        for (size_t i = 0; i < walpool_rows_count(&mine); i++)
            atomic_fetch_add(&sum, (int)walpool_rows_int64(&mine, i, 0));
        if (api_header(&mine)->cursor == 0)
            atomic_fetch_add(&last, 1);
    }
}

TEST(cursor__gives_every_row_to_one_of_many_threads)
{
    _Alignas(8) unsigned char memory[64 + 5 * WALPOOL_CELL_BYTES];
    walpool_statement statement = {
        .sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
               "WHERE n < 3000) SELECT n FROM c"};
    walpool_rows first;
    pthread_t threads[3];
    begin();
    walpool_rows_wrap(&first, memory, sizeof memory);
    CHECK_OK(walpool_read(db, &statement, NULL, &first, &err));
    shared = api_cursor(&first);
    atomic_store(&last, 0);
    atomic_store(&sum, 0);
    for (size_t i = 0; i < walpool_rows_count(&first); i++)
        atomic_fetch_add(&sum, (int)walpool_rows_int64(&first, i, 0));
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, fetch_together, NULL), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(atomic_load(&sum), 3000 * 3001 / 2);
    CHECK_INT(atomic_load(&last), 1);
    end();
}

static void *
close_together(void *unused)
{
    (void)unused;
    walpool_status status = WALPOOL_BUSY;
    while (status == WALPOOL_BUSY)
        status = walpool_cursor_close(shared, &err);
    if (status == WALPOOL_OK)
        atomic_fetch_add(&closed, 1);
    else
        CHECK_STATUS(status, WALPOOL_CLOSED);
    return NULL;
}

TEST(cursor__is_closed_once_when_threads_race)
{
    begin();
    for (int round = 0; round < 50; round++) {
        pthread_t threads[3];
        shared = read_sql(two);
        atomic_store(&closed, 0);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_create(&threads[i], NULL, close_together, NULL),
                      0);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(atomic_load(&closed), 1);
        CHECK_INT(api_health(db).readers_leased, 0);
    }
    end();
}

CHECK_MAIN()
