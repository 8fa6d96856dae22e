/* Warm: a database whose reader keeps its snapshot for a second, read by one
 * crossing after the other. */
#ifndef WARM_TEST_H
#define WARM_TEST_H

#include "../core/api.h"
#include "../core/leaks.h"
#include "db.h"
#include "plain.h"

static walpool *warm_db;
static struct {
    char path[512];
    int64_t rows; /* of t, all of them committed */
    long blocks;
    int64_t memory;
    int descriptors;
} warm_state;

static inline struct walpool__db *
warm_behind(void)
{
    walpool_status status;
    struct walpool__db *found = walpool__handle_pin(WALPOOL__HANDLE_DATABASE,
                                                    warm_db, &err, &status);
    CHECK_INT(status, WALPOOL_OK);
    walpool__handle_unpin(warm_db); /* the handle keeps it open */
    return found;
}

static inline bool
warm_stays(void)
{
    return walpool__pool_warm_count(&warm_behind()->pool) > 0;
}

/* What a read leaves is swept, or was not left. */
static inline bool
warm_is_looked_after(void)
{
    return !warm_stays() ||
           atomic_load(&warm_behind()->pool.sweeper.until_ns) != WALPOOL__NEVER;
}

static inline void
warm_open(int64_t busy_timeout_ms)
{
    char options[100];
    snprintf(options, sizeof options,
             "readers=1&snapshot_keep=1000&busy_timeout=%d",
             (int)busy_timeout_ms);
    warm_db = api_open("a.db", options);
    snprintf(warm_state.path, sizeof warm_state.path, "%s", check_path("a.db"));
}

static inline void
warm_insert(void)
{
    CHECK_OK(api_write(warm_db, "INSERT INTO t VALUES (1)"));
    warm_state.rows++;
}

/* Read, and if that works it shows the newest. */
static inline walpool_status
warm_read(void)
{
    walpool_statement ask = {.sql = "SELECT count(*) FROM t"};
    walpool_rows rows;
    walpool_rows_init(&rows);
    walpool_status status = walpool_read(warm_db, &ask, NULL, &rows, &err);
    if (status == WALPOOL_OK)
        CHECK_INT(walpool_rows_int64(&rows, 0, 0), warm_state.rows);
    walpool_rows_finish(&rows);
    return status;
}

static inline void
warm_up(void)
{
    CHECK_EVENTUALLY((warm_read(), warm_stays()));
}

/* What walpool and SQLite keep for as long as the program runs is no leak: use
 * once what the rounds use. */
static inline void
warm_learn(void)
{
    warm_open(20000);
    CHECK_OK(api_write(warm_db, "CREATE TABLE t(n)"));
    warm_state.rows = 0;
    warm_up();
    api_close(warm_db);
}

static inline void
warm_begin(int64_t busy_timeout_ms)
{
    warm_state.blocks = leaks_blocks();
    warm_state.memory = sqlite3_memory_used();
    warm_state.descriptors = plain_descriptors();
    if (warm_state.path[0])
        plain_remove(warm_state.path);
    warm_open(busy_timeout_ms);
    CHECK_OK(api_write(warm_db, "CREATE TABLE t(n)"));
    warm_state.rows = 0;
    warm_insert();
}

/* The next reads work, show the newest, and stay again. */
static inline void
warm_end(void)
{
    CHECK_OK(warm_read());
    warm_insert();
    CHECK_OK(warm_read());
    warm_up();
    CHECK_INT(api_health(warm_db).readers_leased, 0);
    api_close(warm_db);
    CHECK_INT(leaks_blocks(), warm_state.blocks);
    CHECK_INT(sqlite3_memory_used(), warm_state.memory);
    CHECK_INT(plain_descriptors(), warm_state.descriptors);
    alarm(CHECK_SECONDS);
}

#endif
