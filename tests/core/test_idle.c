/* pool: readers that nobody uses are closed, those whose connection is in doubt
 * are replaced, and whoever needs one has it opened again. */
#include <pthread.h>

#include "db.h"
#include "inside.h"
#include "pool.h"
#include "txn.h"

#define SECOND 1000000 /* us */

static struct walpool__pool pool;
static struct walpool__poison poison;
static struct walpool__stats stats;
static walpool_options options;
static char path[512];

static void
begin(int readers)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    sqlite3 *raw = raw_open(path);
    raw_exec(raw, "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(n)");
    sqlite3_close(raw);
    inside_stop_clock();
    walpool_options_init(&options);
    options.readers = readers;
    memset(&stats, 0, sizeof stats);
    memset(&poison, 0, sizeof poison);
    CHECK(walpool__pool_init(&pool, path, &options, &stats, NULL));
    pool.poison = &poison;
}

static void
end(void)
{
    walpool__pool_close_all(&pool);
    CHECK_INT(walpool__pool_open_count(&pool), 0);
    walpool__pool_finish(&pool);
    walpool__clock_replace(NULL);
}

static struct walpool__reader *
take(struct walpool__call *call)
{
    struct walpool__reader *reader = NULL;
    walpool__call_begin_own(call, 10000);
    CHECK_OK(walpool__pool_take(&pool, call, &reader, &err));
    CHECK_INT(raw_number(reader->conn->db, "SELECT count(*) FROM t"), 0);
    return reader;
}

static void
give(struct walpool__reader *reader)
{
    struct walpool__call call;
    walpool__call_begin_own(&call, 0);
    reader->conn->call = &call; /* as a release does */
    walpool__pool_give(&pool, reader);
}

/* The first is used last. */
static void
open_readers(int count, struct walpool__reader **readers)
{
    struct walpool__call call;
    for (int i = 0; i < count; i++)
        readers[i] = take(&call);
    for (int i = count - 1; i >= 0; i--)
        give(readers[i]);
    CHECK_INT(walpool__pool_open_count(&pool), count);
}

static bool
sleeps_on(void)
{
    return atomic_load(&pool.sweeper.until_ns) > walpool__clock_now();
}

/* Time passes, and the sweeper, which sleeps in the real one, has a look. */
static void
pass(int64_t us)
{
    inside_pass_us(us);
    CHECK(walpool__sweeper_rouse(&pool.sweeper, walpool__clock_now()));
    CHECK_EVENTUALLY(sleeps_on());
}

static bool
wakes_no_more(void)
{
    return atomic_load(&pool.sweeper.until_ns) == WALPOOL__NEVER;
}

/* ------------------------------------------------------------- idle readers */

