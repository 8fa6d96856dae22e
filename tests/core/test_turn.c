/* turn: taken at once, waited for, given up, cancelled, kept, and left behind.
 * Another descriptor on the side file plays the other process. */
#include "turn.h"

#include <fcntl.h>

#include "check.h"
#include "clock.h"
#include "handle.h"
#include "mem.h"
#include "sidelock.h"

static struct walpool__turn *turn;
static struct walpool__stats stats;
static int other;
static atomic_int idle_calls;

/* As the writer does, whose slot is free here. */
static void
give_when_idle(void *arg)
{
    CHECK(arg == &stats);
    atomic_fetch_add(&idle_calls, 1);
    walpool__turn_give(turn);
}

static void
set_up(void)
{
    const char *db = check_path("a.db");
    close(open(db, O_RDWR | O_CREAT, 0600));
    atomic_store(&idle_calls, 0);
    turn = walpool__turn_open(db, &stats, give_when_idle, &stats);
    CHECK(turn != NULL);
    other = walpool__sidelock_open(check_path("a.db-turn"), db);
    CHECK(other >= 0);
}

static void
tear_down(void)
{
    walpool__turn_close(turn); /* the keeper reads the clock until here */
    walpool__clock_replace(NULL);
    walpool__sidelock_close(other);
}

static bool
take_within(int64_t timeout_ms, walpool_status *stopped)
{
    struct walpool__call call;
    walpool__call_begin_own(&call, timeout_ms);
    bool mine = walpool__turn_take(turn, &call);
    *stopped = call.stopped;
    return mine;
}

static void *
take_and_tell(void *told)
{
    walpool_status stopped;
    bool mine = take_within(20000, &stopped);
    atomic_store((atomic_int *)told, mine ? 1 : -1);
    return NULL;
}

/* The other process can have it: we have neither kept nor forgotten it. */
static bool
is_free(void)
{
    if (walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN) != 0)
        return false;
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    return true;
}

TEST(turn__is_taken_and_given)
{
    walpool_status stopped;
    set_up();
    CHECK(take_within(0, &stopped));
    CHECK(!is_free());
    walpool__turn_give(turn);
    CHECK(is_free());
    tear_down();
}

static _Atomic int64_t fake_now;

static int64_t
fake_clock(void)
{
    return fake_now;
}

static void
stop_the_clock(void)
{
    fake_now = walpool__clock_now();
    walpool__clock_replace(fake_clock);
}

static bool
stay(bool next_waits)
{
    return walpool__turn_stay(turn, next_waits, walpool__clock_now());
}

static bool
take_at_once(void)
{
    walpool_status stopped;
    return take_within(0, &stopped);
}

TEST(turn__is_kept_for_a_thread_that_waits)
{
    set_up();
    stop_the_clock();
    CHECK(take_at_once());
    CHECK(stay(true));
    CHECK(!is_free());
    CHECK(take_at_once());
    walpool__turn_give(turn);
    CHECK(is_free());
    tear_down();
}

TEST(turn__is_kept_where_writes_follow_each_other_closely)
{
    set_up();
    stop_the_clock();
    for (int i = 0; i < 3; i++) { /* the first one follows nothing */
        CHECK(take_at_once());
        CHECK(!walpool__turn_is_hot(turn));
        CHECK(!stay(false));
        walpool__turn_give(turn);
        fake_now += 49999;
    }
    CHECK(take_at_once());
    CHECK(walpool__turn_is_hot(turn));
    CHECK(stay(false));
    CHECK(!is_free());
    fake_now += 50000;
    CHECK(take_at_once());
    CHECK(!walpool__turn_is_hot(turn));
    CHECK(!stay(false));
    walpool__turn_give(turn);
    CHECK(is_free());
    tear_down();
}

TEST(turn__is_kept_beyond_its_streak_only_if_nobody_is_in_line)
{
    set_up();
    stop_the_clock();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_QUEUE);
    CHECK(take_at_once());
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    fake_now += 999999;
    CHECK(stay(true));
    CHECK(take_at_once());
    fake_now += 1;
    CHECK(!stay(true)); /* somebody is */
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_QUEUE);
    CHECK(stay(true)); /* the next streak begins */
    CHECK(take_at_once());
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    fake_now += 999999;
    CHECK(stay(true));
    CHECK(!is_free());
    tear_down();
}

TEST(turn__that_is_kept_in_vain_is_given_on)
{
    set_up();
    CHECK(take_at_once());
    CHECK(stay(true));
    CHECK_EVENTUALLY(is_free());
    CHECK(atomic_load(&idle_calls) > 0);
    CHECK(take_at_once()); /* and again, after the keeper had nothing to do */
    CHECK(stay(true));
    CHECK_EVENTUALLY(is_free());
    tear_down();
}

TEST(turn__without_a_keeper_is_not_kept)
{
    set_up();
    CHECK(take_at_once());
    walpool__mem_fail_after(0); /* the keeper's thread cannot start */
    CHECK(!stay(true));
    walpool__mem_fail_after(-1);
    CHECK(stay(true));
    tear_down();
}

TEST(turn__that_was_not_to_be_had_is_not_kept)
{
    walpool_status stopped;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    walpool__mem_fail_after(0);
    CHECK(take_within(20000, &stopped)); /* SQLite's lock decides */
    walpool__mem_fail_after(-1);
    CHECK(!stay(true));
    walpool__turn_give(turn);
    tear_down();
}

