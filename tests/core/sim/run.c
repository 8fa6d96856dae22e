/* Run: one schedule of one scene, from its beginning to its end.
 *
 * Does: begin, trace, fail, look on, and see what is left behind.
 * Must not: choose.
 * Lock: none, there is one real thread. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "state.h"

struct run_state run;

static const struct run_part *const parts[] = {&sim_memory_part,
                                               &sim_kernel_part,
                                               &sim_below_part};
#define PARTS (sizeof parts / sizeof parts[0])

/* ------------------------------------------------------------------ trace */

/* Objects are numbered as they appear. */
static int
number_of(const void *object)
{
    static const void *seen[256];
    static int count;
    static uint32_t of_run;
    if (of_run != run.number)
        count = 0;
    of_run = run.number;
    for (int i = 0; i < count; i++)
        if (seen[i] == object)
            return i + 1;
    if (count == 256)
        return 0;
    seen[count++] = object;
    return count;
}

void
trace(const char *what, const void *object)
{
    run.print = (run.print ^ (uint64_t)run.current ^ (uint64_t)run.now_ns) *
                0x100000001B3;
    if (!run.traced)
        return;
    printf("# %12.3f us  %-14s %s", (double)(run.now_ns - SIM_START_NS) / 1e3,
           running_thread()->name, what);
    if (object != NULL)
        printf(" #%d", number_of(object));
    printf("\n");
}

void
sim_note(const char *format, ...)
{
    char text[160];
    va_list args;
    if (!run.traced)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace(text, NULL);
}

/* ---------------------------------------------------------------- failures */

void
sim_fail(const char *format, ...)
{
    va_list args;
    if (run.failed[0] == 0) {
        va_start(args, format);
        vsnprintf(run.failed, sizeof run.failed, format, args);
        va_end(args);
    }
    if (run.traced)
        printf("# %12.3f us  %-14s FAILS: %s\n",
               (double)(run.now_ns - SIM_START_NS) / 1e3, running_thread()->name,
               run.failed);
    fiber_switch(run.driver);
    abort(); /* the driver drops this fiber */
}

void
sim_assert_failed(const char *file, int line, const char *text)
{
    const char *name = strrchr(file, '/');
    sim_fail("%s:%d: assertion does not hold: %s",
             name != NULL ? name + 1 : file, line, text);
}

/* ---------------------------------------------------------------- looking on */

bool
sim_is_looking_on(void)
{
    return run.looking;
}

void
sim_stop_looking(void)
{
    longjmp(run.stop_looking, 1);
}

void
look_on(void (*look)(void *), void *arg)
{
    if (look == NULL)
        return;
    run.looking = true;
    if (setjmp(run.stop_looking) == 0)
        look(arg);
    run.looking = false;
}

void
sim_on_quiet(void (*look)(void *), void *arg)
{
    run.quiet = look;
    run.quiet_arg = arg;
}

void
sim_on_step(void (*look)(void *), void *arg)
{
    run.step = look;
    run.step_arg = arg;
}

/* --------------------------------------------------------------- whole runs */

void
forget_thread(int thread)
{
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i]->forget_thread != NULL)
            parts[i]->forget_thread(thread);
}

void
forget_process(int process)
{
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i]->forget_process != NULL)
            parts[i]->forget_process(process);
}

static void
run_main(void *scene)
{
    (*(void (**)(void))scene)();
}

/* Some runs stop threads often, some seldom; some let time pass often, or
 * never while somebody can run; some end sleeps for no reason. */
static void
begin(bool traced)
{
    static const unsigned stays[] = {16, 64, 256, 1024}, passes[] = {0, 1, 8};
    uint32_t number = run.number;
    memset(&run, 0, sizeof run);
    run.number = number + 1;
    run.now_ns = SIM_START_NS;
    run.traced = traced;
    run.print = 0xCBF29CE484222325;
    run.driver = fiber_current();
    decide_begin_run();
    run.stay = stays[decide_temper(4)];
    run.pass = passes[decide_temper(3)];
    run.early = decide_temper(4) == 1 ? 1 : 0;
    for (size_t i = 0; i < PARTS; i++)
        parts[i]->begin();
}

static void
check_what_is_left(void)
{
    for (int i = 0; i < run.count; i++) {
        const struct thread *thread = &run.threads[i];
        if (thread->service && thread->life == ENDED && !thread->joined &&
            !thread->detached && !run.crashed[thread->process])
            snprintf(run.failed, sizeof run.failed,
                     "%s ended, and nobody joins or detaches it", thread->name);
    }
}

/* Some parts must end in any case: they give back what runs leave behind. */
static void
finish(void)
{
    for (int i = 0; i < run.count; i++)
        if (!run.threads[i].left)
            fiber_drop(run.threads[i].fiber);
    if (run.failed[0] == 0)
        check_what_is_left();
    for (size_t i = 0; i < PARTS; i++) {
        const char *left = parts[i]->end();
        if (left != NULL && run.failed[0] == 0)
            snprintf(run.failed, sizeof run.failed, "%s", left);
    }
}

const char *
run_scene(void (*scene)(void), bool traced)
{
    begin(traced);
    start_thread("main", 0, run_main, &scene);
    fiber_switch(run.threads[0].fiber);
    finish();
    return run.failed[0] != 0 ? run.failed : NULL;
}

uint64_t
run_print(void)
{
    return run.print;
}

int
run_steps(void)
{
    return run.steps;
}
