/* Version: ours, and that of the SQLite below.
 *
 * Does: say which SQLite runs and whether it has the WAL-reset fix.
 * Must not: open anything.
 * Lock: none. */
#include <sqlite3.h>
#include <string.h>

#include "base.h"

#ifndef WALPOOL_SQLITE_BUNDLED
#define WALPOOL_SQLITE_BUNDLED 0
#endif

/* Versions that can lose commits when a checkpoint meets a WAL reset
 * (sqlite.org/wal.html, section 11): 3.7.0 to 3.51.2, without the branches
 * that got the fix. */
static bool
has_wal_reset_fix(int version)
{
    if (version >= 3051003)
        return true;
    if (version >= 3050007 && version < 3051000)
        return true;
    return version >= 3044006 && version < 3045000;
}

int32_t
walpool_version_number(void)
{
    return WALPOOL_VERSION_NUMBER;
}

void
walpool_version(walpool_version_info *out)
{
    if (!out)
        return;
    memset(out, 0, sizeof *out);
    out->walpool = WALPOOL_VERSION;
    out->sqlite = sqlite3_libversion();
    out->sqlite_source_id = sqlite3_sourceid();
    out->sqlite_number = sqlite3_libversion_number();
    out->sqlite_bundled = WALPOOL_SQLITE_BUNDLED;
    out->wal_reset_safe = has_wal_reset_fix(out->sqlite_number);
}
