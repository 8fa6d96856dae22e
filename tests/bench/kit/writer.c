/* Writer: one connection that adds rows, by walpool or by raw SQLite.
 *
 * Raw is as good as it gets by hand: a connection for each thread, in WAL with
 * the pragmas of a walpool connection and busy_timeout=5000, the INSERT
 * prepared once and committed by itself, which costs less than BEGIN IMMEDIATE
 * and COMMIT around it. It keeps SQLite's automatic checkpoint. */
#include "writer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sample.h"

#define TABLE                                                              \
    "PRAGMA journal_mode=WAL; DROP TABLE IF EXISTS t;"                     \
    "CREATE TABLE t(id INTEGER PRIMARY KEY, worker INTEGER, number " \
    "INTEGER, text TEXT);"                                                          \
    "CREATE INDEX t_number ON t(number);"
#define INSERT "INSERT INTO t(worker, number, text) VALUES(?, ?, ?)"
#define TEXT "the quick brown fox jumps over the lazy dog"

/* ----------------------------------------------------------------- ours */

static void
ours_must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(status), err->message);
}

static void
ours_open(struct writer *writer, const struct store *store)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool_error err;
    options.durability = store->full;
    options.coalesce_ms = store->coalesce_ms;
    if (store->options)
        ours_must(walpool_options_parse(&options, store->options, NULL, 0, &err),
                  &err);
    writer->db = walpool_open(store->path, &options, &err);
    if (!writer->db)
        die(walpool_status_name(err.status), err.message);
    for (int i = 0; i < BATCH; i++)
        walpool_rows_init(&writer->params[i]);
}

static void
ours_close(struct writer *writer)
{
    walpool_error err;
    for (int i = 0; i < BATCH; i++)
        walpool_rows_finish(&writer->params[i]);
    ours_must(walpool_close(writer->db, -1, &err), &err);
}

static walpool_statement
ours_statement(struct writer *writer, walpool_rows *params, int64_t number)
{
    walpool_error err;
    ours_must(walpool_rows_begin(params, 3, NULL, &err), &err);
    ours_must(walpool_rows_add_int64(params, writer->worker, &err), &err);
    ours_must(walpool_rows_add_int64(params, number, &err), &err);
    ours_must(walpool_rows_add_text(params, TEXT, sizeof TEXT - 1, &err), &err);
    const walpool_rows_header *block = (const void *)params->data;
    return (walpool_statement){.sql = INSERT, .sql_bytes = sizeof INSERT - 1,
                               .params = params->data,
                               .params_bytes = block->arena_end};
}

/* An error of the benchmark itself must not look like a lost contest. */
static bool
ours_add(struct writer *writer, int64_t number)
{
    walpool_statement statement =
        ours_statement(writer, &writer->params[0], number);
    walpool_error err;
    walpool_status status =
        walpool_write(writer->db, &statement, NULL, NULL, &err);
    if (status != WALPOOL_OK && !writer->has_told) {
        fprintf(stderr, "ours: %s: %s\n", walpool_status_name(status),
                err.message);
        writer->has_told = true;
    }
    return status == WALPOOL_OK;
}

void
writer_add_batch(struct writer *writer, int64_t first)
{
    walpool_statement statements[BATCH];
    walpool_error err;
    for (int i = 0; i < BATCH; i++)
        statements[i] =
            ours_statement(writer, &writer->params[i], first + i);
    ours_must(walpool_batch(writer->db, statements, BATCH, NULL, NULL, NULL,
                            &err),
              &err);
}

/* ------------------------------------------------------------------ raw */

static void
raw_must(int rc, sqlite3 *db)
{
    if (rc != SQLITE_OK)
        die("raw connection", sqlite3_errmsg(db));
}

static void
raw_open(struct writer *writer, const struct store *store)
{
    static const char pragmas[] =
        "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL;"
        "PRAGMA foreign_keys=1; PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-8192; PRAGMA journal_size_limit=16777216;"
        "PRAGMA trusted_schema=0;";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    raw_must(sqlite3_open_v2(store->path, &writer->raw, flags, NULL),
             writer->raw);
    raw_must(sqlite3_exec(writer->raw, pragmas, NULL, NULL, NULL), writer->raw);
    raw_must(sqlite3_exec(writer->raw,
                          store->full ? "PRAGMA synchronous=FULL"
                                      : "PRAGMA synchronous=NORMAL",
                          NULL, NULL, NULL),
             writer->raw);
    raw_must(sqlite3_prepare_v3(writer->raw, INSERT, -1,
                                SQLITE_PREPARE_PERSISTENT, &writer->insert,
                                NULL),
             writer->raw);
}

static void
raw_close(struct writer *writer)
{
    sqlite3_finalize(writer->insert);
    raw_must(sqlite3_close(writer->raw), writer->raw);
}

static bool
raw_add(struct writer *writer, int64_t number)
{
    sqlite3_bind_int64(writer->insert, 1, writer->worker);
    sqlite3_bind_int64(writer->insert, 2, number);
    sqlite3_bind_text(writer->insert, 3, TEXT, sizeof TEXT - 1, SQLITE_STATIC);
    int rc = sqlite3_step(writer->insert);
    sqlite3_reset(writer->insert);
    if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_BUSY)
        die("raw insert", sqlite3_errmsg(writer->raw));
    return rc == SQLITE_DONE;
}

const struct way way_ours = {"ours", ours_open, ours_add, ours_close};
const struct way way_raw = {"raw", raw_open, raw_add, raw_close};

const char *
writer_sqlite(const struct way *way)
{
    walpool_version_info version;
    walpool_version(&version);
    return way == &way_ours ? version.sqlite : sqlite3_libversion();
}

/* ------------------------------------------------------------- the file */

void
writer_remove_file(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-turn"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[4200];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

void
writer_make_table(const char *path)
{
    sqlite3 *db = NULL;
    raw_must(sqlite3_open(path, &db), db);
    raw_must(sqlite3_exec(db, TABLE, NULL, NULL, NULL), db);
    raw_must(sqlite3_close(db), db);
}

void
writer_make_file(const char *path)
{
    writer_remove_file(path);
    writer_make_table(path);
}

int64_t
writer_count_rows(const char *path, bool foreign)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *query = NULL;
    raw_must(sqlite3_open(path, &db), db);
    raw_must(sqlite3_prepare_v2(db, foreign ? "SELECT count(*) FROM t WHERE worker < 0"
                                        : "SELECT count(*) FROM t WHERE worker >= 0",
                                -1, &query, NULL),
             db);
    if (sqlite3_step(query) != SQLITE_ROW)
        die("counting rows", sqlite3_errmsg(db));
    int64_t count = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    raw_must(sqlite3_close(db), db);
    return count;
}
