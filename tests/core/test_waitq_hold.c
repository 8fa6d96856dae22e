/* waitq: held, so that everything comes home while newcomers wait. */
#include "line.h"

static atomic_bool is_home;

static void *
hold(void *arg)
{
    atomic_store(&is_home, walpool__waitq_hold(&waitq, *(int64_t *)arg));
    return NULL;
}

static bool
is_held(void)
{
    walpool__mutex_lock(&waitq.mutex);
    bool held = waitq.held;
    walpool__mutex_unlock(&waitq.mutex);
    return held;
}

TEST(waitq__holds_at_once_when_everything_is_home)
{
    struct customer customer = {0};
    begin(2);
    CHECK(walpool__waitq_hold(&waitq, 0));
    line_up(&customer, -1);
    CHECK(!atomic_load(&customer.done));
    walpool__waitq_release(&waitq);
    leave_line(&customer);
    CHECK(customer.item != NULL && customer.waited);
    walpool__waitq_give(&waitq, customer.item);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__waits_for_what_is_out_and_lends_nothing_meanwhile)
{
    struct customer customers[3] = {{0}};
    pthread_t holder;
    int64_t never = WALPOOL__NEVER;
    begin(2);
    int *one = try_take(), *two = try_take();
    line_up(&customers[0], -1);
    CHECK_INT(pthread_create(&holder, NULL, hold, &never), 0);
    CHECK_EVENTUALLY(is_held());
    line_up(&customers[1], -1);
    walpool__waitq_give(&waitq, one);
    line_up(&customers[2], -1);
    CHECK_INT(lent(), 1);
    CHECK_INT(waiters(), 3);
    walpool__waitq_give(&waitq, two);
    CHECK_INT(pthread_join(holder, NULL), 0);
    CHECK(atomic_load(&is_home));
    CHECK_INT(lent(), 0);
    walpool__waitq_release(&waitq);
    for (int served = 0; served < 3; served++) {
        int next = -1;
        CHECK_EVENTUALLY(
            (next = atomic_load(&customers[0].done)   ? 0
                    : atomic_load(&customers[1].done) ? 1
                    : atomic_load(&customers[2].done) ? 2
                                                      : -1) >= 0);
        leave_line(&customers[next]);
        walpool__waitq_give(&waitq, customers[next].item);
        atomic_store(&customers[next].done, false);
    }
    walpool__waitq_finish(&waitq);
}

TEST(waitq__gives_up_holding_at_the_deadline_and_is_held_until_released)
{
    struct customer customer = {0};
    begin(2);
    int *out = try_take();
    CHECK(!walpool__waitq_hold(&waitq, walpool__clock_deadline(5)));
    line_up(&customer, -1);
    CHECK(!atomic_load(&customer.done));
    walpool__waitq_release(&waitq);
    leave_line(&customer);
    walpool__waitq_give(&waitq, customer.item);
    walpool__waitq_give(&waitq, out);
    walpool__waitq_finish(&waitq);
}

/* Timeout 0 means to wait for nothing, not even for this. */
TEST(waitq__lends_to_who_cannot_wait_although_it_is_held)
{
    begin(1);
    CHECK(walpool__waitq_hold(&waitq, 0));
    int *thing = try_take();
    CHECK(thing != NULL);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_release(&waitq);
    walpool__waitq_finish(&waitq);
}

static atomic_int passed;

static void *
pass(void *call)
{
    CHECK(walpool__waitq_pass(&waitq, call));
    atomic_fetch_add(&passed, 1);
    return NULL;
}

static void
note_leave(void *left)
{
    atomic_store((atomic_bool *)left, true);
}

TEST(waitq__lets_nobody_pass_while_it_is_held)
{
    pthread_t passer;
    atomic_bool waits = false;
    struct walpool__call call;
    begin(1);
    walpool__call_begin_own(&call, -1);
    call.leave = note_leave;
    call.leave_data = &waits;
    pass(&call);
    CHECK(!atomic_load(&waits));
    int *out = try_take();
    CHECK(!walpool__waitq_hold(&waitq, 0));
    CHECK_INT(pthread_create(&passer, NULL, pass, &call), 0);
    CHECK_EVENTUALLY(atomic_load(&waits));
    CHECK_INT(atomic_load(&passed), 1);
    walpool__waitq_release(&waitq);
    CHECK_INT(pthread_join(passer, NULL), 0);
    CHECK_INT(atomic_load(&passed), 2);
    walpool__waitq_give(&waitq, out);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__lets_who_must_stop_or_cannot_wait_pass_no_longer_than_that)
{
    struct walpool__call call;
    begin(1);
    CHECK(walpool__waitq_hold(&waitq, 0));
    walpool__call_begin_own(&call, 0);
    CHECK(walpool__waitq_pass(&waitq, &call));
    walpool__call_begin_own(&call, 5);
    CHECK(!walpool__waitq_pass(&waitq, &call));
    CHECK_INT(call.stopped, WALPOOL_TIMEOUT);
    CHECK_INT(call.phase, WALPOOL_PHASE_QUEUE);
    walpool__waitq_release(&waitq);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__lets_a_waiter_give_up_while_it_is_held)
{
    struct customer customer = {0};
    begin(1);
    CHECK(walpool__waitq_hold(&waitq, 0));
    line_up(&customer, 10);
    leave_line(&customer);
    CHECK(customer.item == NULL);
    CHECK_INT(customer.call.stopped, WALPOOL_TIMEOUT);
    walpool__waitq_release(&waitq);
    CHECK(walpool__waitq_drain(&waitq, 0));
    walpool__waitq_finish(&waitq);
}

CHECK_MAIN()
