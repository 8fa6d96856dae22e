/* Encode: rows of a running statement into a block.
 *
 * Values are copied once, from SQLite's memory into the block. A value of
 * LARGE_BYTES or more is not: it would fill the block by itself and be copied
 * twice. It stays where it is, as a LARGE cell of the block's last row, and
 * the caller copies it from there to where it belongs.
 *
 * Does: step, copy, stop where the block is full.
 * Must not: bind, lease, or know who asks.
 * Lock: none. */
#include "encode.h"

#include "error.h"
#include "utf8.h"

#define LARGE_BYTES 32768

enum encoded { ENCODED_ROW, ENCODED_NO_ROOM, ENCODED_ERROR };

static enum encoded
fail(struct walpool__encoder *encoder, walpool_status status)
{
    encoder->status = status;
    return ENCODED_ERROR;
}

/* Room for `bytes`, growing the buffer if it may grow. */
static enum encoded
make_room(struct walpool__encoder *encoder, size_t bytes)
{
    bool nomem;

    if (LIKELY(walpool__block_has(&encoder->block, bytes)) ||
        walpool__block_grow(&encoder->block, bytes, &nomem))
        return ENCODED_ROW;
    if (!nomem)
        return ENCODED_NO_ROOM;
    return fail(encoder, walpool__error_nomem(encoder->err,
                                              "a buffer for rows"));
}

static enum encoded
check_text(struct walpool__encoder *encoder, const void *text, size_t bytes, int column)
{
    const char *name;
    size_t bad;

    if (LIKELY(walpool__utf8_is_ascii(text, bytes)))
        return ENCODED_ROW;
    encoder->block.all_ascii = false;
    if (walpool__utf8_valid(text, bytes, &bad))
        return ENCODED_ROW;
    name = sqlite3_column_name(encoder->fetch->stmt->native, column);
    return fail(encoder,
                walpool__error_set(
                    encoder->err, WALPOOL_ENCODING,
                    "text of column %d (%.60s) is not UTF-8 at byte %zu: read "
                    "CAST(%.60s AS BLOB)", column + 1, name ? name : "", bad,
                    name ? name : ""));
}

/* Growing moves the offsets in cells: those that this row has reserved and not
 * written yet, from the present one at `at` on, must not look like any. */
static void
clear_unwritten(struct walpool__encoder *encoder, size_t at)
{
    unsigned char *base = walpool__block_base(&encoder->block);
    walpool_cell *cell = (void *)(base + at);
    walpool_cell *end = (void *)(base + encoder->block.cells_end);

    cell->v.offset = 0;
    while (++cell < end)
        cell->type = WALPOOL_NULL;
}

/* Copy a text or blob into the arena, or leave it where it is. */
static enum encoded
encode_bytes(struct walpool__encoder *encoder, walpool_cell *cell, sqlite3_value *value,
             int column)
{
    struct walpool__fetch *fetch = encoder->fetch;
    bool text = cell->type == WALPOOL_TEXT;
    const void *from = text ? (const void *)sqlite3_value_text(value)
                            : sqlite3_value_blob(value);
    size_t bytes = (size_t)sqlite3_value_bytes(value);
    size_t at = (size_t)((unsigned char *)cell -
                         walpool__block_base(&encoder->block));
    enum encoded room;

    if (UNLIKELY(!from && (text || bytes)))
        return fail(encoder, walpool__error_nomem(encoder->err, "a value"));
    if (text && check_text(encoder, from, bytes, column) != ENCODED_ROW)
        return ENCODED_ERROR;
    cell->length = (uint32_t)bytes;
    if (UNLIKELY(!walpool__block_has(&encoder->block, bytes)))
        clear_unwritten(encoder, at);
    room = bytes < LARGE_BYTES || fetch->whole ? make_room(encoder, bytes)
                                               : ENCODED_NO_ROOM;
    if (UNLIKELY(room == ENCODED_ERROR))
        return room;
    if (LIKELY(room == ENCODED_ROW)) {
        cell = (void *)(walpool__block_base(&encoder->block) + at);
        cell->v.offset = walpool__block_put(&encoder->block, from, bytes);
        return ENCODED_ROW;
    }
    if (fetch->whole || (bytes < LARGE_BYTES && encoder->block.row_count))
        return ENCODED_NO_ROOM;
    cell->type |= WALPOOL_LARGE;
    cell->v.offset = 0;
    encoder->row_large = true;
    return ENCODED_ROW;
}

