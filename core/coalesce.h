/* Coalesce: small writes of many threads in one transaction. */
#ifndef WALPOOL_COALESCE_H
#define WALPOOL_COALESCE_H

#include "apply.h"
#include "db.h"

/* May this write share a transaction, by the database's options and by what it
 * is? */
bool walpool__coalesce_wants(const struct walpool__db *db,
                             const struct walpool__write *write);

/* Carry it out, alone or with others, in this thread or in another; returns
 * when it is as durable as its call asks. */
walpool_status walpool__coalesce(struct walpool__db *db,
                                 struct walpool__write *write);

#endif
