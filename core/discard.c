/* Discard: the empty file of a database that could not be opened.
 *
 * The file was made before SQLite opened it. If that failed, an empty file that
 * nobody asked for would stay, and open as a database in mode=rw. But another
 * process may have opened it meanwhile. So it is removed only while nobody else
 * has a lock on it, and under the lock that SQLite takes to write; who waited
 * for that finds that the file has no name any more (db.c), or that it is
 * another one, and does not write to it.
 *
 * Does: remove a file that we made.
 * Must not: write to it; the disk may be full.
 * Lock: SQLite's, exclusive, until the file is closed again. */
#include "discard.h"

#include <sqlite3.h>
#include <unistd.h>

static bool
lock_alone(sqlite3 *db)
{
    sqlite3_file *file = NULL;

    return sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) ==
               SQLITE_OK &&
           file->pMethods->xLock(file, SQLITE_LOCK_SHARED) == SQLITE_OK &&
           file->pMethods->xLock(file, SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK;
}

void
walpool__discard_new(const struct walpool__place *place)
{
    struct walpool__file_id id;
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(place->path, &db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK && lock_alone(db) &&
        walpool__fsinfo_id_at(place->path, &id) &&
        walpool__fsinfo_is_same(&id, &place->id) &&
        walpool__fsinfo_size(place->path) == 0)
        unlink(place->path);
    sqlite3_close(db);
}
