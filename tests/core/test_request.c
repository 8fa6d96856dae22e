/* request: every field arrives, and no offset leads outside. */
#include "request.h"

#include "check.h"
#include "fuzz.h"

static walpool_error err;
static walpool_statement statement;
static walpool_call call;
static char why[WALPOOL_WHY_BYTES];
static size_t used;

/* A request with SQL, label and room for parameters, in whole words. */
static union {
    struct walpool__request header;
    unsigned char bytes[256];
} request;

static void
make_request(void)
{
    static const char sql[] = "SELECT ?";
    memset(&request, 0, sizeof request);
    memcpy(request.bytes + 80, sql, 8);
    memcpy(request.bytes + 88, "report", 6);
    memcpy(request.bytes + 96, "key-1", 5);
    request.header = (struct walpool__request){.magic = WALPOOL_REQUEST_MAGIC,
                                               .flags = WALPOOL_CALL_FIRST |
                                                        WALPOOL_CALL_ANY_THREAD |
                                                        WALPOOL_REQUEST_EXPECT,
                                               .timeout_ms = 250,
                                               .token = 77,
                                               .shape = 0x123456789ABCDEF0,
                                               .sql_offset = 80,
                                               .sql_bytes = 8,
                                               .why_offset = 88,
                                               .why_bytes = 6,
                                               .params_offset = 104,
                                               .request_bytes = 184,
                                               .expect = -7,
                                               .once_offset = 96,
                                               .once_bytes = 5};
}

static walpool_status
decode(void)
{
    return walpool_request_decode(&request, sizeof request, &statement, &call,
                                  why, &used, &err);
}

TEST(request__becomes_a_statement_and_a_call)
{
    make_request();
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK(statement.sql == (char *)request.bytes + 80);
    CHECK_INT(statement.sql_bytes, 8);
    CHECK(statement.params == request.bytes + 104);
    CHECK_INT(statement.params_bytes, 80);
    CHECK_INT(call.flags, WALPOOL_CALL_FIRST | WALPOOL_CALL_ANY_THREAD);
    CHECK_INT(call.timeout_ms, 250);
    CHECK_INT((uintptr_t)call.token, 77);
    CHECK(call.shape == 0x123456789ABCDEF0);
    CHECK(call.why == why);
    CHECK_STR(why, "report");
    CHECK(call.leave == NULL);
    CHECK_INT(statement.flags, WALPOOL_STATEMENT_EXPECT);
    CHECK_INT(statement.expect, -7);
    CHECK(call.once_key == request.bytes + 96);
    CHECK_INT(call.once_bytes, 5);
    CHECK_INT(used, 184);
}

TEST(request__may_do_without_expectation_and_key)
{
    make_request();
    request.header.flags = WALPOOL_CALL_DURABLE;
    request.header.once_bytes = 0;
    CHECK_INT(decode(), WALPOOL_OK); /* the call will be refused */
    CHECK(call.once_key != NULL);
    CHECK_INT(call.once_bytes, 0);
    request.header.once_offset = 0;
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK_INT(statement.flags, 0);
    CHECK_INT(call.flags, WALPOOL_CALL_DURABLE);
    CHECK(call.once_key == NULL);
    CHECK_INT(call.once_bytes, 0);
}

TEST(request__may_do_without_parameters_and_label)
{
    make_request();
    request.header.params_offset = 0;
    request.header.why_bytes = 0;
    request.header.why_offset = UINT32_MAX;
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK(statement.params == NULL);
    CHECK_INT(statement.params_bytes, 0);
    CHECK(call.why == NULL);
    CHECK_STR(why, "");
}

TEST(request__needs_sql_only_where_a_statement_is_wanted)
{
    make_request();
    request.header.sql_bytes = 0;
    request.header.sql_offset = 0;
    CHECK_INT(decode(), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "it has no SQL");
    CHECK_INT(walpool_request_decode(&request, sizeof request, NULL, &call, why,
                                     NULL, &err),
              WALPOOL_OK);
    CHECK_INT(call.timeout_ms, 250);
}

TEST(request__cuts_a_long_label_between_characters)
{
    make_request();
    memset(request.bytes + 104, 'w', 64);
    memcpy(request.bytes + 104 + 46, "\xC3\xA4", 2);
    request.header.why_offset = 104;
    request.header.why_bytes = 64;
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK_INT(strlen(why), 46);
    memcpy(request.bytes + 104 + 45, "\xC3\xA4", 2);
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK_INT(strlen(why), 47);
    CHECK_STR(why + 45, "\xC3\xA4");
}

#define FIELD(name)                          \
    offsetof(struct walpool__request, name), \
        sizeof(((struct walpool__request *)NULL)->name)

