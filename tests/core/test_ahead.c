/* ahead: blocks that a thread fills before they are asked for. The results here
 * are numbers, not rows of SQLite: block n holds the number n. */
#include "ahead.h"

#include "api.h"
#include "clock.h"
#include "error.h"
#include "mem.h"

/* One result. Its filler waits for `allowed` where that is bounded. */
struct numbers {
    struct walpool__ahead *ahead;
    atomic_int made, inside, allowed, most; /* blocks; `inside` the filler */
    int last;                              /* the result ends with it */
    int waits_after;                       /* its user must look at that one */
    int fails_at;
    pthread_t filler[1001]; /* of each number */
};

static struct walpool__steppers steppers;

static void
write_number(walpool_rows *rows, int number, walpool_status *status)
{
    rows->building = 0;
    *status = walpool_rows_begin(rows, 1, NULL, NULL);
    if (*status == WALPOOL_OK)
        *status = walpool_rows_add_int64(rows, number, NULL);
}

/* False: the call was stopped before it was allowed to go on. */
static bool
wait_until_allowed(struct numbers *its, struct walpool__call *call)
{
    while (atomic_load(&its->made) >= atomic_load(&its->allowed))
        if (walpool__call_must_stop(call))
            return false;
    return true;
}

static enum walpool__ahead_next
fill(void *owner, struct walpool__call *call, walpool_rows *rows,
     walpool_status *status, walpool_error *error)
{
    struct numbers *its = owner;
    int number = atomic_load(&its->made) + 1;
    CHECK_INT(atomic_fetch_add(&its->inside, 1), 0);
    its->filler[number] = pthread_self();
    if (!wait_until_allowed(its, call))
        *status = walpool__call_stopped(call, "count", "", error);
    else if (number == its->fails_at)
        *status = walpool__error_set(error, WALPOOL_IO, "no number %d", number);
    else
        write_number(rows, number, status);
    atomic_fetch_add(&its->made, 1);
    atomic_fetch_sub(&its->inside, 1);
    if (*status != WALPOOL_OK || number == its->last)
        return WALPOOL__AHEAD_ENDED;
    return number == its->waits_after ? WALPOOL__AHEAD_WAITS
                                      : WALPOOL__AHEAD_GOES_ON;
}

static void
begin_numbers(struct numbers *its, int last, const walpool_rows *like)
{
    *its = (struct numbers){.last = last};
    atomic_store(&its->allowed, 1000000);
    its->ahead = walpool__ahead_make(&steppers, fill, its, like);
    CHECK(its->ahead != NULL);
}

static void
begin(int threads)
{
    memset(&steppers, 0, sizeof steppers);
    walpool__steppers_init(&steppers, threads);
}

static void
end(void)
{
    walpool__steppers_stop(&steppers);
    walpool__steppers_finish(&steppers);
}

static bool
take(struct numbers *its, int64_t timeout_ms, walpool_token *token,
     walpool_rows *rows, enum walpool__ahead_next *next, walpool_status *status)
{
    walpool_call asked = WALPOOL_CALL_INIT;
    struct walpool__call call;
    bool taken;
    asked.timeout_ms = timeout_ms;
    asked.token = token;
    CHECK_OK(walpool__call_begin(&call, &asked, 5000, &err));
    taken = walpool__ahead_take(its->ahead, &call, rows, next, status, &err);
    walpool__call_end(&call);
    return taken;
}

/* The next number, from the thread or by ourselves. */
static int
take_number(struct numbers *its, walpool_rows *rows)
{
    enum walpool__ahead_next next;
    walpool_status status;
    struct walpool__call call;
    if (!take(its, -1, NULL, rows, &next, &status)) {
        walpool__call_begin_own(&call, -1);
        next = fill(its, &call, rows, &status, &err);
    }
    CHECK_OK(status);
    if (next == WALPOOL__AHEAD_GOES_ON)
        walpool__ahead_start(its->ahead);
    return (int)walpool_rows_int64(rows, 0, 0);
}

static enum walpool__ahead_state
state_of(struct numbers *its)
{
    enum walpool__ahead_state state;
    walpool__mutex_lock(&steppers.mutex);
    state = its->ahead->state;
    walpool__mutex_unlock(&steppers.mutex);
    return state;
}

TEST(ahead__gives_every_block_once_and_in_order)
{
    struct numbers its;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 1000, &rows);
    walpool__ahead_start(its.ahead);
    for (int n = 1; n <= 1000; n++)
        CHECK_INT(take_number(&its, &rows), n);
    walpool__ahead_free(its.ahead);
    walpool_rows_finish(&rows);
    end();
}

TEST(ahead__is_two_blocks_ahead_and_no_more)
{
    struct numbers its;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 1000, &rows);
    for (int n = 1; n <= 20; n++) {
        walpool__ahead_start(its.ahead);
        CHECK_EVENTUALLY(state_of(&its) == WALPOOL__AHEAD_RESTS);
        CHECK_INT(its.ahead->filled, 2);
        CHECK_INT(its.made, n + 1);
        CHECK(!pthread_equal(its.filler[n], pthread_self()));
        walpool__ahead_start(its.ahead); /* there is nothing to do */
        CHECK_INT(state_of(&its), WALPOOL__AHEAD_RESTS);
        CHECK_INT(take_number(&its, &rows), n);
    }
    walpool__ahead_free(its.ahead);
    walpool_rows_finish(&rows);
    end();
}

