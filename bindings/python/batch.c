/* Batches: many statements in one crossing.
 *
 * Does: lay out the statements, and read the results.
 * Must not: keep anything after the call. */
#include "raw.h"

static bool
read_statement(struct walpool__py_batch *batch, size_t index, PyObject *item)
{
    walpool_statement *statement = &batch->statements[index];
    PyObject *sql, *params, *expect;
    char what[48];

    snprintf(what, sizeof what, "sql of statement %zu", index);
    if (!PyArg_ParseTuple(item, "OOO", &sql, &params, &expect) ||
        !walpool__py_sql(sql, what, statement))
        return false;
    return (expect == Py_None || walpool__py_expect(expect, statement)) &&
           walpool__py_params(params, &batch->params[index], statement);
}

/* Say in the exception which statement it is about, as the core does. */
static void
name_statement(size_t index)
{
    PyObject *type, *value, *traceback, *number;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    number = PyLong_FromSize_t(index);
    if (!value || !number ||
        PyObject_SetAttrString(value, "statement", number) < 0)
        PyErr_Clear();
    Py_XDECREF(number);
    PyErr_Restore(type, value, traceback);
}

static bool
allocate(struct walpool__py_batch *batch, size_t count)
{
    /* One more than needed: a batch of none is for the core to refuse. */
    batch->statements = PyMem_Calloc(count + 1, sizeof *batch->statements);
    batch->results = PyMem_Calloc(count + 1, sizeof *batch->results);
    batch->params = PyMem_Calloc(count + 1, sizeof *batch->params);
    batch->count = count;
    if (batch->statements && batch->results && batch->params)
        return true;
    PyErr_NoMemory();
    return false;
}

bool
walpool__py_batch_begin(struct walpool__py_batch *batch, PyObject *request)
{
    PyObject *list, *timeout, *why, *token, *once_key, *durability;

    memset(batch, 0, sizeof *batch);
    walpool_rows_init(&batch->rows);
    if (!PyArg_ParseTuple(request, "O!OOOOO", &PyList_Type, &list, &timeout,
                          &why, &token, &once_key, &durability) ||
        !walpool__py_call_of(timeout, why, token, &batch->call) ||
        (once_key != Py_None &&
         !walpool__py_once_key(once_key, &batch->call)) ||
        (durability != Py_None &&
         !walpool__py_durability(durability, &batch->call)) ||
        !allocate(batch, (size_t)PyList_GET_SIZE(list)))
        return false;
    batch->call.flags |= WALPOOL_CALL_NAMES;
    for (size_t i = 0; i < batch->count; i++)
        if (!read_statement(batch, i, PyList_GET_ITEM(list, i))) {
            name_statement(i);
            return false;
        }
    return true;
}

static PyObject *
result_of(struct walpool__py_batch *batch, size_t index)
{
    const walpool_result *result = &batch->results[index];
    struct walpool__py_reader reader = {NULL};
    PyObject *rows = PyList_New(0);
    bool good = rows != NULL;

    if (good && result->rows_bytes) {
        reader.data = batch->rows.data + result->rows_offset;
        good = walpool__py_columns(&reader) && walpool__py_rows(&reader, rows);
    }
    if (good && !reader.columns)
        good = (reader.columns = PyTuple_New(0)) != NULL;
    if (good)
        return Py_BuildValue("(LLNN)", (long long)result->changes,
                             (long long)result->last_rowid, rows,
                             reader.columns);
    Py_XDECREF(rows);
    Py_XDECREF(reader.columns);
    return NULL;
}

PyObject *
walpool__py_batch_answer(struct walpool__py_batch *batch)
{
    PyObject *list = PyList_New((Py_ssize_t)batch->count);

    for (size_t i = 0; list && i < batch->count; i++) {
        PyObject *result = result_of(batch, i);

        if (result)
            PyList_SET_ITEM(list, (Py_ssize_t)i, result);
        else
            Py_CLEAR(list);
    }
    return list;
}

void
walpool__py_batch_end(struct walpool__py_batch *batch)
{
    for (size_t i = 0; batch->params && i < batch->count; i++)
        walpool__py_block_free(&batch->params[i]);
    walpool_rows_finish(&batch->rows);
    PyMem_Free(batch->params);
    PyMem_Free(batch->results);
    PyMem_Free(batch->statements);
    memset(batch, 0, sizeof *batch);
}
