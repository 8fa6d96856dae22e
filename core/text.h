/* Text: the SQL of a statement, as text or as a prepared handle. */
#ifndef WALPOOL_TEXT_H
#define WALPOOL_TEXT_H

#include "base.h"

/* What a handle of kind PREPARED stands for. It never changes. */
struct walpool__text {
    int64_t database; /* the number of the one that it was prepared for */
    char *about;      /* what walpool_prepared_json says */
    size_t sql_bytes;
    char sql[];       /* sql_bytes, and a NUL */
};

/* Make a handle. `about` is freed with it, or here, on failure: NULL. */
walpool_prepared *walpool__text_publish(int64_t database, const char *sql,
                                        size_t sql_bytes, char *about);

/* Look at the text of a statement: of its handle, which is pinned until the
 * end, or its own. */
struct walpool__view {
    const char *sql;
    size_t bytes;
    const struct walpool__text *text; /* NULL: there is no handle */
    const void *handle;
};

walpool_status walpool__view_begin(struct walpool__view *view,
                                   const walpool_statement *statement,
                                   walpool_error *err);
void walpool__view_end(const struct walpool__view *view);

#endif
