/* Crowd: threads that look up rows as fast as they can. */
#include "crowd.h"

#include <pthread.h>

#include "sample.h"

enum { THREADS_MOST = 1000, THREADS_FEW = 16, LOOKUPS_OF_FEW = 64 };

struct meeting {
    const struct crowd *crowd;
    pthread_barrier_t start;
};

struct worker {
    struct meeting *meeting;
    struct lookup lookup;
    pthread_t thread;
    double rate;
};

/* Few threads look at the clock rarely, for it costs as much as a fast lookup;
 * many would overrun their time. */
static void
look_up(struct worker *worker)
{
    const struct crowd *crowd = worker->meeting->crowd;
    int between = crowd->threads <= THREADS_FEW ? LOOKUPS_OF_FEW : 1;
    double start = now_seconds(), now = start;
    int64_t count = 0;
    while (now < start + crowd->seconds) {
        for (int i = 0; i < between; i++)
            lookup_any(&worker->lookup);
        count += between;
        now = now_seconds();
    }
    worker->rate = (double)count / (now - start);
}

static void *
run_worker(void *data)
{
    struct worker *worker = data;
    struct lookup *lookup = &worker->lookup;
    lookup->way->open(lookup, worker->meeting->crowd->path, NULL);
    lookup_any(lookup);
    pthread_barrier_wait(&worker->meeting->start);
    look_up(worker);
    lookup->way->close(lookup);
    return NULL;
}

double
crowd_run(const struct crowd *crowd, const struct lookup_way *way)
{
    struct worker workers[THREADS_MOST];
    struct meeting meeting = {.crowd = crowd};
    double rate = 0;
    if (pthread_barrier_init(&meeting.start, NULL, (unsigned)crowd->threads))
        die("pthread_barrier_init", "it failed");
    for (int i = 0; i < crowd->threads; i++) {
        workers[i] = (struct worker){
            .meeting = &meeting,
            .lookup = {.way = way, .random = (uint32_t)i + 1}};
        if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]))
            die("pthread_create", "no more threads");
    }
    for (int i = 0; i < crowd->threads; i++) {
        pthread_join(workers[i].thread, NULL);
        rate += workers[i].rate;
    }
    pthread_barrier_destroy(&meeting.start);
    return rate;
}
