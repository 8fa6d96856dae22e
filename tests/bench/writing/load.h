/* Load: processes with threads that write at once, and what each met. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "writer.h"

struct load {
    int processes, threads; /* in each */
    double seconds;         /* new writes begin for so long */
    struct store store;
    const char *const *foreign; /* command of a foreign program, or NULL */
};

/* What a user would complain about. */
struct outcome {
    double rate;   /* acknowledged in the given time, per second */
    double worst;  /* longest write, waiting included, in seconds */
    double p999;   /* of a thousand writes all but one took at most so long */
    double share;  /* of the least served process or, where there is one only,
                      thread, as a part of the mean */
    double errors; /* writes that were refused */
    double foreign; /* rows that the foreign program added, per second */
};

/* One repetition on an empty file. Dies if a row is lost or was invented. */
struct outcome load_run(const struct load *load, const struct way *way);

#endif
