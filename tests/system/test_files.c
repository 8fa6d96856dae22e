/* Files: a database, or a file beside it, is moved, replaced, removed or cut
 * while it is open: what plain SQLite loses by it, and that walpool notices,
 * refuses to go on, and saves what was committed. */
#include <sqlite3.h>

#include "child.h"
#include "plain.h"

static const walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};

/* Which files beside the database are removed. */
enum { WAL = 1, SHM = 2 };

static const char *
name_of(const char *suffix)
{
    static char names[4][600];
    static int next;
    char *name = names[next++ % 4];
    snprintf(name, sizeof names[0], "%s%s", check_path("a.db"), suffix);
    return name;
}

static void
remove_sidecars(int which)
{
    if (which & WAL)
        CHECK_INT(unlink(name_of("-wal")), 0);
    if (which & SHM)
        CHECK_INT(unlink(name_of("-shm")), 0);
}

static sqlite3 *
raw_open(void)
{
    sqlite3 *db = NULL;
    CHECK_INT(sqlite3_open(name_of(""), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static int
raw_exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The rows that are there when the next program opens the file, or -1. */
static int64_t
rows_left(void)
{
    sqlite3 *db = raw_open();
    sqlite3_stmt *query = NULL;
    int64_t rows = -1;
    CHECK_INT(plain_number(db, "SELECT integrity_check = 'ok'"
                               " FROM pragma_integrity_check"), 1);
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &query, NULL) ==
            SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW)
        rows = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    sqlite3_close(db);
    return rows;
}

static walpool *
open_with_rows(int rows)
{
    walpool *db = api_open("a.db", "checkpoint_frames=1000000");
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(v)"));
    for (int i = 0; i < rows; i++)
        CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), rows);
    return db;
}

static void
check_refused(walpool *db, const char *words)
{
    CHECK_EVENTUALLY(api_health(db).verdict == WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(api_health(db).reason, words);
    CHECK(api_health(db).moved_files > 0);
    CHECK_STATUS(walpool_write(db, &insert, NULL, NULL, &err),
                 WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, words);
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
               WALPOOL_POISONED);
    CHECK_STATUS(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err),
                 WALPOOL_POISONED);
}

/* Write until the loss is noticed, and return what was acknowledged. */
static int
write_until_refused(walpool *db)
{
    for (int rows = 0;; rows++) {
        walpool_status status = walpool_write(db, &insert, NULL, NULL, &err);
        if (status == WALPOOL_POISONED)
            return rows;
        CHECK_STATUS(status, WALPOOL_OK);
    }
}

/* -------------------------------------------------- a program of plain SQLite */

static void
plain_writer(int number)
{
    sqlite3 *db = raw_open();
    (void)number;
    CHECK_INT(raw_exec(db, "PRAGMA journal_mode=WAL;"
                           "PRAGMA wal_autocheckpoint=0;"
                           "CREATE TABLE t(v); INSERT INTO t VALUES (1)"),
              SQLITE_OK);
    child_tell(0);
    child_wait();
    child_tell(raw_exec(db, "INSERT INTO t VALUES (2)"));
    child_wait();
    sqlite3_close(db);
}

TEST(files__a_removed_WAL_takes_all_commits_of_plain_SQLite_with_it)
{
    struct child writer = child_start(plain_writer, 0);
    CHECK_INT(child_hear(&writer), 0);
    remove_sidecars(WAL);
    child_go_on(&writer);
    CHECK_INT(child_hear(&writer), SQLITE_OK); /* as if nothing had happened */
    child_kill(&writer);
    CHECK_INT(rows_left(), -1);
}

TEST(files__a_removed_shm_gives_plain_SQLite_two_histories)
{
    struct child writer = child_start(plain_writer, 0);
    CHECK_INT(child_hear(&writer), 0);
    remove_sidecars(SHM);
    sqlite3 *other = raw_open();
    CHECK_INT(raw_exec(other, "INSERT INTO t VALUES (3)"), SQLITE_OK);
    child_go_on(&writer);
    CHECK_INT(child_hear(&writer), SQLITE_OK);
    child_go_on(&writer);
    child_join(&writer);
    sqlite3_close(other);
    CHECK(rows_left() < 3); /* three were committed */
}

