/* Parameters: one set of them for a call, or many for executemany.
 *
 * Does: tell sequences from mappings, and refuse what is neither.
 * Must not: know which parameters a statement has: the core compares. */
#include "raw.h"

#define MOST_PARAMETERS 32766
#define CAPSULE "walpool.block"

static bool
check_count(Py_ssize_t count)
{
    if (count <= MOST_PARAMETERS)
        return true;
    return walpool__py_fail(WALPOOL_PARAM,
                            "%zd parameters; SQLite takes at most %d", count,
                            MOST_PARAMETERS);
}

/* ------------------------------------------------------------ one row each */

/* `values` is a tuple or a list; the block runs no Python code, so that it
 * stays as it is. */
static bool
add_sequence(struct walpool__py_block *block, PyObject *values, Py_ssize_t row)
{
    struct walpool__py_place place = {NULL, 0, row};
    Py_ssize_t count = PySequence_Fast_GET_SIZE(values);
    PyObject **items = PySequence_Fast_ITEMS(values);

    for (; place.position < count; place.position++)
        if (!walpool__py_block_add(block, items[place.position], &place))
            return false;
    return true;
}

static bool
add_names(struct walpool__py_block *block, PyObject *dict)
{
    struct walpool__py_place place = {NULL, 0, -1};
    Py_ssize_t position = 0;
    PyObject *name, *value;

    while (PyDict_Next(dict, &position, &name, &value)) {
        if (!PyUnicode_Check(name))
            return walpool__py_fail(WALPOOL_PARAM,
                                    "the name of a parameter is of type "
                                    "%.200s, not str",
                                    Py_TYPE(name)->tp_name);
        if (!walpool__py_block_add(block, name, &place))
            return false;
    }
    return true;
}

static bool
add_values(struct walpool__py_block *block, PyObject *dict)
{
    struct walpool__py_place place = {NULL, 0, -1};
    Py_ssize_t position = 0;
    PyObject *value;

    while (PyDict_Next(dict, &position, &place.name, &value))
        if (!walpool__py_block_add(block, value, &place))
            return false;
    return true;
}

/* A list or tuple of the sequence, a dict of the mapping: a new reference, or
 * NULL. Python code of the object runs here and nowhere else. */
static PyObject *
plain(PyObject *params)
{
    PyObject *made = NULL;

    if (PyList_Check(params) || PyTuple_Check(params) || PyDict_Check(params))
        return Py_NewRef(params);
    if (PyUnicode_Check(params) || PyBytes_Check(params) ||
        PyByteArray_Check(params) || PyMemoryView_Check(params))
        goto refuse;
    if (PyObject_HasAttrString(params, "keys")) {
        made = PyDict_New();
        if (made && PyDict_Update(made, params) < 0)
            Py_CLEAR(made);
        return made;
    }
    if (PySequence_Check(params))
        return PySequence_Tuple(params);
refuse:
    walpool__py_fail(WALPOOL_PARAM,
                     "parameters are a %.200s; pass a sequence such as "
                     "(value,) or a mapping such as {\"name\": value}",
                     Py_TYPE(params)->tp_name);
    return NULL;
}

static bool
encode(PyObject *params, struct walpool__py_block *block)
{
    bool named = PyDict_Check(params);
    Py_ssize_t count =
        named ? PyDict_GET_SIZE(params) : PySequence_Fast_GET_SIZE(params);

    if (!check_count(count) || !walpool__py_block_begin(block))
        return false;
    if (named ? !add_names(block, params) || !add_values(block, params)
              : !add_sequence(block, params, -1))
        return false;
    walpool__py_block_end(block, (uint32_t)count, 1, named && count > 0);
    return true;
}

static void
point(walpool_statement *statement, const struct walpool__py_block *block)
{
    statement->params = block->data;
    statement->params_bytes = block->capacity;
}

bool
walpool__py_params(PyObject *params, struct walpool__py_block *block,
                   walpool_statement *statement)
{
    bool encoded;

    statement->params = NULL;
    statement->params_bytes = 0;
    if (PyTuple_CheckExact(params) && PyTuple_GET_SIZE(params) == 0)
        return true;
    if (PyCapsule_IsValid(params, CAPSULE)) {
        point(statement, PyCapsule_GetPointer(params, CAPSULE));
        return true;
    }
    params = plain(params);
    if (!params)
        return false;
    encoded = encode(params, block);
    Py_DECREF(params);
    if (encoded)
        point(statement, block);
    return encoded;
}

/* --------------------------------------------------------------- many rows */

/* Rows under way: all have the form of the first one. */
struct pack {
    struct walpool__py_block *block;
    PyObject *names; /* tuple of the first row's keys, NULL: by position */
    Py_ssize_t columns;
    Py_ssize_t first; /* number of the first row, for messages */
    uint32_t rows;
};

