/* Checkpoint: one step of it, safe on every SQLite. */
#ifndef WALPOOL_CHECKPOINT_H
#define WALPOOL_CHECKPOINT_H

#include "walindex.h"

/* Copy what readers let us, while others write. On an SQLite with the WAL-reset
 * bug the caller sees to it that nobody starts the WAL anew meanwhile. Where
 * another process copies right now out says PARTIAL. */
int walpool__checkpoint_copy_beside(struct walpool__conn *worker,
                                    walpool_checkpoint_result *out);

/* The same on an SQLite with the bug, also beside programs that checkpoint
 * whenever they like: while `anchor` stands on a frame of the WAL, nobody can
 * start it anew. *copied is false where it found nothing to stand on, because
 * all is copied, or the wal-index is in a format that we do not know. */
int walpool__checkpoint_copy_anchored(struct walpool__conn *worker,
                                      struct walpool__conn *anchor,
                                      struct walpool__walindex *walindex,
                                      bool *copied,
                                      walpool_checkpoint_result *out);

/* Have the database file on the disk, so that the next complete step has
 * little to wait for. */
int walpool__checkpoint_sync(struct walpool__conn *worker);

/* Take SQLite's write lock, so that nobody writes while another connection
 * copies; and give it back. Returns SQLite's code. */
int walpool__checkpoint_lock(struct walpool__conn *writer);
void walpool__checkpoint_unlock(struct walpool__conn *writer);

/* Copy, and start the WAL anew (RESTART or TRUNCATE), if no reader and no
 * writer is in the way; otherwise out says NOT_RESET. Never waits. */
int walpool__checkpoint_reset(struct walpool__conn *worker,
                              walpool_checkpoint_mode mode,
                              walpool_checkpoint_result *out);

#endif
