/* Nest: the savepoints of a transaction. */
#ifndef WALPOOL_NEST_H
#define WALPOOL_NEST_H

#include "conn.h"
#include "list.h"

/* As SQLite has them: a stack of names. `ours` are those of walpool_savepoint,
 * the others are opened by text. What text has opened in one of ours ends with
 * it. */
struct walpool__nest {
    struct walpool__link savepoints; /* newest first */
    int ours;
};

void walpool__nest_init(struct walpool__nest *nest);

/* The transaction has ended, and all of them with it. */
void walpool__nest_clear(struct walpool__nest *nest);

/* Open a savepoint of this name; NULL: one of ours. */
walpool_status walpool__nest_open(struct walpool__nest *nest,
                                  struct walpool__conn *conn, const char *name,
                                  walpool_error *err);

/* Keep what was done since the newest savepoint of this name, and end it with
 * all that are in it; NULL: the newest of ours, which is there. SQL: there is
 * none of this name. */
walpool_status walpool__nest_keep(struct walpool__nest *nest,
                                  struct walpool__conn *conn, const char *name,
                                  walpool_error *err);

/* Undo what was done since, and end all that are in it, but not itself. */
walpool_status walpool__nest_undo(struct walpool__nest *nest,
                                  struct walpool__conn *conn, const char *name,
                                  walpool_error *err);

#endif
