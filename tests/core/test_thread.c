/* thread: parkers that lose no wake-up, deadlines, identities, fork hooks. */
#include "thread.h"

#include <signal.h>
#include <sys/wait.h>

#include "api.h"
#include "clock.h"
#include "mem.h"

static struct walpool__parker parker;
static atomic_int stage;

TEST(parker__counts_a_wake_up_before_the_sleep)
{
    walpool__parker_init(&parker);
    walpool__parker_wake(&parker);
    walpool__parker_wake(&parker);
    walpool__parker_sleep(&parker, WALPOOL__NEVER);
    walpool__parker_finish(&parker);
}

TEST(parker__forgets_a_wake_up_that_was_slept_for)
{
    walpool__parker_init(&parker);
    walpool__parker_wake(&parker);
    walpool__parker_sleep(&parker, WALPOOL__NEVER);
    int64_t deadline = walpool__clock_deadline(2);
    while (walpool__clock_now() < deadline)
        walpool__parker_sleep(&parker, deadline);
    walpool__parker_finish(&parker);
}

TEST(parker__does_not_sleep_past_a_deadline)
{
    walpool__parker_init(&parker);
    walpool__parker_sleep(&parker, 0);
    walpool__parker_sleep(&parker, -5);
    walpool__parker_sleep(&parker, walpool__clock_now() - 1);
    walpool__parker_finish(&parker);
}

enum { ROUNDS = 20000 };

static void
answer(void *arg)
{
    struct walpool__parker *pair = arg;
    for (int i = 0; i < ROUNDS; i++) {
        while (atomic_load(&stage) != 2 * i + 1)
            walpool__parker_sleep(&pair[1], WALPOOL__NEVER);
        atomic_store(&stage, 2 * i + 2);
        walpool__parker_wake(&pair[0]);
    }
}

TEST(parker__loses_no_wake_up_between_two_threads)
{
    struct walpool__parker pair[2];
    struct walpool__thread thread;
    walpool__parker_init(&pair[0]);
    walpool__parker_init(&pair[1]);
    atomic_store(&stage, 0);
    CHECK_INT(walpool__thread_start(&thread, "answer", answer, pair), 0);
    for (int i = 0; i < ROUNDS; i++) {
        atomic_store(&stage, 2 * i + 1);
        walpool__parker_wake(&pair[1]);
        while (atomic_load(&stage) != 2 * i + 2)
            walpool__parker_sleep(&pair[0], WALPOOL__NEVER);
    }
    walpool__thread_join(&thread);
    walpool__parker_finish(&pair[0]);
    walpool__parker_finish(&pair[1]);
}

TEST(cond__does_not_wait_past_a_deadline)
{
    struct walpool__mutex mutex;
    struct walpool__cond cond;
    walpool__mutex_init(&mutex);
    walpool__cond_init(&cond);
    walpool__mutex_lock(&mutex);
    walpool__cond_wait(&cond, &mutex, 0);
    int64_t deadline = walpool__clock_deadline(2);
    while (walpool__clock_now() < deadline)
        walpool__cond_wait(&cond, &mutex, deadline);
    walpool__mutex_unlock(&mutex);
    walpool__cond_finish(&cond);
    walpool__mutex_finish(&mutex);
}

static void
note_identity(void *arg)
{
    uint64_t *out = arg;
    sigset_t blocked;
    char name[16] = "";
    out[0] = walpool__thread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    out[1] = sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGALRM);
    pthread_getname_np(pthread_self(), name, sizeof name);
    out[2] = strcmp(name, "walpool-ckptXYZ") == 0;
}

TEST(thread__has_an_identity_a_name_and_no_signals)
{
    struct walpool__thread thread;
    uint64_t seen[3] = {0};
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    CHECK_INT(walpool__thread_start(&thread, "walpool-ckptXYZ-and-more",
                                    note_identity, seen), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    walpool__thread_join(&thread);
    CHECK(seen[0] != 0);
    CHECK(seen[0] != walpool__thread_self());
    CHECK(walpool__thread_self() == walpool__thread_self());
    CHECK(seen[1]);
    CHECK(seen[2]);
    CHECK_INT(sigismember(&after, SIGUSR1), sigismember(&before, SIGUSR1));
}

static void
note_nth(void *arg)
{
    uint32_t *nth = arg;
    nth[0] = walpool__thread_nth();
    nth[1] = walpool__thread_nth();
}

TEST(thread__is_counted_when_it_first_asks)
{
    struct walpool__thread thread;
    uint32_t mine = walpool__thread_nth(), before = 0, nth[2];
    for (int i = 0; i < 20; i++) {
        CHECK_INT(walpool__thread_start(&thread, "counted", note_nth, nth), 0);
        walpool__thread_join(&thread);
        CHECK_INT(nth[1], nth[0]);
        CHECK(i == 0 || nth[0] == before + 1);
        CHECK(nth[0] > mine);
        before = nth[0];
    }
    CHECK_INT(walpool__thread_nth(), mine);
}

static void
compare_with_the_system(void)
{
    CHECK_INT(walpool__thread_self(), gettid());
}

TEST(thread__has_the_number_that_the_system_shows)
{
    compare_with_the_system();
    api_forked(compare_with_the_system);
    compare_with_the_system();
}

TEST(thread__does_not_start_without_memory)
{
    struct walpool__thread thread;
    walpool__mem_fail_after(0);
    int result = walpool__thread_start(&thread, "x", note_identity, NULL);
    walpool__mem_fail_after(-1);
    CHECK(result != 0);
}

static int child_ran;

static void
in_child(void)
{
    child_ran++;
}

TEST(thread__runs_a_fork_hook_once_in_the_child_only)
{
    walpool__thread_at_fork(in_child);
    walpool__thread_at_fork(in_child);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_ran == 1 && walpool__thread_fork_count() == 1 ? 0 : 1);
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    CHECK_INT(child_ran, 0);
    CHECK_INT(walpool__thread_fork_count(), 0);
}

static void
grandchild(void)
{
    pid_t pid = fork();
    int status = -1;
    if (pid == 0)
        _exit(walpool__thread_fork_count() == 2 ? 0 : 1);
    waitpid(pid, &status, 0);
    _exit(status);
}

TEST(thread__counts_forks_of_forks)
{
    walpool__thread_fork_count();
    pid_t pid = fork();
    if (pid == 0)
        grandchild();
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

CHECK_MAIN()
