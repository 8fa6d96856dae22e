/* Values of scenarios: read from JSON, put into parameters, taken out of
 * results, compared. */
#ifndef VALUE_H
#define VALUE_H

#include "json.h"
#include "walpool.h"

struct value {
    uint32_t type; /* walpool_type */
    int64_t integer;
    double real;
    unsigned char *bytes; /* owned */
    size_t length;
};

/* A result, gathered over all blocks of its cursor. */
struct table {
    char **columns;
    struct value *cells; /* row after row */
    size_t column_count, row_count;
    int64_t changes, last_rowid;
};

/* Read one tagged value; 0 when the JSON is none. */
int value_read(const struct json *node, struct value *value);
void value_finish(struct value *value);
int value_equal(const struct value *a, const struct value *b);

/* Write it for people, cut after some bytes; returns `text`. */
char *value_show(const struct value *value, char *text, size_t bytes);

/* Fill a parameter block from one list or object, or from a list of them. */
walpool_status params_build(walpool_rows *rows, const struct json *params,
                            walpool_error *err);
walpool_status params_build_rows(walpool_rows *rows, const struct json *list,
                                 walpool_error *err);

/* Add rows from..to of a block; LARGE cells come from its cursor. */
walpool_status table_add(struct table *table, const walpool_rows *rows,
                         size_t from, size_t to, walpool_error *err);

/* Add what one block of bytes in memory says (the blocks of a batch). */
walpool_status table_add_bytes(struct table *table, unsigned char *data,
                               size_t bytes, walpool_error *err);
void table_finish(struct table *table);

#endif
