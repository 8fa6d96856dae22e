/* Inspect: is the database sound? */
#ifndef WALPOOL_INSPECT_H
#define WALPOOL_INSPECT_H

#include "base.h"

/* SQLite's quick or full check, and that of foreign keys, on one snapshot.
 * `rows` (may be NULL) receives a row for each problem. The call's `leave` is
 * not called. */
walpool_status walpool__inspect(walpool *db, bool full,
                                const walpool_call *call, walpool_rows *rows,
                                walpool_error *err);

#endif
