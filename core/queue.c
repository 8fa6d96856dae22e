/* Queue: jobs on their way through the library's threads.
 *
 * A crew serves each lane (op.c), so that those who wait for a lease never keep
 * busy the threads that its holder needs to give it back. A job on a lease may
 * change lanes when the one before it has ended: then it is known whether it
 * has to wait for the writer.
 *
 *   job added    in its lane, and with a deadline or token in `timed`,
 *                `tokened`
 *   job begun    in no list; its worker has it
 *   job ended    in `done`, until it is collected
 *
 * A job that has to wait may expire: the watcher sleeps until the first
 * deadline, and a cancel wakes it.
 *
 * The descriptor is rung when `done` was empty, and quieted when it has become
 * empty. A ring may come late, after its completion was collected: then the
 * next collect finds nothing, and quiets it.
 *
 * Does: threads, order, completions.
 * Must not: know what a job does.
 * Lock: the queue's mutex; no job runs and nothing waits while it is held. */
#include "queue.h"

#include "clock.h"
#include "error.h"

/* ----------------------------------------------------- under the mutex */

static struct walpool__job *
from_task(struct walpool__task *task)
{
    return WALPOOL__CONTAINER(task, struct walpool__job, task);
}

/* The crew of a job that is new: that of those before it on the same lease. */
static struct walpool__crew *
choose_crew(struct walpool__queue *queue, struct walpool__job *job)
{
    job->lane = walpool__job_lane(job);
    for (int lane = WALPOOL__OP_LEASE; job->lease && lane <= WALPOOL__OP_WAIT;
         lane++)
        if (walpool__lane_knows(&queue->crews[lane].lane, job->task.key))
            job->lane = (enum walpool__op_lane)lane;
    return &queue->crews[job->lane];
}

/* The one before it on its lease has left `lane`, so that it may begin. */
static void
settle_lane(struct walpool__queue *queue, struct walpool__task *next,
            enum walpool__op_lane lane)
{
    struct walpool__job *job;
    enum walpool__op_lane better;
    if (next == NULL)
        return;
    job = from_task(next);
    better = job->lease ? walpool__job_lane(job) : lane;
    job->lane = lane;
    if (better != lane &&
        walpool__crew_hand_over(&queue->crews[lane], &queue->crews[better],
                                next))
        job->lane = better;
}

/* Returns the descriptor, if it must be rung after the unlock. */
static struct walpool__wakefd *
put_done(struct walpool__queue *queue, struct walpool__job *job)
{
    bool was_rung = queue->rung;
    walpool__list_append(&queue->done, &job->done);
    queue->under_way--;
    queue->rung = true;
    if (queue->collectors > 0)
        walpool__cond_broadcast(&queue->arrived);
    return was_rung ? NULL : &queue->wakefd;
}

/* From the end, where almost every new deadline belongs. */
static void
put_timed(struct walpool__queue *queue, struct walpool__job *job)
{
    struct walpool__link *at = queue->timed.prev;
    while (at != &queue->timed &&
           WALPOOL__CONTAINER(at, struct walpool__job, timed)->deadline_ns >
               job->deadline_ns)
        at = at->prev;
    walpool__list_insert(at, &job->timed);
}

static void
forget_watched(struct walpool__job *job)
{
    walpool__list_remove(&job->timed);
    walpool__list_remove(&job->tokened);
}

static void
ring_if(struct walpool__wakefd *ring)
{
    if (ring != NULL)
        walpool__wakefd_ring(ring);
}

/* What each thread of a crew does. A job leaves its lane and what is watched
 * in one step, without letting go of the mutex in between. */
static void
work(struct walpool__worker *worker)
{
    struct walpool__queue *queue = worker->crew->owner;
    struct walpool__wakefd *ring = NULL;
    struct walpool__task *task;
    while ((task = walpool__crew_next(worker, &ring)) != NULL) {
        struct walpool__job *job = from_task(task);
        forget_watched(job);
        walpool__mutex_unlock(&queue->mutex);
        ring_if(ring);
        walpool__job_run(job);
        walpool__mutex_lock(&queue->mutex);
        settle_lane(queue, walpool__crew_end(worker, task), job->lane);
        ring = put_done(queue, job);
    }
    ring_if(ring);
}

/* -------------------------------------------------------------- watcher */

static void
move_if_due(struct walpool__queue *queue, struct walpool__job *job,
            int64_t now_ns, struct walpool__link *due)
{
    if (!walpool__job_is_due(job, now_ns))
        return;
    forget_watched(job);
    settle_lane(queue,
                walpool__lane_remove(&queue->crews[job->lane].lane, &job->task),
                job->lane);
    walpool__list_append(due, &job->done);
}

