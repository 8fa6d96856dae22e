/* warm, pool, sweeper: a reader's snapshot that stays open between two uses is
 * the newest there is, or it is not used. */
#include <fcntl.h>
#include <pthread.h>

#include "inside.h"
#include "mem.h"
#include "pool.h"

#define MS 1000000
#define KEEP_NS (5 * MS)

/* ----------------------------------------------------------- one connection */

static struct inside inside;
static struct walpool__walindex walindex;
static struct walpool__warm warm;
static sqlite3 *raw; /* another program */

static void
set_up(void)
{
    raw = raw_open(check_path("a.db"));
    raw_exec(raw, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                  "CREATE TABLE t(n); INSERT INTO t VALUES(1)");
    inside_open(&inside, "a.db", WALPOOL__CONN_READER);
    walpool__walindex_init(&walindex);
    walpool__walindex_attach(&walindex, inside.conn);
    memset(&warm, 0, sizeof warm);
    inside_stop_clock();
}

static void
tear_down(void)
{
    walpool__clock_replace(NULL);
    walpool__walindex_detach(&walindex);
    walpool__walindex_finish(&walindex);
    inside_close(&inside);
    sqlite3_close(raw);
}

static void
use(void)
{
    walpool__warm_use(&warm, inside.conn, &walindex, KEEP_NS,
                      walpool__clock_now());
}

static bool
stays(void)
{
    bool reads = sqlite3_txn_state(inside.conn->db, "main") == SQLITE_TXN_READ;
    CHECK_INT(reads, walpool__warm_stays(inside.conn));
    return reads;
}

static int64_t
count(void)
{
    return raw_number(inside.conn->db, "SELECT count(*) FROM t");
}

static void
warm_up(void)
{
    for (int i = 0; i < 100 && !stays(); i++)
        use();
    CHECK(stays());
}

TEST(warm__snapshot_stays_where_uses_follow_each_other)
{
    set_up();
    use();
    CHECK(!stays());
    inside_pass_us(4999);
    use();
    CHECK(stays());
    int64_t since = inside.conn->warm_ns;
    use();
    CHECK_INT(inside.conn->warm_ns, since);
    CHECK_INT(count(), 1);
    tear_down();
}

TEST(warm__snapshot_does_not_stay_where_they_are_rare)
{
    set_up();
    for (int i = 0; i < 10; i++) {
        use();
        CHECK(!stays());
        inside_pass_us(5000);
    }
    tear_down();
}

TEST(warm__shows_every_commit_of_others)
{
    set_up();
    for (int i = 1; i < 50; i++) {
        warm_up();
        use();
        CHECK_INT(count(), i);
        raw_exec(raw, "INSERT INTO t VALUES(1)");
        use();
        CHECK_INT(count(), i + 1);
    }
    tear_down();
}

TEST(warm__is_renewed_however_often_it_is_used)
{
    set_up();
    warm_up();
    int64_t since = inside.conn->warm_ns;
    for (int i = 0; i < 50; i++) {
        inside_pass_us(100);
        use();
        CHECK(stays());
        CHECK(walpool__clock_now() - inside.conn->warm_ns < KEEP_NS);
    }
    CHECK(inside.conn->warm_ns > since);
    tear_down();
}

/* Then to take one costs more than it saves. */
TEST(warm__is_not_tried_where_commits_are_faster)
{
    int tried = 0;
    set_up();
    for (int i = 0; i < 200; i++) {
        use();
        tried += stays();
        CHECK_INT(count(), i + 1);
        raw_exec(raw, "INSERT INTO t VALUES(1)");
    }
    CHECK(tried > 0);
    CHECK(tried < 20);
    for (int i = 0; i < 70; i++) /* and they have stopped */
        use();
    CHECK(stays());
    tear_down();
}

TEST(warm__ends_when_none_may_stay)
{
    set_up();
    warm_up();
    walpool__warm_use(&warm, inside.conn, &walindex, 0, walpool__clock_now());
    CHECK(!stays());
    CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    tear_down();
}

TEST(warm__ends_with_a_failure)
{
    set_up();
    warm_up();
    int64_t since = inside.conn->warm_ns;
    CHECK_STATUS(walpool__conn_error(inside.conn, SQLITE_IOERR_READ, "read",
                                     &err), WALPOOL_IO);
    inside_pass_us(1);
    use();
    CHECK(inside.conn->warm_ns != since);
    tear_down();
}

