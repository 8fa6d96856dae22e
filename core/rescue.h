/* Rescue: save the commits of a WAL that has lost its name. */
#ifndef WALPOOL_RESCUE_H
#define WALPOOL_RESCUE_H

#include "conn.h"
#include "watch.h"

enum walpool__rescue_end {
    WALPOOL__RESCUE_DONE,   /* all commits are in the database file, synced */
    WALPOOL__RESCUE_LATER,  /* a reader or another process is in the way */
    WALPOOL__RESCUE_NEVER   /* it could do harm, or failed */
};

/* Copy the WAL of `writer`, which the caller has for itself with no transaction
 * open, into the database file. Never waits. */
enum walpool__rescue_end walpool__rescue_run(struct walpool__watch *watch,
                                             struct walpool__conn *writer);

/* Another file was put in the place of the database, or none: keep its WAL from being
 * applied to that one. It gets the name <database>-wal-of-replaced. */
void walpool__rescue_set_aside(struct walpool__watch *watch);

#endif
