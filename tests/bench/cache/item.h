/* Item: a table of about so many bytes, and the two questions asked of it. */
#ifndef BENCH_ITEM_H
#define BENCH_ITEM_H

#include <stdint.h>

#include "walpool.h"

struct item_file {
    const char *path;
    int64_t rows;
};

/* A database of so many MiB in `folder`: made once and kept. The path lasts
 * until the next call. */
struct item_file item_file(const char *folder, int mebibytes);

/* One way to ask; `ask` dies where the answer is that of other rows. */
struct item_query {
    const char *name, *sql;
    int64_t rows; /* that it reads */
};

extern const struct item_query item_point, item_scan;

struct item_reader {
    walpool *db;
    walpool_rows params, rows;
    int64_t items; /* in the file */
    uint32_t random;
};

void item_reader_open(struct item_reader *reader, const char *options,
                      const struct item_file *file);
void item_reader_close(struct item_reader *reader);

/* From a random row on. */
void item_ask(struct item_reader *reader, const struct item_query *query);

/* All rows, by this lease or, if NULL, by a call of the database. */
void item_ask_all(struct item_reader *reader, walpool_lease *lease);

#endif
