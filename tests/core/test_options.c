/* options: every name and alias, accepted and refused, and what is said. */
#include "options.h"

#include "check.h"

static walpool_error err;

static walpool_options
defaults(void)
{
    walpool_options options;
    walpool_options_init(&options);
    return options;
}

#define FIELD(name) \
    offsetof(walpool_options, name), sizeof(((walpool_options *)NULL)->name)
#define NO_FIELD 0, 0

static int64_t
read_field(const walpool_options *options, size_t offset, size_t bytes)
{
    int32_t narrow;
    int64_t wide;
    memcpy(&narrow, (const char *)options + offset, sizeof narrow);
    if (bytes == sizeof narrow)
        return narrow;
    memcpy(&wide, (const char *)options + offset, sizeof wide);
    return wide;
}

/* The struct as it is, but for the one field. */
static void
check_only_changed(walpool_options options, size_t offset, size_t bytes)
{
    walpool_options want = defaults();
    memcpy((char *)&options + offset, (char *)&want + offset, bytes);
    CHECK(memcmp(&options, &want, sizeof want) == 0);
}

TEST(options__start_with_the_defaults_of_the_header)
{
    static const walpool_options want = WALPOOL_OPTIONS_INIT;
    walpool_options options;
    memset(&options, 0xAA, sizeof options);
    walpool_options_init(&options);
    walpool_options_init(NULL);
    CHECK(memcmp(&options, &want, sizeof want) == 0);
    CHECK_INT(walpool__options_check(&options, &err), WALPOOL_OK);
    CHECK_INT(options.permissions, 0600);
}

static const struct {
    const char *name;
    const char *value;
    size_t offset;
    size_t bytes;
    int64_t want;
} accepted[] = {
    {"readers", "1", FIELD(readers), 1},
    {"readers", "+64", FIELD(readers), 64},
    {"_readers", "007", FIELD(readers), 7},
    {"busy_timeout", "-1", FIELD(busy_timeout_ms), -1},
    {"busy_timeout", "86400000", FIELD(busy_timeout_ms), 86400000},
    {"timeout", "0", FIELD(busy_timeout_ms), 0},
    {"_timeout", "10000", FIELD(busy_timeout_ms), 10000},
    {"close_timeout", "-1", FIELD(close_timeout_ms), -1},
    {"close_timeout", "86400000", FIELD(close_timeout_ms), 86400000},
    {"cache_size_kib", "64", FIELD(cache_size_kib), 64},
    {"cache_size_kib", "16777216", FIELD(cache_size_kib), 16777216},
    {"cache_size", "2000", FIELD(cache_size_kib), 8000},
    {"cache_size", "-2000", FIELD(cache_size_kib), 2000},
    {"_cache_size", "16", FIELD(cache_size_kib), 64},
    {"cache_size", "4194304", FIELD(cache_size_kib), 16777216},
    {"cache_size", "-16777216", FIELD(cache_size_kib), 16777216},
    {"mmap_size", "268435456", FIELD(mmap_size_bytes), 268435456},
    {"mmap_size", "1099511627776", FIELD(mmap_size_bytes), 1099511627776},
    {"journal_size_limit", "-1", FIELD(journal_size_limit_bytes), -1},
    {"journal_size_limit", "0", FIELD(journal_size_limit_bytes), 0},
    {"checkpoint_frames", "1", FIELD(checkpoint_frames), 1},
    {"checkpoint_frames", "1000000", FIELD(checkpoint_frames), 1000000},
    {"statement_cache", "0", FIELD(statement_cache), 0},
    {"statement_cache", "10000", FIELD(statement_cache), 10000},
    {"durability", "full", FIELD(durability), 1},
    {"durability", "NORMAL", FIELD(durability), 0},
    {"synchronous", "FULL", FIELD(durability), 1},
    {"_synchronous", "1", FIELD(durability), 0},
    {"sync", "2", FIELD(durability), 1},
    {"_sync", "normal", FIELD(durability), 0},
    {"foreign_keys", "0", FIELD(foreign_keys), 0},
    {"foreign_keys", "off", FIELD(foreign_keys), 0},
    {"foreign_keys", "False", FIELD(foreign_keys), 0},
    {"fk", "no", FIELD(foreign_keys), 0},
    {"_fk", "1", FIELD(foreign_keys), 1},
    {"_foreign_keys", "ON", FIELD(foreign_keys), 1},
    {"foreign_keys", "true", FIELD(foreign_keys), 1},
    {"foreign_keys", "yes", FIELD(foreign_keys), 1},
    {"temp_store", "file", FIELD(temp_store_memory), 0},
    {"temp_store", "MEMORY", FIELD(temp_store_memory), 1},
    {"temp_store", "1", FIELD(temp_store_memory), 0},
    {"_temp_store", "2", FIELD(temp_store_memory), 1},
    {"allow_attach", "1", FIELD(allow_attach), 1},
    {"allow_attach", "off", FIELD(allow_attach), 0},
    {"mode", "rwc", FIELD(mode), 0},
    {"mode", "rw", FIELD(mode), 1},
    {"_mode", "ro", FIELD(mode), 2},
    {"permissions", "0644", FIELD(permissions), 0644},
    {"permissions", "777", FIELD(permissions), 0777},
    {"journal_mode", "WAL", NO_FIELD, 0},
    {"_journal", "wal", NO_FIELD, 0},
    {"_txlock", "immediate", NO_FIELD, 0},
    {"cache", "private", NO_FIELD, 0},
    {"pragma", "busy_timeout(250)", FIELD(busy_timeout_ms), 250},
    {"_pragma", "foreign_keys=0", FIELD(foreign_keys), 0},
    {"pragma", "cache_size(-4096)", FIELD(cache_size_kib), 4096},
    {"pragma", "mmap_size=4096", FIELD(mmap_size_bytes), 4096},
    {"pragma", "journal_size_limit(100)", FIELD(journal_size_limit_bytes), 100},
    {"pragma", "temp_store(file)", FIELD(temp_store_memory), 0},
    {"pragma", "synchronous(FULL)", FIELD(durability), 1},
    {"pragma", "journal_mode(WAL)", NO_FIELD, 0},
};

