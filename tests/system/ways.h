/* Every way to write, and a round with one of them: a database of its own, the
 * write, and the comparison of what was said about it with what is in the file.
 * Between, something is made to fail by whoever includes this.
 *
 *   ways_begin(&way, full, busy_timeout_ms);
 *   status = way.run();                          under fault
 *   rows = ways_compare(&way, status, "what failed");
 *   ... write again, if that is possible: rows++
 *   ways_end(rows);
 */
#ifndef WAYS_H
#define WAYS_H

#include "../core/api.h"
#include "../core/leaks.h"
#include "plain.h"

struct way {
    walpool_status (*run)(void);
    int rows;      /* that it inserts, all or none */
    bool restarts; /* it is the first to write to a WAL that is copied */
    bool extends;  /* its commit needs another page of the wal-index */
    bool reads;    /* first: where the lock is busy then, it is STALE at once */
    bool shares;   /* its writes may share a transaction */
    bool pending;  /* so many frames are there that a checkpoint copies some
                      beside writers */
    bool alone;    /* what fails is a call of its own: no snapshot is there to
                      be ended meanwhile */
};

static walpool *ways_db;
static char ways_path[512];
static struct {
    char copy[512];
    int file; /* the database's, for plain_copy() */
    int descriptors;
    long blocks;
    int64_t memory;
} ways_state;

/* ------------------------------------------------------------------ a round */

/* The first page of the wal-index has room for 4062 frames. */
static inline void
ways_fill_index(void)
{
    CHECK_OK(api_write(ways_db, "INSERT INTO other VALUES (zeroblob(2000000))"));
    while (api_health(ways_db).wal_frames < 4058)
        CHECK_OK(api_write(ways_db, "INSERT INTO other VALUES (1)"));
    CHECK(api_health(ways_db).wal_frames <= 4062);
}

/* Of few pages, so that they are copied by few calls. */
static inline void
ways_fill_wal(void)
{
    while (api_health(ways_db).wal_frames < 300)
        CHECK_OK(api_write(ways_db, "PRAGMA user_version = 1"));
}

static inline void
ways_open(const struct way *way, bool full, int64_t busy_timeout_ms)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = 1;
    options.durability = full;
    options.cache_size_kib = 64; /* what is larger spills into the WAL */
    options.journal_size_limit_bytes = 0;
    options.checkpoint_frames = way->pending ? 2000 : 1000000;
    options.coalesce_ms = way->shares ? 1000 : 0;
    if (way->alone)
        options.snapshot_keep_ms = 0;
    options.busy_timeout_ms = busy_timeout_ms;
    CHECK((ways_db = walpool_open(ways_path, &options, &err)) != NULL);
}

/* What walpool and SQLite keep for as long as the program runs is no leak. */
static inline void
ways_warm_up(void)
{
    snprintf(ways_path, sizeof ways_path, "%s", check_path("a.db"));
    snprintf(ways_state.copy, sizeof ways_state.copy, "%s",
             check_path("copy.db"));
    ways_open(&(struct way){0}, false, 1000);
    CHECK_OK(api_write(ways_db, "CREATE TABLE t(v)"));
    CHECK_OK(walpool_release(api_acquire(ways_db, WALPOOL_WRITE), &err));
    api_close(ways_db);
}

