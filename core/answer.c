/* Answer: what a write gave its caller, as bytes that outlive it.
 *
 * A write with a once_key is answered again years later, on another machine,
 * maybe with other wishes about names. So the bytes are none of a block but the
 * same everywhere, part after part:
 *
 *   number    seven bits to a byte, the lowest first, the top bit: more follow
 *   signed    a number, 2n for n >= 0, -2n - 1 below
 *   text      a number of bytes, and the bytes
 *   part      changes and last_rowid signed, columns; where there are columns:
 *             rows, shape, the names as texts, the values row after row
 *   value     a byte, its walpool_type, and: INTEGER signed, REAL the eight
 *             bytes of the double, lowest first, TEXT and BLOB as a text
 *
 * Does: write and read these bytes, and make blocks of them.
 * Must not: believe bytes that it reads, or know SQLite.
 * Lock: none; an answer belongs to one call. */
#include "answer.h"

#include "error.h"
#include "hash.h"
#include "mem.h"
#include "utf8.h"

#define NUMBER_BYTES 10 /* at most */

void
walpool__answer_finish(struct walpool__answer *answer)
{
    walpool__mem_free(answer->data);
    answer->data = NULL;
    answer->bytes = answer->capacity = answer->rows_bytes = 0;
}

/* ----------------------------------------------------------------- writing */

static bool
reserve(struct walpool__answer *answer, size_t bytes)
{
    size_t capacity = answer->capacity ? answer->capacity : 64;
    unsigned char *data;

    while (capacity - answer->bytes < bytes)
        capacity *= 2;
    if (capacity == answer->capacity)
        return true;
    data = walpool__mem_realloc(answer->data, capacity);
    if (!data)
        return false;
    answer->data = data;
    answer->capacity = capacity;
    return true;
}

static bool
put_bytes(struct walpool__answer *answer, const void *bytes, size_t count)
{
    if (!reserve(answer, count))
        return false;
    if (count)
        memcpy(answer->data + answer->bytes, bytes, count);
    answer->bytes += count;
    return true;
}

static bool
put_number(struct walpool__answer *answer, uint64_t number)
{
    if (!reserve(answer, NUMBER_BYTES))
        return false;
    for (; number > 0x7F; number >>= 7)
        answer->data[answer->bytes++] = (unsigned char)(number | 0x80);
    answer->data[answer->bytes++] = (unsigned char)number;
    return true;
}

static bool
put_signed(struct walpool__answer *answer, int64_t number)
{
    uint64_t twice = (uint64_t)number << 1;

    return put_number(answer, number < 0 ? ~twice : twice);
}