/* Take out what is due; returns the first deadline after now. */
static int64_t
take_due(struct walpool__queue *queue, struct walpool__link *due)
{
    int64_t now = walpool__clock_now();
    struct walpool__link *at, *next;
    for (at = queue->tokened.next; at != &queue->tokened; at = next) {
        next = at->next;
        move_if_due(queue, WALPOOL__CONTAINER(at, struct walpool__job, tokened),
                    now, due);
    }
    while (!walpool__list_is_empty(&queue->timed)) {
        struct walpool__job *first =
            WALPOOL__CONTAINER(queue->timed.next, struct walpool__job, timed);
        if (first->deadline_ns > now)
            return first->deadline_ns;
        move_if_due(queue, first, now, due);
    }
    return WALPOOL__NEVER;
}

/* The mutex is not held: a token has one of its own. */
static void
expire_all(struct walpool__queue *queue, struct walpool__link *due)
{
    while (!walpool__list_is_empty(due)) {
        struct walpool__job *job =
            WALPOOL__CONTAINER(due->next, struct walpool__job, done);
        walpool__list_remove(&job->done);
        walpool__job_expire(job);
        walpool__mutex_lock(&queue->mutex);
        struct walpool__wakefd *ring = put_done(queue, job);
        walpool__mutex_unlock(&queue->mutex);
        ring_if(ring);
    }
}

static void
watch(void *arg)
{
    struct walpool__queue *queue = arg;
    struct walpool__link due;
    walpool__list_init(&due);
    walpool__mutex_lock(&queue->mutex);
    while (!queue->closing) {
        int64_t until = take_due(queue, &due);
        queue->watched_until_ns = until;
        walpool__mutex_unlock(&queue->mutex);
        expire_all(queue, &due);
        walpool__parker_sleep(&queue->watcher, until);
        walpool__mutex_lock(&queue->mutex);
    }
    walpool__mutex_unlock(&queue->mutex);
}

/* A job has to wait: have somebody watch it. Without a thread for that it
 * expires when its turn comes. */
static void
call_watcher(struct walpool__queue *queue, const struct walpool__job *job)
{
    if (!queue->watching) {
        queue->watched_until_ns = WALPOOL__NEVER;
        queue->watching =
            walpool__thread_start(&queue->watcher_thread, "walpool-watch",
                                  watch, queue) == 0;
    } else if (job->deadline_ns < queue->watched_until_ns ||
               walpool__job_is_due(job, 0)) {
        walpool__parker_wake(&queue->watcher);
    }
}

/* ---------------------------------------------------------------- users */

static walpool_status
refuse(const struct walpool__queue *queue, walpool_error *err)
{
    if (queue->closing)
        return walpool__error_set(err, WALPOOL_CLOSED, "the queue is closed");
    return walpool__error_set(err, WALPOOL_BUSY,
                              "the queue is full: %d jobs are waiting; take "
                              "completions before you hand in more",
                              WALPOOL__QUEUE_JOBS);
}

static walpool_status
refuse_thread(int result, walpool_error *err)
{
    walpool__error_set(err, WALPOOL_NOMEM,
                       "cannot start a thread for the queue");
    if (err != NULL)
        err->system_errno = result;
    return WALPOOL_NOMEM;
}

/* The mutex is held, and the queue takes jobs. */
static walpool_status
add(struct walpool__queue *queue, struct walpool__job *job, walpool_error *err)
{
    bool served;
    int result =
        walpool__crew_add(choose_crew(queue, job), &job->task, &served);
    if (result != 0)
        return refuse_thread(result, err);
    queue->jobs++;
    queue->under_way++;
    if (!walpool__job_may_expire(job))
        return WALPOOL_OK;
    if (job->deadline_ns != WALPOOL__NEVER)
        put_timed(queue, job);
    if (job->token != NULL)
        walpool__list_append(&queue->tokened, &job->tokened);
    if (!served)
        call_watcher(queue, job);
    return WALPOOL_OK;
}

walpool_status
walpool__queue_add(struct walpool__queue *queue, struct walpool__job *job,
                   walpool_error *err)
{
    walpool_status status;
    walpool__mutex_lock(&queue->mutex);
    if (queue->closing || queue->jobs >= WALPOOL__QUEUE_JOBS)
        status = refuse(queue, err);
    else
        status = add(queue, job, err);
    walpool__mutex_unlock(&queue->mutex);
    return status;
}

