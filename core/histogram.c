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
walpool__histogram_record_many(struct walpool__histogram *histogram,
                               uint64_t us, uint64_t times)
{
    uint64_t max = peek(&histogram->max);

    while (us > max && !atomic_compare_exchange_weak_explicit(
                           &histogram->max, &max, us, memory_order_relaxed,
                           memory_order_relaxed))
        continue;
    atomic_fetch_add_explicit(&histogram->sum, us * times,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->counts[bucket_of(us)], times,
                              memory_order_relaxed);
}

/* The longest is known before it is counted, so nothing is in a bucket behind
 * its own: most histograms use a third of their buckets. */
void
walpool__histogram_look(const struct walpool__histogram *histogram,
                        struct walpool__histogram_view *view)
{
    view->max = peek(&histogram->max);
    view->sum = peek(&histogram->sum);
    view->used = bucket_of(view->max) + 1;
    view->count = 0;
    for (size_t i = 0; i < view->used; i++) {
        view->counts[i] = peek(&histogram->counts[i]);
        view->count += view->counts[i];
    }
}

uint64_t
walpool__histogram_count(const struct walpool__histogram *histogram)
{
    struct walpool__histogram_view view;

    walpool__histogram_look(histogram, &view);
    return view.count;
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
walpool__histogram_view_quantile(const struct walpool__histogram_view *view,
                                 double quantile)
{
    uint64_t rank = rank_of(view->count, quantile), seen = 0;

    for (size_t i = 0; i < view->used; i++) {
        seen += view->counts[i];
        if (seen >= rank)
            return upper_edge(i) < view->max ? upper_edge(i) : view->max;
    }
    return view->max;
}

uint64_t
walpool__histogram_view_below(const struct walpool__histogram_view *view,
                              int power)
{
    uint64_t below = 0;

    PRE(power >= 0 && power < 64);
    for (size_t i = 0; i < view->used; i++)
        if (upper_edge(i) < UINT64_C(1) << power)
            below += view->counts[i];
    return below;
}

uint64_t
walpool__histogram_quantile(const struct walpool__histogram *histogram,
                            double quantile)
{
    struct walpool__histogram_view view;

    walpool__histogram_look(histogram, &view);
    return walpool__histogram_view_quantile(&view, quantile);
}
