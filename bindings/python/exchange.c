/* Exchanges: a call's way from a Python tuple to the core and back to rows.
 *
 * Does: read the request, drive cursors to their end, lend out buffers.
 * Must not: know sequences, cells or exception classes: params.c, values.c and
 * raise.c do.
 * Lock: the GIL guards the idle exchanges. */
#include "raw.h"

#include <time.h>

#define MOST_IDLE 8
#define LARGEST_KEPT ((size_t)1 << 20)
#define MOST_KNOWN 500

/* The first block of an iteration is small: its first row comes soon, and who
 * stops early has not paid for many. */
#define SMALL_WINDOW 8192

/* ---------------------------------------------------------------- the pool */

/* Buffers are worth keeping: a fresh one costs page faults. A row factory or a
 * finaliser may call walpool while an exchange is in use, and gets another. */
static struct walpool__py_exchange *idle;
static int idle_count;

static struct walpool__py_exchange *
take(void)
{
    struct walpool__py_exchange *x = idle;

    if (x) {
        idle = x->next;
        idle_count--;
        return x;
    }
    x = PyMem_RawCalloc(1, sizeof *x);
    if (x)
        walpool_rows_init(&x->rows);
    else
        PyErr_NoMemory();
    return x;
}

static void
release_memory(struct walpool__py_exchange *x, size_t larger_than)
{
    if (x->rows.capacity > larger_than)
        walpool_rows_finish(&x->rows);
    if (x->params.capacity > larger_than)
        walpool__py_block_free(&x->params);
}

void
walpool__py_exchange_end(struct walpool__py_exchange *x)
{
    if (!x)
        return;
    Py_CLEAR(x->reader.columns);
    if (idle_count < MOST_IDLE) {
        release_memory(x, LARGEST_KEPT);
        x->next = idle;
        idle = x;
        idle_count++;
        return;
    }
    release_memory(x, 0);
    PyMem_RawFree(x->window_memory);
    PyMem_RawFree(x);
}

/* ------------------------------------------------------------- the request */

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A timeout that the user gave is one for all blocks of a result. */
static void
start_clock(struct walpool__py_exchange *x)
{
    x->deadline_ms = x->call.timeout_ms > 0 ? now_ms() + x->call.timeout_ms : 0;
}

static void
look_at_clock(struct walpool__py_exchange *x)
{
    int64_t left;

    if (!x->deadline_ms)
        return;
    left = x->deadline_ms - now_ms();
    x->call.timeout_ms = left > 0 ? left : 1; /* 0 would be: run on */
}

/* Where blocks go: memory that grows (0), or a window of so many bytes. */
static bool
aim(struct walpool__py_exchange *x, size_t window)
{
    x->to = &x->rows;
    if (!window)
        return true;
    if (x->window.capacity < window) {
        PyMem_RawFree(x->window_memory);
        x->window.capacity = 0;
        x->window_memory = PyMem_RawMalloc(window);
        if (!x->window_memory)
            return PyErr_NoMemory() != NULL;
    }
    walpool_rows_wrap(&x->window, x->window_memory, window);
    x->to = &x->window;
    return true;
}

static bool
read_sql(struct walpool__py_exchange *x, PyObject *sql)
{
    x->sql = walpool__py_sql(sql, "sql", &x->statement);
    return x->sql;
}

/* What a factory needs: the names, from the block or from an earlier call. */
static void
ask_for_columns(struct walpool__py_exchange *x, PyObject *known)
{
    PyObject *entry;

    x->known = NULL;
    if (x->mode == WALPOOL_PY_ALL || x->mode == WALPOOL_PY_FIRST) {
        if (!x->reader.factory)
            return;
        x->known = known;
        entry = PyDict_GetItemWithError(known, x->sql);
        if (entry) {
            x->call.shape =
                PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(entry, 0));
            x->reader.columns = Py_NewRef(PyTuple_GET_ITEM(entry, 1));
            return;
        }
    }
    x->call.flags |= WALPOOL_CALL_NAMES;
}

