/* Sim: what pool and writer call of core/conn.h, core/ownlocks.h and
 * core/survey.h. To open a connection may fail, where the scene allows it.
 *
 * Does: make and end connections that no SQLite is behind.
 * Must not: know who uses them.
 * Lock: none, there is one real thread. */
#include "conn.h"

#include <stdio.h>

#include "error.h"
#include "mem.h"
#include "opening.h"
#include "ownlocks.h"
#include "run.h"
#include "sim.h"
#include "survey.h"

static int may_fail;
static void (*on_touch)(const struct walpool__conn *conn, bool taken);
static void (*on_close)(const struct walpool__conn *conn);
static int open_count;
static bool copying;

/* What a scene has asked for ends with its run. */
static void
begin(void)
{
    may_fail = 0;
    on_touch = NULL;
    on_close = NULL;
    open_count = 0;
    copying = false;
}

static const char *
end(void)
{
    return NULL;
}

const struct run_part sim_below_part = {begin, NULL, NULL, end};

void
opening_may_fail(int count)
{
    may_fail = count;
}

void
opening_on_touch(void (*look)(const struct walpool__conn *conn, bool taken))
{
    on_touch = look;
}

void
opening_on_close(void (*look)(const struct walpool__conn *conn))
{
    on_close = look;
}

int
opening_count(void)
{
    return open_count;
}

void
opening_set_copying(bool is_so)
{
    copying = is_so;
    sim_note("  another program %s", is_so ? "checkpoints" : "has checkpointed");
}

struct walpool__conn *
walpool__conn_open(const char *path, const walpool_options *options,
                   enum walpool__conn_role role, struct walpool__stats *stats,
                   struct walpool__call *call, walpool_error *err,
                   walpool_status *status)
{
    struct walpool__conn *conn;
    (void)options;
    (void)role;
    (void)call;
    sim_must_hold_none("open a connection");
    sim_point("open connection", NULL);
    if (may_fail > 0 && sim_choose(2) == 1) {
        may_fail--;
        *status = walpool__error_set(err, WALPOOL_CANTOPEN, "cannot open");
        return NULL;
    }
    conn = walpool__mem_zalloc(sizeof *conn);
    conn->path = path;
    conn->stats = stats;
    open_count++;
    return conn;
}

void
walpool__conn_close(struct walpool__conn *conn)
{
    if (conn == NULL)
        return;
    sim_must_hold_none("close a connection");
    sim_point("close connection", NULL);
    if (on_close != NULL)
        on_close(conn);
    open_count--;
    walpool__mem_free(conn);
}

bool
walpool__conn_in_transaction(const struct walpool__conn *conn)
{
    (void)conn;
    return false;
}

void
walpool__conn_cool(struct walpool__conn *conn)
{
    sim_must_hold_none("end a snapshot");
    sim_point("end a snapshot", NULL);
    if (on_touch != NULL)
        on_touch(conn, false);
    conn->warm_ns = 0;
}

bool
walpool__conn_stay(struct walpool__conn *conn, int64_t now_ns)
{
    sim_must_hold_none("take a snapshot");
    sim_point("take a snapshot", NULL);
    if (on_touch != NULL)
        on_touch(conn, true);
    conn->warm_ns = now_ns;
    sim_point("have a snapshot", NULL);
    return true;
}

/* Asks SQLite's lock file, so no lock of ours may be held. */
void
walpool__ownlocks_name_writer(struct walpool__ownlocks *own, bool idle,
                              const char *does, const char *otherwise,
                              char *dst, size_t bytes)
{
    (void)own;
    (void)idle;
    (void)does;
    sim_must_hold_none("ask who writes");
    sim_point("ask who writes", NULL);
    snprintf(dst, bytes, "%s", otherwise);
}

/* Asks the kernel, so no lock of ours may be held. */
bool
walpool__survey_is_copying(struct walpool__survey *survey)
{
    (void)survey;
    sim_must_hold_none("ask who checkpoints");
    sim_point("ask who checkpoints", NULL);
    return copying;
}
