/* The hand-written half of the extension: what the typemaps of python.i call.
 * Python objects on one side, the structs of walpool.h on the other. */
#ifndef WALPOOL_RAW_H
#define WALPOOL_RAW_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "walpool.h"

/* ---------------------------------------------------------------- raise.c */

/* Raise the class of the error's status. Leaves an exception alone that is
 * set already. */
void walpool__py_raise(const walpool_error *err);

/* Raise by hand; returns false. The format is PyUnicode_FromFormat's. */
bool walpool__py_fail(walpool_status status, const char *format, ...);

/* ---------------------------------------------------------------- block.c */

/* A block of parameters under construction: cells grow up from the header,
 * bytes of texts and blobs down from the end, so nothing moves until the
 * memory is full. All zero is an empty one. */
struct walpool__py_block {
    unsigned char *data;
    size_t capacity;
    size_t cells_end;
    size_t arena_start;
};

/* Which value is being stored, for messages. */
struct walpool__py_place {
    PyObject *name;      /* borrowed, or NULL: by position */
    Py_ssize_t position; /* from 0 */
    Py_ssize_t row;      /* from 0, or -1: the only one */
};

bool walpool__py_block_begin(struct walpool__py_block *block);
bool walpool__py_block_add(struct walpool__py_block *block, PyObject *value,
                           const struct walpool__py_place *place);
void walpool__py_block_end(struct walpool__py_block *block, uint32_t columns,
                           uint32_t rows, bool named);
void walpool__py_block_free(struct walpool__py_block *block);

/* --------------------------------------------------------------- params.c */

/* Encode one set of parameters, a sequence, a mapping or what
 * walpool__py_pack made, and point the statement at it. */
bool walpool__py_params(PyObject *params, struct walpool__py_block *block,
                        walpool_statement *statement);

/* Encode rows of parameters from an iterator, up to about `limit` bytes (0:
 * all of them). `first` is the number of the first row. Returns (block, rows,
 * exhausted). */
PyObject *walpool__py_pack(PyObject *iterator, Py_ssize_t first, size_t limit);

/* --------------------------------------------------------------- values.c */

/* How to make rows out of a block. */
struct walpool__py_reader {
    const unsigned char *data;
    PyObject *factory; /* borrowed; NULL: tuples */
    PyObject *columns; /* owned tuple of str, or NULL while unknown */
};

/* Take the names of the columns out of a block that has them. */
bool walpool__py_columns(struct walpool__py_reader *reader);

/* Append the rows of the block to a list. */
bool walpool__py_rows(struct walpool__py_reader *reader, PyObject *list);

/* ----------------------------------------------------------------- call.c */

/* Take the GIL again if the core gave it up. Before any other Python call. */
void walpool__py_come_back(void);

/* Come back, and turn what the core returned into None or a number; NULL, with
 * nothing raised yet, for a failure. */
PyObject *walpool__py_status(walpool_status status);
PyObject *walpool__py_handle(const void *handle);

bool walpool__py_from_handle(PyObject *number, void **handle);
bool walpool__py_milliseconds(PyObject *seconds, int64_t *ms);
bool walpool__py_options(PyObject *dict, walpool_options *options);

bool walpool__py_call_of(PyObject *timeout, PyObject *why, PyObject *token,
                         walpool_call *call);

/* The same from a tuple (timeout, why, token), which may go on: durability of
 * a writer, durable of a reader, immediate of a private lease. */
bool walpool__py_call(PyObject *request, walpool_call *call);

/* --------------------------------------------------------------- extras.c */

/* What a call may ask for besides. Not for None, or for what asks nothing. */
bool walpool__py_expect(PyObject *expect, walpool_statement *statement);
bool walpool__py_once_key(PyObject *key, walpool_call *call);
bool walpool__py_durability(PyObject *durability, walpool_call *call);
bool walpool__py_durable(PyObject *durable, walpool_call *call);

/* ------------------------------------------------------------- exchange.c */

/* What a request may ask for. */
enum {
    WALPOOL_PY_ALL = 0,        /* list of rows */
    WALPOOL_PY_FIRST = 1,      /* one row, or None */
    WALPOOL_PY_RESULT = 2,     /* (changes, last_rowid, rows, columns) */
    WALPOOL_PY_SCRIPT = 3,     /* as RESULT, of many statements */
    WALPOOL_PY_BLOCK = 4,      /* (rows, cursor or 0, columns) */
    WALPOOL_PY_SMALL_BLOCK = 5 /* the same, few rows */
};

/* One call under way: what Python asked for, as the core wants it. */
struct walpool__py_exchange {
    void *handle; /* of what the statement runs on; cursors: not used */
    walpool_statement statement;
    walpool_call call;
    walpool_rows *to; /* where blocks go: rows or window */
    walpool_rows rows;
    walpool_rows window;
    void *window_memory;
    struct walpool__py_block params;
    struct walpool__py_reader reader;
    PyObject *known; /* borrowed dict: sql -> (shape, columns), or NULL */
    PyObject *sql;   /* borrowed */
    int mode;
    int64_t deadline_ms; /* of all blocks together; 0: each has its own */
    struct walpool__py_exchange *next;
};

/* From (handle, sql, params, timeout, why, token, mode, factory, known),
 * followed by durable for a read, and by expect, once_key, durability for a
 * write. For the next block of a cursor from (timeout, why, token, factory,
 * columns, window in bytes or 0). NULL: raised. */
struct walpool__py_exchange *walpool__py_exchange_begin(PyObject *request);
struct walpool__py_exchange *walpool__py_exchange_next(PyObject *request);

/* What the request asked for, once the core succeeded. */
PyObject *walpool__py_answer(struct walpool__py_exchange *x);
void walpool__py_exchange_end(struct walpool__py_exchange *x); /* NULL too */

/* --------------------------------------------------------------- health.c */

/* walpool_leases_json and its like, in as much room as they take; and the
 * numbers of a probe. NULL: err says why, or an exception is set. */
PyObject *walpool__py_leases(walpool *db, walpool_error *err);
PyObject *walpool__py_health(walpool *db, walpool_error *err);
PyObject *walpool__py_metrics(walpool *db, walpool_error *err);
PyObject *walpool__py_probe(walpool *db, const walpool_call *call,
                            walpool_error *err);

/* ------------------------------------------------------------- rowsiter.c */

/* Add the class Rows to the module; -1: raised. */
int walpool__py_add_rows_type(PyObject *module);

/* ------------------------------------------------------------- prepared.c */

/* Point the statement at SQL, which is a str or a Prepared; `what` it is, for
 * messages. Returns the text, or NULL: raised. */
PyObject *walpool__py_sql(PyObject *sql, const char *what,
                          walpool_statement *statement);

/* Add the class Prepared to the module; -1: raised. */
int walpool__py_add_prepared_type(PyObject *module);

/* ---------------------------------------------------------------- batch.c */

/* A batch under way. */
struct walpool__py_batch {
    walpool_statement *statements;
    size_t count;
    walpool_call call;
    walpool_result *results;
    walpool_rows rows;
    struct walpool__py_block *params;
};

/* From (list of (sql, params, expect), timeout, why, token, once_key,
 * durability). */
bool walpool__py_batch_begin(struct walpool__py_batch *batch,
                             PyObject *request);
/* [(changes, last_rowid, rows, columns), ...] */
PyObject *walpool__py_batch_answer(struct walpool__py_batch *batch);
void walpool__py_batch_end(struct walpool__py_batch *batch);

#endif
