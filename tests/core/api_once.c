/* once_key: a call that is made again is answered again, and applied once. */
#include <stdbool.h>

#include "api.h"

static walpool *db;
static walpool_rows rows;

static void
begin(const char *options)
{
    walpool_rows_init(&rows);
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t("
                           "n INTEGER PRIMARY KEY, v UNIQUE)"));
}

static void
end(void)
{
    walpool_rows_finish(&rows);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    api_close(db);
}

static int64_t
count(void)
{
    return api_number(db, "SELECT count(*) FROM t");
}

static walpool_call
keyed(const char *key)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.once_key = key;
    call.once_bytes = strlen(key);
    return call;
}

static walpool_status
write_once(const char *key, const char *sql)
{
    walpool_call call = keyed(key);
    walpool_statement statement = {.sql = sql};
    return walpool_write(db, &statement, &call, &rows, &err);
}

/* Buffers of no other contents than what is put there: they can be compared. */
struct buffer {
    walpool_rows rows;
    _Alignas(8) unsigned char memory[1024];
};

static walpool_rows *
clean(struct buffer *buffer)
{
    memset(buffer->memory, 0, sizeof buffer->memory);
    walpool_rows_wrap(&buffer->rows, buffer->memory, sizeof buffer->memory);
    return &buffer->rows;
}

static bool
same(const struct buffer *a, const struct buffer *b)
{
    return memcmp(a->memory, b->memory, sizeof a->memory) == 0;
}

/* ------------------------------------------------------------- the promise */

TEST(once__a_write_again_gives_the_same_answer_and_changes_nothing)
{
    static struct buffer first, again;
    walpool_statement insert = {
        .sql = "INSERT INTO t(v) VALUES ('a'), (2.5), (x'00') RETURNING n, v"};
    walpool_call call = keyed("order 7");
    begin("");
    CHECK_OK(walpool_write(db, &insert, &call, clean(&first), &err));
    CHECK_INT(walpool_rows_count(&first.rows), 3);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (99, 99)"));
    walpool_health before = api_health(db);
    for (int i = 1; i < 4; i++) {
        CHECK_OK(walpool_write(db, &insert, &call, clean(&again), &err));
        CHECK(same(&first, &again));
        CHECK_INT(api_health(db).once_replays, i);
    }
    CHECK_INT(count(), 4);
    CHECK_INT(api_health(db).writes, before.writes);
    CHECK_INT(api_health(db).rollbacks, before.rollbacks);
    CHECK_INT(api_health(db).wal_frames, before.wal_frames);
    CHECK_INT(api_health(db).errors, 0);
    end();
}

TEST(once__a_batch_again_gives_the_same_results)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t(v) VALUES ('x'), ('y') RETURNING v, n"},
        {.sql = "UPDATE t SET v = v || '!'"},
        {.sql = "DELETE FROM t WHERE n = 99 RETURNING n"},
        {.sql = "CREATE TABLE gone(x)"},
        {.sql = "DROP TABLE gone"},
        {.sql = "SELECT count(*) FROM t"},
    };
    enum { COUNT = sizeof list / sizeof list[0] };
    static struct buffer first, again;
    walpool_result results[2][COUNT];
    walpool_call call = keyed("nightly");
    begin("");
    CHECK_OK(walpool_batch(db, list, COUNT, &call, results[0], clean(&first),
                           &err));
    CHECK_INT(results[0][0].last_rowid, 2);
    CHECK_INT(results[0][1].changes, 2);
    CHECK_INT(results[0][1].rows_bytes, 0);
    CHECK(results[0][2].rows_bytes > 0); /* a block of no rows */
    CHECK_OK(walpool_batch(db, list, COUNT, &call, results[1], clean(&again),
                           &err));
    CHECK(memcmp(results[0], results[1], sizeof results[0]) == 0);
    CHECK(same(&first, &again));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t WHERE v LIKE '_!'"), 2);
    CHECK_INT(api_health(db).once_replays, 1);
    end();
}