static inline enum encoded
encode_value(struct walpool__encoder *encoder, walpool_cell *cell, int column)
{
    sqlite3_value *value =
        sqlite3_column_value(encoder->fetch->stmt->native, column);

    cell->length = 0;
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        cell->type = WALPOOL_INTEGER;
        cell->v.integer = sqlite3_value_int64(value);
        return ENCODED_ROW;
    case SQLITE_FLOAT:
        cell->type = WALPOOL_REAL;
        cell->v.real = sqlite3_value_double(value);
        return ENCODED_ROW;
    case SQLITE_TEXT:
        cell->type = WALPOOL_TEXT;
        return encode_bytes(encoder, cell, value, column);
    case SQLITE_BLOB:
        cell->type = WALPOOL_BLOB;
        return encode_bytes(encoder, cell, value, column);
    default:
        cell->type = WALPOOL_NULL;
        cell->v.offset = 0;
        return ENCODED_ROW;
    }
}

/* All of the row, or nothing of it. */
static enum encoded
encode_row(struct walpool__encoder *encoder)
{
    struct walpool__block *block = &encoder->block;
    size_t cells = (size_t)block->columns * WALPOOL_CELL_BYTES;
    size_t first_cell = block->cells_end, arena;
    bool was_ascii = block->all_ascii;
    enum encoded done = make_room(encoder, cells);

    if (UNLIKELY(done != ENCODED_ROW))
        return done;
    arena = block->end - block->arena_start;
    block->cells_end += cells;
    for (uint32_t i = 0; i < block->columns; i++) {
        walpool_cell *cell =
            (void *)(walpool__block_base(block) + first_cell +
                     (size_t)i * WALPOOL_CELL_BYTES);

        done = encode_value(encoder, cell, (int)i);
        if (UNLIKELY(done != ENCODED_ROW)) {
            block->cells_end = first_cell;
            block->arena_start = block->end - arena;
            block->all_ascii = was_ascii;
            encoder->row_large = false;
            return done;
        }
    }
    block->row_count++;
    return ENCODED_ROW;
}

static walpool_status
encode_names(struct walpool__encoder *encoder)
{
    struct walpool__block *block = &encoder->block;

    block->flags |= WALPOOL_ROWS_NAMES;
    for (uint32_t i = 0; i < block->columns; i++) {
        const char *name =
            sqlite3_column_name(encoder->fetch->stmt->native, (int)i);
        size_t bytes = name ? strlen(name) : 0;
        walpool_cell *cell;

        if (!name)
            return walpool__error_nomem(encoder->err, "the name of a column");
        switch (make_room(encoder, WALPOOL_CELL_BYTES + bytes)) {
        case ENCODED_ROW:
            break;
        case ENCODED_NO_ROOM:
            return walpool__block_too_big(block, encoder->err);
        case ENCODED_ERROR:
            return encoder->status;
        }
        cell = walpool__block_cell(block);
        cell->type = WALPOOL_TEXT;
        cell->length = (uint32_t)bytes;
        cell->v.offset = walpool__block_put(block, name, bytes);
        if (walpool__utf8_is_ascii(name, bytes))
            continue;
        block->all_ascii = false;
        if (!walpool__utf8_valid(name, bytes, NULL))
            return walpool__error_set(encoder->err, WALPOOL_ENCODING,
                                      "the name of column %u is not UTF-8: "
                                      "give it another with AS",
                                      (unsigned)i + 1);
    }
    return WALPOOL_OK;
}

/* Step to the next row: `pending` tells whether there is one. */
walpool_status
walpool__encode_advance(struct walpool__fetch *fetch, walpool_error *err)
{
    int rc = walpool__conn_step(fetch->conn, fetch->stmt->native);

    fetch->pending = rc == SQLITE_ROW;
    fetch->done = rc == SQLITE_DONE;
    if (LIKELY(rc == SQLITE_ROW || rc == SQLITE_DONE))
        return WALPOOL_OK;
    return walpool__conn_error(fetch->conn, rc, "run the statement", err);
}