static const struct {
    size_t offset;
    size_t bytes;
    uint64_t value;
    const char *message;
} refused[] = {
    {FIELD(magic), 0, "its magic is wrong"},
    {FIELD(magic), WALPOOL_ROWS_MAGIC, "its magic is wrong"},
    {FIELD(flags), 64, "it has unknown flags"},
    {FIELD(request_bytes), 72, "request_bytes is out of range"},
    {FIELD(request_bytes), 185, "no multiple of 8"},
    {FIELD(request_bytes), 264, "request_bytes is out of range"},
    {FIELD(request_bytes), UINT64_MAX - 7, "request_bytes is out of range"},
    {FIELD(request_bytes), 80, "the SQL lies outside"},
    {FIELD(sql_offset), 79, "the SQL lies outside"},
    {FIELD(sql_offset), 177, "the SQL lies outside"},
    {FIELD(sql_offset), UINT32_MAX, "the SQL lies outside"},
    {FIELD(sql_bytes), 105, "the SQL lies outside"},
    {FIELD(sql_bytes), UINT32_MAX, "the SQL lies outside"},
    {FIELD(why_offset), 8, "the label lies outside"},
    {FIELD(why_offset), UINT32_MAX, "the label lies outside"},
    {FIELD(why_bytes), 97, "the label lies outside"},
    {FIELD(once_offset), 8, "the once_key lies outside"},
    {FIELD(once_offset), UINT32_MAX, "the once_key lies outside"},
    {FIELD(once_bytes), 89, "the once_key lies outside"},
    {FIELD(params_offset), 108, "the parameters lie outside or are not"},
    {FIELD(params_offset), 8, "the parameters lie outside"},
    {FIELD(params_offset), 128, "the parameters lie outside"},
    {FIELD(params_offset), 184, "the parameters lie outside"},
    {FIELD(params_offset), UINT64_MAX - 7, "the parameters lie outside"},
};

TEST(request__is_refused_when_an_offset_leads_outside)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        make_request();
        memcpy(request.bytes + refused[i].offset, &refused[i].value,
               refused[i].bytes);
        CHECK_INT(decode(), WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "malformed request: ");
        CHECK_CONTAINS(err.message, refused[i].message);
    }
}

TEST(request__is_misused_by_null_and_by_a_block_that_is_short_or_crooked)
{
    make_request();
    CHECK_INT(
        walpool_request_decode(NULL, 64, &statement, &call, why, &used, &err),
        WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "is NULL");
    CHECK_INT(walpool_request_decode(&request, sizeof request, &statement, NULL,
                                     why, &used, &err),
              WALPOOL_MISUSE);
    CHECK_INT(walpool_request_decode(&request, sizeof request, &statement,
                                     &call, NULL, &used, NULL),
              WALPOOL_MISUSE);
    CHECK_INT(walpool_request_decode(request.bytes + 4, 128, &statement, &call,
                                     why, &used, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "not 8-byte aligned");
    CHECK_INT(walpool_request_decode(&request, 79, &statement, &call, why,
                                     &used, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "shorter than its header");
}

TEST(request__has_a_handle_where_its_text_would_be)
{
    const uint64_t handle = UINT64_C(0x123456789);
    make_request();
    request.header.flags |= WALPOOL_REQUEST_PREPARED;
    memcpy(&request.header.sql_offset, &handle, sizeof handle);
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK_INT((uintptr_t)statement.prepared, handle);
    CHECK(statement.sql == NULL);
    CHECK_INT(statement.sql_bytes, 0);
    CHECK_INT(statement.expect, -7);
    CHECK_INT(statement.params_bytes, 80);
    CHECK_INT(call.flags, WALPOOL_CALL_FIRST | WALPOOL_CALL_ANY_THREAD);
    make_request();
    CHECK_INT(decode(), WALPOOL_OK);
    CHECK(statement.prepared == NULL);
}

TEST(request__survives_mutated_blocks)
{
    struct fuzz fuzz = {20240609};
    int good = 0;
    make_request();
    for (int round = 0; round < 200000; round++) {
        size_t bytes;
        unsigned char *block = fuzz_copy(&fuzz, &request, 184, &bytes);
        if (walpool_request_decode(block, bytes, &statement, &call, why, &used,
                                   &err) == WALPOOL_OK) {
            bool prepared = ((struct walpool__request *)(void *)block)->flags &
                            WALPOOL_REQUEST_PREPARED;
            const unsigned char *sql = (const unsigned char *)statement.sql;
            const unsigned char *end = statement.params;
            good++;
            CHECK(used <= bytes && strlen(why) < sizeof why);
            CHECK(prepared == (sql == NULL));
            CHECK(prepared || statement.prepared == NULL);
            CHECK(prepared == (statement.sql_bytes == 0));
            CHECK(prepared || (sql >= block + 80 &&
                               sql + statement.sql_bytes <= block + bytes));
            CHECK(end == NULL || end + statement.params_bytes == block + used);
            CHECK(call.once_key == NULL ||
                  (const unsigned char *)call.once_key + call.once_bytes <=
                      block + used);
        }
        free(block);
    }
    CHECK(good > 1000); /* else the mutations prove nothing */
}

CHECK_MAIN()
