/* Crowd: threads that look up rows as fast as they can. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "lookup.h"

struct crowd {
    const char *path;
    double seconds;
    int threads;
};

/* One repetition: lookups per second, of all threads together. */
double crowd_run(const struct crowd *crowd, const struct lookup_way *way);

#endif
