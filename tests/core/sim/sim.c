/* Sim: simulated threads, processes and time, under a schedule that is chosen
 * step by step.
 *
 * At each point the running thread may be stopped in favour of another, time
 * may pass up to the next deadline although somebody could run, or a sleep may
 * end for no reason; decide.c says which. Where nobody can run, time moves to
 * the next deadline. Where there is none, all have ended, or somebody waits
 * for what will never come.
 *
 * Does: threads, time, and who runs next.
 * Must not: know what the threads do.
 * Lock: none, there is one real thread. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "decide.h"
#include "state.h"

#define SPIN_LOOKS 8 /* whoever looks at the clock more often, spins */
#define SPIN_NS 10000

/* ---------------------------------------------------------------- scheduling */

static bool
can_run(const struct thread *thread)
{
    const struct sim_sleep *sleep = thread->sleep;
    return thread->life == ALIVE &&
           (sleep == NULL || sleep->deadline_ns <= run.now_ns ||
            sleep->ready(sleep->arg));
}

/* The ways to go on from here. Each lets one thread run, from a time on. */
struct ways {
    int count, able; /* able: threads that can run */
    struct option options[DECIDE_OPTIONS];
    int thread[DECIDE_OPTIONS];
    int64_t at_ns[DECIDE_OPTIONS];
};

static void
add_way(struct ways *ways, int thread, int64_t at_ns, bool costs,
        unsigned weight)
{
    int i = ways->count++;
    ways->options[i] = (struct option){costs, weight};
    ways->thread[i] = thread;
    ways->at_ns[i] = at_ns;
}

/* The running thread, then the others. To stop one that could go on costs. */
static void
add_able(struct ways *ways)
{
    bool mine = can_run(running_thread());
    if (mine)
        add_way(ways, run.current, run.now_ns, false, run.stay);
    for (int i = 0; i < run.count; i++)
        if (i != run.current && can_run(&run.threads[i]))
            add_way(ways, i, run.now_ns, mine, 16);
    ways->able = ways->count;
}

int64_t
sim_next_wake_ns(void)
{
    int64_t next = SIM_NEVER;
    for (int i = 0; i < run.count; i++) {
        const struct thread *thread = &run.threads[i];
        if (thread->life == ALIVE && thread->sleep != NULL &&
            thread->sleep->deadline_ns > run.now_ns &&
            thread->sleep->deadline_ns < next)
            next = thread->sleep->deadline_ns;
    }
    return next;
}

static void
add_passing_time(struct ways *ways)
{
    int64_t next = sim_next_wake_ns();
    if (next == SIM_NEVER || (ways->able > 0 && run.prompt))
        return;
    for (int i = 0; i < run.count; i++) {
        const struct thread *thread = &run.threads[i];
        if (thread->life == ALIVE && thread->sleep != NULL &&
            thread->sleep->deadline_ns == next && !can_run(thread))
            add_way(ways, i, next, ways->able > 0,
                    ways->able > 0 ? run.pass : 16);
    }
}

static void
add_early_ends(struct ways *ways)
{
    if (run.early == 0)
        return;
    for (int i = 0; i < run.count; i++) {
        const struct thread *thread = &run.threads[i];
        if (thread->life == ALIVE && thread->sleep != NULL &&
            thread->sleep->may_end_early && !can_run(thread))
            add_way(ways, i, run.now_ns, true, run.early);
    }
}

static bool
all_ended(void)
{
    for (int i = 0; i < run.count; i++)
        if (run.threads[i].life == ALIVE)
            return false;
    return true;
}

/* What the threads that sleep for ever wait for. */
static void
fail_stuck(void)
{
    char text[400] = "";
    size_t used = 0;
    for (int i = 0; i < run.count && used < sizeof text; i++) {
        const struct thread *thread = &run.threads[i];
        if (thread->life != ALIVE)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s: %s",
                                 used ? ", " : "", thread->name,
                                 thread->sleep->what);
    }
    sim_fail("stuck for ever: %s", text);
}

/* Who runs next; -1: all have ended. */
static int
next_thread(void)
{
    static struct ways ways;
    int chosen;
    ways.count = 0;
    if (++run.steps > STEPS)
        sim_fail("no end after %d steps", STEPS);
    look_on(run.step, run.step_arg);
    add_able(&ways);
    if (ways.able == 0)
        look_on(run.quiet, run.quiet_arg);
    add_passing_time(&ways);
    if (ways.count == 0 && all_ended())
        return -1;
    if (ways.count == 0)
        fail_stuck();
    add_early_ends(&ways);
    chosen = decide(ways.options, ways.count);
    run.now_ns = ways.at_ns[chosen];
    return ways.thread[chosen];
}

static void
go_on(void)
{
    int next = next_thread();
    run.current = next;
    fiber_switch(run.threads[next].fiber);
}

void
sim_point(const char *what, const void *object)
{
    if (run.looking || run.count == 0)
        return; /* not a thread of a run */
    trace(what, object);
    go_on();
}

void
sim_point_fine(const char *what, const void *object)
{
    if (decide_is_by_seed())
        sim_point(what, object);
}

