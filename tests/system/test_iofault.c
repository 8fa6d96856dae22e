/* Every call of SQLite to the disk fails, one after the other: the call of
 * walpool says so clearly, what it says about its outcome is true of the file,
 * nothing leaks, and the next write works or is refused because a sync failed.
 * Each round has a database of its own. */
#include "iofault.h"

#include "../core/api.h"
#include "../core/leaks.h"
#include "plain.h"

/* What is under fault. */
struct work {
    walpool_status (*run)(void);
    int rows; /* that it inserts, all or none */
    bool restarts; /* it is the first to write to a WAL that is copied */
    bool extends;  /* its commit needs another page of the wal-index */
};

static struct iofault *now;
static const struct work *doing;
static bool full; /* durability */
static walpool *db;
static char path[512], copy[512];
static int file = -1; /* for plain_copy() */

#define HOLDS(holds) IOFAULT_HOLDS(now, holds)

static walpool *
open_database(void)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = 1;
    options.durability = full;
    options.cache_size_kib = 64; /* what is larger spills into the WAL */
    options.journal_size_limit_bytes = 0;
    options.checkpoint_frames = 1000000;
    options.busy_timeout_ms = now->kind == IOFAULT_BUSY ? 20 : 20000;
    return walpool_open(path, &options, &err);
}

/* The first page of the wal-index has room for 4062 frames. */
static void
fill_index(void)
{
    CHECK_OK(api_write(db, "INSERT INTO other VALUES (zeroblob(2000000))"));
    while (api_health(db).wal_frames < 4058)
        CHECK_OK(api_write(db, "INSERT INTO other VALUES (1)"));
    CHECK(api_health(db).wal_frames <= 4062);
}

static void
set_up(void)
{
    plain_remove(path);
    if (doing->extends)
        plain_run(path, "PRAGMA page_size = 512; CREATE TABLE other(v)");
    db = open_database();
    CHECK(db != NULL);
    file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1, zeroblob(9000))"));
    if (doing->restarts)
        CHECK_OK(walpool_checkpoint(db, WALPOOL_RESTART, NULL, NULL, &err));
    if (doing->extends)
        fill_index();
}

static walpool_status
run_under_fault(void)
{
    memset(&err, 0, sizeof err);
    iofault_arm(now);
    walpool_status status = doing->run();
    iofault_disarm();
    return status;
}

/* Is what the call said true of these rows? */
static bool
is_true(walpool_status status, int64_t rows)
{
    if (status == WALPOOL_OK || err.outcome == WALPOOL_APPLIED)
        return rows == doing->rows;
    if (err.outcome == WALPOOL_NOT_APPLIED)
        return rows == 0;
    return rows == 0 || rows == doing->rows;
}

static void
expect_true(walpool_status status, int64_t *rows)
{
    plain_copy(path, file, copy);
    int64_t in_copy = plain_rows(copy);
    walpool_error first = err;
    *rows = api_number(db, "SELECT count(*) - 1 FROM t");
    err = first;
    if (!is_true(status, in_copy) || !is_true(status, *rows))
        printf("# %lld rows in the file, %lld in the database\n",
               (long long)in_copy, (long long)*rows);
    HOLDS(is_true(status, in_copy));
    HOLDS(is_true(status, *rows));
}

/* The next write works, or a sync has failed. */
static int64_t
write_next(int64_t rows)
{
    walpool_status status = api_write(db, "INSERT INTO t VALUES (1000, 1)");
    if (status == WALPOOL_OK) {
        HOLDS(!iofault_was_sync(now));
        return rows + 1;
    }
    HOLDS(status == WALPOOL_POISONED && iofault_was_sync(now));
    HOLDS(err.outcome == WALPOOL_NOT_APPLIED && err.system_errno == EIO);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    return rows;
}

static void
round_of_faults(void)
{
    int descriptors = plain_descriptors();
    long blocks = leaks_blocks();
    int64_t memory = sqlite3_memory_used(), rows;
    set_up();
    walpool_status status = run_under_fault();
    if (status != WALPOOL_OK)
        iofault_expect_clear(now, status);
    expect_true(status, &rows);
    rows = write_next(rows);
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_INT(api_health(db).writer_leased, 0);
    api_close(db);
    close(file);
    CHECK_INT(plain_rows(path), rows);
    CHECK_INT(sqlite3_memory_used(), memory);
    CHECK_INT(leaks_blocks(), blocks);
    CHECK_INT(plain_descriptors(), descriptors);
}

static void
sweep(enum iofault_kind kind, bool lasts)
{
    IOFAULT_EACH(fault, kind, lasts) {
        now = &fault;
        round_of_faults();
        alarm(CHECK_SECONDS);
    }
}

/* What walpool and SQLite keep for as long as the program runs. */
static void
warm_up(void)
{
    walpool *first = api_open("first.db", "");
    CHECK_OK(api_write(first, "CREATE TABLE t(v)"));
    walpool_lease *lease = api_acquire(first, WALPOOL_WRITE);
    CHECK_OK(walpool_release(lease, &err));
    api_close(first);
}

static void
begin(const struct work *work)
{
    doing = work;
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(copy, sizeof copy, "%s", check_path("copy.db"));
    warm_up();
    shim_watch(path);
}

