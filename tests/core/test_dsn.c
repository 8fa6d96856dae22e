/* dsn: paths, escapes, pairs, and what is refused. */
#include "dsn.h"

#include "check.h"
#include "fuzz.h"

static walpool_error err;
static char path[64];
static walpool_options options;

static walpool_status
parse(const char *dsn)
{
    walpool_options_init(&options);
    memset(path, '!', sizeof path);
    path[sizeof path - 1] = 0;
    return walpool_options_parse(&options, dsn, path, sizeof path, &err);
}

static const struct {
    const char *dsn;
    const char *path;
    int64_t busy_timeout_ms;
} accepted[] = {
    {"file:/abs/app.db", "/abs/app.db", 5000},
    {"file:app.db", "app.db", 5000},
    {"file:dir/app.db?", "dir/app.db", 5000},
    {"file:///abs/app.db", "/abs/app.db", 5000},
    {"file://localhost/abs/app.db", "/abs/app.db", 5000},
    {"file://localhost", "", 5000},
    {"file:", "", 5000},
    {"file:?busy_timeout=1", "", 1},
    {"file://?busy_timeout=2", "", 2},
    {"file:app.db?_busy_timeout=7&_journal_mode=WAL&_fk=1", "app.db", 7},
    {"file:app.db?_pragma=busy_timeout(8)&_pragma=foreign_keys(1)", "app.db",
     8},
    {"file:app.db?_pragma=busy_timeout%3D9", "app.db", 9},
    {"file:a%20b%3Fc%23d%25e%41.db?timeout=1%30", "a b?c#d%eA.db", 10},
    {"file:a+b&c=d.db", "a+b&c=d.db", 5000},
    {"file:a%c3%A4.db", "a\xC3\xA4.db", 5000},
    {"file::memory:", ":memory:", 5000},
    {"file:a//b/../c", "a//b/../c", 5000},
    {"", "", 5000},
    {"&", "", 5000},
    {"busy_timeout=11", "", 11},
    {"&&busy_timeout=12&", "", 12},
    {"readers=2&busy_timeout=13&mode=ro", "", 13},
    {"pragma=busy_timeout(1)&pragma=busy_timeout(14)", "", 14},
};

TEST(dsn__gives_path_and_options)
{
    for (size_t i = 0; i < ARRAY_COUNT(accepted); i++) {
        walpool_status status = parse(accepted[i].dsn);
        if (status != WALPOOL_OK)
            printf("# %s: %s\n", accepted[i].dsn, err.message);
        CHECK_INT(status, WALPOOL_OK);
        CHECK_STR(path, accepted[i].path);
        CHECK_INT(options.busy_timeout_ms, accepted[i].busy_timeout_ms);
    }
}

static const struct {
    const char *dsn;
    const char *message;
} refused[] = {
    {"file://server/app.db", "\"server\" is another host"},
    {"file://localhost.local/app.db", "\"localhost.local\" is another host"},
    {"file://LOCALHOST/app.db", "\"LOCALHOST\" is another host"},
    {"file:app.db#part", "\"app.db#part\" has a fragment: write %23"},
    {"file:app%2", "\"app%2\" has a bad escape: write %25"},
    {"file:app%", "has a bad escape"},
    {"file:app%zz", "has a bad escape"},
    {"file:app%00.db", "never %00"},
    {"file:app.db?busy_timeout=1%0", "\"busy_timeout=1%0\" has a bad escape"},
    {"file:app.db?busy_timeout=1%00", "has a bad escape"},
    {"file:app.db?busy_timeout", "\"busy_timeout\" has no `=`"},
    {"app.db", "\"app.db\" has no `=`"},
    {"file:app.db?=1", "unknown option \"\""},
    {"file:app.db?busy_timeout=", "option busy_timeout: \"\" is not"},
    {"file:app.db?busy_timeout=1=2", "option busy_timeout: \"1=2\" is not"},
    {"file:app.db?busy_timeut=1", "did you mean busy_timeout?"},
    {"file:app.db?%62usy_timeout=1", "unknown option \"%62usy_timeout\""},
    {"file:app.db?mode=ro#part", "option mode: \"ro#part\" is not"},
    {"file:app.db?mode=ro?mode=rw", "option mode: \"ro?mode=rw\" is not"},
    {"file:app.db?pragma=busy_timeout", "neither name(value) nor"},
    {"readers=1&readers=1", "\"readers=1\" sets an option a second time"},
    {"readers=1&_readers=2", "\"_readers=2\" sets an option a second time"},
    {"busy_timeout=1&timeout=2", "\"timeout=2\" sets an option a second"},
    {"cache_size=1000&cache_size_kib=64", "a second time"},
    {"durability=full&synchronous=1", "a second time"},
    {"journal=wal&journal_mode=wal", "a second time"},
};

