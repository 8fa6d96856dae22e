/* Restore: what is in another file takes the place of what is in a database.
 *
 * SQLite's backup writes the pages of the file as one transaction of the
 * database: readers keep their snapshots, other processes see a commit with
 * another schema, and a transaction that does not end was never there. Copying
 * the file itself would leave them with the old -wal on the new pages.
 *
 * SQLite checks no locks of ours in it, since no statement runs: so they are
 * looked at before the last page, with which it commits.
 *
 * Does: judge the file, write its pages.
 * Must not: decide who writes; change the file.
 * Lock: none; the caller has the writer. */
#include "restore.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "sqlerr.h"
#include "txn.h"

/* ---------------------------------------------------------------- the file */

static walpool_status
refuse(walpool_error *err, walpool_status status, int error, const char *path,
       const char *why)
{
    walpool__error_set(err, status, "cannot restore from %.256s: %s", path,
                       why);
    if (err)
        err->system_errno = error;
    return status;
}

static walpool_status
find_file(struct walpool__restore *restore, const char *from,
          const char *database, walpool_error *err)
{
    char real[PATH_MAX];
    struct stat facts, own;

    if (!from || !from[0])
        return walpool__error_set(err, WALPOOL_MISUSE, "the path of the file "
                                  "to restore from is %s",
                                  from ? "empty" : "NULL");
    if (!realpath(from, real) || stat(real, &facts) != 0)
        return refuse(err, WALPOOL_CANTOPEN, errno, from, strerror(errno));
    if (strlen(real) >= sizeof restore->path)
        return refuse(err, WALPOOL_CANTOPEN, ENAMETOOLONG, from,
                      strerror(ENAMETOOLONG));
    if (!S_ISREG(facts.st_mode))
        return refuse(err, WALPOOL_CANTOPEN,
                      S_ISDIR(facts.st_mode) ? EISDIR : 0, from,
                      "it is no regular file");
    if (stat(database, &own) == 0 && own.st_dev == facts.st_dev &&
        own.st_ino == facts.st_ino)
        return refuse(err, WALPOOL_MISUSE, 0, from,
                      "it is the database itself");
    if (facts.st_size == 0) /* which SQLite takes for a database */
        return refuse(err, WALPOOL_NOTADB, 0, from, "it is empty");
    strcpy(restore->path, real);
    return WALPOOL_OK;
}

static int
on_busy(void *arg, int times)
{
    struct walpool__call *call = arg;

    (void)times;
    call->phase = WALPOOL_PHASE_LOCK;
    if (walpool__call_must_stop(call))
        return 0;
    walpool__thread_nap_us(1000);
    return 1;
}

static walpool_status
failed(struct walpool__restore *restore, int rc, walpool_error *err)
{
    walpool_status status;

    if (restore->call->stopped != WALPOOL_OK)
        status = walpool__call_stopped(restore->call, "read it", "", err);
    else
        status = walpool__sqlerr_set(err, restore->source, rc, "read it");
    walpool__error_prefix(err, "cannot restore from %.200s: ", restore->path);
    return status;
}