/* Without a commit at the end of each statement. */
TEST(warm__is_a_transaction_that_who_begins_takes_over)
{
    set_up();
    warm_up();
    CHECK(walpool__conn_in_transaction(inside.conn));
    raw_exec(raw, "INSERT INTO t VALUES(2)");
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_READ),
              SQLITE_OK);
    CHECK(!walpool__warm_stays(inside.conn));
    walpool__warm_end(&warm, inside.conn);
    CHECK(walpool__conn_in_transaction(inside.conn));
    CHECK_INT(count(), 1);
    walpool__conn_rollback(inside.conn);
    CHECK_INT(count(), 2);
    warm_up();
    CHECK_INT(count(), 2);
    tear_down();
}

TEST(warm__is_no_transaction_to_a_text)
{
    static const walpool_statement defer = {
        .sql = "PRAGMA defer_foreign_keys=ON"};
    struct walpool__stmt *stmt = NULL;
    set_up();
    warm_up();
    CHECK_STATUS(walpool__conn_prepare(inside.conn, &defer, &stmt, &err),
                 WALPOOL_REFUSED);
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_READ),
              SQLITE_OK);
    CHECK_OK(walpool__conn_prepare(inside.conn, &defer, &stmt, &err));
    walpool__stmt_give(&inside.conn->cache, stmt);
    walpool__conn_rollback(inside.conn);
    tear_down();
}

/* As it does where memory or a disk fails. */
TEST(warm__ends_where_sqlite_ends_the_transaction)
{
    set_up();
    for (int i = 0; i < 2; i++) {
        warm_up();
        walpool__conn_rollback(inside.conn);
        if (i == 0)
            walpool__warm_end(&warm, inside.conn);
        CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_READ),
                  SQLITE_OK);
        CHECK(!walpool__warm_stays(inside.conn));
        CHECK(walpool__conn_in_transaction(inside.conn));
        walpool__conn_rollback(inside.conn);
    }
    tear_down();
}

/* Where the wal-index has a format that we do not know. */
TEST(warm__is_off_without_a_header)
{
    uint32_t strange[64] = {4000000};
    set_up();
    walindex.header = strange;
    for (int i = 0; i < 10; i++) {
        use();
        CHECK(!stays());
    }
    tear_down();
}

/* A writer is just publishing a commit. */
TEST(warm__serves_one_use_if_the_header_moved_meanwhile)
{
    set_up();
    warm_up();
    memset(&warm.began, 0, sizeof warm.began); /* as it is left then */
    int64_t since = inside.conn->warm_ns;
    inside_pass_us(1);
    use();
    CHECK(inside.conn->warm_ns != since);
    tear_down();
}

/* -------------------------------------------------------------------- pools */

static struct walpool__pool pool;
static struct walpool__stats stats;
static walpool_options options;

static void
begin(int readers)
{
    set_up();
    walpool__clock_replace(NULL);
    walpool_options_init(&options);
    options.readers = readers;
    options.snapshot_keep_ms = 1000;
    memset(&stats, 0, sizeof stats);
    CHECK(walpool__pool_init(&pool, inside.path, &options, &stats, &walindex));
}

static void
end(void)
{
    walpool__pool_close_all(&pool);
    CHECK_INT(walpool__pool_warm_count(&pool), 0);
    walpool__pool_finish(&pool);
    tear_down();
}

static struct walpool__reader *
take(struct walpool__call *call)
{
    struct walpool__reader *reader = NULL;
    walpool__call_begin_own(call, 20000);
    CHECK_OK(walpool__pool_take(&pool, call, &reader, &err));
    return reader;
}

static void
take_and_give(void)
{
    struct walpool__call call;
    walpool__pool_give(&pool, take(&call));
}

TEST(pool__has_the_snapshot_of_an_idle_reader_end)
{
    begin(2);
    pool.keep_ns = 20 * MS;
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    CHECK_EVENTUALLY(walpool__pool_warm_count(&pool) == 0);
    CHECK_EVENTUALLY(atomic_load(&pool.sweeper.until_ns) ==
                     WALPOOL__NEVER); /* wakes no more */
    CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    CHECK_EVENTUALLY(walpool__pool_warm_count(&pool) == 0);
    end();
}

