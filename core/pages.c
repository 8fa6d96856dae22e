/* Pages: how large a database is inside, and our own work on its file.
 *
 * Does: run pragmas and other statements of ours as a caller's: with deadline,
 * cancel and the check for lost locks. See that the disk has room.
 * Must not: begin or end transactions, or decide what is to be done.
 * Lock: none; the connection is its caller's. */
#include "pages.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "fsinfo.h"

/* The authorizer must let our text pass, and watch what it sets off when it
 * runs: so it is off for the prepare only. */
static int
prepare(struct walpool__conn *conn, const char *sql, int bytes,
        sqlite3_stmt **native)
{
    int rc;

    conn->guard.off = true;
    rc = sqlite3_prepare_v2(conn->db, sql, bytes, native, NULL);
    conn->guard.off = false;
    return rc;
}

int
walpool__pages_number(struct walpool__conn *conn, const char *sql,
                      int64_t *number)
{
    sqlite3_stmt *native = NULL;
    int rc = prepare(conn, sql, -1, &native);

    if (rc == SQLITE_OK && walpool__conn_step(conn, native) == SQLITE_ROW)
        *number = sqlite3_column_int64(native, 0);
    return rc == SQLITE_OK ? sqlite3_finalize(native) : rc;
}

static int
keep_text(sqlite3_stmt *native, walpool_rows *texts)
{
    const char *text = (const char *)sqlite3_column_text(native, 0);

    return text && walpool_rows_add_text(texts, text, strlen(text), NULL) ==
                       WALPOOL_OK
               ? SQLITE_OK
               : SQLITE_NOMEM;
}

int
walpool__pages_exec(struct walpool__conn *conn, const char *sql, int bytes,
                    walpool_rows *texts)
{
    sqlite3_stmt *native = NULL;
    int rc = prepare(conn, sql, bytes, &native), kept = SQLITE_OK;

    if (rc != SQLITE_OK)
        return rc;
    while (kept == SQLITE_OK &&
           walpool__conn_step(conn, native) == SQLITE_ROW)
        if (texts)
            kept = keep_text(native, texts);
    rc = sqlite3_finalize(native);
    return rc == SQLITE_OK ? kept : rc;
}

walpool_status
walpool__pages_read(struct walpool__conn *conn, struct walpool__pages *pages,
                    walpool_error *err)
{
    const struct {
        const char *sql;
        int64_t *number;
    } list[] = {{"PRAGMA main.page_size", &pages->bytes},
                {"PRAGMA main.page_count", &pages->count},
                {"PRAGMA main.freelist_count", &pages->unused},
                {"PRAGMA main.auto_vacuum", &pages->auto_vacuum}};

    for (size_t i = 0; i < ARRAY_COUNT(list); i++) {
        int rc = walpool__pages_number(conn, list[i].sql, list[i].number);

        if (rc != SQLITE_OK)
            return walpool__conn_error(conn, rc, "count the pages", err);
    }
    return WALPOOL_OK;
}

/* The folder where SQLite puts temporary files; "" if it is not told. */
static void
find_temporary(struct walpool__conn *conn, char *dst, size_t room)
{
    char *name = NULL, *slash;

    dst[0] = '\0';
    if (sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_TEMPFILENAME,
                             &name) == SQLITE_OK && name)
        sqlite3_snprintf((int)room, dst, "%s", name);
    sqlite3_free(name);
    slash = strrchr(dst, '/');
    if (slash)
        *slash = '\0';
}

/* Is it on another disk than the file? "" is not. */
static bool
is_apart(const char *folder, const char *file)
{
    struct walpool__file_id a, b;

    return folder[0] && walpool__fsinfo_id_at(folder, &a) &&
           walpool__fsinfo_id_at(file, &b) && a.device != b.device;
}

/* A disk that does not tell how much is free is as good as tried. */
static walpool_status
need(const char *path, const char *disk, int64_t bytes, const char *times,
     walpool_error *err)
{
    int64_t free_bytes = walpool__fsinfo_free(disk);

    if (free_bytes < 0 || free_bytes >= bytes)
        return WALPOOL_OK;
    walpool__error_set(err, WALPOOL_FULL,
                       "cannot vacuum %.160s: it needs %lld bytes on the disk "
                       "of %.160s, %s, and %lld are free: make room",
                       path, (long long)bytes, disk, times,
                       (long long)free_bytes);
    if (err)
        err->system_errno = ENOSPC;
    return WALPOOL_FULL;
}

walpool_status
walpool__pages_need_room(struct walpool__conn *conn,
                         const struct walpool__pages *pages,
                         walpool_error *err)
{
    int64_t once = (pages->count - pages->unused) * pages->bytes;
    static const char same[] = "as much as it holds";
    char folder[WALPOOL__PATH_BYTES];
    walpool_status status;

    find_temporary(conn, folder, sizeof folder);
    if (!is_apart(folder, conn->path))
        return need(conn->path, conn->path, 2 * once,
                    "twice what it holds", err);
    status = need(conn->path, folder, once, same, err);
    return status == WALPOOL_OK
               ? need(conn->path, conn->path, once, same, err)
               : status;
}
