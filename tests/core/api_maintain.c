/* maintain: vacuum, incremental vacuum, optimize and checks, as calls and at
 * their time. */
#include <fcntl.h>
#include <sys/statvfs.h>

#include "api.h"

static const char *const numbers[] = {
    "page_size", "pages_before", "pages_after", "free_pages", "tables",
    "wal_frames", "wal_frames_checkpointed", "complete"};

enum { PAGE_SIZE, BEFORE, AFTER, UNUSED, TABLES, FRAMES, COPIED, COMPLETE };

/* The answer to a task that answers with numbers. */
struct answer {
    int64_t number[8];
};

static void
check_names(const walpool_rows *rows, const char *const *names, size_t count)
{
    const walpool_rows_header *header = api_header(rows);
    CHECK(header->flags & WALPOOL_ROWS_NAMES);
    CHECK(header->shape != 0);
    CHECK_INT(header->column_count, count);
    for (size_t i = 0; i < count; i++) {
        const walpool_cell *name = (const walpool_cell *)(const void *)(
            rows->data + WALPOOL_ROWS_HEADER_BYTES + i * WALPOOL_CELL_BYTES);
        CHECK_INT(name->length, strlen(names[i]));
        CHECK(memcmp(rows->data + name->v.offset, names[i], name->length) == 0);
    }
}

static struct answer
maintain(walpool *db, walpool_task task, int64_t pages)
{
    struct answer answer;
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_maintain(db, task, pages, NULL, &rows, &err));
    check_names(&rows, numbers, 8);
    CHECK_INT(walpool_rows_count(&rows), 1);
    for (size_t i = 0; i < 8; i++)
        answer.number[i] = walpool_rows_int64(&rows, 0, i);
    walpool_rows_finish(&rows);
    return answer;
}

static int64_t
size_of(const char *name)
{
    struct stat facts;
    CHECK_INT(stat(check_path(name), &facts), 0);
    return facts.st_size;
}

static void
script(walpool *db, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    CHECK_OK(walpool_write(db, &statement, &call, NULL, &err));
}

/* Some 1000 pages, of which all but a few are free then. */
static void
fill_and_empty(walpool *db)
{
    script(db, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v);"
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
               "LIMIT 4000) INSERT INTO t(v) SELECT zeroblob(1000) FROM n;"
               "DELETE FROM t WHERE id > 4");
}

/* ----------------------------------------------------------------- vacuum */

TEST(maintain__vacuum_gives_free_pages_back_and_empties_the_wal)
{
    walpool *db = api_open("a.db", "temp_store=memory");
    fill_and_empty(db);
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    int64_t before = size_of("a.db");
    struct answer answer = maintain(db, WALPOOL_VACUUM, 0);
    CHECK_INT(answer.number[PAGE_SIZE], 4096);
    CHECK_INT(answer.number[BEFORE], before / 4096);
    CHECK(answer.number[AFTER] < answer.number[BEFORE] / 10);
    CHECK_INT(answer.number[UNUSED], 0);
    CHECK_INT(answer.number[FRAMES], 0);
    CHECK_INT(answer.number[COMPLETE], 1);
    CHECK_INT(size_of("a.db"), answer.number[AFTER] * 4096);
    CHECK_INT(size_of("a.db-wal"), 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 4);
    CHECK_INT(api_number(db, "PRAGMA temp_store"), 2); /* as it was opened */
    api_close(db);
}

TEST(maintain__vacuum_tells_that_a_reader_keeps_the_wal)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows rows;
    walpool *db = api_open("a.db", "");
    fill_and_empty(db);
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    walpool_rows_init(&rows);
    call.timeout_ms = 300;
    CHECK_OK(walpool_maintain(db, WALPOOL_VACUUM, 0, &call, &rows, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, COMPLETE), 0);
    CHECK(walpool_rows_int64(&rows, 0, AFTER) <
          walpool_rows_int64(&rows, 0, BEFORE));
    CHECK_INT(api_lease_number(reader, "SELECT count(*) FROM t"), 4);
    CHECK_OK(walpool_release(reader, &err));
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(maintain__vacuum_leaves_the_wal_to_who_checkpoints)
{
    walpool *db = api_open("a.db", "checkpoint_owner=external");
    fill_and_empty(db);
    struct answer answer = maintain(db, WALPOOL_VACUUM, 0);
    CHECK_INT(answer.number[COMPLETE], 0);
    CHECK_INT(answer.number[UNUSED], 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 4);
    api_close(db);
}

