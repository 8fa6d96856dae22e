/* Group border in C: walpool against the same SQLite by hand, on connections
 * with the same pragmas. border OURS.db RAW.db MEASURE... */
#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

#include "sample.h"
#include "walpool.h"

#define POINT "SELECT id, a, b, c, d FROM t WHERE id = ?"
#define SCAN "SELECT id, a, b, c, d FROM t"

enum {
    ROWS = 100000,
    POINTS = 300,  /* queries in one sample */
    OPENS = 4,
    COLUMNS = 5,
    BUFFER_BYTES = 1 << 20
};

/* What is read goes here, so that no compiler leaves the reading out. */
static volatile int64_t sink;

static int64_t
random_id(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % ROWS;
}

/* -------------------------------------------------------------- walpool */

struct ours {
    const char *path;
    walpool *db;
    walpool_rows rows;
    walpool_rows params;
};

static void
must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(err->status), err->message);
}

static void
ours_open(struct ours *o)
{
    walpool_error err;
    o->db = walpool_open(o->path, NULL, &err);
    if (!o->db)
        die(walpool_status_name(err.status), err.message);
    walpool_rows_init(&o->rows);
    walpool_rows_init(&o->params);
}

static void
ours_close(struct ours *o)
{
    walpool_error err;
    walpool_rows_finish(&o->rows);
    walpool_rows_finish(&o->params);
    must(walpool_close(o->db, -1, &err), &err);
}

static int64_t
ours_point(struct ours *o, int64_t id)
{
    walpool_error err;
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_FIRST;
    must(walpool_rows_begin(&o->params, 1, NULL, &err), &err);
    must(walpool_rows_add_int64(&o->params, id, &err), &err);
    const walpool_rows_header *block = (const void *)o->params.data;
    walpool_statement query = {POINT, sizeof POINT - 1, o->params.data,
                               block->arena_end};
    must(walpool_read(o->db, &query, &call, &o->rows, &err), &err);
    size_t c, d;
    walpool_rows_bytes(&o->rows, 0, 3, &c);
    walpool_rows_bytes(&o->rows, 0, 4, &d);
    return walpool_rows_int64(&o->rows, 0, 0) +
           walpool_rows_int64(&o->rows, 0, 1) +
           (int64_t)walpool_rows_double(&o->rows, 0, 2) + (int64_t)(c + d);
}

static void
ours_points(void *data)
{
    uint32_t state = 1;
    for (int i = 0; i < POINTS; i++)
        sink += ours_point(data, random_id(&state));
}

static void
ours_scan(void *data)
{
    struct ours *o = data;
    walpool_error err;
    walpool_statement query = {SCAN, sizeof SCAN - 1, NULL, 0};
    must(walpool_read(o->db, &query, NULL, &o->rows, &err), &err);
    size_t count = walpool_rows_count(&o->rows);
    for (;;) {
        const walpool_rows_header *block = (const void *)o->rows.data;
        walpool_cursor *cursor = (walpool_cursor *)(uintptr_t)block->cursor;
        if (!cursor)
            break;
        must(walpool_cursor_next(cursor, NULL, &o->rows, &err), &err);
        count += walpool_rows_count(&o->rows);
    }
    if (count != ROWS)
        die("scan through walpool", "it did not give every row");
}

static void
ours_opens(void *data)
{
    struct ours *o = data;
    for (int i = 0; i < OPENS; i++) {
        ours_open(o);
        sink += ours_point(o, i + 1);
        ours_close(o);
    }
}

/* ------------------------------------------------------------------ raw */

struct raw {
    const char *path;
    sqlite3 *db;
    sqlite3_stmt *point;
    sqlite3_stmt *scan;
    unsigned char *buffer;
};

static void
raw_must(bool good, struct raw *r)
{
    if (!good)
        die("raw connection", sqlite3_errmsg(r->db));
}

static void
raw_open(struct raw *r)
{
    static const char pragmas[] =
        "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=1;"
        "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
        "PRAGMA journal_size_limit=16777216; PRAGMA wal_autocheckpoint=0;"
        "PRAGMA trusted_schema=0;";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    raw_must(!sqlite3_open_v2(r->path, &r->db, flags, NULL), r);
    raw_must(!sqlite3_exec(r->db, pragmas, NULL, NULL, NULL), r);
    raw_must(!sqlite3_prepare_v3(r->db, POINT, -1, SQLITE_PREPARE_PERSISTENT,
                                 &r->point, NULL), r);
}

