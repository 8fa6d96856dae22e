/* Lookup: one row by its primary key, by walpool or by raw SQLite. */
#ifndef BENCH_LOOKUP_H
#define BENCH_LOOKUP_H

#include <stdint.h>

#include <sqlite3.h>

#include "walpool.h"

enum { LOOKUP_ROWS = 100000, LOOKUP_FACTOR = 7 }; /* as in kit/data.py */

#define LOOKUP_SQL "SELECT value FROM point WHERE id = ?"

struct lookup {
    const struct lookup_way *way;
    walpool *db; /* ours; the same file is shared in a process */
    walpool_rows rows, params;
    sqlite3 *raw;
    sqlite3_stmt *query;
    uint32_t random;
};

struct lookup_way {
    const char *name;
    void (*open)(struct lookup *lookup, const char *path,
                 const walpool_options *options);
    int64_t (*value)(struct lookup *lookup, int64_t id);
    void (*close)(struct lookup *lookup);
};

extern const struct lookup_way lookup_ours, lookup_raw;

const char *lookup_sqlite(const struct lookup_way *way);

/* The value of a random row; dies where it is another one's. */
void lookup_any(struct lookup *lookup);

/* A random id; `random` is the state. */
int64_t lookup_random_id(uint32_t *random);

/* A statement that asks for one id; `params` keeps its parameter. */
walpool_statement lookup_statement(walpool_rows *params, int64_t id);

#endif
