/* answer: what was put in comes out, whole, cut or damaged. */
#include "answer.h"

#include "api.h"
#include "fuzz.h"
#include "mem.h"

static struct walpool__answer answer;
static walpool_rows block, out;

static void
begin(void)
{
    memset(&answer, 0, sizeof answer);
    answer.rows_limit = 1 << 20;
    walpool_rows_init(&block);
    walpool_rows_init(&out);
}

static void
end(void)
{
    walpool__answer_finish(&answer);
    walpool__answer_finish(&answer); /* may be twice */
    walpool_rows_finish(&block);
    walpool_rows_finish(&out);
}

/* A block as a write makes it: with names and a shape. */
static void
make_block(void)
{
    static const char *const names[] = {"n", "sch\xC3\xB6n", ""};
    CHECK_OK(walpool_rows_begin(&block, 3, names, &err));
    walpool_rows_add_int64(&block, INT64_MIN, NULL);
    walpool_rows_add_double(&block, -0.0, NULL);
    walpool_rows_add_text(&block, "a\0\xC3\xA4", 4, NULL);
    walpool_rows_add_null(&block, NULL);
    walpool_rows_add_blob(&block, "\xFF\x00", 2, NULL);
    walpool_rows_add_text(&block, "", 0, NULL);
    walpool_rows_add_int64(&block, INT64_MAX, NULL);
    walpool_rows_add_double(&block, 1e300, NULL);
    walpool_rows_add_blob(&block, NULL, 0, NULL);
    ((walpool_rows_header *)(void *)block.data)->shape = 0xFEDCBA9876543210;
}

static struct walpool__part
part_at(size_t *offset)
{
    struct walpool__part part;
    CHECK(walpool__answer_part(&answer, offset, &part));
    return part;
}

static walpool_status
write_block(const struct walpool__part *part, const struct walpool__sink *how,
            size_t *bytes)
{
    struct walpool__sink sink = *how;
    size_t none;
    sink.rows = &out;
    return walpool__answer_block(&answer, part, &sink,
                                 bytes != NULL ? bytes : &none, &err);
}

static bool
same_cell(const walpool_rows *a, const walpool_rows *b, size_t row,
          size_t column)
{
    const walpool_cell *x = walpool_rows_cell(a, row, column);
    const walpool_cell *y = walpool_rows_cell(b, row, column);
    if (x->type != y->type || x->length != y->length)
        return false;
    if (x->type == WALPOOL_TEXT || x->type == WALPOOL_BLOB)
        return memcmp(a->data + x->v.offset, b->data + y->v.offset,
                      x->length) == 0;
    return x->v.offset == y->v.offset;
}

TEST(answer__gives_back_every_number)
{
    static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 127, 128,
                                      INT32_MAX, INT64_MAX, INT64_MIN};
    enum { COUNT = sizeof numbers / sizeof numbers[0] };
    struct walpool__part part;
    size_t offset = 0;
    begin();
    for (int i = 0; i < COUNT; i++)
        CHECK_OK(walpool__answer_add(&answer, numbers[i],
                                     numbers[COUNT - 1 - i], NULL, &err));
    for (int i = 0; i < COUNT; i++) {
        part = part_at(&offset);
        CHECK(part.changes == numbers[i]);
        CHECK(part.last_rowid == numbers[COUNT - 1 - i]);
        CHECK_INT(part.columns, 0);
        CHECK_INT(part.shape, 1);
    }
    CHECK_INT(offset, answer.bytes);
    CHECK(!walpool__answer_part(&answer, &offset, &part));
    end();
}

