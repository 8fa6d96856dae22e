/* Options: the table of names, aliases, units and ranges. */
#ifndef WALPOOL_OPTIONS_H
#define WALPOOL_OPTIONS_H

#include "base.h"

/* Of walpool_options.checkpoint_owner. */
enum { WALPOOL__OWNER_WALPOOL, WALPOOL__OWNER_EXTERNAL };

/* Check a struct that C code filled in by hand: version, every range,
 * and what contradicts each other. */
walpool_status walpool__options_check(const walpool_options *options,
                                      walpool_error *err);

/* What a name sets, as a small number (below 32) that all spellings of one
 * option share; -1: the name is unknown or may be repeated. */
int walpool__options_slot(const char *name);

#endif
