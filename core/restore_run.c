/* Restore run: a caller's restore, as a write of its own.
 *
 * Does: check the file while others write, then take the writer, write, give
 * back, wait for the disk.
 * Must not: keep the writer while the file is looked at.
 * Lock: none of its own. */
#include "db.h"
#include "error.h"
#include "mem.h"
#include "restore.h"

/* SQLite tells nobody of what its backup commits. */
static void
note_frames(struct walpool__db *db)
{
    struct walpool__wal_state state;

    db->writer.conn->wal_frames =
        walpool__walindex_read(&db->walindex, &state)
            ? (int)state.frames
            : db->options.checkpoint_frames;
}

/* With the writer in hand. */
static walpool_status
replace(struct walpool__db *db, struct walpool__restore *restore,
      struct walpool__call *call, walpool_error *err)
{
    struct walpool__aftermath aftermath;
    walpool_status status = walpool__writer_take(&db->writer, call, err);

    if (status != WALPOOL_OK)
        return status;
    status = walpool__restore_fits(restore, db->writer.conn, err);
    if (status == WALPOOL_OK)
        status = walpool__restore_apply(restore, db->writer.conn, err);
    if (status == WALPOOL_OK) {
        note_frames(db);
        walpool__stats_add(&db->stats.writes, 1);
    }
    aftermath = walpool__db_give_writer(db);
    return status == WALPOOL_OK ? walpool__db_settle(db, aftermath, call, err)
                                : status;
}

static walpool_status
run(struct walpool__db *db, const char *from, struct walpool__call *call,
    walpool_error *err)
{
    struct walpool__restore *restore;
    walpool_status status = walpool__db_may_write(db, call, err);

    if (status == WALPOOL_OK)
        status = walpool__writer_check(&db->writer, call, err);
    if (status != WALPOOL_OK)
        return status;
    restore = walpool__mem_alloc(sizeof *restore);
    if (!restore)
        return walpool__error_nomem(err, "a restore");
    walpool__call_leave(call);
    call->why = call->why ? call->why : "restore";
    status = walpool__restore_open(restore, from, db->path, call, err);
    if (status == WALPOOL_OK) {
        status = walpool__target_room(db->path,
                                      restore->pages * restore->page_size,
                                      "restore", err);
        if (status == WALPOOL_OK)
            status = replace(db, restore, call, err);
        walpool__restore_close(restore);
    }
    walpool__mem_free(restore);
    return status;
}

walpool_status
walpool_restore(walpool *handle, const char *from, const walpool_call *asked,
                walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__db *db = walpool__db_enter(handle, &call, asked, err,
                                               &status);

    if (!db)
        return status;
    status = run(db, from, &call, err);
    return walpool__db_exit(db, handle, &call, status);
}