void
sim_wait(const struct sim_sleep *sleep)
{
    struct thread *thread = running_thread();
    if (run.looking)
        sim_fail("%s while looking on", sleep->what);
    trace(sleep->what, sleep->object);
    thread->looks = 0;
    thread->sleep = sleep;
    go_on();
    thread->sleep = NULL;
}

unsigned
sim_choose(unsigned count)
{
    struct option options[DECIDE_OPTIONS];
    for (unsigned i = 0; i < count; i++)
        options[i] = (struct option){false, 1};
    return (unsigned)decide(options, (int)count);
}

/* ----------------------------------------------------------------- threads */

static void
live(void *arg)
{
    struct thread *thread = arg;
    int next;
    thread->run(thread->arg);
    trace("ends", NULL);
    if (thread->held != 0)
        sim_fail("%s ends with a lock", thread->name);
    thread->life = ENDED;
    next = next_thread();
    thread->left = true;
    if (next < 0)
        fiber_leave(run.driver);
    run.current = next;
    fiber_leave(run.threads[next].fiber);
}

int
start_thread(const char *name, int process, void (*body)(void *), void *arg)
{
    struct thread *thread = &run.threads[run.count];
    if (run.count == THREADS || process >= PROCESSES)
        sim_fail("a scene may have %d threads and %d processes", THREADS,
                 PROCESSES);
    memset(thread, 0, sizeof *thread);
    snprintf(thread->name, sizeof thread->name, "%s", name);
    thread->life = ALIVE;
    thread->process = process;
    thread->run = body;
    thread->arg = arg;
    thread->fiber = fiber_take(live, thread);
    return run.count++;
}

int
sim_spawn(const char *name, int process, void (*body)(void *), void *arg)
{
    return start_thread(name, process, body, arg);
}

int
sim_start_service(const char *name, void (*body)(void *), void *arg)
{
    char named[24];
    int thread;
    if (run.may_fail_starts > 0 && sim_choose(2) == 1) {
        run.may_fail_starts--;
        run.failed_starts[running_thread()->process]++;
        trace("thread does not start", NULL);
        return -1;
    }
    snprintf(named, sizeof named, "%s/%d", name, running_thread()->process);
    thread = start_thread(named, running_thread()->process, body, arg);
    run.threads[thread].service = true;
    sim_point("start thread", NULL);
    return thread;
}

static bool
has_ended(const void *arg)
{
    return ((const struct thread *)arg)->life != ALIVE;
}

static void
wait_for_end(struct thread *thread)
{
    const struct sim_sleep sleep = {.what = "join", .ready = has_ended,
                                    .arg = thread, .deadline_ns = SIM_NEVER};
    if (!has_ended(thread))
        sim_wait(&sleep);
}

void
sim_join(int number)
{
    struct thread *thread = &run.threads[number];
    sim_must_hold_none("join");
    SIM_CHECK(!thread->joined && !thread->detached,
              "%s is joined, and was joined or detached before", thread->name);
    thread->joined = true;
    wait_for_end(thread);
}

void
sim_detach(int number)
{
    struct thread *thread = &run.threads[number];
    SIM_CHECK(!thread->joined && !thread->detached,
              "%s is detached, and was joined or detached before",
              thread->name);
    thread->detached = true;
}

void
sim_join_all(void)
{
    for (int i = 0; i < run.count; i++)
        if (i != run.current && !run.threads[i].service)
            wait_for_end(&run.threads[i]);
}

void
sim_crash(int process)
{
    sim_note("process %d crashes", process);
    run.crashed[process] = true;
    for (int i = 0; i < run.count; i++)
        if (run.threads[i].process == process &&
            run.threads[i].life == ALIVE) {
            run.threads[i].life = KILLED;
            forget_thread(i);
        }
    forget_process(process);
    sim_point("crashed one", NULL);
}

/* ------------------------------------------------------------------ asking */

bool
sim_is_crashed(int process)
{
    return run.crashed[process];
}

int64_t
sim_now_ns(void)
{
    return run.now_ns;
}

int
sim_self(void)
{
    return run.current;
}

int
sim_process(void)
{
    return running_thread()->process;
}

int
sim_failed_starts(int process)
{
    return run.failed_starts[process];
}

uint32_t
sim_run_number(void)
{
    return run.number;
}

void
sim_set_prompt(void)
{
    run.prompt = true;
}

void
sim_set_early_ends(void)
{
    run.early = 1;
}

void
sim_set_thread_failures(int count)
{
    run.may_fail_starts = count;
}

void
sim_holds(int change)
{
    struct thread *thread = running_thread();
    thread->looks = run.looking ? thread->looks : 0;
    thread->held += change;
}

void
sim_must_hold_none(const char *what)
{
    if (!run.looking && running_thread()->held != 0)
        sim_fail("%s while holding a lock", what);
}

static bool
never(const void *arg)
{
    (void)arg;
    return false;
}

void
sim_nap_ns(int64_t ns)
{
    const struct sim_sleep sleep = {.what = "nap", .ready = never,
                                    .deadline_ns = run.now_ns + ns};
    sim_must_hold_none("nap");
    sim_wait(&sleep);
}

int64_t
sim_look_at_clock(void)
{
    struct thread *thread = running_thread();
    if (++thread->looks > SPIN_LOOKS && thread->held == 0 && !run.looking)
        sim_nap_ns(SPIN_NS);
    return run.now_ns;
}