static bool
begin_rows(struct pack *pack, PyObject *row)
{
    if (!walpool__py_block_begin(pack->block))
        return false;
    if (!PyDict_Check(row)) {
        pack->columns = PySequence_Fast_GET_SIZE(row);
        return check_count(pack->columns);
    }
    pack->names = PySequence_Tuple(row);
    pack->columns = PyDict_GET_SIZE(row);
    return pack->names && check_count(pack->columns) &&
           add_names(pack->block, row);
}

static bool
differs(const struct pack *pack, PyObject *row)
{
    bool named = PyDict_Check(row);
    Py_ssize_t number = pack->first + (Py_ssize_t)pack->rows + 1;

    if (named != (pack->names != NULL))
        return !walpool__py_fail(WALPOOL_PARAM,
                                 "row %zd of the parameters is a %s and the "
                                 "first one a %s: make all alike",
                                 number, named ? "mapping" : "sequence",
                                 named ? "sequence" : "mapping");
    if (!named && PySequence_Fast_GET_SIZE(row) != pack->columns)
        return !walpool__py_fail(WALPOOL_PARAM,
                                 "row %zd of the parameters has %zd values "
                                 "and the first one %zd",
                                 number, PySequence_Fast_GET_SIZE(row),
                                 pack->columns);
    return false;
}

static bool
add_named(struct pack *pack, PyObject *row)
{
    struct walpool__py_place place = {NULL, 0, pack->first + pack->rows};

    for (Py_ssize_t i = 0; i < pack->columns; i++) {
        PyObject *value;

        place.name = PyTuple_GET_ITEM(pack->names, i);
        value = PyDict_GetItemWithError(row, place.name);
        if (!value && !PyErr_Occurred())
            return walpool__py_fail(WALPOOL_PARAM,
                                    "row %zd of the parameters lacks \"%U\"",
                                    place.row + 1, place.name);
        if (!value || !walpool__py_block_add(pack->block, value, &place))
            return false;
    }
    return true;
}

static bool
add_row(struct pack *pack, PyObject *item)
{
    PyObject *row = plain(item);
    bool added = row != NULL;

    if (added && pack->rows == 0)
        added = begin_rows(pack, row);
    if (added && differs(pack, row))
        added = false;
    if (added)
        added = pack->names
                    ? add_named(pack, row)
                    : add_sequence(pack->block, row,
                                   pack->first + (Py_ssize_t)pack->rows);
    Py_XDECREF(row);
    pack->rows += added;
    return added;
}

static size_t
used(const struct walpool__py_block *block)
{
    return block->cells_end + (block->capacity - block->arena_start);
}

/* Draw rows until the iterator ends (1), the limit is reached (0), or an
 * exception is set (-1). */
static int
draw(struct pack *pack, PyObject *iterator, size_t limit)
{
    while (pack->rows == 0 || !limit || used(pack->block) < limit) {
        PyObject *item = PyIter_Next(iterator);
        bool added;

        if (!item)
            return PyErr_Occurred() ? -1 : 1;
        added = add_row(pack, item);
        Py_DECREF(item);
        if (!added)
            return -1;
    }
    return 0;
}

static void
free_block(struct walpool__py_block *block)
{
    walpool__py_block_free(block);
    PyMem_Free(block);
}

static void
free_capsule(PyObject *capsule)
{
    free_block(PyCapsule_GetPointer(capsule, CAPSULE));
}

static PyObject *
packed(const struct pack *pack, int ended)
{
    PyObject *capsule = PyCapsule_New(pack->block, CAPSULE, free_capsule);
    PyObject *answer;

    if (!capsule) {
        free_block(pack->block);
        return NULL;
    }
    answer =
        Py_BuildValue("(OIO)", capsule, pack->rows, ended ? Py_True : Py_False);
    Py_DECREF(capsule);
    return answer;
}

PyObject *
walpool__py_pack(PyObject *iterator, Py_ssize_t first, size_t limit)
{
    struct pack pack = {.first = first};
    int ended = -1;

    pack.block = PyMem_Calloc(1, sizeof *pack.block);
    if (!pack.block)
        return PyErr_NoMemory();
    if (walpool__py_block_begin(pack.block))
        ended = draw(&pack, iterator, limit);
    if (ended >= 0)
        walpool__py_block_end(pack.block, (uint32_t)pack.columns, pack.rows,
                              pack.names != NULL && pack.columns > 0);
    Py_XDECREF(pack.names);
    if (ended >= 0)
        return packed(&pack, ended);
    free_block(pack.block);
    return NULL;
}
