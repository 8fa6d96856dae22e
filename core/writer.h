/* Writer: the right of one thread to write, and the connection for it. */
#ifndef WALPOOL_WRITER_H
#define WALPOOL_WRITER_H

#include "conn.h"
#include "tag.h"
#include "turn.h"
#include "waitq.h"

struct walpool__writer {
    struct walpool__waitq queue;
    struct walpool__conn *conn; /* open as long as the database; belongs to
                                   whoever has the slot */
    bool readonly;              /* of the database: there is no connection */
    struct walpool__turn *turn; /* NULL: SQLite's lock alone decides */
    struct walpool__ownlocks *ownlocks; /* to name others; NULL: it cannot */
    struct walpool__tag tag;
    _Atomic uint64_t owner;     /* thread that holds a lease, or 0 */
    struct walpool__stats *stats;
};

/* The connection follows with the first opening, and so does the turn. */
bool walpool__writer_init(struct walpool__writer *writer,
                          struct walpool__stats *stats);
void walpool__writer_finish(struct walpool__writer *writer);

/* Take the slot and the turn, and let `call` run on the connection. */
walpool_status walpool__writer_take(struct walpool__writer *writer,
                                    struct walpool__call *call,
                                    walpool_error *err);

/* May this call ask for it at all? READONLY or DEADLOCK. */
walpool_status walpool__writer_check(struct walpool__writer *writer,
                                     const struct walpool__call *call,
                                     walpool_error *err);

/* Report a call that must stop before it had it: who has it. */
walpool_status walpool__writer_missed(struct walpool__writer *writer,
                                      struct walpool__call *call,
                                      walpool_error *err);

/* The same without the connection: the caller writes on its own. */
walpool_status walpool__writer_take_slot(struct walpool__writer *writer,
                                         struct walpool__call *call,
                                         walpool_error *err);

/* Called by the turn (turn.h): the next write does not come. */
void walpool__writer_idle(void *writer);

/* The slot was taken for a lease: its thread must not wait for itself. */
void walpool__writer_own(struct walpool__writer *writer, bool any_thread);

/* Give back what was taken, by the one or by the other. Returns the time. */
int64_t walpool__writer_give(struct walpool__writer *writer);
int64_t walpool__writer_give_slot(struct walpool__writer *writer);

/* Turn newcomers away, and wait until slot and turn are given back and nobody
 * waits. False: the deadline passed, and the writer is as before. */
bool walpool__writer_drain(struct walpool__writer *writer, int64_t deadline_ns);

#endif
