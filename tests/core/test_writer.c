/* writer: one slot, who has it, and who would wait for himself. */
#include "writer.h"

#include "inside.h"
#include "mem.h"

static struct walpool__writer writer;
static struct walpool__stats stats;
static struct inside inside;

static void
begin(void)
{
    memset(&stats, 0, sizeof stats);
    CHECK(walpool__writer_init(&writer, &stats));
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    inside.conn->call = NULL;
    writer.conn = inside.conn;
}

static void
end(void)
{
    walpool__writer_finish(&writer);
    inside_close(&inside);
}

static walpool_status
take(struct walpool__call *call, int64_t timeout_ms, const char *why)
{
    walpool__call_begin_own(call, timeout_ms);
    call->why = why;
    return walpool__writer_take(&writer, call, &err);
}

TEST(writer__belongs_to_one_call_at_a_time)
{
    struct walpool__call first, second;
    begin();
    CHECK_OK(take(&first, 0, NULL));
    CHECK(inside.conn->call == &first);
    CHECK_STATUS(take(&second, 0, NULL), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    walpool__writer_give(&writer);
    CHECK(inside.conn->call == NULL);
    CHECK_OK(take(&second, 0, NULL));
    walpool__writer_give(&writer);
    end();
}

TEST(writer__the_slot_alone_keeps_others_out_and_leaves_the_connection)
{
    struct walpool__call first, second;
    begin();
    walpool__call_begin_own(&first, 0);
    first.why = "private";
    CHECK_OK(walpool__writer_take_slot(&writer, &first, &err));
    CHECK(inside.conn->call == NULL);
    CHECK_STATUS(take(&second, 0, NULL), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "by private");
    walpool__writer_own(&writer, false);
    CHECK_STATUS(take(&second, -1, NULL), WALPOOL_DEADLOCK);
    walpool__writer_give_slot(&writer);
    CHECK_OK(take(&second, 0, NULL));
    CHECK(inside.conn->call == &second);
    walpool__writer_give(&writer);
    CHECK_INT(walpool__histogram_count(&stats.writer_hold_us), 2);
    end();
}

TEST(writer__says_who_holds_it_and_for_how_long)
{
    struct walpool__call first, second;
    inside_stop_clock();
    begin();
    CHECK_OK(take(&first, 0, "nightly import"));
    inside_pass_us(12000);
    CHECK_STATUS(take(&second, 0, NULL), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "cannot get the writer: 0 ms passed");
    char want[128];
    snprintf(want, sizeof want,
             "the writer is held for 12 ms by nightly import (thread %d)",
             (int)gettid());
    CHECK_CONTAINS(err.message, want);
    walpool__writer_give(&writer);
    CHECK_OK(take(&first, 0, NULL));
    CHECK_STATUS(take(&second, 0, NULL), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "by a call without a label (why)");
    walpool__writer_give(&writer);
    walpool__clock_replace(NULL);
    end();
}

TEST(writer__sees_a_thread_that_would_wait_for_itself)
{
    struct walpool__call first, second;
    begin();
    CHECK_OK(take(&first, 0, NULL));
    walpool__writer_own(&writer, false);
    CHECK_STATUS(take(&second, -1, NULL), WALPOOL_DEADLOCK);
    CHECK_CONTAINS(err.message, "this thread holds the writer already");
    walpool__writer_give(&writer);
    CHECK_OK(take(&second, 0, NULL));
    walpool__writer_give(&writer);
    end();
}

TEST(writer__does_not_ask_for_the_thread_of_callers_that_are_none)
{
    struct walpool__call first, second;
    begin();
    CHECK_OK(take(&first, 0, NULL));
    walpool__writer_own(&writer, true);
    CHECK_STATUS(take(&second, 0, NULL), WALPOOL_TIMEOUT);
    walpool__writer_give(&writer);
    CHECK_OK(take(&first, 0, NULL));
    walpool__writer_own(&writer, false);
    walpool__call_begin_own(&second, 0);
    second.flags = WALPOOL_CALL_ANY_THREAD;
    CHECK_STATUS(walpool__writer_take(&writer, &second, &err),
                 WALPOOL_TIMEOUT);
    walpool__writer_give(&writer);
    end();
}

static void *
take_elsewhere(void *unused)
{
    struct walpool__call call;
    (void)unused;
    CHECK_STATUS(take(&call, 5, NULL), WALPOOL_TIMEOUT);
    return NULL;
}

TEST(writer__lets_another_thread_wait)
{
    struct walpool__call call;
    begin();
    CHECK_OK(take(&call, 0, NULL));
    walpool__writer_own(&writer, false);
    api_elsewhere(take_elsewhere, NULL);
    walpool__writer_give(&writer);
    end();
}

TEST(writer__measures_waiting_and_holding)
{
    struct walpool__call call;
    inside_stop_clock();
    begin();
    CHECK_OK(take(&call, 0, NULL));
    inside_pass_us(700);
    walpool__writer_give(&writer);
    CHECK_INT(walpool__histogram_count(&stats.writer_wait_us), 1);
    CHECK_INT(walpool__histogram_max(&stats.writer_wait_us), 0);
    CHECK_INT(walpool__histogram_count(&stats.writer_hold_us), 1);
    CHECK_INT(walpool__histogram_max(&stats.writer_hold_us), 700);
    walpool__clock_replace(NULL);
    end();
}

TEST(writer__is_not_there_in_a_database_for_reading)
{
    struct walpool__call call;
    begin();
    writer.conn = NULL;
    writer.readonly = true;
    CHECK_STATUS(take(&call, -1, NULL), WALPOOL_READONLY);
    CHECK_CONTAINS(err.message, "mode=ro");
    end();
}

/* A call that met the end of a database must not look at its connection. */
TEST(writer__of_a_closed_database_is_closed)
{
    struct walpool__call call;
    begin();
    CHECK(walpool__waitq_drain(&writer.queue, 0));
    writer.conn = NULL;
    CHECK_STATUS(take(&call, -1, NULL), WALPOOL_CLOSED);
    end();
}

TEST(writer__needs_memory)
{
    walpool__mem_fail_after(0);
    bool made = walpool__writer_init(&writer, &stats);
    walpool__mem_fail_after(-1);
    CHECK(!made);
    walpool__writer_finish(&writer);
}

CHECK_MAIN()
