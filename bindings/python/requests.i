/* Typemaps for what is asked of the core and what comes back: tuples, whose
 * fields raw.h names. exchange.c and batch.c do the work. */

/* One statement, what it is for, and the rows that come back: a tuple, see
 * raw.h. One argument is all that SWIG can hand over without a tuple of its
 * own, so the handle is in ours. */
%define EXCHANGE(type, name)
%typemap(in) (type *name, const walpool_statement *statement,
              const walpool_call *call, walpool_rows *rows)
             (struct walpool__py_exchange *x = NULL) {
    x = walpool__py_exchange_begin($input);
    if (!x)
        SWIG_fail;
    $1 = x->handle;
    $2 = &x->statement;
    $3 = &x->call;
    $4 = x->to;
}
%typemap(argout) (type *name, const walpool_statement *statement,
                  const walpool_call *call, walpool_rows *rows) {
    if ($result)
        Py_SETREF($result, walpool__py_answer(x$argnum));
}
%typemap(freearg) (type *name, const walpool_statement *statement,
                   const walpool_call *call, walpool_rows *rows) {
    walpool__py_exchange_end(x$argnum);
}
%enddef
EXCHANGE(walpool, db)
EXCHANGE(walpool_lease, lease)

/* The next block of a cursor. */
%typemap(in) (const walpool_call *call, walpool_rows *rows)
             (struct walpool__py_exchange *x = NULL) {
    x = walpool__py_exchange_next($input);
    if (!x)
        SWIG_fail;
    $1 = &x->call;
    $2 = x->to;
}
%typemap(argout) (const walpool_call *call, walpool_rows *rows) {
    if ($result)
        Py_SETREF($result, walpool__py_answer(x$argnum));
}
%typemap(freearg) (const walpool_call *call, walpool_rows *rows) {
    walpool__py_exchange_end(x$argnum);
}

/* Many statements, and their results. */
%typemap(in) (const walpool_statement *statements, size_t count,
              const walpool_call *call, walpool_result *results,
              walpool_rows *rows) (struct walpool__py_batch batch = {NULL}) {
    if (!walpool__py_batch_begin(&batch, $input))
        SWIG_fail;
    $1 = batch.statements;
    $2 = batch.count;
    $3 = &batch.call;
    $4 = batch.results;
    $5 = &batch.rows;
}
%typemap(argout) (const walpool_statement *statements, size_t count,
                  const walpool_call *call, walpool_result *results,
                  walpool_rows *rows) {
    if ($result)
        Py_SETREF($result, walpool__py_batch_answer(&batch$argnum));
}
%typemap(freearg) (const walpool_statement *statements, size_t count,
                   const walpool_call *call, walpool_result *results,
                   walpool_rows *rows) {
    walpool__py_batch_end(&batch$argnum);
}

/* Deadline, label, token, durability alone: a tuple, see raw.h. */
%typemap(in) const walpool_call *call (walpool_call call) {
    if (!walpool__py_call($input, &call))
        SWIG_fail;
    $1 = &call;
}
