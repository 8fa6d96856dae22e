/* Operations: what each walpool_op of a queue is.
 *
 * READ    takes a reader or none: up to the limit these run side by side
 * WRITE   wants the writer, and may wait for it behind a lease
 * LEASE   is on a lease or cursor that is out, and never waits for another
 *         one: so leases always go on, and those who wait for them too
 * WAIT    is on a lease that has not the writer, and may have to wait for it:
 *         a private one, or a writer lease between two transactions
 *
 * A backup works on a connection of its own, beside the readers.
 *
 * A cursor's next step and whatever ends something begin however late: if they
 * were dropped in the queue, a reader or a transaction would be left behind.
 *
 * Does: one table, and one switch in three parts.
 * Must not: know threads or queues.
 * Lock: none. */
#include "op.h"

#include <string.h>

static const struct walpool__op operations[] = {
    [WALPOOL_OP_OPEN] = {WALPOOL__OP_READ, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_CLOSE] = {WALPOOL__OP_READ, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_READ] = {WALPOOL__OP_READ, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_WRITE] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_BATCH] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_ACQUIRE_READ] = {WALPOOL__OP_READ, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_ACQUIRE_WRITE] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_RELEASE] = {WALPOOL__OP_LEASE, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_RUN] = {WALPOOL__OP_LEASE, WALPOOL__OP_EXPIRES, true},
    [WALPOOL_OP_BEGIN] = {WALPOOL__OP_LEASE, WALPOOL__OP_EXPIRES, true},
    [WALPOOL_OP_SAVEPOINT] = {WALPOOL__OP_LEASE, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_COMMIT] = {WALPOOL__OP_LEASE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_ROLLBACK] = {WALPOOL__OP_LEASE, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_CURSOR_NEXT] = {WALPOOL__OP_LEASE, WALPOOL__OP_LATE, false},
    [WALPOOL_OP_CURSOR_CLOSE] = {WALPOOL__OP_LEASE, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_CHECKPOINT] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_ACQUIRE_PRIVATE] = {WALPOOL__OP_READ, WALPOOL__OP_EXPIRES,
                                    false},
    [WALPOOL_OP_MAINTAIN] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_BACKUP_START] = {WALPOOL__OP_READ, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_BACKUP_STEP] = {WALPOOL__OP_READ, WALPOOL__OP_LATE, false},
    [WALPOOL_OP_BACKUP_FINISH] = {WALPOOL__OP_READ, WALPOOL__OP_UNTIMED, false},
    [WALPOOL_OP_RESTORE] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_PROBE] = {WALPOOL__OP_WRITE, WALPOOL__OP_EXPIRES, false},
    [WALPOOL_OP_PREPARE] = {WALPOOL__OP_READ, WALPOOL__OP_EXPIRES, false},
};

const struct walpool__op *
walpool__op_find(int32_t op)
{
    if (op < 0 || op >= (int32_t)ARRAY_COUNT(operations))
        return NULL;
    return &operations[op];
}

static walpool_status
keep_result(walpool_completion *out, void *handle)
{
    out->result = handle;
    return handle != NULL ? WALPOOL_OK : (walpool_status)out->error.status;
}

static walpool_status
prepare(const walpool_job *job, const walpool_call *call,
        walpool_completion *out)
{
    const walpool_statement *statement = job->statements;
    return keep_result(out, walpool_prepare(job->target,
                                            statement ? statement->sql : NULL,
                                            statement ? statement->sql_bytes : 0,
                                            call, &out->error));
}

