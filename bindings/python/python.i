/* The Python side of the border: one typemap for each shape that walpool.i
 * names. The work is done by the C files beside this one; walpool/_native.py
 * is the only module that imports what comes out.
 *
 * A call that fails leaves $result NULL, and the typemap of `err`, which is
 * always the last argument, raises. */
%module _raw
%{
#include "raw.h"
%}
%include <stdint.i>

/* Handles are Python ints. */
%define HANDLE(type)
%typemap(in) type * {
    void *handle;
    if (!walpool__py_from_handle($input, &handle))
        SWIG_fail;
    $1 = handle;
}
%typemap(out) type * { $result = walpool__py_handle($1); }
%enddef
HANDLE(walpool)
HANDLE(walpool_lease)
HANDLE(walpool_cursor)
HANDLE(walpool_token)
HANDLE(walpool_backup)

/* Failures are exceptions. */
%typemap(out) walpool_status { $result = walpool__py_status($1); }
%typemap(in, numinputs=0) walpool_error *err (walpool_error error) {
    $1 = &error;
}
%typemap(argout) walpool_error *err {
    if (!$result) {
        walpool__py_raise($1);
        SWIG_fail;
    }
}

%include "requests.i"
%include "structs.i"

/* Names and options of a database, and times. */
%typemap(in) const char *name, const char *to, const char *from {
    if (PyBytes_AsStringAndSize($input, (char **)&$1, NULL) < 0)
        SWIG_fail;
}
%typemap(in) const walpool_options *options (walpool_options options) {
    if (!walpool__py_options($input, &options))
        SWIG_fail;
    $1 = &options;
}
%typemap(in) int64_t timeout_ms {
    if (!walpool__py_milliseconds($input, &$1))
        SWIG_fail;
}

/* These always work on the disk, and other threads run meanwhile. */
%define WITHOUT_GIL(function)
%exception function {
    Py_BEGIN_ALLOW_THREADS
    $action
    Py_END_ALLOW_THREADS
}
%enddef
WITHOUT_GIL(walpool_open)
WITHOUT_GIL(walpool_close)
WITHOUT_GIL(walpool_backup_finish)

/* Carried by other means: LARGE values by values.c; prepared statements by
 * prepared.c; leases, health, metrics and the probe by health.c. Event loops have a package of their own. */
%ignore walpool_cursor_value;
%rename("$ignore", regextarget=1) "^walpool_prepare";
%rename("$ignore", regextarget=1) "^walpool_(health_|leases|metrics$|probe$)";
%rename("$ignore", regextarget=1) "^walpool_(queue_|submit|completions)";
%ignore walpool_op;

/* Ours: what to ask for, rows of parameters for many calls, leases. */
%typemap(in) size_t limit, Py_ssize_t first {
    $1 = PyLong_AsSsize_t($input);
    if (PyErr_Occurred())
        SWIG_fail;
}
%constant int ALL = WALPOOL_PY_ALL;
%constant int FIRST = WALPOOL_PY_FIRST;
%constant int RESULT = WALPOOL_PY_RESULT;
%constant int SCRIPT = WALPOOL_PY_SCRIPT;
%constant int BLOCK = WALPOOL_PY_BLOCK;
%constant int SMALL_BLOCK = WALPOOL_PY_SMALL_BLOCK;
%rename(pack) walpool__py_pack;
PyObject *walpool__py_pack(PyObject *iterator, Py_ssize_t first, size_t limit);
%rename(leases_json) walpool__py_leases;
%rename(health_json) walpool__py_health;
%rename(metrics) walpool__py_metrics;
%rename(probe) walpool__py_probe;
%typemap(out) PyObject *walpool__py_leases, PyObject *walpool__py_health,
              PyObject *walpool__py_metrics, PyObject *walpool__py_probe {
    $result = $1;
}
PyObject *walpool__py_leases(walpool *db, walpool_error *err);
PyObject *walpool__py_health(walpool *db, walpool_error *err);
PyObject *walpool__py_metrics(walpool *db, walpool_error *err);
PyObject *walpool__py_probe(walpool *db, const walpool_call *call,
                            walpool_error *err);

%init %{
    if (walpool__py_add_rows_type(m) < 0 ||
        walpool__py_add_prepared_type(m) < 0)
        return -1;
%}

/* The one function that users get as it is. */
%feature("docstring") walpool_version_number
"Return walpool's version as one number: major*10000 + minor*100 + patch."

%include "../walpool.i"
