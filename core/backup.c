/* Backup: one snapshot becomes a file, in steps.
 *
 *   phase   a step                                             next
 *   COPY    copies pages from the snapshot into the partial
 *           file; with the last of them the snapshot ends      CHECK or PLACE
 *   CHECK   has SQLite look for damage in the copy             PLACE
 *   PLACE   syncs the copy and gives it its name               DONE
 *
 * SQLite's own backup begins anew whenever another connection commits, so under
 * steady writes it never ends. Here its source is in a read transaction from
 * the first page to the last: all of them are of one snapshot, and no commit is
 * waited for, or kept waiting.
 *
 * The copy is written without a journal and without syncs: until it is complete
 * it counts for nothing. It inherits the header of the database, which says
 * WAL; that is changed, so that it opens where no sidecars can be made.
 *
 * Does: copy, check, hand over to target.c.
 * Must not: know handles, or who waits.
 * Lock: none; a backup belongs to whoever has its handle busy. */
#include "backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "sqlerr.h"
#include "txn.h"

/* sqlite.org/fileformat2.html, 1.3: two bytes, 1: rollback journal, 2: WAL */
#define VERSIONS_AT 18

static const char make_sql[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=OFF;"
                               "PRAGMA synchronous=OFF";

/* ---------------------------------------------------------------- common */

int
walpool__backup_ask(sqlite3 *db, const char *sql, int64_t *answer)
{
    sqlite3_stmt *native = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &native, NULL);

    if (rc == SQLITE_OK && sqlite3_step(native) == SQLITE_ROW)
        *answer = sqlite3_column_int64(native, 0);
    return rc == SQLITE_OK ? sqlite3_finalize(native) : rc;
}

static int
on_progress(void *call)
{
    return walpool__call_tick(call);
}

void
walpool__backup_watch(sqlite3 *db, struct walpool__call *call)
{
    sqlite3_progress_handler(db, call ? 1000 : 0, call ? on_progress : NULL,
                             call);
}

/* A page that the disk did not give, or for which there was no memory, is told
 * like one that is damaged. */
static int
code_in(const char *found)
{
    static const char mark[] = "error code=";
    const char *at = strstr(found, mark);

    return at ? atoi(at + sizeof mark - 1) : SQLITE_OK;
}

