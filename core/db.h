/* Database: everything that is open on one file. */
#ifndef WALPOOL_DB_H
#define WALPOOL_DB_H

#include "ahead.h"
#include "ceiling.h"
#include "checkpointer.h"
#include "fsclass.h"
#include "fsinfo.h"
#include "group.h"
#include "handle.h"
#include "optimizer.h"
#include "ownlocks.h"
#include "poison.h"
#include "pool.h"
#include "roster.h"
#include "survey.h"
#include "syncer.h"
#include "walindex.h"
#include "watch.h"
#include "writer.h"

struct walpool__db {
    char path[WALPOOL__PATH_BYTES];
    char wal_path[WALPOOL__PATH_BYTES + 4];
    struct walpool__file_id id;
    struct walpool__fs fs; /* where it lies */
    walpool_options options;
    struct walpool__stats stats;
    struct walpool__tag dirty; /* of the newest lease that came back so: since
                                  then */
    bool takes_turns; /* with other processes; stays as the first open left it */
    struct walpool__poison poison;
    struct walpool__watch watch;
    struct walpool__ownlocks ownlocks;
    struct walpool__pool pool;
    struct walpool__steppers steppers; /* of large results */
    struct walpool__roster roster; /* of the private connections */
    struct walpool__writer writer;
    struct walpool__group group; /* writes that may share a transaction */
    struct walpool__syncer syncer;
    struct walpool__ceiling ceiling;
    struct walpool__checkpointer checkpointer;
    struct walpool__walindex walindex;
    atomic_int_fast64_t wal_due_ns; /* when its file is looked at next */
    struct walpool__optimizer optimizer;
    struct walpool__survey survey;
    struct walpool__conn *base; /* read-only: keeps the file open */
    atomic_int refs;            /* handles that may still reach it */
    atomic_bool closing;        /* a close waits: new calls are turned away */
};

/* Open connections on a file that is there. Returns NULL with *status. */
struct walpool__db *walpool__db_open(const struct walpool__place *place,
                                     const walpool_options *options,
                                     struct walpool__call *call,
                                     walpool_error *err,
                                     walpool_status *status);

/* Wait until every lease is back; newcomers are turned away. Fails with
 * TIMEOUT, and everything is as before. */
walpool_status walpool__db_drain(struct walpool__db *db,
                                 struct walpool__call *call,
                                 walpool_error *err);

/* Was the -wal cut short? Then poison. Once in a while of some 1 ms. */
void walpool__db_look_at_wal(struct walpool__db *db, int64_t now_ns);

/* After a drain: checkpoint until the deadline, or for a moment (last_copy.h),
 * and close the connections. */
void walpool__db_shut(struct walpool__db *db, int64_t deadline_ns);

/* Before another connection is opened by the path: another file there would
 * have other readers and another writer. CANTOPEN. */
walpool_status walpool__db_must_be_the_file(struct walpool__db *db,
                                            walpool_error *err);

/* Before a write asks for the writer: POISONED, or the WAL is above its
 * ceiling. */
walpool_status walpool__db_may_write(struct walpool__db *db,
                                     struct walpool__call *call,
                                     walpool_error *err);

/* What a write leaves to do when the writer is given back. */
struct walpool__aftermath {
    int frames;      /* in the WAL after its commit; 0: it wrote nothing */
    int64_t since_ns; /* when the writer was taken */
    int64_t until_ns; /* and given back; 0: not known */
    uint64_t ticket; /* the syncer's, where the call is to be durable, or 0 */
    bool lost_lock;  /* maybe while it committed */
};

/* What was out since then comes back: count it if that was for too long. */
void walpool__db_note_age(struct walpool__db *db, int64_t since_ns);

/* Give the writer back. A call that is to be durable and has written nothing
 * answers by what it has seen: that must be on the disk, too. */
struct walpool__aftermath walpool__db_give_writer(struct walpool__db *db);

/* The same for what a private connection has written; the writer is its own to
 * give back. `answers`: by what it has seen, even if it has written nothing. */
struct walpool__aftermath walpool__db_take_stock(struct walpool__db *db,
                                                 struct walpool__conn *conn,
                                                 bool answers);

/* Is a write with this call to be on the disk before it is answered? */
bool walpool__db_wants_sync(const struct walpool__db *db,
                            const struct walpool__call *call);

/* Then: wake the checkpointer if need be, and wait until the commit is as
 * durable as the call asks. */
walpool_status walpool__db_settle(struct walpool__db *db,
                                  struct walpool__aftermath aftermath,
                                  struct walpool__call *call,
                                  walpool_error *err);

/* What a durable read has seen: take a ticket for it, before its reader is
 * given back. Fails with POISONED. */
walpool_status walpool__db_see(struct walpool__db *db, uint64_t *ticket,
                               walpool_error *err);

/* Then: wait until it is on the disk. */
walpool_status walpool__db_settle_read(struct walpool__db *db, uint64_t ticket,
                                       struct walpool__call *call,
                                       walpool_error *err);

/* If a sidecar was lost and its commits can be saved, have that begun. */
void walpool__db_save(struct walpool__db *db);

/* Drop one reference; the last one frees the memory. */
void walpool__db_unref(void *db);

/* Pin the database of a handle and begin a call on it. On failure nothing is
 * left to undo. */
struct walpool__db *walpool__db_enter(walpool *handle,
                                      struct walpool__call *call,
                                      const walpool_call *asked,
                                      walpool_error *err,
                                      walpool_status *status);
/* The end of it: counts a failure, and passes the status on. */
walpool_status walpool__db_exit(struct walpool__db *db, walpool *handle,
                                struct walpool__call *call,
                                walpool_status status);

#endif
