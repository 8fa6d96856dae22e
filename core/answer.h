/* Answer: what a write gave its caller, as bytes that outlive it. */
#ifndef WALPOOL_ANSWER_H
#define WALPOOL_ANSWER_H

#include "rows.h"

/* A list of parts, one for each statement. All zero but the limit: empty. */
struct walpool__answer {
    unsigned char *data;
    size_t bytes, capacity;
    size_t rows_bytes;  /* of it, rows */
    size_t rows_limit;  /* they may not be more */
};

/* One part. */
struct walpool__part {
    int64_t changes, last_rowid;
    uint64_t shape;
    uint32_t columns; /* 0: no rows, and no shape */
    uint32_t rows;
    const unsigned char *names; /* in the answer: names, then values */
};

/* Forget the parts, and free what was allocated. */
void walpool__answer_finish(struct walpool__answer *answer);

/* Add a part: numbers, and a block with names, or NULL for no rows. Fails with
 * NOMEM, and with TOOBIG where the rows pass the limit. */
walpool_status walpool__answer_add(struct walpool__answer *answer,
                                   int64_t changes, int64_t last_rowid,
                                   const walpool_rows *block,
                                   walpool_error *err);

/* Replace the parts by a copy of what another process may have written; it is
 * checked when it is read. */
walpool_status walpool__answer_load(struct walpool__answer *answer,
                                    const void *data, size_t bytes,
                                    walpool_error *err);

/* The part at *offset, which goes on to the next. False: there is none, or the
 * bytes are damaged. */
bool walpool__answer_part(const struct walpool__answer *answer, size_t *offset,
                          struct walpool__part *part);

/* Write a part's block as the sink wants it. `block_bytes` receives the size of
 * a compact one. Fails with NOMEM, TOOBIG, MISUSE, and CORRUPT. */
walpool_status walpool__answer_block(const struct walpool__answer *answer,
                                     const struct walpool__part *part,
                                     const struct walpool__sink *sink,
                                     size_t *block_bytes, walpool_error *err);

/* TOOBIG: the rows pass the limit. */
walpool_status walpool__answer_too_big(const struct walpool__answer *answer,
                                       walpool_error *err);

/* CORRUPT: the bytes are not what was written. */
walpool_status walpool__answer_damaged(walpool_error *err);

#endif
