/* What the tests of the core's modules share: connections by themselves, and
 * raw ones of SQLite, which play another program on the same file. */
#ifndef INSIDE_H
#define INSIDE_H

#include <sqlite3.h>

#include "api.h"
#include "call.h"
#include "clock.h"
#include "conn.h"

static struct walpool__stats inside_stats;

/* The connection of another program: no WAL option, no busy handler. */
static inline sqlite3 *
raw_open(const char *path)
{
    sqlite3 *db = NULL;
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    return db;
}

static inline void
raw_exec(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
        return;
    printf("# %s: %s\n", sql, message);
    sqlite3_free(message);
    CHECK(!"the SQL of another program runs");
}

static inline int64_t
raw_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *query = NULL;
    CHECK_INT(sqlite3_prepare_v2(db, sql, -1, &query, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(query), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return answer;
}

/* One connection, without a pool around it, and a call that runs on it. */
struct inside {
    walpool_options options;
    struct walpool__call call;
    struct walpool__conn *conn;
    char path[512];
};

static inline walpool_status
inside_try(struct inside *inside, const char *name,
           enum walpool__conn_role role, int64_t timeout_ms)
{
    walpool_status status = WALPOOL_OK;
    snprintf(inside->path, sizeof inside->path, "%s", check_path(name));
    walpool__call_begin_own(&inside->call, timeout_ms);
    inside->conn = walpool__conn_open(inside->path, &inside->options, role,
                                      &inside_stats, &inside->call, &err,
                                      &status);
    if (inside->conn != NULL)
        inside->conn->call = &inside->call;
    return status;
}

static inline void
inside_open(struct inside *inside, const char *name,
            enum walpool__conn_role role)
{
    FILE *file = fopen(check_path(name), "a"); /* fsinfo creates it, not conn */
    CHECK(file != NULL);
    fclose(file);
    walpool_options_init(&inside->options);
    CHECK_OK(inside_try(inside, name, role, 10000));
}

static inline void
inside_close(struct inside *inside)
{
    walpool__conn_close(inside->conn);
    inside->conn = NULL;
}

/* Give the case's folder to a user for whom permissions count, and become that
 * user until inside_regain. */
static inline void
inside_drop(void)
{
    const char *folder = check_folder();
    if (geteuid() != 0)
        return;
    CHECK_INT(chmod(folder, 0755), 0);
    CHECK_INT(chown(folder, 65534, 65534), 0);
    CHECK_INT(seteuid(65534), 0);
}

static inline void
inside_regain(void)
{
    CHECK_INT(seteuid(getuid()), 0);
}

/* A clock that only a test moves. It stands far in the future, so that a
 * deadline on it does not pass by itself in the real time of a sleep. */
static _Atomic int64_t inside_time_ns;

static inline int64_t
inside_clock(void)
{
    return atomic_load(&inside_time_ns);
}

static inline void
inside_stop_clock(void)
{
    atomic_store(&inside_time_ns, walpool__clock_now() + 3600000000000);
    walpool__clock_replace(inside_clock);
}

static inline void
inside_pass_us(int64_t us)
{
    atomic_fetch_add(&inside_time_ns, us * 1000);
}

#endif