TEST(once__the_first_answer_is_that_of_a_call_without_a_key)
{
    static struct buffer with, without;
    walpool_statement list[] = {
        {.sql = "INSERT INTO t(v) VALUES ('a'), ('\u00fc') RETURNING n, v"},
        {.sql = "UPDATE t SET v = n"},
        {.sql = "DELETE FROM t RETURNING v, NULL"}};
    walpool_result results[2][3];
    walpool_call call = WALPOOL_CALL_INIT, once = keyed("k");
    begin("");
    call.flags = once.flags = WALPOOL_CALL_NAMES;
    CHECK_OK(walpool_batch(db, list, 3, &call, results[0], clean(&without),
                           &err));
    CHECK_OK(walpool_batch(db, list, 3, &once, results[1], clean(&with),
                           &err));
    CHECK(memcmp(results[0], results[1], sizeof results[0]) == 0);
    CHECK(same(&with, &without));
    once.once_key = "l";
    CHECK_OK(walpool_write(db, &list[0], &call, clean(&without), &err));
    CHECK_OK(api_write(db, "DELETE FROM t"));
    CHECK_OK(walpool_write(db, &list[0], &once, clean(&with), &err));
    CHECK(same(&with, &without));
    once.once_key = "m";
    CHECK_OK(walpool_write(db, &list[1], &call, clean(&without), &err));
    CHECK_OK(walpool_write(db, &list[1], &once, clean(&with), &err));
    CHECK(same(&with, &without));
    end();
}

TEST(once__a_script_again_is_not_run)
{
    walpool_statement script = {
        .sql = "INSERT INTO t(v) VALUES (1); INSERT INTO t(v) VALUES (2);"};
    walpool_call call = keyed("script");
    call.flags = WALPOOL_CALL_SCRIPT;
    begin("");
    for (int i = 0; i < 2; i++) {
        CHECK_OK(walpool_write(db, &script, &call, &rows, &err));
        CHECK_INT(api_header(&rows)->changes, 2);
        CHECK_INT(api_header(&rows)->last_rowid, 2);
        CHECK_INT(walpool_rows_count(&rows), 0);
        CHECK_INT(count(), 2);
    }
    end();
}

TEST(once__holds_after_the_database_was_closed)
{
    begin("");
    CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (1)"));
    end();
    begin("");
    CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (1)"));
    CHECK_INT(api_header(&rows)->last_rowid, 1);
    CHECK_INT(count(), 1);
    CHECK_INT(api_health(db).once_replays, 1);
    end();
}

static void
in_another_process(void)
{
    begin("");
    CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (1)"));
    CHECK_INT(api_health(db).once_replays, 1);
    CHECK_OK(write_once("l", "INSERT INTO t(v) VALUES (2)"));
    end();
}

TEST(once__holds_among_processes)
{
    begin("");
    CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (1)"));
    end();
    api_forked(in_another_process);
    begin("");
    CHECK_OK(write_once("l", "INSERT INTO t(v) VALUES (2)"));
    CHECK_INT(api_header(&rows)->last_rowid, 2);
    CHECK_INT(count(), 2);
    end();
}

static void *
write_with_others(void *arg)
{
    walpool_statement insert = {.sql = "INSERT INTO t(v) VALUES (random()) "
                                       "RETURNING v"};
    walpool_call call = keyed("one of many");
    walpool_rows mine;
    walpool_rows_init(&mine);
    CHECK_OK(walpool_write(db, &insert, &call, &mine, &err));
    *(int64_t *)arg = walpool_rows_int64(&mine, 0, 0);
    walpool_rows_finish(&mine);
    return NULL;
}

TEST(once__holds_among_threads)
{
    enum { THREADS = 16 };
    pthread_t threads[THREADS];
    int64_t values[THREADS];
    begin("");
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, write_with_others,
                                 &values[i]), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (int i = 1; i < THREADS; i++)
        CHECK_INT(values[i], values[0]);
    CHECK_INT(count(), 1);
    CHECK_INT(api_health(db).once_replays, THREADS - 1);
    end();
}

