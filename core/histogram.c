/* Histogram: durations in log buckets, written and read without a lock.
 *
 * Does: count. Reading while others record gives an answer that was true for
 * some order of the records, which is all that health promises.
 * Must not: know what is measured, or look at a clock.
 * Lock: none; every field is an atomic, no order between them is needed. */
#include "histogram.h"

enum { LINEAR = 16, STEPS = 8, FIRST_POWER = 4, LAST_POWER = 31 };

static_assert(LINEAR + (LAST_POWER - FIRST_POWER + 1) * STEPS ==
                  WALPOOL__HISTOGRAM_BUCKETS,
              "the buckets cover 0 to 2^32");

static size_t
bucket_of(uint64_t value)
{
    if (value < LINEAR)
        return (size_t)value;
    if (value >> (LAST_POWER + 1) != 0)
        return WALPOOL__HISTOGRAM_BUCKETS - 1;
    int power = 63 - __builtin_clzll(value);
    size_t step = (size_t)(value >> (power - 3)) & (STEPS - 1);
    return LINEAR + (size_t)(power - FIRST_POWER) * STEPS + step;
}

/* The largest value that falls into the bucket. */
static uint64_t
upper_edge(size_t bucket)
{
    if (bucket < LINEAR)
        return bucket;
    if (bucket == WALPOOL__HISTOGRAM_BUCKETS - 1)
        return UINT64_MAX;
    size_t power = FIRST_POWER + (bucket - LINEAR) / STEPS;
    uint64_t step = (bucket - LINEAR) % STEPS;
    return ((STEPS + step + 1) << (power - 3)) - 1;
}

static uint64_t
peek(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

void
walpool__histogram_record(struct walpool__histogram *histogram, uint64_t us)
{
    uint64_t max = peek(&histogram->max);
    while (us > max && !atomic_compare_exchange_weak_explicit(
                           &histogram->max, &max, us, memory_order_relaxed,
                           memory_order_relaxed))
        continue;
    atomic_fetch_add_explicit(&histogram->counts[bucket_of(us)], 1,
                              memory_order_relaxed);
}

uint64_t
walpool__histogram_count(const struct walpool__histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i < WALPOOL__HISTOGRAM_BUCKETS; i++)
        count += peek(&histogram->counts[i]);
    return count;
}

uint64_t
walpool__histogram_max(const struct walpool__histogram *histogram)
{
    return peek(&histogram->max);
}

/* Place of the wanted value among `count` sorted ones, from 1. */
static uint64_t
rank_of(uint64_t count, double quantile)
{
    double share = quantile > 0 ? quantile < 1 ? quantile : 1 : 0;
    double exact = share * (double)count;
    uint64_t rank = (uint64_t)exact;
    rank += (double)rank < exact;
    return rank < 1 ? 1 : rank > count ? count : rank;
}

uint64_t
walpool__histogram_quantile(const struct walpool__histogram *histogram,
                            double quantile)
{
    uint64_t max = walpool__histogram_max(histogram);
    uint64_t rank = rank_of(walpool__histogram_count(histogram), quantile);
    uint64_t seen = 0;
    for (size_t i = 0; i < WALPOOL__HISTOGRAM_BUCKETS; i++) {
        seen += peek(&histogram->counts[i]);
        if (seen >= rank)
            return upper_edge(i) < max ? upper_edge(i) : max;
    }
    return max;
}
