/* What the tests of backups share: short ways to make one, and to look at what
 * came of it with plain SQLite. */
#ifndef BACKUP_CALLS_H
#define BACKUP_CALLS_H

#include <sqlite3.h>

#include "api.h"

static inline walpool_backup *
start(walpool *db, const char *to, int32_t flags)
{
    walpool_backup *backup = walpool_backup_start(db, to, flags, NULL, &err);
    CHECK_STATUS(backup != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return backup;
}

static inline walpool_backup_progress
step(walpool_backup *backup, int32_t pages)
{
    walpool_backup_progress progress;
    CHECK_OK(walpool_backup_step(backup, pages, NULL, &progress, &err));
    return progress;
}

/* From the start to the end, in steps of so many pages. */
static inline void
back_up(walpool *db, const char *to, int32_t flags, int32_t pages)
{
    walpool_backup *backup = start(db, to, flags);
    while (step(backup, pages).phase != WALPOOL_BACKUP_DONE)
        continue;
    CHECK_OK(walpool_backup_finish(backup, &err));
}

static inline int
exists(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0;
}

static inline const char *
beside(const char *path, const char *suffix)
{
    static char names[4][600];
    static unsigned turn;
    char *name = names[turn++ % 4];
    snprintf(name, sizeof names[0], "%s%s", path, suffix);
    return name;
}

/* Names in the case's folder. */
static inline int
files(void)
{
    DIR *folder = opendir(check_folder());
    int count = -2;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static inline int64_t
ask(const char *path, int flags, const char *sql)
{
    sqlite3 *plain;
    sqlite3_stmt *native;
    CHECK_INT(sqlite3_open_v2(path, &plain, flags, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(plain, sql, -1, &native, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(native), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(native, 0);
    sqlite3_finalize(native);
    sqlite3_close(plain);
    return number;
}

static inline int64_t
rows_in(const char *path)
{
    CHECK_INT(ask(path, SQLITE_OPEN_READONLY,
                  "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
              1);
    return ask(path, SQLITE_OPEN_READONLY, "SELECT count(*) FROM t");
}

static inline walpool *
open_with_rows(const char *name, int rows)
{
    char sql[200];
    walpool *db = api_open(name, "");
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
             " WHERE i < %d) INSERT INTO t(v) SELECT zeroblob(1000) FROM n",
             rows);
    CHECK_OK(api_write(db, sql));
    return db;
}

#endif
