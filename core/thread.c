/* Threads: thin names over POSIX threads.
 *
 * Does: what the system offers, on our clock; notes forks.
 * Must not: know what is waited for.
 * Lock: none of its own. */
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#endif

#include "clock.h"
#include "mem.h"

/* A mutex that fails is a defect of ours: going on would break data. */
static void
must_be_zero(int result)
{
    if (result != 0)
        abort();
}

void
walpool__mutex_init(struct walpool__mutex *mutex)
{
    must_be_zero(pthread_mutex_init(&mutex->native, NULL));
}

void
walpool__mutex_finish(struct walpool__mutex *mutex)
{
    must_be_zero(pthread_mutex_destroy(&mutex->native));
}

void
walpool__mutex_lock(struct walpool__mutex *mutex)
{
    must_be_zero(pthread_mutex_lock(&mutex->native));
}

void
walpool__mutex_unlock(struct walpool__mutex *mutex)
{
    must_be_zero(pthread_mutex_unlock(&mutex->native));
}

void
walpool__cond_init(struct walpool__cond *cond)
{
#if defined(__APPLE__)
    must_be_zero(pthread_cond_init(&cond->native, NULL));
#else
    pthread_condattr_t attributes;

    must_be_zero(pthread_condattr_init(&attributes));
    must_be_zero(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must_be_zero(pthread_cond_init(&cond->native, &attributes));
    pthread_condattr_destroy(&attributes);
#endif
}

void
walpool__cond_finish(struct walpool__cond *cond)
{
    must_be_zero(pthread_cond_destroy(&cond->native));
}

void
walpool__cond_signal(struct walpool__cond *cond)
{
    must_be_zero(pthread_cond_signal(&cond->native));
}

void
walpool__cond_broadcast(struct walpool__cond *cond)
{
    must_be_zero(pthread_cond_broadcast(&cond->native));
}

static struct timespec
to_timespec(int64_t ns)
{
    struct timespec spec;

    spec.tv_sec = (time_t)(ns / 1000000000);
    spec.tv_nsec = (long)(ns % 1000000000);
    return spec;
}

void
walpool__cond_wait(struct walpool__cond *cond, struct walpool__mutex *mutex,
                   int64_t deadline_ns)
{
    struct timespec spec;
    int result;

    if (deadline_ns == WALPOOL__NEVER) {
        must_be_zero(pthread_cond_wait(&cond->native, &mutex->native));
        return;
    }
#if defined(__APPLE__)
    {
        int64_t left = deadline_ns - walpool__clock_now();

        spec = to_timespec(left > 0 ? left : 0);
        result = pthread_cond_timedwait_relative_np(&cond->native,
                                                    &mutex->native, &spec);
    }
#else
    spec = to_timespec(deadline_ns > 0 ? deadline_ns : 0);
    result = pthread_cond_timedwait(&cond->native, &mutex->native, &spec);
#endif
    must_be_zero(result == ETIMEDOUT ? 0 : result);
}

struct start {
    void (*run)(void *);
    void *arg;
    char name[16];
};

static void *
run_start(void *memory)
{
    struct start start = *(struct start *)memory;

    walpool__mem_free(memory);
#if defined(__linux__)
    pthread_setname_np(pthread_self(), start.name);
#endif
    start.run(start.arg);
    return NULL;
}

int
walpool__thread_start(struct walpool__thread *thread, const char *name,
                      void (*run)(void *), void *arg)
{
    struct start *start = walpool__mem_alloc(sizeof *start);
    sigset_t all, before;
    int result;

    if (!start)
        return ENOMEM;
    start->run = run;
    start->arg = arg;
    snprintf(start->name, sizeof start->name, "%s", name);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&thread->native, NULL, run_start, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        walpool__mem_free(start);
    return result;
}

void
walpool__thread_join(struct walpool__thread *thread)
{
    must_be_zero(pthread_join(thread->native, NULL));
}

void
walpool__thread_detach(struct walpool__thread *thread)
{
    must_be_zero(pthread_detach(thread->native));
}

static uint64_t
new_identity(void)
{
#if defined(__linux__)
    return (uint64_t)syscall(SYS_gettid);
#elif defined(__APPLE__)
    uint64_t id = 0;

    pthread_threadid_np(NULL, &id);
    return id;
#else
    static atomic_uint_fast64_t last;

    return atomic_fetch_add(&last, 1) + 1;
#endif
}

static _Thread_local uint64_t identity; /* 0: not asked for yet */

uint64_t
walpool__thread_self(void)
{
    if (UNLIKELY(identity == 0)) {
        walpool__thread_fork_count(); /* from now on forks are watched */
        identity = new_identity();
    }
    return identity;
}

uint32_t
walpool__thread_nth(void)
{
    static atomic_uint_fast32_t count;
    static _Thread_local uint32_t nth; /* 0: not asked for yet */

    if (UNLIKELY(nth == 0))
        nth = (uint32_t)atomic_fetch_add_explicit(&count, 1,
                                                  memory_order_relaxed) + 1;
    return nth - 1;
}

int
walpool__thread_cpus(void)
{
    long count;
#if defined(__linux__)
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return CPU_COUNT(&allowed);
#endif
    count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

void
walpool__thread_nap_us(int64_t us)
{
    struct timespec spec = to_timespec(us * 1000);

    nanosleep(&spec, NULL);
}

#if defined(__linux__)

void
walpool__parker_init(struct walpool__parker *parker)
{
    atomic_init(&parker->woken, 0);
}

void
walpool__parker_finish(struct walpool__parker *parker)
{
    (void)parker;
}

void
walpool__parker_sleep(struct walpool__parker *parker, int64_t deadline_ns)
{
    struct timespec spec = to_timespec(deadline_ns > 0 ? deadline_ns : 0);

    if (atomic_exchange_explicit(&parker->woken, 0, memory_order_acq_rel))
        return;
    syscall(SYS_futex, &parker->woken, FUTEX_WAIT_BITSET_PRIVATE, 0,
            deadline_ns == WALPOOL__NEVER ? NULL : &spec, NULL,
            FUTEX_BITSET_MATCH_ANY); /* absolute, on the monotonic clock */
    atomic_exchange_explicit(&parker->woken, 0, memory_order_acq_rel);
}

void
walpool__parker_wake(struct walpool__parker *parker)
{
    if (!atomic_exchange_explicit(&parker->woken, 1, memory_order_acq_rel))
        syscall(SYS_futex, &parker->woken, FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
                0);
}

#else

void
walpool__parker_init(struct walpool__parker *parker)
{
    walpool__mutex_init(&parker->mutex);
    walpool__cond_init(&parker->cond);
    parker->woken = false;
}

void
walpool__parker_finish(struct walpool__parker *parker)
{
    walpool__cond_finish(&parker->cond);
    walpool__mutex_finish(&parker->mutex);
}

void
walpool__parker_sleep(struct walpool__parker *parker, int64_t deadline_ns)
{
    walpool__mutex_lock(&parker->mutex);
    if (!parker->woken)
        walpool__cond_wait(&parker->cond, &parker->mutex, deadline_ns);
    parker->woken = false;
    walpool__mutex_unlock(&parker->mutex);
}

void
walpool__parker_wake(struct walpool__parker *parker)
{
    walpool__mutex_lock(&parker->mutex);
    parker->woken = true;
    walpool__cond_signal(&parker->cond);
    walpool__mutex_unlock(&parker->mutex);
}

#endif

#define FORK_HOOKS 4

static atomic_uint fork_count;
static void (*_Atomic fork_hooks[FORK_HOOKS])(void);

static void
note_fork(void)
{
    identity = 0; /* a new thread, and the only one */
    atomic_fetch_add_explicit(&fork_count, 1, memory_order_relaxed);
    for (int i = 0; i < FORK_HOOKS; i++) {
        void (*child)(void) = atomic_load(&fork_hooks[i]);

        if (child)
            child();
    }
}

static void
watch_forks(void)
{
    must_be_zero(pthread_atfork(NULL, NULL, note_fork));
}

uint32_t
walpool__thread_fork_count(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static atomic_bool watching;

    if (UNLIKELY(!atomic_load_explicit(&watching, memory_order_acquire))) {
        pthread_once(&once, watch_forks);
        atomic_store_explicit(&watching, true, memory_order_release);
    }
    return atomic_load_explicit(&fork_count, memory_order_relaxed);
}

void
walpool__thread_at_fork(void (*child)(void))
{
    walpool__thread_fork_count(); /* from now on forks are watched */
    for (int i = 0; i < FORK_HOOKS; i++) {
        void (*none)(void) = NULL;

        if (atomic_compare_exchange_strong(&fork_hooks[i], &none, child))
            return;
        if (none == child)
            return;
    }
    INVARIANT(!"more fork hooks than FORK_HOOKS");
}
