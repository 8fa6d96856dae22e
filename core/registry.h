/* Registry: which files this process has open. The public walpool_open and
 * walpool_close are all there is. */
#ifndef WALPOOL_REGISTRY_H
#define WALPOOL_REGISTRY_H

#include "db.h"

#endif
