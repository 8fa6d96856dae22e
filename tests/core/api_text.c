/* Version, names of codes, and options as walpool_open takes them. What each
 * option and DSN means is proved in test_options.c and test_dsn.c. */
#include "api.h"

TEST(version__tells_one_number_and_both_libraries)
{
    walpool_version_info info;
    CHECK_INT(walpool_version_number(), WALPOOL_VERSION_NUMBER);
    walpool_version(NULL);
    walpool_version(&info);
    CHECK_STR(info.walpool, WALPOOL_VERSION);
    CHECK(info.sqlite_number >= 3035000);
    CHECK_INT(info.sqlite[0], '3');
    CHECK(strlen(info.sqlite_source_id) > 20);
    CHECK(info.sqlite_bundled == 0 || info.sqlite_bundled == 1);
    CHECK(info.wal_reset_safe == 0 || info.wal_reset_safe == 1);
    CHECK_INT(info.reserved, 0);
}

TEST(errors__every_status_has_its_name)
{
#define STATUS(name, number, meaning)                         \
    CHECK_STR(walpool_status_name(number), "WALPOOL_" #name); \
    CHECK(strlen(meaning) > 3);
    WALPOOL_STATUS_LIST(STATUS)
#undef STATUS
    CHECK_STR(walpool_status_name(-1), "WALPOOL_INTERNAL");
    CHECK_STR(walpool_status_name(9999), "WALPOOL_INTERNAL");
    CHECK_INT(sizeof(walpool_error), 512);
}

TEST(errors__sqlite_codes_have_their_names)
{
    CHECK_STR(walpool_sqlite_code_name(0), "");
    CHECK_STR(walpool_sqlite_code_name(1), "SQLITE_ERROR");
    CHECK_STR(walpool_sqlite_code_name(5), "SQLITE_BUSY");
    CHECK_STR(walpool_sqlite_code_name(5 | 2 << 8), "SQLITE_BUSY_SNAPSHOT");
    CHECK_STR(walpool_sqlite_code_name(2067), "SQLITE_CONSTRAINT_UNIQUE");
    CHECK_STR(walpool_sqlite_code_name(19 | 200 << 8), "SQLITE_CONSTRAINT");
    CHECK_STR(walpool_sqlite_code_name(77), "SQLITE_UNKNOWN");
    CHECK_STR(walpool_sqlite_code_name(-1), "SQLITE_UNKNOWN");
}

/* ------------------------------------------------------------- options */

TEST(options__init_gives_what_the_initialiser_gives)
{
    walpool_options set, constant = WALPOOL_OPTIONS_INIT;
    memset(&set, 0x55, sizeof set);
    walpool_options_init(NULL);
    walpool_options_init(&set);
    CHECK(memcmp(&set, &constant, sizeof set) == 0);
}

TEST(options__null_and_a_struct_that_was_not_initialised_are_misuse)
{
    walpool_options options = WALPOOL_OPTIONS_INIT, zero;
    memset(&zero, 0, sizeof zero);
    CHECK_STATUS(walpool_options_set(NULL, "fk", "1", &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_options_set(&options, NULL, "1", &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_options_set(&options, "fk", NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_options_set(&zero, "fk", "1", &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "WALPOOL_OPTIONS_INIT");
    CHECK_STATUS(walpool_options_parse(NULL, "fk=1", NULL, 0, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_options_parse(&options, NULL, NULL, 0, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_options_parse(&options, "file:a.db", NULL, 0, &err),
                 WALPOOL_MISUSE);
    CHECK_NULL(walpool_open(check_path("a.db"), &zero, &err), WALPOOL_MISUSE);
    CHECK(access(check_path("a.db"), F_OK) != 0);
}

TEST(options__a_struct_filled_by_hand_is_checked_at_open)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = 0;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "readers");
    options.readers = 1;
    options.mode = 3;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_OPTION);
    CHECK(access(check_path("a.db"), F_OK) != 0);
}

TEST(dsn__what_the_name_says_wins_over_the_struct)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    char dsn[400];
    options.readers = 5;
    snprintf(dsn, sizeof dsn, "file:%s?readers=2", check_path("a.db"));
    walpool *db = walpool_open(dsn, &options, &err);
    CHECK(db != NULL);
    CHECK_INT(api_health(db).readers_limit, 2);
    api_close(db);
}

CHECK_MAIN()
