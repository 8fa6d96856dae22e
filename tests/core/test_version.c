/* version: what is said is what runs. */
#include <sqlite3.h>

#include "api.h"

TEST(version__is_the_headers)
{
    CHECK_INT(walpool_version_number(), WALPOOL_VERSION_NUMBER);
    walpool_version_info info;
    walpool_version(&info);
    CHECK_STR(info.walpool, WALPOOL_VERSION);
    int major = 0, minor = 0, patch = 0;
    CHECK_INT(sscanf(info.walpool, "%d.%d.%d", &major, &minor, &patch), 3);
    CHECK_INT(major * 10000 + minor * 100 + patch, WALPOOL_VERSION_NUMBER);
}

TEST(version__is_of_the_SQLite_that_runs)
{
    walpool_version_info info;
    memset(&info, 0x5A, sizeof info);
    walpool_version(&info);
    CHECK_STR(info.sqlite, sqlite3_libversion());
    CHECK_STR(info.sqlite_source_id, sqlite3_sourceid());
    CHECK_INT(info.sqlite_number, sqlite3_libversion_number());
    CHECK(info.sqlite_bundled == 0 || info.sqlite_bundled == 1);
    CHECK_INT(info.reserved, 0);
}

/* sqlite.org/wal.html, section 11: fixed in 3.51.3 and in two branches. */
TEST(version__knows_which_SQLite_has_the_WAL_reset_fix)
{
    walpool_version_info info;
    walpool_version(&info);
    int n = info.sqlite_number;
    int want = n >= 3051003 || (n >= 3050007 && n < 3051000) ||
               (n >= 3044006 && n < 3045000);
    CHECK_INT(info.wal_reset_safe, want);
}

TEST(version__ignores_NULL)
{
    walpool_version(NULL);
}

CHECK_MAIN()
