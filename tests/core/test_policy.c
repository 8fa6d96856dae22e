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
                                      .beside = true,
                                      .patience_ms = 100,
                                      .gate_ms = 100,
                                      .oldest_ms = -1,
                                      .others_ms = -1};
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
    {"too often, and too much is left", 3001, 1000, 1000, 0, 6, 200, 0, 0, 0, 100, -1, WALPOOL__STEP_END},
    {"the same, maybe for a young reader", 3001, 1000, 1000, 0, 6, 200, 0, 0, 0, 100, 7, WALPOOL__STEP_GATE},
    {"a small threshold, as much as there may be", 1024, 0, 10, 0, 6, 200, 0, 0, 0, 100, -1, WALPOOL__STEP_FINISH},
    {"a small threshold, more than that", 1025, 0, 10, 0, 6, 200, 0, 0, 0, 100, -1, WALPOOL__STEP_END},
    {"copying got nothing done", 3000, 1000, 1000, 0, 1, 0, 0, 0, 0, 100, 7, WALPOOL__STEP_FINISH},
    {"a young reader keeps much", 3001, 1000, 1000, 0, 1, 0, 0, 0, 0, 100, 7, WALPOOL__STEP_GATE},
    {"an old reader keeps much", 3001, 1000, 1000, 0, 1, 0, 0, 0, 0, 100, 100, WALPOOL__STEP_END},
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
        struct walpool__wal_view view =
            view_of(rows[i].frames, rows[i].checkpointed);
        view.threshold = rows[i].threshold;
        view.asked = rows[i].asked;
        view.copies = rows[i].copies;
        view.copied_last = rows[i].copied_last;
        view.finished = rows[i].finished;
        view.done = rows[i].done;
        view.gated = rows[i].gated;
        view.gate_ms = rows[i].gate_ms;
        view.oldest_ms = rows[i].oldest_ms;
        CHECK_STR(rows[i].what, walpool__policy_next(&view) == rows[i].step
                                    ? rows[i].what
                                    : "another step");
    }
}

/* Above the ceiling, kept by an old reader of ours: all that INTERRUPT needs. */
static struct walpool__wal_view
view_above(void)
{
    struct walpool__wal_view view = view_of(20000, 100);
    view.ceiling = 16000;
    view.policy = WALPOOL__CEILING_INTERRUPT;
    view.copies = 1;
    view.pin_is_pooled = true;
    view.oldest_ms = 100;
    return view;
}

TEST(policy__interrupts_only_where_it_helps)
{
    struct walpool__wal_view view = view_above();
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_INTERRUPT);
    view.finished = true;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_INTERRUPT);
    view.done = true;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_END);
    for (int i = 0; i < 8; i++) {
        view = view_above();
        if (i == 0)
            view.frames = 16000;
        else if (i == 1)
            view.policy = WALPOOL__CEILING_FAIL;
        else if (i == 2)
            view.pin_is_pooled = false;
        else if (i == 3)
            view.oldest_ms = 99, view.gated = true;
        else if (i == 4)
            view.interrupts = 2;
        else if (i == 5)
            view.asked = true;
        else if (i == 6)
            view.ceiling = 0;
        else
            view.oldest_ms = -1;
        CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_END);
    }
    view = view_above();
    view.oldest_ms = 99;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_GATE);
}

TEST(policy__begins_anew_behind_an_interrupt)
{
    struct walpool__wal_view view = view_above();
    view.interrupts = 1;
    view.copies = 0;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_COPY);
    view.frames = view.checkpointed = 10; /* another was faster */
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_FINISH);
}

/* Who was interrupted has come back, and is in the way again. */
TEST(policy__interrupts_again_who_comes_back)
{
    struct walpool__wal_view view = view_above();
    view.interrupts = 1;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_INTERRUPT);
    view.finished = true;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_INTERRUPT);
    view.oldest_ms = 3; /* it may go by itself */
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_GATE);
    view.gated = true; /* it did not, and is not young any more */
    view.oldest_ms = 103;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_INTERRUPT);
    view.interrupts = 2;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_END);
}

TEST(policy__shuts_no_gate_where_others_keep_the_WAL)
{
    struct walpool__wal_view view = view_of(1500, 1200);
    view.finished = true;
    view.oldest_ms = 3;
    view.others_ms = 99;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_GATE);
    view.others_ms = 100;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_END);
}

TEST(policy__knows_what_the_next_run_cures)
{
    struct walpool__wal_view view = view_above();
    CHECK(walpool__policy_is_curable(&view));
    view.oldest_ms = 3; /* if not the next one, then the one after it */
    CHECK(walpool__policy_is_curable(&view));
    view.pin_is_pooled = false;
    CHECK(!walpool__policy_is_curable(&view));
    view = view_above();
    view.policy = WALPOOL__CEILING_BACKPRESSURE;
    CHECK(!walpool__policy_is_curable(&view));
    view = view_above();
    view.done = true;
    CHECK(!walpool__policy_is_curable(&view));
    view = view_above();
    view.frames = 16000;
    CHECK(!walpool__policy_is_curable(&view));
}

TEST(policy__finishes_at_once_where_nothing_may_be_copied_beside_writers)
{
    struct walpool__wal_view view = view_of(100000, 0);
    view.beside = false;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_FINISH);
}

