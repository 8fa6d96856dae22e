/* Rows: the one format in which values cross a language border.
 *
 * A block is written from both ends of its buffer: cells upwards behind the
 * header, bytes of texts and blobs downwards from the end. So nothing has to
 * be moved as long as the buffer is large enough, whatever its rows look like.
 *
 * Does: write and read blocks (the format is in walpool.h).
 * Must not: know SQLite, or judge values: params.c does that.
 * Lock: none; a buffer belongs to one caller. */
#include "rows.h"

#include "error.h"
#include "hash.h"
#include "mem.h"
#include "utf8.h"

#define FIRST_CAPACITY 4096
#define MAX_COLUMNS 32766

static_assert(sizeof(walpool_rows_header) == WALPOOL_ROWS_HEADER_BYTES, "");
static_assert(sizeof(walpool_cell) == WALPOOL_CELL_BYTES, "");

void
walpool_rows_init(walpool_rows *rows)
{
    if (!rows)
        return;
    memset(rows, 0, sizeof *rows);
    rows->owned = 1;
    rows->limit = SIZE_MAX / 2;
}

void
walpool_rows_wrap(walpool_rows *rows, void *data, size_t capacity)
{
    if (!rows)
        return;
    memset(rows, 0, sizeof *rows);
    rows->data = data;
    rows->capacity = capacity & ~(size_t)7;
    rows->limit = rows->capacity;
}

void
walpool_rows_finish(walpool_rows *rows)
{
    if (!rows)
        return;
    if (rows->owned)
        walpool__mem_free(rows->data);
    walpool_rows_init(rows);
}

static bool
holds_header(const walpool_rows *rows)
{
    return rows && rows->data && ((uintptr_t)rows->data & 7) == 0 &&
           rows->capacity >= WALPOOL_ROWS_HEADER_BYTES;
}

static walpool_rows_header *
header_of(const walpool_rows *rows)
{
    return (walpool_rows_header *)(void *)rows->data;
}

void
walpool__rows_clear(walpool_rows *rows)
{
    if (!rows)
        return;
    rows->building = 0;
    if (holds_header(rows))
        header_of(rows)->magic = 0;
}

void
walpool__rows_seal(walpool_rows *rows)
{
    const walpool_cell *names;
    uint64_t shape = 1;

    PRE(holds_header(rows) && header_of(rows)->flags & WALPOOL_ROWS_NAMES);
    names = (const void *)(rows->data + WALPOOL_ROWS_HEADER_BYTES);
    for (uint32_t i = 0; i < header_of(rows)->column_count; i++)
        shape = walpool__hash_shape(shape, rows->data + names[i].v.offset,
                                    names[i].length);
    rows->building = 0;
    header_of(rows)->shape = shape ? shape : 1;
}

/* ------------------------------------------------------------ the writer */

static bool
resize(walpool_rows *rows, size_t capacity)
{
    unsigned char *data = walpool__mem_realloc(rows->data, capacity);

    if (!data)
        return false;
    rows->data = data;
    rows->capacity = capacity;
    return true;
}

static walpool_rows_header *
header_at(const struct walpool__block *block)
{
    return (walpool_rows_header *)(void *)walpool__block_base(block);
}

walpool_status
walpool__block_begin(struct walpool__block *block, walpool_rows *rows,
                     size_t offset, size_t limit, uint32_t columns,
                     walpool_error *err)
{
    size_t need = offset + WALPOOL_ROWS_HEADER_BYTES +
                  (size_t)columns * WALPOOL_CELL_BYTES;

    if (rows->capacity && ((uintptr_t)rows->data & 7))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "the rows buffer is not 8-byte aligned");
    if (rows->owned && rows->capacity < need) {
        size_t wanted = need < FIRST_CAPACITY ? FIRST_CAPACITY : need * 2;

        if (!resize(rows, walpool__round_up8(wanted)))
            return walpool__error_nomem(err, "a buffer for rows");
    }
    if (!rows->data || rows->capacity < need)
        return walpool__error_set(
            err, WALPOOL_TOOBIG,
            "the rows buffer has %zu bytes, a row of %u columns needs %zu",
            rows->capacity, (unsigned)columns, need);
    memset(block, 0, sizeof *block);
    block->rows = rows;
    block->offset = offset;
    block->cells_end = WALPOOL_ROWS_HEADER_BYTES;
    block->end = rows->capacity - offset;
    block->arena_start = block->end;
    block->limit = limit;
    block->columns = columns;
    block->all_ascii = true;
    header_at(block)->magic = 0; /* memory from the heap may look like a block */
    return WALPOOL_OK;
}

/* Move the arena by `delta` bytes, up or down, and its cells' offsets. */
static void
move_arena(struct walpool__block *block, ptrdiff_t delta)
{
    unsigned char *base = walpool__block_base(block);
    walpool_cell *cell = (void *)(base + WALPOOL_ROWS_HEADER_BYTES);
    walpool_cell *end = (void *)(base + block->cells_end);

    memmove(base + block->arena_start + delta, base + block->arena_start,
            block->end - block->arena_start);
    for (; cell < end; cell++)
        if (cell->type == WALPOOL_TEXT || cell->type == WALPOOL_BLOB)
            cell->v.offset += (uint64_t)delta;
    block->arena_start += (size_t)delta;
    block->end += (size_t)delta;
}

