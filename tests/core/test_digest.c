/* digest: the same for what is asked again, another for what is not. */
#include "digest.h"

#include "api.h"
#include "hash.h"

static walpool_rows params;

static void
give(uint32_t columns, const char *const *names)
{
    walpool_rows_init(&params);
    CHECK_OK(walpool_rows_begin(&params, columns, names, &err));
}

static void
give_int(int64_t value)
{
    CHECK_OK(walpool_rows_add_int64(&params, value, &err));
}

static void
give_text(const char *text)
{
    CHECK_OK(walpool_rows_add_text(&params, text, strlen(text), &err));
}

/* Of one statement with what was given, which is forgotten. */
static uint64_t
digest_of(const char *sql)
{
    uint64_t digest = 0;
    walpool_statement statement = {.sql = sql};
    if (params.data != NULL) {
        statement.params = params.data;
        statement.params_bytes = params.capacity;
    }
    CHECK_OK(walpool__digest_add(&digest, &statement, false, &err));
    walpool_rows_finish(&params);
    return digest;
}

/* The number is in files: it is the same in every version, on every machine. */
TEST(digest__never_changes)
{
    static const char *const names[] = {":name", "@id"};
    CHECK(walpool__hash_bytes(0, "", 0) == UINT64_C(0x0));
    CHECK(walpool__hash_bytes(0, "12345678abc", 11) ==
          UINT64_C(0xe7f8345a381a62b5));
    give(2, names);
    give_text("J\xC3\xBCrgen");
    give_int(-5);
    CHECK(digest_of("INSERT INTO t VALUES (:id, :name)") ==
          UINT64_C(0x2cf99b094eab51d));
}

TEST(digest__of_the_same_call_is_the_same)
{
    static _Alignas(8) unsigned char memory[4096];
    give(2, NULL);
    give_text("text");
    give_int(1);
    uint64_t digest = digest_of("UPDATE t SET a = ?, b = ?");
    memset(memory, 0xA5, sizeof memory);
    walpool_rows_wrap(&params, memory, sizeof memory); /* another layout */
    CHECK_OK(walpool_rows_begin(&params, 2, NULL, &err));
    give_text("text");
    give_int(1);
    CHECK(digest_of("UPDATE t SET a = ?, b = ?") == digest);
}

TEST(digest__knows_names_and_not_their_order)
{
    static const char *const one[] = {"a", "b"}, *const two[] = {":b", "$a"},
                            *const other[] = {"b", "a"};
    give(2, one);
    give_int(1);
    give_int(2);
    uint64_t digest = digest_of("x");
    give(2, two);
    give_int(2);
    give_int(1);
    CHECK(digest_of("x") == digest);
    give(2, other);
    give_int(1);
    give_int(2);
    CHECK(digest_of("x") != digest);
}

/* Digests that must all differ. */
static uint64_t all[32];
static size_t count;

static void
note(uint64_t digest)
{
    CHECK(count < sizeof all / sizeof all[0]);
    for (size_t i = 0; i < count; i++) {
        if (all[i] == digest)
            printf("# %zu and %zu\n", i, count);
        CHECK(all[i] != digest);
    }
    all[count++] = digest;
}

static void
note_values(void)
{
    static const char *const names[] = {"a"};
    give(0, NULL);
    note(digest_of("x")); /* one row of none */
    give(1, NULL);
    note(digest_of("x")); /* no row of one */
    give(1, NULL);
    give_int(0);
    note(digest_of("x"));
    give(1, names);
    give_int(0);
    note(digest_of("x"));
    give(1, NULL);
    CHECK_OK(walpool_rows_add_double(&params, 0.0, &err));
    note(digest_of("x"));
    give(1, NULL);
    CHECK_OK(walpool_rows_add_null(&params, &err));
    note(digest_of("x"));
    give(1, NULL);
    CHECK_OK(walpool_rows_add_blob(&params, "", 0, &err));
    note(digest_of("x"));
    give(1, NULL);
    give_text("");
    note(digest_of("x"));
    give(1, NULL);
    give_text("0");
    note(digest_of("x"));
}

static void
note_rows(void)
{
    for (int second = 0; second < 2; second++) { /* (1)(0), (0)(1) */
        give(1, NULL);
        give_int(!second);
        give_int(second);
        note(digest_of("x"));
    }
    give(2, NULL); /* (1, 0) */
    give_int(1);
    give_int(0);
    note(digest_of("x"));
}

static void
note_added(uint64_t digest, const walpool_statement *statement, bool script)
{
    CHECK_OK(walpool__digest_add(&digest, statement, script, &err));
    note(digest);
}

TEST(digest__of_any_other_call_is_another)
{
    walpool_statement statement = {.sql = "x"};
    note(digest_of("x"));
    note(digest_of("y"));
    note(digest_of("x "));
    note(digest_of(""));
    note_values();
    note_rows();
    note_added(0, &statement, true);
    note_added(digest_of("x"), &statement, false); /* a batch of two */
    statement.flags = WALPOOL_STATEMENT_EXPECT;
    for (statement.expect = 0; statement.expect < 2; statement.expect++)
        note_added(0, &statement, false);
}

TEST(digest__looks_at_a_block_before_it_reads_it)
{
    static const _Alignas(8) unsigned char bad[64] = "no block";
    walpool_statement statement = {
        .sql = "x", .params = bad, .params_bytes = sizeof bad};
    uint64_t digest = 0;
    CHECK_STATUS(walpool__digest_add(&digest, &statement, false, &err),
                 WALPOOL_MISUSE);
    CHECK_INT(digest, 0);
}

CHECK_MAIN()
