/* private: SQLite in the hands of a language module, hooks, other programs,
 * poison, durability, the file. */
#include "private.h"

#include <errno.h>

#include "inside.h"
#include "lease.h"

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
    CHECK_OK(api_write(db, "INSERT INTO t VALUES ('end')"));
    api_close(db);
}

static sqlite3 *
native(void)
{
    sqlite3 *sqlite = walpool_private_sqlite3(a, sqlite3_sourceid(), &err);
    CHECK_STATUS(sqlite ? WALPOOL_OK : (walpool_status)err.status, WALPOOL_OK);
    return sqlite;
}

static int64_t
rows(void)
{
    return api_number(db, "SELECT count(*) FROM t");
}

/* ----------------------------------------------------- SQLite for its users */

TEST(private__gives_sqlite_to_who_has_the_same_copy_only)
{
    static char other[] = "2038-01-19 03:14:07 another copy";
    walpool_lease *reader;
    begin("");
    CHECK(native() == native());
    CHECK_NULL(walpool_private_sqlite3(a, other, &err), WALPOOL_UNSUPPORTED);
    CHECK_CONTAINS(err.message, "another copy of SQLite");
    CHECK_NULL(walpool_private_sqlite3(a, NULL, &err), WALPOOL_UNSUPPORTED);
    CHECK_NULL(walpool_private_sqlite3(NULL, sqlite3_sourceid(), &err),
               WALPOOL_MISUSE);
    reader = api_acquire(db, WALPOOL_READ);
    CHECK_NULL(walpool_private_sqlite3(reader, sqlite3_sourceid(), &err),
               WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "no private lease");
    CHECK_STATUS(walpool_private_hooks(reader, NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(api_lease_number(reader, "SELECT 5"), 5); /* is not busy */
    CHECK_OK(walpool_release(reader, &err));
    end();
}

static void
twice(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
}

TEST(private__functions_stay_on_it)
{
    begin("");
    CHECK_INT(sqlite3_create_function(native(), "twice", 1, SQLITE_UTF8, NULL,
                                      twice, NULL, NULL), SQLITE_OK);
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (twice(21))"));
    CHECK_INT(api_lease_number(a, "SELECT v FROM t"), 42);
    CHECK_STATUS(api_write(db, "INSERT INTO t VALUES (twice(1))"),
                 WALPOOL_SQL);
    end();
}

/* Writes by a statement of its own, in the midst of another one. */
static void
insert_1(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int(context,
                       sqlite3_exec(sqlite3_context_db_handle(context),
                                    "INSERT INTO t VALUES ('by function')",
                                    NULL, NULL, NULL));
}

static void *
write_by_pool(void *argument)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES ('by pool')"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 50000;
    *(walpool_status *)argument =
        walpool_write(db, &insert, &call, NULL, &err);
    return NULL;
}

TEST(private__what_a_function_wrote_is_counted_and_holds_up_nobody_for_good)
{
    walpool_status status = WALPOOL_INTERNAL;
    pthread_t thread;
    begin("");
    CHECK_INT(sqlite3_create_function(native(), "insert_1", 0, SQLITE_UTF8,
                                      NULL, insert_1, NULL, NULL), SQLITE_OK);
    CHECK_INT(api_lease_number(a, "SELECT insert_1()"), SQLITE_OK);
    CHECK_INT(api_health(db).writes, 2);
    CHECK_OK(api_run(a, "DELETE FROM t"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(api_lease_number(a, "SELECT insert_1()"), SQLITE_OK);
    /* It has the lock without the slot. Now somebody takes the slot and waits
     * for the lock, and it must not queue behind that one. */
    CHECK_INT(pthread_create(&thread, NULL, write_by_pool, &status), 0);
    CHECK_EVENTUALLY(api_health(db).lock_waits > 0);
    CHECK_OK(api_run(a, "INSERT INTO t VALUES ('by text')"));
    CHECK_OK(api_run(a, "COMMIT"));
    pthread_join(thread, NULL);
    CHECK_INT(status, WALPOOL_OK);
    CHECK_INT(rows(), 3);
    end();
}

TEST(private__a_statement_that_is_left_over_outlives_the_release)
{
    sqlite3_stmt *statement = NULL;
    begin("");
    CHECK_INT(sqlite3_prepare_v2(native(), "SELECT count(*) FROM t", -1,
                                 &statement, NULL), SQLITE_OK);
    end(); /* and closes the database */
    CHECK_INT(sqlite3_finalize(statement), SQLITE_OK);
}

/* -------------------------------------------------------------------- hooks */

struct hooked {
    int authorized, steps, commits;
    int verdict; /* of whichever is asked */
    const char *table; /* that must not be read */
};

static int
authorize(void *data, int action, const char *x, const char *y, const char *z,
          const char *trigger)
{
    struct hooked *hooked = data;
    (void)y, (void)z, (void)trigger;
    hooked->authorized++;
    return action == SQLITE_READ && hooked->table && x &&
                   strcmp(x, hooked->table) == 0
               ? SQLITE_DENY
               : SQLITE_OK;
}

static int
progress(void *data)
{
    struct hooked *hooked = data;
    hooked->steps++;
    return hooked->verdict;
}

static int
commit(void *data)
{
    struct hooked *hooked = data;
    hooked->commits++;
    return hooked->verdict;
}

TEST(private__an_authorizer_is_asked_after_ours_and_of_cached_statements_too)
{
    struct hooked hooked = {.table = "t"};
    walpool_hooks hooks = {.authorize = authorize, .data = &hooked};
    begin("");
    CHECK_INT(api_lease_number(a, "SELECT count(v) FROM t"), 0);
    CHECK_OK(walpool_private_hooks(a, &hooks, &err));
    CHECK_STATUS(api_run(a, "SELECT count(v) FROM t"), WALPOOL_REFUSED);
    CHECK(hooked.authorized > 0);
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_OK(walpool_rollback(a, &err));
    hooked.authorized = 0;
    CHECK_STATUS(api_run(a, "PRAGMA journal_mode=DELETE"), WALPOOL_REFUSED);
    CHECK_INT(hooked.authorized, 0);
    CHECK_OK(walpool_private_hooks(a, NULL, &err));
    CHECK_INT(api_lease_number(a, "SELECT count(v) FROM t"), 0);
    CHECK_STATUS(api_run(a, "PRAGMA journal_mode=DELETE"), WALPOOL_REFUSED);
    end();
}

TEST(private__a_progress_hook_stops_statements)
{
    struct hooked hooked = {.verdict = 0};
    walpool_hooks hooks = {.progress = progress, .data = &hooked};
    static const char work[] =
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
        "i + 1 FROM n LIMIT 10000) SELECT i FROM n";
    begin("");
    CHECK_OK(walpool_private_hooks(a, &hooks, &err));
    CHECK_OK(api_run(a, work));
    CHECK(hooked.steps > 0);
    CHECK_OK(api_run(a, "DELETE FROM t"));
    hooked.verdict = 1;
    CHECK_STATUS(api_run(a, work), WALPOOL_CANCELLED);
    CHECK_INT(err.sqlite_code, SQLITE_INTERRUPT);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    for (int i = 0; i < 400; i++) { /* over a thousand steps of each */
        CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
        CHECK_OK(api_run(a, "COMMIT"));
    }
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES ('mine')"));
    CHECK_STATUS(api_run(a, work), WALPOOL_CANCELLED);
    CHECK_CONTAINS(err.message, "the transaction was rolled back");
    CHECK_INT(rows(), 0);
    end();
}

TEST(private__a_commit_hook_turns_commits_into_rollbacks)
{
    struct hooked hooked = {.verdict = 1};
    walpool_hooks hooks = {.commit = commit, .data = &hooked};
    begin("");
    CHECK_OK(walpool_private_hooks(a, &hooks, &err));
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (1)"), WALPOOL_CONSTRAINT);
    CHECK_INT(err.sqlite_code, SQLITE_CONSTRAINT_COMMITHOOK);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_STATUS(api_run(a, "COMMIT"), WALPOOL_CONSTRAINT);
    CHECK_CONTAINS(err.message, "the transaction was rolled back");
    CHECK_INT(hooked.commits, 2);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    hooked.verdict = 0;
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_INT(rows(), 1);
    end();
}

/* ----------------------------------------------------------- other programs */

TEST(private__waits_for_another_programs_lock_up_to_its_deadline)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    walpool_call call = WALPOOL_CALL_INIT;
    sqlite3 *other;
    call.timeout_ms = 30;
    begin("");
    other = raw_open(check_path("a.db"));
    raw_exec(other, "BEGIN IMMEDIATE");
    CHECK_STATUS(walpool_run(a, &insert, &call, NULL, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_OK(api_run(a, "BEGIN")); /* has not read: it waits, and stays open */
    CHECK_STATUS(walpool_run(a, &insert, &call, NULL, &err), WALPOOL_TIMEOUT);
    raw_exec(other, "COMMIT");
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    CHECK_OK(api_run(a, "COMMIT"));
    CHECK_INT(rows(), 1);
    sqlite3_close(other);
    end();
}

TEST(private__does_not_wait_for_a_lock_when_that_is_too_late)
{
    sqlite3 *other;
    begin("");
    other = raw_open(check_path("a.db"));
    CHECK_OK(api_run(a, "BEGIN"));
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 0);
    raw_exec(other, "BEGIN IMMEDIATE");
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (1)"), WALPOOL_STALE);
    CHECK_CONTAINS(err.message, "another program is changing");
    CHECK_INT(err.sqlite_code, SQLITE_BUSY);
    CHECK_OK(api_run(a, "ROLLBACK"));
    raw_exec(other, "ROLLBACK");
    sqlite3_close(other);
    end();
}

TEST(private__is_not_opened_on_another_file_at_the_path)
{
    char here[512], there[512];
    begin("");
    snprintf(here, sizeof here, "%s", check_path("a.db"));
    snprintf(there, sizeof there, "%s", check_path("moved.db"));
    CHECK_INT(rename(here, there), 0);
    CHECK_NULL(walpool_acquire(db, WALPOOL_PRIVATE, NULL, &err),
               WALPOOL_CANTOPEN);
    fclose(fopen(here, "w"));
    CHECK_NULL(walpool_acquire(db, WALPOOL_PRIVATE, NULL, &err),
               WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "another file is there");
    CHECK_INT(rename(there, here), 0);
    CHECK_INT(api_health(db).private_open, 1);
    end();
}

/* ------------------------------------------------------ poison and the disk */

static struct walpool__db *
inside_of(walpool *handle)
{
    walpool_status status;
    struct walpool__db *found = walpool__handle_pin(WALPOOL__HANDLE_DATABASE,
                                                    handle, &err, &status);
    CHECK(found != NULL);
    walpool__handle_unpin(handle);
    return found;
}

TEST(private__writes_no_poisoned_database_and_reads_it)
{
    begin("");
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_run(a, "BEGIN IMMEDIATE"));
    CHECK_OK(api_run(a, "INSERT INTO t VALUES (2)"));
    walpool__poison_set(&inside_of(db)->poison, WALPOOL__POISON_SYNC, EIO);
    CHECK_STATUS(api_run(a, "COMMIT"), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_STATUS(api_run(a, "INSERT INTO t VALUES (3)"), WALPOOL_POISONED);
    CHECK_STATUS(api_run(a, "BEGIN IMMEDIATE"), WALPOOL_POISONED);
    CHECK_INT(api_lease_number(a, "SELECT count(*) FROM t"), 1);
    CHECK_OK(api_run(a, "CREATE TEMP TABLE mine AS SELECT v FROM t"));
    walpool_statement query = {.sql = "SELECT v FROM t"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_DURABLE;
    CHECK_STATUS(walpool_run(a, &query, &call, NULL, &err), WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "cannot tell what is on the disk");
    CHECK_OK(walpool_release(a, &err));
    api_close(db);
}

static int64_t
syncs_of(const char *sql, uint32_t flags)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    int64_t before = api_health(db).syncs;
    call.flags = flags;
    CHECK_OK(walpool_run(a, &statement, &call, NULL, &err));
    return api_health(db).syncs - before;
}

TEST(private__a_commit_is_as_durable_as_call_lease_or_database_ask)
{
    walpool_call durable = WALPOOL_CALL_INIT;
    begin("");
    CHECK_INT(syncs_of("INSERT INTO t VALUES (1)", 0), 0);
    CHECK_INT(syncs_of("INSERT INTO t VALUES (2)", WALPOOL_CALL_DURABLE), 1);
    CHECK_INT(syncs_of("SELECT 1", WALPOOL_CALL_DURABLE), 0); /* has been */
    CHECK_INT(syncs_of("BEGIN", 0), 0);
    CHECK_INT(syncs_of("INSERT INTO t VALUES (3)", 0), 0);
    CHECK_INT(syncs_of("COMMIT", WALPOOL_CALL_DURABLE), 1);
    CHECK_OK(walpool_release(a, &err));
    durable.flags = WALPOOL_CALL_DURABLE;
    a = walpool_acquire(db, WALPOOL_PRIVATE, &durable, &err);
    CHECK_INT(syncs_of("INSERT INTO t VALUES (4)", 0), 1);
    CHECK_INT(syncs_of("INSERT INTO t VALUES (5)", WALPOOL_CALL_NORMAL), 0);
    CHECK_INT(syncs_of("SELECT count(*) FROM t", 0), 0);
    CHECK_INT(syncs_of("SELECT count(*) FROM t", WALPOOL_CALL_DURABLE), 1);
    CHECK_INT(syncs_of("SAVEPOINT one", 0), 0);
    CHECK_INT(syncs_of("INSERT INTO t VALUES (6)", 0), 0);
    CHECK_INT(syncs_of("RELEASE one", 0), 1);
    end();
    db = api_open("a.db", "durability=full");
    a = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_INT(syncs_of("INSERT INTO t VALUES (7)", 0), 1);
    CHECK_INT(syncs_of("SELECT count(*) FROM t", 0), 0);
    CHECK_OK(walpool_release(a, &err));
    api_close(db);
}

CHECK_MAIN()
