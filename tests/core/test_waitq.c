/* waitq: who gets what, in which order, and who is told to go. */
#include "line.h"
#include "quiet.h"

TEST(waitq__lends_the_newest_first)
{
    begin(3);
    CHECK(try_take() == &things[2]);
    CHECK(try_take() == &things[1]);
    CHECK_INT(lent(), 2);
    walpool__waitq_give(&waitq, &things[2]);
    CHECK(try_take() == &things[2]);
    CHECK(try_take() == &things[0]);
    CHECK(try_take() == NULL);
    for (int i = 0; i < 3; i++)
        walpool__waitq_give(&waitq, &things[i]);
    CHECK_INT(lent(), 0);
    walpool__waitq_finish(&waitq);
}

static void *
take_pocketed(void *thing)
{
    CHECK(try_take() == thing);
    walpool__waitq_pocket(&waitq, thing);
    return NULL;
}

static void
another_thread_takes(int *thing)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, take_pocketed, thing), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

TEST(waitq__has_free_what_is_in_a_pocket)
{
    int place;
    begin(3);
    int *first = try_take(), *second = try_take();
    walpool__waitq_pocket(&waitq, first);
    CHECK_INT(lent(), 1);
    walpool__waitq_give(&waitq, second);
    CHECK(try_take() == first); /* this thread's */
    walpool__waitq_pocket(&waitq, first);
    another_thread_takes(first);
    CHECK_INT(lent(), 0);
    CHECK(walpool__waitq_borrow(&waitq, first, &place));
    walpool__waitq_bring_back(&waitq, first, place);
    CHECK(walpool__waitq_try(&waitq) == first);
    walpool__waitq_pocket(&waitq, first);
    first = try_take();
    walpool__waitq_pocket(&waitq, first);
    CHECK(walpool__waitq_hold(&waitq, 0));
    walpool__waitq_release(&waitq);
    walpool__waitq_pocket(&waitq, try_take());
    CHECK(walpool__waitq_drain(&waitq, 0));
    CHECK(try_take() == NULL);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__lends_what_was_borrowed_in_its_place)
{
    int place = -1;
    begin(3);
    CHECK(walpool__waitq_borrow(&waitq, &things[1], &place));
    CHECK(!walpool__waitq_borrow(&waitq, &things[1], &place));
    CHECK_INT(place, 1);
    CHECK_INT(lent(), 0);
    walpool__waitq_bring_back(&waitq, &things[1], place);
    for (int i = 2; i >= 0; i--)
        CHECK(try_take() == &things[i]);
    walpool__waitq_give(&waitq, &things[0]);
    CHECK(walpool__waitq_borrow(&waitq, &things[0], &place));
    CHECK_INT(lent(), 2);
    walpool__waitq_bring_back(&waitq, &things[0], 2); /* fewer are there */
    walpool__waitq_give(&waitq, &things[1]);
    walpool__waitq_put(&waitq, &things[2]); /* after all others */
    CHECK(try_take() == &things[1]);
    CHECK(try_take() == &things[0]);
    CHECK(try_take() == &things[2]);
    for (int i = 0; i < 3; i++)
        walpool__waitq_give(&waitq, &things[i]);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__swaps_for_the_next)
{
    begin(3);
    CHECK(try_take() == &things[2]);
    CHECK(walpool__waitq_swap(&waitq, &things[2]) == &things[1]);
    CHECK(try_take() == &things[0]);
    CHECK_INT(lent(), 2);
    CHECK(try_take() == &things[2]);
    CHECK(walpool__waitq_swap(&waitq, &things[0]) == &things[0]);
    for (int i = 0; i < 3; i++)
        walpool__waitq_give(&waitq, &things[i]);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__hands_what_was_borrowed_to_who_waits)
{
    struct customer customer = {0};
    int place;
    begin(1);
    CHECK(walpool__waitq_borrow(&waitq, &things[0], &place));
    line_up(&customer, -1);
    walpool__waitq_bring_back(&waitq, &things[0], place);
    leave_line(&customer);
    CHECK(customer.item == &things[0]);
    walpool__waitq_give(&waitq, &things[0]);
    walpool__waitq_finish(&waitq);
}

static void *
take_at_once(void *thing)
{
    CHECK(try_take() == thing);
    return NULL;
}

TEST(waitq__tells_nobody_that_all_are_lent_while_one_is_borrowed)
{
    pthread_t thread;
    int place;
    begin(2);
    CHECK(try_take() == &things[1]);
    CHECK(walpool__waitq_borrow(&waitq, &things[0], &place));
    CHECK_INT(pthread_create(&thread, NULL, take_at_once, &things[0]), 0);
    quiet_wait(); /* it sleeps, or has ended */
    walpool__waitq_bring_back(&waitq, &things[0], place);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(try_take() == NULL);
    walpool__waitq_give(&waitq, &things[0]);
    walpool__waitq_give(&waitq, &things[1]);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__tells_who_waits_for_nothing_at_once)
{
    struct walpool__call call;
    bool waited = true;
    begin(1);
    int *thing = try_take();
    walpool__call_begin_own(&call, 0);
    CHECK(walpool__waitq_take(&waitq, &call, NULL, &waited) == NULL);
    CHECK(!waited);
    CHECK_INT(call.stopped, WALPOOL_TIMEOUT);
    CHECK_INT(call.phase, WALPOOL_PHASE_QUEUE);
    CHECK_INT(waiters(), 0);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__hands_a_thing_to_who_waits)
{
    struct customer customer = {0};
    begin(1);
    int *thing = try_take();
    line_up(&customer, -1);
    walpool__waitq_give(&waitq, thing);
    leave_line(&customer);
    CHECK(customer.item == thing);
    CHECK(customer.waited);
    CHECK_INT(waiters(), 0);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__lets_a_newcomer_barge_for_a_millisecond)
{
    struct customer customer = {0};
    struct gate gate = {0};
    inside_stop_clock();
    begin(1);
    int *thing = try_take();
    line_up_behind(&customer, &gate);
    inside_pass_us(999);
    walpool__waitq_give(&waitq, thing);
    CHECK(try_take() == thing);
    walpool__waitq_give(&waitq, thing);
    atomic_store(&gate.open, true);
    leave_line(&customer);
    CHECK(customer.item == thing);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
    walpool__clock_replace(NULL);
}

