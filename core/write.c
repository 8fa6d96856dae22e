/* Write: one-crossing writes and batches.
 *
 * Does: check what was asked, take the writer, apply, give back, wait for the
 * disk.
 * Must not: keep the writer after the call.
 * Lock: none of its own. */
#include "coalesce.h"
#include "digest.h"
#include "error.h"

#define LONGEST_ONCE_KEY 255

/* --------------------------------------------------------- what was asked */

static walpool_status
check_key(const walpool_call *asked, walpool_error *err)
{
    if (!asked->once_key)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "once_key is NULL and has %zu bytes",
                                  asked->once_bytes);
    if (asked->once_bytes < 1 || asked->once_bytes > LONGEST_ONCE_KEY)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "once_key has %zu bytes: give 1 to %d",
                                  asked->once_bytes, LONGEST_ONCE_KEY);
    return WALPOOL_OK;
}

/* Take the key off the call: nothing but a write or a batch may have one. */
static walpool_status
take_key(struct walpool__write *write, const walpool_call *asked,
         walpool_call *plain, walpool_error *err)
{
    walpool_status status = check_key(asked, err);
    bool script = !write->batch && asked->flags & WALPOOL_CALL_SCRIPT;

    write->once.key = asked->once_key;
    write->once.bytes = asked->once_bytes;
    for (size_t i = 0; i < write->count && status == WALPOOL_OK; i++)
        status = walpool__apply_nth(
            write, i,
            walpool__digest_add(&write->once.digest, &write->statements[i],
                                script, err));
    *plain = *asked;
    plain->once_key = NULL;
    plain->once_bytes = 0;
    return status;
}

static walpool_status
check(struct walpool__write *write, const walpool_call *asked,
      walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    if (!write->batch)
        return walpool__execute_check_write(write->statements, asked, err);
    for (size_t i = 0; i < write->count && status == WALPOOL_OK; i++)
        status = walpool__apply_nth(
            write, i, walpool__execute_check(&write->statements[i], err));
    return status;
}

/* -------------------------------------------------------------- the frame */

/* By itself: take the writer, apply, give it back, wait for the disk. */
static walpool_status
apply(struct walpool__db *db, struct walpool__write *write)
{
    struct walpool__aftermath aftermath;
    walpool_status status = walpool__writer_take(&db->writer, write->call,
                                                 write->err);

    if (status != WALPOOL_OK)
        return status;
    write->conn = db->writer.conn;
    status = walpool__apply(write);
    if (status == WALPOOL_OK && !write->replayed)
        walpool__stats_add(&db->stats.writes, 1);
    aftermath = walpool__db_give_writer(db);
    if (status != WALPOOL_OK)
        return status;
    status = walpool__db_settle(db, aftermath, write->call, write->err);
    if (status != WALPOOL_OK && write->replayed && write->err)
        write->err->outcome = WALPOOL_UNKNOWN; /* as that of the first call */
    return status;
}

static walpool_status
run(walpool *handle, const walpool_call *asked, struct walpool__write *write)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__db *db = walpool__db_enter(handle, &call, asked, write->err,
                                               &status);

    if (!db)
        return status;
    write->call = &call;
    write->once.keep_ms = db->options.once_keep_ms;
    walpool__rows_clear(write->rows);
    status = walpool__db_may_write(db, &call, write->err);
    if (status == WALPOOL_OK)
        status = walpool__coalesce_wants(db, write)
                     ? walpool__coalesce(db, write)
                     : apply(db, write);
    if (status != WALPOOL_OK)
        walpool__rows_clear(write->rows); /* a failed call leaves no block */
    return walpool__db_exit(db, handle, &call, status);
}

static walpool_status
check_and_run(walpool *handle, const walpool_call *asked,
              struct walpool__write *write)
{
    walpool_call plain;
    walpool_status status = check(write, asked, write->err);

    if (status == WALPOOL_OK && asked &&
        UNLIKELY(asked->once_key || asked->once_bytes)) {
        status = take_key(write, asked, &plain, write->err);
        asked = &plain;
    }
    return status == WALPOOL_OK ? run(handle, asked, write) : status;
}

walpool_status
walpool_write(walpool *handle, const walpool_statement *statement,
              const walpool_call *asked, walpool_rows *rows,
              walpool_error *err)
{
    struct walpool__write write = {.statements = statement, .count = 1,
                                   .rows = rows, .err = err};

    return check_and_run(handle, asked, &write);
}

walpool_status
walpool_batch(walpool *handle, const walpool_statement *statements,
              size_t count, const walpool_call *asked, walpool_result *results,
              walpool_rows *rows, walpool_error *err)
{
    struct walpool__write write = {.statements = statements, .count = count,
                                   .batch = true, .results = results,
                                   .rows = rows, .err = err};

    if (!statements || count == 0 || count > INT32_MAX)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a batch of %zu statements: give 1 to "
                                  "2147483647", statements ? count : 0);
    return check_and_run(handle, asked, &write);
}
