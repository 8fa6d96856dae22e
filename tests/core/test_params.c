/* params: an untrusted block is proved or refused, never read outside. */
#include "params.h"

#include <math.h>

#include "check.h"
#include "fuzz.h"

static walpool_error err;
static struct walpool__params params;

/* The block under test, without a byte to spare between cells and arena. */
static union {
    walpool_rows_header header;
    unsigned char bytes[512];
} block;
static size_t cell_count; /* put so far */

static walpool_cell *
cell(size_t index)
{
    return (walpool_cell *)(void *)(block.bytes + 64) + index;
}

static walpool_status
check_block(void)
{
    return walpool__params_check(&block, (size_t)block.header.arena_end,
                                 &params, &err);
}

static void
begin(uint32_t columns, uint32_t row_count, uint32_t flags)
{
    size_t names = (flags & WALPOOL_ROWS_NAMES) != 0;
    uint64_t arena = 64 + 16 * columns * (row_count + names);
    memset(&block, 0, sizeof block);
    cell_count = 0;
    block.header = (walpool_rows_header){.magic = WALPOOL_ROWS_MAGIC,
                                         .flags = flags,
                                         .column_count = columns,
                                         .row_count = row_count,
                                         .arena_start = arena,
                                         .arena_end = arena};
}

static void
put_bytes(uint32_t type, const void *bytes, uint32_t length)
{
    walpool_cell *at = cell(cell_count++);
    *at = (walpool_cell){.type = type, .length = length};
    at->v.offset = block.header.arena_end;
    memcpy(block.bytes + at->v.offset, bytes, length);
    block.header.arena_end += length;
}

static void
put_real(double value)
{
    *cell(cell_count++) = (walpool_cell){.type = WALPOOL_REAL, .v.real = value};
}

static void
put_integer(int64_t value)
{
    *cell(cell_count++) =
        (walpool_cell){.type = WALPOOL_INTEGER, .v.integer = value};
}

/* Two rows of the parameters :id, name and $data. */
static void
make_rows(void)
{
    begin(3, 2, WALPOOL_ROWS_NAMES);
    put_bytes(WALPOOL_TEXT, ":id", 3);
    put_bytes(WALPOOL_TEXT, "name", 4);
    put_bytes(WALPOOL_TEXT, "$data", 5);
    put_integer(INT64_MIN);
    put_bytes(WALPOOL_TEXT, "J\xC3\xB6rg\0x", 7);
    put_bytes(WALPOOL_BLOB, "\xFF\x00", 2);
    put_real(-INFINITY);
    cell_count++; /* NULL */
    put_bytes(WALPOOL_TEXT, "", 0);
}

/* One row by position: an integer, a text, a real. */
static void
make_row(void)
{
    begin(3, 1, 0);
    put_integer(1);
    put_bytes(WALPOOL_TEXT, "text", 4);
    put_real(0.5);
}

TEST(params__give_views_of_a_good_block)
{
    make_rows();
    CHECK_INT(check_block(), WALPOOL_OK);
    CHECK(params.header == &block.header);
    CHECK(params.block == block.bytes);
    CHECK_INT(params.columns, 3);
    CHECK_INT(params.rows, 2);
    CHECK(params.names == cell(0));
    CHECK(params.cells == cell(3));
    make_row();
    CHECK_INT(check_block(), WALPOOL_OK);
    CHECK(params.names == NULL);
    CHECK(params.cells == cell(0));
    CHECK_INT(params.rows, 1);
}

TEST(params__may_be_none)
{
    memset(&params, 0xAA, sizeof params);
    CHECK_INT(walpool__params_check(NULL, 0, &params, &err), WALPOOL_OK);
    CHECK(params.header == NULL && params.cells == NULL);
    CHECK_INT(params.columns, 0);
    CHECK_INT(params.rows, 0);
    CHECK_INT(walpool__params_check(NULL, 64, &params, &err), WALPOOL_MISUSE);
    begin(0, 1, 0);
    CHECK_INT(check_block(), WALPOOL_OK);
    CHECK_INT(params.columns, 0);
}

