/* Turn: the right of this process to write, among all that use the file. */
#ifndef WALPOOL_TURN_H
#define WALPOOL_TURN_H

#include "call.h"
#include "stats.h"
#include "thread.h"

struct walpool__turn;

/* NULL: the side file cannot be made (errno says why), or no memory (ENOMEM).
 * Then there are no turns, and SQLite's lock alone decides. `idle` is called
 * from a thread of the turn's, when a turn that is kept is not used: take the
 * writer slot, if it is free, and give the turn; if not, leave it. */
struct walpool__turn *walpool__turn_open(const char *database,
                                         struct walpool__stats *stats,
                                         void (*idle)(void *arg), void *arg);

/* Nobody takes or has it. NULL is ignored. */
void walpool__turn_close(struct walpool__turn *turn);

/* Take it, or false with call->stopped set. The caller has the writer slot,
 * so at most one thread of the process is here. */
bool walpool__turn_take(struct walpool__turn *turn, struct walpool__call *call);

/* Does the write that took it follow closely those before, so that another one
 * is to be expected? */
bool walpool__turn_is_hot(const struct walpool__turn *turn);

/* A write has ended. True: the turn is kept for the next one, which is close
 * or waits already (`next_waits`); take it as always. False: give it. */
bool walpool__turn_stay(struct walpool__turn *turn, bool next_waits,
                        int64_t now);

/* Give it on, also if it was kept; without it nothing happens. */
void walpool__turn_give(struct walpool__turn *turn);

/* From now on keep it at no time, or again; `idle` is not called, nor being
 * called: walpool__turn_close may leave a keeper behind that waits in the kernel,
 * but none that is about to call what is gone by then. What is kept just now is
 * to be taken or given soon. */
void walpool__turn_keep_none(struct walpool__turn *turn, bool none);

/* Be the only one on this machine that copies frames into the database, or
 * not: EAGAIN: another process is; ENOTSUP: that cannot be told here. */
int walpool__turn_try_copy(struct walpool__turn *turn);
void walpool__turn_end_copy(struct walpool__turn *turn);

/* In a forked child: drop the descriptor, so that the lock ends with the
 * parent. The lock itself stays the parent's. */
void walpool__turn_forget_in_child(struct walpool__turn *turn);

#endif
