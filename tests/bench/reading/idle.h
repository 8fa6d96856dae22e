/* Idle: what a reader costs that nobody uses just now. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include "lookup.h"

/* One repetition, in a process of its own: resident bytes for each reader that
 * was opened with default options, served some lookups and rests. */
double idle_run(const char *path, const struct lookup_way *way);

#endif