TEST(files__a_file_that_is_put_in_place_of_one_gets_its_old_WAL_from_SQLite)
{
    sqlite3 *db = NULL;
    plain_run(check_path("backup.db"),
              "CREATE TABLE t(v); INSERT INTO t VALUES (1), (2)");
    struct child writer = child_start(plain_writer, 0);
    CHECK_INT(child_hear(&writer), 0);
    CHECK_INT(rename(check_path("backup.db"), name_of("")), 0);
    child_kill(&writer);
    db = raw_open(); /* of the two rows in the backup one is left */
    CHECK_INT(plain_number(db, "SELECT count(*) FROM t"), 1);
    sqlite3_close(db);
}

/* It takes the -wal for a remnant of nothing. */
TEST(files__a_WAL_without_its_database_is_removed_by_plain_SQLite)
{
    struct child writer = child_start(plain_writer, 0);
    CHECK_INT(child_hear(&writer), 0);
    child_kill(&writer);
    CHECK_INT(rename(name_of(""), check_path("away.db")), 0);
    plain_run(name_of(""), "SELECT * FROM sqlite_schema");
    CHECK(access(name_of("-wal"), F_OK) != 0);
}

/* --------------------------------------------------------- a lost sidecar */

static void
walpool_writer(int which)
{
    walpool *db = open_with_rows(50);
    remove_sidecars(which);
    child_tell(write_until_refused(db));
    CHECK_EVENTUALLY(api_health(db).rescues == 1);
    check_refused(db, "are saved in the database file");
    CHECK_INT(api_health(db).moved_files, which == (WAL | SHM) ? 2 : 1);
    child_tell(api_number(db, "SELECT count(*) FROM t"));
    child_wait(); /* to be killed */
}

TEST(files__commits_of_a_removed_sidecar_are_saved_while_it_is_open)
{
    for (int which = WAL; which <= (WAL | SHM); which++) {
        struct child writer = child_start(walpool_writer, which);
        int64_t acknowledged = child_hear(&writer);
        CHECK(acknowledged >= 0);
        CHECK_INT(child_hear(&writer), 50 + acknowledged);
        child_kill(&writer);
        CHECK_INT(rows_left(), 50 + acknowledged);
        plain_remove(name_of(""));
    }
}

TEST(files__commits_of_a_removed_sidecar_are_saved_by_a_close)
{
    for (int which = WAL; which <= (WAL | SHM); which++) {
        walpool *db = open_with_rows(50);
        remove_sidecars(which);
        api_close(db);
        CHECK_INT(rows_left(), 50);
        plain_remove(name_of(""));
    }
}

/* A snapshot that is out keeps its frames from being copied. */
TEST(files__a_rescue_waits_for_readers_and_is_made_behind_them)
{
    walpool *db = open_with_rows(10);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 10);
    for (int i = 0; i < 10; i++)
        CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
    remove_sidecars(WAL);
    check_refused(db, "are not in the database file yet");
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 10);
    CHECK_INT(api_health(db).rescues, 0);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(api_health(db).rescues == 1);
    check_refused(db, "are saved in the database file");
    api_close(db);
    CHECK_INT(rows_left(), 20);
}

static void
hold_open(int number)
{
    sqlite3 *db = raw_open();
    (void)number;
    child_wait();
    child_tell(plain_number(db, "SELECT count(*) FROM t"));
    child_wait();
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

/* It has opened the same sidecars before; that it has cannot be seen. */
TEST(files__a_rescue_waits_for_another_process_to_close)
{
    struct child other = child_start(hold_open, 0);
    walpool *db = open_with_rows(10);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 10);
    remove_sidecars(WAL | SHM);
    check_refused(db, "are not in the database file yet");
    CHECK_INT(api_health(db).rescues, 0);
    child_go_on(&other);
    child_join(&other);
    CHECK_EVENTUALLY(api_health(db).rescues == 1);
    api_close(db);
    CHECK_INT(rows_left(), 10);
}

