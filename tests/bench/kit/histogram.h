/* Histogram: how long things took, in buckets that are 3 % apart, so that
 * millions of them need no memory. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_STEPS = 32, /* buckets for each doubling */
    HISTOGRAM_DOUBLINGS = 40, /* of a nanosecond: up to 18 minutes */
    HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * HISTOGRAM_DOUBLINGS
};

/* Zeroed, it is empty. */
struct histogram {
    uint64_t count;
    double worst;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

static inline size_t
histogram_bucket(double seconds)
{
    uint64_t ns = (uint64_t)(seconds * 1e9) + HISTOGRAM_STEPS;
    int doubling = 63 - __builtin_clzll(ns);
    size_t step = (size_t)(ns >> (doubling - 5)) & (HISTOGRAM_STEPS - 1);
    size_t bucket = (size_t)doubling * HISTOGRAM_STEPS + step;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static inline double
histogram_bucket_end(size_t bucket)
{
    size_t doubling = bucket / HISTOGRAM_STEPS, step = bucket % HISTOGRAM_STEPS;
    uint64_t ns = (uint64_t)(HISTOGRAM_STEPS + step + 1) << (doubling - 5);
    return ((double)ns - HISTOGRAM_STEPS) * 1e-9;
}

static inline void
histogram_add(struct histogram *into, double seconds)
{
    into->count++;
    into->buckets[histogram_bucket(seconds)]++;
    if (seconds > into->worst)
        into->worst = seconds;
}

static inline void
histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    if (from->worst > into->worst)
        into->worst = from->worst;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

/* What `part` of them took at most; 0 where there are none. */
static inline double
histogram_quantile(const struct histogram *of, double part)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += of->buckets[i];
        if (seen && (double)seen >= (double)of->count * part)
            return histogram_bucket_end(i);
    }
    return 0;
}

#endif
