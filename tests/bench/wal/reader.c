/* Reader: takes a snapshot, keeps it, gives it back, by walpool or by raw
 * SQLite. Raw prepares its statements once; BEGIN alone takes no snapshot
 * there, so every snapshot begins with a query on both sides. */
#include "reader.h"

#include <stdbool.h>

#include "sample.h"

#define NEWEST "SELECT coalesce(max(id), 0) FROM t"

/* ----------------------------------------------------------------- ours */

static void
ours_must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(status), err->message);
}

static void
ours_open(struct reader *reader, const char *path)
{
    walpool_error err;
    reader->db = walpool_open(path, NULL, &err);
    if (!reader->db)
        die(walpool_status_name(err.status), err.message);
    walpool_rows_init(&reader->rows);
}

static void
ours_begin(struct reader *reader)
{
    walpool_error err;
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = READER_WHY;
    reader->lease = walpool_acquire(reader->db, WALPOOL_READ, &call, &err);
    if (!reader->lease)
        die(walpool_status_name(err.status), err.message);
}

static int64_t
ours_newest(struct reader *reader)
{
    walpool_error err;
    walpool_statement query = WALPOOL_STATEMENT_INIT(NEWEST);
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_FIRST;
    query.sql_bytes = sizeof NEWEST - 1;
    walpool_status status =
        walpool_run(reader->lease, &query, &call, &reader->rows, &err);
    if (status == WALPOOL_STALE)
        return READER_GONE;
    ours_must(status, &err);
    return walpool_rows_int64(&reader->rows, 0, 0);
}

static int64_t
ours_look(struct reader *reader)
{
    walpool_error err;
    walpool_statement query = WALPOOL_STATEMENT_INIT(NEWEST);
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_FIRST;
    query.sql_bytes = sizeof NEWEST - 1;
    ours_must(walpool_read(reader->db, &query, &call, &reader->rows, &err),
              &err);
    return walpool_rows_int64(&reader->rows, 0, 0);
}

static void
ours_end(struct reader *reader)
{
    walpool_error err;
    ours_must(walpool_release(reader->lease, &err), &err);
}

static void
ours_close(struct reader *reader)
{
    walpool_error err;
    walpool_rows_finish(&reader->rows);
    ours_must(walpool_close(reader->db, -1, &err), &err);
}

/* ------------------------------------------------------------------ raw */

static void
raw_must(bool good, struct reader *reader)
{
    if (!good)
        die("raw reader", sqlite3_errmsg(reader->raw));
}

static sqlite3_stmt *
raw_prepare(struct reader *reader, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    raw_must(sqlite3_prepare_v3(reader->raw, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                &statement, NULL) == SQLITE_OK,
             reader);
    return statement;
}

static void
raw_open(struct reader *reader, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    raw_must(!sqlite3_open_v2(path, &reader->raw, flags, NULL), reader);
    raw_must(!sqlite3_exec(reader->raw,
                           "PRAGMA busy_timeout=5000; PRAGMA cache_size=-8192",
                           NULL, NULL, NULL),
             reader);
    reader->begin = raw_prepare(reader, "BEGIN");
    reader->newest = raw_prepare(reader, NEWEST);
    reader->commit = raw_prepare(reader, "COMMIT");
}

static void
raw_do(struct reader *reader, sqlite3_stmt *statement)
{
    raw_must(sqlite3_step(statement) == SQLITE_DONE, reader);
    sqlite3_reset(statement);
}

static void
raw_begin(struct reader *reader)
{
    raw_do(reader, reader->begin);
}

static int64_t
raw_newest(struct reader *reader)
{
    raw_must(sqlite3_step(reader->newest) == SQLITE_ROW, reader);
    int64_t newest = sqlite3_column_int64(reader->newest, 0);
    sqlite3_reset(reader->newest);
    return newest;
}

static void
raw_end(struct reader *reader)
{
    raw_do(reader, reader->commit);
}

static void
raw_close(struct reader *reader)
{
    sqlite3_finalize(reader->begin);
    sqlite3_finalize(reader->newest);
    sqlite3_finalize(reader->commit);
    raw_must(!sqlite3_close(reader->raw), reader);
}

const struct reader_way reader_ours = {"ours",      ours_open, ours_begin,
                                       ours_newest, ours_look, ours_end,
                                       ours_close};
/* A query outside of BEGIN and COMMIT is one by itself. */
const struct reader_way reader_raw = {"raw",      raw_open,   raw_begin,
                                      raw_newest, raw_newest, raw_end,
                                      raw_close};
