/* Extras: what few calls ask for: rows expected, a once_key, durability.
 *
 * Does: refuse what makes no sense before anything runs.
 * Must not: be called for None: who asks for nothing pays nothing. */
#include "raw.h"

#define LONGEST_KEY 255

bool
walpool__py_expect(PyObject *expect, walpool_statement *statement)
{
    int overflow;

    if (!PyLong_Check(expect) || PyBool_Check(expect))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "expect is of type %.200s; pass the number of "
                                "rows to be changed as int, or None",
                                Py_TYPE(expect)->tp_name);
    statement->expect = PyLong_AsLongLongAndOverflow(expect, &overflow);
    if (overflow)
        return walpool__py_fail(WALPOOL_MISUSE,
                                "expect is an int outside of 64 bits: give the "
                                "rows to be changed, 0 or more");
    if (statement->expect < 0)
        return walpool__py_fail(WALPOOL_MISUSE,
                                "expect is %lld: give the rows to be changed, "
                                "0 or more",
                                (long long)statement->expect);
    statement->flags |= WALPOOL_STATEMENT_EXPECT;
    return true;
}

/* The bytes belong to the key, which the request keeps. */
static bool
bytes_of(PyObject *key, const void **bytes, Py_ssize_t *length)
{
    if (PyBytes_Check(key)) {
        *bytes = PyBytes_AS_STRING(key);
        *length = PyBytes_GET_SIZE(key);
        return true;
    }
    if (!PyUnicode_Check(key))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "once_key is of type %.200s; pass str or bytes",
                                Py_TYPE(key)->tp_name);
    *bytes = PyUnicode_AsUTF8AndSize(key, length);
    return *bytes || walpool__py_fail(WALPOOL_ENCODING,
                                      "once_key holds a lone surrogate; pass "
                                      "bytes");
}

bool
walpool__py_once_key(PyObject *key, walpool_call *call)
{
    Py_ssize_t length = 0;

    if (!bytes_of(key, &call->once_key, &length))
        return false;
    call->once_bytes = (size_t)length;
    if (length >= 1 && length <= LONGEST_KEY)
        return true;
    return walpool__py_fail(WALPOOL_MISUSE,
                            "once_key has %zd bytes; pass 1 to %d", length,
                            LONGEST_KEY);
}

bool
walpool__py_durability(PyObject *durability, walpool_call *call)
{
    if (!PyUnicode_Check(durability))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "durability is of type %.200s; pass \"normal\", "
                                "\"full\", or None for that of the database",
                                Py_TYPE(durability)->tp_name);
    if (PyUnicode_CompareWithASCIIString(durability, "full") == 0)
        call->flags |= WALPOOL_CALL_DURABLE;
    else if (PyUnicode_CompareWithASCIIString(durability, "normal") == 0)
        call->flags |= WALPOOL_CALL_NORMAL;
    else
        return walpool__py_fail(WALPOOL_MISUSE,
                                "durability is %.100R; pass \"normal\", "
                                "\"full\", or None for that of the database",
                                durability);
    return true;
}

bool
walpool__py_durable(PyObject *durable, walpool_call *call)
{
    if (!PyBool_Check(durable))
        return walpool__py_fail(WALPOOL_MISUSE,
                                "durable is of type %.200s; pass bool",
                                Py_TYPE(durable)->tp_name);
    call->flags |= WALPOOL_CALL_DURABLE;
    return true;
}