TEST(idle__closes_all_readers_but_the_one_used_last)
{
    struct walpool__reader *readers[4];
    struct walpool__call call;
    begin(4);
    open_readers(4, readers);
    pass(59 * SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 4);
    struct walpool__reader *used = take(&call);
    give(used);
    pass(SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    CHECK_EVENTUALLY(wakes_no_more());
    pass(1000000 * (int64_t)SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    CHECK(take(&call) == used);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    give(used);
    end();
}

TEST(idle__closes_none_that_somebody_has)
{
    struct walpool__call calls[2];
    begin(3);
    struct walpool__reader *kept = take(&calls[0]), *other = take(&calls[1]);
    pass(3600 * (int64_t)SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 2);
    give(other);
    pass(59 * SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 2); /* not since it was taken */
    pass(SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    CHECK_INT(raw_number(kept->conn->db, "SELECT count(*) FROM t"), 0);
    give(kept);
    end();
}

static void *
use_both(void *unused)
{
    struct walpool__reader *readers[2];
    (void)unused;
    open_readers(2, readers);
    return NULL;
}

static void *
use_another(void *one)
{
    struct walpool__call call;
    struct walpool__reader *reader = take(&call);
    CHECK(reader != one);
    give(reader);
    return NULL;
}

TEST(idle__lends_one_that_is_open_rather_than_the_one_the_thread_had_last)
{
    struct walpool__call call;
    begin(2);
    struct walpool__reader *last = take(&call);
    give(last);
    api_elsewhere(use_both, NULL);
    pass(30 * SECOND);
    api_elsewhere(use_another, last);
    pass(59 * SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    struct walpool__reader *open = take(&call);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    CHECK(open != last);
    give(open);
    end();
}

TEST(idle__opens_what_was_closed_when_it_is_needed_and_closes_it_again)
{
    struct walpool__reader *readers[3];
    begin(3);
    for (int i = 0; i < 5; i++) {
        open_readers(3, readers);
        pass(60 * SECOND);
        CHECK_INT(walpool__pool_open_count(&pool), 1);
    }
    end();
}

/* Another one could not be opened, and reads go on. */
TEST(idle__closes_none_where_the_database_is_poisoned)
{
    struct walpool__reader *readers[3];
    struct walpool__call call;
    begin(3);
    open_readers(3, readers);
    walpool__poison_set(&poison, WALPOOL__POISON_MOVED, 0);
    pass(100 * SECOND);
    CHECK_INT(walpool__pool_open_count(&pool), 3);
    CHECK_EVENTUALLY(wakes_no_more());
    struct walpool__reader *reader = take(&call);
    CHECK_STATUS(walpool__conn_error(reader->conn, SQLITE_IOERR_READ, "read",
                                     &err), WALPOOL_IO);
    give(reader);
    CHECK_INT(walpool__pool_open_count(&pool), 3);
    end();
}

/* ------------------------------------------------- connections in doubt */

/* Fails with it, and is given back. How many are open then? */
static int
open_after(int code)
{
    struct walpool__call call;
    memset(&poison, 0, sizeof poison);
    struct walpool__reader *reader = take(&call);
    walpool__conn_error(reader->conn, code, "read", &err);
    walpool__pool_give(&pool, reader);
    return walpool__pool_open_count(&pool);
}

TEST(doubt__has_a_reader_opened_anew)
{
    static const int codes[] = {
        SQLITE_IOERR, SQLITE_IOERR_READ, SQLITE_IOERR_SHMLOCK,
        SQLITE_IOERR_UNLOCK, SQLITE_MISUSE, SQLITE_INTERNAL};
    struct walpool__call call;
    begin(2);
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        CHECK_INT(open_after(codes[i]), 0);
    struct walpool__reader *reader = take(&call);
    CHECK(!reader->conn->doubtful);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    give(reader);
    end();
}

TEST(doubt__is_none_after_other_failures)
{
    static const int codes[] = {
        SQLITE_ERROR, SQLITE_BUSY, SQLITE_NOMEM, SQLITE_IOERR_NOMEM,
        SQLITE_INTERRUPT, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_PROTOCOL,
        SQLITE_SCHEMA, SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_CORRUPT_VTAB,
        SQLITE_READONLY, SQLITE_AUTH};
    begin(2);
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        CHECK_INT(open_after(codes[i]), 1);
    end();
}

/* The file is damaged, not the connection, and the database is poisoned; an
 * attached one may be no database, and the file is whole. */
TEST(doubt__replaces_no_reader_of_a_damaged_file)
{
    begin(2);
    CHECK_INT(open_after(SQLITE_CORRUPT), 1);
    CHECK(walpool__poison_has(&poison, WALPOOL__POISON_CORRUPT));
    CHECK_INT(open_after(SQLITE_NOTADB), 1);
    CHECK(walpool__poison_has(&poison, WALPOOL__POISON_CORRUPT));
    end();
    options.allow_attach = true;
    memset(&poison, 0, sizeof poison);
    CHECK(walpool__pool_init(&pool, path, &options, &stats, NULL));
    pool.poison = &poison;
    CHECK_INT(open_after(SQLITE_NOTADB), 0);
    end();
}

static int
allow(void *arg, int code, const char *a, const char *b, const char *c,
      const char *d)
{
    (void)arg, (void)code, (void)a, (void)b, (void)c, (void)d;
    return SQLITE_OK;
}

/* It is prepared, and SQLite has to prepare it anew, and may not. */
TEST(doubt__has_a_snapshot_end_that_cannot_be_rolled_back)
{
    struct walpool__call call;
    begin(1);
    sqlite3 *raw = raw_open(path);
    struct walpool__reader *reader = take(&call);
    CHECK_OK(walpool__txn_begin_read(reader->conn, &err));
    sqlite3_limit(reader->conn->db, SQLITE_LIMIT_SQL_LENGTH, 1);
    sqlite3_set_authorizer(reader->conn->db, allow, NULL);
    raw_exec(raw, "INSERT INTO t VALUES(1); DELETE FROM t");
    walpool__txn_rollback(reader->conn);
    CHECK(walpool__conn_in_transaction(reader->conn));
    CHECK(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)") != 0);
    walpool__pool_give(&pool, reader);
    CHECK_INT(walpool__pool_open_count(&pool), 0);
    CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    reader = take(&call);
    CHECK(!walpool__conn_in_transaction(reader->conn));
    walpool__pool_give(&pool, reader);
    sqlite3_close(raw);
    end();
}

/* ------------------------------------------------------------- the database */

static walpool *db;

static struct walpool__db *
behind(void)
{
    walpool_status status;
    struct walpool__db *found =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, db, &err, &status);
    CHECK_INT(status, WALPOOL_OK);
    walpool__handle_unpin(db); /* the handle keeps it open */
    return found;
}

/* With a reader that is idle as soon as it is home. */
static void
open_database(void)
{
    db = api_open("b.db", "readers=3&snapshot_keep=1");
    behind()->pool.idle_ns = 1;
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t AS SELECT 7 AS n"));
}

static void
have_two_open(void)
{
    walpool_lease *leases[2];
    for (int i = 0; i < 2; i++)
        leases[i] = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_health(db).readers_leased, 2);
    CHECK(api_health(db).readers_open >= 2);
    for (int i = 0; i < 2; i++)
        CHECK_OK(walpool_release(leases[i], &err));
}

TEST(idle__is_told_by_health)
{
    open_database();
    have_two_open();
    CHECK_EVENTUALLY(api_health(db).readers_open == 1);
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_INT(api_health(db).readers_limit, 3);
    CHECK_INT(api_number(db, "SELECT n FROM t"), 7);
    api_close(db);
}

static void *
read_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        walpool_lease *lease = api_acquire(db, WALPOOL_READ);
        CHECK_INT(api_number(db, "SELECT n FROM t"), 7);
        CHECK_INT(api_lease_number(lease, "SELECT n FROM t"), 7);
        CHECK_OK(walpool_release(lease, &err));
    }
    return NULL;
}

static void
read_by(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_often, NULL), 0);
}

TEST(idle__disturbs_no_reader_and_no_close_that_comes_meanwhile)
{
    pthread_t threads[2];
    for (int round = 0; round < 8; round++) {
        open_database();
        read_by(threads, 2);
        for (int i = 0; i < 2; i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        have_two_open();
        api_close(db);
    }
}

static void
be_refused(void)
{
    walpool_statement statement = {.sql = "SELECT n FROM t"};
    CHECK_STATUS(walpool_read(db, &statement, NULL, NULL, &err),
                 WALPOOL_FORKED);
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, NULL, &err), WALPOOL_FORKED);
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_FORKED);
}

TEST(idle__leaves_a_child_that_is_forked_meanwhile_alone)
{
    pthread_t threads[2];
    open_database();
    read_by(threads, 2);
    for (int i = 0; i < 10; i++)
        api_forked(be_refused);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_EVENTUALLY(api_health(db).readers_open == 1);
    api_close(db);
}

CHECK_MAIN()
