/* Blocks of parameters: Python values written as cells.
 *
 * Does: know which Python type is which SQLite type, and grow.
 * Must not: run Python code while it writes. The sequences and dicts that it
 * reads from could change under it; so bytes are taken from exact buffers,
 * numbers without calling __int__, __index__ or __float__. */
#include "raw.h"

#define FIRST_CAPACITY 1024
#define LONGEST_VALUE 0xffffffffu

/* ----------------------------------------------------------------- room */

static walpool_cell *
first_cell(const struct walpool__py_block *block)
{
    return (walpool_cell *)(void *)(block->data + WALPOOL_ROWS_HEADER_BYTES);
}

/* Give the arena `delta` more bytes in front; its cells point after it. */
static void
move_arena(struct walpool__py_block *block, size_t old_capacity)
{
    size_t delta = block->capacity - old_capacity;
    walpool_cell *end =
        (walpool_cell *)(void *)(block->data + block->cells_end);

    memmove(block->data + block->arena_start + delta,
            block->data + block->arena_start,
            old_capacity - block->arena_start);
    block->arena_start += delta;
    for (walpool_cell *cell = first_cell(block); cell < end; cell++)
        if (cell->type == WALPOOL_TEXT || cell->type == WALPOOL_BLOB)
            cell->v.offset += delta;
}

static bool
grow(struct walpool__py_block *block, size_t bytes)
{
    size_t old = block->capacity, wanted = old ? old * 2 : FIRST_CAPACITY;
    unsigned char *data;

    if (wanted < old + bytes)
        wanted = (old + bytes + WALPOOL_CELL_BYTES) & ~(size_t)7;
    data = PyMem_RawRealloc(block->data, wanted);
    if (!data)
        return walpool__py_fail(
            WALPOOL_NOMEM, "out of memory for parameters of %zu bytes", wanted);
    block->data = data;
    block->capacity = wanted;
    if (old)
        move_arena(block, old);
    return true;
}

/* Room for one more cell and the bytes that belong to it, or NULL. */
static walpool_cell *
reserve(struct walpool__py_block *block, size_t bytes)
{
    walpool_cell *cell;

    if (block->arena_start - block->cells_end < bytes + WALPOOL_CELL_BYTES &&
        !grow(block, bytes + WALPOOL_CELL_BYTES))
        return NULL;
    cell = (walpool_cell *)(void *)(block->data + block->cells_end);
    block->cells_end += WALPOOL_CELL_BYTES;
    block->arena_start -= bytes;
    return cell;
}

bool
walpool__py_block_begin(struct walpool__py_block *block)
{
    if (!block->data && !grow(block, 0))
        return false;
    block->cells_end = WALPOOL_ROWS_HEADER_BYTES;
    block->arena_start = block->capacity;
    return true;
}

void
walpool__py_block_end(struct walpool__py_block *block, uint32_t columns,
                      uint32_t rows, bool named)
{
    walpool_rows_header *header = (walpool_rows_header *)(void *)block->data;

    memset(header, 0, sizeof *header);
    header->magic = WALPOOL_ROWS_MAGIC;
    header->flags = named ? WALPOOL_ROWS_NAMES : 0;
    header->column_count = columns;
    header->row_count = rows;
    header->arena_start = block->arena_start;
    header->arena_end = block->capacity;
}

void
walpool__py_block_free(struct walpool__py_block *block)
{
    PyMem_RawFree(block->data);
    memset(block, 0, sizeof *block);
}

/* --------------------------------------------------------------- values */

/* `parameter 2 of row 5 `, `parameter "born" `: a new reference. */
static PyObject *
describe(const struct walpool__py_place *place)
{
    PyObject *where =
        place->name
            ? PyUnicode_FromFormat("parameter \"%U\"", place->name)
            : PyUnicode_FromFormat("parameter %zd", place->position + 1);
    PyObject *whole = where;

    if (where && place->row >= 0) {
        whole = PyUnicode_FromFormat("%U of row %zd", where, place->row + 1);
        Py_DECREF(where);
    }
    return whole;
}

