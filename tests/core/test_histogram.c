/* histogram: counts, edges, and the promise about the largest value. */
#include "histogram.h"

#include "check.h"

static struct walpool__histogram histogram;

static void
record(uint64_t from, uint64_t to)
{
    memset(&histogram, 0, sizeof histogram);
    for (uint64_t us = from; us <= to; us++)
        walpool__histogram_record(&histogram, us);
}

TEST(histogram__is_empty_when_zeroed)
{
    memset(&histogram, 0, sizeof histogram);
    CHECK_INT(walpool__histogram_count(&histogram), 0);
    CHECK_INT(walpool__histogram_max(&histogram), 0);
    CHECK_INT(walpool__histogram_quantile(&histogram, 0.99), 0);
}

TEST(histogram__is_exact_for_small_values)
{
    record(1, 10);
    CHECK_INT(walpool__histogram_count(&histogram), 10);
    CHECK_INT(walpool__histogram_quantile(&histogram, 0), 1);
    CHECK_INT(walpool__histogram_quantile(&histogram, 0.5), 5);
    CHECK_INT(walpool__histogram_quantile(&histogram, 0.91), 10);
    CHECK_INT(walpool__histogram_quantile(&histogram, 1), 10);
    CHECK_INT(walpool__histogram_max(&histogram), 10);
}

TEST(histogram__answers_at_most_an_eighth_above_the_value)
{
    static const uint64_t values[] = {
        0,          1,          15,       16,
        17,         18,         31,       32,
        33,         63,         64,       100,
        999,        1000,       1024,     65535,
        65536,      1000000,    60000000, 3600000000,
        4294967295, 4294967296, 1u << 31, (uint64_t)1 << 40,
        UINT64_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        uint64_t value = values[i];
        memset(&histogram, 0, sizeof histogram);
        walpool__histogram_record(&histogram, value);
        CHECK(walpool__histogram_quantile(&histogram, 0.5) == value);
        CHECK(walpool__histogram_max(&histogram) == value);
        walpool__histogram_record(&histogram, UINT64_MAX);
        uint64_t edge = walpool__histogram_quantile(&histogram, 0.5);
        CHECK(edge >= value);
        CHECK(value >= 0xF0000000 /* the last bucket has no edge */ ||
              edge - value <= value / 8);
    }
}

TEST(histogram__keeps_its_buckets_in_order)
{
    uint64_t before = 0;
    for (uint64_t value = 0; value < (uint64_t)1 << 33;
         value += 1 + value / 100) {
        memset(&histogram, 0, sizeof histogram);
        walpool__histogram_record(&histogram, value);
        walpool__histogram_record(&histogram, UINT64_MAX);
        uint64_t edge = walpool__histogram_quantile(&histogram, 0.5);
        CHECK(edge >= before);
        before = edge;
    }
}

TEST(histogram__never_answers_above_the_largest_value)
{
    record(900, 1001);
    CHECK_INT(walpool__histogram_quantile(&histogram, 0.99), 1001);
    CHECK_INT(walpool__histogram_quantile(&histogram, 1), 1001);
}

TEST(histogram__takes_any_number_for_a_quantile)
{
    record(1, 4);
    CHECK_INT(walpool__histogram_quantile(&histogram, -1), 1);
    CHECK_INT(walpool__histogram_quantile(&histogram, 2), 4);
    CHECK_INT(walpool__histogram_quantile(&histogram, 0.0 / 0.0), 1);
}

TEST(histogram__counts_a_value_that_stands_for_many)
{
    struct walpool__histogram_view view;
    record(1, 3);
    walpool__histogram_record_many(&histogram, 100, 16);
    walpool__histogram_look(&histogram, &view);
    CHECK_INT(view.count, 19);
    CHECK_INT(view.sum, 1 + 2 + 3 + 1600);
    CHECK_INT(view.max, 100);
    CHECK_INT(walpool__histogram_view_quantile(&view, 0.5), 100);
    CHECK_INT(walpool__histogram_view_quantile(&view, 0.1), 2);
}

TEST(histogram__counts_what_is_below_a_power_of_two)
{
    struct walpool__histogram_view view;
    record(0, 4095);
    walpool__histogram_look(&histogram, &view);
    for (int power = 0; power <= 12; power++)
        CHECK_INT(walpool__histogram_view_below(&view, power), 1 << power);
    CHECK_INT(walpool__histogram_view_below(&view, 40), 4096);
    walpool__histogram_record(&histogram, UINT64_MAX);
    walpool__histogram_look(&histogram, &view);
    CHECK_INT(walpool__histogram_view_below(&view, 40), 4096);
    CHECK_INT(view.count, 4097);
}

static void *
record_many(void *unused)
{
    (void)unused;
    for (uint64_t us = 0; us < 20000; us++)
        walpool__histogram_record(&histogram, us);
    return NULL;
}

TEST(histogram__loses_nothing_when_threads_record_at_once)
{
    pthread_t threads[4];
    memset(&histogram, 0, sizeof histogram);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, record_many, NULL), 0);
    CHECK(walpool__histogram_quantile(&histogram, 0.5) <= 19999);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(walpool__histogram_count(&histogram), 80000);
    CHECK_INT(walpool__histogram_max(&histogram), 19999);
}

CHECK_MAIN()
