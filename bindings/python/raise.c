/* Errors: from walpool_error to the exceptions of walpool/_errors.py.
 *
 * Does: find the class when it is needed, so that nothing is kept between
 * calls or between interpreters.
 * Must not: decide what is an error. */
#include "raw.h"

#include <stdarg.h>

static PyObject *
make(const walpool_error *err, PyObject *message)
{
    PyObject *module = PyImport_ImportModule("walpool._errors");
    PyObject *made = NULL;

    if (module)
        made = PyObject_CallMethod(
            module, "make", "(iOisiiiii)", (int)err->status, message,
            (int)err->sqlite_code, walpool_sqlite_code_name(err->sqlite_code),
            (int)err->sql_offset, (int)err->statement, (int)err->phase,
            (int)err->outcome, (int)err->system_errno);
    Py_XDECREF(module);
    return made;
}

static void
raise(const walpool_error *err, PyObject *message)
{
    PyObject *made = message ? make(err, message) : NULL;

    if (made)
        PyErr_SetObject((PyObject *)Py_TYPE(made), made);
    Py_XDECREF(made);
    Py_XDECREF(message);
}

void
walpool__py_raise(const walpool_error *err)
{
    if (!PyErr_Occurred())
        raise(err, PyUnicode_DecodeUTF8(err->message,
                                        (Py_ssize_t)strlen(err->message),
                                        "replace"));
}

bool
walpool__py_fail(walpool_status status, const char *format, ...)
{
    walpool_error err = {.status = status, .sql_offset = -1, .statement = -1};
    va_list args;

    PyErr_Clear();
    va_start(args, format);
    raise(&err, PyUnicode_FromFormatV(format, args));
    va_end(args);
    return false;
}
