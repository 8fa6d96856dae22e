/* Blocks that a caller hands in are believed in nothing: every word of a
 * parameter block is bent, and the call must answer, not crash. */
#include "api.h"

static walpool_rows params;
static walpool *db;

static void
set_up(void)
{
    const char *const names[] = {"a", "b"};
    db = api_open("a.db", "");
    walpool_rows_init(&params);
    CHECK_OK(walpool_rows_begin(&params, 2, names, &err));
    CHECK_OK(walpool_rows_add_text(&params, "hello", 5, &err));
    CHECK_OK(walpool_rows_add_int64(&params, 42, &err));
}

static void
tear_down(void)
{
    walpool_rows_finish(&params);
    api_close(db);
}

static walpool_status
read_with(const void *block, size_t bytes)
{
    walpool_statement query = {.sql = "SELECT :a, :b", .params = block, .params_bytes = bytes};
    return walpool_read(db, &query, NULL, NULL, &err);
}

TEST(block__a_good_one_is_taken)
{
    set_up();
    CHECK_OK(read_with(params.data, (size_t)api_header(&params)->arena_end));
    CHECK_OK(read_with(params.data, params.capacity));
    tear_down();
}

TEST(block__one_cut_short_is_refused_at_every_length)
{
    set_up();
    size_t bytes = (size_t)api_header(&params)->arena_end;
    for (size_t cut = 1; cut < bytes; cut += cut < 200 ? 1 : 97) {
        unsigned char *copy = malloc(cut); /* exact: a sanitizer sees more */
        memcpy(copy, params.data, cut);
        CHECK_STATUS(read_with(copy, cut), WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "block");
        free(copy);
    }
    tear_down();
}

TEST(block__null_with_a_length_and_a_crooked_address_are_refused)
{
    set_up();
    CHECK_STATUS(read_with(NULL, 64), WALPOOL_MISUSE);
    CHECK_STATUS(read_with(params.data + 4, 64), WALPOOL_MISUSE);
    tear_down();
}

TEST(block__any_wrong_word_gives_an_answer)
{
    static const uint32_t words[] = {
        0, 1, 0x7fffffff, 0x80000000u, 0xffffffffu, 64, 4096, 3, 5, 0x103};
    set_up();
    size_t bytes = (size_t)api_header(&params)->arena_end;
    uint32_t *copy = malloc(bytes);
    size_t cells = WALPOOL_ROWS_HEADER_BYTES + 4 * WALPOOL_CELL_BYTES;
    for (size_t at = 0; at < cells; at += 4)
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            memcpy(copy, params.data, bytes);
            copy[at / 4] = words[i];
            walpool_status status = read_with(copy, bytes);
            CHECK(status == WALPOOL_OK || status == WALPOOL_MISUSE ||
                  status == WALPOOL_PARAM || status == WALPOOL_ENCODING);
        }
    free(copy);
    tear_down();
}

TEST(block__a_lie_about_ascii_is_not_believed)
{
    set_up();
    CHECK_OK(walpool_rows_begin(&params, 2, NULL, &err));
    CHECK_OK(walpool_rows_add_text(&params, "\xff\xfe", 2, &err));
    CHECK_OK(walpool_rows_add_null(&params, &err));
    walpool_rows_header *header = (void *)params.data;
    header->flags |= WALPOOL_ROWS_ASCII;
    walpool_statement query = {.sql = "SELECT ?, ?", .params = params.data,
                               .params_bytes = (size_t)header->arena_end};
    CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err), WALPOOL_ENCODING);
    CHECK_CONTAINS(err.message, "parameter 1");
    tear_down();
}

TEST(block__one_of_no_rows_is_a_missing_parameter_or_no_write)
{
    set_up();
    CHECK_OK(api_write(db, "CREATE TABLE t(a, b)"));
    CHECK_OK(walpool_rows_begin(&params, 2, NULL, &err));
    walpool_statement query = {.sql = "SELECT ?, ?", .params = params.data,
                               .params_bytes =
                                   (size_t)api_header(&params)->arena_end};
    CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err), WALPOOL_PARAM);
    query.sql = "INSERT INTO t VALUES (?, ?)";
    walpool_status status = walpool_write(db, &query, NULL, NULL, &err);
    CHECK(status == WALPOOL_OK || status == WALPOOL_PARAM);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    tear_down();
}

CHECK_MAIN()
