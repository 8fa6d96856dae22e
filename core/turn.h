/* Turn: the right of this process to write, among all that use the file. */
#ifndef WALPOOL_TURN_H
#define WALPOOL_TURN_H

#include "call.h"
#include "stats.h"
#include "thread.h"

struct walpool__turn;

/* NULL: the side file cannot be made (errno says why), or no memory (ENOMEM).
 * Then there are no turns, and SQLite's lock alone decides. */
struct walpool__turn *walpool__turn_open(const char *database,
                                         struct walpool__stats *stats);

/* Nobody takes or has it. NULL is ignored. */
void walpool__turn_close(struct walpool__turn *turn);

/* Take it, or false with call->stopped set. The caller has the writer slot,
 * so at most one thread of the process is here. */
bool walpool__turn_take(struct walpool__turn *turn, struct walpool__call *call);

/* Give it on. `next_waits`: another thread of this process wants it at once,
 * and may have it for the rest of the streak. */
void walpool__turn_give(struct walpool__turn *turn, bool next_waits);

/* Be the only one on this machine that copies frames into the database, or
 * not: EAGAIN: another process is; ENOTSUP: that cannot be told here. */
int walpool__turn_try_copy(struct walpool__turn *turn);
void walpool__turn_end_copy(struct walpool__turn *turn);

/* In a forked child: drop the descriptor, so that the lock ends with the
 * parent. The lock itself stays the parent's. */
void walpool__turn_forget_in_child(struct walpool__turn *turn);

#endif
