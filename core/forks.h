/* Forks: SQLite's own locks are free in a forked child. */
#ifndef WALPOOL_FORKS_H
#define WALPOOL_FORKS_H

/* From the first call on; cheap to call again. */
void walpool__forks_watch(void);

#endif
