/* Measure: statistics of tables, by which SQLite chooses indexes. */
#ifndef WALPOOL_MEASURE_H
#define WALPOOL_MEASURE_H

#include "pages.h"

/* List what is to be done, one text in each row of `list` (initialised, and
 * finished by the caller). The caller has the writer. SQLite before 3.46 knows
 * only of tables that this connection has looked for; `all`: measure every
 * table there. */
walpool_status walpool__measure_find(struct walpool__conn *conn, bool all,
                                     walpool_rows *list, walpool_error *err);

/* Do one of them, in a transaction of its own. All connections will know. */
walpool_status walpool__measure_run(struct walpool__conn *conn,
                                    const walpool_rows *list, size_t row,
                                    walpool_error *err);

#endif
