/* Threads: mutex, condition with a deadline on our clock, thread, identity,
 * and the mark that a fork leaves. */
#ifndef WALPOOL_THREAD_H
#define WALPOOL_THREAD_H

#include <pthread.h>

#include "base.h"

struct walpool__mutex {
    pthread_mutex_t native;
};

struct walpool__cond {
    pthread_cond_t native;
};

void walpool__mutex_init(struct walpool__mutex *mutex);
void walpool__mutex_finish(struct walpool__mutex *mutex);
void walpool__mutex_lock(struct walpool__mutex *mutex);
void walpool__mutex_unlock(struct walpool__mutex *mutex);

#define WALPOOL__MUTEX_STATIC {PTHREAD_MUTEX_INITIALIZER}

void walpool__cond_init(struct walpool__cond *cond);
void walpool__cond_finish(struct walpool__cond *cond);
void walpool__cond_signal(struct walpool__cond *cond);
void walpool__cond_broadcast(struct walpool__cond *cond);

/* Wait until signalled or `deadline_ns` (walpool__clock_now's scale, or
 * WALPOOL__NEVER). May return early for no reason: look at your condition. */
void walpool__cond_wait(struct walpool__cond *cond,
                        struct walpool__mutex *mutex, int64_t deadline_ns);

struct walpool__thread {
    pthread_t native;
};

/* Start a thread with all signals blocked; `name` shows in debuggers (at most
 * 15 bytes). Returns 0 or an errno. */
int walpool__thread_start(struct walpool__thread *thread, const char *name,
                          void (*run)(void *), void *arg);
void walpool__thread_join(struct walpool__thread *thread);
void walpool__thread_detach(struct walpool__thread *thread);

/* A number that no other living thread has, never 0: the one by which the
 * system shows it (top -H, gdb), where there is one. */
uint64_t walpool__thread_self(void);

/* Counted from 0, in the order in which threads first ask: of those that share
 * something in stripes, as many as there are meet nobody. */
uint32_t walpool__thread_nth(void);

void walpool__thread_nap_us(int64_t us);

/* Processors that this process may use, 1 or more. */
int walpool__thread_cpus(void);

/* A place to sleep for one thread. Waking takes no lock, so it may be done
 * while holding one: that is how a waiter's life on its stack is kept safe. */
struct walpool__parker {
#if defined(__linux__)
    _Atomic uint32_t woken;
#else
    struct walpool__mutex mutex; /* guards woken; taken last, inside only */
    struct walpool__cond cond;
    bool woken;
#endif
};

void walpool__parker_init(struct walpool__parker *parker);
void walpool__parker_finish(struct walpool__parker *parker);

/* Sleep until woken or the deadline; a wake-up before it counts. Then the
 * parker is ready for the next sleep. May return early. */
void walpool__parker_sleep(struct walpool__parker *parker, int64_t deadline_ns);
void walpool__parker_wake(struct walpool__parker *parker);

/* Number of forks between this process and the one that loaded the library.
 * An object remembers it at birth: another value means it was inherited. */
uint32_t walpool__thread_fork_count(void);

/* Have `child` run in every forked child, before fork() returns there: the
 * place to make locks anew that another thread may have held. A few only. */
void walpool__thread_at_fork(void (*child)(void));

#endif
