/* Rows: from the cells of a block to Python objects, in one pass.
 *
 * Does: build tuples, or call the caller's factory with the columns by name.
 * Must not: trust that a factory leaves the world as it was; the block stays
 * valid because the exchange that owns it is in use. */
#include "raw.h"

/* Beyond this, copying a value is worth letting other threads run. */
#define LONG_COPY ((size_t)1 << 20)

static const walpool_rows_header *
header_of(const struct walpool__py_reader *reader)
{
    return (const walpool_rows_header *)(const void *)reader->data;
}

static const walpool_cell *
cells_of(const struct walpool__py_reader *reader)
{
    return (const walpool_cell *)(const void *)(reader->data +
                                                WALPOOL_ROWS_HEADER_BYTES);
}

/* ----------------------------------------------------------------- values */

static inline PyObject *
text_of(const unsigned char *at, uint32_t bytes, bool ascii)
{
    PyObject *text;

    if (!ascii)
        return PyUnicode_DecodeUTF8((const char *)at, bytes, NULL);
    text = PyUnicode_New(bytes, 127);
    if (text && bytes)
        memcpy(PyUnicode_1BYTE_DATA(text), at, bytes);
    return text;
}

static walpool_status
copy_large(const struct walpool__py_reader *reader, size_t column, void *to,
           size_t bytes, walpool_error *err)
{
    walpool_cursor *cursor = (void *)(uintptr_t)header_of(reader)->cursor;
    walpool_status status;

    if (bytes < LONG_COPY)
        return walpool_cursor_value(cursor, column, 0, to, bytes, err);
    Py_BEGIN_ALLOW_THREADS
    status = walpool_cursor_value(cursor, column, 0, to, bytes, err);
    Py_END_ALLOW_THREADS
    return status;
}

/* Large values come straight from SQLite into their object. */
static PyObject *
large(const struct walpool__py_reader *reader, size_t column,
      const walpool_cell *cell)
{
    walpool_error err;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, cell->length);
    PyObject *text;

    if (bytes && copy_large(reader, column, PyBytes_AS_STRING(bytes),
                            cell->length, &err) != WALPOOL_OK) {
        walpool__py_raise(&err);
        Py_CLEAR(bytes);
    }
    if (!bytes || (cell->type & ~WALPOOL_LARGE) == WALPOOL_BLOB)
        return bytes;
    text = PyUnicode_DecodeUTF8(PyBytes_AS_STRING(bytes), cell->length, NULL);
    Py_DECREF(bytes);
    return text;
}

static inline PyObject *
value_of(const struct walpool__py_reader *reader, size_t column,
         const walpool_cell *cell, bool ascii)
{
    switch (cell->type) {
    case WALPOOL_NULL:
        return Py_NewRef(Py_None);
    case WALPOOL_INTEGER:
        return PyLong_FromLongLong(cell->v.integer);
    case WALPOOL_REAL:
        return PyFloat_FromDouble(cell->v.real);
    case WALPOOL_TEXT:
        return text_of(reader->data + cell->v.offset, cell->length, ascii);
    case WALPOOL_BLOB:
        return PyBytes_FromStringAndSize(
            (const char *)reader->data + cell->v.offset, cell->length);
    default:
        return large(reader, column, cell);
    }
}

/* ------------------------------------------------------------------- rows */

/* A tuple of atoms is in no cycle: the garbage collector need not walk it. */
static PyObject *
tuple_of(const struct walpool__py_reader *reader, const walpool_cell *cell,
         uint32_t columns, bool ascii)
{
    PyObject *tuple = PyTuple_New(columns);

    for (uint32_t i = 0; tuple && i < columns; i++) {
        PyObject *value = value_of(reader, i, cell + i, ascii);

        if (value)
            PyTuple_SET_ITEM(tuple, i, value);
        else
            Py_CLEAR(tuple);
    }
    if (tuple && columns)
        PyObject_GC_UnTrack(tuple);
    return tuple;
}

static PyObject *
dict_of(const struct walpool__py_reader *reader, PyObject *tuple)
{
    PyObject *dict = PyDict_New();

    for (Py_ssize_t i = 0; dict && i < PyTuple_GET_SIZE(tuple); i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(reader->columns, i),
                           PyTuple_GET_ITEM(tuple, i)) < 0)
            Py_CLEAR(dict);
    return dict;
}

/* The factory gets each value as the keyword argument that the column names. */
static PyObject *
made_of(const struct walpool__py_reader *reader, PyObject *tuple)
{
    if (reader->factory == (PyObject *)&PyDict_Type)
        return dict_of(reader, tuple);
    return PyObject_Vectorcall(
        reader->factory, ((PyTupleObject *)tuple)->ob_item, 0, reader->columns);
}

static PyObject *
row_of(const struct walpool__py_reader *reader, const walpool_cell *cell,
       uint32_t columns, bool ascii)
{
    PyObject *row = tuple_of(reader, cell, columns, ascii);
    PyObject *made;

    if (!row || !reader->factory)
        return row;
    made = made_of(reader, row);
    Py_DECREF(row);
    return made;
}

bool
walpool__py_columns(struct walpool__py_reader *reader)
{
    const walpool_rows_header *header = header_of(reader);
    const walpool_cell *cell = cells_of(reader);
    PyObject *names;

    if (!(header->flags & WALPOOL_ROWS_NAMES))
        return true;
    names = PyTuple_New(header->column_count);
    for (uint32_t i = 0; names && i < header->column_count; i++) {
        PyObject *name =
            text_of(reader->data + cell[i].v.offset, cell[i].length, false);

        if (!name) {
            Py_CLEAR(names);
            break;
        }
        PyUnicode_InternInPlace(&name);
        PyTuple_SET_ITEM(names, i, name);
    }
    Py_XSETREF(reader->columns, names);
    return names != NULL;
}

static bool
append_rows(struct walpool__py_reader *reader, PyObject *list)
{
    const walpool_rows_header *header = header_of(reader);
    const uint32_t columns = header->column_count, rows = header->row_count;
    const bool ascii = header->flags & WALPOOL_ROWS_ASCII;
    const walpool_cell *cell = cells_of(reader);

    if (header->flags & WALPOOL_ROWS_NAMES)
        cell += columns;
    for (uint32_t i = 0; i < rows; i++, cell += columns) {
        PyObject *row = row_of(reader, cell, columns, ascii);
        int failed = row ? PyList_Append(list, row) : -1;

        Py_XDECREF(row);
        if (failed)
            return false;
    }
    return true;
}

bool
walpool__py_rows(struct walpool__py_reader *reader, PyObject *list)
{
    bool good;
    int collecting;

    if (reader->factory && !reader->columns)
        return walpool__py_fail(WALPOOL_INTERNAL, "rows came without names");
    /* Tuples count as garbage to come until they are untracked. Where no other
     * Python code can run meanwhile, nobody misses a collection. */
    if (reader->factory || header_of(reader)->flags & WALPOOL_ROWS_LARGE)
        return append_rows(reader, list);
    collecting = PyGC_Disable();
    good = append_rows(reader, list);
    if (collecting)
        PyGC_Enable();
    return good;
}
