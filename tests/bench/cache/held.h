/* Held: the memory of readers that have read more than their caches hold. */
#ifndef BENCH_HELD_H
#define BENCH_HELD_H

#include "item.h"

/* One repetition, in a process of its own: resident bytes of its own for each of
 * eight readers that have read all items and are back in the pool. */
double held_run(const struct item_file *file, const char *options);

#endif