static void
write_to_new_sidecars(int number)
{
    child_wait();
    sqlite3 *db = raw_open();
    sqlite3_busy_timeout(db, 0);
    child_tell(raw_exec(db, "INSERT INTO t VALUES (2)"));
    child_wait();
    CHECK_INT(sqlite3_close(db), number);
}

/* The other process has a history of its own by then: to copy ours over it
 * would destroy both. */
TEST(files__nothing_is_copied_over_what_another_process_has_written_since)
{
    struct child other = child_start(write_to_new_sidecars, SQLITE_OK);
    walpool *db = open_with_rows(10);
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
    remove_sidecars(WAL | SHM);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), SQLITE_OK);
    check_refused(db, "are not in the database file yet");
    CHECK_INT(api_health(db).moved_files, 2);
    child_go_on(&other);
    child_join(&other);
    api_close(db);
    CHECK_INT(rows_left(), 11); /* the other's row, and not our eleventh */
}

TEST(files__no_connection_is_opened_beside_a_lost_WAL)
{
    walpool *db = open_with_rows(10);
    walpool_lease *first = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_lease_number(first, "SELECT count(*) FROM t"), 10);
    remove_sidecars(WAL);
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, NULL, &err),
               WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "cannot open one more connection: the -wal");
    CHECK_NULL(walpool_acquire(db, WALPOOL_PRIVATE, NULL, &err),
               WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "cannot open one more connection: the -wal");
    CHECK_NULL(walpool_backup_start(db, check_path("b.db"), 0, NULL, &err),
               WALPOOL_POISONED);
    CHECK(access(name_of("-wal"), F_OK) != 0);
    CHECK_OK(walpool_release(first, &err));
    CHECK_EVENTUALLY(api_health(db).rescues == 1);
    first = api_acquire(db, WALPOOL_READ); /* now they find all in the file */
    walpool_lease *second = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_lease_number(second, "SELECT count(*) FROM t"), 10);
    CHECK_OK(walpool_release(first, &err));
    CHECK_OK(walpool_release(second, &err));
    api_close(db);
    CHECK_INT(rows_left(), 10);
}

/* -------------------------------------------------------- a lost database */

TEST(files__a_database_that_is_moved_is_not_written_and_can_be_put_back)
{
    walpool *db = open_with_rows(10);
    CHECK_INT(rename(name_of(""), check_path("b.db")), 0);
    int rows = write_until_refused(db);
    check_refused(db, "was moved, replaced or removed");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 10 + rows);
    CHECK_INT(rename(check_path("b.db"), name_of("")), 0);
    CHECK_STATUS(walpool_write(db, &insert, NULL, NULL, &err),
                 WALPOOL_POISONED);
    api_close(db);
    CHECK_INT(rows_left(), 10 + rows);
}

/* Otherwise its first reader would read one file with the WAL of another. */
TEST(files__a_database_that_is_replaced_is_not_mixed_with_the_new_one)
{
    plain_run(check_path("backup.db"),
              "CREATE TABLE t(v); INSERT INTO t VALUES (1), (2)");
    walpool *db = open_with_rows(10);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(rename(check_path("backup.db"), name_of("")), 0);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 10);
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, NULL, &err),
               WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "cannot open one more connection");
    CHECK(walpool_acquire(db, WALPOOL_PRIVATE, NULL, &err) == NULL);
    check_refused(db, "was moved, replaced or removed");
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 10);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    CHECK(access(name_of("-wal"), F_OK) != 0);
    CHECK_INT(access(name_of("-wal-of-replaced"), F_OK), 0);
    CHECK_INT(rows_left(), 2);
}

