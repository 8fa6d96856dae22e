/* Every call of SQLite to the disk fails, one after the other: the call of
 * walpool says so clearly, what it says about its outcome is true of the file,
 * nothing leaks, and the next write works or is refused because a sync failed.
 * Each round has a database of its own. */
#include "iofault.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "../core/api.h"
#include "../core/leaks.h"

/* What is under fault. */
struct work {
    walpool_status (*run)(void);
    int rows; /* that it inserts, all or none */
    bool restarts; /* it is the first to write to a WAL that is copied */
};

static struct iofault *now;
static const struct work *doing;
static bool full; /* durability */
static walpool *db;
static char path[512], copy[512];
static int file = -1; /* the database's, to read it beside SQLite: a close()
                         would drop SQLite's locks */

#define HOLDS(holds)                                                         \
    do {                                                                     \
        if (!(holds))                                                        \
            printf("# %s: status %s, outcome %d, code %d: %s\n",             \
                   iofault_name(now), walpool_status_name(err.status),       \
                   err.outcome, err.sqlite_code, err.message);               \
        CHECK(holds);                                                        \
    } while (0)

/* ------------------------------------------------------------ the file itself */

static void
copy_descriptor(int from, const char *name)
{
    static char bytes[65536];
    ssize_t got;
    int to = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t at = 0;
    CHECK(to >= 0);
    while ((got = pread(from, bytes, sizeof bytes, at)) > 0) {
        CHECK_INT(write(to, bytes, (size_t)got), got);
        at += got;
    }
    close(to);
}

/* What a kill of the process would leave: no -shm, so SQLite recovers. */
static void
copy_database(void)
{
    char from[600], to[600];
    snprintf(from, sizeof from, "%s-wal", path);
    snprintf(to, sizeof to, "%s-wal", copy);
    copy_descriptor(file, copy);
    int wal = open(from, O_RDONLY | O_CLOEXEC);
    unlink(to);
    if (wal < 0)
        return;
    copy_descriptor(wal, to);
    close(wal);
}

static int64_t
plain_number(sqlite3 *plain, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    CHECK_INT(sqlite3_prepare_v2(plain, sql, -1, &stmt, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/* The rows of a database that nobody has open, by plain SQLite. */
static int64_t
plain_rows(const char *name)
{
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(name, &plain), SQLITE_OK);
    CHECK_INT(plain_number(plain, "SELECT integrity_check = 'ok'"
                                  " FROM pragma_integrity_check"), 1);
    int64_t rows = plain_number(plain, "SELECT count(*) - 1 FROM t");
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    return rows;
}

/* ------------------------------------------------------------------ a round */

static int
count_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

static void
remove_database(const char *name)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-turn"};
    char whole[600];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(whole, sizeof whole, "%s%s", name, suffixes[i]);
        unlink(whole);
    }
}

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

static void
set_up(void)
{
    remove_database(path);
    db = open_database();
    CHECK(db != NULL);
    file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1, zeroblob(9000))"));
    if (doing->restarts)
        CHECK_OK(walpool_checkpoint(db, WALPOOL_RESTART, NULL, NULL, &err));
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

static bool
was_sync(void)
{
    return now->struck &&
           (now->call == SHIM_SYNC || now->call == IOFAULT_OWN_SYNC);
}

/* A failure is one of those that the fault can be, and explains itself. */
static void
expect_clear(walpool_status status)
{
    HOLDS(now->struck);
    HOLDS(err.status == (int32_t)status);
    HOLDS(strlen(err.message) > 20);
    if (status == WALPOOL_POISONED)
        HOLDS(was_sync() && err.system_errno == EIO);
    else if (now->kind == IOFAULT_FULL)
        HOLDS(status == WALPOOL_FULL && err.system_errno == ENOSPC);
    else if (now->kind == IOFAULT_BUSY)
        HOLDS(status == WALPOOL_TIMEOUT && err.phase == WALPOOL_PHASE_LOCK);
    else
        HOLDS((status == WALPOOL_IO || status == WALPOOL_CANTOPEN) &&
              err.sqlite_code != 0 && err.system_errno == EIO);
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
    copy_database();
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
        HOLDS(!was_sync());
        return rows + 1;
    }
    HOLDS(status == WALPOOL_POISONED && was_sync());
    HOLDS(err.outcome == WALPOOL_NOT_APPLIED && err.system_errno == EIO);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    return rows;
}

static void
round_of_faults(void)
{
    int descriptors = count_descriptors();
    long blocks = leaks_blocks();
    int64_t memory = sqlite3_memory_used(), rows;
    set_up();
    walpool_status status = run_under_fault();
    if (status != WALPOOL_OK)
        expect_clear(status);
    expect_true(status, &rows);
    rows = write_next(rows);
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_INT(api_health(db).writer_leased, 0);
    api_close(db);
    close(file);
    CHECK_INT(plain_rows(path), rows);
    CHECK_INT(sqlite3_memory_used(), memory);
    CHECK_INT(leaks_blocks(), blocks);
    CHECK_INT(count_descriptors(), descriptors);
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
sweep_all(const struct work *work)
{
    doing = work;
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(copy, sizeof copy, "%s", check_path("copy.db"));
    warm_up();
    shim_watch(path);
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
    static const struct work work = {write_statement, 2, false};
    sweep_all(&work);
}

TEST(iofault__in_the_first_write_to_a_WAL_that_starts_anew)
{
    static const struct work work = {write_statement, 2, true};
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
    static const struct work work = {write_returning, 2, true};
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
    static const struct work work = {write_batch, 2, true};
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
    static const struct work work = {write_much, 40, false};
    sweep_all(&work);
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
    static const struct work work = {write_on_lease, 2, true};
    sweep_all(&work);
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!iofault_install())
        return 2;
    return check_main(argc, argv);
}
