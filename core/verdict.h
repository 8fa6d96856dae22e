/* Verdict: what the numbers of health come to, and why. */
#ifndef WALPOOL_VERDICT_H
#define WALPOOL_VERDICT_H

#include "base.h"

/* What is known beside the numbers. Names are "" where there is nobody. */
struct walpool__facts {
    const walpool_health *is; /* its numbers; the rest is not read */
    int64_t threshold;        /* of the checkpointer, in frames */
    bool readonly;            /* of the database: it takes no turns */
    const char *poison;       /* why writes are refused, or "" */
    const char *poison_remedy;
    const char *oldest;  /* lease: "the oldest is out for 12 ms, by report" */
    const char *overdue; /* the same, where the oldest is no backup */
    const char *pinner;  /* who pins the WAL, "process 12 (name)" */
    const char *others;  /* files that hold another SQLite, "libsqlite3.so" */
    const char *fs_type; /* of the file system, "fuse.mine" */
    const char *blocker; /* who has the writer, or the lock it waits for */
    int64_t readers_stuck_us; /* since when none of them moved, and some wait */
    int64_t writer_stuck_us;  /* the same of the writer */
    int64_t dirty_us;   /* since the newest lease came back dirty; -1: none */
    int failures;       /* of checkpoints, the newest in a row */
    int failure_status; /* of the newest: a walpool_status */
    const char *ceiling; /* who keeps the WAL above it */
    bool refuses;        /* writes, meanwhile */
    bool beyond;        /* more frames are checkpointed than there are */
};

#define WALPOOL__REASON_COUNT(name, code, number, meaning) +1
#define WALPOOL__REASONS (0 WALPOOL_REASON_LIST(WALPOOL__REASON_COUNT))

struct walpool__reason {
    walpool_reason code;
    walpool_verdict verdict;
    char text[256];     /* what is wrong, with its name and numbers */
    const char *remedy; /* what to do */
};

/* All that apply, in the order of WALPOOL_REASON_LIST. */
struct walpool__reasons {
    int count;
    struct walpool__reason list[WALPOOL__REASONS];
};

void walpool__verdict_judge(const struct walpool__facts *facts,
                            struct walpool__reasons *reasons);

/* Put them into health: the verdict, the bits, and the gravest in words. */
void walpool__verdict_tell(const struct walpool__reasons *reasons,
                           walpool_health *health);

/* "wal_pinned" */
const char *walpool__verdict_code(walpool_reason reason);

#endif