static walpool_status
damaged(const char *what, const char *found, walpool_error *err)
{
    static const char head[] = "*** in database main ***\n";
    int code = code_in(found), primary = code & 0xff;
    char line[200];

    if (primary == SQLITE_IOERR || primary == SQLITE_NOMEM)
        return walpool__sqlerr_set(err, NULL, code, "look for damage");
    if (strncmp(found, head, sizeof head - 1) == 0)
        found += sizeof head - 1;
    snprintf(line, sizeof line, "%s", found);
    for (char *c = line; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    return walpool__error_set(err, WALPOOL_CORRUPT, "%s is damaged: %s", what,
                              line);
}

walpool_status
walpool__backup_check(sqlite3 *db, bool full, const char *what,
                      struct walpool__call *call, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;
    sqlite3_stmt *native = NULL;
    int rc;

    call->phase = WALPOOL_PHASE_EXECUTE;
    errno = 0;
    rc = sqlite3_prepare_v2(db, full ? "PRAGMA integrity_check(1)"
                                     : "PRAGMA quick_check(1)",
                            -1, &native, NULL);
    if (rc == SQLITE_OK && sqlite3_step(native) == SQLITE_ROW) {
        const char *found = (const char *)sqlite3_column_text(native, 0);

        if (!found || strcmp(found, "ok") != 0)
            status = damaged(what, found ? found : "it cannot be told how",
                             err);
    } else {
        rc = sqlite3_errcode(db);
        if (call->stopped != WALPOOL_OK)
            status = walpool__call_stopped(call, "look for damage", "", err);
        else
            status = walpool__sqlerr_set(err, db, rc, "look for damage");
    }
    sqlite3_finalize(native);
    return status;
}

/* --------------------------------------------------------------- opening */

/* Report what kept `copy` from being written. */
static walpool_status
failed(struct walpool__backup *backup, int rc, walpool_error *err)
{
    walpool_status status = walpool__sqlerr_set(err, backup->copy, rc,
                                                "back up");

    walpool__error_prefix(err, "%.200s: ", backup->target.path);
    return status;
}

static int
measure(struct walpool__backup *backup)
{
    struct walpool__conn *source = backup->source;
    int64_t page_size = 0;
    int rc;

    source->guard.off = true;
    rc = walpool__backup_ask(source->db, "PRAGMA page_size", &page_size);
    if (rc == SQLITE_OK)
        rc = walpool__backup_ask(source->db, "PRAGMA page_count",
                                 &backup->progress.pages);
    source->guard.off = false;
    backup->progress.page_size = (int32_t)page_size;
    return rc;
}

/* Nobody can have put another file there: it was made by us, and is locked. */
static int
open_copy(struct walpool__backup *backup)
{
    int rc = sqlite3_open_v2(backup->target.partial, &backup->copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(backup->copy, make_sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    backup->job = sqlite3_backup_init(backup->copy, "main", backup->source->db,
                                      "main");
    return backup->job ? SQLITE_OK : sqlite3_errcode(backup->copy);
}

static walpool_status
open_all(struct walpool__backup *backup, const char *to, walpool_error *err)
{
    int rc = measure(backup);
    walpool_status status;

    if (rc != SQLITE_OK)
        return walpool__conn_error(backup->source, rc, "back up", err);
    status = walpool__target_open(
        &backup->target, to, backup->source->path,
        backup->flags & WALPOOL_BACKUP_REPLACE,
        backup->progress.pages * backup->progress.page_size, err);
    if (status != WALPOOL_OK)
        return status;
    errno = 0;
    rc = open_copy(backup);
    return rc == SQLITE_OK ? WALPOOL_OK : failed(backup, rc, err);
}

walpool_status
walpool__backup_open(struct walpool__backup *backup,
                     struct walpool__conn *source, const char *to,
                     int32_t flags, walpool_error *err)
{
    walpool_status status;

    backup->source = source;
    backup->flags = flags;
    backup->target.fd = -1;
    status = open_all(backup, to, err);
    if (status != WALPOOL_OK)
        walpool__backup_close(backup);
    return status;
}

/* ----------------------------------------------------------------- steps */

static void
end_copy(struct walpool__backup *backup)
{
    sqlite3_backup_finish(backup->job);
    backup->job = NULL;
    sqlite3_close(backup->copy);
    backup->copy = NULL;
    walpool__conn_close(backup->source);
    backup->source = NULL;
}

/* SQLite has closed the file. */
static walpool_status
leave_wal_mode(struct walpool__backup *backup, walpool_error *err)
{
    static const unsigned char rollback_journal[2] = {1, 1};
    ssize_t wrote;

    errno = 0;
    wrote = pwrite(backup->target.fd, rollback_journal,
                   sizeof rollback_journal, VERSIONS_AT);
    if (wrote == (ssize_t)sizeof rollback_journal)
        return WALPOOL_OK;
    walpool__error_set(err, WALPOOL_IO, "%.200s: cannot back up: its header "
                       "cannot be written", backup->target.path);
    if (err)
        err->system_errno = errno;
    return WALPOOL_IO;
}

static walpool_status
copy(struct walpool__backup *backup, int64_t pages, struct walpool__call *call,
     walpool_error *err)
{
    walpool_backup_progress *progress = &backup->progress;
    int rc = SQLITE_OK;

    errno = 0;
    for (int64_t left = pages; rc == SQLITE_OK && left != 0;) {
        int now = left < 0 || left > WALPOOL__PAGES_AT_ONCE
                      ? WALPOOL__PAGES_AT_ONCE
                      : (int)left;

        if (walpool__call_tick(call))
            return walpool__call_stopped(call, "back up", "", err);
        rc = sqlite3_backup_step(backup->job, now);
        left -= left < 0 ? 0 : now;
        progress->pages = sqlite3_backup_pagecount(backup->job);
        progress->copied = progress->pages -
                           sqlite3_backup_remaining(backup->job);
    }
    if (rc == SQLITE_OK)
        return WALPOOL_OK;
    if (rc != SQLITE_DONE)
        return failed(backup, rc, err);
    end_copy(backup);
    progress->phase = backup->flags & WALPOOL_BACKUP_NO_CHECK
                          ? WALPOOL_BACKUP_PLACE
                          : WALPOOL_BACKUP_CHECK;
    return leave_wal_mode(backup, err);
}

static walpool_status
check(struct walpool__backup *backup, struct walpool__call *call,
      walpool_error *err)
{
    walpool_status status;
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(backup->target.partial, &db,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);

    if (rc == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        walpool__backup_watch(db, call);
        status = walpool__backup_check(
            db, backup->flags & WALPOOL_BACKUP_FULL_CHECK,
            "the database, and so its copy,", call, err);
    } else {
        status = walpool__sqlerr_set(err, db, rc, "open the copy");
    }
    sqlite3_close(db);
    if (status == WALPOOL_OK)
        backup->progress.phase = WALPOOL_BACKUP_PLACE;
    return status;
}

static walpool_status
place(struct walpool__backup *backup, walpool_error *err)
{
    walpool_status status = walpool__target_place(&backup->target, err);

    if (status == WALPOOL_OK)
        backup->progress.phase = WALPOOL_BACKUP_DONE;
    return status;
}

walpool_status
walpool__backup_step(struct walpool__backup *backup, int64_t pages,
                     struct walpool__call *call, walpool_error *err)
{
    call->phase = WALPOOL_PHASE_EXECUTE;
    if (walpool__call_tick(call))
        return walpool__call_stopped(call, "back up", "", err);
    switch (backup->progress.phase) {
    case WALPOOL_BACKUP_COPY:
        return copy(backup, pages, call, err);
    case WALPOOL_BACKUP_CHECK:
        return check(backup, call, err);
    case WALPOOL_BACKUP_PLACE:
        return place(backup, err);
    default:
        return WALPOOL_OK;
    }
}

void
walpool__backup_close(struct walpool__backup *backup)
{
    end_copy(backup);
    walpool__target_discard(&backup->target);
}
