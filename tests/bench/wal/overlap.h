/* Overlap: one writer at full speed while readers keep snapshots, so that there
 * is always one; and how far the WAL grows. */
#ifndef BENCH_OVERLAP_H
#define BENCH_OVERLAP_H

#include "reader.h"
#include "writer.h"

enum {
    THRESHOLD_FRAMES = 1000, /* walpool's default and SQLite's */
    CEILING_FRAMES = 16 * THRESHOLD_FRAMES
};

/* One side of a contest. */
struct overlap {
    const char *name;
    const struct way *writing;
    const struct reader_way *reading;
    struct store store;
    double seconds;
    int readers;
    int looks; /* short reads before each snapshot, with pauses of 1 ms */
    bool endless; /* each keeps its first snapshot as long as it may; otherwise
                     one after the other, each for 1 to 50 ms */
};

struct overlap_outcome {
    double rate;    /* commits per second */
    double worst;   /* the longest write, in seconds */
    double p999;    /* of a thousand writes all but one took at most so long */
    double highest; /* the largest WAL, in thresholds */
    double bytes;   /* the same */
    double stayed;  /* part of the time with a warm snapshot, where there are
                       looks */
    double waited;  /* for a snapshot, at the longest, in seconds */
    double snapshots; /* per second */
    double refused;   /* writes, where readers are endless */
    double named;     /* seconds from when the WAL was over its ceiling until
                         health named the reader; all of them if it did not */
};

/* One repetition on an empty file. Dies if a row is lost or a snapshot moved.
 */
struct overlap_outcome overlap_run(const struct overlap *overlap);

/* Size of the WAL of a database as it is now, in bytes. */
double overlap_wal_bytes(const char *path);

#endif