/* Wait until something has ended, as far as `timeout_ms` goes. */
static void
await(struct walpool__queue *queue, int64_t timeout_ms)
{
    int64_t deadline =
        timeout_ms != 0 ? walpool__clock_deadline(timeout_ms) : WALPOOL__NEVER;
    queue->collectors++;
    while (timeout_ms != 0 && !queue->closing &&
           walpool__list_is_empty(&queue->done)) {
        if (timeout_ms < 0 ? queue->under_way == 0
                           : walpool__clock_now() >= deadline)
            break;
        walpool__cond_wait(&queue->arrived, &queue->mutex, deadline);
    }
    queue->collectors--;
}

size_t
walpool__queue_collect(struct walpool__queue *queue, size_t most,
                       int64_t timeout_ms, struct walpool__link *into,
                       bool *closing)
{
    size_t count = 0;
    walpool__mutex_lock(&queue->mutex);
    await(queue, timeout_ms);
    *closing = queue->closing;
    while (!*closing && count < most && !walpool__list_is_empty(&queue->done)) {
        struct walpool__link *link = queue->done.next;
        walpool__list_remove(link);
        walpool__list_append(into, link);
        count++;
    }
    queue->jobs -= count;
    if (walpool__list_is_empty(&queue->done) && (queue->rung || count == 0)) {
        walpool__wakefd_quiet(&queue->wakefd);
        queue->rung = false;
    }
    walpool__mutex_unlock(&queue->mutex);
    return count;
}

/* --------------------------------------------------------- begin and end */

int
walpool__queue_init(struct walpool__queue *queue)
{
    static const struct {
        const char *thread_name;
        int threads;
    } crews[WALPOOL__OP_LANES] = {[WALPOOL__OP_READ] = {"walpool-read", 4},
                                  [WALPOOL__OP_WRITE] = {"walpool-write", 4},
                                  [WALPOOL__OP_LEASE] = {"walpool-lease", 4},
                                  [WALPOOL__OP_WAIT] = {"walpool-wait", 32}};
    int result = walpool__wakefd_open(&queue->wakefd);
    if (result != 0)
        return result;
    walpool__mutex_init(&queue->mutex);
    walpool__cond_init(&queue->arrived);
    walpool__parker_init(&queue->watcher);
    walpool__list_init(&queue->timed);
    walpool__list_init(&queue->tokened);
    walpool__list_init(&queue->done);
    for (size_t i = 0; i < WALPOOL__OP_LANES; i++) {
        struct walpool__crew *crew = &queue->crews[i];
        crew->mutex = &queue->mutex;
        crew->thread_name = crews[i].thread_name;
        crew->limit = crews[i].threads;
        crew->work = work;
        crew->owner = queue;
        walpool__crew_init(crew);
    }
    return 0;
}

void
walpool__queue_finish(struct walpool__queue *queue)
{
    for (size_t i = 0; i < WALPOOL__OP_LANES; i++)
        walpool__crew_finish(&queue->crews[i]);
    walpool__parker_finish(&queue->watcher);
    walpool__cond_finish(&queue->arrived);
    walpool__mutex_finish(&queue->mutex);
    walpool__wakefd_close(&queue->wakefd);
}

/* No thread is left that could take from the lane. */
static void
drop_jobs(struct walpool__crew *crew)
{
    struct walpool__task *task;
    while ((task = walpool__lane_take(&crew->lane)) != NULL) {
        struct walpool__job *job = from_task(task);
        forget_watched(job);
        walpool__lane_end(&crew->lane, task);
        walpool__job_free(job);
    }
}

void
walpool__queue_stop(struct walpool__queue *queue)
{
    walpool__mutex_lock(&queue->mutex);
    queue->closing = true; /* nothing changes any more but by running jobs */
    walpool__cond_broadcast(&queue->arrived);
    for (size_t i = 0; i < WALPOOL__OP_LANES; i++)
        walpool__crew_stop(&queue->crews[i]);
    walpool__mutex_unlock(&queue->mutex);
    for (size_t i = 0; i < WALPOOL__OP_LANES; i++)
        walpool__crew_join(&queue->crews[i]);
    if (queue->watching) {
        walpool__parker_wake(&queue->watcher);
        walpool__thread_join(&queue->watcher_thread);
    }
    for (size_t i = 0; i < WALPOOL__OP_LANES; i++)
        drop_jobs(&queue->crews[i]);
    while (!walpool__list_is_empty(&queue->done)) {
        struct walpool__job *job =
            WALPOOL__CONTAINER(queue->done.next, struct walpool__job, done);
        walpool__list_remove(&job->done);
        walpool__job_abandon(job);
    }
}
