/* The typed values of the scenarios, and their way into and out of rows. */
#include "value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------- from JSON */

static int
digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : 0;
}

static void
read_hex(const char *hex, size_t repeat, struct value *value)
{
    size_t unit = strlen(hex) / 2;
    value->length = unit * repeat;
    value->bytes = calloc(1, value->length + 1);
    for (size_t i = 0; value->bytes != NULL && i < value->length; i++)
        value->bytes[i] = (unsigned char)(digit(hex[i % unit * 2]) * 16 +
                                          digit(hex[i % unit * 2 + 1]));
}

static int
read_tagged(const struct json *node, struct value *value)
{
    size_t repeat = (size_t)json_int(node, "repeat", 1);
    const char *text;
    if ((text = json_text(node, "int", NULL)) != NULL) {
        value->type = WALPOOL_INTEGER;
        value->integer = strtoll(text, NULL, 10);
    } else if ((text = json_text(node, "real", NULL)) != NULL) {
        value->type = WALPOOL_REAL;
        value->real = strtod(text, NULL);
    } else if ((text = json_text(node, "text_hex", NULL)) != NULL) {
        value->type = WALPOOL_TEXT;
        read_hex(text, repeat, value);
    } else if ((text = json_text(node, "blob", NULL)) != NULL) {
        value->type = WALPOOL_BLOB;
        read_hex(text, repeat, value);
    } else
        return 0;
    return 1;
}

int
value_read(const struct json *node, struct value *value)
{
    *value = (struct value){.type = WALPOOL_NULL};
    if (json_is(node, "null"))
        return 1;
    if (json_is(node, "integer")) {
        value->type = WALPOOL_INTEGER;
        value->integer = strtoll(node->text, NULL, 10);
        return 1;
    }
    if (json_is(node, "text")) {
        value->type = WALPOOL_TEXT;
        value->length = strlen(node->text);
        value->bytes = calloc(1, value->length + 1);
        memcpy(value->bytes, node->text, value->length);
        return 1;
    }
    return json_is(node, "object") && read_tagged(node, value);
}

void
value_finish(struct value *value)
{
    free(value->bytes);
    value->bytes = NULL;
}