static void
set_mode(struct walpool__py_exchange *x, int mode, PyObject *factory)
{
    x->mode = mode;
    x->reader.factory = factory == Py_None ? NULL : factory;
    if (mode == WALPOOL_PY_FIRST)
        x->call.flags |= WALPOOL_CALL_FIRST;
    if (mode == WALPOOL_PY_SCRIPT)
        x->call.flags |= WALPOOL_CALL_SCRIPT;
}

static bool
malformed(void)
{
    PyErr_SetString(PyExc_TypeError, "malformed request");
    return false;
}

/* A read has one field after those of both, a write three. */
enum {
    HANDLE,
    SQL,
    PARAMS,
    TIMEOUT,
    WHY,
    TOKEN,
    MODE,
    FACTORY,
    KNOWN,
    DURABLE,
    READ_FIELDS,
    EXPECT = DURABLE,
    ONCE_KEY,
    DURABILITY,
    WRITE_FIELDS
};

static bool
read_extras(struct walpool__py_exchange *x, PyObject **field, Py_ssize_t fields)
{
    x->statement.flags = 0;
    if (fields == READ_FIELDS)
        return field[DURABLE] == Py_False ||
               walpool__py_durable(field[DURABLE], &x->call);
    return (field[EXPECT] == Py_None ||
            walpool__py_expect(field[EXPECT], &x->statement)) &&
           (field[ONCE_KEY] == Py_None ||
            walpool__py_once_key(field[ONCE_KEY], &x->call)) &&
           (field[DURABILITY] == Py_None ||
            walpool__py_durability(field[DURABILITY], &x->call));
}

static bool
well_formed(PyObject *request)
{
    return PyTuple_CheckExact(request) &&
           (PyTuple_GET_SIZE(request) == READ_FIELDS ||
            PyTuple_GET_SIZE(request) == WRITE_FIELDS) &&
           PyLong_CheckExact(PyTuple_GET_ITEM(request, MODE)) &&
           PyDict_CheckExact(PyTuple_GET_ITEM(request, KNOWN));
}

/* The fields by hand: this runs for every call, and PyArg_ParseTuple is slow.
 * Only our own package writes requests. */
static bool
begin(struct walpool__py_exchange *x, PyObject *request)
{
    PyObject **field;

    if (!well_formed(request))
        return malformed();
    field = &PyTuple_GET_ITEM(request, 0);
    if (!walpool__py_from_handle(field[HANDLE], &x->handle) ||
        !walpool__py_call_of(field[TIMEOUT], field[WHY], field[TOKEN],
                             &x->call) ||
        !read_extras(x, field, PyTuple_GET_SIZE(request)) ||
        !read_sql(x, field[SQL]) ||
        !walpool__py_params(field[PARAMS], &x->params, &x->statement))
        return false;
    set_mode(x, (int)PyLong_AsLong(field[MODE]), field[FACTORY]);
    ask_for_columns(x, field[KNOWN]);
    start_clock(x);
    return aim(x, x->mode == WALPOOL_PY_SMALL_BLOCK ? SMALL_WINDOW : 0);
}

struct walpool__py_exchange *
walpool__py_exchange_begin(PyObject *request)
{
    struct walpool__py_exchange *x = take();

    if (x && !begin(x, request)) {
        walpool__py_exchange_end(x);
        x = NULL;
    }
    return x;
}

static bool
begin_next(struct walpool__py_exchange *x, PyObject *request)
{
    PyObject *timeout, *why, *token, *factory, *columns;
    Py_ssize_t window;

    if (!PyArg_ParseTuple(request, "OOOOOn", &timeout, &why, &token, &factory,
                          &columns, &window) ||
        !walpool__py_call_of(timeout, why, token, &x->call) ||
        !aim(x, (size_t)window))
        return false;
    set_mode(x, WALPOOL_PY_BLOCK, factory);
    x->known = NULL;
    x->deadline_ms = 0;
    x->reader.columns = Py_NewRef(columns);
    return true;
}

struct walpool__py_exchange *
walpool__py_exchange_next(PyObject *request)
{
    struct walpool__py_exchange *x = take();

    if (x && !begin_next(x, request)) {
        walpool__py_exchange_end(x);
        x = NULL;
    }
    return x;
}

/* -------------------------------------------------------------- the answer */

static const walpool_rows_header *
header_of(const struct walpool__py_exchange *x)
{
    return (const walpool_rows_header *)(const void *)x->reader.data;
}

