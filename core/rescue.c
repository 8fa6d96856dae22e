/* Rescue: save the commits of a WAL that has lost its name.
 *
 * When the -wal or the -shm is removed, SQLite still has both open, and all
 * that was committed is in there, until the last connection closes. So it is
 * copied into the database file, by an ordinary checkpoint. What could go
 * wrong is another process that has opened the database since, made sidecars
 * of its own, and copies from those: each would write old pages over new ones.
 * Two facts exclude it:
 *
 *   Nobody is there. SQLite's PENDING lock on the database file keeps
 *   newcomers out, and behind it nobody else has the lock that each open
 *   connection has. Another process that shares our sidecars since before is
 *   no danger, but cannot be told from one that is.
 *
 *   Nobody was there. We have had the file open all the time, so no other
 *   process was the last one to close it, and only that one removes its
 *   sidecars: they would be in the place of ours.
 *
 * The other way round, a WAL whose database was replaced or removed must not
 * stay where it is: SQLite would apply it to the next file there, page by page.
 * It is kept, under another name.
 *
 * Does: lock, look, copy, unlock; give a WAL another name.
 * Must not: wait, or decide that the database may be written again.
 * Lock: SQLite's, PENDING or EXCLUSIVE, on the database file meanwhile. */
#include "rescue.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "posixlock.h"

/* sqlite.org/fileformat2.html 1.3.9 */
#define FILE_PENDING 0x40000000
#define FILE_SHARED 0x40000002
#define FILE_SHARED_BYTES 510
#define SHM_OPEN 128

#define MANY_ASIDE 100

static sqlite3_file *
file_of(struct walpool__conn *conn)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_FILE_POINTER,
                                  &file);

    return rc == SQLITE_OK && file && file->pMethods ? file : NULL;
}

/* EXCLUSIVE is not to be had beside other connections of this process, but on
 * the way SQLite takes PENDING, and keeps it. */
static bool
is_alone(struct walpool__watch *watch, sqlite3_file *file)
{
    int fd, rc;

    rc = file->pMethods->xLock(file, SQLITE_LOCK_RESERVED);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xLock(file, SQLITE_LOCK_EXCLUSIVE);
    if (rc == SQLITE_OK)
        return true;
    return (rc & 0xff) == SQLITE_BUSY &&
           walpool__posixlock_descriptors(
               &watch->ids[WALPOOL__WATCH_DATABASE], &fd, 1) == 1 &&
           walpool__posixlock_holder(fd, FILE_PENDING, 1) == getpid() &&
           walpool__posixlock_other(fd, FILE_SHARED, FILE_SHARED_BYTES,
                                    false) == WALPOOL__POSIXLOCK_NOBODY;
}

static enum walpool__rescue_end
copy(struct walpool__conn *writer)
{
    int log = -1, checkpointed = -1;
    int rc = sqlite3_wal_checkpoint_v2(writer->db, "main",
                                       SQLITE_CHECKPOINT_PASSIVE, &log,
                                       &checkpointed);

    if (rc != SQLITE_OK)
        return (rc & 0xff) == SQLITE_BUSY ? WALPOOL__RESCUE_LATER
                                          : WALPOOL__RESCUE_NEVER;
    return log >= 0 && log == checkpointed ? WALPOOL__RESCUE_DONE
                                           : WALPOOL__RESCUE_LATER;
}

/* sqlite.org/walformat.html 2.3.1: each process has a lock there. */
static bool
has_other_users(struct walpool__watch *watch)
{
    int fd;

    return walpool__posixlock_descriptors(&watch->ids[WALPOOL__WATCH_SHM], &fd,
                                          1) == 1 &&
           walpool__posixlock_other(fd, SHM_OPEN, 1, false) !=
               WALPOOL__POSIXLOCK_NOBODY;
}

void
walpool__rescue_set_aside(struct walpool__watch *watch)
{
    char wal[WALPOOL__PATH_BYTES + 8], aside[WALPOOL__PATH_BYTES + 32];

    if (!walpool__watch_is_replaced(watch) || has_other_users(watch))
        return;
    snprintf(wal, sizeof wal, "%s-wal", watch->path);
    for (int number = 1; number < MANY_ASIDE; number++) {
        int used = snprintf(aside, sizeof aside, "%s-of-replaced", wal);

        if (number > 1)
            snprintf(aside + used, sizeof aside - (size_t)used, "-%d", number);
        if (link(wal, aside) == 0) { /* never over a file that is there */
            unlink(wal);
            return;
        }
        if (errno != EEXIST)
            return;
    }
}

enum walpool__rescue_end
walpool__rescue_run(struct walpool__watch *watch, struct walpool__conn *writer)
{
    sqlite3_file *file = file_of(writer);
    enum walpool__rescue_end end = WALPOOL__RESCUE_LATER;

    if (!file)
        return WALPOOL__RESCUE_NEVER;
    walpool__conn_cool(writer);
    if (is_alone(watch, file))
        end = walpool__watch_may_rescue(watch) ? copy(writer)
                                               : WALPOOL__RESCUE_NEVER;
    file->pMethods->xUnlock(file, SQLITE_LOCK_SHARED);
    return end;
}
