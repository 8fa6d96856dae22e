/* Sim: core/thread.h and core/clock.h, on simulated threads.
 *
 * The state of a mutex and of a condition lies in the bytes of the native one;
 * it says in which run it was made, so that a run that was broken off leaves
 * nothing behind. A parker is known from its init to its finish: to wake one
 * that is gone would write to another's stack.
 *
 * Does: block, wake, and see misuse: two locks at once, sleep with a lock, an
 * unlock by another, use after the end.
 * Must not: know what is waited for.
 * Lock: none, there is one real thread. */
#include "thread.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "sim.h"

enum { PARKERS = 64 };

struct mutex {
    uint32_t run; /* in which it was locked, or finished */
    int16_t owner; /* thread + 1 */
    int16_t finished;
};

struct waiter {
    const struct walpool__cond *cond; /* NULL: signalled */
    struct waiter *next;
};

struct cond {
    uint32_t run;
    bool finished;
    struct waiter *waiters; /* the oldest first */
};

static_assert(sizeof(struct mutex) <= sizeof(struct walpool__mutex), "fits");
static_assert(sizeof(struct cond) <= sizeof(struct walpool__cond), "fits");

/* ------------------------------------------------------------------- mutex */

static struct mutex *
mutex_in(struct walpool__mutex *mutex)
{
    return (struct mutex *)(void *)mutex;
}

static bool
is_held(const struct mutex *mutex)
{
    return mutex->owner != 0 && mutex->run == sim_run_number();
}

static bool
is_free(const void *mutex)
{
    return !is_held(mutex);
}

void
walpool__mutex_init(struct walpool__mutex *mutex)
{
    memset(mutex, 0, sizeof *mutex);
}

void
walpool__mutex_finish(struct walpool__mutex *mutex)
{
    SIM_CHECK(!is_held(mutex_in(mutex)), "a mutex is finished that is locked");
    mutex_in(mutex)->run = sim_run_number();
    mutex_in(mutex)->finished = 1;
}

void
walpool__mutex_lock(struct walpool__mutex *native)
{
    struct mutex *mutex = mutex_in(native);
    const struct sim_sleep sleep = {.what = "wait for mutex", .object = native,
                                    .ready = is_free, .arg = mutex,
                                    .deadline_ns = SIM_NEVER};
    if (sim_is_looking_on() && is_held(mutex))
        sim_stop_looking();
    sim_must_hold_none("lock");
    sim_point("lock", native);
    while (is_held(mutex))
        sim_wait(&sleep);
    SIM_CHECK(!mutex->finished || mutex->run != sim_run_number(),
              "a mutex is locked that is finished");
    mutex->run = sim_run_number();
    mutex->owner = (int16_t)(sim_self() + 1);
    sim_holds(1);
}

void
walpool__mutex_unlock(struct walpool__mutex *native)
{
    struct mutex *mutex = mutex_in(native);
    sim_point_fine("unlock", native);
    SIM_CHECK(is_held(mutex) && mutex->owner == sim_self() + 1,
              "a mutex is unlocked by another than its owner");
    mutex->owner = 0;
    sim_holds(-1);
    sim_point_fine("unlocked", native);
}

/* --------------------------------------------------------------- condition */

static struct cond *
cond_in(struct walpool__cond *cond)
{
    return (struct cond *)(void *)cond;
}

void
walpool__cond_init(struct walpool__cond *native)
{
    memset(native, 0, sizeof *native);
    cond_in(native)->run = sim_run_number();
}

void
walpool__cond_finish(struct walpool__cond *native)
{
    SIM_CHECK(cond_in(native)->waiters == NULL,
              "a condition is finished that somebody waits on");
    cond_in(native)->finished = true;
}

static void
drop_waiter(struct cond *cond, const struct waiter *waiter)
{
    struct waiter **at = &cond->waiters;
    while (*at != NULL && *at != waiter)
        at = &(*at)->next;
    if (*at != NULL)
        *at = waiter->next;
}

/* Any of the waiters may be the one that is woken. */
void
walpool__cond_signal(struct walpool__cond *native)
{
    struct cond *cond = cond_in(native);
    struct waiter *waiter = cond->waiters;
    unsigned count = 0;
    SIM_CHECK(!cond->finished, "a condition is signalled that is finished");
    for (; waiter != NULL; waiter = waiter->next)
        count++;
    if (count == 0)
        return;
    waiter = cond->waiters;
    for (unsigned skip = sim_choose(count); skip > 0; skip--)
        waiter = waiter->next;
    waiter->cond = NULL;
    drop_waiter(cond, waiter);
}

void
walpool__cond_broadcast(struct walpool__cond *native)
{
    struct cond *cond = cond_in(native);
    SIM_CHECK(!cond->finished, "a condition is signalled that is finished");
    for (; cond->waiters != NULL; cond->waiters = cond->waiters->next)
        cond->waiters->cond = NULL;
}

