/* Manual checkpoint: the caller's own.
 *
 * Does: check, and run one through the checkpointer.
 * Must not: decide how: checkpointer.c does.
 * Lock: none of its own. */
#include "db.h"
#include "error.h"
#include "options.h"

walpool_status
walpool_checkpoint(walpool *handle, walpool_checkpoint_mode mode,
                   const walpool_call *asked, walpool_checkpoint_result *out,
                   walpool_error *err)
{
    walpool_checkpoint_result result;
    struct walpool__call call;
    walpool_status status;
    struct walpool__db *db;

    if ((int)mode < WALPOOL_PASSIVE || (int)mode > WALPOOL_TRUNCATE)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "mode is %d: use WALPOOL_PASSIVE (0) to "
                                  "WALPOOL_TRUNCATE (3)", (int)mode);
    db = walpool__db_enter(handle, &call, asked, err, &status);
    if (!db)
        return status;
    status = walpool__call_check_durability(&call, 0, "a checkpoint", err);
    if (db->options.checkpoint_owner == WALPOOL__OWNER_EXTERNAL)
        status = walpool__error_set(err, WALPOOL_REFUSED,
                                    "cannot checkpoint: the database was "
                                    "opened with checkpoint_owner=external, "
                                    "and that one does it");
    if (status == WALPOOL_OK)
        status = walpool__checkpointer_run(&db->checkpointer, mode, &call,
                                           &result, err);
    if (status == WALPOOL_OK && out)
        *out = result;
    return walpool__db_exit(db, handle, &call, status);
}