TEST(once__knows_the_same_values_in_another_order_of_names)
{
    static const char *const orders[2][2] = {{"v", "n"}, {":n", "@v"}};
    walpool_call call = keyed("k");
    begin("");
    for (int i = 0; i < 2; i++) {
        walpool_rows params;
        walpool_rows_init(&params);
        CHECK_OK(walpool_rows_begin(&params, 2, orders[i], &err));
        for (int64_t row = 0; row < 2; row++) {
            CHECK_OK(walpool_rows_add_int64(&params, row + i * 10, &err));
            CHECK_OK(walpool_rows_add_int64(&params, row + !i * 10, &err));
        }
        walpool_statement insert = {.sql = "INSERT INTO t VALUES (:n, :v)",
                                    .params = params.data,
                                    .params_bytes = params.capacity};
        CHECK_OK(walpool_write(db, &insert, &call, &rows, &err));
        CHECK_INT(api_header(&rows)->changes, 2);
        walpool_rows_finish(&params);
    }
    CHECK_INT(count(), 2);
    CHECK_INT(api_number(db, "SELECT max(n) FROM t"), 11);
    end();
}

TEST(once__gives_names_and_rows_as_each_call_asks)
{
    static const char insert[] =
        "INSERT INTO t(v) VALUES (1), (2) RETURNING n AS number";
    walpool_statement statement = {.sql = insert};
    walpool_call call = keyed("k");
    begin("");
    CHECK_OK(write_once("k", insert));
    CHECK(!(api_header(&rows)->flags & WALPOOL_ROWS_NAMES));
    call.shape = api_header(&rows)->shape;
    CHECK_OK(walpool_write(db, &statement, &call, &rows, &err));
    CHECK(!(api_header(&rows)->flags & WALPOOL_ROWS_NAMES));
    call.shape++;
    CHECK_OK(walpool_write(db, &statement, &call, &rows, &err));
    CHECK(api_header(&rows)->flags & WALPOOL_ROWS_NAMES);
    CHECK_INT(api_header(&rows)->shape, call.shape - 1);
    call.flags = WALPOOL_CALL_FIRST;
    CHECK_OK(walpool_write(db, &statement, &call, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_OK(walpool_write(db, &statement, &call, NULL, &err));
    CHECK_INT(count(), 2);
    end();
}

TEST(once__leaves_no_trace_in_the_answers_of_others)
{
    walpool_statement update = {.sql = "UPDATE t SET v = -v"};
    begin("");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (500, 1)"));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(write_once("k", "INSERT INTO t VALUES (77, 7)"));
        CHECK_INT(api_header(&rows)->changes, 1);
        CHECK_INT(api_header(&rows)->last_rowid, 77);
        CHECK_OK(walpool_write(db, &update, NULL, &rows, &err));
        CHECK_INT(api_header(&rows)->last_rowid, 77);
        CHECK_INT(api_header(&rows)->changes, 2);
    }
    end();
}

/* ----------------------------------------------------- when it is not done */

TEST(once__a_write_that_failed_leaves_its_key_free)
{
    static const char insert[] = "INSERT INTO t(v) VALUES (1), (2)";
    begin("");
    CHECK_OK(api_write(db, "INSERT INTO t(v) VALUES (2)"));
    CHECK_STATUS(write_once("k", insert), WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(api_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = "
                             "'walpool_once'"), 0);
    CHECK_OK(api_write(db, "DELETE FROM t"));
    CHECK_OK(write_once("k", insert));
    CHECK_INT(count(), 2);
    end();
}

TEST(once__goes_with_expect)
{
    walpool_statement update = {.sql = "UPDATE t SET v = 1",
                                .flags = WALPOOL_STATEMENT_EXPECT,
                                .expect = 1};
    walpool_call call = keyed("k");
    begin("");
    CHECK_STATUS(walpool_write(db, &update, &call, NULL, &err),
                 WALPOOL_MISMATCH);
    CHECK_OK(api_write(db, "INSERT INTO t(v) VALUES (0)"));
    CHECK_OK(walpool_write(db, &update, &call, NULL, &err));
    CHECK_OK(api_write(db, "DELETE FROM t")); /* it would not be met again */
    CHECK_OK(walpool_write(db, &update, &call, NULL, &err));
    update.expect = 2;
    CHECK_STATUS(walpool_write(db, &update, &call, NULL, &err),
                 WALPOOL_MISUSE);
    end();
}

TEST(once__a_key_of_another_write_is_misuse)
{
    walpool_statement list[] = {{.sql = "INSERT INTO t(v) VALUES (1)"},
                                {.sql = "INSERT INTO t(v) VALUES (2)"}};
    walpool_call call = keyed("k");
    begin("");
    CHECK_OK(walpool_batch(db, list, 2, &call, NULL, NULL, &err));
    CHECK_STATUS(write_once("k", "INSERT INTO t(v) VALUES (1)"),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "once_key was used for other statements");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    list[1].sql = "INSERT INTO t(v) VALUES (3)";
    CHECK_STATUS(walpool_batch(db, list, 2, &call, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(count(), 2);
    CHECK_INT(api_health(db).once_replays, 0);
    end();
}

TEST(once__rows_that_cannot_be_kept_are_too_big_and_nothing_is_applied)
{
    static const char *const too_big[] = {
        "INSERT INTO t(v) VALUES (zeroblob(1048576)) RETURNING v",
        "INSERT INTO t(v) VALUES (zeroblob(30000000)) RETURNING v",
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT "
        "600000) INSERT INTO t(v) SELECT i FROM c RETURNING NULL, NULL"};
    walpool_statement list[] = {
        {.sql = "INSERT INTO t(v) VALUES (zeroblob(600000)) RETURNING v"},
        {.sql = "INSERT INTO t(v) VALUES (zeroblob(600001)) RETURNING v"}};
    walpool_call call = keyed("k");
    begin("");
    for (size_t i = 0; i < sizeof too_big / sizeof too_big[0]; i++) {
        CHECK_STATUS(write_once("k", too_big[i]), WALPOOL_TOOBIG);
        CHECK_CONTAINS(err.message, "once_key are kept");
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
        CHECK_INT(walpool_rows_count(&rows), 0);
    }
    CHECK_STATUS(walpool_batch(db, list, 2, &call, NULL, &rows, &err),
                 WALPOOL_TOOBIG);
    CHECK_INT(err.statement, 1);
    CHECK_INT(count(), 0);
    for (int i = 0; i < 2; i++)
        CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (zeroblob(1048000)) "
                                 "RETURNING v"));
    CHECK_INT(walpool_rows_cell(&rows, 0, 0)->length, 1048000);
    CHECK_INT(count(), 1);
    end();
}

TEST(once__a_small_buffer_applies_nothing_first_and_all_is_applied_later)
{
    static _Alignas(8) unsigned char memory[256];
    walpool_statement insert = {
        .sql = "INSERT INTO t(v) VALUES (1) RETURNING 'some text that is longer "
               "than the little room that there is in the buffer'"};
    walpool_call call = keyed("k");
    walpool_rows small;
    begin("");
    walpool_rows_wrap(&small, memory, 100);
    CHECK_STATUS(walpool_write(db, &insert, &call, &small, &err),
                 WALPOOL_TOOBIG);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(count(), 0);
    CHECK_OK(walpool_write(db, &insert, &call, NULL, &err));
    walpool_rows_wrap(&small, memory, 100);
    CHECK_STATUS(walpool_write(db, &insert, &call, &small, &err),
                 WALPOOL_TOOBIG);
    CHECK_INT(err.outcome, WALPOOL_APPLIED);
    walpool_rows_wrap(&small, memory, sizeof memory);
    CHECK_OK(walpool_write(db, &insert, &call, &small, &err));
    CHECK_INT(walpool_rows_count(&small), 1);
    CHECK_INT(count(), 1);
    end();
}

TEST(once__an_answer_that_is_damaged_is_told_with_the_remedy)
{
    begin("");
    CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (1)"));
    CHECK_OK(api_write(db, "UPDATE walpool_once SET answer = x''"));
    CHECK_STATUS(write_once("k", "INSERT INTO t(v) VALUES (1)"),
                 WALPOOL_CORRUPT);
    CHECK_INT(err.outcome, WALPOOL_APPLIED);
    CHECK_CONTAINS(err.message, "delete its row of walpool_once");
    CHECK_INT(count(), 1);
    end();
}

TEST(once__a_table_of_that_name_that_is_not_ours_is_named)
{
    begin("");
    CHECK_OK(api_write(db, "CREATE TABLE walpool_once(mine)"));
    CHECK_STATUS(write_once("k", "INSERT INTO t(v) VALUES (1)"), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "walpool did not make");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_STATUS(write_once("k", "DROP TABLE walpool_once"), WALPOOL_SQL);
    CHECK_OK(api_write(db, "DROP TABLE walpool_once"));
    CHECK_OK(write_once("k", "INSERT INTO t(v) VALUES (1)"));
    end();
}

TEST(once__a_key_is_free_again_when_its_time_has_passed)
{
    static const char insert[] = "INSERT INTO t(v) VALUES (abs(random()))";
    begin("once_keep=60000");
    CHECK_OK(write_once("k", insert));
    CHECK_OK(api_write(db, "UPDATE walpool_once SET at = at - 50000"));
    CHECK_OK(write_once("k", insert));
    CHECK_INT(count(), 1);
    CHECK_OK(api_write(db, "UPDATE walpool_once SET at = at - 10000"));
    CHECK_OK(write_once("k", insert));
    CHECK_INT(count(), 2);
    CHECK_OK(write_once("k", insert));
    CHECK_INT(count(), 2);
    end();
}

/* ---------------------------------------------------------------- bad keys */

TEST(once__a_key_of_no_bytes_or_too_many_is_misuse)
{
    static char bytes[256];
    static const struct {
        bool null;
        size_t bytes;
        const char *words;
    } cases[] = {{false, 0, "once_key has 0 bytes"},
                 {false, 256, "once_key has 256 bytes: give 1 to 255"},
                 {false, SIZE_MAX, "once_key has"},
                 {true, 5, "once_key is NULL and has 5 bytes"}};
    walpool_statement insert = {.sql = "INSERT INTO t(v) VALUES (1)"};
    begin("");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        walpool_call call = WALPOOL_CALL_INIT;
        call.once_key = cases[i].null ? NULL : bytes;
        call.once_bytes = cases[i].bytes;
        CHECK_STATUS(walpool_write(db, &insert, &call, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, cases[i].words);
        CHECK_STATUS(walpool_batch(db, &insert, 1, &call, NULL, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    }
    CHECK_INT(count(), 0);
    end();
}

#define CHECK_NO_KEY(call)                                    \
    do {                                                      \
        CHECK_STATUS(call, WALPOOL_MISUSE);                   \
        CHECK_CONTAINS(err.message, "for write and batch only"); \
    } while (0)

TEST(once__nothing_but_write_and_batch_takes_a_key)
{
    walpool_statement query = {.sql = "SELECT zeroblob(40000)"};
    walpool_call call = keyed("k");
    begin("");
    CHECK_NO_KEY(walpool_read(db, &query, &call, &rows, &err));
    CHECK(walpool_acquire(db, WALPOOL_WRITE, &call, &err) == NULL);
    CHECK_NO_KEY((walpool_status)err.status);
    CHECK(walpool_acquire(db, WALPOOL_READ, &call, &err) == NULL);
    CHECK_NO_KEY((walpool_status)err.status);
    CHECK_NO_KEY(walpool_checkpoint(db, WALPOOL_PASSIVE, &call, NULL, &err));
    CHECK_OK(walpool_read(db, &query, NULL, &rows, &err));
    CHECK_NO_KEY(walpool_cursor_next(api_cursor(&rows), &call, &rows, &err));
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_NO_KEY(walpool_run(lease, &query, &call, &rows, &err));
    CHECK_NO_KEY(walpool_commit(lease, &call, &err));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_NO_KEY(walpool_begin(lease, &call, &err));
    CHECK_OK(walpool_release(lease, &err));
    end();
}

TEST(once__bad_parameters_are_found_before_the_writer_is_asked_for)
{
    static const _Alignas(8) unsigned char bad[64] = "no block";
    walpool_statement list[] = {{.sql = "DELETE FROM t"},
                                {.sql = "DELETE FROM t WHERE n = ?",
                                 .params = bad,
                                 .params_bytes = sizeof bad}};
    walpool_call call = keyed("k");
    begin("");
    int64_t before = api_health(db).writer_wait_count;
    CHECK_STATUS(walpool_batch(db, list, 2, &call, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(err.statement, 1);
    CHECK_INT(api_health(db).writer_wait_count, before);
    end();
}

CHECK_MAIN()
