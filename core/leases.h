/* Leases: who has the connections of a database. */
#ifndef WALPOOL_LEASES_H
#define WALPOOL_LEASES_H

#include "db.h"
#include "json.h"

/* Connections that can be out: the readers, and then the writer. */
static inline int
walpool__leases_places(const struct walpool__db *db)
{
    return db->pool.count + 1;
}

/* Who has the connection at `place`? */
struct walpool__holder walpool__leases_holder(const struct walpool__db *db,
                                              int place);

/* Put them as a JSON list, with the stacks or without. Fails with NOMEM. */
walpool_status walpool__leases_put(struct walpool__db *db,
                                   struct walpool__json *json, bool stacks,
                                   walpool_error *err);

#endif