TEST(files__a_database_that_is_removed_is_not_written)
{
    walpool *db = open_with_rows(10);
    CHECK_INT(unlink(name_of("")), 0);
    write_until_refused(db);
    check_refused(db, "was moved, replaced or removed");
    walpool *next = walpool_open(name_of(""), NULL, &err);
    CHECK(next == NULL); /* it would take the -wal away from the first */
    CHECK_CONTAINS(err.message, "the -wal of a database that was here");
    api_close(db);
    CHECK(access(name_of(""), F_OK) != 0);
    CHECK(access(name_of("-wal"), F_OK) != 0);
    CHECK_INT(access(name_of("-wal-of-replaced"), F_OK), 0);
    api_close(open_with_rows(1));
}

TEST(files__a_database_that_is_cut_is_not_written)
{
    walpool *db = open_with_rows(10);
    CHECK_OK(walpool_checkpoint(db, WALPOOL_RESTART, NULL, NULL, &err));
    CHECK_INT(api_health(db).moved_files, 0);
    CHECK_INT(truncate(name_of(""), 0), 0);
    write_until_refused(db);
    check_refused(db, "was cut to nothing");
    api_close(db);
    CHECK_INT(access(name_of("-wal"), F_OK), 0);
}

TEST(files__that_grow_and_shrink_as_SQLite_has_it_are_no_false_alarm)
{
    walpool *db = open_with_rows(0);
    for (int round = 0; round < 4; round++) {
        CHECK_OK(api_write(db, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL"
                               " SELECT i + 1 FROM n WHERE i < 50) INSERT"
                               " INTO t SELECT randomblob(9000) FROM n"));
        CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
        CHECK_OK(api_write(db, "DELETE FROM t"));
        CHECK_OK(api_write(db, "VACUUM"));
        CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    }
    CHECK_INT(api_health(db).moved_files, 0);
    api_close(db);
}

TEST(files__of_a_read_only_database_are_watched_too)
{
    api_close(open_with_rows(10));
    walpool *db = api_open("a.db", "mode=ro");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 10);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_INT(rename(name_of(""), check_path("b.db")), 0);
    CHECK_EVENTUALLY(api_health(db).verdict == WALPOOL_HEALTH_FAILING);
    CHECK_INT(api_health(db).moved_files, 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 10);
    api_close(db);
}

/* ------------------------------------------------------- what others have left */

static void
die_in_a_transaction(int number)
{
    sqlite3 *db = raw_open();
    CHECK_INT(raw_exec(db, "PRAGMA cache_size=1; CREATE TABLE t(v);"
                           "INSERT INTO t VALUES (1); BEGIN;"
                           "UPDATE t SET v = 2; WITH RECURSIVE n(i) AS (VALUES"
                           " (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
                           " INSERT INTO t SELECT randomblob(3000) FROM n"),
              SQLITE_OK);
    child_tell(number);
    child_wait(); /* to be killed */
}

TEST(files__a_journal_that_a_crash_has_left_is_rolled_back)
{
    struct child other = child_start(die_in_a_transaction, 0);
    CHECK_INT(child_hear(&other), 0);
    child_kill(&other);
    CHECK_INT(access(name_of("-journal"), F_OK), 0);
    walpool *db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    CHECK_INT(api_number(db, "SELECT v FROM t"), 1);
    CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
    api_close(db);
    CHECK(access(name_of("-journal"), F_OK) != 0);
    CHECK_INT(rows_left(), 2);
}

static void
make_junk(const char *name, size_t bytes)
{
    FILE *file = fopen(name, "w");
    CHECK(file != NULL);
    for (size_t i = 0; i < bytes; i++)
        fputc((int)(i * 37 + 11), file);
    fclose(file);
}

TEST(files__sidecars_that_make_no_sense_do_no_harm)
{
    static const size_t sizes[] = {1, 31, 32, 5000, 32768, 70000};
    api_close(open_with_rows(3));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make_junk(name_of("-wal"), sizes[i]);
        make_junk(name_of("-shm"), sizes[i]);
        walpool *db = api_open("a.db", "");
        CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 3 + (int64_t)i);
        CHECK_OK(walpool_write(db, &insert, NULL, NULL, &err));
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
        api_close(db);
        CHECK_INT(rows_left(), 4 + (int64_t)i);
    }
}

CHECK_MAIN()
