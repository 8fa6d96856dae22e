/* Job: one call that a queue carries out, and its completion. */
#ifndef WALPOOL_JOB_H
#define WALPOOL_JOB_H

#include "lane.h"
#include "op.h"
#include "token.h"

struct walpool__lease;

struct walpool__job {
    struct walpool__task task;    /* its place in a lane */
    enum walpool__op_lane lane;   /* which; of a job that may begin */
    struct walpool__lease *lease; /* of the target, which is pinned; or NULL */
    struct walpool__link timed;   /* among those with a deadline */
    struct walpool__link tokened; /* among those with a token */
    struct walpool__link done;    /* among those that have ended, or are due */
    const struct walpool__op *op;
    walpool_job asked;            /* a copy; its call is not used */
    walpool_call call;            /* a copy, with flags of ours */
    int64_t submitted_ns;
    int64_t deadline_ns;          /* counted from the submit */
    struct walpool__token *token; /* pinned while it may expire, or NULL */
    struct walpool__sleeper sleeper;
    walpool_cursor *cursor; /* of the rows, or NULL */
    walpool_completion completion;
};

/* Copy what was asked. While the job may expire, a cancel of its token wakes
 * the watcher. Fails with MISUSE, CLOSED or NOMEM. */
walpool_status walpool__job_make(const walpool_job *asked,
                                 struct walpool__parker *watcher,
                                 struct walpool__job **made,
                                 walpool_error *err);

/* The lane where it belongs: when all before it on its lease have ended, that
 * depends on whether the lease has the writer. Takes no lock. */
enum walpool__op_lane walpool__job_lane(const struct walpool__job *job);

/* Whether its deadline or a cancel may end it before it begins, and whether
 * that is due. */
bool walpool__job_may_expire(const struct walpool__job *job);
bool walpool__job_is_due(const struct walpool__job *job, int64_t now_ns);

/* End it without carrying it out: TIMEOUT or CANCELLED. */
void walpool__job_expire(struct walpool__job *job);

/* Carry it out, or expire it where that is due. Blocks as the public call
 * does. */
void walpool__job_run(struct walpool__job *job);

/* Free a job that did not begin, or whose completion was taken. */
void walpool__job_free(struct walpool__job *job);

/* Free a job whose completion nobody took: close the handles it made. */
void walpool__job_abandon(struct walpool__job *job);

#endif
