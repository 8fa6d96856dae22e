/* Writer: one connection that adds rows, by walpool or by raw SQLite. */
#ifndef BENCH_WRITER_H
#define BENCH_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "walpool.h"

enum { BATCH = 100 };

struct store {
    const char *path;
    bool full;       /* raw: synchronous=FULL; walpool: durability=full */
    int coalesce_ms; /* walpool only */
    const char *options; /* walpool only: more of them as a DSN, or NULL */
};

struct writer {
    const struct way *way;
    int worker;          /* goes into every row */
    walpool *db;         /* ours; the same file is shared in a process */
    walpool_rows params[BATCH]; /* of single writes: the first */
    sqlite3 *raw;
    sqlite3_stmt *insert;
    bool has_told; /* why it was refused */
};

/* One way to write. Opening dies on an error. */
struct way {
    const char *name;
    void (*open)(struct writer *writer, const struct store *store);
    /* Add one row in a transaction of its own. False: refused, not added. */
    bool (*add)(struct writer *writer, int64_t number);
    void (*close)(struct writer *writer);
};

extern const struct way way_ours, way_raw;

const char *writer_sqlite(const struct way *way);

/* The file with its empty table, in WAL mode. */
void writer_make_file(const char *path);
void writer_remove_file(const char *path);

/* The empty table alone, in a file that has others. */
void writer_make_table(const char *path);

/* Rows of the workers, or those of a foreign program: worker -1. */
int64_t writer_count_rows(const char *path, bool foreign);

/* Ours: add BATCH rows by one walpool_batch. */
void writer_add_batch(struct writer *writer, int64_t first);

#endif
