/* Bind: parameters of a block to the parameters of a statement.
 *
 * Does: match by position or by name, and bind one row at a time.
 * Must not: check values: params.c has done that; run the statement.
 * Lock: none. */
#include "bind.h"

#include <string.h>

#include "error.h"
#include "mem.h"

/* A copy from here on is not kept with a cached statement. */
#define MUCH_BYTES 4096

static bool
has_prefix(char c)
{
    return c == ':' || c == '@' || c == '$';
}

static bool
same_name(const struct walpool__params *params, uint32_t column,
          const char *wanted)
{
    const char *given =
        (const char *)params->block + params->names[column].v.offset;
    size_t bytes = params->names[column].length;

    if (bytes && has_prefix(given[0]))
        given++, bytes--;
    return strlen(wanted + 1) == bytes && memcmp(wanted + 1, given, bytes) == 0;
}

static walpool_status
map_one(struct walpool__binding *binding, int index, walpool_error *err)
{
    const char *name = sqlite3_bind_parameter_name(binding->stmt->native,
                                                   index);

    if (!name || !has_prefix(name[0]))
        return walpool__error_set(err, WALPOOL_PARAM,
                                  "parameter %d of the statement has no name, "
                                  "and the values are given by name", index);
    for (uint32_t column = 0; column < binding->params->columns; column++)
        if (same_name(binding->params, column, name)) {
            binding->map[index - 1] = column;
            return WALPOOL_OK;
        }
    return walpool__error_set(err, WALPOOL_PARAM,
                              "parameter %.100s of the statement has no value",
                              name);
}

static walpool_status
map_names(struct walpool__binding *binding, walpool_error *err)
{
    int count = binding->stmt->param_count;

    binding->map = binding->inline_map;
    if (count > WALPOOL__BIND_INLINE) {
        binding->map = walpool__mem_alloc((size_t)count * sizeof *binding->map);
        if (!binding->map)
            return walpool__error_nomem(err, "names of parameters");
    }
    for (int i = 1; i <= count; i++) {
        walpool_status status = map_one(binding, i, err);

        if (status != WALPOOL_OK)
            return status;
    }
    return WALPOOL_OK;
}

walpool_status
walpool__bind_begin(struct walpool__binding *binding,
                    struct walpool__stmt *stmt,
                    const struct walpool__params *params, bool copy,
                    walpool_error *err)
{
    uint32_t given = params->columns;

    binding->params = params;
    binding->stmt = stmt;
    binding->copy = copy;
    binding->map = NULL;
    binding->by_name = params->names != NULL;
    if (params->header && params->rows == 0)
        return WALPOOL_OK; /* nothing will be bound */
    if (binding->by_name)
        return map_names(binding, err);
    if ((uint32_t)stmt->param_count == given)
        return WALPOOL_OK;
    return walpool__error_set(
        err, WALPOOL_PARAM,
        "the statement takes %d parameter%s, %u %s given", stmt->param_count,
        stmt->param_count == 1 ? "" : "s", (unsigned)given,
        given == 1 ? "was" : "were");
}

static int
bind_cell(const struct walpool__binding *binding, int index,
          const walpool_cell *cell)
{
    sqlite3_stmt *native = binding->stmt->native;
    sqlite3_destructor_type keep = binding->copy ? SQLITE_TRANSIENT
                                                 : SQLITE_STATIC;
    const unsigned char *block = binding->params->block;

    binding->stmt->holds_much |= binding->copy && cell->length >= MUCH_BYTES;
    switch (cell->type) {
    case WALPOOL_INTEGER:
        return sqlite3_bind_int64(native, index, cell->v.integer);
    case WALPOOL_REAL:
        return sqlite3_bind_double(native, index, cell->v.real);
    case WALPOOL_TEXT:
        return sqlite3_bind_text64(native, index,
                                   (const char *)block + cell->v.offset,
                                   cell->length, keep, SQLITE_UTF8);
    case WALPOOL_BLOB:
        if (cell->length == 0)
            return sqlite3_bind_zeroblob(native, index, 0);
        return sqlite3_bind_blob64(native, index, block + cell->v.offset,
                                   cell->length, keep);
    default:
        return sqlite3_bind_null(native, index);
    }
}

int
walpool__bind_row(const struct walpool__binding *binding, uint32_t row)
{
    const walpool_cell *cells =
        binding->params->cells + (size_t)row * binding->params->columns;

    for (int i = 0; i < binding->stmt->param_count; i++) {
        uint32_t column = binding->map ? binding->map[i] : (uint32_t)i;
        int rc = bind_cell(binding, i + 1, &cells[column]);

        if (UNLIKELY(rc != SQLITE_OK))
            return rc;
    }
    return SQLITE_OK;
}

void
walpool__bind_end(struct walpool__binding *binding)
{
    if (!binding->copy && binding->stmt && binding->stmt->param_count)
        sqlite3_clear_bindings(binding->stmt->native);
    if (binding->map && binding->map != binding->inline_map)
        walpool__mem_free(binding->map);
    binding->map = NULL;
}