TEST(answer__gives_back_every_value)
{
    size_t offset = 0;
    begin();
    make_block();
    CHECK_OK(walpool__answer_add(&answer, 3, 9, &block, &err));
    struct walpool__part part = part_at(&offset);
    struct walpool__sink sink = {.want_names = true};
    CHECK_OK(write_block(&part, &sink, NULL));
    CHECK_INT(walpool_rows_count(&out), 3);
    for (size_t row = 0; row < 3; row++)
        for (size_t column = 0; column < 3; column++)
            CHECK(same_cell(&block, &out, row, column));
    const walpool_rows_header *header = api_header(&out);
    CHECK_INT(header->changes, 3);
    CHECK_INT(header->last_rowid, 9);
    CHECK(header->shape == 0xFEDCBA9876543210);
    CHECK_INT(header->flags, WALPOOL_ROWS_NAMES); /* not all is ASCII */
    CHECK_INT(((const walpool_cell *)(const void *)(header + 1))[1].length, 6);
    end();
}

TEST(answer__has_names_and_rows_as_they_are_wanted)
{
    static const struct {
        struct walpool__sink sink;
        int names, rows;
    } cases[] = {
        {{.want_names = true}, 1, 3},
        {{.want_names = false}, 0, 3},
        {{.known_shape = 5}, 1, 3},
        {{.known_shape = 0xFEDCBA9876543210}, 0, 3},
        {{.first = true}, 0, 1},
        {{.first = true, .want_names = true}, 1, 1},
    };
    size_t offset = 0;
    begin();
    make_block();
    CHECK_OK(walpool__answer_add(&answer, 3, 9, &block, &err));
    struct walpool__part part = part_at(&offset);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_OK(write_block(&part, &cases[i].sink, NULL));
        CHECK_INT((api_header(&out)->flags & WALPOOL_ROWS_NAMES) != 0,
                  cases[i].names);
        CHECK_INT(walpool_rows_count(&out), cases[i].rows);
        CHECK(walpool_rows_int64(&out, 0, 0) == INT64_MIN);
    }
    end();
}

TEST(answer__puts_blocks_one_behind_the_other)
{
    size_t offset = 0, bytes[2];
    struct walpool__part parts[2];
    struct walpool__sink sink = {.compact = true};
    walpool_rows view;
    begin();
    make_block();
    for (int i = 0; i < 2; i++)
        CHECK_OK(walpool__answer_add(&answer, i, i, &block, &err));
    for (int i = 0; i < 2; i++) {
        parts[i] = part_at(&offset);
        CHECK_OK(write_block(&parts[i], &sink, &bytes[i]));
        CHECK_INT(bytes[i] % 8, 0);
        sink.offset += bytes[i];
    }
    for (int i = 0; i < 2; i++) {
        walpool_rows_wrap(&view, out.data + (i ? bytes[0] : 0), bytes[i]);
        CHECK_INT(api_header(&view)->changes, i);
        CHECK(same_cell(&block, &view, 0, 2));
    }
    end();
}

TEST(answer__without_columns_is_a_block_all_the_same)
{
    size_t offset = 0;
    begin();
    CHECK_OK(walpool__answer_add(&answer, 7, 8, NULL, &err));
    struct walpool__part part = part_at(&offset);
    struct walpool__sink sink = {.want_names = true};
    CHECK_OK(write_block(&part, &sink, NULL));
    CHECK_INT(walpool_rows_count(&out), 0);
    CHECK_INT(api_header(&out)->changes, 7);
    CHECK_INT(api_header(&out)->shape, 1);
    end();
}

TEST(answer__that_does_not_fit_a_wrapped_buffer_is_too_big)
{
    static _Alignas(8) unsigned char memory[1024];
    struct walpool__sink sink = {.rows = &out, .want_names = true};
    size_t offset = 0, none, bytes = 0;
    begin();
    make_block();
    CHECK_OK(walpool__answer_add(&answer, 3, 9, &block, &err));
    struct walpool__part part = part_at(&offset);
    for (; bytes < sizeof memory; bytes += 8) {
        walpool_rows_wrap(&out, memory, bytes);
        if (walpool__answer_block(&answer, &part, &sink, &none, &err) ==
            WALPOOL_OK)
            break;
        CHECK_INT(err.status, WALPOOL_TOOBIG);
    }
    CHECK(bytes > WALPOOL_ROWS_HEADER_BYTES + 12 * WALPOOL_CELL_BYTES);
    CHECK(bytes < sizeof memory);
    walpool_rows_init(&out);
    end();
}

