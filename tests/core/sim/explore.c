/* Explore: runs scenes of the wait queue, the turn, the pool, the writer, the
 * crew and of stepping ahead under many schedules, and says how to run the one
 * again that went wrong.
 *
 *     explore [WORD] [OPTION...]     the cases whose name contains WORD
 *       --count N        schedules by seed for each case, and the most of a
 *                        complete search; WALPOOL_EXPLORE=N says the same
 *       --stops N        bound of the complete searches (default 2)
 *       --seed N         only this seed, and print each step
 *       --schedule LIST  only this schedule, and print each step
 *       --must-fail TEXT some case must fail with this in its message: how
 *                        tests prove that a defect is found
 *
 * A failed case prints the --seed or --schedule with which it can be replayed,
 * and each step of it: when, by whom, what, and on which object. A seed means
 * the same as long as neither the scene nor what it runs is changed: keep what
 * was found as a small scene that is searched completely.
 *
 * What runs is the real source of waitq, turn, pool, writer, ahead, crew, lane,
 * token, call and handle. Replaced at link time are the modules through which the world comes
 * in: thread and clock (sim_thread.c), mem (sim_memory.c), sidelock
 * (sim_kernel.c), and the three functions of conn that pool and writer call
 * (sim_conn.c). At each lock, sleep, nap, file lock, start of a thread and
 * atomic access another thread may go on. By seed, also after unlocks, at
 * relaxed accesses and where a parker is woken.
 *
 * Modelled: any number of processes with file locks of their own; crashes;
 * threads that cannot start; connections that cannot be opened; sleeps that
 * end early; time that passes while somebody could run; threads that spin until
 * it has.
 * Not modelled: forks; memory that runs out; signals; weaker memory orders
 * than sequential consistency; SQLite, and so what is done with the turn;
 * file systems that refuse locks.
 *
 * Does: count, search, report.
 * Must not: know what the scenes do.
 * Lock: none, there is one real thread. */
#include <errno.h>
#include <signal.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "../check.h"

#include "decide.h"
#include "run.h"
#include "scenes.h"
#include "walpool.h"

/* Enough for each mutant of mutants.py with a margin, and few enough for a
 * machine that is busy. The sanitizers look for defects of another kind, and
 * are slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static long count = 1000;
static int stops = 1;
#else
static long count = 3000;
static int stops = 2;
#endif
static bool one_seed;
static uint64_t seed;
static const char *schedule, *must_fail;
static bool failed_as_it_must;
static long runs;

static void
report(void (*scene)(void), const char *problem)
{
    static char way[1 << 17], first[512];
    snprintf(first, sizeof first, "%s", problem);
    decide_print(way, sizeof way);
    if (must_fail != NULL) {
        printf("# %s, schedule %ld: %s\n", check_current, runs, first);
        failed_as_it_must |= strstr(first, must_fail) != NULL;
        return;
    }
    printf("# %s\n# replay: explore %s %s\n", first, check_current, way);
    if (strncmp(way, "--schedule ", 11) == 0)
        decide_by_list(way + 11);
    problem = run_scene(scene, true);
    if (problem == NULL || strcmp(problem, first) != 0)
        printf("# another run of it ends otherwise: %s\n",
               problem != NULL ? problem : "well");
    check_stop();
}

/* One schedule; true: go on. */
static bool
run_one(void (*scene)(void))
{
    const char *problem = run_scene(scene, false);
    if (++runs % 4096 == 0)
        alarm(CHECK_SECONDS); /* it does not hang */
    if (problem != NULL)
        report(scene, problem);
    return problem == NULL;
}

static void
replay(void (*scene)(void))
{
    if (run_scene(scene, true) != NULL)
        check_stop();
}

/* The program goes down: by a signal, or by a sanitizer. */
static void
report_crash(void)
{
    static char way[1 << 17];
    decide_print(way, sizeof way);
    printf("# a crash\n# replay: explore %s %s\n", check_current, way);
    if (must_fail != NULL && strstr("a crash", must_fail) != NULL)
        printf("ok 1 - explore finds: %s\n1..1\n", must_fail);
    fflush(stdout);
    if (must_fail != NULL)
        _exit(strstr("a crash", must_fail) == NULL);
}

static void
on_signal(int number)
{
    (void)number;
    report_crash();
    _exit(3);
}

