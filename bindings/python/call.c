/* Calls: deadline, label and token of a call, and the GIL while it runs.
 *
 * Does: turn what Python users write into what the core wants.
 * Must not: know statements, rows or parameters. */
#include "raw.h"

#include <math.h>

#define LONGEST_TIMEOUT_MS 86400000

/* -------------------------------------------------------------- the GIL */

/* The state of a thread that is inside the core without the GIL. The core
 * calls `leave` on the thread of the call, and calls do not nest. */
static _Thread_local PyThreadState *away;

static void
leave(void *unused)
{
    (void)unused;
    away = PyEval_SaveThread();
}

void
walpool__py_come_back(void)
{
    PyThreadState *state = away;

    if (!state)
        return;
    away = NULL;
    PyEval_RestoreThread(state);
}

PyObject *
walpool__py_status(walpool_status status)
{
    walpool__py_come_back();
    return status == WALPOOL_OK ? Py_NewRef(Py_None) : NULL;
}

PyObject *
walpool__py_handle(const void *handle)
{
    walpool__py_come_back();
    return handle ? PyLong_FromVoidPtr((void *)handle) : NULL;
}

/* ----------------------------------------------------------- small inputs */

bool
walpool__py_from_handle(PyObject *number, void **handle)
{
    *handle = NULL;
    if (!PyLong_Check(number))
        return walpool__py_fail(WALPOOL_MISUSE, "a handle is of type %.200s",
                                Py_TYPE(number)->tp_name);
    *handle = PyLong_AsVoidPtr(number);
    if (!PyErr_Occurred())
        return true;
    return walpool__py_fail(WALPOOL_MISUSE, "%R is no handle", number);
}

bool
walpool__py_milliseconds(PyObject *seconds, int64_t *ms)
{
    double value;

    *ms = -1;
    if (seconds == Py_None)
        return true;
    if (!PyFloat_Check(seconds) && !PyLong_Check(seconds))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "timeout is of type %.200s; pass seconds as "
                                "int or float, or None for the default",
                                Py_TYPE(seconds)->tp_name);
    value = PyFloat_AsDouble(seconds);
    if (PyErr_Occurred()) /* too long to be written down */
        return walpool__py_fail(WALPOOL_MISUSE,
                                "timeout is an int of more than 300 digits; "
                                "pass seconds, or None for the default");
    if (!(value >= 0))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "timeout is %S; pass 0 (try once) or more "
                                "seconds, or None for the default",
                                seconds);
    *ms = value * 1000 > LONGEST_TIMEOUT_MS
              ? LONGEST_TIMEOUT_MS
              : (int64_t)ceil(value * 1000 - 1e-6); /* 0.029 is 29 ms */
    if (value > 0 && *ms == 0)
        *ms = 1;
    return true;
}

static bool
text_option(PyObject *text, const char **out)
{
    Py_ssize_t bytes;

    *out = PyUnicode_AsUTF8AndSize(text, &bytes);
    if (*out && strlen(*out) == (size_t)bytes)
        return true;
    return walpool__py_fail(
        WALPOOL_OPTION, "option %.200R holds a NUL or a lone surrogate", text);
}

bool
walpool__py_options(PyObject *dict, walpool_options *options)
{
    PyObject *name, *value;
    Py_ssize_t position = 0;
    walpool_error err;

    walpool_options_init(options);
    while (PyDict_Next(dict, &position, &name, &value)) {
        const char *name_text, *value_text;

        if (!text_option(name, &name_text) || !text_option(value, &value_text))
            return false;
        if (walpool_options_set(options, name_text, value_text, &err) ==
            WALPOOL_OK)
            continue;
        walpool__py_raise(&err);
        return false;
    }
    return true;
}

static bool
token_of(PyObject *token, walpool_call *call)
{
    PyObject *handle;
    void *number = NULL;
    bool good;

    call->token = NULL;
    if (token == Py_None)
        return true;
    handle = PyObject_GetAttrString(token, "_handle");
    if (!handle)
        return walpool__py_fail(WALPOOL_MISUSE,
                                "token is of type %.200s; pass a walpool.Token",
                                Py_TYPE(token)->tp_name);
    good = walpool__py_from_handle(handle, &number);
    call->token = number;
    Py_DECREF(handle);
    return good;
}

static bool
why_of(PyObject *why, walpool_call *call)
{
    call->why = NULL;
    if (why == Py_None)
        return true;
    if (!PyUnicode_Check(why))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "why is of type %.200s; pass str",
                                Py_TYPE(why)->tp_name);
    call->why = PyUnicode_AsUTF8(why);
    return call->why ||
           walpool__py_fail(WALPOOL_ENCODING, "why holds a lone surrogate");
}

bool
walpool__py_call_of(PyObject *timeout, PyObject *why, PyObject *token,
                    walpool_call *call)
{
    static const walpool_call defaults = WALPOOL_CALL_INIT;

    *call = defaults;
    call->leave = leave;
    return walpool__py_milliseconds(timeout, &call->timeout_ms) &&
           why_of(why, call) && token_of(token, call);
}

bool
walpool__py_call(PyObject *request, walpool_call *call)
{
    PyObject *timeout, *why, *token;
    PyObject *durability = Py_None, *durable = Py_False;
    int immediate = 0;

    if (!PyArg_ParseTuple(request, "OOO|OOp", &timeout, &why, &token,
                          &durability, &durable, &immediate) ||
        !walpool__py_call_of(timeout, why, token, call))
        return false;
    if (immediate)
        call->flags |= WALPOOL_CALL_IMMEDIATE;
    return (durability == Py_None ||
            walpool__py_durability(durability, call)) &&
           (durable == Py_False || walpool__py_durable(durable, call));
}
