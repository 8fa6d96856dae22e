/* Backup: one snapshot becomes a file, in steps. */
#ifndef WALPOOL_BACKUP_H
#define WALPOOL_BACKUP_H

#include "conn.h"
#include "target.h"

struct walpool__backup {
    struct walpool__conn *source; /* in its snapshot; NULL: all is copied */
    struct walpool__target target;
    sqlite3 *copy; /* the partial file, while pages are copied */
    sqlite3_backup *job;
    int32_t flags; /* WALPOOL_BACKUP_* */
    walpool_backup_progress progress;
};

/* Take over `source`, a connection of its own in a snapshot, whatever comes of
 * it. source->call is the call's. */
walpool_status walpool__backup_open(struct walpool__backup *backup,
                                    struct walpool__conn *source,
                                    const char *to, int32_t flags,
                                    walpool_error *err);

/* Do what progress.phase says, at most so many pages of it; -1: all. */
walpool_status walpool__backup_step(struct walpool__backup *backup,
                                    int64_t pages, struct walpool__call *call,
                                    walpool_error *err);

/* What is not done leaves nothing. May be called twice. */
void walpool__backup_close(struct walpool__backup *backup);

/* ------------------------------- what the way back has in common with it */

/* Copied between two looks at the deadline. */
#define WALPOOL__PAGES_AT_ONCE 64

/* The first number that a statement of ours answers. Returns SQLite's code. */
int walpool__backup_ask(sqlite3 *db, const char *sql, int64_t *answer);

/* Let `call` interrupt what runs on this connection. */
void walpool__backup_watch(sqlite3 *db, struct walpool__call *call);

/* Is the database sound? CORRUPT, with what SQLite found first, or what kept
 * the check from its end; `what` names it: "the copy". */
walpool_status walpool__backup_check(sqlite3 *db, bool full, const char *what,
                                     struct walpool__call *call,
                                     walpool_error *err);

#endif