bool
walpool__block_grow(struct walpool__block *block, size_t bytes, bool *nomem)
{
    walpool_rows *rows = block->rows;
    size_t used = block->cells_end + (block->end - block->arena_start);
    size_t now = rows->capacity - block->offset, wanted = now;
    size_t before = rows->capacity;

    *nomem = false;
    if (!rows->owned || bytes > block->limit || used > block->limit - bytes)
        return false;
    while (wanted < used + bytes)
        wanted = wanted > block->limit / 2 ? block->limit : wanted * 2;
    if (!resize(rows, walpool__round_up8(block->offset + wanted))) {
        *nomem = true;
        return false;
    }
    move_arena(block, (ptrdiff_t)(rows->capacity - before));
    return true;
}

walpool_status
walpool__block_too_big(const struct walpool__block *block, walpool_error *err)
{
    return walpool__error_set(
        err, WALPOOL_TOOBIG,
        "the rows buffer of %zu bytes is too small: give a larger one, or one "
        "that grows (walpool_rows_init)", block->rows->capacity);
}

walpool_rows_header *
walpool__block_end(struct walpool__block *block)
{
    walpool_rows_header *header = header_at(block);

    memset(header, 0, sizeof *header);
    header->magic = WALPOOL_ROWS_MAGIC;
    header->flags = block->flags | (block->all_ascii ? WALPOOL_ROWS_ASCII : 0);
    header->column_count = block->columns;
    header->row_count = block->row_count;
    header->arena_start = block->arena_start;
    header->arena_end = block->end;
    return header;
}

size_t
walpool__block_compact(struct walpool__block *block)
{
    walpool_rows_header *header = header_at(block);

    move_arena(block, -(ptrdiff_t)(block->arena_start - block->cells_end));
    header->arena_start = block->arena_start;
    header->arena_end = block->end;
    return walpool__round_up8(block->end);
}

/* ------------------------------------- the public builder of parameters */

/* While parameters are being added the header is kept true after each value,
 * so the builder needs no state of its own but the header and this view. */
static void
resume(struct walpool__block *block, walpool_rows *rows)
{
    walpool_rows_header *header = header_of(rows);
    size_t cells = (size_t)rows->building - 1;

    memset(block, 0, sizeof *block);
    block->rows = rows;
    block->cells_end = WALPOOL_ROWS_HEADER_BYTES + cells * WALPOOL_CELL_BYTES;
    block->arena_start = (size_t)header->arena_start;
    block->end = (size_t)header->arena_end;
    block->limit = rows->limit;
    block->columns = header->column_count;
    block->flags = header->flags & ~(uint32_t)WALPOOL_ROWS_ASCII;
    block->all_ascii = header->flags & WALPOOL_ROWS_ASCII;
}

static void
suspend(struct walpool__block *block)
{
    /* As many as `building` can count; narrow, because it is divided. */
    uint32_t cells = (uint32_t)((block->cells_end - WALPOOL_ROWS_HEADER_BYTES) /
                                WALPOOL_CELL_BYTES);
    uint32_t rows = block->columns ? cells / block->columns : 1;

    if (block->columns && (block->flags & WALPOOL_ROWS_NAMES) && rows > 0)
        rows--;
    block->row_count = rows;
    block->flags &= ~(uint32_t)WALPOOL_ROWS_PARTIAL;
    if (block->columns && cells % block->columns)
        block->flags |= WALPOOL_ROWS_PARTIAL;
    block->rows->building = (int32_t)cells + 1;
    walpool__block_end(block);
}

static walpool_status
add(walpool_rows *rows, uint32_t type, const void *bytes, size_t count,
    walpool_cell value, walpool_error *err)
{
    struct walpool__block block;
    walpool_cell *cell;
    bool nomem;

    if (!rows || !rows->building || header_of(rows)->column_count == 0)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "no rows begun, or rows of no column");
    if ((count && !bytes) || count > UINT32_MAX ||
        rows->building == INT32_MAX)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a value of NULL with a length, of 4 GiB, "
                                  "or more than 2147483646 of them");
    resume(&block, rows);
    if (!walpool__block_has(&block, count + WALPOOL_CELL_BYTES) &&
        !walpool__block_grow(&block, count + WALPOOL_CELL_BYTES, &nomem))
        return nomem ? walpool__error_nomem(err, "a buffer for parameters")
                     : walpool__error_set(err, WALPOOL_TOOBIG,
                                          "the rows buffer of %zu bytes is "
                                          "full", rows->capacity);
    cell = walpool__block_cell(&block);
    *cell = value;
    cell->type = type;
    cell->length = (uint32_t)count;
    if (type == WALPOOL_TEXT || type == WALPOOL_BLOB)
        cell->v.offset = walpool__block_put(&block, bytes, count);
    if (type == WALPOOL_TEXT && block.all_ascii)
        block.all_ascii = walpool__utf8_is_ascii(bytes, count);
    suspend(&block);
    return WALPOOL_OK;
}