TEST(options__accept_every_name_alias_and_end_of_a_range)
{
    for (size_t i = 0; i < ARRAY_COUNT(accepted); i++) {
        walpool_options options = defaults();
        walpool_status status = walpool_options_set(&options, accepted[i].name,
                                                    accepted[i].value, &err);
        if (status != WALPOOL_OK)
            printf("# %s\n", err.message);
        CHECK_INT(status, WALPOOL_OK);
        if (accepted[i].bytes > 0)
            CHECK_INT(
                read_field(&options, accepted[i].offset, accepted[i].bytes),
                accepted[i].want);
        check_only_changed(options, accepted[i].offset, accepted[i].bytes);
        CHECK_INT(walpool__options_check(&options, &err), WALPOOL_OK);
    }
}

static const struct {
    const char *name;
    const char *value;
    const char *message;
} refused[] = {
    {"readers", "0",
     "option readers: \"0\" is not a whole number of connections from 1 to "
     "64"},
    {"readers", "65", "from 1 to 64"},
    {"readers", "", "option readers: \"\" is not"},
    {"readers", " 4", "option readers: \" 4\" is not"},
    {"readers", "4 ", "option readers: \"4 \" is not"},
    {"readers", "4.0", "option readers: \"4.0\" is not"},
    {"readers", "0x4", "option readers: \"0x4\" is not"},
    {"readers", "--4", "option readers: \"--4\" is not"},
    {"readers", "nan", "option readers: \"nan\" is not"},
    {"readers", "99999999999999999999", "from 1 to 64"},
    {"readers", "4\n\xFF", "option readers: \"4??\" is not"},
    {"busy_timeout", "-2",
     "a whole number of milliseconds from -1 to 86400000"},
    {"busy_timeout", "5s", "option busy_timeout: \"5s\" is not"},
    {"timeout", "86400001", "option timeout: \"86400001\" is not"},
    {"close_timeout", "-2", "option close_timeout: \"-2\" is not"},
    {"cache_size_kib", "63", "a whole number of KiB from 64 to 16777216"},
    {"cache_size_kib", "-64", "option cache_size_kib: \"-64\" is not"},
    {"cache_size", "15",
     "pages of 4 KiB from 16 to 4194304, or KiB from -16777216 to -64"},
    {"cache_size", "-63", "option cache_size: \"-63\" is not"},
    {"cache_size", "4194305", "option cache_size: \"4194305\" is not"},
    {"cache_size", "-9223372036854775808", "option cache_size"},
    {"mmap_size", "-1", "a whole number of bytes from 0 to 1099511627776"},
    {"mmap_size", "256MB", "option mmap_size: \"256MB\" is not"},
    {"journal_size_limit", "-2", "option journal_size_limit: \"-2\" is not"},
    {"checkpoint_frames", "0", "frames from 1 to 1000000"},
    {"statement_cache", "10001", "statements from 0 to 10000"},
    {"durability", "1", "option durability: \"1\" is not one of normal, full"},
    {"durability", "extra", "one of normal, full"},
    {"synchronous", "OFF", "option synchronous: \"OFF\" is not one of"},
    {"sync", "0", "option sync: \"0\" is not one of normal, full, 1, 2"},
    {"foreign_keys", "2", "is not one of 0, 1, off, on, false, true, no, yes"},
    {"fk", "", "option fk: \"\" is not one of"},
    {"fk", "tru", "option fk: \"tru\" is not one of"},
    {"fk", "truee", "option fk: \"truee\" is not one of"},
    {"temp_store", "0", "is not one of file, memory, 1, 2"},
    {"allow_attach", "maybe", "option allow_attach: \"maybe\" is not"},
    {"mode", "memory", "option mode: \"memory\" is not one of rwc, rw, ro"},
    {"permissions", "0577", "octal mode bits from 0600 to 0777"},
    {"permissions", "1000", "option permissions: \"1000\" is not"},
    {"permissions", "0689", "option permissions: \"0689\" is not"},
    {"journal_mode", "DELETE", "option journal_mode: \"DELETE\" is not wal"},
    {"journal", "off", "option journal: \"off\" is not wal"},
    {"txlock", "deferred", "option txlock: \"deferred\" is not immediate"},
    {"cache", "shared", "option cache: \"shared\" is not private"},
    {"pragma", "busy_timeout(x)", "option busy_timeout: \"x\" is not"},
    {"pragma", "busy_timeout", "neither name(value) nor name=value"},
    {"pragma", "busy_timeout(1", "neither name(value) nor name=value"},
    {"pragma", "busy_timeout(", "neither name(value) nor name=value"},
    {"pragma", "", "option pragma: \"\" is neither"},
    {"pragma", "(1)", "unknown pragma \"\"; known are busy_timeout, "},
    {"pragma", "readers(4)", "unknown pragma \"readers\"; known are "},
    {"pragma", "pragma(1)", "unknown pragma \"pragma\"; known are "},
    {"pragma", "busy_timeut(4)",
     "unknown pragma \"busy_timeut\"; did you mean busy_timeout?"},
    {"reader", "4", "unknown option \"reader\"; did you mean readers?"},
    {"Readers", "4", "did you mean readers?"},
    {"busy_timeout_ms", "4", "did you mean busy_timeout?"},
    {"busytimeout", "4", "did you mean busy_timeout?"},
    {"__timeout", "4", "unknown option \"__timeout\"; did you mean timeout?"},
    {"immutable", "1", "unknown option \"immutable\"; known are readers, "},
    {"vfs", "unix", "unknown option \"vfs\"; known are readers, "},
    {"", "1", "unknown option \"\"; known are readers, "},
    {"_", "1", "unknown option \"_\"; known are readers, "},
};

