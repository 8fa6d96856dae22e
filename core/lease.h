/* Lease: a connection in somebody's hands, with its cursors. */
#ifndef WALPOOL_LEASE_H
#define WALPOOL_LEASE_H

#include "db.h"
#include "execute.h"

struct walpool__lease {
    atomic_bool busy;   /* a call is running on it; who sets it owns the rest */
    atomic_int refs;    /* its handle and its cursors */
    walpool_kind kind;
    bool ended;         /* the connection is given back */
    bool implicit;      /* of a single read: ends with its cursor */
    bool in_transaction; /* ours; SQLite may have ended it after an error */
    int depth;          /* savepoints open */
    int64_t timeout_ms;  /* of calls that name none */
    walpool_lease *handle; /* NULL: implicit */
    walpool *db_handle;  /* pinned until it ends, and db with it */
    struct walpool__db *db;
    struct walpool__conn *conn; /* NULL: a writer between transactions */
    struct walpool__reader *reader; /* NULL for the writer */
    bool any_thread;    /* asked for by WALPOOL_CALL_ANY_THREAD */
    struct walpool__link cursors;
};

struct walpool__cursor {
    struct walpool__link link;  /* in lease->cursors */
    struct walpool__lease *lease;
    struct walpool__fetch fetch; /* stmt NULL: it ended */
    void *handle;
};

/* Make a lease of a connection that was taken. NULL: no memory, and nothing
 * was taken over. The database stays pinned by `db_handle`. */
struct walpool__lease *walpool__lease_make(walpool *db_handle,
                                           struct walpool__db *db,
                                           struct walpool__reader *reader);

/* Let `call` use the lease alone, or BUSY, or CLOSED. */
walpool_status walpool__lease_enter(struct walpool__lease *lease,
                                    struct walpool__call *call,
                                    walpool_error *err);
void walpool__lease_exit(struct walpool__lease *lease);

/* End it: cursors, transaction, connection. The caller has entered it. */
void walpool__lease_end(struct walpool__lease *lease);
void walpool__lease_unref(struct walpool__lease *lease);

/* Put a fetch that has more into a cursor and return its handle, or 0. */
uint64_t walpool__cursor_make(struct walpool__lease *lease,
                              const struct walpool__fetch *fetch);

/* Give the statement back; the handle is closed. */
void walpool__cursor_end(struct walpool__cursor *cursor);

#endif
