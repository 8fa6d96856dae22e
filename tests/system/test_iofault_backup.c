/* Every call to the disk fails, one after the other, in a backup and in a
 * restore: the error is clear, a backup that failed leaves nothing, what is said
 * about the outcome is true of the files, nothing leaks, and writing goes on. */
#include "iofault.h"

#include "../core/leaks.h"
#include "plain.h"

#define ROWS 60

static struct iofault *now;
static walpool *db;
static char path[512], to[512], partial[600];

#define HOLDS(holds) IOFAULT_HOLDS(now, holds)

static int
exists(const char *name)
{
    struct stat facts;
    return lstat(name, &facts) == 0;
}

static int64_t
rows_in(const char *name, const char *table)
{
    char sql[120];
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(name, &plain), SQLITE_OK);
    CHECK_INT(plain_number(plain, "SELECT integrity_check = 'ok'"
                                  " FROM pragma_integrity_check"), 1);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_schema"
                              " WHERE name = '%s'", table);
    int64_t rows = -1;
    if (plain_number(plain, sql) == 1) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
        rows = plain_number(plain, sql);
    }
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    return rows;
}

static void
name_files(void)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(to, sizeof to, "%s", check_path("copy.db"));
    snprintf(partial, sizeof partial, "%s.walpool-partial", to);
}

static const char many_rows[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60)"
    " INSERT INTO t(v) SELECT zeroblob(3000) FROM n";

static void
open_with_rows(void)
{
    CHECK((db = walpool_open(path, NULL, &err)) != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(db, many_rows));
}

static void
expect_clear(walpool_status status)
{
    HOLDS(now->struck);
    HOLDS(err.status == (int32_t)status);
    HOLDS(strlen(err.message) > 20);
    if (now->kind == IOFAULT_FULL)
        HOLDS(status == WALPOOL_FULL && err.system_errno == ENOSPC);
    else
        HOLDS(status == WALPOOL_IO || status == WALPOOL_CANTOPEN ||
              status == WALPOOL_POISONED);
}

/* ---------------------------------------------------------------- backups */

static walpool_status
back_up(void)
{
    walpool_backup_progress progress = {.phase = WALPOOL_BACKUP_COPY};
    walpool_backup *backup = walpool_backup_start(db, to, 0, NULL, &err);
    walpool_status status = WALPOOL_OK;
    if (backup == NULL)
        return (walpool_status)err.status;
    while (status == WALPOOL_OK && progress.phase != WALPOOL_BACKUP_DONE)
        status = walpool_backup_step(backup, 20, NULL, &progress, &err);
    CHECK_INT(walpool_backup_finish(backup, NULL), WALPOOL_OK);
    return status;
}

static void
round_of_backup(void)
{
    int descriptors = plain_descriptors();
    long blocks = leaks_blocks();
    unlink(to);
    memset(&err, 0, sizeof err);
    iofault_arm(now);
    walpool_status status = back_up();
    iofault_disarm();
    HOLDS(!exists(partial));
    if (status != WALPOOL_OK)
        expect_clear(status);
    if (status == WALPOOL_OK || err.outcome == WALPOOL_UNKNOWN)
        CHECK_INT(rows_in(to, "t"), ROWS);
    else
        HOLDS(!exists(to));
    HOLDS(walpool_leases(db, NULL, 0, NULL) == 0);
    CHECK_INT(plain_descriptors(), descriptors);
    CHECK_INT(leaks_blocks(), blocks);
    CHECK_OK(api_write(db, "UPDATE t SET v = v WHERE id = 1"));
    alarm(CHECK_SECONDS);
}

TEST(iofault__in_a_backup)
{
    name_files();
    open_with_rows();
    CHECK_OK(back_up()); /* what stays allocated, is now */
    shim_watch(partial);
    for (int kind = IOFAULT_ERROR; kind <= IOFAULT_FULL; kind++)
        for (int lasts = 0; lasts < 2; lasts++)
            IOFAULT_EACH(fault, (enum iofault_kind)kind, lasts) {
                now = &fault;
                round_of_backup();
            }
    shim_watch(NULL);
    api_close(db);
}

/* The disk fails when the source is read: a backup is as good as nothing. */
TEST(iofault__in_reading_for_a_backup)
{
    name_files();
    open_with_rows();
    api_close(db);
    shim_watch(path);
    CHECK((db = walpool_open(path, NULL, &err)) != NULL);
    CHECK_OK(back_up());
    for (int lasts = 0; lasts < 2; lasts++)
        IOFAULT_EACH(fault, IOFAULT_ERROR, lasts) {
            now = &fault;
            round_of_backup();
        }
    api_close(db);
    shim_watch(NULL);
}

/* --------------------------------------------------------------- restores */

static void
make_source(void)
{
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(to, &plain), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
                           NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, many_rows, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
}

/* Old or new, and nothing else. */
static void
expect_state(walpool_status status, int32_t outcome)
{
    int64_t fresh = rows_in(path, "t"), old = rows_in(path, "other");
    if (status == WALPOOL_OK)
        HOLDS(fresh == ROWS && old == -1);
    else if (outcome == WALPOOL_NOT_APPLIED)
        HOLDS(fresh == -1 && old == 3);
    else
        HOLDS((fresh == ROWS && old == -1) || (fresh == -1 && old == 3));
}

static void
round_of_restore(void)
{
    plain_remove(path);
    CHECK((db = walpool_open(path, NULL, &err)) != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE other(v)"));
    CHECK_OK(api_write(db, "INSERT INTO other VALUES (1), (2), (3)"));
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_DURABLE;
    memset(&err, 0, sizeof err);
    iofault_arm(now);
    walpool_status status = walpool_restore(db, to, &call, &err);
    iofault_disarm();
    int32_t outcome = err.outcome;
    if (status != WALPOOL_OK)
        expect_clear(status);
    walpool_close(db, -1, NULL);
    expect_state(status, outcome);
    alarm(CHECK_SECONDS);
}

TEST(iofault__in_a_restore)
{
    name_files();
    make_source();
    shim_watch(path);
    for (int kind = IOFAULT_ERROR; kind <= IOFAULT_FULL; kind++)
        for (int lasts = 0; lasts < 2; lasts++)
            IOFAULT_EACH(fault, (enum iofault_kind)kind, lasts) {
                now = &fault;
                round_of_restore();
            }
    shim_watch(NULL);
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!iofault_install())
        return 2;
    return check_main(argc, argv);
}
