/* Parameters: a rows block from a caller, checked before it is bound.
 *
 * Does: prove once, for every call, that binding cannot read outside the
 * block. Nothing in it is believed, flags least of all.
 * Must not: know SQLite, copy values, or put one into a message.
 * Lock: none. */
#include "params.h"

#include <stdio.h>

#include "error.h"
#include "utf8.h"

enum { MAX_PARAMS = 32766, NAME_BYTES = 64 };

static_assert(sizeof(walpool_rows_header) == WALPOOL_ROWS_HEADER_BYTES,
              "the header is what walpool.h says");
static_assert(sizeof(walpool_cell) == WALPOOL_CELL_BYTES,
              "a cell is what walpool.h says");

static walpool_status
malformed(walpool_error *err, const char *why)
{
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "parameters: malformed rows block: %s", why);
}

/* --------------------------------------------------------------- cells */

static bool
inside(const walpool_rows_header *header, const walpool_cell *cell)
{
    return cell->v.offset >= header->arena_start &&
           cell->v.offset <= header->arena_end &&
           cell->length <= header->arena_end - cell->v.offset;
}

static bool
valid_text(const struct walpool__params *params, const walpool_cell *cell)
{
    const unsigned char *text = params->block + cell->v.offset;
    return walpool__utf8_is_ascii(text, cell->length) ||
           walpool__utf8_valid(text, cell->length, NULL);
}

static bool
good(const struct walpool__params *params, const walpool_cell *cell)
{
    switch (cell->type) {
    case WALPOOL_NULL:
    case WALPOOL_INTEGER:
        return true;
    case WALPOOL_REAL:
        return cell->v.real == cell->v.real;
    case WALPOOL_TEXT:
        return inside(params->header, cell) && valid_text(params, cell);
    case WALPOOL_BLOB:
        return inside(params->header, cell);
    default:
        return false;
    }
}

/* Name a parameter as its user knows it: `parameter 2 (":id") of row 7`. */
static void
describe(const struct walpool__params *params, size_t index, char *dst,
         size_t dst_bytes)
{
    char name[NAME_BYTES] = "", row[32] = "", quoted[NAME_BYTES + 8] = "";
    size_t column = index % params->columns;
    if (params->names != NULL) {
        const walpool_cell *cell = &params->names[column];
        walpool__utf8_label(name, sizeof name,
                            (const char *)params->block + cell->v.offset,
                            cell->length);
        snprintf(quoted, sizeof quoted, " (\"%s\")", name);
    }
    if (params->rows > 1)
        snprintf(row, sizeof row, " of row %zu", index / params->columns + 1);
    snprintf(dst, dst_bytes, "parameter %zu%s%s", column + 1, quoted, row);
}

/* Say what is bad about a cell that is not good. */
static walpool_status
refuse_cell(const struct walpool__params *params, const walpool_cell *cell,
            const char *what, walpool_error *err)
{
    size_t bad = 0;
    if (cell->type == WALPOOL_REAL)
        return walpool__error_set(err, WALPOOL_PARAM,
                                  "%s is NaN, which "
                                  "SQLite would store as NULL",
                                  what);
    if (cell->type != WALPOOL_TEXT && cell->type != WALPOOL_BLOB)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "%s has the unknown type %u", what,
                                  (unsigned)cell->type);
    if (!inside(params->header, cell))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "%s lies outside the "
                                  "arena of its rows block",
                                  what);
    walpool__utf8_valid(params->block + cell->v.offset, cell->length, &bad);
    return walpool__error_set(err, WALPOOL_ENCODING,
                              "%s is not valid UTF-8 "
                              "at byte %zu; pass it as a blob",
                              what, bad);
}

static walpool_status
check_cells(const struct walpool__params *params, walpool_error *err)
{
    char what[160];
    size_t count = (size_t)params->rows * params->columns;
    for (size_t i = 0; i < count; i++) {
        const walpool_cell *cell = &params->cells[i];
        if (LIKELY(good(params, cell)))
            continue;
        describe(params, i, what, sizeof what);
        return refuse_cell(params, cell, what, err);
    }
    return WALPOOL_OK;
}

static walpool_status
check_names(const struct walpool__params *params, walpool_error *err)
{
    char what[48];
    for (uint32_t i = 0; params->names != NULL && i < params->columns; i++) {
        const walpool_cell *cell = &params->names[i];
        if (LIKELY(cell->type == WALPOOL_TEXT && good(params, cell)))
            continue;
        if (cell->type != WALPOOL_TEXT)
            return malformed(err, "a name is not TEXT");
        snprintf(what, sizeof what, "the name of parameter %u", i + 1);
        return refuse_cell(params, cell, what, err);
    }
    return WALPOOL_OK;
}

/* -------------------------------------------------------------- layout */

/* The sum cannot overflow: 2^32 rows of 2^15 columns of 16 bytes are 2^51. */
static walpool_status
check_layout(const walpool_rows_header *header, size_t bytes,
             walpool_error *err)
{
    uint64_t names = (header->flags & WALPOOL_ROWS_NAMES) != 0;
    if (header->magic != WALPOOL_ROWS_MAGIC)
        return malformed(err, "its magic is wrong, or it is of another "
                              "version");
    if (header->flags & WALPOOL_ROWS_PARTIAL)
        return walpool__error_set(err, WALPOOL_PARAM,
                                  "the last row of parameters is not "
                                  "complete: a row has %u values",
                                  (unsigned)header->column_count);
    if (header->column_count > MAX_PARAMS)
        return walpool__error_set(err, WALPOOL_PARAM,
                                  "%u parameters in a "
                                  "row; SQLite takes at most %d",
                                  (unsigned)header->column_count, MAX_PARAMS);
    uint64_t cells = (header->row_count + names) * header->column_count;
    uint64_t cells_end = sizeof *header + cells * sizeof(walpool_cell);
    if (cells_end > bytes)
        return malformed(err, "its cells reach beyond its end");
    if (header->arena_start < cells_end ||
        header->arena_end < header->arena_start || header->arena_end > bytes)
        return malformed(err, "its arena does not lie between its cells and "
                              "its end");
    return WALPOOL_OK;
}

static void
take_views(const walpool_rows_header *header, struct walpool__params *out)
{
    const walpool_cell *cells = (const walpool_cell *)(header + 1);
    bool named = (header->flags & WALPOOL_ROWS_NAMES) != 0;
    out->header = header;
    out->block = (const unsigned char *)header;
    out->columns = header->column_count;
    out->rows = header->row_count;
    out->names = named ? cells : NULL;
    out->cells = named ? cells + out->columns : cells;
}

walpool_status
walpool__params_check(const void *block, size_t bytes,
                      struct walpool__params *out, walpool_error *err)
{
    PRE(out != NULL);
    *out = (struct walpool__params){0};
    if (block == NULL && bytes == 0)
        return WALPOOL_OK;
    if (block == NULL)
        return malformed(err, "it is NULL and has bytes");
    if ((uintptr_t)block % 8 != 0)
        return malformed(err, "it is not 8-byte aligned");
    if (bytes < WALPOOL_ROWS_HEADER_BYTES)
        return malformed(err, "it is shorter than its header");
    walpool_status status = check_layout(block, bytes, err);
    if (status != WALPOOL_OK)
        return status;
    take_views(block, out);
    status = check_names(out, err);
    return status == WALPOOL_OK ? check_cells(out, err) : status;
}