TEST(dsn__is_refused_with_the_piece_that_is_wrong)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        walpool_options before;
        walpool_options_init(&before);
        CHECK_INT(parse(refused[i].dsn), WALPOOL_OPTION);
        CHECK_INT(err.status, WALPOOL_OPTION);
        CHECK_CONTAINS(err.message, refused[i].message);
        CHECK(memcmp(&options, &before, sizeof before) == 0);
        CHECK_INT(path[0], '!');
    }
}

TEST(dsn__keeps_what_was_set_before_and_is_not_named_in_the_text)
{
    walpool_options_init(&options);
    options.readers = 9;
    CHECK_INT(walpool_options_parse(&options, "mode=rw", NULL, 0, &err),
              WALPOOL_OK);
    CHECK_INT(options.readers, 9);
    CHECK_INT(options.mode, 1);
}

TEST(dsn__needs_room_for_the_path_with_its_nul)
{
    char room[4];
    walpool_options_init(&options);
    CHECK_INT(walpool_options_parse(&options, "file:abc", room, 4, &err),
              WALPOOL_OK);
    CHECK_STR(room, "abc");
    CHECK_INT(walpool_options_parse(&options, "file:a%62cd", room, 4, &err),
              WALPOOL_TOOBIG);
    CHECK_STR(err.message,
              "dsn: the path takes 5 bytes, and there is room for 4");
    CHECK_STR(room, "abc");
    CHECK_INT(walpool_options_parse(&options, "", room, 0, &err),
              WALPOOL_TOOBIG);
    CHECK_INT(walpool_options_parse(&options, "file:a", NULL, 0, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "no room for one");
}

TEST(dsn__refuses_a_value_longer_than_any_option)
{
    char text[1024] = "readers=";
    memset(text + 8, '1', sizeof text - 9);
    text[sizeof text - 1] = 0;
    CHECK_INT(parse(text), WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "is too long for an option");
    memset(text, 'n', sizeof text - 3);
    memcpy(text + sizeof text - 3, "=1", 3);
    CHECK_INT(parse(text), WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "unknown option \"nnn");
}

TEST(dsn__is_misused_by_null)
{
    walpool_options_init(&options);
    CHECK_INT(walpool_options_parse(NULL, "", NULL, 0, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "options is NULL");
    CHECK_INT(walpool_options_parse(&options, NULL, NULL, 0, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "dsn is NULL");
    CHECK_INT(walpool_options_parse(NULL, NULL, NULL, 0, NULL), WALPOOL_MISUSE);
}

TEST(dsn__is_told_from_a_path_by_its_scheme)
{
    CHECK(walpool__dsn_is("file:"));
    CHECK(walpool__dsn_is("file:app.db"));
    CHECK(!walpool__dsn_is("file"));
    CHECK(!walpool__dsn_is("File:app.db"));
    CHECK(!walpool__dsn_is("./file:app.db"));
    CHECK(!walpool__dsn_is(""));
}

TEST(dsn__survives_mutated_text_and_writes_only_on_success)
{
    struct fuzz fuzz = {20240607};
    for (int round = 0; round < 40000; round++) {
        const char *seed =
            accepted[fuzz_below(&fuzz, ARRAY_COUNT(accepted))].dsn;
        size_t bytes;
        char *text = fuzz_copy(&fuzz, seed, strlen(seed) + 1, &bytes);
        text[bytes - 1] = 0;
        walpool_status status = parse(text);
        CHECK(status == WALPOOL_OK || path[0] == '!');
        CHECK(status == WALPOOL_OK || status == WALPOOL_OPTION ||
              status == WALPOOL_TOOBIG);
        free(text);
    }
}

CHECK_MAIN()
