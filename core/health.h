/* Health: what the struct, JSON and metrics are made of. */
#ifndef WALPOOL_HEALTH_H
#define WALPOOL_HEALTH_H

#include "db.h"
#include "verdict.h"

/* One snapshot, with all its reasons. */
void walpool__health_take(struct walpool__db *db, walpool_health *health,
                          struct walpool__reasons *reasons);

/* "ok", "degraded", "failing" */
const char *walpool__health_word(int32_t verdict);

#endif