TEST(turn__is_taken_again_in_a_streak_and_then_only_in_line)
{
    walpool_status stopped;
    set_up();
    walpool__clock_replace(fake_clock);
    CHECK(take_within(0, &stopped));
    walpool__turn_give(turn);
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    fake_now += 999999; /* the other process is next, and may be overtaken */
    CHECK(take_within(0, &stopped));
    walpool__turn_give(turn);
    fake_now += 1;
    CHECK(!take_within(0, &stopped));
    CHECK_INT(stopped, WALPOOL_TIMEOUT);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_QUEUE);
    CHECK(take_within(0, &stopped));
    walpool__turn_give(turn);
    tear_down();
}

static void *
come_to_its_senses(void *unused)
{
    (void)unused;
    CHECK_EVENTUALLY(atomic_load(&stats.turn_waits) > 0);
    CHECK_INT(walpool__sidelock_wait(other, WALPOOL__SIDELOCK_QUEUE), 0);
    CHECK_INT(walpool__sidelock_wait(other, WALPOOL__SIDELOCK_TURN), 0);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_LINE);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_QUEUE);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    return NULL;
}

/* The queue lock is free, and its next holder has only just been woken. */
TEST(turn__is_not_taken_before_those_who_stand_in_line)
{
    walpool_status stopped;
    pthread_t thread;
    set_up();
    walpool__sidelock_join(other);
    CHECK(!take_within(0, &stopped));
    CHECK_INT(stopped, WALPOOL_TIMEOUT);
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_QUEUE);
    atomic_store(&stats.turn_waits, 0);
    CHECK_INT(pthread_create(&thread, NULL, come_to_its_senses, NULL), 0);
    CHECK(take_within(20000, &stopped));
    pthread_join(thread, NULL);
    walpool__turn_give(turn);
    tear_down();
}

/* Somebody who stands in line and never takes the lock keeps nobody. */
TEST(turn__is_taken_past_one_who_stands_there_for_long)
{
    walpool_status stopped;
    set_up();
    walpool__sidelock_join(other);
    CHECK(take_within(20000, &stopped));
    walpool__turn_give(turn);
    tear_down();
}

TEST(turn__without_a_keeper_leaves_the_line_free)
{
    walpool_status stopped;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    walpool__mem_fail_after(0); /* the keeper's thread cannot start */
    CHECK(take_within(20000, &stopped));
    walpool__mem_fail_after(-1);
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    walpool__turn_give(turn);
    tear_down();
}

TEST(turn__that_is_refused_leaves_the_line_free)
{
    walpool_status stopped;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    CHECK(!take_within(0, &stopped));
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_QUEUE), 0);
    tear_down();
}

TEST(turn__of_another_process_ends_a_wait_at_its_deadline)
{
    walpool_status stopped;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    CHECK(!take_within(0, &stopped));
    CHECK_INT(stopped, WALPOOL_TIMEOUT);
    CHECK(!take_within(20, &stopped));
    CHECK_INT(stopped, WALPOOL_TIMEOUT);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    CHECK(take_within(20000, &stopped));
    walpool__turn_give(turn);
    CHECK_EVENTUALLY(is_free());
    tear_down();
}

TEST(turn__that_came_too_late_is_given_on)
{
    walpool_status stopped;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    CHECK(!take_within(10, &stopped)); /* the keeper waits on */
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    CHECK_EVENTUALLY(is_free());
    tear_down();
}

TEST(turn__comes_to_a_waiting_thread)
{
    pthread_t thread;
    atomic_int told = 0;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    CHECK_INT(pthread_create(&thread, NULL, take_and_tell, &told), 0);
    CHECK_INT(atomic_load(&told), 0);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    pthread_join(thread, NULL);
    CHECK_INT(atomic_load(&told), 1);
    CHECK(!is_free());
    walpool__turn_give(turn);
    CHECK(is_free());
    tear_down();
}

static void *
take_with_token(void *token)
{
    walpool_call asked = WALPOOL_CALL_INIT;
    struct walpool__call call;
    asked.token = token;
    asked.timeout_ms = 20000;
    CHECK_INT(walpool__call_begin(&call, &asked, -1, NULL), WALPOOL_OK);
    bool mine = walpool__turn_take(turn, &call);
    walpool__call_end(&call);
    return mine ? token : NULL;
}

TEST(turn__is_no_longer_waited_for_when_cancelled)
{
    pthread_t thread;
    void *got;
    int64_t before = atomic_load(&stats.turn_waits);
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    walpool_token *token = walpool_token_open(NULL);
    CHECK_INT(pthread_create(&thread, NULL, take_with_token, token), 0);
    CHECK_EVENTUALLY(atomic_load(&stats.turn_waits) == before + 1);
    CHECK_INT(walpool_cancel(token, NULL), WALPOOL_OK);
    pthread_join(thread, &got);
    CHECK(got == NULL);
    walpool_token_close(token);
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    CHECK_EVENTUALLY(is_free());
    tear_down();
}

TEST(turn__can_be_closed_while_its_keeper_waits)
{
    walpool_status stopped;
    set_up();
    CHECK_INT(walpool__sidelock_try(other, WALPOOL__SIDELOCK_TURN), 0);
    CHECK(!take_within(1, &stopped));
    walpool__turn_close(turn); /* does not wait for the other process */
    walpool__sidelock_give(other, WALPOOL__SIDELOCK_TURN);
    CHECK_EVENTUALLY(is_free());
    walpool__sidelock_close(other);
}

TEST(turn__needs_a_folder_that_can_be_written)
{
    CHECK(walpool__turn_open(check_path("missing/a.db"), &stats,
                             give_when_idle, &stats) == NULL);
    walpool__turn_close(NULL);
    walpool__turn_forget_in_child(NULL);
}

CHECK_MAIN()