static void
drop_cursor(uint64_t cursor)
{
    if (cursor)
        walpool_cursor_close((walpool_cursor *)(uintptr_t)cursor, NULL);
}

static bool
remember_columns(struct walpool__py_exchange *x)
{
    PyObject *entry;
    bool stored;

    if (!(header_of(x)->flags & WALPOOL_ROWS_NAMES))
        return true;
    if (!walpool__py_columns(&x->reader))
        return false;
    if (!x->known)
        return true;
    if (PyDict_GET_SIZE(x->known) >= MOST_KNOWN)
        PyDict_Clear(x->known);
    entry = Py_BuildValue("(KO)", (unsigned long long)header_of(x)->shape,
                          x->reader.columns);
    stored = entry && PyDict_SetItem(x->known, x->sql, entry) == 0;
    Py_XDECREF(entry);
    return stored;
}

/* Take one block, and what is LARGE in it. */
static bool
take_block(struct walpool__py_exchange *x, PyObject *rows)
{
    x->reader.data = x->to->data;
    return remember_columns(x) && walpool__py_rows(&x->reader, rows);
}

/* Fetch the block behind this one. The cursor is gone after a failure. */
static bool
next_block(struct walpool__py_exchange *x, uint64_t cursor)
{
    walpool_error err;
    walpool_status status;

    look_at_clock(x);
    x->call.flags &= ~(uint32_t)WALPOOL_CALL_DURABLE; /* it was waited for */
    status = walpool_cursor_next((walpool_cursor *)(uintptr_t)cursor, &x->call,
                                 x->to, &err);
    walpool__py_come_back();
    if (status == WALPOOL_OK)
        return true;
    walpool__py_raise(&err);
    return false;
}

/* All rows: what does not fit one block comes by more of them. */
static PyObject *
all_rows(struct walpool__py_exchange *x)
{
    PyObject *rows = PyList_New(0);
    bool good = rows && take_block(x, rows);
    uint64_t cursor;

    while ((cursor = header_of(x)->cursor) != 0) {
        good = good && PyErr_CheckSignals() == 0 && next_block(x, cursor) &&
               take_block(x, rows);
        if (good)
            continue;
        drop_cursor(cursor);
        break;
    }
    if (!good)
        Py_CLEAR(rows);
    return rows;
}

static PyObject *
first_row(struct walpool__py_exchange *x)
{
    PyObject *rows = PyList_New(0), *row = NULL;

    if (rows && take_block(x, rows))
        row = PyList_GET_SIZE(rows) ? PyList_GET_ITEM(rows, 0) : Py_None;
    Py_XINCREF(row);
    Py_XDECREF(rows);
    drop_cursor(header_of(x)->cursor);
    return row;
}

static PyObject *
columns_of(const struct walpool__py_exchange *x)
{
    return x->reader.columns ? Py_NewRef(x->reader.columns) : PyTuple_New(0);
}

static PyObject *
block_of_rows(struct walpool__py_exchange *x)
{
    PyObject *rows = PyList_New(0);

    if (!rows || !take_block(x, rows)) {
        drop_cursor(header_of(x)->cursor);
        Py_XDECREF(rows);
        return NULL;
    }
    return Py_BuildValue(
        "(NKN)", rows, (unsigned long long)header_of(x)->cursor, columns_of(x));
}

static PyObject *
result_of(struct walpool__py_exchange *x)
{
    const long long changes = header_of(x)->changes;
    const long long last_rowid = header_of(x)->last_rowid;
    PyObject *rows = all_rows(x);

    return rows ? Py_BuildValue("(LLNN)", changes, last_rowid, rows,
                                columns_of(x))
                : NULL;
}

PyObject *
walpool__py_answer(struct walpool__py_exchange *x)
{
    x->reader.data = x->to->data;
    switch (x->mode) {
    case WALPOOL_PY_ALL:
        return all_rows(x);
    case WALPOOL_PY_FIRST:
        return first_row(x);
    case WALPOOL_PY_BLOCK:
    case WALPOOL_PY_SMALL_BLOCK:
        return block_of_rows(x);
    default:
        return result_of(x);
    }
}
