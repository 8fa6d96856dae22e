/* token: cancels that come before, during and after a sleep, and at an end. */
#include "token.h"

#include <sched.h>

#include "check.h"
#include "clock.h"
#include "handle.h"
#include "mem.h"

static walpool_error err;

static walpool_token *
make(void)
{
    walpool_token *token = walpool_token_open(&err);
    CHECK(token != NULL);
    return token;
}

static struct walpool__token *
pin(walpool_token *token)
{
    walpool_status status;
    struct walpool__token *object =
        walpool__handle_pin(WALPOOL__HANDLE_TOKEN, token, &err, &status);
    CHECK(object != NULL);
    return object;
}

TEST(token__is_cancelled_once_and_for_all)
{
    walpool_token *token = make();
    struct walpool__token *object = pin(token);
    CHECK(!walpool__token_cancelled(object));
    CHECK_INT(walpool_cancel(token, &err), WALPOOL_OK);
    CHECK(walpool__token_cancelled(object));
    CHECK_INT(walpool_cancel(token, &err), WALPOOL_OK);
    CHECK(walpool__token_cancelled(object));
    walpool__handle_unpin(token);
    walpool_token_close(token);
}

TEST(token__that_is_NULL_cancels_nothing)
{
    struct walpool__sleeper sleeper;
    CHECK(!walpool__token_cancelled(NULL));
    walpool__token_watch(NULL, &sleeper, NULL);
    walpool__token_unwatch(NULL, &sleeper);
    CHECK_INT(walpool_cancel(NULL, &err), WALPOOL_MISUSE);
    walpool_token_close(NULL);
}

TEST(token__that_is_closed_says_so)
{
    walpool_token *token = make();
    walpool_token_close(token);
    walpool_token_close(token);
    CHECK_INT(walpool_cancel(token, &err), WALPOOL_CLOSED);
    CHECK_STR(err.message, "the token is closed");
}

TEST(token__lives_on_for_the_call_that_has_it)
{
    walpool_token *token = make();
    struct walpool__token *object = pin(token);
    walpool_token_close(token);
    CHECK_INT(walpool_cancel(token, &err), WALPOOL_CLOSED);
    CHECK(!walpool__token_cancelled(object));
    walpool__handle_unpin(token);
}

TEST(token__wakes_all_who_sleep_and_no_one_else)
{
    struct walpool__parker parkers[3];
    struct walpool__sleeper sleepers[3];
    walpool_token *token = make();
    struct walpool__token *object = pin(token);
    for (int i = 0; i < 3; i++) {
        walpool__parker_init(&parkers[i]);
        walpool__token_watch(object, &sleepers[i], &parkers[i]);
    }
    walpool__token_unwatch(object, &sleepers[1]);
    CHECK_INT(walpool_cancel(token, &err), WALPOOL_OK);
    walpool__parker_sleep(&parkers[0], WALPOOL__NEVER);
    walpool__parker_sleep(&parkers[2], WALPOOL__NEVER);
    int64_t deadline = walpool__clock_deadline(2);
    while (walpool__clock_now() < deadline)
        walpool__parker_sleep(&parkers[1], deadline);
    walpool__token_unwatch(object, &sleepers[0]);
    walpool__token_unwatch(object, &sleepers[2]);
    walpool__handle_unpin(token);
    walpool_token_close(token);
}

TEST(token__needs_memory)
{
    walpool__mem_fail_after(0);
    CHECK(walpool_token_open(&err) == NULL);
    walpool__mem_fail_after(-1);
    CHECK_INT(err.status, WALPOOL_NOMEM);
}

/* ------------------------------------------------------------- many threads */

enum { ROUNDS = 500, SLEEPERS = 3 };

static _Atomic(walpool_token *) current;
static atomic_int awake, round_number;

static void *
sleep_until_cancelled(void *unused)
{
    (void)unused;
    for (int i = 1; i <= ROUNDS; i++) {
        struct walpool__parker parker;
        struct walpool__sleeper sleeper;
        while (atomic_load(&round_number) != i)
            sched_yield();
        walpool_token *token = atomic_load(&current);
        struct walpool__token *object = pin(token);
        walpool__parker_init(&parker);
        walpool__token_watch(object, &sleeper, &parker);
        while (!walpool__token_cancelled(object))
            walpool__parker_sleep(&parker, WALPOOL__NEVER);
        walpool__token_unwatch(object, &sleeper);
        walpool__parker_finish(&parker);
        walpool__handle_unpin(token);
        atomic_fetch_add(&awake, 1);
    }
    return NULL;
}

TEST(token__leaves_no_one_asleep_when_threads_race)
{
    pthread_t threads[SLEEPERS];
    atomic_store(&round_number, 0);
    for (int i = 0; i < SLEEPERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, sleep_until_cancelled,
                                 NULL), 0);
    for (int i = 1; i <= ROUNDS; i++) {
        walpool_token *token = make();
        atomic_store(&awake, 0);
        atomic_store(&current, token);
        atomic_store(&round_number, i);
        CHECK_INT(walpool_cancel(token, &err), WALPOOL_OK);
        while (atomic_load(&awake) != SLEEPERS)
            sched_yield();
        walpool_token_close(token);
    }
    for (int i = 0; i < SLEEPERS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

CHECK_MAIN()