static inline void
ways_begin(const struct way *way, bool full, int64_t busy_timeout_ms)
{
    ways_state.descriptors = plain_descriptors();
    ways_state.blocks = leaks_blocks();
    ways_state.memory = sqlite3_memory_used();
    plain_remove(ways_path);
    if (way->extends)
        plain_run(ways_path, "PRAGMA page_size = 512; CREATE TABLE other(v)");
    ways_open(way, full, busy_timeout_ms);
    ways_state.file = open(ways_path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(api_write(ways_db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(ways_db, "INSERT INTO t VALUES (1, zeroblob(9000))"));
    if (way->restarts)
        CHECK_OK(walpool_checkpoint(ways_db, WALPOOL_RESTART, NULL, NULL, &err));
    if (way->extends)
        ways_fill_index();
    if (way->pending)
        ways_fill_wal();
    memset(&err, 0, sizeof err);
}

/* Is what the call said true of these rows? */
static inline bool
ways_is_true(const struct way *way, walpool_status status, int64_t rows)
{
    if (status == WALPOOL_OK || err.outcome == WALPOOL_APPLIED)
        return rows == way->rows;
    if (err.outcome == WALPOOL_NOT_APPLIED)
        return rows == 0;
    return rows == 0 || rows == way->rows;
}

/* Compare with the file, as a crash would leave it now, and with what the next
 * reader sees. Returns the rows that it sees. */
static inline int64_t
ways_compare(const struct way *way, walpool_status status, const char *fault)
{
    plain_copy(ways_path, ways_state.file, ways_state.copy);
    walpool_error first = err;
    int64_t in_file = plain_rows(ways_state.copy);
    int64_t seen = api_number(ways_db, "SELECT count(*) - 1 FROM t");
    err = first;
    bool is_true = ways_is_true(way, status, in_file) &&
                   ways_is_true(way, status, seen);
    if (!is_true)
        printf("# %s: %s, outcome %d, but %lld rows in the file, %lld seen\n",
               fault, walpool_status_name(status), err.outcome,
               (long long)in_file, (long long)seen);
    CHECK(is_true);
    return seen;
}

static inline void
ways_end(int64_t rows)
{
    CHECK_INT(api_health(ways_db).readers_leased, 0);
    CHECK_INT(api_health(ways_db).writer_leased, 0);
    api_close(ways_db);
    close(ways_state.file);
    CHECK_INT(plain_rows(ways_path), rows);
    CHECK_INT(sqlite3_memory_used(), ways_state.memory);
    CHECK_INT(leaks_blocks(), ways_state.blocks);
    CHECK_INT(plain_descriptors(), ways_state.descriptors);
    alarm(CHECK_SECONDS);
}

/* ------------------------------------------------------------------ the ways */

static inline walpool_status
ways_statement(void)
{
    return api_write(ways_db, "INSERT INTO t VALUES (2, 'one'), (3, 'two')");
}

static inline walpool_status
ways_returning(void)
{
    walpool_statement statement = {
        .sql = "INSERT INTO t VALUES (2, 'one'), (3, 'two') RETURNING id"};
    walpool_rows rows;
    walpool_rows_init(&rows);
    walpool_status status =
        walpool_write(ways_db, &statement, NULL, &rows, &err);
    CHECK_INT(walpool_rows_count(&rows), status == WALPOOL_OK ? 2 : 0);
    walpool_rows_finish(&rows);
    return status;
}

static inline walpool_status
ways_script(void)
{
    walpool_statement statement = {.sql = "INSERT INTO t VALUES (2, 'one');"
                                          "CREATE TABLE u(v);"
                                          "INSERT INTO t VALUES (3, 'two');"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    return walpool_write(ways_db, &statement, &call, NULL, &err);
}

static inline walpool_status
ways_batch(void)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t VALUES (2, zeroblob(5000))"},
        {.sql = "UPDATE t SET v = zeroblob(2000) WHERE id = 1"},
        {.sql = "INSERT INTO t VALUES (3, zeroblob(5000)) RETURNING id"}};
    return walpool_batch(ways_db, list, 3, NULL, NULL, NULL, &err);
}

static inline walpool_status
ways_keyed(void)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t VALUES (2, zeroblob(5000)) RETURNING id"},
        {.sql = "INSERT INTO t VALUES (3, zeroblob(5000))"}};
    walpool_call call = WALPOOL_CALL_INIT;
    call.once_key = "key";
    call.once_bytes = 3;
    return walpool_batch(ways_db, list, 2, &call, NULL, NULL, &err);
}

/* More than the page cache holds: SQLite writes to the WAL before the end. */
static inline walpool_status
ways_much(void)
{
    return api_write(ways_db, "INSERT INTO t WITH c(n) AS (SELECT 2 UNION ALL"
                              " SELECT n + 1 FROM c WHERE n < 41)"
                              " SELECT n, zeroblob(4000) FROM c");
}

