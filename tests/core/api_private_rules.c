/* Private leases: statements one by one. What stays on the connection, what
 * is undone as a whole, what is refused. */
#include "api.h"

static walpool *db;
static walpool_lease *a;

static void
begin(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(v UNIQUE)"));
    a = api_acquire(db, WALPOOL_PRIVATE);
}

static void
end(void)
{
    CHECK_OK(walpool_release(a, &err));
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    api_close(db);
}

static int64_t
rows(void)
{
    return api_number(db, "SELECT count(*) FROM t");
}

static void
check_refused(const char *sql, const char *part)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    if (api_run(a, sql) != WALPOOL_REFUSED)
        printf("# %s\n", sql);
    CHECK_STATUS((walpool_status)err.status, WALPOOL_REFUSED);
    CHECK_CONTAINS(err.message, part);
    CHECK_CONTAINS(err.message, "on a private connection");
    call.flags = WALPOOL_CALL_SCRIPT;
    CHECK_STATUS(walpool_run(a, &statement, &call, NULL, &err),
                 WALPOOL_REFUSED);
}

TEST(private__refuses_what_would_harm_the_others)
{
    begin("");
    check_refused("PRAGMA journal_mode=DELETE", "only wal");
    check_refused("PRAGMA main.journal_mode='off'", "journal_mode");
    check_refused("PRAGMA locking_mode=EXCLUSIVE", "only normal");
    check_refused("PRAGMA synchronous=OFF", "only normal, full or extra");
    check_refused("PRAGMA synchronous=0", "synchronous");
    check_refused("PRAGMA synchronous=7", "synchronous"); /* is OFF, too */
    check_refused("PRAGMA wal_autocheckpoint=0", "checkpoint_frames");
    check_refused("PRAGMA wal_checkpoint", "use checkpoint()");
    check_refused("PRAGMA wal_checkpoint(TRUNCATE)", "use checkpoint()");
    check_refused("PRAGMA hard_heap_limit=100000000", "whole process");
    check_refused("PRAGMA soft_heap_limit=100000000", "whole process");
    check_refused("PRAGMA temp_store_directory='/'", "whole process");
    check_refused("PRAGMA lock_proxy_file=':auto:'", "lock");
    check_refused("ATTACH ':memory:' AS other", "allow_attach=1");
    check_refused("DETACH other", "allow_attach=1");
    CHECK_STATUS(api_run(a, "SELECT load_extension('x')"), WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "not authorized");
    end();
}