TEST(answer__is_limited_in_all_its_rows)
{
    begin();
    make_block();
    answer.rows_limit = 200;
    while (walpool__answer_add(&answer, 3, 9, &block, &err) == WALPOOL_OK)
        CHECK(answer.rows_bytes <= 200);
    CHECK_INT(err.status, WALPOOL_TOOBIG);
    CHECK_CONTAINS(err.message, "more than 200 bytes");
    walpool__answer_finish(&answer);
    for (int i = 0; i < 1000; i++) /* numbers are not */
        CHECK_OK(walpool__answer_add(&answer, 3, 9, NULL, &err));
    end();
}

TEST(answer__without_memory_says_so)
{
    size_t offset = 0, none;
    struct walpool__part part;
    struct walpool__sink sink = {.rows = &out, .want_names = true};
    begin();
    make_block();
    walpool__mem_fail_after(0);
    CHECK_STATUS(walpool__answer_add(&answer, 3, 9, &block, &err),
                 WALPOOL_NOMEM);
    CHECK_OK(walpool__answer_add(&answer, 3, 9, &block, &err));
    part = part_at(&offset);
    walpool__mem_fail_after(0);
    CHECK_STATUS(walpool__answer_block(&answer, &part, &sink, &none, &err),
                 WALPOOL_NOMEM);
    walpool__mem_fail_after(-1);
    end();
}

/* ---------------------------------------------------------------- damaged */

static void
read_all(void)
{
    struct walpool__sink sink = {.rows = &out, .want_names = true};
    struct walpool__part part;
    size_t offset = 0, none;
    while (walpool__answer_part(&answer, &offset, &part)) {
        walpool_status status =
            walpool__answer_block(&answer, &part, &sink, &none, &err);
        if (status != WALPOOL_OK)
            CHECK_STATUS(status, WALPOOL_CORRUPT);
    }
}

TEST(answer__that_is_cut_off_anywhere_has_no_last_part)
{
    size_t offset = 0;
    struct walpool__part part;
    begin();
    make_block();
    CHECK_OK(walpool__answer_add(&answer, 3, 9, &block, &err));
    size_t whole = answer.bytes;
    unsigned char *copy = malloc(whole);
    memcpy(copy, answer.data, whole);
    for (size_t bytes = 0; bytes < whole; bytes++) {
        walpool__answer_finish(&answer);
        CHECK_OK(walpool__answer_load(&answer, copy, bytes, &err));
        offset = 0;
        CHECK(!walpool__answer_part(&answer, &offset, &part));
    }
    free(copy);
    end();
}

TEST(answer__of_any_bytes_is_read_without_harm)
{
    struct fuzz fuzz = {.state = 7};
    struct walpool__answer good = {.rows_limit = 1 << 20};
    begin();
    make_block();
    for (int i = 0; i < 3; i++)
        CHECK_OK(walpool__answer_add(&good, i, 9, &block, &err));
    for (int round = 0; round < 20000; round++) {
        size_t bytes;
        void *bad = fuzz_copy(&fuzz, good.data, good.bytes, &bytes);
        walpool__answer_finish(&answer);
        CHECK_OK(walpool__answer_load(&answer, bad, bytes, &err));
        read_all();
        free(bad);
    }
    walpool__answer_finish(&good);
    end();
}

TEST(answer__with_bad_text_is_damaged)
{
    /* changes 0, last_rowid 0, 1 column, 1 row, shape 1, name "", TEXT FF */
    static const unsigned char bytes[] = {0, 0, 1, 1, 1, 0, 3, 1, 0xFF};
    struct walpool__sink sink = {.rows = &out};
    struct walpool__part part;
    size_t offset = 0, none;
    begin();
    CHECK_OK(walpool__answer_load(&answer, bytes, sizeof bytes, &err));
    part = part_at(&offset);
    CHECK_STATUS(walpool__answer_block(&answer, &part, &sink, &none, &err),
                 WALPOOL_CORRUPT);
    CHECK_CONTAINS(err.message, "walpool_once");
    end();
}

CHECK_MAIN()