static bool
is_signalled(const void *waiter)
{
    return ((const struct waiter *)waiter)->cond == NULL;
}

void
walpool__cond_wait(struct walpool__cond *native, struct walpool__mutex *mutex,
                   int64_t deadline_ns)
{
    struct cond *cond = cond_in(native);
    struct waiter self = {.cond = native}, **last = &cond->waiters;
    const struct sim_sleep sleep = {.what = "wait on condition",
                                    .object = native, .ready = is_signalled,
                                    .arg = &self, .deadline_ns = deadline_ns,
                                    .may_end_early = true};
    SIM_CHECK(!cond->finished, "a condition is waited on that is finished");
    while (*last != NULL)
        last = &(*last)->next;
    *last = &self;
    SIM_CHECK(mutex_in(mutex)->owner == sim_self() + 1,
              "a condition is waited on without its mutex");
    mutex_in(mutex)->owner = 0;
    sim_holds(-1);
    sim_must_hold_none("wait on a condition");
    sim_wait(&sleep);
    drop_waiter(cond, &self);
    walpool__mutex_lock(mutex);
}

/* ------------------------------------------------------------------ parker */

static struct {
    const struct walpool__parker *known[PARKERS];
    uint32_t run;
} parkers;

static const struct walpool__parker **
find(const struct walpool__parker *parker)
{
    if (parkers.run != sim_run_number())
        memset(&parkers, 0, sizeof parkers);
    parkers.run = sim_run_number();
    for (int i = 0; i < PARKERS; i++)
        if (parkers.known[i] == parker)
            return &parkers.known[i];
    return NULL;
}

static void
must_be_known(const struct walpool__parker *parker, const char *what)
{
    SIM_CHECK(find(parker) != NULL, "%s a parker that is gone", what);
}

void
walpool__parker_init(struct walpool__parker *parker)
{
    const struct walpool__parker **room = find(NULL);
    SIM_CHECK(room != NULL, "more than %d parkers", PARKERS);
    *room = parker;
    parker->woken = false;
}

void
walpool__parker_finish(struct walpool__parker *parker)
{
    must_be_known(parker, "finishes");
    *find(parker) = NULL;
}

static bool
is_woken(const void *parker)
{
    return ((const struct walpool__parker *)parker)->woken;
}

void
walpool__parker_sleep(struct walpool__parker *parker, int64_t deadline_ns)
{
    const struct sim_sleep sleep = {.what = "sleep on parker",
                                    .object = parker, .ready = is_woken,
                                    .arg = parker, .deadline_ns = deadline_ns,
                                    .may_end_early = true};
    must_be_known(parker, "sleeps on");
    sim_must_hold_none("sleep");
    sim_wait(&sleep);
    parker->woken = false;
}

void
walpool__parker_wake(struct walpool__parker *parker)
{
    sim_point_fine("wake parker", parker);
    must_be_known(parker, "wakes");
    parker->woken = true;
}

/* ------------------------------------------------------------------ threads */

int
walpool__thread_start(struct walpool__thread *thread, const char *name,
                      void (*body)(void *), void *arg)
{
    int number = sim_start_service(name, body, arg);
    thread->native = (pthread_t)(uintptr_t)number;
    return number < 0 ? EAGAIN : 0;
}

void
walpool__thread_join(struct walpool__thread *thread)
{
    sim_join((int)(uintptr_t)thread->native);
}

void
walpool__thread_detach(struct walpool__thread *thread)
{
    sim_detach((int)(uintptr_t)thread->native);
}

uint64_t
walpool__thread_self(void)
{
    return (uint64_t)sim_self() + 1;
}

int
walpool__thread_cpus(void)
{
    return 2;
}

uint32_t
walpool__thread_nth(void)
{
    return (uint32_t)sim_self();
}

void
walpool__thread_nap_us(int64_t us)
{
    sim_nap_ns(us * 1000);
}

/* Forks are not simulated. */
uint32_t
walpool__thread_fork_count(void)
{
    return 0;
}

void
walpool__thread_at_fork(void (*child)(void))
{
    (void)child;
}

/* -------------------------------------------------------------------- clock */

int64_t
walpool__clock_now(void)
{
    return sim_look_at_clock();
}

int64_t
walpool__clock_deadline(int64_t timeout_ms)
{
    return timeout_ms < 0 ? SIM_NEVER : sim_now_ns() + timeout_ms * 1000000;
}

void
sim_atomic(memory_order order, const volatile void *object)
{
    if (order == memory_order_relaxed)
        sim_point_fine("atomic", (const void *)object);
    else if (!sim_is_looking_on())
        sim_point("atomic", (const void *)object);
}
