/* rows: blocks from both ends of a buffer, growing, packing, building. */
#include "rows.h"

#include "api.h"
#include "mem.h"

#define ANY_LIMIT (SIZE_MAX / 2)

static struct walpool__block block;

static void
begin(walpool_rows *rows, size_t offset, uint32_t columns)
{
    CHECK_OK(walpool__block_begin(&block, rows, offset, ANY_LIMIT, columns,
                                  &err));
}

/* Add one row of an INTEGER and a TEXT, growing where needed. */
static void
put_row(int64_t number, const char *text)
{
    size_t need = 2 * WALPOOL_CELL_BYTES + strlen(text);
    bool nomem;
    CHECK(walpool__block_has(&block, need) ||
          walpool__block_grow(&block, need, &nomem));
    walpool_cell *cell = walpool__block_cell(&block);
    *cell = (walpool_cell){.type = WALPOOL_INTEGER, .v.integer = number};
    cell = walpool__block_cell(&block);
    *cell = (walpool_cell){.type = WALPOOL_TEXT,
                           .length = (uint32_t)strlen(text)};
    cell->v.offset = walpool__block_put(&block, text, strlen(text));
    block.row_count++;
}

static const walpool_cell *
cells_at(const walpool_rows *rows, size_t offset)
{
    return (const walpool_cell *)(const void *)(rows->data + offset +
                                                WALPOOL_ROWS_HEADER_BYTES);
}

static void
check_text_cell(const walpool_rows *rows, size_t offset, size_t index,
                const char *want)
{
    const walpool_cell *cell = &cells_at(rows, offset)[index];
    CHECK_INT(cell->type, WALPOOL_TEXT);
    CHECK_INT(cell->length, strlen(want));
    CHECK(memcmp(rows->data + offset + cell->v.offset, want, strlen(want)) ==
          0);
}

TEST(rows__writes_cells_upwards_and_bytes_downwards)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(&rows, 0, 2);
    put_row(1, "one");
    put_row(2, "two");
    const walpool_rows_header *header = walpool__block_end(&block);
    CHECK_INT(header->magic, WALPOOL_ROWS_MAGIC);
    CHECK_INT(header->flags, WALPOOL_ROWS_ASCII);
    CHECK_INT(header->column_count, 2);
    CHECK_INT(header->row_count, 2);
    CHECK_INT(header->arena_end, rows.capacity);
    CHECK_INT(header->arena_start, rows.capacity - 6);
    CHECK_INT(header->cursor, 0);
    check_text_cell(&rows, 0, 1, "one");
    check_text_cell(&rows, 0, 3, "two");
    walpool_rows_finish(&rows);
}

TEST(rows__moves_offsets_when_the_buffer_grows)
{
    char text[32];
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(&rows, 0, 2);
    size_t first = rows.capacity;
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "row %d", i);
        put_row(i, text);
    }
    walpool__block_end(&block);
    CHECK(rows.capacity > 8 * first);
    CHECK_INT(walpool_rows_count(&rows), 2000);
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "row %d", i);
        CHECK_INT(walpool_rows_int64(&rows, (size_t)i, 0), i);
        check_text_cell(&rows, 0, 2 * (size_t)i + 1, text);
    }
    walpool_rows_finish(&rows);
}

TEST(rows__leaves_large_cells_alone_when_the_buffer_grows)
{
    bool nomem;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(&rows, 0, 1);
    walpool_cell *cell = walpool__block_cell(&block);
    *cell = (walpool_cell){.type = WALPOOL_BLOB | WALPOOL_LARGE, .length = 9};
    CHECK(walpool__block_grow(&block, 100000, &nomem));
    CHECK_INT(cells_at(&rows, 0)->v.offset, 0);
    walpool_rows_finish(&rows);
}

TEST(rows__packs_blocks_one_behind_the_other)
{
    walpool_rows rows;
    size_t offsets[9] = {0};
    char text[64] = "";
    walpool_rows_init(&rows);
    for (int i = 0; i < 8; i++) {
        begin(&rows, offsets[i], 2);
        put_row(i, text);
        put_row(-i, "behind");
        walpool__block_end(&block);
        offsets[i + 1] = offsets[i] + walpool__block_compact(&block);
        CHECK_INT(offsets[i + 1] % 8, 0);
        strcat(text, "longer ");
    }
    text[0] = 0;
    for (int i = 0; i < 8; i++) {
        const walpool_rows_header *header =
            (const void *)(rows.data + offsets[i]);
        CHECK_INT(header->arena_start, 64 + 4 * WALPOOL_CELL_BYTES);
        CHECK(header->arena_end <= offsets[i + 1] - offsets[i]);
        CHECK_INT(cells_at(&rows, offsets[i])->v.integer, i);
        check_text_cell(&rows, offsets[i], 1, text);
        check_text_cell(&rows, offsets[i], 3, "behind");
        strcat(text, "longer ");
    }
    walpool_rows_finish(&rows);
}

