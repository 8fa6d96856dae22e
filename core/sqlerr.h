/* SQLite's result codes, in our words. */
#ifndef WALPOOL_SQLERR_H
#define WALPOOL_SQLERR_H

#include <sqlite3.h>

#include "base.h"

walpool_status walpool__sqlerr_status(int sqlite_code);

/* Report `rc` of a call on `db` (may be NULL): "cannot <doing>: <why>". The
 * system's reason is errno, which was 0 before the call: SQLite takes no note
 * of it for a COMMIT or a full disk, and keeps that of an earlier error. */
walpool_status walpool__sqlerr_set(walpool_error *err, sqlite3 *db, int rc,
                                   const char *doing);

#endif
