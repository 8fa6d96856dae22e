/* Transactions of a lease. Whoever calls has entered it. */
#ifndef WALPOOL_LEASE_TXN_H
#define WALPOOL_LEASE_TXN_H

#include "lease.h"

/* MISUSE where the transaction of the lease has ended. */
walpool_status walpool__lease_must_be_open(const struct walpool__lease *lease,
                                           walpool_error *err);

/* A call on the lease has failed: see whether SQLite undid the transaction,
 * and say so. */
void walpool__lease_notice_loss(struct walpool__lease *lease,
                                walpool_error *err);

/* Carry out what a text does to the transaction of a writer lease; `savepoint`
 * is the name in it. */
walpool_status walpool__lease_obey(struct walpool__lease *lease,
                                   enum walpool__verb verb,
                                   const char *savepoint,
                                   struct walpool__call *call,
                                   walpool_error *err);

#endif
