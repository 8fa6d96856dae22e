/* Prepared: the base class of walpool.Prepared, which has the core's handle.
 *
 * Does: prepare, stand for SQL wherever a request has one, close.
 * Must not: run anything: walpool/_prepared.py does. */
#include "raw.h"

struct prepared {
    PyObject_HEAD
    walpool_prepared *handle; /* NULL: it was never made. Closed: kept */
    PyObject *sql;
};

static PyTypeObject *type;

/* ------------------------------------------------------------- SQL of any kind */

static bool
text_of(PyObject *sql, const char *what, walpool_statement *statement)
{
    Py_ssize_t bytes;

    statement->sql = PyUnicode_AsUTF8AndSize(sql, &bytes);
    statement->sql_bytes = (size_t)bytes;
    return statement->sql ||
           walpool__py_fail(WALPOOL_ENCODING, "%s holds a lone surrogate",
                            what);
}

PyObject *
walpool__py_sql(PyObject *sql, const char *what, walpool_statement *statement)
{
    const struct prepared *prepared = (struct prepared *)sql;

    statement->prepared = NULL;
    if (PyUnicode_Check(sql))
        return text_of(sql, what, statement) ? sql : NULL;
    if (!PyObject_TypeCheck(sql, type) || !prepared->handle) {
        walpool__py_fail(WALPOOL_MISUSE,
                         "%s is of type %.200s; pass str, or what prepare() has "
                         "made",
                         what, Py_TYPE(sql)->tp_name);
        return NULL;
    }
    statement->prepared = prepared->handle;
    return prepared->sql;
}

/* ---------------------------------------------------------------- the class */

/* From (database, sql, timeout, why, token). */
static bool
prepare(struct prepared *prepared, PyObject *args)
{
    PyObject *db, *sql, *timeout, *why, *token;
    walpool_statement statement;
    walpool_call call;
    walpool_error err;
    void *handle;

    if (!PyArg_ParseTuple(args, "OOOOO", &db, &sql, &timeout, &why, &token) ||
        !walpool__py_from_handle(db, &handle) ||
        !walpool__py_call_of(timeout, why, token, &call))
        return false;
    if (!PyUnicode_Check(sql))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "sql is of type %.200s; pass str",
                                Py_TYPE(sql)->tp_name);
    if (!text_of(sql, "sql", &statement))
        return false;
    prepared->handle = walpool_prepare(handle, statement.sql,
                                       statement.sql_bytes, &call, &err);
    walpool__py_come_back();
    if (!prepared->handle)
        walpool__py_raise(&err);
    else
        prepared->sql = Py_NewRef(sql);
    return prepared->handle;
}

static int
prepared_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    struct prepared *prepared = (struct prepared *)self;

    if (prepared->handle) {
        PyErr_SetString(PyExc_TypeError, "it is prepared already");
        return -1;
    }
    return prepare(prepared, args) ? 0 : -1;
}

static int
prepared_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void
prepared_dealloc(PyObject *self)
{
    PyTypeObject *its = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    walpool_prepared_close(((struct prepared *)self)->handle);
    Py_CLEAR(((struct prepared *)self)->sql);
    its->tp_free(self);
    Py_DECREF(its);
}

/* JSON, in as much room as it takes. */
static PyObject *
prepared_about(PyObject *self, PyObject *unused)
{
    walpool_prepared *handle = ((struct prepared *)self)->handle;
    size_t need = 0;
    walpool_error err;
    PyObject *text = NULL;
    char *dst = NULL;
    walpool_status status =
        walpool_prepared_json(handle, NULL, 0, &need, &err);

    if (status == WALPOOL_TOOBIG) {
        dst = PyMem_Malloc(need);
        if (!dst)
            return PyErr_NoMemory();
        status = walpool_prepared_json(handle, dst, need, &need, &err);
    }
    if (status == WALPOOL_OK)
        text = PyUnicode_FromString(dst);
    else
        walpool__py_raise(&err);
    PyMem_Free(dst);
    return text;
}

static PyObject *
prepared_close(PyObject *self, PyObject *unused)
{
    walpool_prepared_close(((struct prepared *)self)->handle);
    Py_RETURN_NONE;
}

static PyObject *
prepared_sql(PyObject *self, void *unused)
{
    PyObject *sql = ((struct prepared *)self)->sql;

    return Py_NewRef(sql ? sql : Py_None);
}

static PyMethodDef methods[] = {
    {"_about", prepared_about, METH_NOARGS, "What it is, as JSON."},
    {"close", prepared_close, METH_NOARGS,
     "End it: whoever runs it goes on, later calls raise "
     ":exc:`walpool.ClosedError`.\nA second time does nothing. Never blocks."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"sql", prepared_sql, NULL, "The text that was prepared.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_init, prepared_init},
                              {Py_tp_traverse, prepared_traverse},
                              {Py_tp_dealloc, prepared_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {
    .name = "walpool._raw.Prepared",
    .basicsize = sizeof(struct prepared),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int
walpool__py_add_prepared_type(PyObject *module)
{
    type = (PyTypeObject *)PyType_FromSpec(&spec); /* kept for the process */
    return type ? PyModule_AddType(module, type) : -1;
}