TEST(waitq__hands_over_in_order_after_a_millisecond)
{
    struct customer customer = {0};
    struct gate gate = {0};
    inside_stop_clock();
    begin(1);
    int *thing = try_take();
    line_up_behind(&customer, &gate);
    inside_pass_us(1000);
    walpool__waitq_give(&waitq, thing);
    CHECK_INT(lent(), 1);
    CHECK_INT(waiters(), 0);
    CHECK(try_take() == NULL);
    atomic_store(&gate.open, true);
    leave_line(&customer);
    CHECK(customer.item == thing);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
    walpool__clock_replace(NULL);
}

TEST(waitq__does_not_let_barge_past_who_waited_for_long)
{
    struct customer customer = {0};
    struct gate gate = {0};
    inside_stop_clock();
    begin(1);
    int *thing = try_take();
    line_up_behind(&customer, &gate);
    walpool__waitq_give(&waitq, thing);
    CHECK_INT(lent(), 0);
    inside_pass_us(1000);
    CHECK(try_take() == NULL);
    atomic_store(&gate.open, true);
    leave_line(&customer);
    CHECK(customer.item == thing);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
    walpool__clock_replace(NULL);
}

TEST(waitq__serves_the_oldest_first)
{
    struct customer customers[5] = {{0}};
    inside_stop_clock();
    begin(1);
    int *thing = try_take();
    for (int i = 0; i < 5; i++) {
        line_up(&customers[i], -1);
        inside_pass_us(1);
    }
    inside_pass_us(1000);
    for (int i = 0; i < 5; i++) {
        walpool__waitq_give(&waitq, thing);
        leave_line(&customers[i]);
        CHECK(customers[i].item == thing);
        CHECK_INT(waiters(), 4 - i);
    }
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
    walpool__clock_replace(NULL);
}

/* The first in line was woken for a free thing and, before it ran, was handed
 * another one: somebody must tell the second that the first thing is free. */
TEST(waitq__forgets_nobody_when_the_woken_one_is_handed_another_thing)
{
    struct customer first = {0}, second = {0};
    struct gate gate = {0};
    inside_stop_clock();
    begin(2);
    int *one = try_take(), *other = try_take();
    line_up_behind(&first, &gate);
    line_up(&second, -1);
    walpool__waitq_give(&waitq, one);
    inside_pass_us(1000);
    walpool__waitq_give(&waitq, other);
    atomic_store(&gate.open, true);
    leave_line(&first);
    CHECK(first.item == other);
    CHECK_EVENTUALLY(atomic_load(&second.done));
    leave_line(&second);
    CHECK(second.item == one);
    walpool__waitq_give(&waitq, one);
    walpool__waitq_give(&waitq, other);
    walpool__waitq_finish(&waitq);
    walpool__clock_replace(NULL);
}

/* ------------------------------------------------------ timeouts, cancels */

TEST(waitq__lets_go_at_the_deadline)
{
    struct customer customer = {0};
    begin(1);
    int *thing = try_take();
    line_up(&customer, 20);
    leave_line(&customer);
    CHECK(customer.item == NULL);
    CHECK_INT(customer.call.stopped, WALPOOL_TIMEOUT);
    CHECK(customer.waited);
    CHECK_INT(waiters(), 0);
    walpool__waitq_give(&waitq, thing);
    CHECK(try_take() == thing);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__wakes_who_is_cancelled_at_once)
{
    struct customer customer = {.token = walpool_token_open(&err)};
    begin(1);
    int *thing = try_take();
    line_up(&customer, -1);
    CHECK_OK(walpool_cancel(customer.token, &err));
    leave_line(&customer);
    CHECK(customer.item == NULL);
    CHECK_INT(customer.call.stopped, WALPOOL_CANCELLED);
    walpool_token_close(customer.token);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__goes_on_to_the_next_when_the_woken_one_goes_away)
{
    struct customer first = {.token = walpool_token_open(&err)}, second = {0};
    struct gate gate = {0};
    inside_stop_clock();
    begin(1);
    int *thing = try_take();
    line_up_behind(&first, &gate);
    line_up(&second, -1);
    CHECK_OK(walpool_cancel(first.token, &err));
    walpool__waitq_give(&waitq, thing);
    atomic_store(&gate.open, true);
    leave_line(&first);
    if (first.item != NULL) /* it may take what is free, cancelled or not */
        walpool__waitq_give(&waitq, first.item);
    leave_line(&second);
    CHECK(second.item == thing);
    walpool_token_close(first.token);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
    walpool__clock_replace(NULL);
}

CHECK_MAIN()
