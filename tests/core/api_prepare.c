/* Prepared statements: checked once, run by number, on any connection. */
#include <pthread.h>
#include <stdbool.h>

#include "api.h"

static walpool *db;
static walpool_prepared *prepared;

static walpool_prepared *
prepare(const char *sql)
{
    walpool_prepared *made = walpool_prepare(db, sql, 0, NULL, &err);
    CHECK_STATUS(made ? WALPOOL_OK : (walpool_status)err.status, WALPOOL_OK);
    return made;
}

/* Read with one integer, or none where it is -1; the answer is the first. */
static walpool_status
read_with(walpool_prepared *what, int64_t value, int64_t *answer)
{
    walpool_statement statement = {.prepared = what};
    walpool_rows rows, params;
    walpool_rows_init(&rows);
    walpool_rows_init(&params);
    if (value >= 0) {
        CHECK_OK(walpool_rows_begin(&params, 1, NULL, &err));
        CHECK_OK(walpool_rows_add_int64(&params, value, &err));
        statement.params = params.data;
        statement.params_bytes = params.capacity;
    }
    walpool_status status = walpool_read(db, &statement, NULL, &rows, &err);
    if (status == WALPOOL_OK && answer)
        *answer = walpool_rows_int64(&rows, 0, 0);
    walpool_rows_finish(&params);
    walpool_rows_finish(&rows);
    return status;
}

static int64_t
number_of(walpool_prepared *what, int64_t value)
{
    int64_t answer = -1;
    CHECK_OK(read_with(what, value, &answer));
    return answer;
}

static walpool_status
write_it(walpool_prepared *what)
{
    walpool_statement statement = {.prepared = what};
    return walpool_write(db, &statement, NULL, NULL, &err);
}

static void
start(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(db, "INSERT INTO t(v) VALUES (10), (20), (30)"));
}

static void
finish(void)
{
    walpool_prepared_close(prepared);
    api_close(db);
}

TEST(prepare__runs_again_and_again_and_is_found_without_its_text)
{
    start("readers=1");
    prepared = prepare("SELECT v FROM t WHERE id=?");
    walpool_health before = api_health(db);
    for (int64_t i = 0; i < 30; i++)
        CHECK_INT(number_of(prepared, i % 3 + 1), (i % 3 + 1) * 10);
    walpool_health after = api_health(db);
    CHECK_INT(after.statement_hits - before.statement_hits, 30);
    CHECK_INT(after.statement_misses - before.statement_misses, 0);
    finish();
}

TEST(prepare__is_used_by_each_kind_of_call)
{
    start("");
    walpool_prepared *add = prepare("INSERT INTO t(v) VALUES (1)");
    prepared = prepare("SELECT count(*) FROM t");
    CHECK_OK(write_it(add));
    walpool_statement list[] = {{.prepared = add},
                                WALPOOL_STATEMENT_INIT("DELETE FROM t WHERE id=1"),
                                {.prepared = add}};
    CHECK_OK(walpool_batch(db, list, 3, NULL, NULL, NULL, &err));
    CHECK_INT(number_of(prepared, -1), 5);
    walpool_kind kinds[] = {WALPOOL_WRITE, WALPOOL_PRIVATE};
    for (size_t i = 0; i < 2; i++) {
        walpool_lease *lease = walpool_acquire(db, kinds[i], NULL, &err);
        CHECK(lease != NULL);
        CHECK_OK(walpool_run(lease, &list[0], NULL, NULL, &err));
        CHECK_OK(walpool_run(lease, &list[2], NULL, NULL, &err));
        if (kinds[i] == WALPOOL_WRITE)
            CHECK_OK(walpool_commit(lease, NULL, &err));
        CHECK_OK(walpool_release(lease, &err));
    }
    CHECK_INT(number_of(prepared, -1), 9);
    walpool_prepared_close(add);
    finish();
}

