/* Checkpoint: one step of it, safe on every SQLite.
 *
 * SQLite 3.7.0 to 3.51.2 can lose commits when a checkpoint copies while a
 * writer starts the WAL anew (sqlite.org/wal.html, section 11). No step here
 * can meet that: one copies beside writers, and a snapshot on another
 * connection keeps them from starting the WAL anew, whatever other programs
 * copy meanwhile; one holds the write lock on another connection while it
 * copies; and one lets SQLite take the write lock and is interrupted where
 * SQLite would go on without it (conn.c, on_busy).
 *
 * Does: one step, without waiting for readers.
 * Must not: retry, wait, or know why a checkpoint is wanted.
 * Lock: none of ours; the caller has the writer, so no two of this process
 * run at once. */
#include "checkpoint.h"

#include "txn.h"

static void
fill(walpool_checkpoint_result *out, int log, int checkpointed)
{
    out->log_frames = log < 0 ? 0 : log;
    out->checkpointed_frames = checkpointed < 0 ? 0 : checkpointed;
    out->outcome = out->log_frames == out->checkpointed_frames
                       ? WALPOOL_CHECKPOINT_COMPLETE
                       : WALPOOL_CHECKPOINT_PARTIAL;
    out->busy = out->outcome != WALPOOL_CHECKPOINT_COMPLETE;
}

int
walpool__checkpoint_copy_beside(struct walpool__conn *worker,
                                walpool_checkpoint_result *out)
{
    int log = -1, checkpointed = -1;
    int rc = sqlite3_wal_checkpoint_v2(worker->db, "main",
                                       SQLITE_CHECKPOINT_PASSIVE, &log,
                                       &checkpointed);

    if (rc == SQLITE_OK) {
        fill(out, log, checkpointed);
        return rc;
    }
    if ((rc & 0xff) != SQLITE_BUSY)
        return rc;
    out->outcome = WALPOOL_CHECKPOINT_PARTIAL; /* another process copies */
    out->busy = 1;
    return SQLITE_OK;
}

/* A snapshot stands on a frame, unless all frames were copied when it began:
 * then on the database file, and keeps nobody from anything. Frames that are
 * not copied now, of a WAL that was not started anew since, were not copied
 * then, and it has seen them. */
static bool
stands(struct walpool__walindex *walindex,
       const struct walpool__wal_mark *before)
{
    struct walpool__wal_state state = {0};
    struct walpool__wal_mark now;

    return walpool__walindex_read(walindex, &state) &&
           state.checkpointed < before->frames &&
           walpool__walindex_mark(walindex, &now) &&
           now.salt[0] == before->salt[0] && now.salt[1] == before->salt[1];
}

int
walpool__checkpoint_copy_anchored(struct walpool__conn *worker,
                                  struct walpool__conn *anchor,
                                  struct walpool__walindex *walindex,
                                  bool *copied, walpool_checkpoint_result *out)
{
    struct walpool__wal_mark before;
    int rc;

    *copied = false;
    if (!walpool__walindex_mark(walindex, &before))
        return SQLITE_OK;
    rc = walpool__conn_own(anchor, WALPOOL__OWN_BEGIN_READ);
    if (rc == SQLITE_OK)
        rc = walpool__conn_own(anchor, WALPOOL__OWN_SNAPSHOT);
    *copied = rc == SQLITE_OK && stands(walindex, &before);
    if (*copied)
        rc = walpool__checkpoint_copy_beside(worker, out);
    walpool__txn_rollback(anchor);
    return (rc & 0xff) == SQLITE_BUSY ? SQLITE_OK : rc;
}

int
walpool__checkpoint_sync(struct walpool__conn *worker)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(worker->db, "main", SQLITE_FCNTL_FILE_POINTER,
                                  &file);

    return rc == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL)
                           : rc;
}

int
walpool__checkpoint_lock(struct walpool__conn *writer)
{
    return walpool__conn_own(writer, WALPOOL__OWN_BEGIN_WRITE);
}

void
walpool__checkpoint_unlock(struct walpool__conn *writer)
{
    walpool__txn_rollback(writer);
}

int
walpool__checkpoint_reset(struct walpool__conn *worker,
                          walpool_checkpoint_mode mode,
                          walpool_checkpoint_result *out)
{
    int log = -1, checkpointed = -1, rc;

    PRE(mode == WALPOOL_RESTART || mode == WALPOOL_TRUNCATE);
    worker->impatient = true;
    rc = sqlite3_wal_checkpoint_v2(worker->db, "main",
                                   mode == WALPOOL_RESTART
                                       ? SQLITE_CHECKPOINT_RESTART
                                       : SQLITE_CHECKPOINT_TRUNCATE,
                                   &log, &checkpointed);
    worker->impatient = false;
    if (rc == SQLITE_OK) {
        fill(out, log, checkpointed);
        return rc;
    }
    if ((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_INTERRUPT)
        return rc;
    out->outcome = WALPOOL_CHECKPOINT_NOT_RESET;
    out->busy = 1;
    return SQLITE_OK;
}
