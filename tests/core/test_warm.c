/* Warm writers: writes that follow each other closely keep turn and snapshot,
 * and nobody notices. The clock stands still unless a test moves it, so that
 * they do follow each other closely. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "apply.h"
#include "handle.h"
#include "inside.h"
#include "mem.h"
#include "sidelock.h"
#include "writer.h"

#define INSERT "INSERT INTO t(n) VALUES(1)"

static struct walpool__writer writer;
static struct walpool__stats stats;
static struct inside inside;
static sqlite3 *raw; /* another program */
static int other;    /* another process that takes turns */

static void
set_up(void)
{
    memset(&stats, 0, sizeof stats);
    CHECK(walpool__writer_init(&writer, &stats));
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    inside.conn->stats = &stats;
    inside.conn->call = NULL;
    writer.conn = inside.conn;
    writer.turn = walpool__turn_open(inside.path, &stats, walpool__writer_idle,
                                     &writer);
    CHECK(writer.turn != NULL);
    other = walpool__sidelock_open(check_path("a.db-turn"), inside.path);
    CHECK(other >= 0);
    raw = raw_open(inside.path);
    raw_exec(raw, "CREATE TABLE t(id INTEGER PRIMARY KEY, n)");
    inside_stop_clock();
}

static void
tear_down(void)
{
    sqlite3_close(raw);
    CHECK(walpool__writer_drain(&writer, WALPOOL__NEVER));
    walpool__turn_close(writer.turn); /* the keeper reads the clock until here */
    walpool__clock_replace(NULL);
    walpool__writer_finish(&writer);
    walpool__sidelock_close(other);
    inside_close(&inside);
}

static walpool_status
apply(const walpool_statement *statements, size_t count, uint32_t flags)
{
    struct walpool__call call;
    struct walpool__write write = {.conn = writer.conn, .call = &call,
                                   .statements = statements, .count = count,
                                   .batch = count > 1, .err = &err};
    walpool__call_begin_own(&call, 20000);
    call.flags = flags;
    CHECK_OK(walpool__writer_take(&writer, &call, &err));
    walpool_status status = walpool__apply(&write);
    walpool__writer_give(&writer);
    return status;
}

static walpool_status
write_sql(const char *sql)
{
    return apply(&(walpool_statement){.sql = sql}, 1, 0);
}

static bool
is_warm(void)
{
    bool reads = sqlite3_txn_state(inside.conn->db, "main") == SQLITE_TXN_READ;
    CHECK_INT(reads, inside.conn->warm_ns != 0);
    return reads;
}

static bool
is_turn_free(void)
{
    if (walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN) != 0)
        return false;
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    return true;
}

static void
warm_up(void)
{
    for (int i = 0; i < 4 && !is_warm(); i++)
        CHECK_OK(write_sql(INSERT));
    CHECK(is_warm());
}

static int64_t
rows(void)
{
    return raw_number(raw, "SELECT count(*) FROM t");
}

TEST(warm__begins_when_writes_follow_each_other_closely)
{
    set_up();
    for (int i = 0; i < 3; i++) {
        CHECK_OK(write_sql(INSERT));
        CHECK(!is_warm());
        CHECK(is_turn_free());
    }
    CHECK_OK(write_sql(INSERT));
    CHECK(is_warm());
    CHECK(!is_turn_free());
    CHECK_INT(rows(), 4); /* and others see what it wrote */
    inside_pass_us(50);
    CHECK_OK(write_sql(INSERT));
    CHECK(!is_warm());
    CHECK(is_turn_free());
    tear_down();
}

TEST(warm__ends_where_another_process_is_in_line)
{
    set_up();
    warm_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    CHECK_OK(write_sql(INSERT));
    CHECK(is_warm()); /* the streak is not over */
    inside_pass_us(49);
    for (int i = 0; i < 21; i++) {
        CHECK_OK(write_sql(INSERT));
        inside_pass_us(49);
    }
    CHECK(!is_warm());
    CHECK(is_turn_free());
    tear_down();
}

/* A snapshot that stays keeps checkpoints back. */
TEST(warm__snapshot_is_taken_anew_at_times)
{
    set_up();
    warm_up();
    int64_t since = inside.conn->warm_ns;
    for (int i = 0; i < 40; i++) {
        CHECK_OK(write_sql(INSERT));
        inside_pass_us(49);
        CHECK(!is_warm() || walpool__clock_now() - inside.conn->warm_ns <
                                1000000 + 50000);
    }
    CHECK(inside.conn->warm_ns > since);
    CHECK_INT(rows(), 44);
    tear_down();
}

TEST(warm__writer_goes_on_where_another_program_wrote)
{
    set_up();
    for (int i = 0; i < 10; i++) {
        warm_up();
        raw_exec(raw, INSERT);
        int64_t before = rows();
        CHECK_OK(write_sql(INSERT));
        CHECK_INT(rows(), before + 1);
    }
    tear_down();
}

static void *
let_go_when_waited_for(void *unused)
{
    (void)unused;
    while (atomic_load(&stats.lock_waits) == 0)
        walpool__thread_nap_us(1000);
    raw_exec(raw, "COMMIT");
    return NULL;
}

