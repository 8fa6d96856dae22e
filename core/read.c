/* Read: one-crossing reads.
 *
 * Does: take a reader, run, encode, give back; or leave the rest to a cursor.
 * Must not: begin a transaction: one statement is one snapshot by itself.
 * Lock: none of its own. */
#include "clock.h"
#include "error.h"
#include "lease.h"

#define SAMPLED 16

/* The rest of the rows keeps the reader: put both into a cursor. */
static walpool_status
keep_for_cursor(struct walpool__db *db, walpool *handle,
                struct walpool__reader *reader, struct walpool__fetch *fetch,
                walpool_rows_header *header, walpool_error *err)
{
    struct walpool__lease *lease = walpool__lease_make(handle, db, reader);
    struct walpool__wal_state state = {0, 0};
    bool known = walpool__walindex_read(&db->walindex, &state);

    if (!lease)
        return walpool__error_nomem(err, "a cursor");
    lease->implicit = true;
    header->cursor = walpool__cursor_make(lease, fetch);
    if (!header->cursor) {
        walpool__lease_unref(lease);
        return walpool__error_nomem(err, "a cursor");
    }
    walpool__pool_keep(reader);
    walpool__tag_keep(&reader->tag, WALPOOL_HOLDER_CURSOR,
                      known ? (int64_t)state.frames : -1,
                      db->options.lease_trace);
    reader->conn->call = NULL;
    walpool__lease_keep_reader(lease);
    walpool__lease_unref(lease); /* the cursor's reference is the only one */
    return WALPOOL_OK;
}

/* Run on a reader. *kept: the reader, and the pin of the database, are now the
 * cursor's. A durable read gives its reader back before it waits for the disk,
 * unless a cursor keeps it anyway. */
static walpool_status
run(struct walpool__db *db, walpool *handle, struct walpool__call *call,
    const walpool_statement *statement, walpool_rows *rows, bool *kept,
    walpool_error *err)
{
    struct walpool__fetch fetch = {.known_shape = call->shape,
                                   .want_names = call->flags &
                                                 WALPOOL_CALL_NAMES,
                                   .first = call->flags & WALPOOL_CALL_FIRST};
    struct walpool__reader *reader;
    walpool_rows_header *header;
    uint64_t ticket = 0;
    walpool_status status = walpool__pool_take(&db->pool, call, &reader, err);

    if (UNLIKELY(status != WALPOOL_OK))
        return status;
    status = walpool__execute_read(reader->conn, statement, &fetch, rows,
                                   &header, err);
    if (UNLIKELY(call->flags & WALPOOL_CALL_DURABLE) && status == WALPOOL_OK)
        status = walpool__db_see(db, &ticket, err);
    if (status == WALPOOL_OK && UNLIKELY(fetch.more)) {
        status = walpool__db_settle_read(db, ticket, call, err);
        if (status == WALPOOL_OK)
            status = keep_for_cursor(db, handle, reader, &fetch, header, err);
        *kept = status == WALPOOL_OK;
        if (*kept)
            return WALPOOL_OK;
    }
    walpool__stmt_give(&reader->conn->cache, fetch.stmt);
    walpool__pool_give(&db->pool, reader);
    if (UNLIKELY(ticket) && status == WALPOOL_OK)
        status = walpool__db_settle_read(db, ticket, call, err);
    return status;
}

/* A call of less than a microsecond cannot afford a clock: one of SAMPLED of a
 * thread is measured, and stands for all. Those that took long by what else they
 * did are measured, each for itself. */
static void
count(struct walpool__stats *stats, const struct walpool__call *call)
{
    int64_t nth = atomic_fetch_add_explicit(&walpool__stats_mine(stats)->reads,
                                            1, memory_order_relaxed);

    if (LIKELY(nth % SAMPLED != 0 && !call->long_running))
        return;
    walpool__histogram_record_many(
        &stats->query_us,
        (uint64_t)(walpool__clock_now() - call->started_ns) / 1000,
        call->long_running ? 1 : SAMPLED);
}

walpool_status
walpool_read(walpool *handle, const walpool_statement *statement,
             const walpool_call *asked, walpool_rows *rows, walpool_error *err)
{
    struct walpool__call call;
    bool kept = false;
    walpool_status status = walpool__execute_check(statement, err);
    struct walpool__db *db;

    if (UNLIKELY(status != WALPOOL_OK))
        return status;
    db = walpool__db_enter(handle, &call, asked, err, &status);
    if (UNLIKELY(!db))
        return status;
    walpool__rows_clear(rows);
    status = walpool__call_check_durability(&call, WALPOOL_CALL_DURABLE,
                                            "a read", err);
    if (LIKELY(status == WALPOOL_OK))
        status = run(db, handle, &call, statement, rows, &kept, err);
    if (LIKELY(status == WALPOOL_OK))
        count(&db->stats, &call);
    else
        walpool__rows_clear(rows);
    if (LIKELY(!kept))
        return walpool__db_exit(db, handle, &call, status);
    walpool__call_end(&call);
    return WALPOOL_OK;
}