static walpool_status
begin_block(struct walpool__encoder *encoder, walpool_rows *rows, size_t offset)
{
    struct walpool__fetch *fetch = encoder->fetch;
    int columns = sqlite3_column_count(fetch->stmt->native);
    size_t limit = fetch->whole || rows->limit < WALPOOL__BLOCK_LIMIT
                       ? rows->limit
                       : WALPOOL__BLOCK_LIMIT;
    walpool_status status =
        walpool__block_begin(&encoder->block, rows, offset, limit,
                             (uint32_t)columns, encoder->err);

    if (status != WALPOOL_OK)
        return status;
    encoder->begun = true;
    encoder->shape = walpool__stmt_shape(fetch->stmt);
    if (!fetch->want_names &&
        (fetch->known_shape == 0 || fetch->known_shape == encoder->shape))
        return WALPOOL_OK;
    return encode_names(encoder);
}

/* Take the present row and go to the next. *full: it did not fit. */
static walpool_status
take_row(struct walpool__encoder *encoder, bool *full)
{
    struct walpool__fetch *fetch = encoder->fetch;
    enum encoded done = encode_row(encoder);

    *full = done == ENCODED_NO_ROOM;
    if (UNLIKELY(done == ENCODED_ERROR))
        return encoder->status;
    if (*full)
        return fetch->whole || encoder->block.row_count == 0
                   ? walpool__block_too_big(&encoder->block, encoder->err)
                   : WALPOOL_OK;
    fetch->pending = false;
    if (encoder->row_large || fetch->first)
        return WALPOOL_OK;
    return walpool__encode_advance(fetch, encoder->err);
}

/* A buffer that grows holds no more than this, whatever room it has: its user
 * gets on with these rows while others are fetched. */
static inline bool
is_full(const struct walpool__encoder *encoder)
{
    const struct walpool__block *block = &encoder->block;

    return block->rows->owned && !encoder->fetch->whole &&
           block->cells_end + (block->end - block->arena_start) >=
               WALPOOL__BLOCK_FULL;
}

walpool_status
walpool__encode_rows(struct walpool__encoder *encoder, walpool_rows *rows,
                     size_t offset)
{
    struct walpool__fetch *fetch = encoder->fetch;
    walpool_status status = WALPOOL_OK;
    bool full = false;

    if (!encoder->begun)
        status = begin_block(encoder, rows, offset);
    while (status == WALPOOL_OK && fetch->pending && !full) {
        status = take_row(encoder, &full);
        full = full || is_full(encoder);
    }
    fetch->large = encoder->row_large;
    fetch->more = fetch->pending || fetch->large;
    return status;
}

walpool_rows_header *
walpool__encode_end(struct walpool__encoder *encoder)
{
    struct walpool__fetch *fetch = encoder->fetch;
    walpool_rows_header *header;

    if (fetch->large)
        encoder->block.flags |= WALPOOL_ROWS_LARGE;
    if (fetch->more)
        encoder->block.flags |= WALPOOL_ROWS_MORE;
    fetch->want_names = false; /* once per result */
    fetch->known_shape = 0;
    header = walpool__block_end(&encoder->block);
    header->shape = encoder->shape;
    return header;
}

walpool_status
walpool__encode_block(struct walpool__fetch *fetch, walpool_rows *rows,
                      walpool_rows_header **header, walpool_error *err)
{
    struct walpool__encoder encoder = {.fetch = fetch, .err = err};
    walpool_status status = WALPOOL_OK;

    if (!fetch->pending && !fetch->done) /* columns are certain after the first step only */
        status = walpool__encode_advance(fetch, err);
    if (status == WALPOOL_OK)
        status = walpool__encode_rows(&encoder, rows, 0);
    if (UNLIKELY(status != WALPOOL_OK))
        return status;
    *header = walpool__encode_end(&encoder);
    return WALPOOL_OK;
}

walpool_status
walpool__encode_nothing(struct walpool__fetch *fetch, walpool_error *err)
{
    walpool_status status;

    do
        status = walpool__encode_advance(fetch, err);
    while (status == WALPOOL_OK && fetch->pending && !fetch->first);
    return status;
}
