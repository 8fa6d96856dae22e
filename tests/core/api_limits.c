/* The far ends: many columns, parameters, readers, databases; texts and values
 * at the limits of SQLite and past them. */
#include "api.h"

static walpool *db;

/* "SELECT x,x,...": `count` times the word, after a head. */
static char *
repeated(const char *head, const char *word, size_t count, const char *tail)
{
    size_t bytes = strlen(head) + count * (strlen(word) + 1) + strlen(tail) + 1;
    char *sql = malloc(bytes), *at = sql;
    at += sprintf(at, "%s", head);
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "%s%s", i > 0 ? "," : "", word);
    sprintf(at, "%s", tail);
    return sql;
}

TEST(limits__two_thousand_columns_come_in_every_kind_of_buffer)
{
    static _Alignas(8) unsigned char memory[64 + 16 * 2000];
    walpool_rows rows;
    char *sql =
        repeated("SELECT ", "7", 2000, " UNION ALL SELECT * FROM (SELECT ");
    char *both = repeated(sql, "8", 2000, ")");
    walpool_statement query = {.sql = both};
    db = api_open("a.db", "");
    walpool_rows_init(&rows);
    CHECK_OK(walpool_read(db, &query, NULL, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 2);
    CHECK_INT(walpool_rows_int64(&rows, 1, 1999), 8);
    walpool_rows_finish(&rows);
    walpool_rows_wrap(&rows, memory, sizeof memory);
    CHECK_OK(walpool_read(db, &query, NULL, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_INT(walpool_rows_int64(&rows, 0, 1999), 7);
    CHECK_OK(walpool_cursor_next(api_cursor(&rows), NULL, &rows, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 8);
    walpool_rows_wrap(&rows, memory, sizeof memory - 8);
    CHECK_STATUS(walpool_read(db, &query, NULL, &rows, &err), WALPOOL_TOOBIG);
    free(sql);
    free(both);
    api_close(db);
}

static walpool_status
sum_of_parameters(uint32_t count, int64_t *sum)
{
    walpool_rows params, rows;
    char *sql =
        repeated("SELECT sum(column1) FROM (VALUES (", "?", count, "))");
    for (char *c = sql; *c != 0; c++) /* "(?,?)" -> "(?),(?)" is longer */
        if (*c == ',')
            *c = '+';
    walpool_rows_init(&params);
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&params, count, NULL, &err));
    for (uint32_t i = 1; i <= count; i++)
        walpool_rows_add_int64(&params, i, NULL);
    walpool_statement query = {.sql = sql, .params = params.data,
                               .params_bytes = params.capacity};
    walpool_status status = walpool_read(db, &query, NULL, &rows, &err);
    if (status == WALPOOL_OK)
        *sum = walpool_rows_int64(&rows, 0, 0);
    walpool_rows_finish(&params);
    walpool_rows_finish(&rows);
    free(sql);
    return status;
}

TEST(limits__hundreds_of_parameters_by_position)
{
    int64_t sum = 0;
    db = api_open("a.db", "");
    CHECK_OK(sum_of_parameters(900, &sum));
    CHECK_INT(sum, 900 * 901 / 2);
    api_close(db);
}

TEST(limits__as_many_parameters_as_sqlite_takes)
{
    walpool_rows params;
    char *sql = repeated("SELECT 1 WHERE 5 IN (", "?", 32766, ")");
    db = api_open("a.db", "");
    walpool_rows_init(&params);
    CHECK_OK(walpool_rows_begin(&params, 32766, NULL, &err));
    for (int i = 0; i < 32766; i++)
        CHECK_OK(walpool_rows_add_int64(&params, i, &err));
    walpool_statement query = {.sql = sql, .params = params.data,
                               .params_bytes = params.capacity};
    CHECK_OK(walpool_read(db, &query, NULL, NULL, &err));
    walpool_rows_finish(&params);
    free(sql);
    sql = repeated("SELECT 1 WHERE 5 IN (", "?", 300000, ")");
    query = (walpool_statement){.sql = sql};
    CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "too many SQL variables");
    free(sql);
    api_close(db);
}

TEST(limits__a_long_text_runs)
{
    db = api_open("a.db", "");
    char *sql = repeated("SELECT '", "0123456789abcdef", 30000, "'");
    CHECK_OK(api_write(db, sql));
    free(sql);
    api_close(db);
}

TEST(limits__a_value_past_sqlites_limit_is_too_big)
{
    db = api_open("a.db", "");
    CHECK_STATUS(api_write(db, "SELECT zeroblob(2147483647)"), WALPOOL_TOOBIG);
    CHECK_STR(walpool_sqlite_code_name(err.sqlite_code), "SQLITE_TOOBIG");
    CHECK_INT(api_number(db, "SELECT 5"), 5);
    api_close(db);
}

TEST(limits__sixty_four_readers_are_out_at_once)
{
    walpool_lease *leases[64];
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 0;
    db = api_open("a.db", "readers=64");
    for (int i = 0; i < 64; i++)
        leases[i] = api_acquire(db, WALPOOL_READ);
    CHECK(walpool_acquire(db, WALPOOL_READ, &call, &err) == NULL);
    CHECK_INT(err.status, WALPOOL_TIMEOUT);
    for (int i = 0; i < 64; i++) {
        CHECK_INT(api_lease_number(leases[i], "SELECT 5"), 5);
        CHECK_OK(walpool_release(leases[i], &err));
    }
    CHECK_INT(api_health(db).readers_open, 64);
    api_close(db);
}

TEST(limits__a_hundred_databases_are_open_at_once)
{
    walpool *all[100];
    char name[32];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%d.db", i);
        all[i] = api_open(name, "readers=1");
        CHECK_OK(api_write(all[i], "CREATE TABLE t(v)"));
    }
    for (int i = 0; i < 100; i++) {
        CHECK_INT(api_number(all[i], "SELECT count(*) FROM t"), 0);
        api_close(all[i]);
    }
}

TEST(limits__more_statements_than_the_cache_holds_all_run)
{
    char sql[64];
    db = api_open("a.db", "readers=1&statement_cache=5");
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 50; i++) {
            snprintf(sql, sizeof sql, "SELECT %d", i);
            CHECK_INT(api_number(db, sql), i);
        }
    CHECK_INT(api_health(db).statement_misses, 150);
    CHECK_INT(api_number(db, "SELECT 49"), 49);
    CHECK_INT(api_health(db).statement_hits, 1);
    api_close(db);
}

CHECK_MAIN()