TEST(ahead__without_threads_there_is_none)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(0);
    CHECK(walpool__ahead_make(&steppers, fill, NULL, &rows) == NULL);
    end();
}

TEST(ahead__by_default_leaves_one_processor_to_the_callers)
{
    int cpus = walpool__thread_cpus();
    CHECK(cpus >= 1);
    begin(WALPOOL__STEPPERS_AUTO);
    CHECK_INT(steppers.crew.limit, cpus > 5 ? 4 : cpus - 1);
    end();
}

TEST(ahead__work_that_nobody_has_begun_is_taken_back)
{
    struct numbers slow, its;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&slow, 10, &rows);
    begin_numbers(&its, 10, &rows);
    atomic_store(&slow.allowed, 0);
    walpool__ahead_start(slow.ahead);
    CHECK_EVENTUALLY(atomic_load(&slow.inside) == 1);
    walpool__ahead_start(its.ahead);
    for (int n = 1; n < 10; n++) { /* the one thread is busy */
        CHECK_INT(state_of(&its), WALPOOL__AHEAD_QUEUED);
        CHECK_INT(take_number(&its, &rows), n);
        CHECK(pthread_equal(its.filler[n], pthread_self()));
    }
    walpool__ahead_free(its.ahead);
    walpool__ahead_free(slow.ahead);
    walpool_rows_finish(&rows);
    end();
}

TEST(ahead__a_wait_ends_with_its_deadline)
{
    struct numbers its;
    enum walpool__ahead_next next;
    walpool_status status;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 10, &rows);
    atomic_store(&its.allowed, 0);
    walpool__ahead_start(its.ahead);
    CHECK_EVENTUALLY(atomic_load(&its.inside) == 1);
    CHECK(take(&its, 20, NULL, &rows, &next, &status));
    CHECK_STATUS(status, WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_EXECUTE);
    CHECK_INT(next, WALPOOL__AHEAD_ENDED);
    CHECK_INT(atomic_load(&its.inside), 1);
    walpool__ahead_free(its.ahead); /* stops it */
    CHECK_INT(atomic_load(&its.inside), 0);
    walpool_rows_finish(&rows);
    end();
}

static walpool_token *token;

static void *
cancel_when_it_waits(void *arg)
{
    struct numbers *its = arg;
    struct walpool__parker *waiter = NULL;
    while (!waiter) {
        walpool__mutex_lock(&steppers.mutex);
        waiter = its->ahead->waiter;
        walpool__mutex_unlock(&steppers.mutex);
    }
    CHECK_OK(walpool_cancel(token, NULL));
    return NULL;
}

TEST(ahead__a_wait_ends_with_a_cancel)
{
    struct numbers its;
    enum walpool__ahead_next next;
    walpool_status status;
    walpool_rows rows;
    pthread_t thread;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 10, &rows);
    token = walpool_token_open(&err);
    atomic_store(&its.allowed, 0);
    walpool__ahead_start(its.ahead);
    CHECK_EVENTUALLY(atomic_load(&its.inside) == 1);
    CHECK_INT(pthread_create(&thread, NULL, cancel_when_it_waits, &its), 0);
    CHECK(take(&its, -1, token, &rows, &next, &status));
    CHECK_STATUS(status, WALPOOL_CANCELLED);
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool__ahead_free(its.ahead);
    walpool_token_close(token);
    walpool_rows_finish(&rows);
    end();
}

static atomic_int_fast64_t ahead_of_time_ns;

static int64_t
fast_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec +
           atomic_load(&ahead_of_time_ns);
}

/* The waiter looks at the clock again, an hour later. */
static void *
allow_after_an_hour(void *arg)
{
    struct numbers *its = arg;
    bool waits = false;
    while (!waits) {
        walpool__mutex_lock(&steppers.mutex);
        waits = its->ahead->waiter != NULL;
        if (waits) {
            atomic_store(&ahead_of_time_ns, INT64_C(3600000000000));
            walpool__parker_wake(its->ahead->waiter);
        }
        walpool__mutex_unlock(&steppers.mutex);
    }
    atomic_store(&its->allowed, 1);
    return NULL;
}

TEST(ahead__the_default_timeout_is_for_waiting_not_for_running)
{
    struct numbers its;
    enum walpool__ahead_next next;
    walpool_status status;
    walpool_rows rows;
    pthread_t thread;
    walpool_rows_init(&rows);
    walpool__clock_replace(fast_clock);
    begin(1);
    begin_numbers(&its, 10, &rows);
    atomic_store(&its.allowed, 0);
    walpool__ahead_start(its.ahead);
    CHECK_EVENTUALLY(atomic_load(&its.inside) == 1);
    CHECK_INT(pthread_create(&thread, NULL, allow_after_an_hour, &its), 0);
    CHECK(take(&its, -1, NULL, &rows, &next, &status));
    CHECK_OK(status);
    CHECK_INT(walpool_rows_int64(&rows, 0, 0), 1);
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool__ahead_free(its.ahead);
    walpool_rows_finish(&rows);
    end();
    walpool__clock_replace(NULL);
}

