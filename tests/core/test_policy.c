/* policy: what is seen, and what is done about it, as tables. */
#include "policy.h"

#include "check.h"

/* A WAL that needs work, before anything was done in this run. */
static struct walpool__wal_view
view_of(int64_t frames, int64_t checkpointed)
{
    return (struct walpool__wal_view){.frames = frames,
                                      .checkpointed = checkpointed,
                                      .threshold = 1000,
                                      .gate_ms = 100,
                                      .oldest_ms = -1};
}

static const struct {
    const char *what;
    int64_t frames, checkpointed, threshold;
    bool asked;
    int copies;
    int64_t copied_last;
    bool finished, done, gated;
    int64_t gate_ms, oldest_ms;
    enum walpool__step step;
} rows[] = {
    {"an empty WAL", 0, 0, 1000, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_END},
    {"below the threshold", 999, 0, 1000, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_END},
    {"at it", 1000, 0, 1000, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_COPY},
    {"much of it is copied", 4000, 3500, 4000, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"one frame more", 4000, 3499, 4000, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_COPY},
    {"all of it", 1000, 1000, 1000, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"a small threshold", 256, 0, 10, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"a small threshold, more", 257, 0, 10, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_COPY},
    {"threshold 1", 1, 0, 1, 0, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"writers were faster", 3000, 1000, 1000, 0, 1, 1000, 0, 0, 0, 100, -1, WALPOOL__STEP_COPY},
    {"for the last time", 3000, 1000, 1000, 0, 5, 200, 0, 0, 0, 100, -1, WALPOOL__STEP_COPY},
    {"too often", 3000, 1000, 1000, 0, 6, 200, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"copying got nothing done", 3000, 1000, 1000, 0, 1, 0, 0, 0, 0, 100, 7, WALPOOL__STEP_FINISH},
    {"finished: it is anew", 0, 0, 1000, 0, 1, 1000, 1, 1, 0, 100, -1, WALPOOL__STEP_END},
    {"done, although there are frames", 5000, 0, 1000, 0, 1, 1000, 1, 1, 0, 100, 3, WALPOOL__STEP_END},
    {"asked for an empty one", 0, 0, 1000, 1, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"asked for a small one", 100, 0, 1000, 1, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"asked for a large one", 500, 0, 1000, 1, 0, 0, 0, 0, 0, 100, -1, WALPOOL__STEP_COPY},
    {"behind the gate another was faster", 10, 0, 1000, 0, 0, 0, 0, 0, 1, 100, -1, WALPOOL__STEP_FINISH},
    {"finished, kept by a young reader", 1500, 1200, 1000, 0, 1, 0, 1, 0, 0, 100, 3, WALPOOL__STEP_GATE},
    {"of the gate's last ms", 1500, 1200, 1000, 0, 1, 0, 1, 0, 0, 100, 99, WALPOOL__STEP_GATE},
    {"by one that stays", 1500, 1200, 1000, 0, 1, 0, 1, 0, 0, 100, 100, WALPOOL__STEP_END},
    {"by nobody of ours", 1500, 1200, 1000, 0, 1, 0, 1, 0, 0, 100, -1, WALPOOL__STEP_END},
    {"no gate is wanted", 1500, 1200, 1000, 0, 1, 0, 1, 0, 0, 0, 3, WALPOOL__STEP_END},
    {"one gate a run", 1500, 1200, 1000, 0, 1, 0, 1, 0, 1, 100, 3, WALPOOL__STEP_END},
    {"behind the gate", 4000, 1200, 1000, 0, 0, 0, 0, 0, 1, 100, -1, WALPOOL__STEP_COPY},
    {"behind the gate, little", 1500, 1450, 1000, 0, 1, 250, 0, 0, 1, 100, -1, WALPOOL__STEP_FINISH},
};

TEST(policy__decides_by_what_it_sees)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct walpool__wal_view view = {
            rows[i].frames,   rows[i].checkpointed, rows[i].threshold,
            rows[i].asked,    rows[i].copies,       rows[i].copied_last,
            rows[i].finished, rows[i].done,         rows[i].gated,
            rows[i].gate_ms,  rows[i].oldest_ms};
        CHECK_STR(rows[i].what, walpool__policy_next(&view) == rows[i].step
                                    ? rows[i].what
                                    : "another step");
    }
}

/* Whatever comes of each step, a run ends. */
TEST(policy__comes_to_an_end)
{
    for (int outcome = 0; outcome < 8; outcome++) {
        struct walpool__wal_view view = view_of(5000, 0);
        enum walpool__step step;
        int steps = 0;
        view.oldest_ms = 1;
        while ((step = walpool__policy_next(&view)) != WALPOOL__STEP_END) {
            view.frames += 100000; /* writers never rest */
            if (step == WALPOOL__STEP_COPY) {
                view.copies++;
                view.copied_last = outcome & 1 ? 50000 : 0;
                view.checkpointed += view.copied_last;
            } else if (step == WALPOOL__STEP_FINISH) {
                view.finished = true;
                view.done = outcome & 2;
            } else {
                view.gated = true;
                view.copies = 0;
                view.finished = false;
                view.oldest_ms = outcome & 4 ? -1 : 200;
            }
            CHECK(++steps < 20);
        }
    }
}

TEST(policy__looks_again_later_and_later)
{
    CHECK_INT(walpool__policy_look_again_ms(true, 0), -1);
    CHECK_INT(walpool__policy_look_again_ms(true, 9), -1);
    CHECK_INT(walpool__policy_look_again_ms(false, 1), 50);
    CHECK_INT(walpool__policy_look_again_ms(false, 2), 100);
    CHECK_INT(walpool__policy_look_again_ms(false, 5), 800);
    CHECK_INT(walpool__policy_look_again_ms(false, 6), 1000);
    CHECK_INT(walpool__policy_look_again_ms(false, 1000000), 1000);
}

TEST(policy__holds_up_commits_that_outrun_the_copying)
{
    CHECK_INT(walpool__policy_hold_up_us(0, 1000), 0);
    CHECK_INT(walpool__policy_hold_up_us(2999, 1000), 0);
    CHECK_INT(walpool__policy_hold_up_us(3000, 1000), 1000);
    CHECK_INT(walpool__policy_hold_up_us(4000, 1000), 4000);
    CHECK_INT(walpool__policy_hold_up_us(5000, 1000), 15000);
    CHECK_INT(walpool__policy_hold_up_us(INT64_MAX, 1), 15000);
}

CHECK_MAIN()