TEST(policy__ends_when_the_writer_was_given_back_too_often)
{
    struct walpool__wal_view view = view_of(5000, 4900);
    view.crowded = 1;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_FINISH);
    view.crowded = 2;
    CHECK_INT(walpool__policy_next(&view), WALPOOL__STEP_END);
}

TEST(policy__knows_what_is_over_the_ceiling)
{
    struct walpool__wal_view view = view_above();
    CHECK(walpool__policy_is_over(&view));
    view.frames = 16000;
    CHECK(!walpool__policy_is_over(&view));
    view.frames = 16001;
    CHECK(walpool__policy_is_over(&view));
    view.done = true;
    CHECK(!walpool__policy_is_over(&view));
    view.done = false;
    view.ceiling = 0;
    CHECK(!walpool__policy_is_over(&view));
    CHECK_INT(walpool__policy_ceiling(-1, 1000), 16000);
    CHECK_INT(walpool__policy_ceiling(0, 1000), 0);
    CHECK_INT(walpool__policy_ceiling(1234, 1000), 1234);
    CHECK_INT(walpool__policy_most_in_hand(1000), 2000);
    CHECK_INT(walpool__policy_most_in_hand(1), 1024);
}

/* A run by chance: whatever the world is at each look, and whatever comes of a
 * step. What the run itself keeps is kept as checkpoint_run.c does. */
static uint64_t dice;

static uint64_t
throw_dice(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static void
look_by_chance(struct walpool__wal_view *view)
{
    view->frames = (int64_t)throw_dice(4) * (int64_t)throw_dice(20000);
    view->checkpointed = throw_dice(3) ? (int64_t)throw_dice(
                                             (uint64_t)view->frames + 1)
                                       : view->frames;
    view->oldest_ms = (int64_t)throw_dice(200) - 1;
    view->others_ms = (int64_t)throw_dice(200) - 1;
    view->pin_is_pooled = throw_dice(2);
}

static void
carry_out(struct walpool__wal_view *view, enum walpool__step step)
{
    int64_t most = walpool__policy_most_in_hand(view->threshold);
    switch (step) {
    case WALPOOL__STEP_COPY:
        CHECK(view->beside);
        view->copies++;
        view->copied_last = (int64_t)throw_dice(3) - 1;
        break;
    case WALPOOL__STEP_FINISH:
        CHECK(!view->beside || view->frames - view->checkpointed <= most);
        if (view->beside && throw_dice(3) == 0) {
            view->crowded++;
            break;
        }
        view->finished = true;
        view->done = throw_dice(4) == 0;
        break;
    case WALPOOL__STEP_GATE:
        CHECK(!view->gated);
        view->gated = true;
        view->copies = 0;
        view->finished = throw_dice(2);
        break;
    case WALPOOL__STEP_INTERRUPT:
        CHECK(view->interrupts < 2 && view->pin_is_pooled && !view->asked);
        CHECK_INT(view->policy, WALPOOL__CEILING_INTERRUPT);
        CHECK(view->frames > view->ceiling);
        view->interrupts++;
        view->gated |= view->interrupts == 2 && view->gate_ms > 0;
        view->copies = 0;
        view->finished = false;
        break;
    default:
        CHECK(!"an unknown step");
    }
}

/* No sequence of views keeps a run going: each part of it has at most
 * MOST_COPIES copies and one FINISH, MOST_CROWDED are turned away, and there is
 * one GATE and two INTERRUPTs. Every kind of step is met. */
TEST(policy__comes_to_an_end_whatever_happens)
{
    int met[WALPOOL__STEP_END + 1] = {0};
    for (dice = 88172645463325252u; met[WALPOOL__STEP_END] < 300000;) {
        struct walpool__wal_view view = {0};
        enum walpool__step step = WALPOOL__STEP_END;
        int steps = 0;
        view.threshold = 1 + (int64_t)throw_dice(3000);
        view.ceiling = (int64_t)throw_dice(3) * 8000;
        view.policy = (enum walpool__ceiling_policy)throw_dice(4);
        view.beside = throw_dice(8);
        view.asked = throw_dice(4) == 0;
        view.gate_ms = view.patience_ms = (int64_t)throw_dice(3) * 50;
        do {
            look_by_chance(&view);
            step = walpool__policy_next(&view);
            met[step]++;
            if (step != WALPOOL__STEP_END)
                carry_out(&view, step);
            CHECK(++steps <= 4 * (6 + 1) + 2 + 3 + 1);
        } while (step != WALPOOL__STEP_END);
        CHECK(!view.done || view.finished);
    }
    for (int step = 0; step <= WALPOOL__STEP_END; step++)
        CHECK(met[step] > 100);
}

TEST(policy__looks_again_later_and_later)
{
    CHECK_INT(walpool__policy_look_again_ms(true, 0, false), -1);
    CHECK_INT(walpool__policy_look_again_ms(true, 9, true), -1);
    CHECK_INT(walpool__policy_look_again_ms(false, 1, false), 50);
    CHECK_INT(walpool__policy_look_again_ms(false, 2, false), 100);
    CHECK_INT(walpool__policy_look_again_ms(false, 5, false), 800);
    CHECK_INT(walpool__policy_look_again_ms(false, 6, false), 1000);
    CHECK_INT(walpool__policy_look_again_ms(false, 1000000, false), 1000);
    CHECK_INT(walpool__policy_look_again_ms(false, 1000000, true), 50);
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
