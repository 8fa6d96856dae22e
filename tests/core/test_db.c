/* db: assembly, the first proof, draining, and calls that meet the end. */
#include "db.h"

#include "gate.h"
#include "inside.h"

static void
make_database(const char *name)
{
    sqlite3 *db = raw_open(check_path(name));
    raw_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE t(n);"
                 "INSERT INTO t VALUES(7)");
    sqlite3_close(db);
}

static void
patch(const char *name, long offset, unsigned char byte)
{
    FILE *file = fopen(check_path(name), "r+");
    CHECK(file != NULL);
    CHECK_INT(fseek(file, offset, SEEK_SET), 0);
    CHECK_INT(fwrite(&byte, 1, 1, file), 1);
    fclose(file);
}

/* ----------------------------------------------------------- what is proven */

TEST(db__proves_that_the_schema_can_be_read)
{
    make_database("a.db");
    patch("a.db", 100, 0x55); /* the kind of the schema's first page */
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err), WALPOOL_CORRUPT);
    CHECK_CONTAINS(err.message, "a.db: cannot ");
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err), WALPOOL_CORRUPT);
}

TEST(db__refuses_a_schema_that_makes_no_sense)
{
    make_database("a.db");
    sqlite3 *db = raw_open(check_path("a.db"));
    raw_exec(db, "PRAGMA writable_schema=ON;"
                 "UPDATE sqlite_schema SET sql = 'CREATE nonsense'");
    sqlite3_close(db);
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err), WALPOOL_CORRUPT);
    CHECK_CONTAINS(err.message, "malformed database schema");
}

TEST(db__waits_for_who_has_the_file_for_himself)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    make_database("a.db");
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "PRAGMA locking_mode=EXCLUSIVE; DELETE FROM t");
    options.busy_timeout_ms = 20;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    sqlite3_close(other);
    walpool *db = walpool_open(check_path("a.db"), &options, &err);
    CHECK(db != NULL);
    api_close(db);
}

TEST(db__knows_its_wal_from_the_first_moment)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    CHECK_INT(api_health(db).wal_frames, 2);
    api_close(db);
}

/* ---------------------------------------------------------------- draining */

static walpool_lease *
label(walpool *db, walpool_kind kind, const char *why)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = why;
    walpool_lease *lease = walpool_acquire(db, kind, &call, &err);
    CHECK(lease != NULL);
    return lease;
}

TEST(db__names_the_reader_that_keeps_it_open)
{
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = label(db, WALPOOL_READ, "report");
    CHECK_STATUS(walpool_close(db, 5, &err), WALPOOL_TIMEOUT);
    char want[128];
    snprintf(want, sizeof want,
             "5 ms passed, and a reader lease or cursor of report (thread %d) "
             "is out for ", (int)gettid());
    CHECK_CONTAINS(err.message, want);
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(db__names_the_writer_that_keeps_it_open)
{
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = label(db, WALPOOL_WRITE, NULL);
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "a writer lease of a call without a label "
                                "(why) (thread ");
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(api_number(db, "SELECT 1"), 1);
    CHECK_OK(api_run(lease, "CREATE TABLE t(n)"));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
    api_close(db);
}

TEST(db__leaves_no_wal_behind)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    CHECK_INT(access(check_path("a.db-wal"), F_OK), 0);
    api_close(db);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    CHECK(access(check_path("a.db-shm"), F_OK) != 0);
}

TEST(db__leaves_a_small_wal_behind_where_others_go_on)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    sqlite3 *other = raw_open(check_path("a.db"));
    CHECK_INT(raw_number(other, "SELECT count(*) FROM t"), 0);
    api_close(db);
    struct stat facts;
    CHECK_INT(stat(check_path("a.db-wal"), &facts), 0);
    CHECK_INT(facts.st_size, 0);
    raw_exec(other, "INSERT INTO t VALUES(1)");
    sqlite3_close(other);
}

/* ------------------------------------------------- calls that meet the end */

static walpool_status
do_write(walpool *db)
{
    return api_write(db, "SELECT 1");
}

static walpool_status
do_read(walpool *db)
{
    walpool_statement statement = {.sql = "SELECT 1"};
    return walpool_read(db, &statement, NULL, NULL, &err);
}

static walpool_status
do_checkpoint(walpool *db)
{
    return walpool_checkpoint(db, WALPOOL_FULL_CHECKPOINT, NULL, NULL, &err);
}

static walpool_status
do_acquire(walpool *db)
{
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, NULL, &err);
    return lease != NULL ? WALPOOL_OK : (walpool_status)err.status;
}

static walpool_status
do_health(walpool *db)
{
    walpool_health health;
    return walpool_health_get(db, &health, &err);
}

/* They have the handle pinned, and find a database without connections. */
TEST(db__turns_away_a_call_that_comes_in_while_it_is_closed)
{
    static walpool_status (*const calls[])(walpool *) = {
        do_write, do_read, do_checkpoint, do_acquire};
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        struct held held;
        walpool *db = api_open("a.db", "");
        held_begin(&held, db, calls[i]);
        api_close(db);
        CHECK_STATUS(held_finish(&held), WALPOOL_CLOSED);
    }
}

TEST(db__tells_its_health_while_it_is_closed)
{
    struct held held;
    walpool *db = api_open("a.db", "");
    held_begin(&held, db, do_health);
    api_close(db);
    CHECK_STATUS(held_finish(&held), WALPOOL_OK);
}

/* The writer is given on before the sync, so a close does not wait for it. */
static atomic_bool reached, go_on;

static void
hold(void *unused)
{
    (void)unused;
    atomic_store(&reached, true);
    while (!atomic_load(&go_on))
        sched_yield();
}

static void *
write_durably(void *handle)
{
    walpool_statement statement = {.sql = "INSERT INTO t VALUES(1)"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.leave = hold;
    CHECK_OK(walpool_write(handle, &statement, &call, NULL, &err));
    return NULL;
}

TEST(db__syncs_what_is_committed_before_it_is_closed)
{
    pthread_t thread;
    walpool *db = api_open("a.db", "durability=full");
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_number(other, "SELECT count(*) FROM t"); /* so that the WAL stays */
    atomic_store(&reached, false);
    atomic_store(&go_on, false);
    CHECK_INT(pthread_create(&thread, NULL, write_durably, db), 0);
    CHECK_EVENTUALLY(atomic_load(&reached));
    api_close(db);
    atomic_store(&go_on, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(raw_number(other, "SELECT count(*) FROM t"), 1);
    sqlite3_close(other);
}

static atomic_bool over;

static void *
use_all_the_time(void *db)
{
    static walpool_status (*const calls[])(walpool *) = {
        do_write, do_read, do_checkpoint, do_health};
    for (size_t i = 0; !atomic_load(&over); i++) {
        walpool_status status = calls[i % ARRAY_COUNT(calls)](db);
        if (status != WALPOOL_OK)
            CHECK_STATUS(status, WALPOOL_CLOSED);
    }
    return NULL;
}

TEST(db__may_be_closed_while_threads_use_it)
{
    for (int round = 0; round < 5; round++) {
        pthread_t threads[3];
        walpool *db = api_open("a.db", "readers=2");
        atomic_store(&over, false);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_create(&threads[i], NULL, use_all_the_time, db),
                      0);
        int64_t reads = api_health(db).reads;
        CHECK_EVENTUALLY(api_health(db).reads > reads + 10);
        CHECK_OK(walpool_close(db, 30000, &err));
        atomic_store(&over, true);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
    }
}

CHECK_MAIN()
