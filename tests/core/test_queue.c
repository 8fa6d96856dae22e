/* queue: its descriptor, its end, misuse, threads, fork. */
#include <poll.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "jobs.h"
#include "mem.h"

static bool
is_readable(walpool_queue *queue)
{
    struct pollfd fd = {.fd = walpool_queue_fd(queue), .events = POLLIN};
    CHECK(fd.fd >= 0);
    return poll(&fd, 1, 0) == 1;
}

static void
await_readable(walpool_queue *queue)
{
    struct pollfd fd = {.fd = walpool_queue_fd(queue), .events = POLLIN};
    CHECK_INT(poll(&fd, 1, 30000), 1);
}

/* Collect without waiting, guided by the descriptor alone. */
static void
collect_by_descriptor(walpool_queue *queue, size_t count, size_t at_once)
{
    walpool_completion done[16];
    while (count > 0) {
        await_readable(queue);
        size_t taken = walpool_completions(queue, done, at_once, 0, &err);
        for (size_t i = 0; i < taken; i++)
            CHECK_DONE(done[i], WALPOOL_OK);
        count -= taken;
    }
}

TEST(queue__has_a_descriptor_that_tells_when_to_collect)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    static struct errand list[100];
    CHECK(!is_readable(queue));
    for (size_t at_once = 1; at_once <= 16; at_once += 5) {
        for (size_t i = 0; i < 100; i++) {
            list[i] = errand(WALPOOL_OP_READ, db, "SELECT 1");
            hand_in(queue, &list[i]);
        }
        collect_by_descriptor(queue, 100, at_once);
        for (size_t i = 0; i < 100; i++)
            walpool_rows_finish(&list[i].rows);
    }
    walpool_completion done;
    CHECK_INT(walpool_completions(queue, &done, 1, 0, &err), 0);
    CHECK(!is_readable(queue));
    walpool_queue_close(queue);
    api_close(db);
}

TEST(queue__stays_readable_until_the_last_completion_is_taken)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    struct errand one = errand(WALPOOL_OP_WRITE, db, "DELETE FROM t");
    struct errand two = errand(WALPOOL_OP_WRITE, db, "DELETE FROM t");
    hand_in(queue, &one);
    hand_in(queue, &two);
    await_readable(queue);
    CHECK_INT(next_completion(queue).id, one.job.id);
    await_readable(queue);
    CHECK_INT(next_completion(queue).id, two.job.id);
    walpool_completion done;
    CHECK_INT(walpool_completions(queue, &done, 1, 0, &err), 0);
    CHECK(!is_readable(queue));
    walpool_queue_close(queue);
    api_close(db);
}

TEST(queue__waits_for_completions_as_long_as_it_is_told)
{
    walpool_queue *queue = open_queue();
    walpool_completion done;
    int64_t start = check_now_ms();
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 0);
    CHECK_INT(walpool_completions(queue, &done, 1, 0, &err), 0);
    CHECK(check_now_ms() - start < 10000);
    CHECK_INT(walpool_completions(queue, &done, 1, 20, &err), 0);
    CHECK(check_now_ms() - start >= 20);
    struct errand open = errand(WALPOOL_OP_OPEN, NULL, NULL);
    open.job.name = check_path("a.db");
    hand_in(queue, &open);
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_DONE(done, WALPOOL_OK);
    api_close(done.result);
    walpool_queue_close(queue);
}