static bool
refuse(walpool_status status, const struct walpool__py_place *place,
       const char *text, const char *detail)
{
    PyObject *where;

    PyErr_Clear();
    where = describe(place);
    if (where)
        walpool__py_fail(status, text, where, detail);
    Py_XDECREF(where);
    return false;
}

static bool
add_bytes(struct walpool__py_block *block, uint32_t type, const void *from,
          Py_ssize_t bytes, const struct walpool__py_place *place)
{
    walpool_cell *cell;

    if ((size_t)bytes > LONGEST_VALUE)
        return refuse(WALPOOL_TOOBIG, place,
                      "%U has 4 GiB or more, which SQLite cannot store", "");
    cell = reserve(block, (size_t)bytes);
    if (!cell)
        return false;
    cell->type = type;
    cell->length = (uint32_t)bytes;
    cell->v.offset = block->arena_start;
    if (bytes)
        memcpy(block->data + block->arena_start, from, (size_t)bytes);
    return true;
}

static bool
add_text(struct walpool__py_block *block, PyObject *text,
         const struct walpool__py_place *place)
{
    Py_ssize_t bytes;
    const char *from = PyUnicode_AsUTF8AndSize(text, &bytes);

    if (from)
        return add_bytes(block, WALPOOL_TEXT, from, bytes, place);
    if (PyErr_ExceptionMatches(PyExc_MemoryError))
        return false;
    return refuse(WALPOOL_ENCODING, place,
                  "%U holds a lone surrogate, which UTF-8 cannot express; "
                  "encode it and store bytes",
                  "");
}

static bool
add_integer(struct walpool__py_block *block, PyObject *integer,
            const struct walpool__py_place *place)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(integer, &overflow);
    walpool_cell *cell;

    if (overflow)
        return refuse(WALPOOL_PARAM, place,
                      "%U is an int outside of 64 bits; store it as str or "
                      "float",
                      "");
    cell = reserve(block, 0);
    if (!cell)
        return false;
    cell->type = WALPOOL_INTEGER;
    cell->length = 0;
    cell->v.integer = value;
    return true;
}

static bool
add_plain(struct walpool__py_block *block, uint32_t type, double real)
{
    walpool_cell *cell = reserve(block, 0);

    if (!cell)
        return false;
    cell->type = type;
    cell->length = 0;
    cell->v.real = real;
    return true;
}

static bool
add_view(struct walpool__py_block *block, PyObject *memory,
         const struct walpool__py_place *place)
{
    Py_buffer view;
    bool added;

    if (PyObject_GetBuffer(memory, &view, PyBUF_SIMPLE) < 0)
        return refuse(WALPOOL_PARAM, place,
                      "%U is a memoryview that is not contiguous or was "
                      "released; pass bytes(view)",
                      "");
    added = add_bytes(block, WALPOOL_BLOB, view.buf, view.len, place);
    PyBuffer_Release(&view);
    return added;
}

static bool
add_rare(struct walpool__py_block *block, PyObject *value,
         const struct walpool__py_place *place)
{
    if (PyByteArray_Check(value))
        return add_bytes(block, WALPOOL_BLOB, PyByteArray_AS_STRING(value),
                         PyByteArray_GET_SIZE(value), place);
    if (PyMemoryView_Check(value))
        return add_view(block, value, place);
    return refuse(WALPOOL_PARAM, place,
                  "%U is of type %.200s; SQLite stores None, bool, int, float, "
                  "str and bytes: convert it to one of these",
                  Py_TYPE(value)->tp_name);
}

bool
walpool__py_block_add(struct walpool__py_block *block, PyObject *value,
                      const struct walpool__py_place *place)
{
    if (PyUnicode_Check(value))
        return add_text(block, value, place);
    if (PyLong_Check(value)) /* bool too: 0 or 1 */
        return add_integer(block, value, place);
    if (PyFloat_Check(value))
        return add_plain(block, WALPOOL_REAL, PyFloat_AS_DOUBLE(value));
    if (value == Py_None)
        return add_plain(block, WALPOOL_NULL, 0.0);
    if (PyBytes_Check(value))
        return add_bytes(block, WALPOOL_BLOB, PyBytes_AS_STRING(value),
                         PyBytes_GET_SIZE(value), place);
    return add_rare(block, value, place);
}
