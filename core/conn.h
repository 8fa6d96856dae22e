/* Connection: one configured SQLite handle. */
#ifndef WALPOOL_CONN_H
#define WALPOOL_CONN_H

#include <sqlite3.h>

#include "call.h"
#include "guard.h"
#include "ownlocks.h"
#include "recall.h"
#include "stmt.h"

enum walpool__conn_role {
    WALPOOL__CONN_READER,
    WALPOOL__CONN_WRITER,
    WALPOOL__CONN_CHECKPOINTER,
    WALPOOL__CONN_PRIVATE
};

/* Statements of our own, prepared when first needed. */
enum walpool__own {
    WALPOOL__OWN_BEGIN_READ,
    WALPOOL__OWN_SNAPSHOT,
    WALPOOL__OWN_STAY,
    WALPOOL__OWN_BEGIN_WRITE,
    WALPOOL__OWN_COMMIT,
    WALPOOL__OWN_ROLLBACK,
    WALPOOL__OWN_SAVEPOINT,
    WALPOOL__OWN_RELEASE,
    WALPOOL__OWN_ROLLBACK_TO,
    WALPOOL__OWN_ONCE_FIND,
    WALPOOL__OWN_ONCE_KEEP,
    WALPOOL__OWN_ONCE_EXPIRE,
    WALPOOL__OWN_COUNT
};

struct walpool__conn {
    sqlite3 *db;
    const char *path;           /* the database's, borrowed */
    struct walpool__call *call; /* the one that runs here now, or NULL */
    struct walpool__stats *stats;
    struct walpool__ownlocks *ownlocks; /* of a writer, once it is open */
    struct walpool__poison *poison; /* the database's, once it is open there:
                                       set where the file is found damaged */
    struct walpool__recall *recall; /* of a pooled reader */
    struct walpool__guard guard;
    struct walpool__stmt_cache cache;
    sqlite3_stmt *own[WALPOOL__OWN_COUNT];
    int wal_frames; /* in the WAL after the newest commit here */
    bool committing; /* the statement that runs has begun to commit */
    bool hot; /* a writer's writes follow each other closely */
    int64_t warm_ns; /* since when a snapshot stays open; 0: none does */
    bool failed;     /* SQLite has said so since that was asked */
    bool doubtful;   /* it failed so that it is better closed: conn_run.c */
    bool impatient; /* give up a checkpoint rather than wait for a lock */
    bool lent;      /* somebody outside has `db`, and may have statements */
    walpool_hooks hooks; /* of a private connection's owner */
};

/* Open and configure; with a writer, switch the file to WAL. `call` bounds
 * the waiting. NULL: see *status. */
struct walpool__conn *walpool__conn_open(const char *path,
                                         const walpool_options *options,
                                         enum walpool__conn_role role,
                                         struct walpool__stats *stats,
                                         struct walpool__call *call,
                                         walpool_error *err,
                                         walpool_status *status);

/* NULL is ignored. */
void walpool__conn_close(struct walpool__conn *conn);

/* Run one statement of our own to its end. Returns SQLite's code. */
int walpool__conn_own(struct walpool__conn *conn, enum walpool__own which);

/* The same for one with parameters, in two steps: prepare it, bind, and step it
 * without a guard or a deadline. */
int walpool__conn_own_prepare(struct walpool__conn *conn,
                              enum walpool__own which, sqlite3_stmt **native);
int walpool__conn_own_step(struct walpool__conn *conn, sqlite3_stmt *native);

/* Have the owner's hooks called beside ours, from now on. */
void walpool__conn_set_hooks(struct walpool__conn *conn,
                             const walpool_hooks *hooks);

/* Step a caller's statement on behalf of conn->call. */
int walpool__conn_step(struct walpool__conn *conn, sqlite3_stmt *native);

/* About to run `stmt`, a transaction by itself. If writes follow each other
 * closely (`hot`), and it only changes rows, a snapshot stays open
 * from here on: the next such statement begins with one lock instead of three.
 * It is the newest for as long as nobody else writes; where somebody has,
 * walpool__conn_step begins anew without it. Nothing else may run beside it,
 * and it keeps checkpoints back, so it must not stay for long. */
void walpool__conn_warm(struct walpool__conn *conn,
                        const struct walpool__stmt *stmt);

/* A reader that is in no transaction: take a snapshot and have it stay open.
 * WALPOOL__OWN_BEGIN_READ takes it over. False: SQLite would not, and nothing
 * has changed. */
bool walpool__conn_stay(struct walpool__conn *conn, int64_t now_ns);

/* End it; nothing to do is fine. BEGIN IMMEDIATE by walpool__conn_own does. */
void walpool__conn_cool(struct walpool__conn *conn);

/* On a writer, before what is no statement commits: are SQLite's locks still
 * there, and nothing poisoned? False: undo. */
bool walpool__conn_may_commit(struct walpool__conn *conn);

/* End the transaction that is open, if any, and undo what it did. */
void walpool__conn_rollback(struct walpool__conn *conn);

/* Is a transaction open? */
bool walpool__conn_in_transaction(const struct walpool__conn *conn);

/* Has the transaction broken foreign keys that are checked when it commits? */
bool walpool__conn_owes_foreign_keys(const struct walpool__conn *conn);

/* Report rc of what conn->call was doing here: "cannot <doing>: why". */
walpool_status walpool__conn_error(struct walpool__conn *conn, int rc,
                                   const char *doing, walpool_error *err);

/* Find or prepare a caller's statement. */
walpool_status walpool__conn_prepare(struct walpool__conn *conn,
                                     const walpool_statement *statement,
                                     struct walpool__stmt **taken,
                                     walpool_error *err);

/* Close it without a checkpoint, and leave the WAL as it is. */
void walpool__conn_leave_wal(struct walpool__conn *conn);

/* What the statement that was prepared last does to the transaction. One that
 * only explains another does nothing. */
static inline enum walpool__verb
walpool__conn_verb_of(const struct walpool__conn *conn, sqlite3_stmt *native)
{
    if (LIKELY(conn->guard.verb == WALPOOL__VERB_NONE) ||
        sqlite3_stmt_isexplain(native))
        return WALPOOL__VERB_NONE;
    return conn->guard.verb;
}

static inline enum walpool__verb
walpool__conn_verb(const struct walpool__conn *conn,
                   const struct walpool__stmt *stmt)
{
    return walpool__conn_verb_of(conn, stmt->native);
}

/* Frames in the WAL since the commits that were not asked about; then 0. */
int walpool__conn_take_frames(struct walpool__conn *conn);

/* What the newest statement changed, since the total was `total_before`. */
int64_t walpool__conn_changes(const struct walpool__conn *conn,
                              int64_t total_before);
int64_t walpool__conn_total_changes(const struct walpool__conn *conn);

#endif
