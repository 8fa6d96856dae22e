/* pace: whether stepping ahead is worth it. */
#include "pace.h"

#include "check.h"

#define US 1000

static struct walpool__pace pace;
static int64_t now_ns;

/* The user works on a block for so long, then steps the next one himself, or
 * takes it from a thread. Shall a thread be set to work on the one behind? */
static bool
block(int64_t use_us, int64_t takes_us, bool by_thread)
{
    now_ns += use_us * US;
    walpool__pace_ask(&pace, now_ns);
    now_ns += takes_us * US;
    walpool__pace_give(&pace, now_ns, by_thread);
    return walpool__pace_try(&pace);
}

static void
begin(void)
{
    memset(&pace, 0, sizeof pace);
    now_ns = 1;
    pace.given_ns = now_ns;
}

TEST(pace__who_works_as_long_as_stepping_takes_is_helped)
{
    begin();
    CHECK(block(100, 100, false));
    for (int i = 0; i < 100; i++)
        CHECK(block(100, 5, true));
}

TEST(pace__who_does_little_with_a_block_steps_himself)
{
    static const struct { int64_t use_us, fill_us; bool helped; } cases[] = {
        {0, 100, false},  {19, 10, false}, {20, 10, true}, {49, 100, false},
        {50, 100, true}, {5000, 1, true}, {400, 900, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        CHECK_INT(block(cases[i].use_us, cases[i].fill_us, false),
                  cases[i].helped);
    }
}

TEST(pace__a_user_who_changes_is_seen_at_the_next_block)
{
    begin();
    CHECK(!block(1, 100, false));
    CHECK(block(100, 100, false));
    CHECK(!block(1, 5, true));
}

/* Waited for as long as he would have stepped, or nobody came at all. */
TEST(pace__help_that_comes_late_is_tried_less_and_less_often)
{
    for (int by_thread = 0; by_thread < 2; by_thread++) {
        int steps = 0;
        begin();
        CHECK(block(100, 100, false));
        for (int round = 1; round <= 8; round++) {
            int pause = 0;
            CHECK(!block(100, 100, by_thread != 0));
            while (!block(100, 100, false))
                pause++;
            steps += pause + 1;
            CHECK_INT(pause, (round < 6 ? 1 << round : 64) - 1);
        }
        CHECK_INT(steps, 2 + 4 + 8 + 16 + 32 + 64 + 64 + 64);
        CHECK(block(100, 5, true)); /* in time: as at the beginning */
        CHECK(!block(100, 100, true));
        CHECK(!block(100, 100, false));
        CHECK(block(100, 100, false));
    }
}

CHECK_MAIN()
