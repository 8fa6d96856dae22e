/* Restores: what is in a file takes the place of what is in a live database, in
 * one commit or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>

#include "api.h"

static void
plain(const char *path, const char *sql)
{
    sqlite3 *db;
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

/* A file of another program's, with the table t of so many rows. */
static const char *
file_with_rows(const char *name, int rows, const char *before)
{
    char sql[400];
    const char *path = check_path(name);
    snprintf(sql, sizeof sql,
             "%s; CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
             " WHERE i < %d) INSERT INTO t(v) SELECT zeroblob(1000) FROM n;"
             "PRAGMA user_version=7; PRAGMA application_id=9",
             before, rows);
    plain(path, sql);
    return path;
}

static walpool *
open_with_other(void)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE other(v)"));
    CHECK_OK(api_write(db, "INSERT INTO other VALUES (1), (2), (3)"));
    return db;
}

static walpool_status
restore(walpool *db, const char *from)
{
    return walpool_restore(db, from, NULL, &err);
}

TEST(restore__replaces_all_of_a_live_database)
{
    walpool *db = open_with_other();
    const char *from = file_with_rows("from.db", 300, "SELECT 1");
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), 3);
    int64_t writes = api_health(db).writes;
    CHECK_OK(restore(db, from));
    CHECK_INT(api_health(db).writes, writes + 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 300);
    CHECK_INT(api_number(db, "SELECT count(*) FROM sqlite_schema"), 1);
    CHECK_INT(api_number(db, "SELECT user_version FROM pragma_user_version"),
              7);
    CHECK_INT(api_number(db, "SELECT application_id FROM "
                             "pragma_application_id"), 9);
    CHECK_OK(api_write(db, "INSERT INTO t(v) VALUES (1)"));
    CHECK_INT(api_number(db, "SELECT integrity_check = 'ok' FROM "
                             "pragma_integrity_check"), 1);
    api_close(db);
    db = api_open("a.db", ""); /* and it is on the disk */
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 301);
    api_close(db);
}

TEST(restore__takes_back_a_backup)
{
    walpool *db = open_with_other();
    walpool_backup_progress progress;
    walpool_backup *backup =
        walpool_backup_start(db, check_path("copy.db"), 0, NULL, &err);
    do
        CHECK_OK(walpool_backup_step(backup, -1, NULL, &progress, &err));
    while (progress.phase != WALPOOL_BACKUP_DONE);
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK_OK(api_write(db, "DROP TABLE other"));
    CHECK_OK(restore(db, check_path("copy.db")));
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), 3);
    api_close(db);
}

TEST(restore__makes_a_database_smaller)
{
    walpool *db = open_with_other();
    CHECK_OK(api_write(db, "INSERT INTO other VALUES (zeroblob(3000000))"));
    CHECK_OK(restore(db, file_with_rows("from.db", 3, "SELECT 1")));
    CHECK_INT(api_number(db, "SELECT page_count < 10 FROM pragma_page_count"),
              1);
    api_close(db);
    struct stat facts;
    CHECK_INT(stat(check_path("a.db"), &facts), 0);
    CHECK(facts.st_size < 40960);
}

TEST(restore__leaves_readers_their_snapshots)
{
    walpool *db = open_with_other();
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_lease_number(reader, "SELECT count(*) FROM other"), 3);
    CHECK_OK(restore(db, file_with_rows("from.db", 300, "SELECT 1")));
    CHECK_INT(api_lease_number(reader, "SELECT count(*) FROM other"), 3);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 300);
    CHECK_OK(walpool_release(reader, &err));
    api_close(db);
}