TEST(queue__tells_other_handles_and_bad_arguments)
{
    walpool_completion done;
    walpool_job job = {.op = WALPOOL_OP_OPEN};
    walpool_queue *queue = open_queue();
    walpool_token *token = walpool_token_open(&err);
    walpool_queue *wrong = (walpool_queue *)(void *)token;
    CHECK_INT(walpool_queue_fd(NULL), -1);
    CHECK_INT(walpool_queue_fd(wrong), -1);
    CHECK_STATUS(walpool_submit(NULL, &job, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_submit(wrong, &job, &err), WALPOOL_MISUSE);
    CHECK_INT(walpool_completions(wrong, &done, 1, 0, &err), 0);
    CHECK_INT(err.status, WALPOOL_MISUSE);
    CHECK_INT(walpool_completions(queue, NULL, 1, 0, &err), 0);
    CHECK_CONTAINS(err.message, "out is NULL");
    CHECK_INT(walpool_completions(queue, &done, 0, 0, &err), 0);
    CHECK_CONTAINS(err.message, "capacity is 0");
    CHECK_INT(walpool_completions(queue, &done, 1, -2, &err), 0);
    CHECK_CONTAINS(err.message, "timeout_ms is below -1");
    walpool_queue_close(NULL);
    walpool_queue_close(wrong);
    CHECK_OK(walpool_cancel(token, &err));
    walpool_token_close(token);
    walpool_queue_close(queue);
    walpool_queue_close(queue);
    CHECK_STATUS(walpool_submit(queue, &job, &err), WALPOOL_CLOSED);
    CHECK_INT(walpool_completions(queue, &done, 1, 0, &err), 0);
    CHECK_INT(err.status, WALPOOL_CLOSED);
    CHECK_INT(walpool_queue_fd(queue), -1);
}

TEST(queue__closes_at_its_close_the_handles_that_nobody_took)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    struct errand open = errand(WALPOOL_OP_OPEN, NULL, NULL);
    struct errand lease = errand(WALPOOL_OP_ACQUIRE_WRITE, db, NULL);
    struct errand scan =
        errand(WALPOOL_OP_READ, db,
               "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
               "WHERE n < 100000) SELECT n, 'text ' || n FROM c");
    open.job.name = check_path("b.db");
    hand_in(queue, &open);
    hand_in(queue, &lease);
    hand_in(queue, &scan);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 1);
    CHECK_EVENTUALLY(api_health(db).reads == 1);
    CHECK_EVENTUALLY(access(check_path("b.db-wal"), F_OK) == 0);
    walpool_queue_close(queue);
    CHECK_INT(api_health(db).writer_leased, 0);
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK(access(check_path("b.db-wal"), F_OK) != 0);
    walpool_rows_finish(&scan.rows);
    CHECK_OK(walpool_close(db, 0, &err));
}

TEST(queue__is_full_at_a_hundred_thousand_jobs)
{
    walpool_queue *queue = open_queue();
    walpool_job job = {.op = WALPOOL_OP_CURSOR_CLOSE, .target = (void *)8};
    for (job.id = 0; job.id < 100000; job.id++)
        CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_STATUS(walpool_submit(queue, &job, &err), WALPOOL_BUSY);
    CHECK_CONTAINS(err.message, "take completions");
    CHECK_DONE(next_completion(queue), WALPOOL_MISUSE);
    CHECK_OK(walpool_submit(queue, &job, &err));
    walpool_queue_close(queue);
}

TEST(queue__says_so_when_there_is_no_memory)
{
    walpool__mem_fail_after(0);
    CHECK_NULL(walpool_queue_open(&err), WALPOOL_NOMEM);
    walpool_queue *queue = open_queue();
    walpool_job job = {.op = WALPOOL_OP_CURSOR_CLOSE, .target = (void *)8};
    walpool__mem_fail_after(0);
    CHECK_STATUS(walpool_submit(queue, &job, &err), WALPOOL_NOMEM);
    walpool__mem_fail_after(1); /* what starting a thread takes */
    CHECK_STATUS(walpool_submit(queue, &job, &err), WALPOOL_NOMEM);
    walpool__mem_fail_after(-1);
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_DONE(next_completion(queue), WALPOOL_MISUSE);
    walpool_queue_close(queue);
}

TEST(queue__runs_four_reads_at_once_and_the_others_after_them)
{
    static const char endless[] =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
        "SELECT count(*) FROM c";
    walpool_queue *queue = open_queue();
    walpool *db = api_open("a.db", "readers=8");
    walpool_token *token = walpool_token_open(&err);
    struct errand list[6];
    for (size_t i = 0; i < 6; i++) {
        list[i] = errand(WALPOOL_OP_READ, db, i < 4 ? endless : "SELECT 1");
        list[i].call.token = i < 4 ? token : NULL;
        list[i].call.timeout_ms = 60000;
        hand_in(queue, &list[i]);
    }
    CHECK_EVENTUALLY(api_health(db).readers_leased == 4);
    CHECK_OK(walpool_cancel(token, &err));
    int cancelled = 0;
    for (size_t i = 0; i < 6; i++)
        cancelled += next_completion(queue).error.status == WALPOOL_CANCELLED;
    for (size_t i = 0; i < 6; i++)
        walpool_rows_finish(&list[i].rows);
    CHECK_INT(cancelled, 4);
    walpool_token_close(token);
    walpool_queue_close(queue);
    api_close(db);
}

enum { SUBMITTERS = 4, EACH = 250 };

static walpool_queue *shared_queue;
static walpool *shared_db;
static struct errand shared_list[SUBMITTERS][EACH];
static atomic_int ended[SUBMITTERS * EACH];
static atomic_int collected;

