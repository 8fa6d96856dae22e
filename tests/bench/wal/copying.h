/* Copying: a backup while somebody writes, beside one while nobody does. */
#ifndef BENCH_COPYING_H
#define BENCH_COPYING_H

struct copying_outcome {
    double idle, busy;   /* seconds of a backup, alone and beside a writer */
    double alone, beside; /* p99 of a write, without and beside a backup */
};

/* One repetition: back up the database at `path`, which has so many rows in
 * table filler, to a file beside it, which is looked at and removed. The writer
 * gets a table of its own. */
struct copying_outcome copying_run(const char *path, long rows);

#endif