TEST(pool__ends_snapshots_when_asked_also_of_readers_in_use)
{
    struct walpool__call one, two;
    begin(2);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    struct walpool__reader *first = take(&one), *second = take(&two);
    walpool__pool_give(&pool, second);
    second = take(&two);
    CHECK_INT(walpool__pool_warm_count(&pool), 2);
    walpool__pool_give(&pool, second);
    walpool__pool_cool(&pool, true);
    CHECK_INT(walpool__pool_warm_count(&pool), 1); /* the one in use */
    walpool__pool_give(&pool, first);
    CHECK_INT(walpool__pool_warm_count(&pool), 0);
    take_and_give();
    CHECK_INT(walpool__pool_warm_count(&pool), 0);
    CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    walpool__pool_cool(&pool, false);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    end();
}

static void *
take_any(void *wanted)
{
    struct walpool__call call;
    struct walpool__reader *reader = take(&call);
    CHECK(reader == wanted);
    walpool__pool_give(&pool, reader);
    return NULL;
}

TEST(pool__lends_the_one_used_last_also_when_its_snapshot_was_ended)
{
    struct walpool__call one, two;
    pthread_t thread;
    begin(2);
    struct walpool__reader *first = take(&one), *second = take(&two);
    walpool__pool_give(&pool, first);
    walpool__pool_give(&pool, second);
    CHECK_EVENTUALLY((take_and_give(), atomic_load(&second->stays)));
    walpool__pool_cool(&pool, true);
    walpool__pool_cool(&pool, false);
    CHECK_INT(pthread_create(&thread, NULL, take_any, second), 0);
    pthread_join(thread, NULL);
    end();
}

TEST(pool__keeps_no_snapshot_where_no_thread_is_to_be_had)
{
    begin(1);
    take_and_give();
    walpool__mem_fail_after(0);
    take_and_give();
    CHECK(walpool__mem_fail_after(-1) > 0);
    CHECK_INT(walpool__pool_warm_count(&pool), 0);
    CHECK(!pool.sweeper.running);
    CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    CHECK(pool.sweeper.running);
    end();
}

/* What SQLite takes for the time of a checkpoint. */
static void
hold_checkpoint_lock(int out, int in)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = 121, .l_len = 1};
    char shm[520], word = 'x';
    snprintf(shm, sizeof shm, "%s-shm", inside.path);
    int fd = open(shm, O_RDWR | O_CLOEXEC);
    bool held = fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0;
    held = held && write(out, &word, 1) == 1 && read(in, &word, 1) >= 0;
    _exit(held ? 0 : 1);
}

/* It may wait for a moment without readers. */
TEST(pool__keeps_no_snapshot_while_another_program_checkpoints)
{
    struct walpool__survey survey;
    int from[2], to[2], status;
    char word;
    begin(2);
    walpool__survey_init(&survey, inside.path, &walindex);
    walpool__survey_attach(&survey);
    pool.survey = &survey;
    pool.keep_ns = 20 * MS;
    CHECK_INT(pipe(from) | pipe(to), 0);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        hold_checkpoint_lock(from[1], to[0]);
    CHECK_INT(read(from[0], &word, 1), 1);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 0 &&
                                       atomic_load(&pool.cold) != 0));
    for (int i = 0; i < 100; i++) {
        take_and_give();
        CHECK_INT(walpool__pool_warm_count(&pool), 0);
    }
    CHECK_INT(write(to[1], &word, 1), 1);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_EVENTUALLY((take_and_give(), walpool__pool_warm_count(&pool) == 1));
    for (int i = 0; i < 2; i++)
        close(from[i]), close(to[i]);
    end();
    walpool__survey_detach(&survey);
    walpool__survey_finish(&survey);
}

/* ------------------------------------------------------------- the database */

static walpool *db;
static walpool_rows rows;

static int64_t
read_number(const char *sql)
{
    walpool_statement statement = {.sql = sql};
    CHECK_OK(walpool_read(db, &statement, NULL, &rows, &err));
    return walpool_rows_int64(&rows, 0, 0);
}

static void
open_database(void)
{
    db = api_open("b.db", "snapshot_keep=1000");
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
    walpool_rows_init(&rows);
}

static void
close_database(void)
{
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(snapshot__never_hides_a_change_of_schema_or_of_the_whole_file)
{
    static const char *const changes[] = {
        "ALTER TABLE t ADD COLUMN more DEFAULT 5",
        "UPDATE t SET more = 6",
        "CREATE INDEX i ON t(more)",
        "VACUUM",
        "PRAGMA user_version = 9",
        "DROP INDEX i",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "DELETE FROM t",
        "DROP TABLE t",
    };
    static const char *const question =
        "SELECT (SELECT count(*) FROM sqlite_schema) * 100 + user_version "
        "FROM pragma_user_version";
    open_database();
    raw = raw_open(check_path("b.db"));
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        for (int n = 0; n < 20; n++)
            CHECK_INT(read_number(question), raw_number(raw, question));
        sqlite3_busy_timeout(raw, 20000);
        raw_exec(raw, changes[i]);
        CHECK_INT(read_number(question), raw_number(raw, question));
    }
    sqlite3_close(raw);
    close_database();
}

