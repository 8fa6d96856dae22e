/* Pages: how large a database is inside, and our own work on its file. */
#ifndef WALPOOL_PAGES_H
#define WALPOOL_PAGES_H

#include "conn.h"

struct walpool__pages {
    int64_t bytes;       /* of one page */
    int64_t count;       /* of the database */
    int64_t unused;      /* of these, on the free list */
    int64_t auto_vacuum; /* 0 none, 1 full, 2 incremental */
};

/* Look at the newest state, or at that of the open transaction. */
walpool_status walpool__pages_read(struct walpool__conn *conn,
                                   struct walpool__pages *pages,
                                   walpool_error *err);

/* The number in the only row of `sql`. Returns SQLite's code. */
int walpool__pages_number(struct walpool__conn *conn, const char *sql,
                          int64_t *number);

/* Run one statement of ours to its end, under the deadline of conn->call. Its
 * rows are appended to `texts` (may be NULL) by their first column. `bytes` may
 * be -1. Returns SQLite's code. */
int walpool__pages_exec(struct walpool__conn *conn, const char *sql, int bytes,
                        walpool_rows *texts);

/* VACUUM needs the used pages twice: in a temporary file, and in the WAL. FULL,
 * with numbers, if the disk has not so much. */
walpool_status walpool__pages_need_room(struct walpool__conn *conn,
                                        const struct walpool__pages *pages,
                                        walpool_error *err);

#endif
