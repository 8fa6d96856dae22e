/* Wal cut: has somebody cut the -wal file short? */
#ifndef WALPOOL_WALCUT_H
#define WALPOOL_WALCUT_H

#include "walindex.h"

/* Is the file shorter than the commits in it? One system call. A file that is
 * not there is somebody else's matter. */
bool walpool__walcut_is_short(struct walpool__walindex *walindex,
                              const char *wal_path);

/* Was it, and has been written to since, so that there is a hole in it? Where
 * the system can tell. */
bool walpool__walcut_has_hole(struct walpool__walindex *walindex,
                              const char *wal_path);

#endif