static walpool_status
run_reading(const walpool_job *job, const walpool_call *call,
            walpool_completion *out)
{
    walpool_error *err = &out->error;
    void *db = job->target;
    switch (job->op) {
    case WALPOOL_OP_OPEN:
        return keep_result(out, walpool_open(job->name, job->options, err));
    case WALPOOL_OP_CLOSE:
        return walpool_close(db, call->timeout_ms, err);
    case WALPOOL_OP_ACQUIRE_READ:
        return keep_result(out, walpool_acquire(db, WALPOOL_READ, call, err));
    case WALPOOL_OP_ACQUIRE_PRIVATE:
        return keep_result(out,
                           walpool_acquire(db, WALPOOL_PRIVATE, call, err));
    case WALPOOL_OP_BACKUP_START:
        return keep_result(out, walpool_backup_start(db, job->name, job->mode,
                                                     call, err));
    case WALPOOL_OP_BACKUP_STEP:
        return walpool_backup_step(job->target, job->mode, call, &out->backup,
                                   err);
    case WALPOOL_OP_BACKUP_FINISH:
        return walpool_backup_finish(job->target, err);
    case WALPOOL_OP_PREPARE:
        return prepare(job, call, out);
    default:
        return walpool_read(db, job->statements, call, job->rows, err);
    }
}

static walpool_status
run_writing(const walpool_job *job, const walpool_call *call,
            walpool_completion *out)
{
    walpool_error *err = &out->error;
    void *db = job->target;
    switch (job->op) {
    case WALPOOL_OP_BATCH:
        return walpool_batch(db, job->statements, job->statement_count, call,
                             job->results, job->rows, err);
    case WALPOOL_OP_ACQUIRE_WRITE:
        return keep_result(out, walpool_acquire(db, WALPOOL_WRITE, call, err));
    case WALPOOL_OP_CHECKPOINT:
        return walpool_checkpoint(db, (walpool_checkpoint_mode)job->mode, call,
                                  &out->checkpoint, err);
    case WALPOOL_OP_MAINTAIN:
        return walpool_maintain(db, (walpool_task)job->mode, job->pages, call,
                                job->rows, err);
    case WALPOOL_OP_PROBE:
        return walpool_probe(db, call, job->rows, err);
    case WALPOOL_OP_RESTORE:
        return walpool_restore(db, job->name, call, err);
    default:
        return walpool_write(db, job->statements, call, job->rows, err);
    }
}

static walpool_status
run_on_lease(const walpool_job *job, const walpool_call *call,
             walpool_error *err)
{
    void *target = job->target;
    switch (job->op) {
    case WALPOOL_OP_RELEASE:
        return walpool_release(target, err);
    case WALPOOL_OP_BEGIN:
        return walpool_begin(target, call, err);
    case WALPOOL_OP_SAVEPOINT:
        return walpool_savepoint(target, err);
    case WALPOOL_OP_COMMIT:
        return walpool_commit(target, call, err);
    case WALPOOL_OP_ROLLBACK:
        return walpool_rollback(target, err);
    case WALPOOL_OP_CURSOR_NEXT:
        return walpool_cursor_next(target, call, job->rows, err);
    case WALPOOL_OP_CURSOR_CLOSE:
        return walpool_cursor_close(target, err);
    default:
        return walpool_run(target, job->statements, call, job->rows, err);
    }
}

/* The cursor of new rows, read while the caller's buffer is certainly there. */
static walpool_cursor *
cursor_of(const walpool_job *job)
{
    walpool_rows_header header;
    bool opens = job->op == WALPOOL_OP_READ || job->op == WALPOOL_OP_RUN;
    if (!opens || job->rows == NULL || job->rows->data == NULL)
        return NULL;
    memcpy(&header, job->rows->data, sizeof header);
    return (walpool_cursor *)(uintptr_t)header.cursor;
}

walpool_status
walpool__op_run(const walpool_job *job, const walpool_call *call,
                walpool_completion *out, walpool_cursor **cursor)
{
    walpool_status status;
    switch (operations[job->op].lane) {
    case WALPOOL__OP_READ:
        status = run_reading(job, call, out);
        break;
    case WALPOOL__OP_WRITE:
        status = run_writing(job, call, out);
        break;
    default:
        status = run_on_lease(job, call, &out->error);
        break;
    }
    *cursor = status == WALPOOL_OK ? cursor_of(job) : NULL;
    return status;
}
