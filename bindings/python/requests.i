/* Typemaps for what is asked of the core and what comes back: tuples, whose
 * fields raw.h names. exchange.c and batch.c do the work. */

/* One statement, and the rows that come back: a tuple, see raw.h. */
%typemap(in) (const walpool_statement *statement, const walpool_call *call,
              walpool_rows *rows) (struct walpool__py_exchange *x = NULL) {
    x = walpool__py_exchange_begin($input);
    if (!x)
        SWIG_fail;
    $1 = &x->statement;
    $2 = &x->call;
    $3 = x->to;
}
%typemap(in) (const walpool_call *call, walpool_rows *rows)
             (struct walpool__py_exchange *x = NULL) {
    x = walpool__py_exchange_next($input);
    if (!x)
        SWIG_fail;
    $1 = &x->call;
    $2 = x->to;
}
%typemap(argout) (const walpool_statement *statement, const walpool_call *call,
                  walpool_rows *rows),
                 (const walpool_call *call, walpool_rows *rows) {
    if ($result)
        Py_SETREF($result, walpool__py_answer(x$argnum));
}
%typemap(freearg) (const walpool_statement *statement,
                   const walpool_call *call, walpool_rows *rows),
                  (const walpool_call *call, walpool_rows *rows) {
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