TEST(prepare__takes_the_coalesced_way_and_a_once_key_as_its_text_does)
{
    start("coalesce=5");
    prepared = prepare("INSERT INTO t(v) VALUES (1)");
    walpool_statement by_handle = {.prepared = prepared};
    walpool_statement by_text = {.sql = "INSERT INTO t(v) VALUES (1)"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.once_key = "k";
    call.once_bytes = 1;
    CHECK_OK(write_it(prepared));
    CHECK_OK(walpool_write(db, &by_handle, &call, NULL, &err));
    CHECK_OK(walpool_write(db, &by_text, &call, NULL, &err)); /* the same call */
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 5);
    CHECK_INT(api_health(db).once_replays, 1);
    finish();
}

static void
check_about(const char *sql, const char *want)
{
    char text[256];
    size_t need = 0;
    prepared = prepare(sql);
    CHECK_OK(walpool_prepared_json(prepared, text, sizeof text, &need, &err));
    CHECK_STR(text, want);
    CHECK_INT(need, strlen(want) + 1);
    CHECK_STATUS(walpool_prepared_json(prepared, text, need - 1, &need, &err),
                 WALPOOL_TOOBIG);
    walpool_prepared_close(prepared);
}

TEST(prepare__tells_parameters_columns_and_whether_it_writes)
{
    start("");
    check_about("SELECT id, v AS \"a\"\"b\" FROM t WHERE id=:id AND v>? AND v<?9",
                "{\"readonly\":true,\"parameters\":[\":id\",null,null,null,null,"
                "null,null,null,null],\"columns\":[\"id\",\"a\\\"b\"]}");
    check_about("UPDATE t SET v=$v RETURNING id",
                "{\"readonly\":false,\"parameters\":[\"$v\"],"
                "\"columns\":[\"id\"]}");
    check_about("CREATE TABLE u(a)",
                "{\"readonly\":false,\"parameters\":[],\"columns\":[]}");
    prepared = NULL;
    finish();
}

TEST(prepare__says_at_once_what_is_wrong_with_the_text)
{
    start("");
    CHECK_NULL(walpool_prepare(db, "SELECT 1 FROM nowhere", 0, NULL, &err),
               WALPOOL_SQL);
    CHECK(strstr(err.message, "nowhere") != NULL);
    CHECK_NULL(walpool_prepare(db, "SELECT id, FROM t", 0, NULL, &err),
               WALPOOL_SQL);
    CHECK_INT(err.sql_offset, 11);
    CHECK_NULL(walpool_prepare(db, "SELECT 1; SELECT 2", 0, NULL, &err),
               WALPOOL_SQL);
    CHECK_NULL(walpool_prepare(db, " -- nothing", 0, NULL, &err), WALPOOL_SQL);
    CHECK_NULL(walpool_prepare(db, "SELECT 1\0", 9, NULL, &err), WALPOOL_SQL);
    CHECK_NULL(walpool_prepare(db, "SELECT '\xff'", 0, NULL, &err),
               WALPOOL_ENCODING);
    CHECK_NULL(walpool_prepare(db, "BEGIN", 0, NULL, &err), WALPOOL_REFUSED);
    CHECK_NULL(walpool_prepare(db, NULL, 0, NULL, &err), WALPOOL_MISUSE);
    CHECK_NULL(walpool_prepare(NULL, "SELECT 1", 0, NULL, &err),
               WALPOOL_MISUSE);
    CHECK(walpool_prepare(db, "SELECT 1 FROM nowhere", 0, NULL, NULL) == NULL);
    api_close(db);
    CHECK_NULL(walpool_prepare(db, "SELECT 1", 0, NULL, &err), WALPOOL_CLOSED);
}

TEST(prepare__sees_the_newest_schema)
{
    start("readers=1");
    char text[256];
    prepared = prepare("SELECT * FROM t");
    CHECK_INT(number_of(prepared, -1), 1);
    walpool_prepared_close(prepared);
    CHECK_OK(api_write(db, "ALTER TABLE t ADD COLUMN w DEFAULT 5"));
    prepared = prepare("SELECT * FROM t");
    CHECK_OK(walpool_prepared_json(prepared, text, sizeof text, NULL, &err));
    CHECK(strstr(text, "\"w\"") != NULL);
    finish();
}

