/* The yardstick for a trivial call from Python: a METH_NOARGS function written
 * by hand that calls a C function of another file. */
#include <Python.h>

int32_t bench_number(void);

static PyObject *
number(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromLong(bench_number());
}

static PyMethodDef methods[] = {
    {"number", number, METH_NOARGS, "A number from C."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "python_hand", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_python_hand(void)
{
    return PyModule_Create(&module);
}