static walpool_status
add_names(walpool_rows *rows, uint32_t count, const char *const *names,
          walpool_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        walpool_status status;

        if (!names[i])
            return walpool__error_set(err, WALPOOL_MISUSE,
                                      "name %u of the parameters is NULL",
                                      (unsigned)i + 1);
        status = walpool_rows_add_text(rows, names[i], strlen(names[i]), err);
        if (status != WALPOOL_OK)
            return status;
    }
    return WALPOOL_OK;
}

walpool_status
walpool_rows_begin(walpool_rows *rows, uint32_t column_count,
                   const char *const *names, walpool_error *err)
{
    struct walpool__block block;
    walpool_status status;

    if (!rows || column_count > MAX_COLUMNS)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "rows is NULL, or %u columns are more "
                                  "than %d", (unsigned)column_count,
                                  MAX_COLUMNS);
    rows->building = 0;
    status = walpool__block_begin(&block, rows, 0, rows->limit, column_count,
                                  err);
    if (status != WALPOOL_OK)
        return status;
    if (names && column_count)
        block.flags |= WALPOOL_ROWS_NAMES;
    suspend(&block);
    status = block.flags ? add_names(rows, column_count, names, err)
                         : WALPOOL_OK;
    if (status != WALPOOL_OK)
        rows->building = 0;
    return status;
}

walpool_status
walpool_rows_add_null(walpool_rows *rows, walpool_error *err)
{
    walpool_cell value = {0};

    return add(rows, WALPOOL_NULL, NULL, 0, value, err);
}

walpool_status
walpool_rows_add_int64(walpool_rows *rows, int64_t integer, walpool_error *err)
{
    walpool_cell value = {.v.integer = integer};

    return add(rows, WALPOOL_INTEGER, NULL, 0, value, err);
}

walpool_status
walpool_rows_add_double(walpool_rows *rows, double real, walpool_error *err)
{
    walpool_cell value = {.v.real = real};

    return add(rows, WALPOOL_REAL, NULL, 0, value, err);
}

walpool_status
walpool_rows_add_text(walpool_rows *rows, const char *text, size_t bytes,
                      walpool_error *err)
{
    walpool_cell value = {0};

    return add(rows, WALPOOL_TEXT, text, bytes, value, err);
}

walpool_status
walpool_rows_add_blob(walpool_rows *rows, const void *blob, size_t bytes,
                      walpool_error *err)
{
    walpool_cell value = {0};

    return add(rows, WALPOOL_BLOB, blob, bytes, value, err);
}

/* ------------------------------------------------------------ the reader */

static bool
has_block(const walpool_rows *rows)
{
    return holds_header(rows) && header_of(rows)->magic == WALPOOL_ROWS_MAGIC;
}

size_t
walpool_rows_count(const walpool_rows *rows)
{
    return has_block(rows) ? header_of(rows)->row_count : 0;
}

const walpool_cell *
walpool_rows_cell(const walpool_rows *rows, size_t row, size_t column)
{
    const walpool_rows_header *header;
    size_t index;

    if (!has_block(rows))
        return NULL;
    header = header_of(rows);
    if (row >= header->row_count || column >= header->column_count)
        return NULL;
    if (header->flags & WALPOOL_ROWS_NAMES)
        row++;
    index = row * header->column_count + column;
    return (const walpool_cell *)(const void *)(rows->data +
                                                WALPOOL_ROWS_HEADER_BYTES) +
           index;
}

int64_t
walpool_rows_int64(const walpool_rows *rows, size_t row, size_t column)
{
    const walpool_cell *cell = walpool_rows_cell(rows, row, column);

    if (cell && cell->type == WALPOOL_INTEGER)
        return cell->v.integer;
    if (cell && cell->type == WALPOOL_REAL && cell->v.real >= -0x1p63 &&
        cell->v.real < 0x1p63)
        return (int64_t)cell->v.real;
    return 0;
}

double
walpool_rows_double(const walpool_rows *rows, size_t row, size_t column)
{
    const walpool_cell *cell = walpool_rows_cell(rows, row, column);

    if (cell && cell->type == WALPOOL_REAL)
        return cell->v.real;
    return cell && cell->type == WALPOOL_INTEGER ? (double)cell->v.integer
                                                 : 0.0;
}

const void *
walpool_rows_bytes(const walpool_rows *rows, size_t row, size_t column,
                   size_t *bytes)
{
    const walpool_cell *cell = walpool_rows_cell(rows, row, column);

    if (!cell || (cell->type != WALPOOL_TEXT && cell->type != WALPOOL_BLOB))
        return NULL;
    if (bytes)
        *bytes = cell->length;
    return rows->data + cell->v.offset;
}