TEST(prepare__outlives_a_schema_that_changes)
{
    start("readers=1");
    prepared = prepare("SELECT max(v) FROM t");
    CHECK_INT(number_of(prepared, -1), 30);
    CHECK_OK(api_write(db, "DROP TABLE t"));
    CHECK_STATUS(read_with(prepared, -1, NULL), WALPOOL_SQL);
    CHECK_OK(api_write(db, "CREATE TABLE t(w, v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1, 7)"));
    CHECK_INT(number_of(prepared, -1), 7);
    finish();
}

/* More handles than a connection keeps statements, and than it knows handles. */
TEST(prepare__outlives_the_cache)
{
    static walpool_prepared *many[400];
    char sql[64];
    start("readers=1&statement_cache=3");
    for (int i = 0; i < 400; i++) {
        snprintf(sql, sizeof sql, "SELECT v+%d FROM t WHERE id=?", i);
        many[i] = prepare(sql);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 400; i++)
            CHECK_INT(number_of(many[i], 2), 20 + i);
    for (int i = 0; i < 400; i++)
        walpool_prepared_close(many[i]);
    prepared = NULL;
    finish();
}

TEST(prepare__needs_no_cache)
{
    start("statement_cache=0");
    prepared = prepare("SELECT v FROM t WHERE id=?");
    for (int64_t i = 1; i <= 3; i++)
        CHECK_INT(number_of(prepared, i), i * 10);
    finish();
}

/* Two handles of one text, and the text itself, share what is prepared. */
TEST(prepare__shares_its_text_with_others)
{
    start("readers=1");
    prepared = prepare("SELECT v FROM t WHERE id=?");
    walpool_prepared *same = prepare("SELECT v FROM t WHERE id=?");
    walpool_health before = api_health(db);
    CHECK_INT(number_of(prepared, 1), 10);
    CHECK_INT(number_of(same, 2), 20);
    CHECK_INT(api_health(db).statement_misses, before.statement_misses);
    walpool_prepared_close(same);
    CHECK_INT(number_of(prepared, 3), 30);
    finish();
}

TEST(prepare__has_a_second_one_where_the_first_is_busy)
{
    start("");
    prepared = prepare("SELECT v FROM t");
    walpool_statement statement = {.prepared = prepared};
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, NULL, &err);
    uint64_t room[2][32];
    walpool_rows rows[2];
    for (size_t i = 0; i < 2; i++) {
        walpool_rows_wrap(&rows[i], room[i], 64 + 16 + 16);
        CHECK_OK(walpool_run(lease, &statement, NULL, &rows[i], &err));
        const walpool_rows_header *header = (const void *)rows[i].data;
        CHECK(header->cursor != 0);
        CHECK_INT(walpool_rows_int64(&rows[i], 0, 0), 10);
    }
    CHECK_OK(walpool_release(lease, &err));
    finish();
}

TEST(prepare__is_refused_when_it_is_closed_or_no_such_thing)
{
    start("");
    prepared = prepare("SELECT 1");
    CHECK_INT(number_of(prepared, -1), 1);
    walpool_prepared_close(prepared);
    CHECK_STATUS(read_with(prepared, -1, NULL), WALPOOL_CLOSED);
    CHECK_STATUS(walpool_prepared_json(prepared, NULL, 0, NULL, &err),
                 WALPOOL_CLOSED);
    walpool_prepared_close(prepared);
    walpool_prepared_close(NULL);
    walpool_prepared_close((walpool_prepared *)(void *)db);
    CHECK_STATUS(read_with((walpool_prepared *)(void *)db, -1, NULL),
                 WALPOOL_MISUSE);
    CHECK_STATUS(read_with((walpool_prepared *)(uintptr_t)0x7ffffff6, -1, NULL),
                 WALPOOL_CLOSED);
    prepared = NULL;
    finish();
}

