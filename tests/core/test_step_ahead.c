/* Step ahead: large results of single reads, of which a thread of the database
 * fetches the next blocks. The rows are the same as without it. The users here
 * take their time with each block, by their clock: then it pays. */
#include "api.h"
#include "clock.h"
#include "db.h"
#include "handle.h"
#include "lease.h"
#include "mem.h"

#define ROWS 120000
#define NUMBERS                                                              \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "  \
    "120000) "

static walpool *db;
static walpool_rows rows;
static walpool_cursor *cursor;

static atomic_int_fast64_t used_ns;

static int64_t
slow_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec +
           atomic_load(&used_ns);
}

/* After a second of work with the block before. */
static walpool_status
next(walpool_cursor *its, const walpool_call *call, walpool_rows *into)
{
    atomic_fetch_add(&used_ns, 1000000000);
    return walpool_cursor_next(its, call, into, &err);
}

static void
begin(const char *options)
{
    atomic_store(&used_ns, 0);
    walpool__clock_replace(slow_clock);
    db = api_open("a.db", options);
    walpool_rows_init(&rows);
}

static void
end(void)
{
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_INT(api_number(db, "SELECT 1"), 1);
    walpool_rows_finish(&rows);
    api_close(db);
    walpool__clock_replace(NULL);
}

static void
read_sql(const char *sql)
{
    walpool_statement query = {.sql = sql};
    CHECK_OK(walpool_read(db, &query, NULL, &rows, &err));
    cursor = api_cursor(&rows);
    CHECK(cursor != NULL);
}

/* What steps the cursor ahead, or NULL. */
static struct walpool__ahead *
ahead_of(walpool_cursor *handle)
{
    walpool_status status;
    struct walpool__cursor *its =
        walpool__handle_pin(WALPOOL__HANDLE_CURSOR, handle, &err, &status);
    CHECK(its != NULL);
    struct walpool__ahead *ahead = its->ahead;
    walpool__handle_unpin(handle);
    return ahead;
}

static bool
rests(walpool_cursor *handle, unsigned filled)
{
    struct walpool__ahead *ahead = ahead_of(handle);
    CHECK(ahead != NULL);
    walpool__mutex_lock(&ahead->steppers->mutex);
    bool does = ahead->state == WALPOOL__AHEAD_RESTS && ahead->filled == filled;
    walpool__mutex_unlock(&ahead->steppers->mutex);
    return does;
}

static bool
runs(walpool_cursor *handle)
{
    struct walpool__ahead *ahead = ahead_of(handle);
    CHECK(ahead != NULL);
    walpool__mutex_lock(&ahead->steppers->mutex);
    bool does = ahead->state == WALPOOL__AHEAD_RUNS;
    walpool__mutex_unlock(&ahead->steppers->mutex);
    return does;
}

/* Read on to the end: the rows hold 1, 2, 3, ... from `count` on. */
static int64_t
count_on(walpool_rows *into, int64_t count)
{
    for (;;) {
        for (size_t row = 0; row < walpool_rows_count(into); row++)
            CHECK_INT(walpool_rows_int64(into, row, 0), ++count);
        walpool_cursor *handle = api_cursor(into);
        if (!handle)
            return count;
        CHECK_OK(next(handle, NULL, into));
    }
}

static const char few_bytes[] = NUMBERS "SELECT i, 'some text ' || i FROM n";

TEST(step_ahead__gives_the_same_rows_with_any_number_of_threads)
{
    static const char *const options[] = {"step_ahead=0", "step_ahead=1",
                                          "step_ahead=3", ""};
    for (int i = 0; i < 4; i++) {
        begin(options[i]);
        read_sql(few_bytes);
        CHECK_INT(count_on(&rows, 0), ROWS);
        end();
    }
}

TEST(step_ahead__gives_the_same_rows_in_buffers_of_any_size)
{
    static const size_t sizes[] = {400, 4096, 32768, 100000, 1 << 20};
    begin("step_ahead=1");
    for (int i = 0; i < 5; i++) {
        walpool_statement query = {.sql = few_bytes};
        void *memory = malloc(sizes[i]);
        walpool_rows wrapped;
        walpool_rows_wrap(&wrapped, memory, sizes[i]);
        CHECK_OK(walpool_read(db, &query, NULL, &wrapped, &err));
        CHECK_INT(count_on(&wrapped, 0), ROWS);
        free(memory);
    }
    end();
}

