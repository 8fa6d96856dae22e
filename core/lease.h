/* Lease: a connection in somebody's hands, with its cursors. */
#ifndef WALPOOL_LEASE_H
#define WALPOOL_LEASE_H

#include "ahead.h"
#include "db.h"
#include "execute.h"
#include "nest.h"
#include "pace.h"
#include "private.h"

struct walpool__lease {
    atomic_bool busy;   /* a call is running on it; who sets it owns the rest */
    atomic_int refs;    /* its handle and its cursors */
    walpool_kind kind;
    bool ended;         /* the connection is given back */
    atomic_bool has_writer; /* after the newest call that has ended */
    bool lost_snapshot; /* a recall has ended it; a begin takes the next one */
    bool implicit;      /* of a single read: ends with its cursor */
    bool in_transaction; /* ours; SQLite may have ended it after an error */
    atomic_int depth;    /* what walpool_lease_depth answers */
    struct walpool__nest nest; /* the savepoints of its transaction */
    uint32_t durability; /* of commits that ask for none: a WALPOOL_CALL_* */
    _Atomic int64_t timeout_ms; /* of calls that name none */
    walpool_lease *handle; /* NULL: implicit */
    walpool *db_handle;  /* pinned until it ends, and db with it */
    struct walpool__db *db;
    struct walpool__conn *conn; /* NULL: a writer between transactions */
    struct walpool__reader *reader; /* NULL for the others */
    struct walpool__private *private; /* the same */
    bool any_thread;    /* asked for by WALPOOL_CALL_ANY_THREAD */
    char why[WALPOOL_WHY_BYTES]; /* label, for its later transactions, or "" */
    struct walpool__link cursors;
};

struct walpool__cursor {
    struct walpool__link link;  /* in lease->cursors */
    struct walpool__lease *lease;
    struct walpool__fetch fetch; /* stmt NULL: it ended */
    struct walpool__ahead *ahead; /* who may be at `fetch`; NULL: nobody */
    struct walpool__pace pace;    /* of its blocks */
    bool aboard; /* the call that has the lease runs on the connection */
    bool large;  /* the block that was given out last has LARGE cells */
    void *handle;
};

/* Make a lease of a connection that was taken. NULL: no memory, and nothing
 * was taken over. The database stays pinned by `db_handle`. */
struct walpool__lease *walpool__lease_make(walpool *db_handle,
                                           struct walpool__db *db,
                                           struct walpool__reader *reader);

/* Let a call have the lease alone, or BUSY, or CLOSED; and let it go. */
walpool_status walpool__lease_claim(struct walpool__lease *lease,
                                    walpool_error *err);
void walpool__lease_let_go(struct walpool__lease *lease);

/* From now on `call` runs on the connection, and until then. Whoever has the
 * lease, or steps ahead for him. */
void walpool__lease_board(struct walpool__lease *lease,
                          struct walpool__call *call);
void walpool__lease_leave(struct walpool__lease *lease);

/* Both: let `call` use the lease alone. */
walpool_status walpool__lease_enter(struct walpool__lease *lease,
                                    struct walpool__call *call,
                                    walpool_error *err);
void walpool__lease_exit(struct walpool__lease *lease);

/* STALE, if its snapshot was ended. */
walpool_status walpool__lease_must_be_current(const struct walpool__lease *lease,
                                              walpool_error *err);

/* The call on its reader ends; the next one may find the snapshot ended. */
void walpool__lease_keep_reader(struct walpool__lease *lease);

/* The same for a public call on `handle`, which is pinned until the unpin. */
struct walpool__lease *walpool__lease_pin(walpool_lease *handle,
                                          struct walpool__call *call,
                                          const walpool_call *asked,
                                          walpool_status *status,
                                          walpool_error *err);
walpool_status walpool__lease_unpin(struct walpool__lease *lease,
                                    walpool_lease *handle,
                                    struct walpool__call *call,
                                    walpool_status status);

/* Take the newest snapshot for a lease; wait until it is durable where the call
 * asks for that. On failure there is none. */
walpool_status walpool__lease_take_snapshot(struct walpool__db *db,
                                            struct walpool__reader *reader,
                                            struct walpool__call *call,
                                            walpool_error *err);

/* Take the writer for a lease, with a transaction begun. */
walpool_status walpool__lease_take_writer(struct walpool__db *db,
                                          struct walpool__call *call,
                                          bool any_thread, walpool_error *err);

/* The transaction has ended: the writer goes to the next at once, however
 * long the lease is kept. */
struct walpool__aftermath
walpool__lease_give_writer(struct walpool__lease *lease);

void walpool__lease_end_cursors(struct walpool__lease *lease);

/* End it: cursors, transaction, connection. The caller has entered it. */
void walpool__lease_end(struct walpool__lease *lease);
void walpool__lease_unref(struct walpool__lease *lease);

/* Run a statement that only reads; the rest of its rows goes into a cursor. */
walpool_status walpool__lease_read(struct walpool__lease *lease,
                                   const walpool_statement *statement,
                                   const struct walpool__call *call,
                                   walpool_rows *rows, walpool_error *err);

/* Put a fetch that has more into a cursor and return its handle, or 0. */
uint64_t walpool__cursor_make(struct walpool__lease *lease,
                              const struct walpool__fetch *fetch);

/* Give the statement back; the handle is closed. */
void walpool__cursor_end(struct walpool__cursor *cursor);

#endif
