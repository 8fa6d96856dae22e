/* Cursors and LARGE values through the public interface. */
#include "api.h"

#define NUMBERS(count)                                                \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n " \
    "LIMIT " count ") "

static walpool *db;
static walpool_rows rows;

static void
open_rows(const char *sql, uint32_t flags)
{
    walpool_statement query = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = flags;
    db = api_open("a.db", "readers=1");
    walpool_rows_init(&rows);
    CHECK_OK(walpool_read(db, &query, &call, &rows, &err));
}

static void
close_rows(void)
{
    CHECK_INT(api_health(db).readers_leased, 0);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(cursor__a_small_result_has_none)
{
    open_rows("SELECT 1 UNION ALL SELECT 2", 0);
    CHECK_INT(walpool_rows_count(&rows), 2);
    CHECK_INT(api_header(&rows)->cursor, 0);
    CHECK_INT(api_header(&rows)->flags & WALPOOL_ROWS_MORE, 0);
    close_rows();
}

TEST(cursor__gives_every_row_once_and_closes_itself)
{
    open_rows(NUMBERS("300000") "SELECT i, 'text' FROM n", 0);
    int64_t sum = 0, count = 0;
    walpool_cursor *cursor = api_cursor(&rows);
    CHECK(cursor != NULL);
    for (;;) {
        for (size_t row = 0; row < walpool_rows_count(&rows); row++, count++)
            sum += walpool_rows_int64(&rows, row, 0);
        CHECK(rows.capacity <= 1 << 20);
        if (api_header(&rows)->cursor == 0)
            break;
        CHECK(api_header(&rows)->flags & WALPOOL_ROWS_MORE);
        CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    }
    CHECK_INT(count, 300000);
    CHECK_INT(sum, INT64_C(300000) * 300001 / 2);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    close_rows();
}

TEST(cursor__next_needs_a_buffer)
{
    open_rows(NUMBERS("300000") "SELECT i FROM n", 0);
    CHECK_STATUS(walpool_cursor_next(api_cursor(&rows), NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    close_rows();
}

TEST(cursor__a_buffer_too_small_for_a_row_does_not_end_it)
{
    _Alignas(8) unsigned char memory[512];
    walpool_rows small;
    open_rows(NUMBERS("300000") "SELECT i, i, i FROM n", 0);
    int64_t first = (int64_t)walpool_rows_count(&rows) + 1;
    walpool_rows_wrap(&small, memory, 64 + 16);
    CHECK_STATUS(walpool_cursor_next(api_cursor(&rows), NULL, &small, &err),
                 WALPOOL_TOOBIG);
    walpool_rows_wrap(&small, memory, sizeof memory);
    CHECK_OK(walpool_cursor_next(api_cursor(&rows), NULL, &small, &err));
    CHECK_INT(walpool_rows_int64(&small, 0, 0), first);
    CHECK_INT(walpool_rows_count(&small), (512 - 64) / 48);
    CHECK_OK(walpool_cursor_close(api_cursor(&small), &err));
    close_rows();
}

/* ------------------------------------------------------------------ LARGE */

#define LARGE_SQL                                                             \
    "SELECT 7, CAST(substr(replace(hex(zeroblob(50000)), '00', 'abcdefghij')" \
    ", 1, 400000) AS BLOB), 'end' UNION ALL SELECT 8, 'next', 'row'"

TEST(cursor__a_large_value_is_copied_whole_or_in_pieces)
{
    static char value[400000], piece[1000];
    open_rows(LARGE_SQL, 0);
    walpool_cursor *cursor = api_cursor(&rows);
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK(api_header(&rows)->flags & WALPOOL_ROWS_LARGE);
    CHECK_INT(walpool_rows_cell(&rows, 0, 1)->type,
              WALPOOL_BLOB | WALPOOL_LARGE);
    CHECK_INT(walpool_rows_cell(&rows, 0, 1)->length, 400000);
    CHECK(walpool_rows_bytes(&rows, 0, 1, NULL) == NULL);
    CHECK_OK(walpool_cursor_value(cursor, 1, 0, value, 400000, &err));
    CHECK(memcmp(value + 399990, "abcdefghij", 10) == 0);
    for (size_t at = 0; at < 400000; at += 1000) {
        CHECK_OK(walpool_cursor_value(cursor, 1, at, piece, 1000, &err));
        CHECK(memcmp(piece, value + at, 1000) == 0);
    }
    CHECK_OK(walpool_cursor_value(cursor, 1, 400000, piece, 0, &err));
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 8);
    CHECK_INT(api_header(&rows)->cursor, 0);
    close_rows();
}

TEST(cursor__a_large_value_is_asked_for_within_its_bounds)
{
    char piece[16];
    open_rows(LARGE_SQL, 0);
    walpool_cursor *cursor = api_cursor(&rows);
#define VALUE(column, offset, dst, bytes) \
    walpool_cursor_value(cursor, column, offset, dst, bytes, &err)
    CHECK_STATUS(VALUE(1, 400000, piece, 1), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(1, 399999, piece, 2), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(1, SIZE_MAX, piece, 2), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(1, 2, piece, SIZE_MAX), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(3, 0, piece, 1), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(SIZE_MAX, 0, piece, 1), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(0, 0, piece, 1), WALPOOL_MISUSE);
    CHECK_STATUS(VALUE(1, 0, NULL, 1), WALPOOL_MISUSE);
    CHECK_OK(VALUE(1, 399999, piece, 1));
    CHECK_INT(piece[0], 'j');
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_STATUS(VALUE(1, 0, piece, 1), WALPOOL_CLOSED);
#undef VALUE
    close_rows();
}

TEST(cursor__has_no_value_when_no_row_is_large)
{
    char piece[16];
    open_rows(NUMBERS("300000") "SELECT 'small', i FROM n", 0);
    CHECK_STATUS(walpool_cursor_value(api_cursor(&rows), 0, 0, piece, 1, &err),
                 WALPOOL_MISUSE);
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    close_rows();
}

TEST(cursor__the_last_row_may_be_large_and_the_end_comes_after_it)
{
    open_rows("SELECT 1 UNION ALL SELECT zeroblob(100000)", 0);
    CHECK_INT(walpool_rows_count(&rows), 2);
    walpool_cursor *cursor = api_cursor(&rows);
    CHECK(cursor != NULL);
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_INT(api_header(&rows)->cursor, 0);
    close_rows();
}

TEST(cursor__first_has_one_only_for_a_large_value)
{
    char piece[8];
    open_rows("SELECT zeroblob(100000) UNION ALL SELECT 2", WALPOOL_CALL_FIRST);
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_OK(walpool_cursor_value(api_cursor(&rows), 0, 99992, piece, 8, &err));
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    close_rows();
    open_rows(NUMBERS("300000") "SELECT i FROM n", WALPOOL_CALL_FIRST);
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_INT(api_header(&rows)->cursor, 0);
    close_rows();
}

/* --------------------------------------------------------------- on leases */

TEST(cursor__on_a_lease_ends_with_it_and_many_may_be_open)
{
    walpool_statement query = {.sql = NUMBERS("300000") "SELECT i FROM n"};
    walpool_rows blocks[20];
    db = api_open("a.db", "readers=1");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    for (int i = 0; i < 20; i++) {
        walpool_rows_init(&blocks[i]);
        CHECK_OK(walpool_run(lease, &query, NULL, &blocks[i], &err));
    }
    CHECK_OK(walpool_cursor_close(api_cursor(&blocks[3]), &err));
    CHECK_OK(walpool_release(lease, &err));
    for (int i = 0; i < 20; i++) {
        CHECK_STATUS(walpool_cursor_close(api_cursor(&blocks[i]), &err),
                     WALPOOL_CLOSED);
        walpool_rows_finish(&blocks[i]);
    }
    CHECK_INT(api_health(db).readers_leased, 0);
    api_close(db);
}

TEST(cursor__on_the_writer_sees_its_transaction)
{
    walpool_statement query = {
        .sql = NUMBERS("300000") "SELECT i, (SELECT count(*) FROM t) FROM n"};
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    walpool_rows_init(&rows);
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES (1)"));
    CHECK_OK(walpool_run(lease, &query, NULL, &rows, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, 1), 1);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_BUSY);
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    close_rows();
}

CHECK_MAIN()