TEST(step_ahead__begins_with_the_second_block_and_is_two_ahead)
{
    begin("step_ahead=1");
    read_sql(few_bytes);
    int64_t count = (int64_t)walpool_rows_count(&rows);
    CHECK(ahead_of(cursor) == NULL);
    CHECK_OK(next(cursor, NULL, &rows));
    CHECK_EVENTUALLY(rests(cursor, 2));
    CHECK_INT(count_on(&rows, count), ROWS);
    end();
}

TEST(step_ahead__is_not_for_who_does_little_with_a_block)
{
    begin("step_ahead=1");
    read_sql(NUMBERS "SELECT i, (SELECT max(i) FROM (SELECT 1 AS i UNION ALL "
             "SELECT 2 UNION ALL SELECT n.i)) FROM n");
    for (int n = 0; n < 4; n++) {
        CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
        CHECK(ahead_of(cursor) == NULL);
    }
    CHECK_OK(walpool_cursor_close(cursor, &err));
    end();
}

TEST(step_ahead__is_not_for_leases_and_jobs)
{
    walpool_statement query = {.sql = few_bytes};
    begin("step_ahead=1");
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, NULL, &err);
    CHECK_OK(walpool_run(lease, &query, NULL, &rows, &err));
    CHECK_OK(next(api_cursor(&rows), NULL, &rows));
    CHECK(ahead_of(api_cursor(&rows)) == NULL);
    CHECK_OK(walpool_release(lease, &err));

    read_sql(few_bytes);
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_completion done;
    walpool_job job = {.op = WALPOOL_OP_CURSOR_NEXT, .target = cursor,
                       .rows = &rows};
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_OK(done.error.status);
    CHECK(ahead_of(cursor) == NULL);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    walpool_queue_close(queue);
    end();
}

TEST(step_ahead__a_close_may_come_at_any_moment)
{
    begin("step_ahead=1&readers=1");
    for (int round = 0; round < 300; round++) {
        read_sql(few_bytes);
        for (int n = 0; n < 1 + round % 3; n++)
            CHECK_OK(next(cursor, NULL, &rows));
        if (round % 6 == 3)
            CHECK_EVENTUALLY(rests(cursor, 2));
        CHECK_OK(walpool_cursor_close(cursor, &err));
        CHECK_INT(api_health(db).readers_leased, 0);
    }
    end();
}

/* Two blocks of rows and a part of one, then none while anybody waits. */
static const char runs_dry[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT i, 'some text' FROM n "
    "WHERE i <= 15000 AND (SELECT count(*) FROM sqlite_schema) >= 0";

static void
read_until_dry(void)
{
    read_sql(runs_dry);
    CHECK_OK(next(cursor, NULL, &rows));
    CHECK_EVENTUALLY(runs(cursor));
    atomic_store(&used_ns, 0); /* deadlines are of the clock of the system */
}

TEST(step_ahead__a_close_stops_what_runs)
{
    begin("step_ahead=1&readers=1");
    read_until_dry();
    CHECK_OK(walpool_cursor_close(cursor, &err));
    end();
}

TEST(step_ahead__a_wait_for_it_ends_with_the_deadline)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 50;
    begin("step_ahead=1&readers=1");
    read_until_dry();
    CHECK_STATUS(walpool_cursor_next(cursor, &call, &rows, &err),
                 WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "50 ms passed while running the statement");
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_STATUS(next(cursor, NULL, &rows), WALPOOL_CLOSED);
    CHECK_INT(api_health(db).timeouts, 1);
    end();
}

static walpool_token *token;

static void *
cancel(void *unused)
{
    (void)unused;
    CHECK_OK(walpool_cancel(token, NULL));
    return NULL;
}

