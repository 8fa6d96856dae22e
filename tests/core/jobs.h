/* What the tests of queues share: jobs with all that they point to. */
#ifndef JOBS_H
#define JOBS_H

#include "api.h"

/* A job and its arguments, which must stay until its completion. */
struct errand {
    walpool_job job;
    walpool_statement statement;
    walpool_call call;
    walpool_rows rows;
};

static inline struct errand
errand(int32_t op, void *target, const char *sql)
{
    static uint64_t last_id;
    struct errand made = {.call = WALPOOL_CALL_INIT};
    made.statement.sql = sql;
    made.job.id = ++last_id;
    made.job.op = op;
    made.job.target = target;
    walpool_rows_init(&made.rows);
    return made;
}

/* Hand it in; pointers are set here because an errand may be copied before. */
static inline void
hand_in(walpool_queue *queue, struct errand *errand)
{
    errand->job.call = &errand->call;
    if (errand->statement.sql != NULL) {
        errand->job.statements = &errand->statement;
        errand->job.statement_count = 1;
    }
    if (errand->job.op != WALPOOL_OP_WRITE) /* throw away what it changed */
        errand->job.rows = &errand->rows;
    CHECK_OK(walpool_submit(queue, &errand->job, &err));
}

static inline walpool_completion
next_completion(walpool_queue *queue)
{
    walpool_completion done;
    CHECK_INT(walpool_completions(queue, &done, 1, 30000, &err), 1);
    return done;
}

/* Hand one in and wait for it, with nothing else under way. */
static inline walpool_completion
finish_errand(walpool_queue *queue, struct errand *errand)
{
    hand_in(queue, errand);
    walpool_completion done = next_completion(queue);
    CHECK_INT(done.id, errand->job.id);
    walpool_rows_finish(&errand->rows);
    return done;
}

static inline walpool_completion
finish_op(walpool_queue *queue, int32_t op, void *target, const char *sql)
{
    struct errand made = errand(op, target, sql);
    return finish_errand(queue, &made);
}

#define CHECK_DONE(done, want)                          \
    do {                                                \
        err = (done).error;                             \
        CHECK_STATUS((walpool_status)err.status, want); \
    } while (0)

#define CHECK_OP(queue, op, target, sql) \
    CHECK_DONE(finish_op(queue, op, target, sql), WALPOOL_OK)

static inline walpool_queue *
open_queue(void)
{
    walpool_queue *queue = walpool_queue_open(&err);
    CHECK(queue != NULL);
    return queue;
}

/* A database with one table, and no rows in it. */
static inline walpool *
open_table(const char *name)
{
    walpool *db = api_open(name, "readers=2");
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)"));
    return db;
}

#endif