static void
expect_crashes(void)
{
    static char stack[1 << 16];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_set_death_callback(report_crash);
#endif
    sigaltstack(&other, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
}

static void
explore_by_seed(void (*scene)(void))
{
    runs = 0;
    if (schedule != NULL)
        return;
    for (long i = 0; i < count; i++) {
        decide_by_seed(one_seed ? seed : (uint64_t)i + 1);
        if (one_seed) {
            replay(scene);
            return;
        }
        if (!run_one(scene))
            return;
    }
}

static void
explore_in_turn(void (*scene)(void))
{
    bool more = true;
    runs = 0;
    if (one_seed)
        return;
    if (schedule != NULL) {
        CHECK(decide_by_list(schedule));
        replay(scene);
        return;
    }
    decide_in_turn(stops);
    while (more && runs < 25 * count) {
        if (!run_one(scene))
            return;
        more = decide_next();
    }
    if (must_fail != NULL)
        return;
    printf("# %s: %ld schedules, %s with %d stops\n", check_current, runs,
           more ? "not all" : "all", stops);
}

#define BY_SEED(name)                     \
    TEST(name)                            \
    {                                     \
        explore_by_seed(scene_##name);    \
    }
#define IN_TURN(name)                     \
    TEST(name)                            \
    {                                     \
        explore_in_turn(scene_##name);    \
    }

IN_TURN(waitq_line)
IN_TURN(waitq_two_things)
IN_TURN(waitq_cancel)
IN_TURN(waitq_close)
IN_TURN(waitq_gate)
IN_TURN(waitq_gate_close)
IN_TURN(waitq_early_ends)
BY_SEED(waitq_crowd)
BY_SEED(waitq_bound)

TEST(explore__runs_a_seed_the_same_way_again)
{
    if (must_fail != NULL)
        return;
    for (uint64_t i = 1; i <= 20; i++) {
        uint64_t print;
        decide_by_seed(i);
        CHECK(run_scene(scene_waitq_crowd, false) == NULL);
        print = run_print();
        CHECK(run_scene(scene_waitq_crowd, false) == NULL);
        CHECK(run_print() == print);
    }
}

IN_TURN(turn_two)
IN_TURN(turn_give_up)
IN_TURN(turn_cancel)
IN_TURN(turn_close)
IN_TURN(turn_close_in_vain)
IN_TURN(turn_crash)
IN_TURN(turn_no_keeper)
BY_SEED(turn_crowd)
BY_SEED(turn_bound)

IN_TURN(pool_open_fails)
IN_TURN(pool_warm_again)
IN_TURN(pool_warm_commit)
IN_TURN(pool_idle_again)
IN_TURN(pool_idle_close)
BY_SEED(pool_crowd)
BY_SEED(pool_warm)
BY_SEED(pool_idle_crowd)

IN_TURN(writer_kept_turn)
IN_TURN(writer_kept_turn_hasty)
IN_TURN(writer_kept_turn_cancel)
IN_TURN(writer_kept_turn_close)
IN_TURN(writer_late_keeper)
BY_SEED(writer_crowd)
BY_SEED(writer_bound)

IN_TURN(crew_hand_over)
IN_TURN(crew_stop)
BY_SEED(crew_crowd)

IN_TURN(ahead_free)
IN_TURN(ahead_two_results)
IN_TURN(ahead_no_thread_is_free)
IN_TURN(ahead_deadline)
IN_TURN(ahead_cancel)
IN_TURN(ahead_stop)
IN_TURN(ahead_no_thread_starts)
BY_SEED(ahead_crowd)

/* ----------------------------------------------------------------- arguments */

static long
number(const char *text)
{
    char *end;
    long value;
    errno = 0;
    value = strtol(text != NULL ? text : "", &end, 10);
    if (errno == 0 && end != text && text != NULL && *end == 0 && value >= 0)
        return value;
    fprintf(stderr, "explore: '%s' is no number\n", text != NULL ? text : "");
    exit(2);
}

static void
understand(const char *option, const char *value)
{
    if (strcmp(option, "--count") == 0) {
        count = number(value);
    } else if (strcmp(option, "--stops") == 0) {
        stops = (int)number(value);
    } else if (strcmp(option, "--seed") == 0) {
        one_seed = true;
        seed = (uint64_t)number(value);
    } else if (strcmp(option, "--schedule") == 0 && value != NULL) {
        schedule = value;
    } else if (strcmp(option, "--must-fail") == 0 && value != NULL) {
        must_fail = value;
        stops = 2;
    } else {
        fprintf(stderr, "explore: %s is no option, or lacks its value\n",
                option);
        exit(2);
    }
}

/* Objects that live longer than a run must not be made in one. */
static void
warm_up(void)
{
    walpool_token_close(walpool_token_open(NULL));
}

/* A mutant: any case may see the defect, one must see it for what it is. */
static int
run_until_it_fails(const char *word)
{
#if defined(__SANITIZE_THREAD__)
    if (strcmp(must_fail, "crash") == 0) {
        printf("ok 1 # SKIP the thread sanitizer hangs in a program that "
               "crashes\n1..1\n");
        return 0;
    }
#endif
    for (size_t i = 0; i < check_case_count && !failed_as_it_must; i++) {
        if (strstr(check_cases[i].name, word) == NULL)
            continue;
        check_current = check_cases[i].name;
        alarm(CHECK_SECONDS);
        check_cases[i].run();
    }
    printf("%s 1 - explore finds: %s\n1..1\n",
           failed_as_it_must ? "ok" : "not ok", must_fail);
    return !failed_as_it_must;
}

int
main(int argc, char **argv)
{
    char *words[] = {argv[0], NULL, NULL};
    int word_count = 1;
    if (getenv("WALPOOL_EXPLORE") != NULL)
        count = number(getenv("WALPOOL_EXPLORE"));
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            understand(argv[i], argv[i + 1]);
            i++;
        } else if (word_count == 1) {
            words[word_count++] = argv[i];
        }
    }
    warm_up();
    expect_crashes();
    return must_fail != NULL ? run_until_it_fails(words[1] ? words[1] : "")
                             : check_main(word_count, words);
}
