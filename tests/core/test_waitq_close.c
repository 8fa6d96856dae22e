/* waitq: draining and opening again, and many threads at once. */
#include "line.h"
#include "mem.h"

TEST(waitq__drains_when_everything_is_home)
{
    begin(2);
    CHECK(walpool__waitq_drain(&waitq, 0));
    struct walpool__call call;
    walpool__call_begin_own(&call, -1);
    CHECK(walpool__waitq_take(&waitq, &call, NULL, NULL) == NULL);
    CHECK_INT(call.stopped, WALPOOL_CLOSED);
    walpool__waitq_reopen(&waitq);
    int *thing = try_take();
    CHECK(thing != NULL);
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__stays_open_when_it_could_not_be_drained)
{
    begin(2);
    int *thing = try_take();
    CHECK(!walpool__waitq_drain(&waitq, walpool__clock_deadline(5)));
    int *other = try_take();
    CHECK(other != NULL);
    CHECK(!walpool__waitq_drain(&waitq, 0));
    walpool__waitq_give(&waitq, thing);
    walpool__waitq_give(&waitq, other);
    CHECK(walpool__waitq_drain(&waitq, 0));
    walpool__waitq_finish(&waitq);
}

static void *
drain(void *unused)
{
    (void)unused;
    CHECK(walpool__waitq_drain(&waitq, WALPOOL__NEVER));
    return NULL;
}

static void *
drain_at_once(void *unused)
{
    (void)unused;
    CHECK(walpool__waitq_drain(&waitq, 0));
    return NULL;
}

static bool
turned_away(void)
{
    struct walpool__call call;
    walpool__call_begin_own(&call, 0);
    void *thing = walpool__waitq_take(&waitq, &call, NULL, NULL);
    if (thing != NULL)
        walpool__waitq_give(&waitq, thing);
    return call.stopped == WALPOOL_CLOSED;
}

/* Its deadline is for those who may keep what they have for as long as they
 * like. */
TEST(waitq__waits_past_its_deadline_for_what_is_borrowed_only)
{
    pthread_t thread;
    int place;
    begin(2);
    int *thing = try_take();
    CHECK(walpool__waitq_borrow(&waitq, &things[0], &place));
    CHECK(!walpool__waitq_drain(&waitq, 0));
    walpool__waitq_give(&waitq, thing);
    CHECK_INT(pthread_create(&thread, NULL, drain_at_once, NULL), 0);
    CHECK_EVENTUALLY(turned_away());
    walpool__waitq_bring_back(&waitq, &things[0], place);
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__serves_who_waits_already_before_it_is_drained)
{
    struct customer customers[2] = {{0}};
    pthread_t thread;
    begin(1);
    int *thing = try_take();
    line_up(&customers[0], -1);
    line_up(&customers[1], -1);
    CHECK_INT(pthread_create(&thread, NULL, drain, NULL), 0);
    CHECK_EVENTUALLY(turned_away());
    walpool__waitq_give(&waitq, thing);
    CHECK_EVENTUALLY(atomic_load(&customers[0].done) ||
                     atomic_load(&customers[1].done));
    walpool__waitq_give(&waitq, thing);
    leave_line(&customers[0]);
    leave_line(&customers[1]);
    CHECK(customers[0].item == thing && customers[1].item == thing);
    CHECK(turned_away());
    walpool__waitq_give(&waitq, thing);
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool__waitq_finish(&waitq);
}

/* The last thing that a drain waits for may be a waiter that gives up. */
TEST(waitq__is_drained_when_the_last_waiter_gives_up)
{
    struct customer customer = {.token = walpool_token_open(&err)};
    struct gate gate = {0};
    pthread_t thread;
    begin(1);
    int *thing = try_take();
    line_up_behind(&customer, &gate);
    walpool__waitq_give(&waitq, thing);
    CHECK_INT(pthread_create(&thread, NULL, drain, NULL), 0);
    CHECK_EVENTUALLY(turned_away());
    atomic_store(&gate.open, true);
    leave_line(&customer);
    CHECK(customer.item == thing);
    walpool__waitq_give(&waitq, thing);
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool_token_close(customer.token);
    walpool__waitq_finish(&waitq);
}

TEST(waitq__needs_memory)
{
    void *items[1] = {things};
    walpool__mem_fail_after(0);
    CHECK(!walpool__waitq_init(&waitq, items, 1));
    walpool__mem_fail_after(-1);
    walpool__waitq_finish(&waitq);
}

/* ------------------------------------------------------------- many threads */

enum { THREADS = 6, ROUNDS = 1500, ITEMS = 2 };

static atomic_int held[MOST], takes, timeouts, cancels;
static _Atomic(walpool_token *) tokens[THREADS];

/* Whoever has a thing is the only one, and every attempt ends. */
static void *
take_and_give(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        walpool_call asked = WALPOOL_CALL_INIT;
        struct walpool__call call;
        asked.timeout_ms = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : -1;
        asked.token = atomic_load(&tokens[me]);
        if (walpool__call_begin(&call, &asked, -1, NULL) != WALPOOL_OK)
            continue; /* cancelled before it began, or just replaced */
        int *thing = walpool__waitq_take(&waitq, &call, NULL, NULL);
        if (thing != NULL) {
            CHECK_INT(atomic_fetch_add(&held[thing - things], 1), 0);
            if (i % 8 == 0)
                sched_yield();
            CHECK_INT(atomic_fetch_sub(&held[thing - things], 1), 1);
            walpool__waitq_give(&waitq, thing);
            atomic_fetch_add(&takes, 1);
        } else if (call.stopped == WALPOOL_TIMEOUT) {
            atomic_fetch_add(&timeouts, 1);
        } else {
            CHECK_INT(call.stopped, WALPOOL_CANCELLED);
            atomic_fetch_add(&cancels, 1);
        }
        walpool__call_end(&call);
    }
    return NULL;
}

static atomic_bool over;

static void *
cancel_all_the_time(void *unused)
{
    (void)unused;
    for (size_t i = 0; !atomic_load(&over); i = (i + 1) % THREADS) {
        walpool_token *fresh = walpool_token_open(NULL);
        walpool_token *old = atomic_exchange(&tokens[i], fresh);
        CHECK_INT(walpool_cancel(old, NULL), WALPOOL_OK);
        walpool_token_close(old);
        sched_yield();
    }
    return NULL;
}

TEST(waitq__loses_nothing_and_nobody_when_threads_race)
{
    pthread_t threads[THREADS], canceller;
    begin(ITEMS);
    atomic_store(&over, false);
    for (size_t i = 0; i < THREADS; i++)
        atomic_store(&tokens[i], walpool_token_open(&err));
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, take_and_give, (void *)i),
                  0);
    CHECK_INT(pthread_create(&canceller, NULL, cancel_all_the_time, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    atomic_store(&over, true);
    CHECK_INT(pthread_join(canceller, NULL), 0);
    CHECK(atomic_load(&takes) > 0);
    CHECK_INT(lent(), 0);
    CHECK_INT(waiters(), 0);
    CHECK(walpool__waitq_drain(&waitq, 0));
    walpool__waitq_finish(&waitq);
    for (size_t i = 0; i < THREADS; i++)
        walpool_token_close(atomic_load(&tokens[i]));
}

CHECK_MAIN()