TEST(private__attaches_where_the_database_allows_it)
{
    begin("allow_attach=1");
    CHECK_OK(api_run(a, "ATTACH ':memory:' AS other"));
    CHECK_OK(api_run(a, "CREATE TABLE other.u(v)"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO other.u VALUES (1)"));
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0); /* ours is not written */
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_OK(api_run(a, "DETACH other"));
    end();
}

TEST(private__pragmas_of_a_connection_stay_on_it)
{
    begin("");
    CHECK_OK(api_run(a, "PRAGMA foreign_keys=OFF"));
    CHECK_INT(api_lease_number(a, "PRAGMA foreign_keys"), 0);
    CHECK_INT(api_number(db, "PRAGMA foreign_keys"), 1);
    CHECK_OK(api_run(a, "PRAGMA foreign_keys=ON")); /* from the cache, too */
    CHECK_OK(api_run(a, "PRAGMA foreign_keys=OFF"));
    CHECK_INT(api_lease_number(a, "PRAGMA foreign_keys"), 0);
    CHECK_OK(api_run(a, "PRAGMA cache_size=77"));
    CHECK_INT(api_lease_number(a, "PRAGMA cache_size"), 77);
    CHECK_OK(api_run(a, "PRAGMA temp_store=FILE"));
    CHECK_OK(api_run(a, "PRAGMA synchronous=FULL"));
    CHECK_INT(api_lease_number(a, "PRAGMA synchronous"), 2);
    CHECK_OK(api_run(a, "PRAGMA case_sensitive_like=ON"));
    CHECK_INT(api_lease_number(a, "SELECT 'A' LIKE 'a'"), 0);
    CHECK_INT(api_number(db, "SELECT 'A' LIKE 'a'"), 1);
    CHECK_OK(api_run(a, "PRAGMA locking_mode=normal"));
    CHECK_OK(api_run(a, "PRAGMA user_version=12"));
    CHECK_INT(api_number(db, "PRAGMA user_version"), 12);
    CHECK_OK(api_run(a, "PRAGMA query_only=ON"));
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (1)"), WALPOOL_READONLY);
    CHECK_OK(api_run(a, "PRAGMA query_only=OFF"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    end();
}

TEST(private__wal_is_answered_to_who_asks_for_wal_and_takes_no_writer)
{
    walpool_statement ask = {.sql = "PRAGMA journal_mode = WAL"};
    walpool_rows block;
    walpool_rows_init(&block);
    begin("");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(walpool_run(a, &ask, NULL, &block, &err));
        CHECK_INT(walpool_rows_count(&block), 1);
        CHECK(memcmp(walpool_rows_bytes(&block, 0, 0, NULL), "wal", 3) == 0);
        ask.sql = "PRAGMA journal_mode";
    }
    CHECK_OK(walpool_release(writer, &err));
    walpool_rows_finish(&block);
    end();
}

TEST(private__busy_timeout_is_the_timeout_of_calls_without_one)
{
    walpool_call call = WALPOOL_CALL_INIT;
    begin("busy_timeout=30000");
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout"), 30000);
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout = 40"), 40);
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout"), 40);
    call.flags = WALPOOL_CALL_ANY_THREAD;
    walpool_lease *writer = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
    CHECK(writer != NULL);
    int64_t began = check_now_ms();
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (1)"), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK(check_now_ms() - began < 20000);
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout(-5)"), 0);
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (1)"), WALPOOL_TIMEOUT);
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout=999999999999"),
              86400000);
    walpool_statement script = {.sql = "PRAGMA busy_timeout=7; SELECT 1"};
    call.flags = WALPOOL_CALL_SCRIPT;
    CHECK_OK(walpool_run(a, &script, &call, NULL, &err));
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout"), 7);
    CHECK_OK(walpool_release(writer, &err));
    end();
}

/* Rows of one INTEGER each, as parameters. */
static walpool_statement
with_numbers(const char *sql, walpool_rows *params, int64_t first, int count)
{
    CHECK_OK(walpool_rows_begin(params, 1, NULL, &err));
    for (int i = 0; i < count; i++)
        CHECK_OK(walpool_rows_add_int64(params, first + i, &err));
    return (walpool_statement){
        .sql = sql,
        .params = params->data,
        .params_bytes = (size_t)api_header(params)->arena_end};
}

TEST(private__many_rows_of_parameters_are_all_applied_or_none)
{
    walpool_rows params;
    walpool_rows_init(&params);
    begin("");
    walpool_statement insert =
        with_numbers("INSERT INTO t VALUES (?)", &params, 1, 100);
    CHECK_OK(walpool_run(a, &insert, NULL, NULL, &err));
    CHECK_INT(rows(), 100);
    insert = with_numbers("INSERT INTO t VALUES (?)", &params, 91, 20);
    insert.sql = "INSERT INTO t VALUES (200 - ?)"; /* the 10th is there */
    CHECK_STATUS(walpool_run(a, &insert, NULL, NULL, &err),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(rows(), 100);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES ('mine')"));
    CHECK_STATUS(walpool_run(a, &insert, NULL, NULL, &err),
                 WALPOOL_CONSTRAINT);
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 101);
    walpool_rows_finish(&params);
    end();
}

TEST(private__parameters_that_a_statement_does_not_take_are_refused)
{
    static const char *const texts[] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT",
                                        "PRAGMA busy_timeout=5", "SELECT 1"};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows params;
    call.flags = WALPOOL_CALL_IMMEDIATE;
    walpool_rows_init(&params);
    begin("busy_timeout=3000");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        walpool_statement one = with_numbers(texts[i], &params, 1, 1);
        CHECK_STATUS(walpool_run(a, &one, &call, NULL, &err), WALPOOL_PARAM);
    }
    CHECK_INT(walpool_lease_depth(a), 0);
    CHECK_INT(api_lease_number(a, "PRAGMA busy_timeout"), 3000);
    walpool_rows_finish(&params);
    end();
}

