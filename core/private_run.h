/* Statements on a private lease. */
#ifndef WALPOOL_PRIVATE_RUN_H
#define WALPOOL_PRIVATE_RUN_H

#include "lease.h"

/* Run one statement, or a script, in autocommit or in the transaction that is
 * open. The caller has entered the lease. */
walpool_status walpool__private_run(struct walpool__lease *lease,
                                    const walpool_statement *statement,
                                    struct walpool__call *call,
                                    walpool_rows *rows, walpool_error *err);

#endif
