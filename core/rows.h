/* Rows: writing blocks, cells from the front, bytes from the back. */
#ifndef WALPOOL_ROWS_H
#define WALPOOL_ROWS_H

#include <string.h>

#include "base.h"

#define WALPOOL__BLOCK_LIMIT ((size_t)1 << 20) /* of a result, owned buffer */
#define WALPOOL__BLOCK_FULL ((size_t)1 << 18)  /* the same: no row follows */

/* A block that is being written at `offset` of a buffer. Cells grow up from
 * `cells_end`, the arena grows down from `end`; both as offsets in the block. */
struct walpool__block {
    walpool_rows *rows;
    size_t offset;     /* of the block in the buffer, a multiple of 8 */
    size_t cells_end;
    size_t arena_start;
    size_t end;
    size_t limit;      /* largest size the block may grow to */
    uint32_t columns;
    uint32_t row_count;
    uint32_t flags;
    bool all_ascii;
};

/* Where the rows of a write go, and how. */
struct walpool__sink {
    walpool_rows *rows;   /* NULL: nowhere */
    size_t offset;        /* of the block */
    uint64_t known_shape; /* of names that the caller has; 0: none */
    bool want_names;
    bool first;           /* one row at most, of however many */
    bool compact;         /* make the block as small as it can be */
};

/* A call begins, or has failed: the buffer holds no block. NULL is ignored. */
void walpool__rows_clear(walpool_rows *rows);

/* A block with names that was built value by value is complete, and a result:
 * it gets the shape of its names. */
void walpool__rows_seal(walpool_rows *rows);

/* Start a block at `offset`. `limit` bounds a buffer that grows. */
walpool_status walpool__block_begin(struct walpool__block *block,
                                    walpool_rows *rows, size_t offset,
                                    size_t limit, uint32_t columns,
                                    walpool_error *err);

/* Make room for `bytes` more between cells and arena. False: the buffer may
 * not grow that far. NOMEM counts as false and sets *nomem. */
bool walpool__block_grow(struct walpool__block *block, size_t bytes,
                         bool *nomem);

/* TOOBIG: a row that must be in this block is not to be got into it. */
walpool_status walpool__block_too_big(const struct walpool__block *block,
                                      walpool_error *err);

/* Write the header and return it; its last four fields are zero. */
walpool_rows_header *walpool__block_end(struct walpool__block *block);

/* Move the arena down to the cells, so that another block can follow; returns
 * the block's size, a multiple of 8. After walpool__block_end. */
size_t walpool__block_compact(struct walpool__block *block);

static inline unsigned char *
walpool__block_base(const struct walpool__block *block)
{
    return block->rows->data + block->offset;
}

static inline bool
walpool__block_has(const struct walpool__block *block, size_t bytes)
{
    return block->arena_start - block->cells_end >= bytes;
}

/* The next cell; there is room for it. */
static inline walpool_cell *
walpool__block_cell(struct walpool__block *block)
{
    walpool_cell *cell =
        (walpool_cell *)(void *)(walpool__block_base(block) + block->cells_end);

    block->cells_end += WALPOOL_CELL_BYTES;
    return cell;
}

/* Copy bytes into the arena; there is room for them. Returns their offset. */
static inline uint64_t
walpool__block_put(struct walpool__block *block, const void *from, size_t bytes)
{
    block->arena_start -= bytes;
    if (bytes)
        memcpy(walpool__block_base(block) + block->arena_start, from, bytes);
    return block->arena_start;
}

#endif
