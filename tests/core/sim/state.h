/* State: what sim.c and run.c share about the run under way. */
#ifndef STATE_H
#define STATE_H

#include <setjmp.h>

#include "decide.h"
#include "fiber.h"
#include "run.h"
#include "sim.h"

enum { THREADS = 30, PROCESSES = 16, STEPS = 20000 };

/* A thread that sleeps may go on at its deadline or early: two ways. */
_Static_assert(2 * THREADS <= DECIDE_OPTIONS, "all ways to go on have room");

enum life { ABSENT, ALIVE, ENDED, KILLED };

struct thread {
    char name[24];
    enum life life;
    int process;
    bool service, joined, detached;
    bool left; /* its fiber may be another's by now */
    int held; /* locks */
    int looks; /* at the clock, since it slept or locked */
    const struct sim_sleep *sleep; /* NULL: it can run */
    struct fiber *fiber;
    void (*run)(void *);
    void *arg;
};

struct run_state {
    struct thread threads[THREADS];
    int count, current, steps;
    int64_t now_ns;
    uint32_t number;
    bool crashed[PROCESSES];
    int failed_starts[PROCESSES], may_fail_starts;
    bool prompt, traced;
    unsigned stay, pass, early; /* weights */
    void (*quiet)(void *), (*step)(void *);
    void *quiet_arg, *step_arg;
    bool looking;
    jmp_buf stop_looking;
    uint64_t print;
    struct fiber *driver;
    char failed[512];
};

extern struct run_state run;

static inline struct thread *
running_thread(void)
{
    return &run.threads[run.current];
}

/* Start a thread; the first one of a run is its scene. */
int start_thread(const char *name, int process, void (*body)(void *),
                 void *arg);

/* A step, as it is printed; `object` may be NULL. */
void trace(const char *what, const void *object);

/* Let somebody look who must not take part. */
void look_on(void (*look)(void *), void *arg);

/* A thread, or a process, is no more: tell all that take part. */
void forget_thread(int thread);
void forget_process(int process);

#endif