TEST(step_ahead__a_cancel_ends_it_wherever_it_is)
{
    walpool_call call = WALPOOL_CALL_INIT;
    begin("step_ahead=1&readers=1");
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        walpool_status status = WALPOOL_OK;
        call.token = token = walpool_token_open(&err);
        read_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                 "FROM n) SELECT i, 'some text' FROM n");
        for (int n = 0; n < round % 7; n++)
            CHECK_OK(next(cursor, &call, &rows));
        CHECK_INT(pthread_create(&thread, NULL, cancel, NULL), 0);
        while (status == WALPOOL_OK)
            status = next(cursor, &call, &rows);
        CHECK_STATUS(status, WALPOOL_CANCELLED);
        CHECK_INT(pthread_join(thread, NULL), 0);
        CHECK_INT(api_health(db).readers_leased, 0);
        walpool_token_close(token);
    }
    end();
}

static bool
somebody_waits(walpool_cursor *handle)
{
    struct walpool__ahead *ahead = ahead_of(handle);
    walpool__mutex_lock(&ahead->steppers->mutex);
    bool waits = ahead->waiter != NULL;
    walpool__mutex_unlock(&ahead->steppers->mutex);
    return waits;
}

static void *
wait_for_more(void *arg)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.token = token;
    CHECK_STATUS(next(arg, &call, &rows), WALPOOL_CANCELLED);
    return NULL;
}

TEST(step_ahead__while_one_thread_waits_for_it_others_are_told)
{
    pthread_t thread;
    walpool_rows other;
    begin("step_ahead=1&readers=1");
    walpool_rows_init(&other);
    token = walpool_token_open(&err);
    read_until_dry();
    CHECK_INT(pthread_create(&thread, NULL, wait_for_more, cursor), 0);
    CHECK_EVENTUALLY(somebody_waits(cursor));
    CHECK_STATUS(next(cursor, NULL, &other), WALPOOL_BUSY);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_BUSY);
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool_token_close(token);
    end();
}

TEST(step_ahead__a_failure_comes_behind_the_rows_before_it)
{
    int64_t count = 0;
    walpool_status status = WALPOOL_OK;
    begin("step_ahead=1&readers=1");
    read_sql(NUMBERS "SELECT CASE WHEN i = 60000 THEN abs(-9223372036854775807 "
             "- 1) ELSE i END, 'some text' FROM n");
    while (status == WALPOOL_OK) {
        for (size_t row = 0; row < walpool_rows_count(&rows); row++)
            CHECK_INT(walpool_rows_int64(&rows, row, 0), ++count);
        status = next(cursor, NULL, &rows);
    }
    CHECK_STATUS(status, WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "integer overflow");
    CHECK(count > 30000);
    CHECK(count < 60000); /* those of its own block are lost */
    CHECK_INT(api_health(db).errors, 1);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_CLOSED);
    end();
}

TEST(step_ahead__stops_at_a_large_value_until_it_was_read)
{
    char *value = malloc(100000);
    int large = 0;
    int64_t count = 0;
    begin("step_ahead=1&readers=1");
    read_sql(NUMBERS "SELECT i, CASE WHEN i % 20000 = 0 THEN "
             "zeroblob(100000) ELSE 'some text' END FROM n");
    while (cursor) {
        size_t last = walpool_rows_count(&rows) - 1;
        CHECK_INT(walpool_rows_int64(&rows, 0, 0), count + 1);
        count = walpool_rows_int64(&rows, last, 0);
        if (api_header(&rows)->flags & WALPOOL_ROWS_LARGE) {
            CHECK_INT(count % 20000, 0);
            CHECK_OK(walpool_cursor_value(cursor, 1, 0, value, 100000, &err));
            CHECK_INT(value[0] + value[99999], 0);
            large++;
        } else {
            CHECK_STATUS(walpool_cursor_value(cursor, 1, 0, value, 1, &err),
                         WALPOOL_MISUSE);
        }
        CHECK_OK(next(cursor, NULL, &rows));
        cursor = api_cursor(&rows);
    }
    CHECK_INT(large, ROWS / 20000);
    free(value);
    end();
}

TEST(step_ahead__a_buffer_that_became_smaller_loses_nothing)
{
    _Alignas(8) static unsigned char memory[65536];
    walpool_statement query = {.sql = few_bytes};
    walpool_rows wrapped, small;
    begin("step_ahead=1&readers=1");
    walpool_rows_wrap(&wrapped, memory, sizeof memory);
    walpool_rows_wrap(&small, memory, 4096);
    CHECK_OK(walpool_read(db, &query, NULL, &wrapped, &err));
    cursor = api_cursor(&wrapped);
    int64_t count = (int64_t)walpool_rows_count(&wrapped);
    CHECK_OK(next(cursor, NULL, &wrapped));
    count += (int64_t)walpool_rows_count(&wrapped);
    CHECK_EVENTUALLY(rests(cursor, 2));
    CHECK_STATUS(next(cursor, NULL, &small), WALPOOL_TOOBIG);
    CHECK_OK(next(cursor, NULL, &wrapped));
    CHECK_INT(count_on(&wrapped, count), ROWS);
    end();
}

