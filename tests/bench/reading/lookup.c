/* Lookup: one row by its primary key, by walpool or by raw SQLite.
 *
 * Raw is as good as it gets by hand: a connection for each thread, with the
 * pragmas of a walpool connection, and the query prepared once. It stands in no
 * transaction, so each query begins and ends its own, and sees the newest. */
#include "lookup.h"

#include <stdbool.h>

#include "sample.h"

int64_t
lookup_random_id(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return (*random >> 8) % LOOKUP_ROWS;
}

void
lookup_any(struct lookup *lookup)
{
    int64_t id = lookup_random_id(&lookup->random);
    if (lookup->way->value(lookup, id) != id * LOOKUP_FACTOR)
        die(lookup->way->name, "it gave the value of another row");
}

const char *
lookup_sqlite(const struct lookup_way *way)
{
    walpool_version_info version;
    walpool_version(&version);
    return way == &lookup_ours ? version.sqlite : sqlite3_libversion();
}

/* ----------------------------------------------------------------- ours */

static void
ours_must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(status), err->message);
}

static void
ours_open(struct lookup *lookup, const char *path,
          const walpool_options *options)
{
    walpool_error err;
    lookup->db = walpool_open(path, options, &err);
    if (!lookup->db)
        die(walpool_status_name(err.status), err.message);
    walpool_rows_init(&lookup->rows);
    walpool_rows_init(&lookup->params);
}

walpool_statement
lookup_statement(walpool_rows *params, int64_t id)
{
    walpool_error err;
    ours_must(walpool_rows_begin(params, 1, NULL, &err), &err);
    ours_must(walpool_rows_add_int64(params, id, &err), &err);
    const walpool_rows_header *block = (const void *)params->data;
    return (walpool_statement){.sql = LOOKUP_SQL,
                               .sql_bytes = sizeof LOOKUP_SQL - 1,
                               .params = params->data,
                               .params_bytes = block->arena_end};
}

static int64_t
ours_value(struct lookup *lookup, int64_t id)
{
    walpool_error err;
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_FIRST;
    walpool_statement query = lookup_statement(&lookup->params, id);
    ours_must(walpool_read(lookup->db, &query, &call, &lookup->rows, &err),
              &err);
    return walpool_rows_int64(&lookup->rows, 0, 0);
}

static void
ours_close(struct lookup *lookup)
{
    walpool_error err;
    walpool_rows_finish(&lookup->rows);
    walpool_rows_finish(&lookup->params);
    ours_must(walpool_close(lookup->db, -1, &err), &err);
}

/* ------------------------------------------------------------------ raw */

static void
raw_must(bool good, struct lookup *lookup)
{
    if (!good)
        die("raw connection", sqlite3_errmsg(lookup->raw));
}

static void
raw_open(struct lookup *lookup, const char *path,
         const walpool_options *options)
{
    static const char pragmas[] =
        "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=1;"
        "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
        "PRAGMA trusted_schema=0;";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    (void)options;
    raw_must(!sqlite3_open_v2(path, &lookup->raw, flags, NULL), lookup);
    raw_must(!sqlite3_exec(lookup->raw, pragmas, NULL, NULL, NULL), lookup);
    raw_must(!sqlite3_prepare_v3(lookup->raw, LOOKUP_SQL, -1,
                                 SQLITE_PREPARE_PERSISTENT, &lookup->query,
                                 NULL),
             lookup);
}

static int64_t
raw_value(struct lookup *lookup, int64_t id)
{
    sqlite3_bind_int64(lookup->query, 1, id);
    raw_must(sqlite3_step(lookup->query) == SQLITE_ROW, lookup);
    int64_t value = sqlite3_column_int64(lookup->query, 0);
    sqlite3_reset(lookup->query);
    return value;
}

static void
raw_close(struct lookup *lookup)
{
    sqlite3_finalize(lookup->query);
    raw_must(!sqlite3_close(lookup->raw), lookup);
}

const struct lookup_way lookup_ours = {"ours", ours_open, ours_value,
                                       ours_close};
const struct lookup_way lookup_raw = {"raw", raw_open, raw_value, raw_close};