struct layout_case {
    const char *what;
    size_t offset;
    size_t bytes;
    uint64_t value;
    const char *message;
};

#define HEADER(field)                     \
    offsetof(walpool_rows_header, field), \
        sizeof(((walpool_rows_header *)NULL)->field)

static const struct layout_case layouts[] = {
    {"magic", HEADER(magic), 0, "its magic is wrong"},
    {"another version", HEADER(magic), 0x32505257, "of another version"},
    {"rows", HEADER(row_count), 3, "its cells reach beyond its end"},
    {"all rows", HEADER(row_count), UINT32_MAX, "its cells reach beyond"},
    {"columns", HEADER(column_count), 32766, "its cells reach beyond"},
    {"columns into the arena", HEADER(column_count), 4, "its cells reach"},
    {"arena in the cells", HEADER(arena_start), 64, "its arena does not lie"},
    {"arena of 0", HEADER(arena_start), 0, "its arena does not lie"},
    {"arena backwards", HEADER(arena_end), 64, "its arena does not lie"},
    {"arena far off", HEADER(arena_start), UINT64_MAX, "its arena does not"},
    {"end far off", HEADER(arena_end), UINT64_MAX, "its arena does not"},
};

TEST(params__refuse_a_layout_that_does_not_fit_its_bytes)
{
    for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) {
        make_row();
        size_t bytes = (size_t)block.header.arena_end;
        memcpy(block.bytes + layouts[i].offset, &layouts[i].value,
               layouts[i].bytes);
        walpool_status status =
            walpool__params_check(block.bytes, bytes, &params, &err);
        if (status != WALPOOL_MISUSE)
            printf("# %s\n", layouts[i].what);
        CHECK_INT(status, WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "parameters: malformed rows block: ");
        CHECK_CONTAINS(err.message, layouts[i].message);
    }
}

TEST(params__refuse_more_columns_than_sqlite_has_parameters)
{
    make_row();
    size_t bytes = (size_t)block.header.arena_end;
    block.header.column_count = 32767;
    CHECK_INT(walpool__params_check(block.bytes, bytes, &params, &err),
              WALPOOL_PARAM);
    CHECK_STR(err.message,
              "32767 parameters in a row; SQLite takes at most 32766");
}

