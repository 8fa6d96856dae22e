/* Apply: a write or a batch on the writer's connection.
 *
 * A single statement without rows is its own transaction: SQLite begins it
 * with the write lock (waiting through our busy handler) and undoes it as a
 * whole when it fails. Everything else runs between BEGIN IMMEDIATE and COMMIT.
 *
 * A write with a once_key gives its answer the same way the first time and
 * later: from the bytes that are kept.
 *
 * Does: run, commit or undo, and answer.
 * Must not: take the writer or give it back.
 * Lock: none; the connection is its caller's. */
#include "apply.h"

#include "error.h"
#include "txn.h"

/* Rows that are kept with a once_key, in all. */
#define ONCE_ROWS_BYTES ((size_t)1 << 20)
/* The largest block of them: a value of one byte has a cell of sixteen. */
#define ONCE_BLOCK_BYTES (ONCE_ROWS_BYTES * 17)

walpool_status
walpool__apply_nth(const struct walpool__write *write, size_t n,
                   walpool_status status)
{
    if (status == WALPOOL_OK || !write->batch || !write->err)
        return status;
    write->err->statement = (int32_t)n;
    walpool__error_prefix(write->err, "statement %zu of the batch: ", n);
    return status;
}

/* What a finished transaction was: a commit, or undone. */
static walpool_status
end_transaction(struct walpool__write *write, walpool_status status)
{
    if (status == WALPOOL_OK)
        status = walpool__txn_commit(write->conn, write->err);
    if (status == WALPOOL_OK)
        return WALPOOL_OK;
    walpool__txn_rollback(write->conn);
    walpool__stats_add(&write->conn->stats->rollbacks, 1);
    return status;
}

/* --------------------------------------------------------------- one write */

static walpool_status
run_prepared(struct walpool__write *write, struct walpool__prepared *prepared)
{
    struct walpool__sink sink = walpool__execute_sink(write->call, write->rows);
    struct walpool__effect effect;

    return walpool__execute_write(write->conn, prepared, &sink, &effect,
                                  write->err);
}

/* SQLite undoes a statement that is its own transaction and fails, unless the
 * schema says ON CONFLICT FAIL, or a trigger RAISE(FAIL): what came before is
 * committed then. */
static walpool_status
run_alone(struct walpool__write *write, struct walpool__prepared *prepared)
{
    struct walpool__conn *conn = write->conn;
    int64_t before = walpool__conn_total_changes(conn);
    walpool_status status;

    walpool__conn_warm(conn, prepared->stmt);
    status = run_prepared(write, prepared);
    if (status == WALPOOL_OK)
        return status;
    walpool__conn_cool(conn); /* or SQLite keeps an error of the disk */
    if (!write->err)
        return status;
    walpool__txn_set_outcome(conn, write->err->sqlite_code, write->err);
    if (status == WALPOOL_CONSTRAINT && conn->committing &&
        walpool__conn_total_changes(conn) != before) {
        write->err->outcome = WALPOOL_APPLIED;
        walpool__error_prefix(write->err, "some of it was applied, because "
                              "the schema says FAIL: ");
    }
    return status;
}

static walpool_status
apply_statement(struct walpool__write *write)
{
    struct walpool__prepared prepared;
    walpool_status status = walpool__execute_prepare(
        write->conn, write->statements, &prepared, write->err);

    if (status != WALPOOL_OK)
        return status;
    if (!walpool__execute_may_leave_some(&prepared))
        return run_alone(write, &prepared);
    status = walpool__txn_begin_write(write->conn, write->err);
    if (status != WALPOOL_OK) {
        walpool__stmt_give(&write->conn->cache, prepared.stmt);
        return status;
    }
    status = run_prepared(write, &prepared);
    return end_transaction(write, status);
}

walpool_status
walpool__apply_within(struct walpool__write *write)
{
    struct walpool__prepared prepared;
    walpool_status status = walpool__execute_prepare(
        write->conn, write->statements, &prepared, write->err);

    return status == WALPOOL_OK ? run_prepared(write, &prepared) : status;
}

static walpool_status
run_script(struct walpool__write *write)
{
    struct walpool__effect effect;
    walpool_status status = walpool__execute_script(
        write->conn, write->statements, &effect, write->err);

    return status == WALPOOL_OK
               ? walpool__execute_describe(write->rows, &effect, write->err)
               : status;
}

/* ----------------------------------------------------------------- batches */

/* Of the nth statement, for an answer that has rows of many. */
static struct walpool__sink
batch_sink(const struct walpool__write *write, size_t offset)
{
    struct walpool__sink sink = walpool__execute_sink(write->call, write->rows);

    sink.offset = offset;
    sink.known_shape = 0; /* of one result */
    sink.compact = true;
    return sink;
}

/* Its block, if it gives rows, is put at *offset, which moves on. */
static walpool_status
run_nth(struct walpool__write *write, size_t n, size_t *offset)
{
    struct walpool__prepared prepared;
    struct walpool__effect effect = {0};
    struct walpool__sink sink = batch_sink(write, *offset);
    walpool_status status = walpool__execute_prepare(
        write->conn, &write->statements[n], &prepared, write->err);

    if (status != WALPOOL_OK)
        return status;
    if (sqlite3_column_count(prepared.stmt->native) == 0)
        sink.rows = NULL;
    status = walpool__execute_write(write->conn, &prepared, &sink, &effect,
                                    write->err);
    if (status == WALPOOL_OK && write->results)
        write->results[n] = (walpool_result){effect.changes, effect.last_rowid,
                                             *offset, effect.block_bytes};
    *offset += effect.block_bytes;
    return status;
}

