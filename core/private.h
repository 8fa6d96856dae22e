/* Private: a connection that is one caller's own, and its part of the writer. */
#ifndef WALPOOL_PRIVATE_H
#define WALPOOL_PRIVATE_H

#include "db.h"
#include "roster.h"

/* Belongs to whoever has its lease's `busy`, but for what others read through
 * the roster. */
struct walpool__private {
    struct walpool__db *db;
    struct walpool__conn *conn;
    struct walpool__member member; /* of db->roster */
    bool has_slot; /* slot and turn are ours */
    bool undone;   /* the owner has rolled back, and we have not noted it yet */
    uint32_t flags;      /* WALPOOL_CALL_*: given at the acquire, for all calls */
    uint32_t durability; /* of commits that ask for none: a WALPOOL_CALL_* */
    int depth; /* savepoints that walpool_savepoint has opened, without one
                  that is the transaction itself */
    int64_t since_ns; /* of its snapshot, or running call; 0: it is idle */
    int64_t frames;   /* in the WAL then, or -1 */
    bool kept;        /* the tag tells of a snapshot, not only of a call */
};

/* NULL: see *status. */
struct walpool__private *walpool__private_open(struct walpool__db *db,
                                               struct walpool__call *call,
                                               walpool_error *err,
                                               walpool_status *status);

/* Roll back what is open, and close. No cursor is left. */
void walpool__private_close(struct walpool__private *private);

/* Around each call: what holds for all of them; and in the end the writer is
 * given back if no transaction needs it any more. */
void walpool__private_enter(struct walpool__private *private,
                            struct walpool__call *call);
void walpool__private_exit(struct walpool__private *private);

/* Before a statement that is about to write: take slot and turn, unless the
 * transaction has the write lock already. */
walpool_status walpool__private_take(struct walpool__private *private,
                                     struct walpool__call *call,
                                     walpool_error *err);

/* After a statement that returned `status`: give slot and turn back if no
 * transaction needs them, see to the durability of what was committed, and
 * return what the call is to return. */
walpool_status walpool__private_settle(struct walpool__private *private,
                                       struct walpool__call *call,
                                       walpool_status status,
                                       walpool_error *err);

/* The calls that end in SQLite's BEGIN, SAVEPOINT, COMMIT or ROLLBACK. */
walpool_status walpool__private_begin(struct walpool__private *private,
                                      struct walpool__call *call,
                                      walpool_error *err);
walpool_status walpool__private_savepoint(struct walpool__private *private,
                                          walpool_error *err);
walpool_status walpool__private_commit(struct walpool__private *private,
                                       struct walpool__call *call,
                                       walpool_error *err);
walpool_status walpool__private_rollback(struct walpool__private *private,
                                         struct walpool__call *call,
                                         walpool_error *err);

#endif
