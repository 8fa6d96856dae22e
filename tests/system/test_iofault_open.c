/* Every call of SQLite to the disk fails, one after the other, while a database
 * is opened, read and closed: the error is clear, nothing leaks, what was in
 * the file is there, and a file that was made in vain is gone. */
#include "iofault.h"

#include "../core/leaks.h"
#include "plain.h"

static struct iofault *now;
static walpool *db;
static char path[512], kept[512];

#define HOLDS(holds) IOFAULT_HOLDS(now, holds)

static walpool *
open_database(void)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = 1;
    options.busy_timeout_ms = now->kind == IOFAULT_BUSY ? 20 : 20000;
    options.close_timeout_ms = 20000;
    return walpool_open(path, &options, &err);
}

/* A database of one row, most of it in a WAL that nobody has closed. */
static void
keep_crashed(void)
{
    CHECK((db = walpool_open(path, NULL, &err)) != NULL);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(9000))"));
    plain_copy(path, file, kept);
    api_close(db);
    close(file);
}

static void
put_crashed(void)
{
    int file = open(kept, O_RDONLY | O_CLOEXEC);
    plain_remove(path);
    plain_copy(kept, file, path);
    close(file);
}

static void
put_nothing(void)
{
    plain_remove(path);
}

static int64_t
file_size(void)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : -1;
}

/* After the fault the database opens, and is used to its end. */
static void
use_afterwards(void)
{
    if (db == NULL)
        CHECK((db = open_database()) != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (2)"));
    api_close(db);
}

static void
open_under_fault(void (*put)(void))
{
    put();
    memset(&err, 0, sizeof err);
    iofault_arm(now);
    db = open_database();
    iofault_disarm();
    if (db != NULL)
        return;
    iofault_expect_clear(now, (walpool_status)err.status);
    if (put == put_nothing && !now->lasts)
        HOLDS(file_size() != 0);
}

static void
read_under_fault(void (*put)(void))
{
    put();
    CHECK((db = open_database()) != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS u(v)"));
    memset(&err, 0, sizeof err);
    iofault_arm(now);
    walpool_statement statement = {.sql = "SELECT count(*) FROM t"};
    walpool_status status = walpool_read(db, &statement, NULL, NULL, &err);
    iofault_disarm();
    if (status != WALPOOL_OK)
        iofault_expect_clear(now, status);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    CHECK_INT(api_health(db).readers_leased, 0);
}

/* To close cannot fail for anybody: what is not copied stays in the WAL. */
static void
close_under_fault(void (*put)(void))
{
    put();
    CHECK((db = open_database()) != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS u(v)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM u"), 0);
    iofault_arm(now);
    CHECK_OK(walpool_close(db, -1, &err));
    iofault_disarm();
    db = NULL;
}

typedef void (*under_fault)(void (*put)(void));

static void
round_of_faults(under_fault run, void (*put)(void))
{
    int descriptors = plain_descriptors();
    long blocks = leaks_blocks();
    int64_t memory = sqlite3_memory_used();
    run(put);
    use_afterwards();
    CHECK_INT(plain_rows(path), put == put_crashed ? 1 : 0);
    CHECK_INT(sqlite3_memory_used(), memory);
    CHECK_INT(leaks_blocks(), blocks);
    CHECK_INT(plain_descriptors(), descriptors);
    alarm(CHECK_SECONDS);
}

/* SQLite itself waits ten seconds for the locks that recovery takes, which in
 * truth nobody keeps. */
static bool
may_last(enum iofault_kind kind)
{
    return kind != IOFAULT_BUSY;
}

static void
sweep(under_fault run, void (*put)(void))
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(kept, sizeof kept, "%s", check_path("kept.db"));
    keep_crashed();
    shim_watch(path);
    for (int kind = IOFAULT_ERROR; kind <= IOFAULT_BUSY; kind++)
        for (int lasts = 0; lasts <= may_last((enum iofault_kind)kind); lasts++)
            IOFAULT_EACH(fault, (enum iofault_kind)kind, lasts) {
                now = &fault;
                round_of_faults(run, put);
            }
    shim_watch(NULL);
}

TEST(iofault__in_the_opening_of_a_new_database)
{
    sweep(open_under_fault, put_nothing);
}

TEST(iofault__in_the_opening_of_a_database_that_crashed)
{
    sweep(open_under_fault, put_crashed);
}

TEST(iofault__in_a_read)
{
    sweep(read_under_fault, put_crashed);
}

TEST(iofault__in_a_close)
{
    sweep(close_under_fault, put_crashed);
}

/* As other processes do of which one fails to open a new file, and the next
 * one makes it anew. */
static void
replace_the_file(enum shim_call call)
{
    if (call != SHIM_LOCK || unlink(path) != 0)
        return;
    close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    iofault_look = NULL;
}

TEST(iofault__a_file_that_was_replaced_meanwhile_is_not_opened)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    shim_watch(path);
    iofault_look = replace_the_file;
    CHECK_NULL(walpool_open(path, NULL, &err), WALPOOL_CANTOPEN);
    CHECK(iofault_look == NULL);
    CHECK_CONTAINS(err.message, "removed or replaced meanwhile");
    CHECK_INT(file_size(), 0);
    CHECK((db = walpool_open(path, NULL, &err)) != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    shim_watch(NULL);
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