int
value_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return 0;
    if (a->type == WALPOOL_INTEGER)
        return a->integer == b->integer;
    if (a->type == WALPOOL_REAL)
        return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    return a->length == b->length &&
           (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

char *
value_show(const struct value *value, char *text, size_t bytes)
{
    static const char hex[] = "0123456789abcdef";
    if (value->type == WALPOOL_NULL)
        snprintf(text, bytes, "null");
    else if (value->type == WALPOOL_INTEGER)
        snprintf(text, bytes, "%lld", (long long)value->integer);
    else if (value->type == WALPOOL_REAL)
        snprintf(text, bytes, "real %.17g", value->real);
    else {
        int used = snprintf(text, bytes, "%s of %zu bytes: ",
                            value->type == WALPOOL_TEXT ? "text" : "blob",
                            value->length);
        for (size_t i = 0; i < value->length && (size_t)used + 3 < bytes; i++) {
            text[used++] = hex[value->bytes[i] >> 4];
            text[used++] = hex[value->bytes[i] & 15];
            text[used] = 0;
        }
    }
    return text;
}

/* ------------------------------------------------------------ parameters */

static walpool_status
add_value(walpool_rows *rows, const struct json *node, walpool_error *err)
{
    struct value value;
    walpool_status status;
    if (!value_read(node, &value))
        return WALPOOL_INTERNAL;
    if (value.type == WALPOOL_INTEGER)
        status = walpool_rows_add_int64(rows, value.integer, err);
    else if (value.type == WALPOOL_REAL)
        status = walpool_rows_add_double(rows, value.real, err);
    else if (value.type == WALPOOL_TEXT)
        status = walpool_rows_add_text(rows, (const char *)value.bytes,
                                       value.length, err);
    else if (value.type == WALPOOL_BLOB)
        status = walpool_rows_add_blob(rows, value.bytes, value.length, err);
    else
        status = walpool_rows_add_null(rows, err);
    value_finish(&value);
    return status;
}

static walpool_status
add_row(walpool_rows *rows, const struct json *params, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;
    JSON_EACH(param, params)
        if (status == WALPOOL_OK)
            status = add_value(rows, param, err);
    return status;
}

static walpool_status
begin(walpool_rows *rows, const struct json *params, walpool_error *err)
{
    const char *names[64];
    size_t count = 0;
    if (!json_is(params, "object"))
        return walpool_rows_begin(rows, (uint32_t)params->count, NULL, err);
    JSON_EACH(param, params)
        if (count < 64)
            names[count++] = param->key;
    return walpool_rows_begin(rows, (uint32_t)count, names, err);
}

walpool_status
params_build(walpool_rows *rows, const struct json *params, walpool_error *err)
{
    walpool_status status = begin(rows, params, err);
    return status != WALPOOL_OK ? status : add_row(rows, params, err);
}

walpool_status
params_build_rows(walpool_rows *rows, const struct json *list,
                  walpool_error *err)
{
    walpool_status status = list->first != NULL
                                ? begin(rows, list->first, err)
                                : walpool_rows_begin(rows, 0, NULL, err);
    JSON_EACH(params, list)
        if (status == WALPOOL_OK)
            status = add_row(rows, params, err);
    return status;
}

/* --------------------------------------------------------------- results */

static const walpool_rows_header *
header_of(const walpool_rows *rows)
{
    return (const walpool_rows_header *)(const void *)rows->data;
}

static void
take_columns(struct table *table, const walpool_rows *rows)
{
    const walpool_rows_header *header = header_of(rows);
    const walpool_cell *name =
        (const walpool_cell *)(const void *)(rows->data +
                                             WALPOOL_ROWS_HEADER_BYTES);
    if (table->columns != NULL || !(header->flags & WALPOOL_ROWS_NAMES))
        return;
    table->columns = calloc(header->column_count + 1, sizeof(char *));
    for (size_t i = 0; i < header->column_count; i++) {
        table->columns[i] = calloc(1, (size_t)name[i].length + 1);
        memcpy(table->columns[i], rows->data + name[i].v.offset,
               name[i].length);
    }
}

static walpool_status
take_bytes(struct value *value, const walpool_rows *rows, size_t row,
           size_t column, walpool_error *err)
{
    const walpool_cell *cell = walpool_rows_cell(rows, row, column);
    value->type = cell->type & ~WALPOOL_LARGE;
    value->length = cell->length;
    value->bytes = calloc(1, value->length + 1);
    if (cell->type & WALPOOL_LARGE)
        return walpool_cursor_value(
            (walpool_cursor *)(uintptr_t)header_of(rows)->cursor, column, 0,
            value->bytes, value->length, err);
    memcpy(value->bytes, walpool_rows_bytes(rows, row, column, NULL),
           value->length);
    return WALPOOL_OK;
}

static walpool_status
take_cell(struct value *value, const walpool_rows *rows, size_t row,
          size_t column, walpool_error *err)
{
    const walpool_cell *cell = walpool_rows_cell(rows, row, column);
    *value = (struct value){.type = cell->type};
    if (cell->type == WALPOOL_INTEGER)
        value->integer = walpool_rows_int64(rows, row, column);
    else if (cell->type == WALPOOL_REAL)
        value->real = walpool_rows_double(rows, row, column);
    else if (cell->type != WALPOOL_NULL)
        return take_bytes(value, rows, row, column, err);
    return WALPOOL_OK;
}

walpool_status
table_add(struct table *table, const walpool_rows *rows, size_t from, size_t to,
          walpool_error *err)
{
    const walpool_rows_header *header = header_of(rows);
    size_t width = header->column_count;
    size_t had = table->row_count * width;
    take_columns(table, rows);
    table->column_count = width;
    table->changes = header->changes;
    table->last_rowid = header->last_rowid;
    table->cells = realloc(table->cells, (had + (to - from) * width + 1) *
                                             sizeof(struct value));
    memset(&table->cells[had], 0,
           ((to - from) * width + 1) * sizeof(struct value));
    table->row_count += to - from;
    for (size_t i = 0; i < (to - from) * width; i++) {
        walpool_status status = take_cell(&table->cells[had + i], rows,
                                          from + i / width, i % width, err);
        if (status != WALPOOL_OK)
            return status;
    }
    return WALPOOL_OK;
}

walpool_status
table_add_bytes(struct table *table, unsigned char *data, size_t bytes,
                walpool_error *err)
{
    walpool_rows rows;
    walpool_rows_wrap(&rows, data, bytes);
    return table_add(table, &rows, 0, walpool_rows_count(&rows), err);
}

void
table_finish(struct table *table)
{
    for (size_t i = 0; i < table->row_count * table->column_count; i++)
        value_finish(&table->cells[i]);
    for (size_t i = 0; table->columns != NULL && i < table->column_count; i++)
        free(table->columns[i]);
    free(table->columns);
    free(table->cells);
    *table = (struct table){0};
}
