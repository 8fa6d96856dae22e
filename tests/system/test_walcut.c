/* A -wal file that somebody cuts short while it is in use: plain SQLite writes
 * on, leaves a hole, and copies zeros into the database. Here nothing is copied
 * from such a WAL, and nothing more is written to it. */
#include <stdbool.h>

#include "child.h"
#include "plain.h"

#define FRAME (24 + 4096)
#define HEADER 32

static char path[512], wal[520];

/* Another process, such as one that rotates logs: tells the size that it found,
 * then cuts to the size that it is told, over and over. */
static int cut_bytes;

static void
cut(int number)
{
    struct stat facts;
    (void)number;
    child_wait();
    CHECK_INT(stat(wal, &facts), 0);
    off_t size = cut_bytes < 0 ? facts.st_size + cut_bytes : cut_bytes;
    CHECK(size < facts.st_size);
    CHECK_INT(truncate(wal, size), 0);
    child_tell(facts.st_size);
    child_wait();
}

static struct child
start_cutter(int bytes)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(wal, sizeof wal, "%s-wal", path);
    plain_remove(path);
    plain_run(path, "PRAGMA journal_mode = WAL; CREATE TABLE t(v)");
    cut_bytes = bytes;
    return child_start(cut, 0);
}

static void
have_it_cut(const struct child *cutter)
{
    child_go_on(cutter);
    CHECK(child_hear(cutter) > 20 * FRAME);
}

static void
end_cutter(struct child *cutter)
{
    child_go_on(cutter);
    child_join(cutter);
}

static const char add[] = "INSERT INTO t VALUES (zeroblob(3000))";
#define ROWS 40

static bool
is_whole(int64_t rows)
{
    sqlite3 *plain;
    sqlite3_stmt *check = NULL;
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    bool whole =
        sqlite3_prepare_v2(plain, "SELECT integrity_check = 'ok' AND"
                                  " (SELECT count(*) FROM t) = ?1"
                                  " FROM pragma_integrity_check", -1, &check,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_int64(check, 1, rows) == SQLITE_OK &&
        sqlite3_step(check) == SQLITE_ROW && sqlite3_column_int(check, 0) == 1;
    sqlite3_finalize(check);
    sqlite3_close(plain);
    return whole;
}

TEST(walcut__has_plain_SQLite_copy_a_hole_into_the_database)
{
    struct child cutter = start_cutter(HEADER + 10 * FRAME);
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    for (int i = 0; i < ROWS; i++)
        CHECK_INT(sqlite3_exec(plain, add, NULL, NULL, NULL), SQLITE_OK);
    have_it_cut(&cutter);
    CHECK_INT(sqlite3_exec(plain, add, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_wal_checkpoint_v2(plain, "main", SQLITE_CHECKPOINT_PASSIVE,
                                        NULL, NULL), SQLITE_OK);
    sqlite3_close(plain);
    CHECK(!is_whole(ROWS + 1));
    end_cutter(&cutter);
}

/* ------------------------------------------------------------ the database */

static walpool *
open_with_rows(void)
{
    walpool *db = api_open("a.db", "");
    for (int i = 0; i < ROWS; i++)
        CHECK_OK(api_write(db, add));
    return db;
}

/* Nothing is written, nothing is copied, and it is said why. */
static void
expect_refused(walpool *db)
{
    CHECK_STATUS(api_write(db, add), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "the -wal file was cut short");
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(api_health(db).reason, "the -wal file was cut short");
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++)
        CHECK_STATUS(walpool_checkpoint(db, (walpool_checkpoint_mode)mode, NULL,
                                        NULL, &err), WALPOOL_POISONED);
    CHECK_INT(api_health(db).wal_frames_checkpointed, 0);
}

/* Opened anew it has what was left: whole commits, in order. */
static void
expect_left(int64_t least, int64_t most)
{
    walpool *db = api_open("a.db", "");
    int64_t rows = api_number(db, "SELECT count(*) FROM t");
    CHECK(rows >= least && rows <= most);
    CHECK_OK(api_write(db, add));
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
    CHECK(is_whole(rows + 1));
}

/* It is looked at once in a millisecond. */
static void
wait_for_the_next_look(void)
{
    int64_t now = check_now_ms();
    CHECK_EVENTUALLY(check_now_ms() > now + 3);
}

static void
refuse_after(int bytes, int64_t least, int64_t most)
{
    struct child cutter = start_cutter(bytes);
    walpool *db = open_with_rows();
    have_it_cut(&cutter);
    wait_for_the_next_look();
    expect_refused(db);
    api_close(db);
    expect_left(least, most);
    end_cutter(&cutter);
}

TEST(walcut__in_the_middle_refuses_the_next_write)
{
    refuse_after(HEADER + 10 * FRAME, 1, 10);
}

TEST(walcut__of_everything_refuses_the_next_write)
{
    refuse_after(0, 0, 0);
}

TEST(walcut__of_one_byte_refuses_the_next_write)
{
    refuse_after(-1, ROWS - 1, ROWS - 1);
}

TEST(walcut__is_noticed_by_health)
{
    struct child cutter = start_cutter(0);
    walpool *db = open_with_rows();
    have_it_cut(&cutter);
    CHECK_EVENTUALLY(api_health(db).verdict == WALPOOL_HEALTH_FAILING);
    expect_refused(db);
    api_close(db);
    end_cutter(&cutter);
}

/* A commit came before anybody looked: the size is right again. */
TEST(walcut__that_a_commit_has_covered_up_is_found_before_a_checkpoint)
{
    struct child cutter = start_cutter(HEADER + 10 * FRAME);
    walpool *db = open_with_rows();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, add));
    have_it_cut(&cutter);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_STATUS(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err),
                 WALPOOL_POISONED);
    expect_refused(db);
    api_close(db);
    expect_left(1, 10);
    end_cutter(&cutter);
}

/* --------------------------------------------------------- no false alarms */

static atomic_bool ended;

static void *
look_all_the_time(void *arg)
{
    walpool *db = arg;
    while (!atomic_load(&ended)) {
        CHECK_INT(api_number(db, "SELECT 1"), 1);
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    }
    return NULL;
}

/* Of every size of page, and shortened by SQLite itself all the time. */
TEST(walcut__is_not_what_a_checkpoint_does)
{
    static const int sizes[] = {512, 4096, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char sql[80];
        pthread_t thread;
        snprintf(sql, sizeof sql, "PRAGMA page_size = %d; CREATE TABLE t(v)",
                 sizes[i]);
        plain_remove(check_path("a.db"));
        plain_run(check_path("a.db"), sql);
        walpool *db = api_open("a.db", "journal_size_limit=0");
        atomic_store(&ended, false);
        CHECK_INT(pthread_create(&thread, NULL, look_all_the_time, db), 0);
        for (int round = 0; round < 60; round++) {
            for (int n = 0; n < 5; n++)
                CHECK_OK(api_write(db, "INSERT INTO t VALUES(zeroblob(70000))"));
            CHECK_OK(walpool_checkpoint(db, round % 2 ? WALPOOL_TRUNCATE
                                                      : WALPOOL_RESTART,
                                        NULL, NULL, &err));
        }
        atomic_store(&ended, true);
        CHECK_INT(pthread_join(thread, NULL), 0);
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
        api_close(db);
    }
}

CHECK_MAIN()
