/* Cursor: the rest of a result.
 *
 * A cursor belongs to a lease and is used under the lease's `busy` flag. The
 * lease of a single read is implicit: nobody else knows it, and it ends with
 * its cursor. Nobody else uses its connection either, so from its second block
 * on a thread may step it ahead (ahead.h), where that pays (pace.h). A call then
 * goes aboard, to use the connection itself, only when that thread rests.
 *
 * Does: next block, bytes of a large value, end.
 * Must not: outlive its lease's connection.
 * Lock: none; `busy` of the lease decides who may. */
#include <string.h>

#include "clock.h"
#include "error.h"
#include "lease.h"
#include "mem.h"

static void
destroy(void *object)
{
    struct walpool__cursor *cursor = object;

    walpool__lease_unref(cursor->lease);
    walpool__mem_free(cursor);
}

uint64_t
walpool__cursor_make(struct walpool__lease *lease,
                     const struct walpool__fetch *fetch)
{
    struct walpool__cursor *cursor = walpool__mem_zalloc(sizeof *cursor);

    if (!cursor)
        return 0;
    cursor->lease = lease;
    cursor->fetch = *fetch;
    cursor->large = fetch->large;
    cursor->pace.given_ns = walpool__clock_now();
    cursor->handle = walpool__handle_open(WALPOOL__HANDLE_CURSOR, cursor,
                                          destroy);
    if (!cursor->handle) {
        walpool__mem_free(cursor);
        return 0;
    }
    atomic_fetch_add_explicit(&lease->refs, 1, memory_order_relaxed);
    walpool__list_append(&lease->cursors, &cursor->link);
    return (uint64_t)(uintptr_t)cursor->handle;
}

/* A thread may step ahead until here. */
void
walpool__cursor_end(struct walpool__cursor *cursor)
{
    void *handle = cursor->handle;

    walpool__ahead_free(cursor->ahead);
    cursor->ahead = NULL;
    walpool__stmt_give(&cursor->lease->conn->cache, cursor->fetch.stmt);
    cursor->fetch.stmt = NULL;
    walpool__list_remove(&cursor->link);
    walpool__handle_close(handle); /* may destroy the cursor */
}

/* -------------------------------------------------------- who is aboard */

/* Nobody steps ahead, or whoever does rests. */
static void
board(struct walpool__cursor *cursor, struct walpool__call *call)
{
    if (!cursor->aboard)
        walpool__lease_board(cursor->lease, call);
    cursor->aboard = true;
}

static void
go_ashore(struct walpool__cursor *cursor)
{
    if (cursor->aboard)
        walpool__lease_leave(cursor->lease);
    cursor->aboard = false;
}

/* Pin the cursor and claim its lease. */
static struct walpool__cursor *
enter(walpool_cursor *handle, struct walpool__call *call,
      const walpool_call *asked, walpool_status *status, walpool_error *err)
{
    struct walpool__cursor *cursor =
        walpool__handle_pin(WALPOOL__HANDLE_CURSOR, handle, err, status);

    if (!cursor)
        return NULL;
    *status = walpool__call_begin(call, asked, cursor->lease->timeout_ms, err);
    if (*status == WALPOOL_OK) {
        *status = walpool__lease_claim(cursor->lease, err);
        if (*status == WALPOOL_OK && cursor->fetch.stmt)
            return cursor;
        if (*status == WALPOOL_OK) {
            walpool__lease_let_go(cursor->lease);
            *status = walpool__error_set(err, WALPOOL_CLOSED,
                                         "the cursor is closed");
        }
        walpool__call_end(call);
    }
    walpool__handle_unpin(handle);
    return NULL;
}

static void
leave(struct walpool__cursor *cursor, struct walpool__call *call)
{
    void *handle = cursor->handle;

    go_ashore(cursor);
    walpool__lease_let_go(cursor->lease);
    walpool__call_end(call);
    walpool__handle_unpin(handle);
}

/* End the cursor, and with it a lease that is nobody else's. The cursor is
 * pinned by the caller. */
static void
finish(struct walpool__cursor *cursor, struct walpool__call *call)
{
    struct walpool__lease *lease = cursor->lease;

    walpool__ahead_free(cursor->ahead);
    cursor->ahead = NULL;
    board(cursor, call);
    walpool__cursor_end(cursor);
    if (lease->implicit)
        walpool__lease_end(lease);
}

/* --------------------------------------------------------------- the rows */

/* Too small a buffer loses nothing, unless SQLite was at it. */
static enum walpool__ahead_next
what_follows(const struct walpool__fetch *fetch, walpool_status status)
{
    if (status == WALPOOL_OK && fetch->more)
        return fetch->large ? WALPOOL__AHEAD_WAITS : WALPOOL__AHEAD_GOES_ON;
    return status == WALPOOL_TOOBIG && (fetch->pending || fetch->done)
               ? WALPOOL__AHEAD_WAITS
               : WALPOOL__AHEAD_ENDED;
}

/* By whoever is aboard. */
static enum walpool__ahead_next
step(struct walpool__cursor *cursor, walpool_rows *rows, walpool_status *status,
     walpool_error *err)
{
    walpool_rows_header *header;

    *status = walpool__lease_must_be_current(cursor->lease, err);
    if (*status != WALPOOL_OK)
        return WALPOOL__AHEAD_ENDED;
    *status = walpool__encode_block(&cursor->fetch, rows, &header, err);
    return what_follows(&cursor->fetch, *status);
}

