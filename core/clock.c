/* Time: the one clock.
 *
 * Does: read the monotonic clock and the time of day, and compute deadlines on
 * the first.
 * Must not: sleep, or measure with the second.
 * Lock: none; a test sets the replacement before it starts threads. */
#include "clock.h"

#include <time.h>

static int64_t
real_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t (*current_now)(void) = real_now;

int64_t
walpool__clock_now(void)
{
    return current_now();
}

int64_t
walpool__clock_deadline(int64_t timeout_ms)
{
    int64_t now;

    if (timeout_ms < 0 || timeout_ms > INT64_MAX / 2000000)
        return WALPOOL__NEVER;
    now = walpool__clock_now();
    return now + timeout_ms * 1000000;
}

int64_t
walpool__clock_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
walpool__clock_replace(int64_t (*now)(void))
{
    current_now = now ? now : real_now;
}