static int
take_snapshot(struct walpool__restore *restore)
{
    sqlite3 *db = restore->source;
    int rc = sqlite3_exec(db, "PRAGMA cell_size_check=ON; BEGIN; "
                              "SELECT 1 FROM sqlite_schema LIMIT 1",
                          NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = walpool__backup_ask(db, "PRAGMA page_size", &restore->page_size);
    if (rc == SQLITE_OK)
        rc = walpool__backup_ask(db, "PRAGMA page_count", &restore->pages);
    if (rc == SQLITE_OK)
        rc = walpool__backup_ask(db, "SELECT encoding = 'UTF-8' "
                                     "FROM pragma_encoding", &restore->utf8);
    return rc;
}

static walpool_status
open_source(struct walpool__restore *restore, walpool_error *err)
{
    walpool_status status;
    int rc = sqlite3_open_v2(restore->path, &restore->source,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE,
                             NULL);

    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(restore->source, 1);
        sqlite3_db_config(restore->source, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(restore->source, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
                          NULL);
        sqlite3_busy_handler(restore->source, on_busy, restore->call);
        walpool__backup_watch(restore->source, restore->call);
        errno = 0;
        rc = take_snapshot(restore);
    }
    if (rc != SQLITE_OK)
        return failed(restore, rc, err);
    status = walpool__backup_check(restore->source, true, "it", restore->call,
                                   err);
    if (status != WALPOOL_OK)
        walpool__error_prefix(err, "cannot restore from %.200s: ",
                              restore->path);
    return status;
}

walpool_status
walpool__restore_open(struct walpool__restore *restore, const char *from,
                      const char *database, struct walpool__call *call,
                      walpool_error *err)
{
    walpool_status status;

    memset(restore, 0, sizeof *restore);
    restore->call = call;
    status = find_file(restore, from, database, err);
    if (status == WALPOOL_OK)
        status = open_source(restore, err);
    if (status != WALPOOL_OK)
        walpool__restore_close(restore);
    return status;
}

void
walpool__restore_close(struct walpool__restore *restore)
{
    sqlite3_close(restore->source);
    restore->source = NULL;
}

/* ------------------------------------------------------------ the database */

walpool_status
walpool__restore_fits(struct walpool__restore *restore,
                      struct walpool__conn *writer, walpool_error *err)
{
    int64_t page_size = 0, utf8 = 0;
    char why[192];
    int rc;

    writer->guard.off = true;
    rc = walpool__backup_ask(writer->db, "PRAGMA page_size", &page_size);
    if (rc == SQLITE_OK)
        rc = walpool__backup_ask(writer->db, "SELECT encoding = 'UTF-8' "
                                             "FROM pragma_encoding", &utf8);
    writer->guard.off = false;
    if (rc != SQLITE_OK)
        return walpool__conn_error(writer, rc, "restore", err);
    if (utf8 != restore->utf8)
        return refuse(err, WALPOOL_UNSUPPORTED, 0, restore->path,
                      "its text has another encoding than the database's, "
                      "which open connections cannot follow");
    if (page_size == restore->page_size)
        return WALPOOL_OK;
    snprintf(why, sizeof why, "its pages have %lld bytes and the database's "
             "%lld, which cannot change: run PRAGMA page_size=%lld; VACUUM on "
             "a copy of it, and restore from that",
             (long long)restore->page_size, (long long)page_size,
             (long long)page_size);
    return refuse(err, WALPOOL_UNSUPPORTED, 0, restore->path, why);
}

/* SQLITE_DONE: it is committed. SQLITE_OK: the call must stop. */
static int
write_pages(struct walpool__restore *restore, struct walpool__conn *writer,
            sqlite3_backup *job)
{
    int rc = sqlite3_backup_step(job, 0); /* begins, and tells how many */

    restore->call->phase = WALPOOL_PHASE_EXECUTE;
    while (rc == SQLITE_OK && !walpool__call_tick(restore->call)) {
        if (sqlite3_backup_remaining(job) <= WALPOOL__PAGES_AT_ONCE) {
            if (!walpool__conn_may_commit(writer))
                return SQLITE_CONSTRAINT_COMMITHOOK;
            writer->committing = true;
        }
        rc = sqlite3_backup_step(job, WALPOOL__PAGES_AT_ONCE);
    }
    return rc;
}

walpool_status
walpool__restore_apply(struct walpool__restore *restore,
                       struct walpool__conn *writer, walpool_error *err)
{
    walpool_status status;
    sqlite3_backup *job;
    int rc;

    PRE(!walpool__conn_in_transaction(writer));
    walpool__conn_cool(writer);
    writer->committing = false;
    errno = 0;
    job = sqlite3_backup_init(writer->db, "main", restore->source, "main");
    if (!job)
        return walpool__conn_error(writer, sqlite3_errcode(writer->db),
                                   "restore", err);
    rc = write_pages(restore, writer, job);
    sqlite3_backup_finish(job); /* undoes what is not committed */
    if (rc == SQLITE_DONE)
        return WALPOOL_OK;
    if (rc == SQLITE_OK)
        return walpool__call_stopped(restore->call, "restore", "", err);
    /* Damage in the file is none of the database's. */
    status = (rc & 0xff) == SQLITE_CORRUPT
                 ? walpool__sqlerr_set(err, writer->db, rc, "restore")
                 : walpool__conn_error(writer, rc, "restore", err);
    walpool__txn_set_outcome(writer, rc, err);
    return status;
}
