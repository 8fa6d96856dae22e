/* Health: texts that the core writes, and the probe.
 *
 * Does: find room for texts that change while they are asked for.
 * Must not: take them apart: walpool/_types.py does. */
#include "raw.h"

#define FIRST_ROOM 4096
#define ROOM_TO_SPARE 1024

typedef walpool_status ask(walpool *db, char *dst, size_t capacity,
                           size_t *need, walpool_error *err);

static PyObject *
text_of(ask *ask, walpool *db, walpool_error *err)
{
    size_t room, need = FIRST_ROOM;
    walpool_status status;
    PyObject *text = NULL;
    char *dst = NULL;

    do {
        room = need + ROOM_TO_SPARE;
        PyMem_Free(dst);
        dst = PyMem_Malloc(room);
        if (!dst)
            return PyErr_NoMemory();
        status = ask(db, dst, room, &need, err);
    } while (status == WALPOOL_TOOBIG);
    if (status == WALPOOL_OK)
        text = PyUnicode_DecodeUTF8(dst, (Py_ssize_t)strlen(dst), "replace");
    PyMem_Free(dst);
    return text;
}

PyObject *
walpool__py_leases(walpool *db, walpool_error *err)
{
    return text_of(walpool_leases_json, db, err);
}

PyObject *
walpool__py_health(walpool *db, walpool_error *err)
{
    return text_of(walpool_health_json, db, err);
}

PyObject *
walpool__py_metrics(walpool *db, walpool_error *err)
{
    return text_of(walpool_metrics, db, err);
}

PyObject *
walpool__py_probe(walpool *db, const walpool_call *call, walpool_error *err)
{
    PyObject *answer = NULL;
    walpool_rows rows;
    walpool_status status;

    walpool_rows_init(&rows);
    status = walpool_probe(db, call, &rows, err);
    walpool__py_come_back();
    if (status == WALPOOL_OK)
        answer = Py_BuildValue("(LLLLL)",
                               (long long)walpool_rows_int64(&rows, 0, 0),
                               (long long)walpool_rows_int64(&rows, 0, 1),
                               (long long)walpool_rows_int64(&rows, 0, 2),
                               (long long)walpool_rows_int64(&rows, 0, 3),
                               (long long)walpool_rows_int64(&rows, 0, 4));
    walpool_rows_finish(&rows);
    return answer;
}