static void *
submit_many(void *argument)
{
    struct errand *mine = argument;
    size_t first = (size_t)(mine - &shared_list[0][0]);
    for (size_t i = 0; i < EACH; i++) {
        bool reads = i % 5 != 0;
        mine[i] = (struct errand){.call = WALPOOL_CALL_INIT};
        mine[i].job.id = first + i;
        mine[i].job.op = reads ? WALPOOL_OP_READ : WALPOOL_OP_WRITE;
        mine[i].job.target = shared_db;
        mine[i].statement.sql =
            reads ? "SELECT count(*) FROM t" : "INSERT INTO t(v) VALUES (1)";
        mine[i].call.timeout_ms = 50000;
        walpool_rows_init(&mine[i].rows);
        hand_in(shared_queue, &mine[i]);
    }
    return NULL;
}

static void *
collect_many(void *unused)
{
    walpool_completion done[8];
    (void)unused;
    while (atomic_load(&collected) < SUBMITTERS * EACH) {
        size_t count = walpool_completions(shared_queue, done, 8, 5, &err);
        for (size_t i = 0; i < count; i++) {
            CHECK_DONE(done[i], WALPOOL_OK);
            atomic_fetch_add(&ended[done[i].id], 1);
        }
        atomic_fetch_add(&collected, (int)count);
    }
    return NULL;
}

TEST(queue__serves_many_threads_and_completes_every_job_once)
{
    pthread_t threads[SUBMITTERS + 2];
    shared_queue = open_queue();
    shared_db = open_table("a.db");
    for (size_t i = 0; i < SUBMITTERS + 2; i++)
        CHECK_INT(pthread_create(&threads[i], NULL,
                                 i < SUBMITTERS ? submit_many : collect_many,
                                 i < SUBMITTERS ? shared_list[i] : NULL),
                  0);
    for (size_t i = 0; i < SUBMITTERS + 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < SUBMITTERS * EACH; i++) {
        CHECK_INT(atomic_load(&ended[i]), 1);
        walpool_rows_finish(&shared_list[i / EACH][i % EACH].rows);
    }
    CHECK_INT(api_number(shared_db, "SELECT count(*) FROM t"),
              SUBMITTERS * EACH / 5);
    walpool_queue_close(shared_queue);
    api_close(shared_db);
}

static walpool_lease *shared_lease;

/* Told of the close, let the job that has begun get on. */
static void *
release_at_close(void *unused)
{
    walpool_completion done;
    (void)unused;
    CHECK_INT(walpool_completions(shared_queue, &done, 1, 60000, &err), 0);
    CHECK_INT(err.status, WALPOOL_CLOSED);
    CHECK_OK(walpool_release(shared_lease, &err));
    return NULL;
}

TEST(queue__awaits_at_its_close_what_has_begun_and_drops_the_rest)
{
    pthread_t thread;
    static struct errand list[20];
    shared_queue = open_queue();
    shared_db = open_table("a.db");
    shared_lease = api_acquire(shared_db, WALPOOL_WRITE);
    for (size_t i = 0; i < 20; i++) {
        list[i] =
            errand(WALPOOL_OP_WRITE, shared_db, "INSERT INTO t(v) VALUES (1)");
        list[i].call.timeout_ms = 60000;
        hand_in(shared_queue, &list[i]);
    }
    CHECK_EVENTUALLY(api_health(shared_db).writer_waiters == 1);
    CHECK_INT(pthread_create(&thread, NULL, release_at_close, NULL), 0);
    walpool_queue_close(shared_queue);
    CHECK_INT(pthread_join(thread, NULL), 0);
    int64_t applied = api_number(shared_db, "SELECT count(*) FROM t");
    CHECK(applied >= 1 && applied < 20);
    api_close(shared_db);
}

/* What the child of a fork sees: 0, or the number of what is wrong. */
static int
child_of_fork(walpool_queue *queue)
{
    walpool_completion done;
    walpool_job job = {.op = WALPOOL_OP_OPEN};
    if (walpool_submit(queue, &job, &err) != WALPOOL_FORKED)
        return 1;
    err.status = 0;
    if (walpool_completions(queue, &done, 1, -1, &err) != 0 ||
        err.status != WALPOOL_FORKED)
        return 2;
    if (walpool_queue_fd(queue) != -1)
        return 3;
    walpool_queue_close(queue);
    return 0;
}

TEST(queue__is_refused_in_a_forked_child_and_lives_on_in_the_parent)
{
    walpool_queue *queue = open_queue();
    walpool *db = open_table("a.db");
    int status;
    CHECK_OP(queue, WALPOOL_OP_READ, db, "SELECT 1");
    pid_t child = fork();
    if (child == 0)
        _exit(child_of_fork(queue));
    CHECK(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    CHECK_OP(queue, WALPOOL_OP_READ, db, "SELECT 1");
    walpool_queue_close(queue);
    api_close(db);
}

CHECK_MAIN()