TEST(options__refuse_by_name_and_value_and_say_what_is_allowed)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        walpool_options options = defaults();
        CHECK_INT(walpool_options_set(&options, refused[i].name,
                                      refused[i].value, &err),
                  WALPOOL_OPTION);
        CHECK_INT(err.status, WALPOOL_OPTION);
        CHECK_CONTAINS(err.message, refused[i].message);
        check_only_changed(options, 0, 0);
        CHECK_INT(walpool_options_set(&options, refused[i].name,
                                      refused[i].value, NULL),
                  WALPOOL_OPTION);
    }
}

TEST(options__keep_long_names_and_values_out_of_bounds_in_messages)
{
    char text[2000];
    walpool_options options = defaults();
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    CHECK_INT(walpool_options_set(&options, text, "1", &err), WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "known are readers, busy_timeout");
    CHECK_CONTAINS(err.message, "pragma");
    CHECK_INT(walpool_options_set(&options, "mode", text, &err),
              WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "is not one of rwc, rw, ro");
    CHECK_INT(walpool_options_set(&options, "pragma", text, &err),
              WALPOOL_OPTION);
    text[3] = '(';
    CHECK_INT(walpool_options_set(&options, "pragma", text, &err),
              WALPOOL_OPTION);
}

TEST(options__are_misused_by_null_and_by_a_struct_without_a_version)
{
    walpool_options options = defaults();
    CHECK_INT(walpool_options_set(NULL, "readers", "1", &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "options is NULL");
    CHECK_INT(walpool_options_set(&options, NULL, "1", &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "name is NULL");
    CHECK_INT(walpool_options_set(&options, "readers", NULL, &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "value is NULL");
    memset(&options, 0, sizeof options);
    CHECK_INT(walpool_options_set(&options, "readers", "1", &err),
              WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "WALPOOL_OPTIONS_INIT");
    CHECK_INT(walpool__options_check(&options, &err), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "WALPOOL_OPTIONS_INIT");
}

static const struct {
    const char *name;
    size_t offset;
    size_t bytes;
    int64_t lowest;
    int64_t highest;
} ranges[] = {
    {"readers", FIELD(readers), 1, 64},
    {"busy_timeout", FIELD(busy_timeout_ms), -1, 86400000},
    {"close_timeout", FIELD(close_timeout_ms), -1, 86400000},
    {"cache_size_kib", FIELD(cache_size_kib), 64, 16777216},
    {"mmap_size", FIELD(mmap_size_bytes), 0, 1099511627776},
    {"journal_size_limit", FIELD(journal_size_limit_bytes), -1, 1099511627776},
    {"checkpoint_frames", FIELD(checkpoint_frames), 1, 1000000},
    {"statement_cache", FIELD(statement_cache), 0, 10000},
    {"durability", FIELD(durability), 0, 1},
    {"foreign_keys", FIELD(foreign_keys), 0, 1},
    {"temp_store", FIELD(temp_store_memory), 0, 1},
    {"allow_attach", FIELD(allow_attach), 0, 1},
    {"coalesce", FIELD(coalesce_ms), 0, 1000},
    {"once_keep", FIELD(once_keep_ms), 1000, 31536000000},
    {"lease_warn", FIELD(lease_warn_ms), -1, 86400000},
    {"lease_trace", FIELD(lease_trace), 0, 1},
    {"step_ahead", FIELD(step_ahead), -1, 32},
    {"snapshot_keep", FIELD(snapshot_keep_ms), 0, 1000},
    {"mode", FIELD(mode), 0, 2},
    {"permissions", FIELD(permissions), 0600, 0777},
    {"allow_network_fs", FIELD(allow_network_fs), 0, 1},
    {"reader_gate", FIELD(reader_gate_ms), 0, 1000},
    {"wal_ceiling_frames", FIELD(wal_ceiling_frames), -1, 16000000},
    {"wal_ceiling_policy", FIELD(wal_ceiling_policy), 0, 3},
    {"checkpoint_owner", FIELD(checkpoint_owner), 0, 1},
    {"optimize_interval", FIELD(optimize_interval_ms), 0, 31536000000},
};

static walpool_status
check_with(size_t offset, size_t bytes, int64_t number)
{
    walpool_options options = defaults();
    int32_t narrow = (int32_t)number;
    const void *from = bytes == 4 ? (void *)&narrow : (void *)&number;
    memcpy((char *)&options + offset, from, bytes);
    return walpool__options_check(&options, &err);
}

TEST(options__of_a_struct_are_checked_against_the_ranges_of_the_header)
{
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        size_t offset = ranges[i].offset, bytes = ranges[i].bytes;
        CHECK_INT(check_with(offset, bytes, ranges[i].lowest), WALPOOL_OK);
        CHECK_INT(check_with(offset, bytes, ranges[i].highest), WALPOOL_OK);
        CHECK_INT(check_with(offset, bytes, ranges[i].lowest - 1),
                  WALPOOL_OPTION);
        CHECK_CONTAINS(err.message, ranges[i].name);
        CHECK_INT(check_with(offset, bytes, ranges[i].highest + 1),
                  WALPOOL_OPTION);
        CHECK_CONTAINS(err.message, ranges[i].name);
    }
    check_with(FIELD(permissions), 0);
    CHECK_STR(err.message, "walpool_options: permissions is 00, allowed are "
                           "0600 to 0777");
    check_with(FIELD(readers), 99);
    CHECK_STR(err.message,
              "walpool_options: readers is 99, allowed are 1 to 64");
}

CHECK_MAIN()
