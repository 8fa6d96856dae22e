/* Restore: what is in another file takes the place of what is in a database. */
#ifndef WALPOOL_RESTORE_H
#define WALPOOL_RESTORE_H

#include "backup.h"

struct walpool__restore {
    char path[WALPOOL__PATH_BYTES]; /* of the file, links resolved */
    sqlite3 *source;                /* in a snapshot that was checked */
    struct walpool__call *call;
    int64_t pages, page_size, utf8; /* utf8: 1, or another encoding */
};

/* Open the file, take a snapshot of it, and look for damage. On failure there
 * is nothing to close. */
walpool_status walpool__restore_open(struct walpool__restore *restore,
                                     const char *from, const char *database,
                                     struct walpool__call *call,
                                     walpool_error *err);

/* Can this database have its pages? Nothing is written. */
walpool_status walpool__restore_fits(struct walpool__restore *restore,
                                     struct walpool__conn *writer,
                                     walpool_error *err);

/* Write them in one transaction; the caller has the writer. The error says what
 * became of it. */
walpool_status walpool__restore_apply(struct walpool__restore *restore,
                                      struct walpool__conn *writer,
                                      walpool_error *err);

void walpool__restore_close(struct walpool__restore *restore);

#endif