/* On a thread that steps ahead. */
static enum walpool__ahead_next
step_ahead(void *owner, struct walpool__call *call, walpool_rows *rows,
           walpool_status *status, walpool_error *err)
{
    struct walpool__cursor *cursor = owner;
    enum walpool__ahead_next next;

    walpool__lease_board(cursor->lease, call);
    next = step(cursor, rows, status, err);
    walpool__lease_leave(cursor->lease);
    return next;
}

/* The next block, from whoever has it. */
static enum walpool__ahead_next
take(struct walpool__cursor *cursor, struct walpool__call *call,
     walpool_rows *rows, walpool_status *status, walpool_error *err)
{
    enum walpool__ahead_next next;
    bool by_thread;

    walpool__pace_ask(&cursor->pace, call->started_ns);
    by_thread = cursor->ahead && walpool__ahead_take(cursor->ahead, call, rows,
                                                     &next, status, err);
    if (!by_thread) {
        board(cursor, call);
        next = step(cursor, rows, status, err);
    }
    walpool__pace_give(&cursor->pace, walpool__clock_now(), by_thread);
    return next;
}

/* Who asked for two blocks wants more. What comes from a queue is ahead of its
 * caller already. */
static void
have_more_ready(struct walpool__cursor *cursor,
                const struct walpool__call *call, const walpool_rows *rows)
{
    if (!cursor->lease->implicit || call->flags & WALPOOL__CALL_QUEUED ||
        !walpool__pace_try(&cursor->pace))
        return;
    if (!cursor->ahead)
        cursor->ahead = walpool__ahead_make(&cursor->lease->db->steppers,
                                            step_ahead, cursor, rows);
    if (!cursor->ahead)
        return;
    go_ashore(cursor);
    walpool__ahead_start(cursor->ahead);
}

static walpool_status
get_block(struct walpool__cursor *cursor, struct walpool__call *call,
          walpool_rows *rows, walpool_error *err)
{
    walpool_status status;
    walpool_rows_header *header;
    enum walpool__ahead_next next = take(cursor, call, rows, &status, err);

    if (status != WALPOOL_OK)
        walpool__stats_failed(&cursor->lease->db->stats, status);
    if (next == WALPOOL__AHEAD_ENDED) {
        finish(cursor, call);
        return status;
    }
    if (status != WALPOOL_OK)
        return status;
    header = (void *)rows->data;
    header->cursor = (uint64_t)(uintptr_t)cursor->handle;
    cursor->large = header->flags & WALPOOL_ROWS_LARGE;
    if (next == WALPOOL__AHEAD_GOES_ON)
        have_more_ready(cursor, call, rows);
    return status;
}

walpool_status
walpool_cursor_next(walpool_cursor *handle, const walpool_call *asked,
                    walpool_rows *rows, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__cursor *cursor = enter(handle, &call, asked, &status, err);

    if (!cursor && status == WALPOOL_CANCELLED) /* before it began */
        walpool_cursor_close(handle, NULL);
    if (!cursor)
        return status;
    status = rows ? walpool__call_check_durability(&call, 0, "a cursor", err)
                  : walpool__error_set(err, WALPOOL_MISUSE, "rows is NULL");
    if (status == WALPOOL_OK) {
        walpool__rows_clear(rows);
        status = get_block(cursor, &call, rows, err);
    }
    leave(cursor, &call);
    return status;
}

/* ----------------------------------------------------------- large values */

/* The bytes of a large value, where SQLite has them: nobody steps on before they
 * were asked for. */
static const unsigned char *
large_bytes(struct walpool__cursor *cursor, size_t column, size_t *bytes,
            walpool_status *status, walpool_error *err)
{
    sqlite3_stmt *native = cursor->fetch.stmt->native;
    int type = SQLITE_NULL;
    const void *from;

    if (cursor->large && column < (size_t)sqlite3_column_count(native))
        type = sqlite3_column_type(native, (int)column);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
        *status = walpool__error_set(
            err, WALPOOL_MISUSE, "column %zu of the newest block's last row "
            "is no large value", column);
        return NULL;
    }
    from = type == SQLITE_TEXT
               ? (const void *)sqlite3_column_text(native, (int)column)
               : sqlite3_column_blob(native, (int)column);
    *bytes = (size_t)sqlite3_column_bytes(native, (int)column);
    if (!from)
        *status = walpool__error_nomem(err, "a large value");
    return from;
}

walpool_status
walpool_cursor_value(walpool_cursor *handle, size_t column, size_t offset,
                     void *dst, size_t bytes, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    const unsigned char *from;
    size_t length = 0;
    struct walpool__cursor *cursor = enter(handle, &call, NULL, &status, err);

    if (!cursor)
        return status;
    if (cursor->large)
        board(cursor, &call);
    from = large_bytes(cursor, column, &length, &status, err);
    if (from && (!dst || offset > length || bytes > length - offset))
        status = walpool__error_set(
            err, WALPOOL_MISUSE,
            "%zu bytes from byte %zu of a value of %zu, to %s", bytes, offset,
            length, dst ? "a buffer" : "NULL");
    else if (from && bytes)
        memcpy(dst, from + offset, bytes);
    leave(cursor, &call);
    return status;
}

walpool_status
walpool_cursor_close(walpool_cursor *handle, walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct walpool__cursor *cursor = enter(handle, &call, NULL, &status, err);

    if (!cursor)
        return status;
    finish(cursor, &call);
    leave(cursor, &call);
    return WALPOOL_OK;
}