static void
sweep_all(const struct work *work)
{
    begin(work);
    for (int durability = 0; durability < 2; durability++) {
        full = durability;
        sweep(IOFAULT_ERROR, false);
        sweep(IOFAULT_ERROR, true);
        sweep(IOFAULT_FULL, false);
        sweep(IOFAULT_FULL, true);
        sweep(IOFAULT_BUSY, false);
        sweep(IOFAULT_BUSY, true);
    }
}

/* ----------------------------------------------------------------- the calls */

static walpool_status
write_statement(void)
{
    return api_write(db, "INSERT INTO t VALUES (2, 'one'), (3, 'two')");
}

TEST(iofault__in_a_statement_by_itself)
{
    static const struct work work = {.run = write_statement, .rows = 2};
    sweep_all(&work);
}

TEST(iofault__in_the_first_write_to_a_WAL_that_starts_anew)
{
    static const struct work work = {.run = write_statement, .rows = 2,
                                     .restarts = true};
    sweep_all(&work);
}

static walpool_status
write_returning(void)
{
    walpool_statement statement = {
        .sql = "INSERT INTO t VALUES (2, 'one'), (3, 'two') RETURNING id"};
    walpool_rows rows;
    walpool_rows_init(&rows);
    walpool_status status = walpool_write(db, &statement, NULL, &rows, &err);
    CHECK_INT(walpool_rows_count(&rows), status == WALPOOL_OK ? 2 : 0);
    walpool_rows_finish(&rows);
    return status;
}

TEST(iofault__in_a_statement_that_returns_rows)
{
    static const struct work work = {.run = write_returning, .rows = 2,
                                     .restarts = true};
    sweep_all(&work);
}

static walpool_status
write_batch(void)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t VALUES (2, zeroblob(5000))"},
        {.sql = "UPDATE t SET v = zeroblob(2000) WHERE id = 1"},
        {.sql = "INSERT INTO t VALUES (3, zeroblob(5000)) RETURNING id"}};
    return walpool_batch(db, list, 3, NULL, NULL, NULL, &err);
}

TEST(iofault__in_a_batch)
{
    static const struct work work = {.run = write_batch, .rows = 2,
                                     .restarts = true};
    sweep_all(&work);
}

/* More than the page cache holds: SQLite writes to the WAL before the end. */
static walpool_status
write_much(void)
{
    return api_write(db, "INSERT INTO t WITH c(n) AS (SELECT 2 UNION ALL SELECT"
                         " n + 1 FROM c WHERE n < 41) SELECT n, zeroblob(4000)"
                         " FROM c");
}

TEST(iofault__in_a_transaction_larger_than_the_cache)
{
    static const struct work work = {.run = write_much, .rows = 40};
    sweep_all(&work);
}

/* All frames are in the WAL when this fails: a crash would find the commit. */
TEST(iofault__in_a_commit_that_extends_the_wal_index)
{
    static const struct work work = {.run = write_batch, .rows = 2,
                                     .extends = true};
    begin(&work);
    full = false;
    sweep(IOFAULT_ERROR, false);
}

static walpool_status
write_on(walpool_lease *lease)
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

static walpool_status
write_on_lease(void)
{
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, NULL, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = write_on(lease);
    CHECK_INT(walpool_release(lease, NULL), WALPOOL_OK);
    return status;
}

TEST(iofault__on_a_lease)
{
    static const struct work work = {.run = write_on_lease, .rows = 2,
                                     .restarts = true};
    sweep_all(&work);
}

/* By a thread of the library. */
static walpool_status
write_in_queue(void)
{
    walpool_statement statement = {.sql = "INSERT INTO t VALUES (2, 'one')"};
    walpool_job job = {.op = WALPOOL_OP_WRITE,
                       .target = db,
                       .statements = &statement,
                       .statement_count = 1};
    walpool_completion completion = {0};
    walpool_queue *queue = walpool_queue_open(&err);
    CHECK(queue != NULL);
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &completion, 1, -1, &err), 1);
    walpool_queue_close(queue);
    err = completion.error;
    return (walpool_status)err.status;
}

TEST(iofault__in_a_queue)
{
    static const struct work work = {.run = write_in_queue, .rows = 1};
    sweep_all(&work);
}

static walpool_checkpoint_mode mode;

static walpool_status
checkpoint(void)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = now->kind == IOFAULT_BUSY ? 20 : 20000;
    return walpool_checkpoint(db, mode, &call, NULL, &err);
}

#define CHECKPOINT(name, which)                              \
    TEST(iofault__in_a_checkpoint_##name)                    \
    {                                                        \
        static const struct work work = {.run = checkpoint, .rows = 0}; \
        mode = which;                                        \
        sweep_all(&work);                                    \
    }
CHECKPOINT(that_is_passive, WALPOOL_PASSIVE)
CHECKPOINT(that_is_full, WALPOOL_FULL_CHECKPOINT)
CHECKPOINT(that_restarts, WALPOOL_RESTART)
CHECKPOINT(that_truncates, WALPOOL_TRUNCATE)

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!iofault_install())
        return 2;
    return check_main(argc, argv);
}
