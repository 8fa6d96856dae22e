/* Rows: the base class of walpool.Cursor, an iterator over blocks of rows.
 *
 * Does: hand out the rows of a list, and call `_more` for the next list.
 * Must not: know where lists come from. A subclass says, by a method `_more`
 * that returns a list or raises; StopIteration ends the iteration.
 * Lock: the GIL; `fetching` keeps a second thread out while it is let go. */
#include "raw.h"

struct rows {
    PyObject_HEAD
    PyObject *block; /* list, or NULL */
    Py_ssize_t next;
    bool fetching;
};

static int
rows_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    struct rows *rows = (struct rows *)self;
    PyObject *block;

    if (!PyArg_ParseTuple(args, "O!", &PyList_Type, &block))
        return -1;
    Py_XSETREF(rows->block, Py_NewRef(block));
    rows->next = 0;
    return 0;
}

static int
rows_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct rows *)self)->block);
    return 0;
}

static int
rows_clear(PyObject *self)
{
    Py_CLEAR(((struct rows *)self)->block);
    return 0;
}

static void
rows_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    rows_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Get the next list. What a thread got while another one fetched would
 * replace, or be replaced by, that one's rows. */
static bool
fetch(PyObject *self)
{
    struct rows *rows = (struct rows *)self;
    PyObject *block;

    if (rows->fetching)
        return walpool__py_fail(WALPOOL_BUSY,
                                "cannot fetch rows: another thread fetches "
                                "from this cursor");
    rows->fetching = true;
    block = PyObject_CallMethod(self, "_more", NULL);
    rows->fetching = false;
    if (!block)
        return false;
    if (!PyList_Check(block)) {
        Py_DECREF(block);
        PyErr_SetString(PyExc_TypeError, "_more gave no list");
        return false;
    }
    Py_XSETREF(rows->block, block);
    rows->next = 0;
    return true;
}

/* The row is taken out of the list, so that it can end before the list does. */
static PyObject *
rows_next(PyObject *self)
{
    struct rows *rows = (struct rows *)self;
    PyObject *row;

    while (!rows->block || rows->next >= PyList_GET_SIZE(rows->block))
        if (!fetch(self))
            return NULL;
    row = PyList_GET_ITEM(rows->block, rows->next);
    PyList_SET_ITEM(rows->block, rows->next++, Py_NewRef(Py_None));
    return row;
}

static PyObject *
rows_drop(PyObject *self, PyObject *unused)
{
    rows_clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"_drop", rows_drop, METH_NOARGS, "Forget the rows that are left."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_init, rows_init},
                              {Py_tp_traverse, rows_traverse},
                              {Py_tp_clear, rows_clear},
                              {Py_tp_dealloc, rows_dealloc},
                              {Py_tp_iter, PyObject_SelfIter},
                              {Py_tp_iternext, rows_next},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {
    .name = "walpool._raw.Rows",
    .basicsize = sizeof(struct rows),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int
walpool__py_add_rows_type(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    int added = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;

    Py_XDECREF(type);
    return added;
}