TEST(snapshot__is_no_obstacle_to_statements_that_do_more_than_read)
{
    open_database();
    for (int i = 0; i < 10; i++) {
        CHECK_INT(read_number("SELECT count(*) FROM t"), 1);
        CHECK(read_number("PRAGMA data_version") > 0);
        CHECK(read_number("PRAGMA page_count") > 0);
        CHECK(read_number("PRAGMA foreign_keys") == 1);
    }
    close_database();
}

TEST(snapshot__of_leases_and_cursors_is_theirs)
{
    walpool_statement many = {.sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION "
                                     "ALL SELECT n + 1 FROM c LIMIT 200000) "
                                     "SELECT n, (SELECT count(*) FROM t), "
                                     "printf('%50d', n) FROM c"};
    open_database();
    for (int i = 0; i < 10; i++)
        read_number("SELECT count(*) FROM t");
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, NULL, &err);
    CHECK(lease != NULL);
    CHECK_OK(walpool_read(db, &many, NULL, &rows, &err));
    uint64_t cursor = ((walpool_rows_header *)rows.data)->cursor;
    CHECK(cursor != 0);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(2)"));
    walpool_statement ask = {.sql = "SELECT count(*) FROM t"};
    walpool_rows more;
    walpool_rows_init(&more);
    CHECK_OK(walpool_run(lease, &ask, NULL, &more, &err));
    CHECK_INT(walpool_rows_int64(&more, 0, 0), 1);
    CHECK_INT(read_number("SELECT count(*) FROM t"), 2);
    CHECK_OK(walpool_cursor_next((walpool_cursor *)(uintptr_t)cursor, NULL,
                                 &more, &err));
    CHECK_INT(walpool_rows_int64(&more, 0, 1), 1);
    CHECK_OK(walpool_cursor_close((walpool_cursor *)(uintptr_t)cursor, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(read_number("SELECT count(*) FROM t"), 2);
    walpool_rows_finish(&more);
    close_database();
}

static atomic_bool over;

static void *
read_on(void *unused)
{
    walpool_statement ask = {.sql = "SELECT count(*) FROM t"};
    walpool_rows mine;
    (void)unused;
    walpool_rows_init(&mine);
    while (!atomic_load(&over))
        CHECK_OK(walpool_read(db, &ask, NULL, &mine, NULL));
    walpool_rows_finish(&mine);
    return NULL;
}

/* Nothing is committed, so nothing but their age ends these snapshots. */
TEST(snapshot__lets_every_checkpoint_through_ours_and_others)
{
    pthread_t threads[4];
    open_database();
    raw = raw_open(check_path("b.db"));
    sqlite3_busy_timeout(raw, 20000);
    atomic_store(&over, false);
    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_on, NULL), 0);
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++) {
        walpool_checkpoint_result result;
        walpool_call call = {.timeout_ms = 20000};
        CHECK_OK(api_write(db, "INSERT INTO t VALUES(3)"));
        CHECK_OK(walpool_checkpoint(db, mode, &call, &result, &err));
        if (mode != WALPOOL_PASSIVE)
            CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
        CHECK_OK(api_write(db, "INSERT INTO t VALUES(4)"));
        CHECK_INT(raw_number(raw, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    sqlite3_close(raw);
    close_database();
}

TEST(snapshot__is_told_by_health)
{
    open_database();
    CHECK_INT(api_health(db).snapshots_warm, 0);
    CHECK_EVENTUALLY((read_number("SELECT count(*) FROM t"),
                      api_health(db).snapshots_warm == 1));
    api_close(db);
    db = api_open("b.db", "snapshot_keep=0");
    for (int i = 0; i < 10; i++)
        read_number("SELECT count(*) FROM t");
    CHECK_INT(api_health(db).snapshots_warm, -1);
    api_close(db);
    db = api_open("b.db", "allow_attach=1");
    CHECK_INT(api_health(db).snapshots_warm, -1);
    close_database();
}

CHECK_MAIN()
