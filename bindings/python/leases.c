/* Leases: the list of connections that are out, as the core writes it.
 *
 * Does: find room for the list, which changes while it is asked for.
 * Must not: take it apart: walpool/_types.py does. */
#include "raw.h"

#define FIRST_ROOM 4096
#define ROOM_TO_SPARE 1024

PyObject *
walpool__py_leases(walpool *db, walpool_error *err)
{
    size_t room, need = FIRST_ROOM;
    walpool_status status;
    PyObject *text = NULL;
    char *json = NULL;

    do {
        room = need + ROOM_TO_SPARE;
        PyMem_Free(json);
        json = PyMem_Malloc(room);
        if (!json)
            return PyErr_NoMemory();
        status = walpool_leases_json(db, json, room, &need, err);
    } while (status == WALPOOL_TOOBIG);
    if (status == WALPOOL_OK)
        text = PyUnicode_DecodeUTF8(json, (Py_ssize_t)strlen(json), "replace");
    PyMem_Free(json);
    return text;
}
