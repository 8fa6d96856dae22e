/* Crew: the threads that serve one lane.
 *
 * Waking a thread costs the waker microseconds, more than most tasks take,
 * and the waker is an event loop. So at most one thread is on its way at a
 * time; when it takes a task and sees another, it calls the next. And while
 * tasks come in quick succession, one thread without a task stays awake for
 * LINGER_NS, where a flag is enough to call it. A crew with little to do
 * never does that, and a lone task is always served by the same thread.
 *
 *   a task is ready   then somebody was called, or all threads are busy
 *
 * Does: start threads when they are needed, hand them tasks.
 * Must not: know what a task is.
 * Lock: the owner's mutex; no task runs and nobody waits while it is held. */
#include "crew.h"

#include "clock.h"

#define LINGER_NS 20000
#define BRISK_NS 50000 /* a shorter sleep was not worth it */

/* --------------------------------------------------------------- calling */

static void
run_worker(void *arg)
{
    struct walpool__worker *worker = arg;
    struct walpool__crew *crew = worker->crew;
    walpool__mutex_lock(crew->mutex);
    crew->called = false; /* it was started because it was called */
    crew->work(worker);
    walpool__mutex_unlock(crew->mutex);
}

static int
start_worker(struct walpool__crew *crew)
{
    struct walpool__worker *worker = &crew->workers[crew->started];
    int result = walpool__thread_start(&worker->thread, crew->thread_name,
                                       run_worker, worker);
    crew->started += result == 0;
    return result;
}

/* Call the thread that is quickest to come; nobody after the stop, where one
 * that is started would not be joined. Returns 0 or an errno. */
static int
call_somebody(struct walpool__crew *crew)
{
    if (crew->called || crew->stopping)
        return 0;
    if (crew->lingers) {
        atomic_store_explicit(&crew->offered, true, memory_order_relaxed);
    } else if (!walpool__list_is_empty(&crew->idle)) {
        struct walpool__worker *worker =
            WALPOOL__CONTAINER(crew->idle.next, struct walpool__worker, idle);
        walpool__list_remove(&worker->idle);
        walpool__parker_wake(&worker->parker);
    } else if (crew->started < crew->limit) {
        int result = start_worker(crew);
        if (result != 0)
            return result;
    } else {
        return 0;
    }
    crew->called = true;
    return 0;
}

int
walpool__crew_add(struct walpool__crew *crew, struct walpool__task *task,
                  bool *served)
{
    int result = 0;
    size_t free_threads = (size_t)(crew->limit - crew->busy);
    PRE(!crew->stopping);
    *served = walpool__lane_add(&crew->lane, task) &&
              crew->lane.ready_count <= free_threads;
    if (!task->follows)
        result = call_somebody(crew);
    if (crew->started > 0)
        return 0;
    walpool__lane_remove(&crew->lane, task);
    return result;
}

/* --------------------------------------------------------------- workers */

/* The mutex is held here, and when this returns, but not meanwhile. */
static void
linger(struct walpool__crew *crew)
{
    int64_t until = walpool__clock_now() + LINGER_NS;
    bool offered = false;
    crew->lingers = true;
    walpool__mutex_unlock(crew->mutex);
    do
        offered = atomic_load_explicit(&crew->offered, memory_order_relaxed);
    while (!offered && walpool__clock_now() < until);
    walpool__mutex_lock(crew->mutex);
    crew->lingers = false;
    if (atomic_exchange_explicit(&crew->offered, false, memory_order_relaxed))
        crew->called = false;
    else
        crew->brisk = false;
}

static void
sleep_until_called(struct walpool__worker *worker)
{
    struct walpool__crew *crew = worker->crew;
    walpool__list_insert(&crew->idle, &worker->idle);
    walpool__mutex_unlock(crew->mutex);
    int64_t since = walpool__clock_now();
    walpool__parker_sleep(&worker->parker, WALPOOL__NEVER);
    bool brisk = walpool__clock_now() - since < BRISK_NS;
    walpool__mutex_lock(crew->mutex);
    crew->brisk = crew->brisk || brisk;
    if (walpool__list_is_empty(&worker->idle))
        crew->called = false; /* it was this one who was called */
    walpool__list_remove(&worker->idle);
}

static struct walpool__task *
take(struct walpool__crew *crew)
{
    struct walpool__task *task = walpool__lane_take(&crew->lane);
    if (task == NULL)
        return NULL;
    crew->busy++;
    if (crew->lane.ready_count > 0)
        (void)call_somebody(crew); /* if that fails, this thread will come */
    return task;
}

/* Ring without the mutex. Whoever adds a task meanwhile need not call
 * anybody: this thread comes. */
static void
ring_out(struct walpool__crew *crew, struct walpool__wakefd *ring)
{
    bool comes = !crew->called;
    crew->called = true;
    walpool__mutex_unlock(crew->mutex);
    walpool__wakefd_ring(ring);
    walpool__mutex_lock(crew->mutex);
    if (comes)
        crew->called = false;
}

struct walpool__task *
walpool__crew_next(struct walpool__worker *worker,
                   struct walpool__wakefd **ring)
{
    struct walpool__crew *crew = worker->crew;
    struct walpool__task *task = NULL;
    while (!crew->stopping && (task = take(crew)) == NULL) {
        if (*ring != NULL)
            ring_out(crew, *ring);
        else if (crew->brisk && !crew->lingers)
            linger(crew);
        else
            sleep_until_called(worker);
        *ring = NULL;
    }
    return task;
}

struct walpool__task *
walpool__crew_end(struct walpool__worker *worker, struct walpool__task *task)
{
    worker->crew->busy--;
    return walpool__lane_end(&worker->crew->lane, task);
}

bool
walpool__crew_hand_over(struct walpool__crew *from, struct walpool__crew *to,
                        struct walpool__task *task)
{
    walpool__lane_move(&from->lane, &to->lane, task);
    if (call_somebody(to) == 0 || to->started > 0)
        return true;
    walpool__lane_move(&to->lane, &from->lane, task);
    return false;
}

/* --------------------------------------------------------- begin and end */

void
walpool__crew_init(struct walpool__crew *crew)
{
    PRE(crew->limit <= WALPOOL__CREW_MOST);
    walpool__lane_init(&crew->lane);
    walpool__list_init(&crew->idle);
    for (int i = 0; i < crew->limit; i++) {
        crew->workers[i].crew = crew;
        walpool__list_init(&crew->workers[i].idle);
        walpool__parker_init(&crew->workers[i].parker);
    }
}

void
walpool__crew_finish(struct walpool__crew *crew)
{
    for (int i = 0; i < crew->limit; i++)
        walpool__parker_finish(&crew->workers[i].parker);
}

void
walpool__crew_stop(struct walpool__crew *crew)
{
    crew->stopping = true;
    for (int i = 0; i < crew->started; i++)
        walpool__parker_wake(&crew->workers[i].parker);
}

void
walpool__crew_join(struct walpool__crew *crew)
{
    for (int i = 0; i < crew->started; i++)
        walpool__thread_join(&crew->workers[i].thread);
}
