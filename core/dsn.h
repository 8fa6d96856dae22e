/* DSN: `file:PATH?name=value&...` becomes a path and options. The one
 * function, walpool_options_parse, is public: see walpool.h. */
#ifndef WALPOOL_DSN_H
#define WALPOOL_DSN_H

#include "base.h"

/* Whether walpool_open must take `name` for a DSN, and not for a path. */
bool walpool__dsn_is(const char *name);

#endif