/* Statements that were prepared before see the new schema. */
TEST(restore__is_seen_by_prepared_statements)
{
    walpool *db = open_with_other();
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), 3);
    CHECK_OK(api_write(db, "INSERT INTO other VALUES (4)"));
    walpool_lease *private = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_INT(api_lease_number(private, "SELECT count(*) FROM other"), 4);
    const char *from = check_path("from.db");
    plain(from, "CREATE TABLE x(a); CREATE TABLE other(a, b, c);"
                "INSERT INTO other VALUES (1, 2, 3)");
    CHECK_OK(restore(db, from));
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), 1);
    CHECK_INT(api_lease_number(private, "SELECT count(*) FROM other"), 1);
    CHECK_STATUS(api_write(db, "INSERT INTO other VALUES (4)"), WALPOOL_SQL);
    CHECK_OK(walpool_release(private, &err));
    api_close(db);
}

TEST(restore__of_a_file_in_wal_mode_takes_what_is_in_its_wal)
{
    walpool *db = open_with_other();
    walpool *source = api_open("from.db", "");
    CHECK_OK(api_write(source, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(source, "INSERT INTO t VALUES (1), (2)"));
    CHECK_OK(restore(db, check_path("from.db")));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    CHECK_OK(api_write(source, "INSERT INTO t VALUES (3)"));
    CHECK_INT(api_number(source, "SELECT count(*) FROM t"), 3);
    api_close(source);
    api_close(db);
}

TEST(restore__does_not_change_the_file)
{
    walpool *db = open_with_other();
    const char *from = file_with_rows("from.db", 30, "SELECT 1");
    struct stat before, after;
    CHECK_INT(stat(from, &before), 0);
    CHECK_OK(restore(db, from));
    CHECK_INT(stat(from, &after), 0);
    CHECK_INT(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    CHECK_INT(before.st_size, after.st_size);
    api_close(db);
}

TEST(restore__can_be_durable)
{
    walpool *db = open_with_other();
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_DURABLE;
    int64_t syncs = api_health(db).syncs;
    CHECK_OK(walpool_restore(db, file_with_rows("from.db", 3, "SELECT 1"),
                             &call, &err));
    CHECK_INT(api_health(db).syncs, syncs + 1);
    api_close(db);
}

/* A large one has the checkpointer wake by itself. */
TEST(restore__is_checkpointed)
{
    walpool *db = api_open("a.db", "checkpoint_frames=10");
    CHECK_OK(restore(db, file_with_rows("from.db", 300, "SELECT 1")));
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    api_close(db);
}

/* ------------------------------------------------------------- what is refused */

#define REFUSED(db, from, status, words)                                     \
    do {                                                                     \
        CHECK_STATUS(restore((db), (from)), status);                         \
        CHECK_CONTAINS(err.message, words);                                  \
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);                         \
        CHECK_INT(api_number((db), "SELECT count(*) FROM other"), 3);        \
        CHECK_OK(api_write((db), "UPDATE other SET v = v"));                 \
    } while (0)

static void
write_bytes(const char *path, const char *bytes, size_t count, long at)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(pwrite(fd, bytes, count, at), count);
    close(fd);
}

