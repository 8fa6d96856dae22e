/* Item: a table of about so many bytes, and the two questions asked of it.
 *
 * A row fills a twentieth of a page, and value is a multiple of id, so that
 * every answer can be told from that of other rows. A file that is complete says
 * so in its user_version. */
#include "item.h"

#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

#include "sample.h"

enum { COMPLETE = 1, FACTOR = 7, ROWS_PER_MIB = 4600, SCAN_ROWS = 100 };

#define ALL "SELECT count(*), sum(value) FROM item"

const struct item_query item_point = {
    "points", "SELECT value FROM item WHERE id = ?", 1};
const struct item_query item_scan = {
    "scans", "SELECT sum(value) FROM item WHERE id BETWEEN ?1 AND ?1 + 99",
    SCAN_ROWS};

/* ------------------------------------------------------------- the file */

static void
raw_must(bool good, sqlite3 *db)
{
    if (!good)
        die("the file of items", sqlite3_errmsg(db));
}

static bool
is_complete(sqlite3 *db)
{
    sqlite3_stmt *query = NULL;
    raw_must(!sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, NULL),
             db);
    bool complete = sqlite3_step(query) == SQLITE_ROW &&
                    sqlite3_column_int(query, 0) == COMPLETE;
    sqlite3_finalize(query);
    return complete;
}

static void
fill(sqlite3 *db, int64_t rows)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
             "DROP TABLE IF EXISTS item;"
             "CREATE TABLE item(id INTEGER PRIMARY KEY, value INTEGER, "
             "text TEXT);"
             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n "
             "WHERE i < %lld) "
             "INSERT INTO item SELECT i, i * %d, printf('%%0200d', i) FROM n;"
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
             "PRAGMA user_version=%d;",
             (long long)rows - 1, FACTOR, COMPLETE);
    raw_must(!sqlite3_exec(db, sql, NULL, NULL, NULL), db);
}

struct item_file
item_file(const char *folder, int mebibytes)
{
    static char path[4200];
    sqlite3 *db = NULL;
    struct item_file file = {path, (int64_t)mebibytes * ROWS_PER_MIB};
    snprintf(path, sizeof path, "%s/items-%d-mib.db", folder, mebibytes);
    raw_must(!sqlite3_open(path, &db), db);
    if (!is_complete(db))
        fill(db, file.rows);
    raw_must(!sqlite3_close(db), db);
    return file;
}

/* --------------------------------------------------------------- asking */

static void
must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(status), err->message);
}

void
item_reader_open(struct item_reader *reader, const char *options,
                 const struct item_file *file)
{
    walpool_options parsed = WALPOOL_OPTIONS_INIT;
    walpool_error err;
    must(walpool_options_parse(&parsed, options, NULL, 0, &err), &err);
    reader->db = walpool_open(file->path, &parsed, &err);
    if (!reader->db)
        die(walpool_status_name(err.status), err.message);
    reader->items = file->rows;
    walpool_rows_init(&reader->params);
    walpool_rows_init(&reader->rows);
}

void
item_reader_close(struct item_reader *reader)
{
    walpool_error err;
    walpool_rows_finish(&reader->params);
    walpool_rows_finish(&reader->rows);
    must(walpool_close(reader->db, -1, &err), &err);
}

/* Of `count` values from `first` on. */
static int64_t
sum(int64_t first, int64_t count)
{
    return FACTOR * (count * first + count * (count - 1) / 2);
}

static int64_t
random_item(struct item_reader *reader, int64_t rows)
{
    reader->random = reader->random * 1664525u + 1013904223u;
    return (int64_t)(reader->random >> 8) % (reader->items - rows + 1);
}

void
item_ask(struct item_reader *reader, const struct item_query *query)
{
    walpool_error err;
    walpool_call call = WALPOOL_CALL_INIT;
    int64_t first = random_item(reader, query->rows);
    call.flags = WALPOOL_CALL_FIRST;
    must(walpool_rows_begin(&reader->params, 1, NULL, &err), &err);
    must(walpool_rows_add_int64(&reader->params, first, &err), &err);
    const walpool_rows_header *block = (const void *)reader->params.data;
    walpool_statement statement = {.sql = query->sql,
                                   .sql_bytes = strlen(query->sql),
                                   .params = reader->params.data,
                                   .params_bytes = block->arena_end};
    must(walpool_read(reader->db, &statement, &call, &reader->rows, &err),
         &err);
    if (walpool_rows_int64(&reader->rows, 0, 0) != sum(first, query->rows))
        die(query->name, "they gave values of other rows");
}

void
item_ask_all(struct item_reader *reader, walpool_lease *lease)
{
    walpool_error err;
    walpool_statement all = WALPOOL_STATEMENT_INIT(ALL);
    must(lease ? walpool_run(lease, &all, NULL, &reader->rows, &err)
               : walpool_read(reader->db, &all, NULL, &reader->rows, &err),
         &err);
    if (walpool_rows_int64(&reader->rows, 0, 1) != sum(0, reader->items))
        die("all items", "some are missing");
}