static walpool_status
run_batch(struct walpool__write *write)
{
    size_t offset = 0;
    walpool_status status = WALPOOL_OK;

    for (size_t i = 0; i < write->count && status == WALPOOL_OK; i++)
        status = walpool__apply_nth(write, i, run_nth(write, i, &offset));
    return status;
}

/* -------------------------------------------------------- with a once_key */

/* Run one statement or script, and put what it gave into the answer. */
static walpool_status
answer_one(struct walpool__write *write, const walpool_statement *statement,
           struct walpool__answer *answer, walpool_rows *rows)
{
    struct walpool__sink sink = {.rows = rows, .want_names = true};
    struct walpool__prepared prepared;
    struct walpool__effect effect;
    walpool_status status;

    if (!write->batch && write->call->flags & WALPOOL_CALL_SCRIPT) {
        status = walpool__execute_script(write->conn, statement, &effect,
                                         write->err);
        sink.rows = NULL;
    } else {
        status = walpool__execute_prepare(write->conn, statement, &prepared,
                                          write->err);
        if (status == WALPOOL_OK)
            status = walpool__execute_write(write->conn, &prepared, &sink,
                                            &effect, write->err);
        if (status == WALPOOL_TOOBIG && write->err && !write->err->sqlite_code)
            walpool__answer_too_big(answer, write->err);
    }
    if (status != WALPOOL_OK)
        return status;
    return walpool__answer_add(answer, effect.changes, effect.last_rowid,
                               sink.rows, write->err);
}

static walpool_status
answer_all(struct walpool__write *write, struct walpool__answer *answer)
{
    walpool_status status = WALPOOL_OK;
    walpool_rows rows;

    walpool_rows_init(&rows);
    rows.limit = ONCE_BLOCK_BYTES;
    for (size_t i = 0; i < write->count && status == WALPOOL_OK; i++)
        status = walpool__apply_nth(
            write, i, answer_one(write, &write->statements[i], answer, &rows));
    walpool_rows_finish(&rows);
    return status;
}

/* Tell the caller one part of the answer. */
static walpool_status
tell_part(struct walpool__write *write, const struct walpool__answer *answer,
          const struct walpool__part *part, size_t n, size_t *offset)
{
    struct walpool__sink sink = write->batch
                                    ? batch_sink(write, *offset)
                                    : walpool__execute_sink(write->call,
                                                            write->rows);
    size_t block_bytes = 0;
    walpool_status status = WALPOOL_OK;

    if (sink.rows && (part->columns || !write->batch))
        status = walpool__answer_block(answer, part, &sink, &block_bytes,
                                       write->err);
    if (status == WALPOOL_OK && write->results)
        write->results[n] = (walpool_result){part->changes, part->last_rowid,
                                             *offset, block_bytes};
    *offset += block_bytes;
    return status;
}

static walpool_status
tell(struct walpool__write *write, const struct walpool__answer *answer)
{
    size_t at = 0, offset = 0;
    walpool_status status = WALPOOL_OK;

    for (size_t i = 0; i < write->count && status == WALPOOL_OK; i++) {
        struct walpool__part part;

        status = walpool__answer_part(answer, &at, &part)
                     ? tell_part(write, answer, &part, i, &offset)
                     : walpool__answer_damaged(write->err);
        status = walpool__apply_nth(write, i, status);
    }
    return status;
}

/* The first call with its key: nothing was found. */
static walpool_status
run_first(struct walpool__write *write, struct walpool__answer *answer)
{
    walpool_status status = answer_all(write, answer);

    if (status == WALPOOL_OK)
        status = walpool__once_keep(write->conn, &write->once, answer,
                                    write->err);
    return status == WALPOOL_OK ? tell(write, answer) : status;
}

/* A later one: it writes nothing, and what it failed to tell is there. */
static walpool_status
replay(struct walpool__write *write, const struct walpool__answer *answer)
{
    walpool_status status = tell(write, answer);

    walpool__txn_rollback(write->conn);
    write->replayed = true;
    if (status == WALPOOL_OK)
        walpool__stats_add(&write->conn->stats->once_replays, 1);
    else if (write->err)
        write->err->outcome = WALPOOL_APPLIED;
    return status;
}

static walpool_status
apply_once(struct walpool__write *write)
{
    struct walpool__answer answer = {.rows_limit = ONCE_ROWS_BYTES};
    bool found = false;
    walpool_status status = walpool__txn_begin_write(write->conn, write->err);

    if (status != WALPOOL_OK)
        return status;
    status = walpool__once_find(write->conn, &write->once, &answer, &found,
                                write->err);
    if (status == WALPOOL_OK && found) {
        status = replay(write, &answer);
    } else {
        if (status == WALPOOL_OK)
            status = run_first(write, &answer);
        status = end_transaction(write, status);
    }
    walpool__answer_finish(&answer);
    return status;
}

/* -------------------------------------------------------------- the whole */

walpool_status
walpool__apply(struct walpool__write *write)
{
    walpool_status status;

    if (write->once.key)
        return apply_once(write);
    if (!write->batch && !(write->call->flags & WALPOOL_CALL_SCRIPT))
        return apply_statement(write);
    status = walpool__txn_begin_write(write->conn, write->err);
    if (status != WALPOOL_OK)
        return status;
    status = write->batch ? run_batch(write) : run_script(write);
    return end_transaction(write, status);
}