TEST(maintain__obeys_the_ceiling_as_any_write_does)
{
    walpool *db = api_open("a.db", "checkpoint_frames=10&wal_ceiling_frames=10&"
                                   "wal_ceiling_policy=fail");
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    script(db, "CREATE TABLE t(v)");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(200000))"));
    CHECK_EVENTUALLY(walpool_maintain(db, WALPOOL_VACUUM, 0, NULL, NULL,
                                      &err) == WALPOOL_CEILING);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(walpool_release(reader, &err));
    api_close(db);
}

static void
put_pages(const char *name, uint32_t pages)
{
    unsigned char bytes[4] = {(unsigned char)(pages >> 24),
                              (unsigned char)(pages >> 16),
                              (unsigned char)(pages >> 8),
                              (unsigned char)pages};
    int fd = open(check_path(name), O_RDWR);
    CHECK(fd >= 0);
    CHECK_INT(pwrite(fd, bytes, 4, 28), 4);
    CHECK_INT(ftruncate(fd, (off_t)pages * 4096), 0); /* a hole takes no room */
    close(fd);
}

TEST(maintain__vacuum_needs_room_for_twice_what_the_database_holds)
{
    struct statvfs disk;
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    CHECK_INT(statvfs(check_path("a.db"), &disk), 0);
    put_pages("a.db", (uint32_t)((uint64_t)disk.f_bavail * disk.f_frsize /
                                 4096 * 3 / 4));
    int64_t before = size_of("a.db");
    db = api_open("a.db", "");
    CHECK_STATUS(walpool_maintain(db, WALPOOL_VACUUM, 0, NULL, NULL, &err),
                 WALPOOL_FULL);
    CHECK_CONTAINS(err.message, "make room");
    CHECK_CONTAINS(err.message, "bytes on the disk of");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(size_of("a.db-wal"), 0);
    CHECK_INT(size_of("a.db"), before);
    api_close(db);
}

/* ------------------------------------------------------------ incremental */

TEST(maintain__incremental_vacuum_frees_pages_in_many_short_writes)
{
    walpool *db = api_open("a.db", "");
    script(db, "PRAGMA auto_vacuum=incremental");
    CHECK_INT(maintain(db, WALPOOL_VACUUM, 0).number[COMPLETE], 1);
    fill_and_empty(db);
    struct answer some = maintain(db, WALPOOL_INCREMENTAL_VACUUM, 10);
    CHECK_INT(some.number[BEFORE] - some.number[AFTER], 10);
    CHECK(some.number[UNUSED] > 500);
    CHECK_INT(some.number[COMPLETE], 1);
    int64_t writes = api_health(db).writes;
    struct answer rest = maintain(db, WALPOOL_INCREMENTAL_VACUUM, 0);
    CHECK_INT(rest.number[BEFORE], some.number[AFTER]);
    CHECK_INT(rest.number[UNUSED], 0);
    CHECK_INT(rest.number[COMPLETE], 1);
    CHECK(api_health(db).writes - writes >= 5);
    CHECK_INT(size_of("a.db"), rest.number[AFTER] * 4096);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 4);
    rest = maintain(db, WALPOOL_INCREMENTAL_VACUUM, 0); /* nothing is left */
    CHECK_INT(rest.number[BEFORE] - rest.number[AFTER], 0);
    CHECK_INT(rest.number[COMPLETE], 1);
    api_close(db);
}

TEST(maintain__incremental_vacuum_says_what_the_database_lacks)
{
    walpool *db = api_open("a.db", "");
    CHECK_STATUS(walpool_maintain(db, WALPOOL_INCREMENTAL_VACUUM, 0, NULL, NULL,
                                  &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "auto_vacuum=incremental, then vacuum once");
    api_close(db);
}

/* --------------------------------------------------------------- optimize */

static const char table_with_an_index[] =
    "CREATE TABLE t(a, b); CREATE INDEX ta ON t(a); CREATE INDEX tb ON t(b);";

/* Does the reader look up t by `index`? */
static int64_t
uses(walpool *db, const char *index)
{
    char sql[200];
    walpool_rows rows;
    walpool_statement statement = {.sql = sql};
    walpool_rows_init(&rows);
    api_number(db, "SELECT count(*) FROM t"); /* explaining looks for no change */
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN SELECT * FROM t "
                              "WHERE a = 1 AND b = 1 -- %s", index);
    CHECK_OK(walpool_read(db, &statement, NULL, &rows, &err));
    size_t bytes = 0;
    const char *plan = walpool_rows_bytes(&rows, 0, 3, &bytes);
    CHECK(plan != NULL);
    char text[200] = "";
    memcpy(text, plan, bytes < sizeof text ? bytes : sizeof text - 1);
    walpool_rows_finish(&rows);
    return strstr(text, index) != NULL;
}

