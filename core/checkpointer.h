/* Checkpointer: the only one of a database that checkpoints. */
#ifndef WALPOOL_CHECKPOINTER_H
#define WALPOOL_CHECKPOINTER_H

#include "checkpoint.h"
#include "writer.h"

struct walpool__checkpointer {
    struct walpool__mutex mutex; /* guards the next four */
    struct walpool__cond changed;
    bool running; /* the thread was started */
    bool wanted;
    bool stopping;
    struct walpool__thread thread;
    struct walpool__conn *worker; /* belongs to whoever has the writer */
    struct walpool__writer *writer;
    const char *path;
    char wal_path[4100];
    const walpool_options *options;
    struct walpool__stats *stats;
};

void walpool__checkpointer_init(struct walpool__checkpointer *checkpointer,
                                struct walpool__writer *writer,
                                const char *path,
                                const walpool_options *options,
                                struct walpool__stats *stats);

/* Stop the thread; close nothing. */
void walpool__checkpointer_stop(struct walpool__checkpointer *checkpointer);
void walpool__checkpointer_finish(struct walpool__checkpointer *checkpointer);

/* A commit left this many frames in the WAL: wake up if that is enough. */
void walpool__checkpointer_notice(struct walpool__checkpointer *checkpointer,
                                  int frames);

/* Checkpoint on the caller's thread. */
walpool_status
walpool__checkpointer_run(struct walpool__checkpointer *checkpointer,
                          walpool_checkpoint_mode mode,
                          struct walpool__call *call,
                          walpool_checkpoint_result *out, walpool_error *err);

#endif
