/* Sim: simulated threads, processes and time, under a schedule that is chosen
 * step by step and can be chosen again. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER INT64_MAX
#define SIM_START_NS 1000000000 /* when each run begins; 0 means "never was" */

/* ----------------------------------------------------------- for scenes
 * A scene is a function; it runs as the first simulated thread, starts others,
 * and checks. A run ends when all threads have ended. */

/* Start a thread in a process of the scene's own numbering; returns its
 * number. */
int sim_spawn(const char *name, int process, void (*run)(void *), void *arg);

/* Wait for all threads that were spawned. */
void sim_join_all(void);

/* End a process as a crash does: its threads stop where they are, its file
 * locks are free, its memory is gone. */
void sim_crash(int process);
bool sim_is_crashed(int process);

void sim_nap_ns(int64_t ns);
int64_t sim_now_ns(void);
int64_t sim_next_wake_ns(void); /* of who sleeps; SIM_NEVER: nobody wakes */
int sim_self(void);    /* the running thread's number */
int sim_process(void); /* and its process */

/* A number below `count`, by chance or, in a complete search, each in turn. */
unsigned sim_choose(unsigned count);

/* The scene is wrong about what it tests, or what it tests is wrong. Ends the
 * run. */
_Noreturn void sim_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
#define SIM_CHECK(holds, ...) ((holds) ? (void)0 : sim_fail(__VA_ARGS__))

/* From now on time stands while any thread can run: nobody is kept from
 * running, so that waiting has a bound that can be checked. */
void sim_set_prompt(void);

/* From now on sleeps may end for no reason; by seed, some runs do so anyway. */
void sim_set_early_ends(void);

/* So many starts of threads may fail from now on. */
void sim_set_thread_failures(int count);

/* Called where nobody can run, before time moves; and before each step. Both
 * look on: they take locks only if those are free, and are left otherwise. */
void sim_on_quiet(void (*look)(void *), void *arg);
void sim_on_step(void (*look)(void *), void *arg);

/* Something for the trace of a failed run. */
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ----------------------------------- for the modules that are replaced */

/* Here another thread may go on. The fine one is left out of complete
 * searches: whatever others do at it they can do at the next coarse one. */
void sim_point(const char *what, const void *object);
void sim_point_fine(const char *what, const void *object);

struct sim_sleep {
    const char *what;
    const void *object;
    bool (*ready)(const void *arg);
    const void *arg;
    int64_t deadline_ns;
    bool may_end_early;
};

/* Sleep until ready, the deadline, or for no reason where that is allowed. */
void sim_wait(const struct sim_sleep *sleep);

/* The time. A thread that looks at it again and again, and neither sleeps nor
 * locks, waits for it to pass: it sleeps a little, since time stands while it
 * runs. */
int64_t sim_look_at_clock(void);

/* Locks that the running thread holds; those who wait must have none. */
void sim_holds(int change);
void sim_must_hold_none(const char *what);
bool sim_is_looking_on(void);
_Noreturn void sim_stop_looking(void);

/* A thread that the modules started: somebody must join or detach it.
 * -1: it could not start. */
int sim_start_service(const char *name, void (*run)(void *), void *arg);
void sim_join(int thread);
void sim_detach(int thread);
int sim_failed_starts(int process); /* how many there were in this run */

/* Tells runs apart, so that what one leaves behind means nothing to the next. */
uint32_t sim_run_number(void);

#endif
