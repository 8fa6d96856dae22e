/* Checkpointer: the only one of a database that checkpoints. */
#ifndef WALPOOL_CHECKPOINTER_H
#define WALPOOL_CHECKPOINTER_H

#include "checkpoint_run.h"

struct walpool__checkpointer {
    struct walpool__mutex mutex; /* guards the next nine */
    struct walpool__cond changed;
    bool running; /* the thread was started */
    bool wanted;
    bool stopping;
    bool at_work;  /* the thread is in a run, or waits for the slot */
    bool has_slot; /* it is in a run */
    int failures;  /* its runs in a row that did not get to the end */
    bool above;    /* the newest commit left more than the ceiling, and its */
    bool hurry;    /* policy is interrupt: no run has begun and ended since */
    struct walpool__thread thread;
    struct walpool__ckpt_room room; /* belongs to whoever has its slot */
    const walpool_options *options;
};

/* `room` is copied; what it points to must outlive the checkpointer. False
 * without memory. */
bool walpool__checkpointer_init(struct walpool__checkpointer *checkpointer,
                                const struct walpool__ckpt_room *room,
                                const walpool_options *options);

/* For a close: wait until the thread's run has ended, and break it off if it has
 * not at `due_ns`. False: it was in none. */
bool walpool__checkpointer_end_run(struct walpool__checkpointer *checkpointer,
                                   int64_t due_ns);

/* Stop the thread; close nothing. */
void walpool__checkpointer_stop(struct walpool__checkpointer *checkpointer);
void walpool__checkpointer_finish(struct walpool__checkpointer *checkpointer);

/* A commit left this many frames in the WAL: wake up if that is enough. Where
 * commits come faster than they are copied, `call` is held up for a moment. */
void walpool__checkpointer_notice(struct walpool__checkpointer *checkpointer,
                                  int frames, struct walpool__call *call);

/* Have a run made soon, whatever the WAL has. */
void walpool__checkpointer_wake(struct walpool__checkpointer *checkpointer);

/* Checkpoint on the caller's thread. */
walpool_status
walpool__checkpointer_run(struct walpool__checkpointer *checkpointer,
                          walpool_checkpoint_mode mode,
                          struct walpool__call *call,
                          walpool_checkpoint_result *out, walpool_error *err);

#endif
