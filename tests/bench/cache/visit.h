/* Visit: threads that ask for items as fast as they can. */
#ifndef BENCH_VISIT_H
#define BENCH_VISIT_H

#include <stdbool.h>

#include "item.h"

struct visit {
    const struct item_file *file;
    const struct item_query *query;
    const char *options; /* of the database, as a DSN */
    int threads;
    double seconds;
    bool by_cpu; /* a rate is that of a second of CPU time */
};

/* One repetition: queries per second, of all threads together. Each has read
 * all items before. */
double visit_run(const struct visit *visit);

#endif
