/* Health: how long it takes to ask how a database is. */
#ifndef BENCH_HEALTH_H
#define BENCH_HEALTH_H

/* What the database does meanwhile. */
enum health_state {
    HEALTH_IDLE,
    HEALTH_LOAD,  /* eight threads read and write */
    HEALTH_LOCKED /* another process holds the write lock */
};

struct health_outcome {
    double p50, p99; /* of one call, in seconds */
};

/* Times walpool_health_get and, in turns beside it, the query by which a service
 * without health looks whether its database is there. Each gets `repetitions`
 * outcomes. The file at `path` is made and removed. */
void health_run(const char *path, enum health_state state,
                struct health_outcome *ours, struct health_outcome *query,
                int repetitions);

#endif
