/* call: one deadline, one token, one chance to let others run. */
#include "inside.h"

static struct walpool__call call;
static int left;

static void
leave(void *data)
{
    left += *(int *)data;
}

static void
begin(int64_t timeout_ms, int64_t default_ms)
{
    walpool_call asked = WALPOOL_CALL_INIT;
    asked.timeout_ms = timeout_ms;
    CHECK_OK(walpool__call_begin(&call, &asked, default_ms, &err));
}

TEST(call__takes_the_databases_timeout_where_none_is_given)
{
    inside_stop_clock();
    CHECK_OK(walpool__call_begin(&call, NULL, 70, &err));
    CHECK_INT(call.timeout_ms, 70);
    CHECK_INT(call.deadline_ns, inside_clock() + 70000000);
    begin(-1, -1);
    CHECK(call.deadline_ns == WALPOOL__NEVER);
    begin(30, 70);
    CHECK_INT(call.deadline_ns, inside_clock() + 30000000);
    begin(86400000, 70);
    CHECK_INT(call.timeout_ms, 86400000);
    walpool__clock_replace(NULL);
}

TEST(call__refuses_timeouts_and_flags_that_mean_nothing)
{
    static const int64_t bad[] = {-2, INT64_MIN, 86400001, INT64_MAX};
    walpool_call asked = WALPOOL_CALL_INIT;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        asked.timeout_ms = bad[i];
        CHECK_STATUS(walpool__call_begin(&call, &asked, 1, &err),
                     WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "timeout_ms is");
    }
    asked.timeout_ms = 0;
    asked.flags = 1u << 31;
    CHECK_STATUS(walpool__call_begin(&call, &asked, 1, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "0x80000000");
}

TEST(call__stops_when_its_deadline_has_passed)
{
    inside_stop_clock();
    begin(5, 70);
    call.phase = WALPOOL_PHASE_LOCK;
    inside_pass_us(4999);
    CHECK(!walpool__call_must_stop(&call));
    CHECK(!walpool__call_tick(&call));
    inside_pass_us(1);
    CHECK(walpool__call_tick(&call));
    CHECK(walpool__call_must_stop(&call));
    CHECK_STATUS(walpool__call_stopped(&call, "write", "held by x", &err),
                 WALPOOL_TIMEOUT);
    CHECK_STR(err.message, "cannot write: 5 ms passed while waiting for "
                           "another process's lock; held by x");
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    walpool__clock_replace(NULL);
}

TEST(call__with_a_default_or_no_time_may_run_but_not_wait)
{
    static const int64_t timeouts[] = {0, -1};
    inside_stop_clock();
    for (size_t i = 0; i < ARRAY_COUNT(timeouts); i++) {
        begin(timeouts[i], 5);
        inside_pass_us(6000);
        CHECK(!walpool__call_tick(&call));
        CHECK(walpool__call_must_stop(&call));
    }
    walpool__clock_replace(NULL);
}

TEST(call__lets_others_run_once)
{
    int step = 1;
    walpool_call asked = WALPOOL_CALL_INIT;
    asked.leave = leave;
    asked.leave_data = &step;
    left = 0;
    CHECK_OK(walpool__call_begin(&call, &asked, 70, &err));
    walpool__call_leave(&call);
    walpool__call_leave(&call);
    CHECK_INT(left, 1);
}

TEST(call__lets_others_run_after_some_fifty_microseconds)
{
    int step = 1;
    walpool_call asked = WALPOOL_CALL_INIT;
    inside_stop_clock();
    asked.leave = leave;
    asked.leave_data = &step;
    left = 0;
    CHECK_OK(walpool__call_begin(&call, &asked, 70, &err));
    inside_pass_us(49);
    CHECK(!walpool__call_tick(&call));
    CHECK_INT(left, 0);
    inside_pass_us(1);
    CHECK(!walpool__call_tick(&call));
    CHECK(!walpool__call_tick(&call));
    CHECK_INT(left, 1);
    walpool__clock_replace(NULL);
}

TEST(call__ends_by_its_token_before_its_deadline)
{
    walpool_token *token = walpool_token_open(&err);
    walpool_call asked = WALPOOL_CALL_INIT;
    asked.token = token;
    CHECK_OK(walpool__call_begin(&call, &asked, 0, &err));
    CHECK_OK(walpool_cancel(token, &err));
    CHECK(walpool__call_tick(&call));
    CHECK_STATUS(walpool__call_stopped(&call, "read", "", &err),
                 WALPOOL_CANCELLED);
    CHECK_STR(err.message, "cannot read: cancelled while starting");
    walpool__call_end(&call);
    walpool__call_end(&call);
    walpool_token_close(token);
}

/* The token is pinned for as long as the call, and no longer. */
TEST(call__does_not_begin_with_a_bad_or_cancelled_token)
{
    walpool_token *token = walpool_token_open(&err);
    walpool_call asked = WALPOOL_CALL_INIT;
    asked.token = token;
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_STATUS(walpool__call_begin(&call, &asked, 70, &err),
                 WALPOOL_CANCELLED);
    CHECK(call.token == NULL);
    walpool_token_close(token);
    CHECK_STATUS(walpool__call_begin(&call, &asked, 70, &err), WALPOOL_CLOSED);
    asked.token = (walpool_token *)(uintptr_t)12345;
    CHECK_STATUS(walpool__call_begin(&call, &asked, 70, &err), WALPOOL_MISUSE);
}

TEST(call__of_our_own_has_no_token_and_no_limit_on_running)
{
    inside_stop_clock();
    walpool__call_begin_own(&call, -1);
    CHECK(call.deadline_ns == WALPOOL__NEVER);
    CHECK(!walpool__call_must_stop(&call));
    walpool__call_begin_own(&call, 0);
    CHECK(walpool__call_must_stop(&call));
    walpool__call_end(&call);
    walpool__clock_replace(NULL);
}

TEST(call__that_met_a_closing_database_says_so)
{
    walpool__call_begin_own(&call, -1);
    call.stopped = WALPOOL_CLOSED;
    CHECK_STATUS(walpool__call_stopped(&call, "get a reader", "", &err),
                 WALPOOL_CLOSED);
    CHECK_STR(err.message,
              "cannot get a reader: the database is being closed");
    CHECK_STATUS(walpool__call_stopped(&call, "x", "", NULL), WALPOOL_CLOSED);
}

CHECK_MAIN()