static bool
put_real(struct walpool__answer *answer, double real)
{
    unsigned char bytes[8];
    uint64_t bits;

    memcpy(&bits, &real, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
    return put_bytes(answer, bytes, sizeof bytes);
}

static bool
put_text(struct walpool__answer *answer, const walpool_rows *block,
         const walpool_cell *cell)
{
    return put_number(answer, cell->length) &&
           put_bytes(answer, block->data + cell->v.offset, cell->length);
}

static bool
put_value(struct walpool__answer *answer, const walpool_rows *block,
          const walpool_cell *cell)
{
    if (!put_number(answer, cell->type))
        return false;
    switch (cell->type) {
    case WALPOOL_INTEGER:
        return put_signed(answer, cell->v.integer);
    case WALPOOL_REAL:
        return put_real(answer, cell->v.real);
    case WALPOOL_TEXT:
    case WALPOOL_BLOB:
        return put_text(answer, block, cell);
    default:
        return true;
    }
}

static bool
put_rows(struct walpool__answer *answer, const walpool_rows *block)
{
    const walpool_rows_header *header = (const void *)block->data;
    const walpool_cell *cell = (const void *)(header + 1);
    size_t values = (size_t)header->row_count * header->column_count;
    bool done = put_number(answer, header->row_count) &&
                put_number(answer, header->shape);

    PRE(header->flags & WALPOOL_ROWS_NAMES);
    for (uint32_t i = 0; done && i < header->column_count; i++)
        done = put_text(answer, block, cell++);
    for (size_t i = 0; done && i < values; i++)
        done = put_value(answer, block, cell++);
    return done;
}

walpool_status
walpool__answer_add(struct walpool__answer *answer, int64_t changes,
                    int64_t last_rowid, const walpool_rows *block,
                    walpool_error *err)
{
    const walpool_rows_header *header = block ? (const void *)block->data
                                              : NULL;
    uint32_t columns = header ? header->column_count : 0;
    size_t before;

    if (!put_signed(answer, changes) || !put_signed(answer, last_rowid) ||
        !put_number(answer, columns))
        return walpool__error_nomem(err, "an answer to keep");
    before = answer->bytes;
    if (columns && !put_rows(answer, block))
        return walpool__error_nomem(err, "an answer to keep");
    answer->rows_bytes += answer->bytes - before;
    return answer->rows_bytes <= answer->rows_limit
               ? WALPOOL_OK
               : walpool__answer_too_big(answer, err);
}

walpool_status
walpool__answer_too_big(const struct walpool__answer *answer,
                        walpool_error *err)
{
    return walpool__error_set(err, WALPOOL_TOOBIG,
                              "the RETURNING rows of a write with once_key are "
                              "kept, and these are more than %zu bytes: ask "
                              "for fewer", answer->rows_limit);
}

/* ----------------------------------------------------------------- reading */

walpool_status
walpool__answer_load(struct walpool__answer *answer, const void *data,
                     size_t bytes, walpool_error *err)
{
    answer->bytes = answer->rows_bytes = 0;
    return put_bytes(answer, data, bytes)
               ? WALPOOL_OK
               : walpool__error_nomem(err, "an answer that was kept");
}

walpool_status
walpool__answer_damaged(walpool_error *err)
{
    return walpool__error_set(err, WALPOOL_CORRUPT,
                              "the answer that was kept for this once_key is "
                              "damaged: delete its row of walpool_once");
}

/* Bytes of an answer that are still to be read. */
struct reader {
    const unsigned char *at, *end;
};

static bool
take_number(struct reader *reader, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->at == reader->end)
            return false;
        *number |= (uint64_t)(*reader->at & 0x7F) << shift;
        if (!(*reader->at++ & 0x80))
            return true;
    }
    return false;
}

static bool
take_count(struct reader *reader, uint32_t *count)
{
    uint64_t number;

    if (!take_number(reader, &number) || number > UINT32_MAX)
        return false;
    *count = (uint32_t)number;
    return true;
}

static bool
take_signed(struct reader *reader, int64_t *number)
{
    uint64_t twice;

    if (!take_number(reader, &twice))
        return false;
    *number = (int64_t)(twice & 1 ? ~(twice >> 1) : twice >> 1);
    return true;
}

static bool
take_bytes(struct reader *reader, size_t count, const unsigned char **bytes)
{
    if ((size_t)(reader->end - reader->at) < count)
        return false;
    *bytes = reader->at;
    reader->at += count;
    return true;
}

static bool
take_text(struct reader *reader, const unsigned char **text, uint32_t *bytes)
{
    return take_count(reader, bytes) && take_bytes(reader, *bytes, text);
}

/* One value as a cell; `bytes` are those of a text or blob. */
static bool
take_value(struct reader *reader, walpool_cell *cell,
           const unsigned char **bytes)
{
    uint64_t bits;

    *cell = (walpool_cell){0};
    if (!take_count(reader, &cell->type))
        return false;
    switch (cell->type) {
    case WALPOOL_NULL:
        return true;
    case WALPOOL_INTEGER:
        return take_signed(reader, &cell->v.integer);
    case WALPOOL_REAL:
        if (!take_bytes(reader, sizeof bits, bytes))
            return false;
        bits = walpool__hash_load(*bytes);
        memcpy(&cell->v.real, &bits, sizeof bits);
        return true;
    case WALPOOL_TEXT:
    case WALPOOL_BLOB:
        return take_text(reader, bytes, &cell->length);
    default:
        return false;
    }
}

static bool
skip_rows(struct reader *reader, const struct walpool__part *part)
{
    const unsigned char *bytes;
    walpool_cell cell;

    for (uint32_t i = 0; i < part->columns; i++)
        if (!take_text(reader, &bytes, &cell.length))
            return false;
    for (uint64_t i = 0; i < (uint64_t)part->rows * part->columns; i++)
        if (!take_value(reader, &cell, &bytes))
            return false;
    return true;
}