static inline walpool_status
ways_write_on(walpool_lease *lease)
{
    walpool_status status =
        api_run(lease, "INSERT INTO t VALUES (2, zeroblob(5000))");
    if (status == WALPOOL_OK)
        status = walpool_savepoint(lease, &err);
    if (status == WALPOOL_OK)
        status = api_run(lease, "INSERT INTO t VALUES (3, 'undone')");
    if (status == WALPOOL_OK)
        status = walpool_rollback(lease, &err);
    if (status == WALPOOL_OK)
        status = walpool_savepoint(lease, &err);
    if (status == WALPOOL_OK)
        status = api_run(lease, "INSERT INTO t VALUES (4, 'kept')");
    if (status == WALPOOL_OK)
        status = walpool_commit(lease, NULL, &err);
    if (status == WALPOOL_OK)
        status = walpool_commit(lease, NULL, &err);
    return status;
}

static inline walpool_status
ways_lease(void)
{
    walpool_lease *lease = walpool_acquire(ways_db, WALPOOL_WRITE, NULL, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = ways_write_on(lease);
    CHECK_INT(walpool_release(lease, NULL), WALPOOL_OK);
    return status;
}

static inline walpool_status
ways_private(walpool_status (*use)(walpool_lease *))
{
    walpool_lease *lease =
        walpool_acquire(ways_db, WALPOOL_PRIVATE, NULL, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = use(lease);
    walpool_error first = err;
    CHECK_OK(walpool_release(lease, &err));
    err = first;
    return status;
}

static inline walpool_status
ways_autocommit_on(walpool_lease *lease)
{
    walpool_status status =
        api_run(lease, "CREATE TEMP TABLE mine AS SELECT v FROM t");
    if (status == WALPOOL_OK)
        status = api_run(lease, "INSERT INTO t VALUES (2, 'one'), (3, 'two') "
                                "RETURNING id");
    return status;
}

static inline walpool_status
ways_autocommit(void)
{
    return ways_private(ways_autocommit_on);
}

static inline walpool_status
ways_text_on(walpool_lease *lease)
{
    static const char *const texts[] = {
        "BEGIN",
        "SELECT count(*) FROM t",
        "INSERT INTO t VALUES (2, zeroblob(5000))",
        "SAVEPOINT one",
        "INSERT INTO t VALUES (3, 'undone')",
        "ROLLBACK TO one",
        "INSERT INTO t VALUES (4, 'kept')",
        "RELEASE one",
        "COMMIT",
    };
    walpool_status status = WALPOOL_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (status == WALPOOL_OK)
            status = api_run(lease, texts[i]);
    return status;
}

static inline walpool_status
ways_text(void)
{
    return ways_private(ways_text_on);
}

/* By a thread of the library. */
static inline walpool_status
ways_queue(void)
{
    walpool_statement statement = {.sql = "INSERT INTO t VALUES (2, 'one')"};
    walpool_job job = {.op = WALPOOL_OP_WRITE,
                       .target = ways_db,
                       .statements = &statement,
                       .statement_count = 1};
    walpool_completion completion = {0};
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_status status = queue != NULL ? walpool_submit(queue, &job, &err)
                                          : (walpool_status)err.status;
    if (status == WALPOOL_OK) {
        CHECK_INT(walpool_completions(queue, &completion, 1, -1, NULL), 1);
        err = completion.error;
        status = (walpool_status)err.status;
    }
    walpool_queue_close(queue);
    return status;
}

#define WAYS(X)                                                              \
    X(a_statement_by_itself, .run = ways_statement, .rows = 2)               \
    X(the_first_write_to_a_WAL_that_starts_anew, .run = ways_statement,      \
      .rows = 2, .restarts = true)                                           \
    X(a_statement_that_returns_rows, .run = ways_returning, .rows = 2,       \
      .restarts = true)                                                      \
    X(a_script, .run = ways_script, .rows = 2)                               \
    X(a_batch, .run = ways_batch, .rows = 2, .restarts = true)               \
    X(a_batch_with_a_key, .run = ways_keyed, .rows = 2, .restarts = true)    \
    X(a_transaction_larger_than_the_cache, .run = ways_much, .rows = 40)     \
    X(a_lease, .run = ways_lease, .rows = 2, .restarts = true)               \
    X(a_private_lease_in_autocommit, .run = ways_autocommit, .rows = 2)      \
    X(a_transaction_as_text, .run = ways_text, .rows = 2, .restarts = true,  \
      .reads = true)                                                         \
    X(a_queue, .run = ways_queue, .rows = 1)

#endif
