/* Discard: the empty file of a database that could not be opened. */
#ifndef WALPOOL_DISCARD_H
#define WALPOOL_DISCARD_H

#include "fsinfo.h"

/* Remove the file that was made at this place, if it is still empty and nobody
 * else uses it. No connection of this process has it open. */
void walpool__discard_new(const struct walpool__place *place);

#endif