TEST(rows__does_not_grow_beyond_a_limit)
{
    bool nomem = true;
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_OK(walpool__block_begin(&block, &rows, 0, 10000, 1, &err));
    CHECK(walpool__block_grow(&block, 10000 - 64, &nomem));
    CHECK_INT(rows.capacity, 10000);
    CHECK(!walpool__block_grow(&block, 10000 - 63, &nomem));
    CHECK(!nomem);
    CHECK(!walpool__block_grow(&block, SIZE_MAX - 7, &nomem));
    CHECK(!nomem);
    walpool_rows_finish(&rows);
}

TEST(rows__keeps_a_block_that_could_not_grow)
{
    bool nomem = false;
    walpool_rows rows;
    walpool_rows_init(&rows);
    begin(&rows, 0, 2);
    put_row(1, "kept");
    walpool__mem_fail_after(0);
    bool grew = walpool__block_grow(&block, 1 << 20, &nomem);
    walpool__mem_fail_after(-1);
    CHECK(!grew);
    CHECK(nomem);
    put_row(2, "after");
    walpool__block_end(&block);
    check_text_cell(&rows, 0, 1, "kept");
    check_text_cell(&rows, 0, 3, "after");
    walpool_rows_finish(&rows);
}

/* As the heap may give it: what looks like a block is none until it is one. */
TEST(rows__is_no_block_before_its_end)
{
    _Alignas(8) unsigned char memory[4096];
    walpool_rows rows;
    walpool_rows_wrap(&rows, memory, sizeof memory);
    begin(&rows, 0, 2);
    put_row(1, "old");
    walpool__block_end(&block);
    CHECK_INT(walpool_rows_count(&rows), 1);
    begin(&rows, 0, 2);
    put_row(2, "new");
    CHECK_INT(walpool_rows_count(&rows), 0);
    walpool__block_end(&block);
    CHECK_INT(walpool_rows_count(&rows), 1);
}

TEST(rows__needs_room_for_a_header_and_one_row)
{
    _Alignas(8) unsigned char memory[128];
    walpool_rows rows;
    for (size_t capacity = 0; capacity <= sizeof memory; capacity++) {
        walpool_rows_wrap(&rows, memory, capacity);
        CHECK_STATUS(walpool__block_begin(&block, &rows, 0, ANY_LIMIT, 2, &err),
                     capacity < 96 ? WALPOOL_TOOBIG : WALPOOL_OK);
    }
    walpool_rows_wrap(&rows, NULL, 4096);
    CHECK_STATUS(walpool__block_begin(&block, &rows, 0, ANY_LIMIT, 2, &err),
                 WALPOOL_TOOBIG);
    walpool_rows_wrap(&rows, memory + 4, 100);
    CHECK_STATUS(walpool__block_begin(&block, &rows, 0, ANY_LIMIT, 0, &err),
                 WALPOOL_MISUSE);
}

TEST(rows__never_writes_outside_wrapped_memory)
{
    _Alignas(8) unsigned char memory[264];
    for (size_t capacity = 0; capacity <= 256; capacity++) {
        walpool_rows rows;
        memset(memory, 0xEE, sizeof memory);
        walpool_rows_wrap(&rows, memory, capacity);
        walpool_status status = walpool_rows_begin(&rows, 2, NULL, &err);
        while (status == WALPOOL_OK)
            status = walpool_rows_add_text(&rows, "abc", 3, &err);
        CHECK_STATUS(status, WALPOOL_TOOBIG);
        for (size_t i = capacity; i < sizeof memory; i++)
            CHECK_INT(memory[i], 0xEE);
    }
}

