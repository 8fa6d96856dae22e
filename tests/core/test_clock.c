/* clock: one monotonic time, and deadlines that cannot overflow. */
#include "clock.h"

#include "check.h"

static int64_t
fixed(void)
{
    return 5000000000;
}

TEST(clock__never_goes_back)
{
    int64_t before = walpool__clock_now();
    CHECK(before > 0);
    for (int i = 0; i < 1000; i++) {
        int64_t now = walpool__clock_now();
        CHECK(now >= before);
        before = now;
    }
}

TEST(clock__is_the_one_that_a_test_gives)
{
    walpool__clock_replace(fixed);
    int64_t now = walpool__clock_now();
    int64_t deadline = walpool__clock_deadline(250);
    walpool__clock_replace(NULL);
    CHECK_INT(now, 5000000000);
    CHECK_INT(deadline, 5250000000);
    CHECK(walpool__clock_now() != 5000000000);
}

TEST(clock__has_no_deadline_for_a_negative_timeout)
{
    CHECK(walpool__clock_deadline(-1) == WALPOOL__NEVER);
    CHECK(walpool__clock_deadline(INT64_MIN) == WALPOOL__NEVER);
}

TEST(clock__has_no_deadline_beyond_its_range)
{
    CHECK(walpool__clock_deadline(INT64_MAX) == WALPOOL__NEVER);
    CHECK(walpool__clock_deadline(INT64_MAX / 1000000) == WALPOOL__NEVER);
    CHECK(walpool__clock_deadline(86400000) > walpool__clock_now());
}

TEST(clock__makes_a_timeout_of_zero_pass_at_once)
{
    CHECK(walpool__clock_deadline(0) <= walpool__clock_now());
}

CHECK_MAIN()