TEST(restore__refuses_what_is_no_database)
{
    char junk[8192];
    walpool *db = open_with_other();
    memset(junk, 'x', sizeof junk);
    REFUSED(db, NULL, WALPOOL_MISUSE, "NULL");
    REFUSED(db, "", WALPOOL_MISUSE, "empty");
    REFUSED(db, check_path("none.db"), WALPOOL_CANTOPEN, "none.db");
    CHECK_INT(err.system_errno, ENOENT);
    REFUSED(db, check_folder(), WALPOOL_CANTOPEN, "no regular file");
    CHECK_INT(mkfifo(check_path("fifo"), 0600), 0);
    REFUSED(db, check_path("fifo"), WALPOOL_CANTOPEN, "no regular file");
    write_bytes(check_path("junk"), junk, sizeof junk, 0);
    REFUSED(db, check_path("junk"), WALPOOL_NOTADB, "junk");
    write_bytes(check_path("zero"), junk, 0, 0);
    REFUSED(db, check_path("zero"), WALPOOL_NOTADB, "it is empty");
    REFUSED(db, check_path("a.db"), WALPOOL_MISUSE,
            "it is the database itself");
    CHECK_INT(symlink("a.db", check_path("link")), 0);
    REFUSED(db, check_path("link"), WALPOOL_MISUSE,
            "it is the database itself");
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(restore__refuses_a_damaged_file)
{
    char junk[4096];
    walpool *db = open_with_other();
    const char *from = file_with_rows("from.db", 300, "SELECT 1");
    memset(junk, 'Z', sizeof junk);
    write_bytes(from, junk, sizeof junk, 20 * 4096);
    REFUSED(db, from, WALPOOL_CORRUPT, "damaged");
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(restore__refuses_what_open_connections_cannot_follow)
{
    walpool *db = open_with_other();
    REFUSED(db, file_with_rows("8k.db", 3, "PRAGMA page_size=8192"),
            WALPOOL_UNSUPPORTED, "PRAGMA page_size=4096; VACUUM");
    REFUSED(db, file_with_rows("16.db", 3, "PRAGMA encoding='UTF-16le'"),
            WALPOOL_UNSUPPORTED, "encoding");
    plain(check_path("8k.db"), "PRAGMA page_size=4096; VACUUM");
    CHECK_OK(restore(db, check_path("8k.db"))); /* as the message says */
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 3);
    api_close(db);
}

TEST(restore__needs_the_writer)
{
    walpool *db = open_with_other();
    const char *from = file_with_rows("from.db", 3, "SELECT 1");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(restore(db, from), WALPOOL_DEADLOCK);
    CHECK_OK(walpool_release(writer, &err));
    CHECK_OK(restore(db, from));
    api_close(db);
    db = api_open("a.db", "mode=ro");
    CHECK_STATUS(restore(db, from), WALPOOL_READONLY);
    api_close(db);
    CHECK_STATUS(restore(db, from), WALPOOL_CLOSED);
}

static void *
hold_writer(void *argument)
{
    walpool_lease *writer = api_acquire(argument, WALPOOL_WRITE);
    return writer;
}

TEST(restore__waits_for_the_writer_until_its_deadline)
{
    walpool *db = open_with_other();
    const char *from = file_with_rows("from.db", 3, "SELECT 1");
    pthread_t thread;
    void *writer;
    CHECK_INT(pthread_create(&thread, NULL, hold_writer, db), 0);
    CHECK_INT(pthread_join(thread, &writer), 0);
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 0;
    CHECK_STATUS(walpool_restore(db, from, &call, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

TEST(restore__that_is_cancelled_leaves_all_as_it_was)
{
    walpool *db = open_with_other();
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 1;
    call.spent_ms = 1000;
    const char *from = file_with_rows("from.db", 300, "SELECT 1");
    CHECK_STATUS(walpool_restore(db, from, &call, &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    call.timeout_ms = -1;
    call.token = walpool_token_open(&err);
    CHECK_OK(walpool_cancel(call.token, &err));
    CHECK_STATUS(walpool_restore(db, from, &call, &err), WALPOOL_CANCELLED);
    walpool_token_close(call.token);
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), 3);
    CHECK_OK(restore(db, from));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 300);
    api_close(db);
}

TEST(restore__leaves_keys_of_writes_that_are_in_the_file)
{
    walpool *db = open_with_other();
    walpool_statement insert = {.sql = "INSERT INTO other VALUES (9)"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.once_key = "k";
    call.once_bytes = 1;
    CHECK_OK(walpool_write(db, &insert, &call, NULL, &err));
    plain(check_path("from.db"), "CREATE TABLE other(v)");
    CHECK_OK(restore(db, check_path("from.db")));
    CHECK_OK(walpool_write(db, &insert, &call, NULL, &err)); /* anew */
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), 1);
    CHECK_INT(api_health(db).once_replays, 0);
    api_close(db);
}

CHECK_MAIN()
