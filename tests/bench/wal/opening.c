/* Opening: how long it takes to open a database that exists.
 *
 * The files hold rows of zero bytes, which SQLite writes to pages like any
 * others. A file that is complete says so in its user_version; one that was
 * left unfinished is made anew. */
#include "opening.h"

#include <stdbool.h>
#include <stdio.h>

#include <sqlite3.h>

#include "sample.h"
#include "walpool.h"
#include "writer.h"

#define FIRST "SELECT length(data) FROM filler WHERE id = 1"

enum { COMPLETE = 3, ROW_BYTES = 1 << 20 };

static void
raw_must(bool good, sqlite3 *db)
{
    if (!good)
        die("making a file to open", sqlite3_errmsg(db));
}

static int
user_version(sqlite3 *db)
{
    sqlite3_stmt *query = NULL;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, NULL))
        return 0;
    int version =
        sqlite3_step(query) == SQLITE_ROW ? sqlite3_column_int(query, 0) : 0;
    sqlite3_finalize(query);
    return version;
}

static bool
is_complete(const char *path)
{
    sqlite3 *db = NULL;
    bool complete = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ==
                        SQLITE_OK &&
                    user_version(db) == COMPLETE;
    sqlite3_close(db);
    return complete;
}

static void
make(const char *path, long megabytes)
{
    char sql[600];
    sqlite3 *db = NULL;
    snprintf(sql, sizeof sql,
             "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
             "CREATE TABLE filler(id INTEGER PRIMARY KEY, data BLOB);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
             "WHERE i < %ld) INSERT INTO filler SELECT i, zeroblob(%d) FROM n;"
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
             "PRAGMA user_version=%d;",
             megabytes, ROW_BYTES, COMPLETE);
    writer_remove_file(path);
    raw_must(!sqlite3_open(path, &db), db);
    raw_must(!sqlite3_exec(db, sql, NULL, NULL, NULL), db);
    raw_must(!sqlite3_close(db), db);
}

const char *
opening_file(const char *folder, long megabytes)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/opening-%ld-mb.db", folder, megabytes);
    if (!is_complete(path))
        make(path, megabytes);
    return path;
}

void
opening_once(void *data)
{
    walpool_error err;
    walpool_rows rows;
    walpool_statement first = WALPOOL_STATEMENT_INIT(FIRST);
    walpool *db = walpool_open(data, NULL, &err);
    if (!db)
        die(walpool_status_name(err.status), err.message);
    walpool_rows_init(&rows);
    if (walpool_read(db, &first, NULL, &rows, &err) != WALPOOL_OK)
        die(walpool_status_name(err.status), err.message);
    if (walpool_rows_int64(&rows, 0, 0) != ROW_BYTES)
        die("the first row", "it is another one");
    walpool_rows_finish(&rows);
    if (walpool_close(db, -1, &err) != WALPOOL_OK)
        die(walpool_status_name(err.status), err.message);
}
