/* Parameters: a rows block from a caller, checked before it is bound. */
#ifndef WALPOOL_PARAMS_H
#define WALPOOL_PARAMS_H

#include "base.h"

/* Views into the caller's block, which they must not outlive. */
struct walpool__params {
    const walpool_rows_header *header; /* NULL: no parameters */
    const walpool_cell *names;         /* columns TEXT cells, or NULL */
    const walpool_cell *cells;         /* rows * columns, row after row */
    const unsigned char *block;        /* what offsets of cells count from */
    uint32_t columns;
    uint32_t rows;
};

/* Check a block that nobody vouches for. After WALPOOL_OK every cell of `out`
 * may be bound unseen: known type, bytes inside the block, text UTF-8, no NaN.
 * A NULL block with 0 bytes is no parameters. Errors: MISUSE (the block is
 * malformed), PARAM (too many, NaN), ENCODING. */
walpool_status walpool__params_check(const void *block, size_t bytes,
                                     struct walpool__params *out,
                                     walpool_error *err);

#endif
