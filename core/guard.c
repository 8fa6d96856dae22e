/* Guard: statements that a connection must not run; here: a pooled one.
 *
 * A pooled connection is many callers' connection, one after the other, and
 * the transaction on it is ours. So text must not begin or end transactions,
 * and must not set what belongs to a connection: the next caller would find
 * it changed, and all the others would not.
 *
 * Does: deny at prepare, through SQLite's authorizer, and say what to use.
 * Must not: look at statement text; SQLite has parsed it already.
 * Lock: none; guard and connection belong to one lease. */
#include "guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Pragmas that may be given a value: they act on the file, on the transaction
 * or only answer. Any pragma without a value may be read. */
static const char *const allowed_with_value[] = {
    "analysis_limit",   "application_id",   "auto_vacuum",
    "defer_foreign_keys", "encoding",       "foreign_key_check",
    "foreign_key_list", "function_list",    "incremental_vacuum",
    "index_info",       "index_list",       "index_xinfo",
    "integrity_check",  "optimize",         "page_size",
    "quick_check",      "table_info",       "table_list",
    "table_xinfo",      "user_version",
};

int
walpool__guard_deny(struct walpool__guard *guard, const char *what,
                    const char *instead)
{
    snprintf(guard->denied, sizeof guard->denied,
             "%.60s is not run on a %s connection: %s", what,
             guard->is_private ? "private" : "pooled", instead);
    return SQLITE_DENY;
}

/* A running VACUUM attaches a file without a name, and detaches it. */
int
walpool__guard_judge_attach(struct walpool__guard *guard, int action,
                            const char *file)
{
    bool attach = action == SQLITE_ATTACH;

    if (guard->allow_attach ||
        (!guard->preparing && (!attach || (file && !file[0]))))
        return SQLITE_OK;
    return walpool__guard_deny(guard, attach ? "ATTACH or VACUUM INTO" : "DETACH",
                "open the database with allow_attach=1");
}

static int
judge_pragma(struct walpool__guard *guard, const char *name, const char *value)
{
    char what[80];

    if (!strcasecmp(name, "wal_checkpoint"))
        return walpool__guard_deny(guard, "PRAGMA wal_checkpoint", "use checkpoint()");
    if (!value) {
        if (!strcasecmp(name, "journal_mode"))
            guard->asks_mode = true;
        return SQLITE_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(allowed_with_value); i++)
        if (!strcasecmp(name, allowed_with_value[i]))
            return SQLITE_OK;
    snprintf(what, sizeof what, "setting PRAGMA %.40s", name);
    return walpool__guard_deny(guard, what,
                "it belongs to one connection; give an option when opening");
}

static int
judge(void *arg, int action, const char *a, const char *b, const char *c,
      const char *d)
{
    struct walpool__guard *guard = arg;

    (void)c;
    (void)d;
    if (guard->off)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_TRANSACTION: /* a running VACUUM begins one */
        if (!guard->preparing)
            return SQLITE_OK;
        return walpool__guard_deny(guard, a, "use a write lease and its commit or rollback");
    case SQLITE_SAVEPOINT:
        return walpool__guard_deny(guard, "SAVEPOINT or RELEASE", "use a lease's savepoint");
    case SQLITE_PRAGMA:
        return judge_pragma(guard, a, b);
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return walpool__guard_judge_attach(guard, action, a);
    default:
        return SQLITE_OK;
    }
}

void
walpool__guard_install(struct walpool__guard *guard, sqlite3 *db,
                       bool allow_attach)
{
    memset(guard, 0, sizeof *guard);
    guard->allow_attach = allow_attach;
    sqlite3_set_authorizer(db, judge, guard);
}