/* One snapshot from the first row to the last, whatever is committed. */
TEST(step_ahead__keeps_its_snapshot)
{
    begin("step_ahead=1&readers=1");
    CHECK_OK(api_write(db, "CREATE TABLE t(i)"));
    CHECK_OK(api_write(db, "INSERT INTO t " NUMBERS "SELECT i FROM n"));
    read_sql("SELECT i, 'some text' FROM t");
    CHECK_OK(api_write(db, "DELETE FROM t WHERE i > 10"));
    CHECK_INT(count_on(&rows, 0), ROWS);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 10);
    end();
}

static int64_t
snapshots_ended(void)
{
    walpool_status status;
    struct walpool__db *its =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, db, &err, &status);
    CHECK(its != NULL);
    int64_t count = walpool__stats_get(&its->stats.snapshots_ended);
    walpool__handle_unpin(db);
    return count;
}

/* The snapshot that a thread steps is ended like any other. */
TEST(step_ahead__an_old_snapshot_that_keeps_the_wal_is_ended)
{
    walpool_status status;
    begin("step_ahead=1&readers=2&wal_ceiling_policy=interrupt&"
          "wal_ceiling_frames=20&checkpoint_frames=10&reader_gate=1");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    read_until_dry();
    for (int i = 0; i < 400 && snapshots_ended() == 0; i++)
        CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(8000))"));
    CHECK_EVENTUALLY(snapshots_ended() == 1);
    while ((status = next(cursor, NULL, &rows)) == WALPOOL_OK) {
    }
    CHECK_STATUS(status, WALPOOL_STALE);
    end();
}

TEST(step_ahead__a_close_of_the_database_names_the_cursor)
{
    begin("step_ahead=1&readers=1");
    read_until_dry();
    CHECK_STATUS(walpool_close(db, 20, &err), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "reader lease or cursor");
    CHECK(runs(cursor));
    CHECK_OK(walpool_cursor_close(cursor, &err));
    end();
}

static void
use_the_cursor(void)
{
    CHECK_STATUS(next(cursor, NULL, &rows), WALPOOL_FORKED);
    CHECK_STATUS(walpool_cursor_close(cursor, &err), WALPOOL_FORKED);
}

TEST(step_ahead__a_forked_child_is_refused_and_the_parent_goes_on)
{
    begin("step_ahead=1&readers=1");
    read_sql(few_bytes);
    int64_t count = (int64_t)walpool_rows_count(&rows);
    CHECK_OK(next(cursor, NULL, &rows));
    CHECK_EVENTUALLY(rests(cursor, 2));
    api_forked(use_the_cursor);
    CHECK_INT(count_on(&rows, count), ROWS);
    end();
}

TEST(step_ahead__any_allocation_may_fail)
{
    begin("step_ahead=1&readers=1");
    CHECK_INT(api_number(db, "SELECT 1"), 1);
    for (long nth = 0, more = 1; more; nth++) {
        walpool_statement query = {.sql = few_bytes};
        int64_t count = 0;
        walpool_rows_finish(&rows);
        walpool__mem_fail_after(nth);
        walpool_status status = walpool_read(db, &query, NULL, &rows, &err);
        while (status == WALPOOL_OK) {
            for (size_t row = 0; row < walpool_rows_count(&rows); row++)
                CHECK_INT(walpool_rows_int64(&rows, row, 0), ++count);
            if ((cursor = api_cursor(&rows)) == NULL)
                break;
            status = next(cursor, NULL, &rows);
        }
        more = walpool__mem_fail_after(-1) > nth;
        if (status != WALPOOL_OK)
            CHECK_STATUS(status, WALPOOL_NOMEM);
        else
            CHECK_INT(count, ROWS);
        CHECK_INT(api_health(db).readers_leased, 0);
    }
    end();
}

CHECK_MAIN()
