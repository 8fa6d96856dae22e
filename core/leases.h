/* Leases: who has the connections of a database. */
#ifndef WALPOOL_LEASES_H
#define WALPOOL_LEASES_H

#include "db.h"

/* Connections that can be out: the readers, and then the writer. */
static inline int
walpool__leases_places(const struct walpool__db *db)
{
    return db->pool.count + 1;
}

/* Who has the connection at `place`? */
struct walpool__holder walpool__leases_holder(const struct walpool__db *db,
                                              int place);

#endif
