/* Nest: the savepoints of a transaction.
 *
 * SQLite has them on a stack and finds the newest of a name. It does not tell
 * what is on it, so we keep one alike.
 *
 * Does: open, keep and undo savepoints by name, or the newest.
 * Must not: begin or end transactions.
 * Lock: none; the nest belongs to whoever has the connection. */
#include "nest.h"

#include <string.h>

#include "error.h"
#include "mem.h"

struct savepoint {
    struct walpool__link link;
    char name[];
};

void
walpool__nest_init(struct walpool__nest *nest)
{
    walpool__list_init(&nest->savepoints);
}

static struct savepoint *
newest(const struct walpool__nest *nest)
{
    return WALPOOL__CONTAINER(nest->savepoints.next, struct savepoint, link);
}

static bool
is_ours(const char *name)
{
    return strcmp(name, WALPOOL__SAVEPOINT_NAME) == 0;
}

static void
drop_newest(struct walpool__nest *nest)
{
    struct savepoint *savepoint = newest(nest);

    nest->ours -= is_ours(savepoint->name);
    walpool__list_remove(&savepoint->link);
    walpool__mem_free(savepoint);
}

void
walpool__nest_clear(struct walpool__nest *nest)
{
    while (!walpool__list_is_empty(&nest->savepoints))
        drop_newest(nest);
}

static const char *const verbs[WALPOOL__OWN_COUNT] = {
    [WALPOOL__OWN_SAVEPOINT] = "SAVEPOINT",
    [WALPOOL__OWN_RELEASE] = "RELEASE",
    [WALPOOL__OWN_ROLLBACK_TO] = "ROLLBACK TO"};

static const char *const doing[WALPOOL__OWN_COUNT] = {
    [WALPOOL__OWN_SAVEPOINT] = "open a savepoint",
    [WALPOOL__OWN_RELEASE] = "keep a savepoint",
    [WALPOOL__OWN_ROLLBACK_TO] = "undo to a savepoint"};

/* As walpool__conn_own, for a name of the caller's. */
static int
own_named(struct walpool__conn *conn, enum walpool__own which, const char *name)
{
    char *sql = sqlite3_mprintf("%s \"%w\"", verbs[which], name);
    int rc;

    if (!sql)
        return SQLITE_NOMEM;
    conn->guard.off = true;
    rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    conn->guard.off = false;
    sqlite3_free(sql);
    return rc;
}

static walpool_status
run(struct walpool__conn *conn, enum walpool__own which, const char *name,
    walpool_error *err)
{
    int rc = is_ours(name) ? walpool__conn_own(conn, which)
                           : own_named(conn, which, name);

    if (rc == SQLITE_OK)
        return WALPOOL_OK;
    return walpool__conn_error(conn, rc, doing[which], err);
}

/* SQLite did so with this name: end what is in it, and itself unless `keep`. */
static void
unwind(struct walpool__nest *nest, const char *name, bool keep)
{
    while (sqlite3_stricmp(newest(nest)->name, name) != 0)
        drop_newest(nest);
    if (!keep)
        drop_newest(nest);
}

walpool_status
walpool__nest_open(struct walpool__nest *nest, struct walpool__conn *conn,
                   const char *name, walpool_error *err)
{
    struct savepoint *savepoint;
    walpool_status status;
    size_t bytes;

    name = name ? name : WALPOOL__SAVEPOINT_NAME;
    bytes = strlen(name) + 1;
    savepoint = walpool__mem_alloc(sizeof *savepoint + bytes);
    if (!savepoint)
        return walpool__error_nomem(err, "a savepoint");
    memcpy(savepoint->name, name, bytes);
    status = run(conn, WALPOOL__OWN_SAVEPOINT, name, err);
    if (status == WALPOOL_OK) {
        walpool__list_insert(&nest->savepoints, &savepoint->link);
        nest->ours += is_ours(name);
    } else {
        walpool__mem_free(savepoint);
    }
    return status;
}

walpool_status
walpool__nest_keep(struct walpool__nest *nest, struct walpool__conn *conn,
                   const char *name, walpool_error *err)
{
    walpool_status status;

    PRE(name || nest->ours > 0);
    name = name ? name : WALPOOL__SAVEPOINT_NAME;
    status = run(conn, WALPOOL__OWN_RELEASE, name, err);
    if (status == WALPOOL_OK)
        unwind(nest, name, false);
    return status;
}

walpool_status
walpool__nest_undo(struct walpool__nest *nest, struct walpool__conn *conn,
                   const char *name, walpool_error *err)
{
    walpool_status status;

    PRE(name || nest->ours > 0);
    name = name ? name : WALPOOL__SAVEPOINT_NAME;
    status = run(conn, WALPOOL__OWN_ROLLBACK_TO, name, err);
    if (status == WALPOOL_OK)
        unwind(nest, name, true);
    return status;
}
