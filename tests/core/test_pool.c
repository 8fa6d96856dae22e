/* pool: readers that are opened when needed, the warm one first. */
#include "pool.h"

#include <pthread.h>

#include "inside.h"
#include "mem.h"

static struct walpool__pool pool;
static struct walpool__stats stats;
static walpool_options options;
static char path[512];

static void
begin(int readers)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    sqlite3 *db = raw_open(path);
    raw_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(n)");
    sqlite3_close(db);
    walpool_options_init(&options);
    options.readers = readers;
    memset(&stats, 0, sizeof stats);
    CHECK(walpool__pool_init(&pool, path, &options, &stats, NULL));
}

static void
end(void)
{
    walpool__pool_close_all(&pool);
    CHECK_INT(walpool__pool_open_count(&pool), 0);
    walpool__pool_finish(&pool);
}

static struct walpool__reader *
take(struct walpool__call *call, const char *why)
{
    struct walpool__reader *reader = NULL;
    walpool__call_begin_own(call, 10000);
    call->why = why;
    CHECK_OK(walpool__pool_take(&pool, call, &reader, &err));
    CHECK(reader->conn->call == call);
    return reader;
}

TEST(pool__opens_a_reader_when_it_is_first_needed)
{
    struct walpool__call first, second;
    begin(4);
    CHECK_INT(walpool__pool_open_count(&pool), 0);
    struct walpool__reader *one = take(&first, NULL);
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    struct walpool__reader *two = take(&second, NULL);
    CHECK_INT(walpool__pool_open_count(&pool), 2);
    CHECK(one != two);
    walpool__pool_give(&pool, two);
    walpool__pool_give(&pool, one);
    CHECK(take(&first, NULL) == two); /* that this thread had last */
    CHECK_INT(walpool__pool_open_count(&pool), 2);
    walpool__pool_give(&pool, two);
    CHECK(two->conn->call == NULL);
    end();
}

TEST(pool__says_who_keeps_it_waiting)
{
    struct walpool__call first, second, third;
    struct walpool__reader *none = NULL;
    inside_stop_clock();
    begin(2);
    struct walpool__reader *one = take(&first, "report");
    inside_pass_us(3000);
    struct walpool__reader *two = take(&second, "page");
    inside_pass_us(4000);
    walpool__call_begin_own(&third, 0);
    CHECK_STATUS(walpool__pool_take(&pool, &third, &none, &err),
                 WALPOOL_TIMEOUT);
    char want[256];
    snprintf(want, sizeof want,
             "cannot get a reader: 0 ms passed while waiting in this process's "
             "queue; all 2 readers are in use, the oldest for 7 ms by report "
             "(thread %d)", (int)gettid());
    CHECK_STR(err.message, want);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    walpool__pool_give(&pool, one);
    struct walpool__holder oldest = walpool__pool_oldest(&pool);
    CHECK_INT(inside_clock() - oldest.since_ns, 4000000);
    CHECK_INT(oldest.thread, gettid());
    CHECK_STR(oldest.why, "page");
    walpool__pool_give(&pool, two);
    oldest = walpool__pool_oldest(&pool);
    CHECK_INT(oldest.since_ns, 0);
    CHECK_STR(oldest.why, "");
    end();
    walpool__clock_replace(NULL); /* no thread asks it any more */
}

TEST(pool__forgets_the_label_of_the_call_before)
{
    struct walpool__call call;
    begin(1);
    walpool__pool_give(&pool, take(&call, "a label"));
    struct walpool__reader *reader = take(&call, NULL);
    struct walpool__holder oldest = walpool__pool_oldest(&pool);
    CHECK(oldest.since_ns != 0);
    CHECK_STR(oldest.why, "");
    walpool__pool_give(&pool, reader);
    end();
}

TEST(pool__gives_a_place_back_whose_connection_cannot_be_opened)
{
    struct walpool__call call;
    struct walpool__reader *reader = NULL;
    begin(1);
    CHECK_INT(rename(path, check_path("away.db")), 0);
    for (int i = 0; i < 3; i++) {
        walpool__call_begin_own(&call, 0);
        CHECK_STATUS(walpool__pool_take(&pool, &call, &reader, &err),
                     WALPOOL_CANTOPEN);
    }
    CHECK_INT(walpool__pool_open_count(&pool), 0);
    CHECK_INT(rename(check_path("away.db"), path), 0);
    walpool__pool_give(&pool, take(&call, NULL));
    end();
}

TEST(pool__opens_anew_what_was_closed)
{
    struct walpool__call call;
    begin(2);
    walpool__pool_give(&pool, take(&call, NULL));
    walpool__pool_close_all(&pool);
    CHECK_INT(walpool__pool_open_count(&pool), 0);
    walpool__pool_give(&pool, take(&call, NULL));
    CHECK_INT(walpool__pool_open_count(&pool), 1);
    end();
}

TEST(pool__has_as_many_readers_as_it_was_told)
{
    static struct walpool__call calls[64];
    struct walpool__reader *readers[64], *none;
    begin(64);
    for (int i = 0; i < 64; i++)
        readers[i] = take(&calls[i], NULL);
    struct walpool__call call;
    walpool__call_begin_own(&call, 0);
    CHECK_STATUS(walpool__pool_take(&pool, &call, &none, &err),
                 WALPOOL_TIMEOUT);
    for (int i = 0; i < 64; i++)
        walpool__pool_give(&pool, readers[i]);
    end();
}

TEST(pool__needs_memory)
{
    begin(3);
    end();
    for (long nth = 0; nth < 2; nth++) {
        walpool__mem_fail_after(nth);
        bool made = walpool__pool_init(&pool, path, &options, &stats, NULL);
        walpool__mem_fail_after(-1);
        CHECK(!made);
        walpool__pool_finish(&pool);
    }
}

/* ------------------------------------------------------------- many threads */

static void *
read_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 150; i++) {
        struct walpool__call call;
        struct walpool__reader *reader = NULL;
        walpool_error error;
        walpool__call_begin_own(&call, -1);
        CHECK_INT(walpool__pool_take(&pool, &call, &reader, &error),
                  WALPOOL_OK);
        CHECK_INT(raw_number(reader->conn->db, "SELECT count(*) FROM t"), 0);
        walpool__pool_give(&pool, reader);
    }
    return NULL;
}

TEST(pool__serves_more_threads_than_it_has_readers)
{
    pthread_t threads[6];
    begin(2);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_often, NULL), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK(walpool__pool_open_count(&pool) <= 2);
    end();
}

static void *
take_and_give_both(void *first)
{
    struct walpool__call one, two;
    CHECK(take(&one, NULL) == first);
    struct walpool__reader *second = take(&two, NULL);
    walpool__pool_give(&pool, first);
    walpool__pool_give(&pool, second); /* the one to be lent next */
    return NULL;
}

/* What it has in memory is in the cache of this thread's core. */
TEST(pool__lends_a_thread_the_reader_that_it_had_last)
{
    struct walpool__call one, two;
    pthread_t thread;
    begin(2);
    struct walpool__reader *first = take(&one, NULL), *second = take(&two, NULL);
    walpool__pool_give(&pool, second);
    walpool__pool_give(&pool, first);
    CHECK(take(&one, NULL) == second);
    walpool__pool_give(&pool, second);
    CHECK_INT(pthread_create(&thread, NULL, take_and_give_both, second), 0);
    pthread_join(thread, NULL);
    CHECK(take(&one, NULL) == second);
    walpool__pool_give(&pool, second);
    end();
}

CHECK_MAIN()