bool
walpool__answer_part(const struct walpool__answer *answer, size_t *offset,
                     struct walpool__part *part)
{
    struct reader reader;

    *part = (struct walpool__part){.shape = 1};
    if (*offset >= answer->bytes)
        return false;
    reader.at = answer->data + *offset;
    reader.end = answer->data + answer->bytes;
    if (!take_signed(&reader, &part->changes) ||
        !take_signed(&reader, &part->last_rowid) ||
        !take_count(&reader, &part->columns))
        return false;
    if (part->columns) {
        if (!take_count(&reader, &part->rows) ||
            !take_number(&reader, &part->shape))
            return false;
        part->names = reader.at;
        if (!skip_rows(&reader, part))
            return false;
    }
    *offset = (size_t)(reader.at - answer->data);
    return true;
}

/* ------------------------------------------------------------------ blocks */

static walpool_status
make_room(struct walpool__block *block, size_t bytes, walpool_error *err)
{
    bool nomem;

    if (walpool__block_has(block, bytes) ||
        walpool__block_grow(block, bytes, &nomem))
        return WALPOOL_OK;
    return nomem ? walpool__error_nomem(err, "a buffer for rows")
                 : walpool__block_too_big(block, err);
}

static walpool_status
add_cell(struct walpool__block *block, const walpool_cell *cell,
         const unsigned char *bytes, walpool_error *err)
{
    walpool_status status = make_room(
        block, WALPOOL_CELL_BYTES + (size_t)cell->length, err);
    walpool_cell *into;

    if (status != WALPOOL_OK)
        return status;
    if (cell->type == WALPOOL_TEXT &&
        !walpool__utf8_is_ascii(bytes, cell->length)) {
        block->all_ascii = false;
        if (!walpool__utf8_valid(bytes, cell->length, NULL))
            return walpool__answer_damaged(err);
    }
    into = walpool__block_cell(block);
    *into = *cell;
    if (cell->type == WALPOOL_TEXT || cell->type == WALPOOL_BLOB)
        into->v.offset = walpool__block_put(block, bytes, cell->length);
    return WALPOOL_OK;
}

static walpool_status
add_names(struct walpool__block *block, struct reader *reader, bool wanted,
          walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    if (wanted)
        block->flags |= WALPOOL_ROWS_NAMES;
    for (uint32_t i = 0; i < block->columns && status == WALPOOL_OK; i++) {
        walpool_cell cell = {.type = WALPOOL_TEXT};
        const unsigned char *name = NULL;

        if (!take_text(reader, &name, &cell.length))
            return walpool__answer_damaged(err);
        if (wanted)
            status = add_cell(block, &cell, name, err);
    }
    return status;
}

static walpool_status
add_rows(struct walpool__block *block, struct reader *reader, uint32_t rows,
         walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    for (; block->row_count < rows; block->row_count++)
        for (uint32_t i = 0; i < block->columns; i++) {
            walpool_cell cell;
            const unsigned char *bytes = NULL;

            if (!take_value(reader, &cell, &bytes))
                return walpool__answer_damaged(err);
            status = add_cell(block, &cell, bytes, err);
            if (status != WALPOOL_OK)
                return status;
        }
    return status;
}

walpool_status
walpool__answer_block(const struct walpool__answer *answer,
                      const struct walpool__part *part,
                      const struct walpool__sink *sink, size_t *block_bytes,
                      walpool_error *err)
{
    struct reader reader = {part->names, answer->data + answer->bytes};
    uint32_t rows = sink->first && part->rows > 1 ? 1 : part->rows;
    bool names = sink->want_names ||
                 (sink->known_shape && sink->known_shape != part->shape);
    struct walpool__block block;
    walpool_rows_header *header;
    walpool_status status =
        walpool__block_begin(&block, sink->rows, sink->offset,
                             sink->rows->limit, part->columns, err);

    if (status == WALPOOL_OK)
        status = add_names(&block, &reader, names, err);
    if (status == WALPOOL_OK)
        status = add_rows(&block, &reader, rows, err);
    if (status != WALPOOL_OK)
        return status;
    header = walpool__block_end(&block);
    header->shape = part->shape;
    header->changes = part->changes;
    header->last_rowid = part->last_rowid;
    *block_bytes = sink->compact ? walpool__block_compact(&block) : 0;
    return WALPOOL_OK;
}
