/* Encode: rows of a running statement into a block. */
#ifndef WALPOOL_ENCODE_H
#define WALPOOL_ENCODE_H

#include "conn.h"
#include "rows.h"

/* A statement whose rows are being fetched, block after block. */
struct walpool__fetch {
    struct walpool__conn *conn;
    struct walpool__stmt *stmt;
    uint64_t known_shape; /* of names that the caller has; 0: none */
    bool want_names;
    bool first;   /* one row at most */
    bool whole;   /* all rows in one block, or TOOBIG; nothing LARGE */
    bool pending; /* stepped to a row that is in no block yet */
    bool done;    /* stepped to the end: one step more would begin anew */
    bool more;    /* after a block: rows, or a LARGE value, are left */
    bool large;   /* the newest block's last row has LARGE cells */
};

/* A block that is being filled by the rows of one fetch, or of several. */
struct walpool__encoder {
    struct walpool__fetch *fetch;
    struct walpool__block block;
    uint64_t shape; /* of the columns, from when on it is begun */
    bool begun;
    bool row_large;
    walpool_status status; /* of a row that failed */
    walpool_error *err;
};

/* Step to the first or next row. */
walpool_status walpool__encode_advance(struct walpool__fetch *fetch,
                                       walpool_error *err);

/* Take the rows from the present one on, until the block is full or there are
 * no more. The first time it begins the block at `offset` of `rows`. */
walpool_status walpool__encode_rows(struct walpool__encoder *encoder,
                                    walpool_rows *rows, size_t offset);

/* Write the block's header and return it. */
walpool_rows_header *walpool__encode_end(struct walpool__encoder *encoder);

/* All three: one block of a read. */
walpool_status walpool__encode_block(struct walpool__fetch *fetch,
                                     walpool_rows *rows,
                                     walpool_rows_header **header,
                                     walpool_error *err);

/* Step to the end, throw rows away. */
walpool_status walpool__encode_nothing(struct walpool__fetch *fetch,
                                       walpool_error *err);

#endif
