/* write and batch: how much comes back, and how much may be asked. */
#include "api.h"

static walpool *db;
static walpool_rows rows;

static void
begin(void)
{
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)"));
}

static void
end(void)
{
    walpool_rows_finish(&rows);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    api_close(db);
}

static walpool_call
first(void)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_FIRST;
    return call;
}

TEST(write__gives_the_first_row_and_runs_to_the_end)
{
    walpool_statement insert = {
        .sql = "INSERT INTO t(v) VALUES (1), (2), (3) RETURNING n"};
    walpool_call call = first();
    begin();
    CHECK_OK(walpool_write(db, &insert, &call, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 1);
    CHECK_INT(api_header(&rows)->changes, 3);
    CHECK_INT(api_header(&rows)->flags & WALPOOL_ROWS_MORE, 0);
    CHECK(api_cursor(&rows) == NULL);
    CHECK_OK(walpool_write(db, &insert, &call, NULL, &err));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 6);
    insert.sql = "SELECT n FROM t ORDER BY n DESC"; /* may be written, too */
    CHECK_OK(walpool_write(db, &insert, &call, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 6);
    end();
}

TEST(write__gives_the_first_row_of_many_rows_of_parameters)
{
    walpool_call call = first();
    walpool_rows params;
    begin();
    walpool_rows_init(&params);
    CHECK_OK(walpool_rows_begin(&params, 1, NULL, &err));
    for (int n = 0; n < 4; n++)
        CHECK_OK(walpool_rows_add_int64(&params, n, &err));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (2, 'two'), (3, 'three')"));
    walpool_statement statement = {
        .sql = "DELETE FROM t WHERE n = ? RETURNING v",
        .params = params.data,
        .params_bytes = params.capacity};
    CHECK_OK(walpool_write(db, &statement, &call, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK(memcmp(walpool_rows_bytes(&rows, 0, 0, NULL), "two", 3) == 0);
    CHECK_INT(api_header(&rows)->changes, 2);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    walpool_rows_finish(&params);
    end();
}

TEST(write__gives_the_first_row_of_each_statement_of_a_batch)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t(v) VALUES ('a'), ('b') RETURNING v"},
        {.sql = "DELETE FROM t WHERE 0 RETURNING v"},
        {.sql = "DELETE FROM t RETURNING n"},
    };
    walpool_result results[3];
    walpool_call call = first();
    begin();
    CHECK_OK(walpool_batch(db, list, 3, &call, results, &rows, &err));
    for (int i = 0; i < 3; i++) {
        walpool_rows one;
        CHECK(results[i].rows_bytes > 0);
        walpool_rows_wrap(&one, rows.data + results[i].rows_offset,
                          results[i].rows_bytes);
        CHECK_INT(walpool_rows_count(&one), i == 1 ? 0 : 1);
    }
    CHECK_INT(results[2].changes, 2);
    end();
}

TEST(write__on_a_lease_gives_the_first_row_and_no_cursor)
{
    walpool_statement insert = {
        .sql = "INSERT INTO t(v) VALUES (1), (2), (3) RETURNING n"};
    walpool_call call = first();
    begin();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_run(lease, &insert, &call, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK(api_cursor(&rows) == NULL);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 3);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(write__only_the_first_row_has_to_fit)
{
    static _Alignas(8) unsigned char memory[WALPOOL_ROWS_HEADER_BYTES +
                                            WALPOOL_CELL_BYTES];
    walpool_statement insert = {
        .sql = "INSERT INTO t(v) VALUES (1), (2), (3) RETURNING n"};
    walpool_call call = first();
    walpool_rows small;
    begin();
    walpool_rows_wrap(&small, memory, sizeof memory);
    CHECK_STATUS(walpool_write(db, &insert, NULL, &small, &err),
                 WALPOOL_TOOBIG);
    CHECK_OK(walpool_write(db, &insert, &call, &small, &err));
    CHECK_INT(walpool_rows_int64(&small, 0, 0), 1);
    end();
}

/* ------------------------------------------------------------ many and none */

TEST(write__a_batch_of_none_is_misuse_and_a_million_is_fine)
{
    enum { MILLION = 1000000 };
    walpool_statement *list = calloc(MILLION, sizeof *list);
    walpool_result *results = calloc(MILLION, sizeof *results);
    begin();
    CHECK(list != NULL && results != NULL);
    CHECK_STATUS(walpool_batch(db, list, 0, NULL, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "batch of 0 statements");
    for (int i = 0; i < MILLION; i++)
        list[i].sql = "INSERT INTO t DEFAULT VALUES";
    list[MILLION - 1].sql = "DELETE FROM t WHERE n <= 500000";
    CHECK_OK(walpool_batch(db, list, MILLION, NULL, results, NULL, &err));
    CHECK_INT(results[MILLION - 2].last_rowid, MILLION - 1);
    CHECK_INT(results[MILLION - 1].changes, 500000);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 499999);
    list[MILLION - 1].sql = "oops";
    CHECK_STATUS(walpool_batch(db, list, MILLION, NULL, results, NULL, &err),
                 WALPOOL_SQL);
    CHECK_INT(err.statement, MILLION - 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 499999);
    free(list);
    free(results);
    end();
}

TEST(write__with_an_absurd_deadline_is_refused_before_it_waits)
{
    static const int64_t bad[] = {-2, INT64_MIN, 86400001, INT64_MAX};
    walpool_statement insert = {.sql = "INSERT INTO t DEFAULT VALUES"};
    walpool_call call = WALPOOL_CALL_INIT;
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call.timeout_ms = bad[i];
        CHECK_STATUS(walpool_write(db, &insert, &call, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "timeout_ms");
        CHECK_STATUS(walpool_batch(db, &insert, 1, &call, NULL, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    CHECK_INT(api_health(db).writer_wait_count, 1); /* the table's */
    end();
}

TEST(write__parameters_that_do_not_fit_are_named_and_write_nothing)
{
    static const struct {
        uint32_t columns;
        int values;
        const char *words;
    } cases[] = {{1, 1, "takes 2 parameters, 1 was given"},
                 {3, 3, "takes 2 parameters, 3 were given"},
                 {2, 3, "not complete"},
                 {0, 0, "takes 2 parameters, 0 were given"}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        walpool_rows params;
        walpool_rows_init(&params);
        CHECK_OK(walpool_rows_begin(&params, cases[i].columns, NULL, &err));
        for (int n = 0; n < cases[i].values; n++)
            CHECK_OK(walpool_rows_add_int64(&params, n, &err));
        walpool_statement list[] = {{.sql = "DELETE FROM t"},
                                    {.sql = "INSERT INTO t VALUES (?, ?)",
                                     .params = params.data,
                                     .params_bytes = params.capacity}};
        CHECK_STATUS(walpool_write(db, &list[1], NULL, &rows, &err),
                     WALPOOL_PARAM);
        CHECK_CONTAINS(err.message, cases[i].words);
        CHECK_STATUS(walpool_batch(db, list, 2, NULL, NULL, NULL, &err),
                     WALPOOL_PARAM);
        CHECK_INT(err.statement, 1);
        walpool_rows_finish(&params);
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    end();
}

CHECK_MAIN()
