/* Guard of private connections.
 *
 * What belongs to a connection may be set on a private one: nobody else meets
 * it. Refused is what would harm the others, who use the same file or run in
 * the same process, and what would take SQLite out of our hands: its busy
 * handler, its WAL hook. PRAGMA busy_timeout is such a case, and every program
 * says it: it becomes an empty statement here, and private_run.c answers it.
 *
 * Does: deny at prepare, through SQLite's authorizer; note what a text does.
 * Must not: look at statement text; SQLite has parsed it already.
 * Lock: none; guard and connection belong to one lease. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guard.h"

#define LONGEST_TIMEOUT_MS 86400000

static const char for_all[] = "it acts on the whole process";

/* Pragmas that may not be set, or to some values only. */
static const struct {
    const char *name;
    const char *values[6]; /* those that are allowed */
    const char *instead;
} rules[] = {
    {"journal_mode", {"wal"}, "only wal: others use the file"},
    {"locking_mode", {"normal"}, "only normal: others use the file"},
    {"synchronous",
     {"normal", "1", "full", "2", "extra", "3"},
     "only normal, full or extra: a power cut would damage the file"},
    {"wal_autocheckpoint", {NULL}, "give checkpoint_frames when opening"},
    {"temp_store_directory", {NULL}, for_all},
    {"data_store_directory", {NULL}, for_all},
    {"soft_heap_limit", {NULL}, for_all},
    {"hard_heap_limit", {NULL}, for_all},
    {"lock_proxy_file", {NULL}, "others lock the file itself"},
};

static int
judge_value(struct walpool__guard *guard, size_t rule, const char *value)
{
    char what[80];

    for (size_t i = 0; i < ARRAY_COUNT(rules[rule].values); i++)
        if (rules[rule].values[i] &&
            !strcasecmp(rules[rule].values[i], value))
            return SQLITE_OK;
    snprintf(what, sizeof what, "setting PRAGMA %s so", rules[rule].name);
    return walpool__guard_deny(guard, what, rules[rule].instead);
}

/* Keep the value; to SQLite the statement is empty. */
static int
note_timeout(struct walpool__guard *guard, const char *value)
{
    long long ms = value ? strtoll(value, NULL, 10) : -1;

    if (value)
        ms = ms < 0 ? 0 : ms > LONGEST_TIMEOUT_MS ? LONGEST_TIMEOUT_MS : ms;
    guard->seen |= WALPOOL__SEEN_TIMEOUT;
    guard->timeout_ms = ms;
    return SQLITE_IGNORE;
}

static int
judge_pragma(struct walpool__guard *guard, const char *name, const char *value)
{
    if (!strcasecmp(name, "busy_timeout"))
        return note_timeout(guard, value);
    if (!strcasecmp(name, "wal_checkpoint"))
        return walpool__guard_deny(guard, "PRAGMA wal_checkpoint",
                                   "use checkpoint()");
    if (!strcasecmp(name, "journal_mode"))
        guard->asks_mode = true; /* it stays as it is: nothing is written */
    for (size_t i = 0; value && i < ARRAY_COUNT(rules); i++)
        if (!strcasecmp(name, rules[i].name))
            return judge_value(guard, i, value);
    return SQLITE_OK;
}

static void
note_write(struct walpool__guard *guard, const char *database)
{
    guard->seen |= database && !strcmp(database, "temp") ? WALPOOL__SEEN_TEMP
                                                         : WALPOOL__SEEN_WRITE;
}

/* `a` and `c` are what SQLite calls the third and the fifth argument. */
static void
note(struct walpool__guard *guard, int action, const char *a, const char *c)
{
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        guard->verb = walpool__guard_verb(action, a);
        break;
    case SQLITE_ALTER_TABLE:
        note_write(guard, a);
        break;
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_PRAGMA:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        break;
    default:
        note_write(guard, c);
    }
}

static int
judge(void *arg, int action, const char *a, const char *b, const char *c,
      const char *d)
{
    struct walpool__guard *guard = arg;
    int verdict = SQLITE_OK;

    if (guard->off)
        return SQLITE_OK;
    if (!walpool__guard_may_go_on(guard))
        return SQLITE_DENY;
    note(guard, action, a, c);
    if (action == SQLITE_PRAGMA)
        verdict = judge_pragma(guard, a, b);
    else if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
        verdict = walpool__guard_judge_attach(guard, action, a);
    if (verdict != SQLITE_OK || !guard->authorize)
        return verdict;
    return guard->authorize(guard->authorize_data, action, a, b, c, d);
}

void
walpool__guard_install_private(struct walpool__guard *guard, sqlite3 *db,
                               bool allow_attach)
{
    guard->is_private = true;
    guard->allow_attach = allow_attach;
    sqlite3_set_authorizer(db, judge, guard);
}
