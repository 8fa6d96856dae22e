/* Pulse: another process, without walpool, that commits at a steady rate. */
#ifndef BENCH_PULSE_H
#define BENCH_PULSE_H

/* Start it while this process has no database open. It has committed once when
 * that returns. */
struct pulse;
struct pulse *pulse_start(const char *path, int commits_per_second);
long pulse_count(const struct pulse *pulse);
void pulse_end(struct pulse *pulse);

#endif
