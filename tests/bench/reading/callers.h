/* Callers: so many lookups at a time in the hands of the library's threads. */
#ifndef BENCH_CALLERS_H
#define BENCH_CALLERS_H

/* One repetition on a database with four readers: lookups per second when
 * `callers` callers wait for an answer each, and ask again when they have it. */
double callers_run(const char *path, int callers, double seconds);

#endif