TEST(private__rows_of_returning_that_do_not_fit_undo_the_write)
{
    _Alignas(8) char small[400];
    walpool_rows block;
    walpool_statement insert = {
        .sql = "INSERT INTO t VALUES (hex(zeroblob(400))) RETURNING v"};
    walpool_rows_wrap(&block, small, sizeof small);
    begin("");
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(walpool_run(a, &insert, NULL, &block, &err),
                     WALPOOL_TOOBIG);
        CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), i);
        if (i == 1)
            break;
        CHECK_OK(api_run(a, "BEGIN"));
        CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    }
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 1);
    insert.sql = "INSERT INTO t VALUES (2) RETURNING v";
    CHECK_OK(walpool_run(a, &insert, NULL, &block, &err));
    CHECK_INT(walpool_rows_int64(&block, 0, 0), 2);
    CHECK_INT(rows(), 2);
    end();
}

TEST(private__what_changes_another_number_of_rows_than_expected_is_undone)
{
    walpool_statement update = {.sql = "UPDATE t SET v = v + 10",
                                .expect = 2,
                                .flags = WALPOOL_STATEMENT_EXPECT};
    begin("");
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(walpool_run(a, &update, NULL, NULL, &err), WALPOOL_MISMATCH);
    CHECK_INT(api_number(db, "SELECT v FROM t"), 1);
    update.expect = 1;
    CHECK_OK(walpool_run(a, &update, NULL, NULL, &err));
    CHECK_INT(api_number(db, "SELECT v FROM t"), 11);
    update.sql = "BEGIN IMMEDIATE";
    CHECK_STATUS(walpool_run(a, &update, NULL, NULL, &err), WALPOOL_MISUSE);
    CHECK_OK(api_run(a, "BEGIN")); /* none was begun */
    CHECK_OK(api_run(a, "COMMIT"));
    end();
}

TEST(private__or_fail_keeps_what_came_before_as_in_sqlite)
{
    begin("");
    CHECK_STATUS(api_run(a, "INSERT OR FAIL INTO t VALUES (1), (2), (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_APPLIED);
    CHECK_CONTAINS(err.message, "some of it was applied");
    CHECK_INT(rows(), 2);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_STATUS(api_run(a, "INSERT OR FAIL INTO t VALUES (3), (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_APPLIED);
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 3);
    end();
}

TEST(private__a_deferred_constraint_fails_the_commit_and_it_stays_open)
{
    begin("");
    CHECK_OK(api_write(db, "CREATE TABLE child(v REFERENCES t(v) DEFERRABLE "
                           "INITIALLY DEFERRED)"));
    CHECK_STATUS(api_run(a, "INSERT INTO child VALUES (1)"),
                 WALPOOL_CONSTRAINT);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO child VALUES (1)"));
    CHECK_STATUS(api_run(a, "COMMIT"), WALPOOL_CONSTRAINT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_STATUS(walpool_commit(a, NULL, &err), WALPOOL_CONSTRAINT);
    CHECK_INT(api_health(db).writer_leased, 1);
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM child"), 1);
    end();
}

TEST(private__of_a_read_only_database_reads_and_has_temporary_tables)
{
    begin("");
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    end();
    db = api_open("a.db", "mode=ro");
    a = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_INT(api_lease_number(a, "SELECT v FROM t"), 1);
    CHECK_OK(api_run(a, "CREATE TEMP TABLE mine AS SELECT * FROM t"));
    CHECK_INT(api_lease_number(a, "SELECT v FROM mine"), 1);
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (2)"), WALPOOL_READONLY);
    CHECK_STATUS(api_run(a, "BEGIN IMMEDIATE"), WALPOOL_READONLY);
    end();
}

CHECK_MAIN()
