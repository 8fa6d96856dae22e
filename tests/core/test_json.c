/* json: text that says how much room it needs. */
#include "json.h"

#include "inside.h"

static struct walpool__json json;
static char room[64];

static void
begin(size_t capacity)
{
    memset(room, '!', sizeof room);
    CHECK_OK(walpool__json_begin(&json, capacity ? room : NULL, capacity, &err));
}

static const char *
quoted(const char *text)
{
    begin(sizeof room);
    walpool__json_string(&json, text);
    CHECK_OK(walpool__json_end(&json, NULL, &err));
    return room;
}

TEST(json__escapes_what_a_string_cannot_hold)
{
    CHECK_STR(quoted(""), "\"\"");
    CHECK_STR(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    CHECK_STR(quoted("\n\x01\x1f"), "\"\\u000a\\u0001\\u001f\"");
    CHECK_STR(quoted("\xc3\xa4/\x7f"), "\"\xc3\xa4/\x7f\"");
}

TEST(json__counts_what_does_not_fit)
{
    size_t need = 0;
    for (size_t capacity = 0; capacity < 8; capacity++) {
        begin(capacity);
        walpool__json_put(&json, "[%d,", 12);
        walpool__json_string(&json, "x");
        walpool__json_put(&json, "]");
        CHECK_STATUS(walpool__json_end(&json, &need, &err), WALPOOL_TOOBIG);
        CHECK_INT(need, 9);
        CHECK_CONTAINS(err.message, "9 bytes are needed");
        CHECK_INT(room[capacity], '!');
    }
    begin(9);
    walpool__json_put(&json, "[%d,", 12);
    walpool__json_string(&json, "x");
    walpool__json_put(&json, "]");
    CHECK_OK(walpool__json_end(&json, &need, &err));
    CHECK_STR(room, "[12,\"x\"]");
    CHECK_INT(room[9], '!');
}

TEST(json__needs_a_buffer_for_its_capacity)
{
    CHECK_STATUS(walpool__json_begin(&json, NULL, 1, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "dst is NULL and capacity 1");
}

CHECK_MAIN()
