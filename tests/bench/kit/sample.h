/* What the C side of the benchmark measures with: samples in turns, one JSON
 * line for each measure (see kit/measure.py). */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES_MOST = 401 };

struct side {
    const char *name;
    const char *sqlite;
    void (*body)(void *data);
    void *data;
    double values[SAMPLES_MOST];
};

static inline _Noreturn void
die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static inline double
now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void
take_sample(struct side *side, int index, double per)
{
    double start = now_seconds();
    side->body(side->data);
    side->values[index] = (now_seconds() - start) / per;
}

static inline void
print_side(const struct side *side, int samples)
{
    printf("\"%s\": [", side->name);
    for (int i = 0; i < samples; i++)
        printf("%s%.9g", i ? ", " : "", side->values[i]);
    printf("]");
}

/* The line of one measure: sample i of all sides was taken in turn i. */
static inline void
print_sides(const char *measure, const struct side *sides, int count,
            int samples)
{
    printf("{\"measure\": \"%s\", \"samples\": {", measure);
    for (int i = 0; i < count; i++) {
        printf("%s", i ? ", " : "");
        print_side(&sides[i], samples);
    }
    printf("}, \"sqlite\": {");
    for (int i = 0; i < count; i++)
        printf("%s\"%s\": \"%s\"", i ? ", " : "", sides[i].name,
               sides[i].sqlite);
    printf("}}\n");
    fflush(stdout);
}

static inline void
print_measure(const char *measure, const struct side *ours,
              const struct side *peer, int samples)
{
    struct side sides[] = {*ours, *peer};
    print_sides(measure, sides, 2, samples);
}

/* Ours and the peer in turns; who begins alternates. The first turn warms
 * both up and is not kept. A body does its work `per` times. Turns are many
 * and short, because then other load meets few of them. */
static inline void
compare(const char *measure, struct side *ours, struct side *peer, int samples,
        double per)
{
    take_sample(ours, 0, per);
    take_sample(peer, 0, per);
    for (int i = 0; i < samples; i++) {
        take_sample(i % 2 ? peer : ours, i, per);
        take_sample(i % 2 ? ours : peer, i, per);
    }
    print_measure(measure, ours, peer, samples);
}

#endif
