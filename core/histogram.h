/* Histogram: durations in log buckets, written and read without a lock. */
#ifndef WALPOOL_HISTOGRAM_H
#define WALPOOL_HISTOGRAM_H

#include <stdatomic.h>

#include "base.h"

/* Values below 16 have a bucket each; above, each power of two up to 2^32
 * (71 minutes in us) has 8, so an edge is at most 12.5 % above the value. */
#define WALPOOL__HISTOGRAM_BUCKETS (16 + (32 - 4) * 8)

/* Zeroed memory is an empty histogram. */
struct walpool__histogram {
    _Atomic uint64_t counts[WALPOOL__HISTOGRAM_BUCKETS];
    _Atomic uint64_t max, sum;
};

/* What a histogram held at one moment. */
struct walpool__histogram_view {
    uint64_t counts[WALPOOL__HISTOGRAM_BUCKETS];
    size_t used; /* buckets; the rest is not set, and empty */
    uint64_t count, max, sum;
};

/* One value that stands for `times` of them. */
void walpool__histogram_record_many(struct walpool__histogram *histogram,
                                    uint64_t us, uint64_t times);

static inline void
walpool__histogram_record(struct walpool__histogram *histogram, uint64_t us)
{
    walpool__histogram_record_many(histogram, us, 1);
}

void walpool__histogram_look(const struct walpool__histogram *histogram,
                             struct walpool__histogram_view *view);
uint64_t
walpool__histogram_view_quantile(const struct walpool__histogram_view *view,
                                 double quantile);

/* How many are below 2^power. */
uint64_t
walpool__histogram_view_below(const struct walpool__histogram_view *view,
                              int power);

/* The value that a share `quantile` (0..1) of all does not exceed: the upper
 * edge of its bucket, never above the longest recorded; 0 without any. */
uint64_t walpool__histogram_quantile(const struct walpool__histogram *histogram,
                                     double quantile);
uint64_t walpool__histogram_count(const struct walpool__histogram *histogram);
uint64_t walpool__histogram_max(const struct walpool__histogram *histogram);

#endif
