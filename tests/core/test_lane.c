/* lane: order within a key, turns between keys, and taking out. */
#include "lane.h"

#include "check.h"
#include "fuzz.h"

enum { TASKS = 64 };

static struct walpool__lane lane;
static struct walpool__task tasks[TASKS];

static size_t
number_of(const struct walpool__task *task)
{
    return task != NULL ? (size_t)(task - tasks) : TASKS;
}

static bool
add(size_t number, uintptr_t key)
{
    tasks[number].key = key;
    return walpool__lane_add(&lane, &tasks[number]);
}

static size_t
take(void)
{
    return number_of(walpool__lane_take(&lane));
}

static void
end(size_t number)
{
    walpool__lane_end(&lane, &tasks[number]);
}

TEST(lane__gives_free_tasks_in_the_order_they_came)
{
    walpool__lane_init(&lane);
    CHECK(add(0, 0));
    CHECK(add(1, 0));
    CHECK(add(2, 0));
    CHECK_INT(take(), 0);
    CHECK_INT(take(), 1);
    CHECK_INT(take(), 2);
    CHECK_INT(take(), TASKS);
}

TEST(lane__holds_a_key_back_until_its_task_has_ended)
{
    walpool__lane_init(&lane);
    CHECK(add(0, 7));
    CHECK(!add(1, 7));
    CHECK(!add(2, 7));
    CHECK(add(3, 8));
    CHECK_INT(take(), 0);
    CHECK_INT(take(), 3);
    CHECK_INT(take(), TASKS);
    end(0);
    CHECK_INT(take(), 1);
    CHECK_INT(take(), TASKS);
    end(1);
    end(3);
    CHECK_INT(take(), 2);
    end(2);
    CHECK_INT(take(), TASKS);
    CHECK(add(4, 7));
}

TEST(lane__lets_keys_take_turns)
{
    walpool__lane_init(&lane);
    add(0, 1);
    add(1, 1);
    add(2, 1);
    add(3, 2);
    CHECK_INT(take(), 0);
    end(0);
    CHECK_INT(take(), 3);
    CHECK_INT(take(), 1);
}

TEST(lane__takes_out_a_task_wherever_it_waits)
{
    walpool__lane_init(&lane);
    for (size_t i = 0; i < 4; i++)
        add(i, 5);
    walpool__lane_remove(&lane, &tasks[2]); /* behind the head */
    walpool__lane_remove(&lane, &tasks[0]); /* the head */
    CHECK_INT(take(), 1);
    CHECK_INT(take(), TASKS);
    walpool__lane_remove(&lane, &tasks[3]); /* behind a head that runs */
    end(1);
    CHECK_INT(take(), TASKS);
    CHECK(add(4, 5));
    walpool__lane_remove(&lane, &tasks[4]);
    CHECK_INT(take(), TASKS);
    add(5, 0);
    walpool__lane_remove(&lane, &tasks[5]);
    CHECK_INT(take(), TASKS);
}

TEST(lane__tells_the_next_of_a_key_when_one_ends_or_is_taken_out)
{
    walpool__lane_init(&lane);
    add(0, 7);
    add(1, 7);
    add(2, 7);
    add(3, 0);
    CHECK(walpool__lane_knows(&lane, 7));
    CHECK(!walpool__lane_knows(&lane, 8));
    CHECK(!walpool__lane_knows(&lane, 0));
    CHECK_INT(take(), 0);
    CHECK_INT(number_of(walpool__lane_end(&lane, &tasks[0])), 1);
    CHECK_INT(number_of(walpool__lane_remove(&lane, &tasks[1])), 2);
    CHECK_INT(number_of(walpool__lane_remove(&lane, &tasks[2])), TASKS);
    CHECK(!walpool__lane_knows(&lane, 7));
    CHECK_INT(take(), 3);
    CHECK_INT(number_of(walpool__lane_end(&lane, &tasks[3])), TASKS);
}

TEST(lane__is_left_for_another_with_all_that_follow)
{
    struct walpool__lane other;
    walpool__lane_init(&lane);
    walpool__lane_init(&other);
    add(0, 7);
    add(1, 7);
    add(2, 7);
    CHECK_INT(take(), 0);
    walpool__lane_move(&lane, &other, walpool__lane_end(&lane, &tasks[0]));
    CHECK(!walpool__lane_knows(&lane, 7));
    CHECK(walpool__lane_knows(&other, 7));
    CHECK_INT(take(), TASKS);
    CHECK_INT(lane.ready_count, 0);
    CHECK_INT(other.ready_count, 1);
    tasks[3].key = 7;
    CHECK(!walpool__lane_add(&other, &tasks[3]));
    CHECK_INT(number_of(walpool__lane_take(&other)), 1);
    CHECK_INT(number_of(walpool__lane_end(&other, &tasks[1])), 2);
    CHECK_INT(number_of(walpool__lane_take(&other)), 2);
    CHECK_INT(number_of(walpool__lane_end(&other, &tasks[2])), 3);
}

enum state { AWAY, WAITS, RUNS };

static enum state states[TASKS];
static uint64_t born[TASKS]; /* order of adding */

/* Nobody of the key runs, and nobody of it has waited longer. */
static void
check_may_begin(size_t number)
{
    CHECK_INT(states[number], WAITS);
    for (size_t i = 0; i < TASKS && tasks[number].key != 0; i++) {
        if (i == number || tasks[i].key != tasks[number].key)
            continue;
        CHECK(states[i] != RUNS);
        CHECK(states[i] != WAITS || born[i] > born[number]);
    }
}

static bool
somebody_may_begin(void)
{
    for (size_t i = 0; i < TASKS; i++) {
        bool free = states[i] == WAITS;
        for (size_t j = 0; j < TASKS && tasks[i].key != 0; j++)
            free = free && !(states[j] == RUNS && tasks[j].key == tasks[i].key);
        if (free)
            return true;
    }
    return false;
}

static void
step(struct fuzz *fuzz, uint64_t round)
{
    size_t number = fuzz_below(fuzz, TASKS);
    if (states[number] == AWAY) {
        add(number, fuzz_below(fuzz, 6));
        born[number] = round;
        states[number] = WAITS;
    } else if (states[number] == RUNS) {
        end(number);
        states[number] = AWAY;
    } else if (fuzz_below(fuzz, 3) == 0) {
        walpool__lane_remove(&lane, &tasks[number]);
        states[number] = AWAY;
    } else {
        size_t taken = take();
        CHECK(somebody_may_begin() == (taken < TASKS));
        if (taken < TASKS) {
            check_may_begin(taken);
            states[taken] = RUNS;
        }
    }
}

TEST(lane__keeps_its_promises_through_random_steps)
{
    struct fuzz fuzz = {20240610};
    walpool__lane_init(&lane);
    memset(states, 0, sizeof states);
    for (uint64_t round = 0; round < 200000; round++)
        step(&fuzz, round);
}

CHECK_MAIN()