static void
raw_close(struct raw *r)
{
    sqlite3_finalize(r->point);
    raw_must(!sqlite3_close(r->db), r);
}

static int64_t
raw_point(struct raw *r, int64_t id)
{
    sqlite3_bind_int64(r->point, 1, id);
    raw_must(sqlite3_step(r->point) == SQLITE_ROW, r);
    const void *c = sqlite3_column_text(r->point, 3);
    const void *d = sqlite3_column_text(r->point, 4);
    int64_t sum = sqlite3_column_int64(r->point, 0) +
                  sqlite3_column_int64(r->point, 1) +
                  (int64_t)sqlite3_column_double(r->point, 2) +
                  (c ? sqlite3_column_bytes(r->point, 3) : 0) +
                  (d ? sqlite3_column_bytes(r->point, 4) : 0);
    sqlite3_reset(r->point);
    return sum;
}

static void
raw_points(void *data)
{
    uint32_t state = 1;
    for (int i = 0; i < POINTS; i++)
        sink += raw_point(data, random_id(&state));
}

/* Type and value of a column into the buffer: what a block holds of it. */
static size_t
copy_column(sqlite3_stmt *stmt, int column, unsigned char *at)
{
    int type = sqlite3_column_type(stmt, column);
    const void *bytes = NULL;
    walpool_cell cell = {.type = (uint32_t)type};
    if (type == SQLITE_INTEGER)
        cell.v.integer = sqlite3_column_int64(stmt, column);
    else if (type == SQLITE_FLOAT)
        cell.v.real = sqlite3_column_double(stmt, column);
    else if (type == SQLITE_TEXT)
        bytes = sqlite3_column_text(stmt, column);
    else if (type == SQLITE_BLOB)
        bytes = sqlite3_column_blob(stmt, column);
    if (bytes) {
        cell.length = (uint32_t)sqlite3_column_bytes(stmt, column);
        memcpy(at + sizeof cell, bytes, cell.length);
    }
    memcpy(at, &cell, sizeof cell);
    return (sizeof cell + cell.length + 7) & ~(size_t)7;
}

static void
raw_scan(void *data)
{
    struct raw *r = data;
    size_t used = 0, count = 0;
    while (sqlite3_step(r->scan) == SQLITE_ROW) {
        if (used > BUFFER_BYTES - 4096)
            used = 0;
        for (int i = 0; i < COLUMNS; i++)
            used += copy_column(r->scan, i, r->buffer + used);
        count++;
    }
    raw_must(!sqlite3_reset(r->scan), r);
    if (count != ROWS)
        die("raw scan", "it did not give every row");
}

static void
raw_opens(void *data)
{
    struct raw *r = data;
    for (int i = 0; i < OPENS; i++) {
        raw_open(r);
        sink += raw_point(r, i + 1);
        raw_close(r);
    }
}

/* ------------------------------------------------------------- measures */

static void
run(const char *measure, struct ours *o, struct raw *r)
{
    walpool_version_info version;
    walpool_version(&version);
    struct side ours = {.name = "ours", .sqlite = version.sqlite, .data = o};
    struct side raw = {.name = "raw", .sqlite = sqlite3_libversion(), .data = r};
    if (strcmp(measure, "c.open") == 0) {
        ours.body = ours_opens;
        raw.body = raw_opens;
        compare(measure, &ours, &raw, 151, OPENS);
        return;
    }
    bool point = strcmp(measure, "c.point") == 0;
    ours.body = point ? ours_points : ours_scan;
    raw.body = point ? raw_points : raw_scan;
    ours_open(o);
    raw_open(r);
    raw_must(!sqlite3_prepare_v2(r->db, SCAN, -1, &r->scan, NULL), r);
    if (ours_point(o, 7) != raw_point(r, 7))
        die("row 7", "walpool and SQLite disagree");
    compare(measure, &ours, &raw, point ? 401 : 31, point ? POINTS : 1);
    sqlite3_finalize(r->scan);
    raw_close(r);
    ours_close(o);
}

int
main(int argc, char **argv)
{
    if (argc < 4)
        die("usage", "border OURS.db RAW.db MEASURE...");
    struct ours ours = {.path = argv[1]};
    struct raw raw = {.path = argv[2], .buffer = malloc(BUFFER_BYTES)};
    if (!raw.buffer)
        die("malloc", "out of memory");
    for (int i = 3; i < argc; i++)
        run(argv[i], &ours, &raw);
    free(raw.buffer);
    return 0;
}
