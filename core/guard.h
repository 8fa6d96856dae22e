/* Guard: statements that a pooled connection must not run. */
#ifndef WALPOOL_GUARD_H
#define WALPOOL_GUARD_H

#include <sqlite3.h>

#include "base.h"

struct walpool__guard {
    bool off;          /* our own statements pass */
    bool allow_attach;
    bool preparing;    /* a caller's text, not a step of a running VACUUM */
    bool asks_mode;    /* the text was `PRAGMA journal_mode`, no value */
    char denied[192];  /* why the last prepare was denied, or "" */
};

/* Make `guard` watch what is prepared on `db`, as long as it is open. */
void walpool__guard_install(struct walpool__guard *guard, sqlite3 *db,
                            bool allow_attach);

#endif