TEST(params__refuse_a_block_that_is_short_or_not_aligned)
{
    make_row();
    size_t bytes = (size_t)block.header.arena_end;
    unsigned char *moved = malloc(bytes + 8);
    memcpy(moved + 4, block.bytes, bytes);
    CHECK_INT(walpool__params_check(moved + 4, bytes, &params, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "not 8-byte aligned");
    free(moved);
    CHECK_INT(walpool__params_check(block.bytes, 63, &params, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "shorter than its header");
    CHECK_INT(walpool__params_check(block.bytes, bytes - 1, &params, &err),
              WALPOOL_MISUSE);
}

/* A text whose offset and length are these is refused as lying outside. */
static void
check_outside(uint64_t offset, uint32_t length)
{
    make_row();
    cell(1)->v.offset = offset;
    cell(1)->length = length;
    CHECK_INT(check_block(), WALPOOL_MISUSE);
    CHECK_STR(err.message,
              "parameter 2 lies outside the arena of its rows block");
    cell(1)->type = WALPOOL_BLOB;
    CHECK_INT(check_block(), WALPOOL_MISUSE);
}

TEST(params__refuse_bytes_outside_the_arena)
{
    make_row();
    uint64_t start = block.header.arena_start, end = block.header.arena_end;
    check_outside(end, 1);
    check_outside(start, (uint32_t)(end - start + 1));
    check_outside(start - 1, 1);
    check_outside(start, UINT32_MAX);
    check_outside(UINT64_MAX, 1);
    check_outside(UINT64_MAX - 3, 4);
    check_outside(0, 0);
    cell(1)->v.offset = end;
    cell(1)->length = 0;
    CHECK_INT(check_block(), WALPOOL_OK);
}

TEST(params__refuse_a_type_that_does_not_exist)
{
    static const uint32_t types[] = {5, WALPOOL_LARGE | WALPOOL_TEXT,
                                     WALPOOL_LARGE, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        make_row();
        cell(0)->type = types[i];
        CHECK_INT(check_block(), WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "parameter 1 has the unknown type ");
    }
}

TEST(params__name_the_parameter_that_is_nan)
{
    make_row();
    cell(2)->v.real = NAN;
    CHECK_INT(check_block(), WALPOOL_PARAM);
    CHECK_STR(err.message,
              "parameter 3 is NaN, which SQLite would store as NULL");
    make_rows();
    cell(6)->v.real = -NAN;
    CHECK_INT(check_block(), WALPOOL_PARAM);
    CHECK_STR(err.message, "parameter 1 (\":id\") of row 2 is NaN, which "
                           "SQLite would store as NULL");
}

TEST(params__name_the_text_that_is_not_utf8_whatever_the_flags_say)
{
    make_rows();
    block.header.flags |= WALPOOL_ROWS_ASCII;
    block.bytes[cell(4)->v.offset + 2] = 'o'; /* its lead byte stays */
    CHECK_INT(check_block(), WALPOOL_ENCODING);
    CHECK_STR(err.message, "parameter 2 (\"name\") of row 1 is not valid "
                           "UTF-8 at byte 1; pass it as a blob");
}

TEST(params__have_names_that_are_text)
{
    make_rows();
    cell(1)->type = WALPOOL_BLOB;
    CHECK_INT(check_block(), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "a name is not TEXT");
    make_rows();
    cell(1)->v.offset = 0;
    CHECK_INT(check_block(), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "the name of parameter 2 lies outside");
    make_rows();
    block.bytes[cell(0)->v.offset] = 0xFF;
    CHECK_INT(check_block(), WALPOOL_ENCODING);
    CHECK_CONTAINS(err.message, "the name of parameter 1 is not valid UTF-8");
}

TEST(params__do_not_need_an_error_slot)
{
    make_row();
    cell(2)->v.real = NAN;
    CHECK_INT(walpool__params_check(block.bytes, (size_t)block.header.arena_end,
                                    &params, NULL),
              WALPOOL_PARAM);
}

/* Read all that a block which was found good promises. */
static uint64_t
read_all(size_t bytes)
{
    uint64_t sum = 0;
    size_t names = params.names != NULL ? params.columns : 0;
    size_t count = (size_t)params.rows * params.columns;
    for (size_t i = 0; i < names + count; i++) {
        const walpool_cell *at =
            i < names ? &params.names[i] : &params.cells[i - names];
        CHECK(i < names ? at->type == WALPOOL_TEXT : at->type <= WALPOOL_BLOB);
        CHECK(at->type != WALPOOL_REAL || at->v.real == at->v.real);
        if (at->type < WALPOOL_TEXT)
            continue;
        CHECK(at->v.offset + at->length <= bytes);
        for (uint32_t j = 0; j < at->length; j++)
            sum += params.block[at->v.offset + j];
    }
    return sum;
}

TEST(params__survive_mutated_blocks)
{
    struct fuzz fuzz = {20240608};
    int good = 0;
    for (int round = 0; round < 200000; round++) {
        size_t bytes;
        if (round % 1000 == 0) {
            if (round % 2000 == 0)
                make_rows();
            else
                make_row();
        }
        void *copy = fuzz_copy(&fuzz, block.bytes,
                               (size_t)block.header.arena_end, &bytes);
        walpool_status status =
            walpool__params_check(copy, bytes, &params, &err);
        if (status == WALPOOL_OK) {
            good++;
            read_all(bytes);
        }
        free(copy);
    }
    CHECK(good > 1000); /* else the mutations prove nothing */
}

CHECK_MAIN()
