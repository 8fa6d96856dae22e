/* Time: the one clock, monotonic, in nanoseconds, deadlines on it, and the time
 * of day. */
#ifndef WALPOOL_CLOCK_H
#define WALPOOL_CLOCK_H

#include "base.h"

#define WALPOOL__NEVER INT64_MAX

int64_t walpool__clock_now(void); /* nanoseconds since some fixed point */

/* The time of day, in milliseconds since 1970: for what outlives the process.
 * It may jump. */
int64_t walpool__clock_unix_ms(void);

/* The time at which `timeout_ms` from now has passed; WALPOOL__NEVER for a
 * negative timeout and for one that does not fit. */
int64_t walpool__clock_deadline(int64_t timeout_ms);

/* For tests: another clock; NULL: the real one. */
void walpool__clock_replace(int64_t (*now)(void));

#endif