TEST(ahead__a_failure_comes_behind_the_blocks_before_it)
{
    struct numbers its;
    enum walpool__ahead_next next;
    walpool_status status;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 10, &rows);
    its.fails_at = 2;
    walpool__ahead_start(its.ahead);
    CHECK_EVENTUALLY(atomic_load(&its.made) == 2);
    CHECK_INT(take_number(&its, &rows), 1);
    CHECK(take(&its, -1, NULL, &rows, &next, &status));
    CHECK_STATUS(status, WALPOOL_IO);
    CHECK_CONTAINS(err.message, "no number 2");
    CHECK_INT(next, WALPOOL__AHEAD_ENDED);
    CHECK_INT(atomic_load(&its.made), 2);
    walpool__ahead_free(its.ahead);
    walpool_rows_finish(&rows);
    end();
}

TEST(ahead__stops_where_its_user_must_look_first)
{
    struct numbers its;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 10, &rows);
    its.waits_after = 1;
    walpool__ahead_start(its.ahead);
    CHECK_EVENTUALLY(state_of(&its) == WALPOOL__AHEAD_RESTS);
    CHECK_INT(its.ahead->filled, 1);
    CHECK_INT(take_number(&its, &rows), 1);
    CHECK_INT(state_of(&its), WALPOOL__AHEAD_RESTS);
    CHECK_INT(take_number(&its, &rows), 2); /* by ourselves; then it goes on */
    CHECK(pthread_equal(its.filler[2], pthread_self()));
    CHECK_INT(take_number(&its, &rows), 3);
    walpool__ahead_free(its.ahead);
    walpool_rows_finish(&rows);
    end();
}

TEST(ahead__a_buffer_of_the_user_gets_a_copy)
{
    _Alignas(8) unsigned char memory[256], small[96];
    struct numbers its;
    enum walpool__ahead_next next;
    walpool_status status;
    walpool_rows rows, tiny;
    walpool_rows_wrap(&rows, memory, sizeof memory);
    begin(1);
    begin_numbers(&its, 10, &rows);
    walpool__ahead_start(its.ahead);
    CHECK_INT(take_number(&its, &rows), 1);
    CHECK(rows.data == memory);
    CHECK_EVENTUALLY(state_of(&its) == WALPOOL__AHEAD_RESTS);
    walpool_rows_wrap(&tiny, small, sizeof small); /* the arena ends at 256 */
    CHECK(take(&its, -1, NULL, &tiny, &next, &status));
    CHECK_STATUS(status, WALPOOL_TOOBIG);
    CHECK_CONTAINS(err.message, "96 bytes");
    CHECK_CONTAINS(err.message, "256");
    CHECK_INT(next, WALPOOL__AHEAD_WAITS);
    for (int n = 2; n <= 10; n++) /* nothing was lost */
        CHECK_INT(take_number(&its, &rows), n);
    walpool__ahead_free(its.ahead);
    end();
}

static const int many = 12;

static void *
take_all(void *arg)
{
    struct numbers its;
    walpool_rows rows;
    (void)arg;
    walpool_rows_init(&rows);
    for (int round = 0; round < 30; round++) {
        int last = 1 + round * 7 % 40;
        begin_numbers(&its, 40, &rows);
        walpool__ahead_start(its.ahead);
        for (int n = 1; n <= last; n++)
            CHECK_INT(take_number(&its, &rows), n);
        walpool__ahead_free(its.ahead); /* wherever its thread is */
    }
    walpool_rows_finish(&rows);
    return NULL;
}

TEST(ahead__many_results_share_few_threads)
{
    pthread_t threads[many];
    begin(3);
    for (int i = 0; i < many; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, take_all, NULL), 0);
    for (int i = 0; i < many; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK(steppers.crew.started <= 3);
    end();
}

TEST(ahead__without_memory_there_is_none)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    for (long nth = 0; nth < 3; nth++) { /* a sanitizer would see what leaks */
        walpool__mem_fail_after(nth);
        CHECK(walpool__ahead_make(&steppers, fill, NULL, &rows) == NULL);
        CHECK(walpool__mem_fail_after(-1) > nth);
    }
    end();
}

/* The memory of a thread's start is the first that is asked for. */
TEST(ahead__without_a_thread_its_user_fills)
{
    struct numbers its;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(1);
    begin_numbers(&its, 10, &rows);
    walpool__mem_fail_after(0);
    walpool__ahead_start(its.ahead);
    CHECK_INT(walpool__mem_fail_after(-1), 1);
    CHECK_INT(state_of(&its), WALPOOL__AHEAD_RESTS);
    CHECK_INT(take_number(&its, &rows), 1);
    CHECK(pthread_equal(its.filler[1], pthread_self()));
    walpool__ahead_free(its.ahead);
    walpool_rows_finish(&rows);
    end();
}

CHECK_MAIN()
