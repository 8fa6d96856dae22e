/* A database as plain SQLite finds it, and what a process has open: for tests
 * that compare what walpool said with what is there. */
#ifndef PLAIN_H
#define PLAIN_H

#include <fcntl.h>
#include <sqlite3.h>

#include "../core/check.h"

static inline void
plain_copy_bytes(int from, const char *name)
{
    static char bytes[65536];
    ssize_t got;
    int to = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t at = 0;
    CHECK(to >= 0);
    while ((got = pread(from, bytes, sizeof bytes, at)) > 0) {
        CHECK_INT(write(to, bytes, (size_t)got), got);
        at += got;
    }
    close(to);
}

/* Copy what a kill of this process would leave: no -shm, so SQLite recovers.
 * `file` is a descriptor of the database that stays open for as long as SQLite
 * has it open here: a close() would drop SQLite's locks. */
static inline void
plain_copy(const char *path, int file, const char *copy)
{
    char from[600], to[600];
    snprintf(from, sizeof from, "%s-wal", path);
    snprintf(to, sizeof to, "%s-wal", copy);
    plain_copy_bytes(file, copy);
    int wal = open(from, O_RDONLY | O_CLOEXEC);
    unlink(to);
    if (wal < 0)
        return;
    plain_copy_bytes(wal, to);
    close(wal);
}

static inline void
plain_run(const char *path, const char *sql)
{
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
}

static inline int64_t
plain_number(sqlite3 *plain, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    CHECK_INT(sqlite3_prepare_v2(plain, sql, -1, &stmt, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/* The rows of a database that nobody has open, by plain SQLite. */
static inline int64_t
plain_rows(const char *name)
{
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(name, &plain), SQLITE_OK);
    CHECK_INT(plain_number(plain, "SELECT integrity_check = 'ok'"
                                  " FROM pragma_integrity_check"), 1);
    int64_t rows = plain_number(plain, "SELECT count(*) - 1 FROM t");
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    return rows;
}

static inline int
plain_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

static inline void
plain_remove(const char *name)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal",
                                           "-turn"};
    char whole[600];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(whole, sizeof whole, "%s%s", name, suffixes[i]);
        unlink(whole);
    }
}

#endif