TEST(warm__writer_waits_for_another_program)
{
    pthread_t thread;
    set_up();
    warm_up();
    int64_t before = rows();
    raw_exec(raw, "BEGIN IMMEDIATE; " INSERT);
    CHECK_INT(pthread_create(&thread, NULL, let_go_when_waited_for, NULL), 0);
    CHECK_OK(write_sql(INSERT));
    pthread_join(thread, NULL);
    CHECK_INT(rows(), before + 2);
    tear_down();
}

TEST(warm__is_no_obstacle_to_statements_that_do_more)
{
    static const char *const more[] = {
        "CREATE TABLE u(a UNIQUE, b)", "CREATE INDEX i ON t(n)",
        "INSERT INTO u VALUES(1, 2)",  "ALTER TABLE u ADD COLUMN c",
        "UPDATE u SET c = 3",          "ANALYZE",
        "REINDEX",                     "PRAGMA user_version = 7",
        "VACUUM",                      "DROP INDEX i",
        "DELETE FROM u",               "DROP TABLE u",
        "INSERT INTO t(n) VALUES(2) RETURNING id",
    };
    set_up();
    for (size_t i = 0; i < ARRAY_COUNT(more); i++) {
        warm_up();
        CHECK_OK(write_sql(more[i]));
    }
    CHECK_INT(raw_number(raw, "PRAGMA user_version"), 7);
    tear_down();
}

TEST(warm__is_no_obstacle_to_transactions_of_several_statements)
{
    static const walpool_statement batch[] = {
        {.sql = "CREATE TABLE u(a)"}, {.sql = INSERT}, {.sql = "DROP TABLE u"}};
    set_up();
    warm_up();
    int64_t before = rows();
    CHECK_OK(apply(batch, 3, 0));
    CHECK(!is_warm());
    CHECK_INT(rows(), before + 1);
    warm_up();
    before = rows();
    CHECK_OK(apply(&(walpool_statement){.sql = "CREATE TABLE v(a); " INSERT
                                               "; DROP TABLE v"},
                   1, WALPOOL_CALL_SCRIPT));
    CHECK(!is_warm());
    CHECK_INT(rows(), before + 1);
    tear_down();
}

TEST(warm__statement_that_fails_is_undone_whole)
{
    set_up();
    warm_up();
    int64_t before = rows();
    CHECK_STATUS(write_sql("INSERT INTO t SELECT 9 - value, 0 FROM "
                           "json_each('[1,2,3,4,5,6,7,8]')"),
                 WALPOOL_CONSTRAINT); /* ids from 8 down to 1 */
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(rows(), before);
    warm_up();
    before = rows();
    CHECK_STATUS(write_sql("UPDATE t SET id = 5"), WALPOOL_CONSTRAINT);
    CHECK_INT(rows(), before);
    CHECK_OK(write_sql(INSERT));
    CHECK_INT(rows(), before + 1);
    tear_down();
}

/* SQLite keeps such an error, and the write lock with it, for as long as any
 * statement stands on its row. */
TEST(warm__ends_where_the_disk_fails)
{
    struct rlimit normal, small;
    set_up();
    inside.conn->guard.off = true;
    CHECK_INT(sqlite3_exec(inside.conn->db, "PRAGMA cache_size=-64", NULL, NULL,
                           NULL), SQLITE_OK);
    inside.conn->guard.off = false;
    warm_up();
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &normal), 0);
    small = normal;
    small.rlim_cur = 1 << 20;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    walpool_status status =
        write_sql("INSERT INTO t(n) VALUES(zeroblob(4 * 1024 * 1024))");
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &normal), 0);
    CHECK_STATUS(status, WALPOOL_IO);
    CHECK(!is_warm());
    raw_exec(raw, INSERT);
    int64_t before = rows();
    CHECK_OK(write_sql(INSERT));
    CHECK_INT(rows(), before + 1);
    tear_down();
}

TEST(warm__ends_for_whoever_takes_the_slot_alone)
{
    struct walpool__call call;
    set_up();
    warm_up();
    walpool__call_begin_own(&call, 0);
    CHECK_OK(walpool__writer_take_slot(&writer, &call, &err));
    CHECK(!is_warm());
    CHECK(!is_turn_free());
    walpool__writer_give_slot(&writer);
    tear_down();
}

TEST(warm__ends_with_a_close)
{
    set_up();
    warm_up();
    CHECK(walpool__writer_drain(&writer, 0));
    CHECK(!is_warm());
    CHECK(is_turn_free());
    tear_down();
}

/* With the real clock: the next write does not come. */
TEST(warm__ends_by_itself)
{
    walpool *db = api_open("b.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, n)"));
    for (int i = 0; i < 100; i++)
        CHECK_OK(api_write(db, INSERT));
    other = walpool__sidelock_open(check_path("b.db-turn"), check_path("b.db"));
    CHECK_EVENTUALLY(is_turn_free());
    raw = raw_open(check_path("b.db"));
    CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    CHECK_INT(rows(), 100);
    sqlite3_close(raw);
    walpool__sidelock_close(other);
    api_close(db);
}

CHECK_MAIN()