TEST(maintain__optimize_measures_what_needs_it_and_readers_know)
{
    walpool *db = api_open("a.db", "readers=1");
    script(db, table_with_an_index);
    script(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
               "LIMIT 1000) INSERT INTO t SELECT i, 1 FROM n");
    struct answer answer = maintain(db, WALPOOL_OPTIMIZE, 0);
    CHECK(answer.number[TABLES] >= 1);
    CHECK_INT(answer.number[COMPLETE], 1);
    CHECK_INT(api_health(db).optimizes, 1);
    CHECK_INT(uses(db, "ta"), 1); /* a is the one that says something */
    script(db, "DELETE FROM t; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
               "SELECT i + 1 FROM n LIMIT 30000) INSERT INTO t SELECT 1, i "
               "FROM n");
    CHECK(maintain(db, WALPOOL_OPTIMIZE, 0).number[TABLES] >= 1);
    CHECK_INT(uses(db, "tb"), 1);
    CHECK_INT(api_health(db).optimizes, 2);
    CHECK_INT(api_number(db, "SELECT count(*) FROM sqlite_schema WHERE name "
                             "LIKE 'walpool%'"), 0);
    api_close(db);
}

TEST(maintain__optimize_keeps_a_limit_that_was_set)
{
    walpool *db = api_open("a.db", "");
    walpool_statement ask = {.sql = "PRAGMA analysis_limit"};
    walpool_rows rows;
    walpool_rows_init(&rows);
    script(db, table_with_an_index);
    maintain(db, WALPOOL_OPTIMIZE, 0);
    CHECK_OK(walpool_write(db, &ask, NULL, &rows, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 0);
    script(db, "PRAGMA analysis_limit=77; INSERT INTO t VALUES (1, 2)");
    maintain(db, WALPOOL_OPTIMIZE, 0);
    CHECK_OK(walpool_write(db, &ask, NULL, &rows, &err));
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 77);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(maintain__optimizes_by_itself_after_the_opening_if_asked_to)
{
    walpool *db = api_open("a.db", "");
    script(db, table_with_an_index);
    script(db, "INSERT INTO t VALUES (1, 2)");
    CHECK_INT(api_health(db).optimizes, 0);
    api_close(db);
    db = api_open("a.db", "optimize_interval=86400000");
    CHECK_EVENTUALLY(api_health(db).optimizes > 0);
    CHECK_INT(api_health(db).errors, 0);
    api_close(db);
    db = api_open("a.db", "mode=ro&optimize_interval=1");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    CHECK_INT(api_health(db).optimizes, 0);
    api_close(db);
}

TEST(maintain__optimizes_again_and_again)
{
    walpool *db = api_open("a.db", "optimize_interval=1");
    CHECK_EVENTUALLY(api_health(db).optimizes >= 3);
    api_close(db);
}

TEST(maintain__optimizes_by_itself_only_when_nobody_writes)
{
    walpool *db = api_open("a.db", "");
    script(db, table_with_an_index);
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.optimize_interval_ms = 1;
    walpool *second = walpool_open(check_path("a.db"), &options, &err);
    CHECK(second != NULL); /* it shares the first one, and its options */
    CHECK_OK(walpool_release(writer, &err));
    CHECK_INT(api_health(second).optimizes, 0);
    api_close(second);
    api_close(db);
}

/* ----------------------------------------------------------------- checks */

static const char *const problem[] = {"kind", "message", "table", "parent",
                                      "rows"};

static void
inspect(walpool *db, walpool_task task, walpool_rows *rows)
{
    walpool_rows_init(rows);
    CHECK_OK(walpool_maintain(db, task, 0, NULL, rows, &err));
    check_names(rows, problem, 5);
}

static void
check_text_at(const walpool_rows *rows, size_t row, size_t column,
              const char *want)
{
    size_t bytes = 0;
    const char *text = walpool_rows_bytes(rows, row, column, &bytes);
    char copy[600] = "";
    CHECK(text != NULL && bytes < sizeof copy);
    memcpy(copy, text, bytes);
    CHECK_CONTAINS(copy, want);
}

TEST(maintain__a_check_of_a_sound_database_finds_nothing)
{
    walpool_rows rows;
    walpool *db = api_open("a.db", "");
    script(db, table_with_an_index);
    for (int task = WALPOOL_QUICK_CHECK; task <= WALPOOL_FULL_CHECK; task++) {
        inspect(db, (walpool_task)task, &rows);
        CHECK_INT(walpool_rows_count(&rows), 0);
        walpool_rows_finish(&rows);
    }
    CHECK_OK(walpool_maintain(db, WALPOOL_FULL_CHECK, 0, NULL, NULL, &err));
    CHECK_INT(walpool_leases(db, NULL, 0, &err), 0);
    api_close(db);
}

TEST(maintain__a_check_lists_rows_without_their_parent)
{
    walpool_rows rows;
    walpool *db = api_open("a.db", "foreign_keys=0");
    script(db, "CREATE TABLE p(id INTEGER PRIMARY KEY);"
               "CREATE TABLE c(p REFERENCES p(id));"
               "INSERT INTO c VALUES (7), (8)");
    inspect(db, WALPOOL_QUICK_CHECK, &rows);
    CHECK_INT(walpool_rows_count(&rows), 1);
    check_text_at(&rows, 0, 0, "foreign_key");
    check_text_at(&rows, 0, 1, "2 rows of c have no parent in p");
    check_text_at(&rows, 0, 2, "c");
    check_text_at(&rows, 0, 3, "p");
    CHECK_INT(walpool_rows_int64(&rows, 0, 4), 2);
    walpool_rows_finish(&rows);
    api_close(db);
}

static void
change(const char *name, const char *from, const char *to)
{
    char *data = malloc(1 << 20);
    int fd = open(check_path(name), O_RDWR);
    CHECK(fd >= 0 && data != NULL);
    ssize_t bytes = read(fd, data, 1 << 20);
    char *at = memmem(data, (size_t)bytes, from, strlen(from));
    CHECK(at != NULL);
    CHECK_INT(pwrite(fd, to, strlen(to), at - data), (int64_t)strlen(to));
    close(fd);
    free(data);
}

TEST(maintain__only_a_full_check_compares_indexes_with_their_tables)
{
    walpool_rows rows;
    walpool *db = api_open("a.db", "");
    script(db, "CREATE TABLE t(v); INSERT INTO t VALUES ('needle-1');"
               "CREATE INDEX tv ON t(v)");
    api_close(db);
    change("a.db", "needle-1", "needle-2");
    db = api_open("a.db", "mode=ro");
    inspect(db, WALPOOL_QUICK_CHECK, &rows);
    CHECK_INT(walpool_rows_count(&rows), 0);
    walpool_rows_finish(&rows);
    inspect(db, WALPOOL_FULL_CHECK, &rows);
    CHECK(walpool_rows_count(&rows) >= 1);
    check_text_at(&rows, 0, 0, "damage");
    check_text_at(&rows, 0, 1, "missing from index tv");
    CHECK_INT(walpool_rows_cell(&rows, 0, 2)->type, WALPOOL_NULL);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(maintain__damage_that_breaks_a_check_off_is_a_problem_it_found)
{
    static const char zeros[4096];
    walpool_rows rows;
    walpool *db = api_open("a.db", "");
    fill_and_empty(db);
    script(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
               "LIMIT 99) INSERT INTO t(v) SELECT 'text' || i FROM n");
    CHECK_OK(walpool_maintain(db, WALPOOL_VACUUM, 0, NULL, NULL, &err));
    api_close(db);
    int fd = open(check_path("a.db"), O_RDWR);
    CHECK_INT(pwrite(fd, zeros, sizeof zeros, size_of("a.db") - 4096), 4096);
    close(fd);
    db = api_open("a.db", "mode=ro");
    inspect(db, WALPOOL_QUICK_CHECK, &rows);
    CHECK(walpool_rows_count(&rows) >= 1);
    check_text_at(&rows, walpool_rows_count(&rows) - 1, 0, "damage");
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(maintain__an_answer_has_the_shape_that_a_query_of_its_columns_has)
{
    walpool_rows rows;
    walpool_statement same = {.sql = "SELECT 1 AS kind, 2 AS message, "
                                     "3 AS \"table\", 4 AS parent, 5 AS rows"};
    walpool *db = api_open("a.db", "");
    inspect(db, WALPOOL_QUICK_CHECK, &rows);
    uint64_t shape = api_header(&rows)->shape;
    CHECK_OK(walpool_read(db, &same, NULL, &rows, &err));
    CHECK(api_header(&rows)->shape == shape);
    walpool_rows_finish(&rows);
    api_close(db);
}

/* ------------------------------------------------------------- what is asked */

TEST(maintain__refuses_what_is_no_task)
{
    walpool *db = api_open("a.db", "");
    CHECK_STATUS(walpool_maintain(db, (walpool_task)5, 0, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "task is 5");
    CHECK_STATUS(walpool_maintain(db, (walpool_task)-1, 0, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_maintain(db, WALPOOL_VACUUM, 1, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "pages is 1");
    CHECK_STATUS(walpool_maintain(db, WALPOOL_INCREMENTAL_VACUUM, -1, NULL,
                                  NULL, &err), WALPOOL_MISUSE);
    api_close(db);
}

TEST(maintain__does_not_write_to_a_database_that_is_read_only)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    db = api_open("a.db", "mode=ro");
    for (int task = WALPOOL_OPTIMIZE; task < WALPOOL_QUICK_CHECK; task++)
        CHECK_STATUS(walpool_maintain(db, (walpool_task)task, 0, NULL, NULL,
                                      &err), WALPOOL_READONLY);
    CHECK_OK(walpool_maintain(db, WALPOOL_QUICK_CHECK, 0, NULL, NULL, &err));
    api_close(db);
}

TEST(maintain__waits_for_the_writer_as_any_write_does)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool *db = api_open("a.db", "");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    for (int task = WALPOOL_OPTIMIZE; task < WALPOOL_QUICK_CHECK; task++) {
        CHECK_STATUS(walpool_maintain(db, (walpool_task)task, 0, NULL, NULL,
                                      &err), WALPOOL_DEADLOCK);
        call.timeout_ms = 0;
        call.flags = WALPOOL_CALL_ANY_THREAD;
        CHECK_STATUS(walpool_maintain(db, (walpool_task)task, 0, &call, NULL,
                                      &err), WALPOOL_TIMEOUT);
    }
    CHECK_OK(walpool_maintain(db, WALPOOL_FULL_CHECK, 0, NULL, NULL, &err));
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

static void
count_leaves(void *count)
{
    ++*(int *)count;
}

TEST(maintain__leaves_an_interpreter_once_and_can_be_cancelled)
{
    int leaves = 0;
    walpool_call call = WALPOOL_CALL_INIT;
    walpool *db = api_open("a.db", "");
    call.leave = count_leaves;
    call.leave_data = &leaves;
    call.token = walpool_token_open(&err);
    for (int task = WALPOOL_OPTIMIZE; task <= WALPOOL_FULL_CHECK; task++)
        if (task != WALPOOL_INCREMENTAL_VACUUM)
            CHECK_OK(walpool_maintain(db, (walpool_task)task, 0, &call, NULL,
                                      &err));
    CHECK_INT(leaves, 4);
    CHECK_OK(walpool_cancel(call.token, &err));
    for (int task = WALPOOL_OPTIMIZE; task <= WALPOOL_FULL_CHECK; task++)
        CHECK_STATUS(walpool_maintain(db, (walpool_task)task, 0, &call, NULL,
                                      &err), WALPOOL_CANCELLED);
    walpool_token_close(call.token);
    api_close(db);
}

TEST(maintain__is_a_job_of_a_queue_too)
{
    walpool_completion done;
    walpool_rows rows;
    walpool *db = api_open("a.db", "");
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_job job = {.id = 7, .op = WALPOOL_OP_MAINTAIN,
                       .mode = WALPOOL_INCREMENTAL_VACUUM, .target = db,
                       .rows = &rows, .pages = 3};
    walpool_rows_init(&rows);
    script(db, "PRAGMA auto_vacuum=incremental");
    maintain(db, WALPOOL_VACUUM, 0);
    fill_and_empty(db);
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_INT(done.error.status, WALPOOL_OK);
    CHECK_INT(walpool_rows_int64(&rows, 0, BEFORE) -
              walpool_rows_int64(&rows, 0, AFTER), 3);
    job.mode = 9;
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_INT(done.error.status, WALPOOL_MISUSE);
    walpool_queue_close(queue);
    walpool_rows_finish(&rows);
    api_close(db);
}

CHECK_MAIN()
