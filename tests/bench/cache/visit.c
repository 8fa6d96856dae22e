/* Visit: threads that ask for items as fast as they can. */
#include "visit.h"

#include <pthread.h>

#include "sample.h"

enum { THREADS_MOST = 16, ASKS = 16 };

struct visitor {
    const struct visit *visit;
    struct item_reader reader;
    pthread_barrier_t *start;
    pthread_t thread;
    double rate;
};

static double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
ask_on(struct visitor *visitor)
{
    const struct visit *visit = visitor->visit;
    double start = now_seconds(), now = start, cpu = cpu_seconds();
    int64_t count = 0;
    while (now < start + visit->seconds) {
        for (int i = 0; i < ASKS; i++)
            item_ask(&visitor->reader, visit->query);
        count += ASKS;
        now = now_seconds();
    }
    visitor->rate =
        (double)count / (visit->by_cpu ? cpu_seconds() - cpu : now - start);
}

static void *
run_visitor(void *data)
{
    struct visitor *visitor = data;
    item_ask_all(&visitor->reader, NULL);
    pthread_barrier_wait(visitor->start);
    ask_on(visitor);
    return NULL;
}

/* All are open before the first one ends: the database closes once. */
double
visit_run(const struct visit *visit)
{
    struct visitor visitors[THREADS_MOST];
    pthread_barrier_t start;
    double rate = 0;
    if (pthread_barrier_init(&start, NULL, (unsigned)visit->threads))
        die("pthread_barrier_init", "it failed");
    for (int i = 0; i < visit->threads; i++) {
        struct visitor *visitor = &visitors[i];
        *visitor = (struct visitor){.visit = visit,
                                    .reader.random = (uint32_t)i + 1,
                                    .start = &start};
        item_reader_open(&visitor->reader, visit->options, visit->file);
        if (pthread_create(&visitor->thread, NULL, run_visitor, visitor))
            die("pthread_create", "no more threads");
    }
    for (int i = 0; i < visit->threads; i++) {
        pthread_join(visitors[i].thread, NULL);
        rate += visitors[i].rate;
    }
    for (int i = 0; i < visit->threads; i++)
        item_reader_close(&visitors[i].reader);
    pthread_barrier_destroy(&start);
    return rate;
}
