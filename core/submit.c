/* Submit: the public face of queues.
 *
 * Does: handles, checks of arguments, copies of completions.
 * Must not: know lanes or threads.
 * Lock: none; the queue has its own. */
#include "submit.h"

#include <string.h>

#include "error.h"
#include "handle.h"
#include "mem.h"

static void
destroy(void *object)
{
    walpool__queue_finish(object);
    walpool__mem_free(object);
}

static struct walpool__queue *
pin(walpool_queue *handle, walpool_error *err, walpool_status *status)
{
    return walpool__handle_pin(WALPOOL__HANDLE_QUEUE, handle, err, status);
}

walpool_queue *
walpool_queue_open(walpool_error *err)
{
    struct walpool__queue *queue = walpool__mem_zalloc(sizeof *queue);
    if (queue == NULL) {
        walpool__error_nomem(err, "a queue");
        return NULL;
    }
    int result = walpool__queue_init(queue);
    if (result != 0) {
        walpool__mem_free(queue);
        walpool__error_set(err, WALPOOL_IO,
                           "cannot open a queue: no descriptor to be had");
        if (err != NULL)
            err->system_errno = result;
        return NULL;
    }
    void *handle = walpool__handle_open(WALPOOL__HANDLE_QUEUE, queue, destroy);
    if (handle == NULL) {
        destroy(queue);
        walpool__error_nomem(err, "a queue");
    }
    return handle;
}

int32_t
walpool_queue_fd(walpool_queue *handle)
{
    walpool_status status;
    struct walpool__queue *queue = pin(handle, NULL, &status);
    if (queue == NULL)
        return -1;
    int32_t fd = queue->wakefd.read_fd;
    walpool__handle_unpin(handle);
    return fd;
}

static walpool_status
submit(struct walpool__queue *queue, const walpool_job *asked,
       walpool_error *err)
{
    struct walpool__job *job;
    if (asked == NULL)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "walpool_submit: the job is NULL");
    walpool_status status =
        walpool__job_make(asked, &queue->watcher, &job, err);
    if (status != WALPOOL_OK)
        return status;
    status = walpool__queue_add(queue, job, err);
    if (status != WALPOOL_OK)
        walpool__job_free(job);
    return status;
}

walpool_status
walpool_submit(walpool_queue *handle, const walpool_job *job,
               walpool_error *err)
{
    walpool_status status;
    struct walpool__queue *queue = pin(handle, err, &status);
    if (queue == NULL)
        return status;
    status = submit(queue, job, err);
    walpool__handle_unpin(handle);
    return status;
}

static void
hand_out(struct walpool__link *jobs, walpool_completion *out)
{
    while (!walpool__list_is_empty(jobs)) {
        struct walpool__job *job =
            WALPOOL__CONTAINER(jobs->next, struct walpool__job, done);
        walpool__list_remove(&job->done);
        *out++ = job->completion;
        walpool__job_free(job);
    }
}

size_t
walpool_completions(walpool_queue *handle, walpool_completion *out,
                    size_t capacity, int64_t timeout_ms, walpool_error *err)
{
    walpool_status status;
    struct walpool__link jobs;
    bool closing;
    if (out == NULL || capacity == 0 || timeout_ms < -1) {
        walpool__error_set(err, WALPOOL_MISUSE, "walpool_completions: %s",
                           out == NULL     ? "out is NULL"
                           : capacity == 0 ? "capacity is 0"
                                           : "timeout_ms is below -1");
        return 0;
    }
    struct walpool__queue *queue = pin(handle, err, &status);
    if (queue == NULL)
        return 0;
    walpool__list_init(&jobs);
    size_t count =
        walpool__queue_collect(queue, capacity, timeout_ms, &jobs, &closing);
    hand_out(&jobs, out);
    walpool__handle_unpin(handle);
    if (closing)
        walpool__error_set(err, WALPOOL_CLOSED, "the queue is closed");
    return count;
}

void
walpool_queue_close(walpool_queue *handle)
{
    walpool_status status;
    struct walpool__queue *queue = pin(handle, NULL, &status);
    if (queue == NULL)
        return;
    if (walpool__handle_close(handle))
        walpool__queue_stop(queue);
    walpool__handle_unpin(handle);
}
