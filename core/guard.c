/* Guard: statements that a connection must not run; here: a pooled one.
 *
 * A pooled connection is many callers' connection, one after the other, and
 * the transaction on it is ours. So text must not begin or end transactions
 * behind our back: on a writer lease it is noted what it would do, and done by
 * us; elsewhere it is refused. And it must not set what belongs to a
 * connection: the next caller would find it changed, and all the others would
 * not.
 *
 * Does: deny or note at prepare, through SQLite's authorizer, and say what to
 * use.
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
    return walpool__guard_deny(guard,
                               attach ? "ATTACH or VACUUM INTO" : "DETACH",
                               "open the database with allow_attach=1");
}

/* VACUUM commits without asking: what it prepares at last is the last that is
 * heard of it before. */
bool
walpool__guard_may_go_on(const struct walpool__guard *guard)
{
    return guard->preparing || !guard->watch ||
           guard->watch(guard->watch_data);
}

enum walpool__verb
walpool__guard_verb(int action, const char *word)
{
    bool transaction = action == SQLITE_TRANSACTION;

    if (strcmp(word, "BEGIN") == 0)
        return transaction ? WALPOOL__VERB_BEGIN : WALPOOL__VERB_SAVEPOINT;
    if (strcmp(word, "ROLLBACK") == 0)
        return transaction ? WALPOOL__VERB_ROLLBACK
                           : WALPOOL__VERB_ROLLBACK_TO;
    return transaction ? WALPOOL__VERB_COMMIT : WALPOOL__VERB_RELEASE;
}

static int
judge_transaction(struct walpool__guard *guard, const char *verb)
{
    static const char *const instead[] = {
        [WALPOOL__TEXT_BY_ITSELF] = "use a write lease and its commit or "
                                    "rollback",
        [WALPOOL__TEXT_ON_READER] = "a reader has no transaction; its begin "
                                    "takes the newest snapshot",
        [WALPOOL__TEXT_IN_SCRIPT] = "run it by itself on a write lease, not "
                                    "in a script",
    };

    if (!guard->preparing) /* a running VACUUM begins one */
        return SQLITE_OK;
    if (guard->place != WALPOOL__TEXT_ON_WRITER)
        return walpool__guard_deny(guard, verb, instead[guard->place]);
    guard->verb = walpool__guard_verb(SQLITE_TRANSACTION, verb);
    return SQLITE_OK;
}

static int
judge_savepoint(struct walpool__guard *guard, const char *verb,
                const char *name)
{
    static const char *const instead[] = {
        [WALPOOL__TEXT_BY_ITSELF] = "use a lease's savepoint",
        [WALPOOL__TEXT_ON_READER] = "a reader has no transaction",
        [WALPOOL__TEXT_IN_SCRIPT] = "run it by itself on a write lease, not "
                                    "in a script",
    };

    if (guard->place != WALPOOL__TEXT_ON_WRITER)
        return walpool__guard_deny(guard, "SAVEPOINT or RELEASE",
                                   instead[guard->place]);
    if (strlen(name) >= sizeof guard->savepoint)
        return walpool__guard_deny(guard, "SAVEPOINT or RELEASE",
                                   "give it a name of at most 255 bytes");
    if (!strcasecmp(name, WALPOOL__SAVEPOINT_NAME))
        return walpool__guard_deny(guard, "SAVEPOINT or RELEASE",
                                   "that name is taken; use another, or a "
                                   "lease's savepoint");
    strcpy(guard->savepoint, name);
    guard->verb = walpool__guard_verb(SQLITE_SAVEPOINT, verb);
    return SQLITE_OK;
}

/* What is temporary is one connection's, and stays with it. However it is
 * created, a row goes to the temporary schema. */
static int
judge_temporary(struct walpool__guard *guard)
{
    return walpool__guard_deny(guard, "CREATE TEMP",
                               "it would stay with one connection; use a "
                               "private one");
}

static int
judge_pragma(struct walpool__guard *guard, const char *name, const char *value)
{
    char what[80];

    if (!strcasecmp(name, "wal_checkpoint"))
        return walpool__guard_deny(guard, "PRAGMA wal_checkpoint",
                                   "use checkpoint()");
    if (!value) {
        if (!strcasecmp(name, "journal_mode"))
            guard->asks_mode = true;
        return SQLITE_OK;
    }
    /* SQLite resets it with the end of the transaction: of the next one, if
     * there is none. */
    if (!strcasecmp(name, "defer_foreign_keys") &&
        (guard->is_ours || sqlite3_get_autocommit(guard->db)))
        return walpool__guard_deny(guard, "setting PRAGMA defer_foreign_keys",
                                   "it is for a transaction that is open: run "
                                   "it on a write lease, or in a batch or "
                                   "script");
    for (size_t i = 0; i < ARRAY_COUNT(allowed_with_value); i++)
        if (!strcasecmp(name, allowed_with_value[i]))
            return SQLITE_OK;
    snprintf(what, sizeof what, "setting PRAGMA %.40s", name);
    return walpool__guard_deny(guard, what,
                               "it belongs to one connection; give an option "
                               "when opening");
}

/* VACUUM asks for nothing, so it does not look like a change of rows. */
static void
note(struct walpool__guard *guard, int action)
{
    switch (action) {
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        guard->seen |= WALPOOL__SEEN_ROWS;
        return;
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
        return;
    default:
        guard->seen |= WALPOOL__SEEN_MORE;
    }
}

static int
judge(void *arg, int action, const char *a, const char *b, const char *c,
      const char *d)
{
    struct walpool__guard *guard = arg;

    (void)d;
    if (guard->off)
        return SQLITE_OK;
    if (!walpool__guard_may_go_on(guard))
        return SQLITE_DENY;
    note(guard, action);
    switch (action) {
    case SQLITE_TRANSACTION:
        return judge_transaction(guard, a);
    case SQLITE_SAVEPOINT:
        return judge_savepoint(guard, a, b);
    case SQLITE_INSERT:
        return c && !strcasecmp(c, "temp") ? judge_temporary(guard) : SQLITE_OK;
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
    guard->db = db;
    guard->allow_attach = allow_attach;
    sqlite3_set_authorizer(db, judge, guard);
}
