/* Write: one-crossing writes and batches.
 *
 * A single statement without rows is its own transaction: SQLite begins it
 * with the write lock (waiting through our busy handler) and undoes it as a
 * whole when it fails. Everything else runs between BEGIN IMMEDIATE and COMMIT.
 *
 * Does: take the writer, run, commit or undo, give back, tell the
 * checkpointer.
 * Must not: keep the writer after the call.
 * Lock: none of its own. */
#include <string.h>

#include "db.h"
#include "error.h"
#include "execute.h"
#include "txn.h"

struct job {
    struct walpool__db *db;
    struct walpool__conn *conn;
    struct walpool__call *call;
    const walpool_statement *statements;
    size_t count;
    walpool_result *results; /* count of them, or NULL */
    walpool_rows *rows;
    walpool_error *err;
};

/* What a finished transaction was: a commit, or undone. */
static walpool_status
end_transaction(struct job *job, walpool_status status)
{
    if (status == WALPOOL_OK)
        status = walpool__txn_commit(job->conn, job->err);
    if (status == WALPOOL_OK)
        return WALPOOL_OK;
    walpool__txn_rollback(job->conn);
    walpool__stats_add(&job->db->stats.rollbacks, 1);
    return status;
}

static walpool_status
run_prepared(struct job *job, struct walpool__prepared *prepared)
{
    struct walpool__sink sink = walpool__execute_sink(job->call, job->rows);
    struct walpool__effect effect;

    return walpool__execute_write(job->conn, prepared, &sink, &effect,
                                  job->err);
}

/* SQLite undoes a statement that is its own transaction and fails, unless the
 * schema says ON CONFLICT FAIL, or a trigger RAISE(FAIL): what came before is
 * committed then. */
static walpool_status
run_alone(struct job *job, struct walpool__prepared *prepared)
{
    int64_t before = walpool__conn_total_changes(job->conn);
    walpool_status status = run_prepared(job, prepared);

    if (status == WALPOOL_OK || !job->err)
        return status;
    walpool__txn_set_outcome(job->conn, job->err->sqlite_code, job->err);
    if (status == WALPOOL_CONSTRAINT && job->conn->committing &&
        walpool__conn_total_changes(job->conn) != before) {
        job->err->outcome = WALPOOL_APPLIED;
        walpool__error_prefix(job->err, "some of it was applied, because the "
                              "schema says FAIL: ");
    }
    return status;
}

static walpool_status
write_statement(struct job *job)
{
    struct walpool__prepared prepared;
    walpool_status status = walpool__execute_prepare(
        job->conn, job->statements, &prepared, job->err);

    if (status != WALPOOL_OK)
        return status;
    if (!walpool__execute_may_leave_some(&prepared))
        return run_alone(job, &prepared);
    status = walpool__txn_begin_write(job->conn, job->err);
    if (status != WALPOOL_OK) {
        walpool__stmt_give(&job->conn->cache, prepared.stmt);
        return status;
    }
    status = run_prepared(job, &prepared);
    return end_transaction(job, status);
}

static walpool_status
write_script(struct job *job)
{
    struct walpool__effect effect;
    walpool_status status = walpool__txn_begin_write(job->conn, job->err);

    if (status != WALPOOL_OK)
        return status;
    status = walpool__execute_script(job->conn, job->statements, &effect,
                                     job->err);
    if (status == WALPOOL_OK)
        status = walpool__execute_describe(job->rows, &effect, job->err);
    return end_transaction(job, status);
}

static walpool_status
write_one(struct job *job)
{
    return job->call->flags & WALPOOL_CALL_SCRIPT ? write_script(job)
                                                  : write_statement(job);
}

/* One statement of a batch. Its block, if it gives rows, is put at *offset,
 * which moves on. */
static walpool_status
write_nth(struct job *job, size_t n, size_t *offset)
{
    struct walpool__prepared prepared;
    struct walpool__effect effect = {0};
    struct walpool__sink sink = walpool__execute_sink(job->call, job->rows);
    walpool_status status = walpool__execute_prepare(
        job->conn, &job->statements[n], &prepared, job->err);

    if (status != WALPOOL_OK)
        return status;
    if (sqlite3_column_count(prepared.stmt->native) == 0)
        sink.rows = NULL;
    sink.offset = *offset;
    sink.known_shape = 0; /* of one result, and this has many */
    sink.compact = true;
    status = walpool__execute_write(job->conn, &prepared, &sink, &effect,
                                    job->err);
    if (status == WALPOOL_OK && job->results)
        job->results[n] = (walpool_result){effect.changes, effect.last_rowid,
                                           *offset, effect.block_bytes};
    *offset += effect.block_bytes;
    return status;
}

static walpool_status
in_batch(struct job *job, size_t n, walpool_status status)
{
    if (status != WALPOOL_OK && job->err) {
        job->err->statement = (int32_t)n;
        walpool__error_prefix(job->err, "statement %zu of the batch: ", n);
    }
    return status;
}

static walpool_status
write_batch(struct job *job)
{
    size_t offset = 0;
    walpool_status status = walpool__txn_begin_write(job->conn, job->err);

    if (status != WALPOOL_OK)
        return status;
    for (size_t i = 0; i < job->count && status == WALPOOL_OK; i++)
        status = in_batch(job, i, write_nth(job, i, &offset));
    return end_transaction(job, status);
}

/* The common frame: writer in, work, writer out, checkpointer told. */
static walpool_status
with_writer(walpool *handle, const walpool_call *asked, struct job *job,
            walpool_status (*work)(struct job *))
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__db *db = walpool__db_enter(handle, &call, asked, job->err,
                                               &status);
    struct walpool__aftermath aftermath;

    if (!db)
        return status;
    job->db = db;
    job->call = &call;
    walpool__rows_clear(job->rows);
    status = walpool__poison_check(&db->poison, job->err);
    if (status == WALPOOL_OK)
        status = walpool__writer_take(&db->writer, &call, job->err);
    if (status == WALPOOL_OK) {
        job->conn = db->writer.conn;
        status = work(job);
        if (status == WALPOOL_OK)
            walpool__stats_add(&db->stats.writes, 1);
        aftermath = walpool__db_give_writer(db);
        if (status == WALPOOL_OK)
            status = walpool__db_settle(db, aftermath, &call, job->err);
        if (status != WALPOOL_OK)
            walpool__rows_clear(job->rows); /* a failed call leaves no block */
    }
    return walpool__db_exit(db, handle, &call, status);
}

walpool_status
walpool_write(walpool *handle, const walpool_statement *statement,
              const walpool_call *asked, walpool_rows *rows,
              walpool_error *err)
{
    struct job job = {.statements = statement, .count = 1, .rows = rows,
                      .err = err};
    walpool_status status = walpool__execute_check_write(statement, asked, err);

    return status == WALPOOL_OK ? with_writer(handle, asked, &job, write_one)
                                : status;
}

walpool_status
walpool_batch(walpool *handle, const walpool_statement *statements,
              size_t count, const walpool_call *asked, walpool_result *results,
              walpool_rows *rows, walpool_error *err)
{
    struct job job = {.statements = statements, .count = count,
                      .results = results, .rows = rows, .err = err};
    walpool_status status = WALPOOL_OK;

    if (!statements || count == 0 || count > INT32_MAX)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a batch of %zu statements: give 1 to "
                                  "2147483647", statements ? count : 0);
    for (size_t i = 0; i < count && status == WALPOOL_OK; i++)
        status = in_batch(&job, i, walpool__execute_check(&statements[i], err));
    return status == WALPOOL_OK ? with_writer(handle, asked, &job, write_batch)
                                : status;
}
