/* Apply: a write or a batch on the writer's connection. */
#ifndef WALPOOL_APPLY_H
#define WALPOOL_APPLY_H

#include "execute.h"
#include "once.h"

/* What one call has to write, and where its answer goes. */
struct walpool__write {
    struct walpool__conn *conn;
    struct walpool__call *call;
    const walpool_statement *statements;
    size_t count;
    bool batch;              /* results of each; otherwise it is one */
    walpool_result *results; /* count of them, or NULL */
    walpool_rows *rows;      /* or NULL */
    struct walpool__once once;
    bool replayed;           /* nothing was written: `once` had its answer */
    walpool_error *err;
};

/* Do it as one transaction, and end that: all of it is applied, or nothing. */
walpool_status walpool__apply(struct walpool__write *write);

/* The same for a single statement, in a transaction that is open. What it
 * leaves when it fails is its caller's to undo. */
walpool_status walpool__apply_within(struct walpool__write *write);

/* Tell which statement of the batch an error is about; returns the status. */
walpool_status walpool__apply_nth(const struct walpool__write *write, size_t n,
                                  walpool_status status);

#endif