TEST(prepare__is_no_script_and_keeps_the_rules_of_its_text)
{
    start("");
    prepared = prepare("DELETE FROM t");
    walpool_statement statement = {.prepared = prepared};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    CHECK_STATUS(walpool_write(db, &statement, &call, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(read_with(prepared, -1, NULL), WALPOOL_READONLY);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 3);
    walpool_prepared *one = prepare("SELECT v FROM t WHERE id=?");
    CHECK_STATUS(read_with(one, -1, NULL), WALPOOL_PARAM);
    walpool_prepared_close(one);
    finish();
}

TEST(prepare__is_of_one_database)
{
    start("");
    walpool *first = db, *other = api_open("b.db", "");
    prepared = prepare("SELECT 1");
    db = other;
    CHECK_STATUS(read_with(prepared, -1, NULL), WALPOOL_MISUSE);
    CHECK(strstr(err.message, "another database") != NULL);
    db = api_open("a.db", ""); /* the first one, shared */
    CHECK_INT(number_of(prepared, -1), 1);
    api_close(first);
    CHECK_INT(number_of(prepared, -1), 1);
    api_close(db);
    CHECK_STATUS(read_with(prepared, -1, NULL), WALPOOL_CLOSED);
    db = api_open("a.db", ""); /* opened anew */
    CHECK_STATUS(read_with(prepared, -1, NULL), WALPOOL_MISUSE);
    api_close(other);
    finish();
}

TEST(prepare__ends_in_a_child)
{
    start("");
    prepared = prepare("SELECT 1");
    CHECK_INT(number_of(prepared, -1), 1);
    pid_t child = fork();
    if (child == 0) {
        char text[64];
        bool good = walpool_prepared_json(prepared, text, sizeof text, NULL,
                                          &err) == WALPOOL_FORKED;
        walpool_prepared_close(prepared);
        _exit(good ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    CHECK_INT(number_of(prepared, -1), 1);
    finish();
}

TEST(prepare__goes_through_a_queue)
{
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_statement text = {.sql = "SELECT sum(v) FROM t"};
    walpool_job job = {.op = WALPOOL_OP_PREPARE};
    walpool_completion done;
    start("");
    job.target = db;
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_INT(done.error.status, WALPOOL_MISUSE); /* it has no text */
    job.statements = &text;
    job.statement_count = 1;
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_INT(done.error.status, WALPOOL_OK);
    prepared = done.result;
    CHECK_INT(number_of(prepared, -1), 60);
    walpool_statement statement = {.prepared = prepared};
    job = (walpool_job){.op = WALPOOL_OP_READ, .target = db,
                        .statements = &statement, .statement_count = 1};
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_INT(done.error.status, WALPOOL_OK);
    job.op = WALPOOL_OP_PREPARE;
    job.statements = &text;
    CHECK_OK(walpool_submit(queue, &job, &err)); /* nobody takes the answer */
    walpool_queue_close(queue);
    finish();
}

/* Each thread runs it until it finds it closed, and nothing else happens. */
static void *
run_until_closed(void *arg)
{
    int64_t *runs = arg;
    walpool_statement statement = {.prepared = prepared};
    walpool_status status;
    walpool_rows rows;
    walpool_rows_init(&rows);
    while ((status = walpool_read(db, &statement, NULL, &rows, &err)) ==
           WALPOOL_OK) {
        CHECK_INT(walpool_rows_int64(&rows, 0, 0), 3);
        __atomic_add_fetch(runs, 1, __ATOMIC_RELAXED);
    }
    walpool_rows_finish(&rows);
    CHECK_STR(walpool_status_name(status), "WALPOOL_CLOSED");
    return NULL;
}

TEST(prepare__is_run_by_many_threads_until_somebody_closes_it)
{
    pthread_t threads[4];
    int64_t runs = 0;
    start("readers=3&statement_cache=2");
    prepared = prepare("SELECT count(*) FROM t");
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, run_until_closed, &runs), 0);
    while (__atomic_load_n(&runs, __ATOMIC_RELAXED) < 2000) {
        api_number(db, "SELECT 1"); /* they come and go in the caches */
        api_number(db, "SELECT 2");
        api_number(db, "SELECT 3");
    }
    walpool_prepared_close(prepared);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    finish();
}

CHECK_MAIN()