TEST(rows__builds_every_type_and_counts_whole_rows)
{
    static const char *const names[] = {":n", "r", "@t", "$b", "z"};
    walpool_rows rows;
    size_t bytes = 9;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 5, names, &err));
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK_OK(walpool_rows_add_int64(&rows, INT64_MIN, &err));
    CHECK_OK(walpool_rows_add_double(&rows, -0.5, &err));
    CHECK_OK(walpool_rows_add_text(&rows, "\xC3\xA4\0b", 4, &err));
    CHECK_OK(walpool_rows_add_blob(&rows, NULL, 0, &err));
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK(api_header(&rows)->flags & WALPOOL_ROWS_PARTIAL);
    CHECK_OK(walpool_rows_add_null(&rows, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_INT(api_header(&rows)->flags, WALPOOL_ROWS_NAMES);
    CHECK(walpool_rows_int64(&rows, 0, 0) == INT64_MIN);
    CHECK(walpool_rows_double(&rows, 0, 1) == -0.5);
    CHECK(memcmp(walpool_rows_bytes(&rows, 0, 2, &bytes), "\xC3\xA4\0b", 4) ==
          0);
    CHECK_INT(bytes, 4);
    CHECK(walpool_rows_bytes(&rows, 0, 3, &bytes) != NULL);
    CHECK_INT(bytes, 0);
    CHECK_INT(walpool_rows_cell(&rows, 0, 4)->type, WALPOOL_NULL);
    check_text_cell(&rows, 0, 0, ":n");
    walpool_rows_finish(&rows);
}

TEST(rows__refuses_values_that_fit_nowhere)
{
    static const char *const hole[] = {"a", NULL};
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_STATUS(walpool_rows_add_null(&rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(&rows, 2, hole, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "name 2");
    CHECK_STATUS(walpool_rows_add_null(&rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(&rows, 32767, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_begin(NULL, 1, NULL, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_rows_begin(&rows, 0, NULL, &err));
    CHECK_INT(walpool_rows_count(&rows), 1);
    CHECK_STATUS(walpool_rows_add_int64(&rows, 1, &err), WALPOOL_MISUSE);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_STATUS(walpool_rows_add_text(&rows, NULL, 1, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_rows_add_blob(&rows, "", (size_t)1 << 32, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(walpool_rows_count(&rows), 0);
    walpool_rows_finish(&rows);
}

TEST(rows__goes_on_after_an_allocation_that_failed)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    walpool__mem_fail_after(0);
    CHECK_STATUS(walpool_rows_begin(&rows, 1, NULL, &err), WALPOOL_NOMEM);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    walpool__mem_fail_after(0);
    int added = 0;
    while (walpool_rows_add_int64(&rows, added, &err) == WALPOOL_OK)
        added++;
    CHECK_STATUS((walpool_status)err.status, WALPOOL_NOMEM);
    walpool__mem_fail_after(-1);
    CHECK_OK(walpool_rows_add_int64(&rows, added, &err));
    CHECK_INT(walpool_rows_count(&rows), added + 1);
    for (int i = 0; i <= added; i++)
        CHECK_INT(walpool_rows_int64(&rows, (size_t)i, 0), i);
    walpool_rows_finish(&rows);
}

TEST(rows__cuts_reals_to_integers_inside_the_range_only)
{
    static const struct {
        double real;
        int64_t want;
    } cases[] = {{1.9, 1},
                 {-1.9, -1},
                 {0x1p62, (int64_t)1 << 62},
                 {-0x1p63, INT64_MIN},
                 {0x1p63, 0},
                 {-0x1.0000000000001p63, 0},
                 {1.0 / 0.0, 0},
                 {-1.0 / 0.0, 0},
                 {0.0 / 0.0, 0}};
    walpool_rows rows;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        CHECK_OK(walpool_rows_add_double(&rows, cases[i].real, &err));
        CHECK_INT(walpool_rows_int64(&rows, i, 0), cases[i].want);
    }
    walpool_rows_finish(&rows);
}

TEST(rows__is_empty_after_a_clear)
{
    walpool_rows rows;
    walpool__rows_clear(NULL);
    walpool_rows_init(&rows);
    walpool__rows_clear(&rows);
    CHECK_OK(walpool_rows_begin(&rows, 1, NULL, &err));
    CHECK_OK(walpool_rows_add_int64(&rows, 1, &err));
    walpool__rows_clear(&rows);
    CHECK_INT(walpool_rows_count(&rows), 0);
    CHECK(walpool_rows_cell(&rows, 0, 0) == NULL);
    CHECK_STATUS(walpool_rows_add_int64(&rows, 1, &err), WALPOOL_MISUSE);
    walpool_rows_finish(&rows);
    walpool_rows_wrap(&rows, (void *)(uintptr_t)4, 4096);
    walpool__rows_clear(&rows);
    walpool_rows_wrap(&rows, NULL, 4096);
    walpool__rows_clear(&rows);
}

CHECK_MAIN()
