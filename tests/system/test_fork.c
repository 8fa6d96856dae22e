/* fork() with a database open: SQLite believes that the child has the locks of
 * the parent, and it has none. What a child commits with plain SQLite is lost,
 * though every call says OK; walpool's calls refuse before anything is lost. */
#include "child.h"
#include "plain.h"

#define KEPT 12    /* rows that the parent writes */
#define COMMITS 100 /* that the child tries */

static sqlite3 *inherited;
static walpool *db;

static void
make(void)
{
    char sql[200];
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = WAL; CREATE TABLE t(v);"
             "WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
             " WHERE n < %d) INSERT INTO t SELECT n FROM c", KEPT);
    plain_run(check_path("a.db"), sql);
}

static int64_t
rows_of_the_file(void)
{
    return plain_rows(check_path("a.db")) + 1;
}

/* Tells how many commits were acknowledged before the parent closes the file,
 * and how many after. */
static void
commit_plainly(sqlite3 *plain)
{
    for (int half = 0; half < 2; half++) {
        int64_t done = 0;
        for (int i = 0; i < COMMITS / 2; i++)
            done += sqlite3_exec(plain, "INSERT INTO t VALUES (0)", NULL, NULL,
                                 NULL) == SQLITE_OK;
        child_tell(done);
        child_wait();
    }
}

static void
use_the_inherited_connection(int number)
{
    (void)number;
    commit_plainly(inherited);
}

static void
open_a_connection_of_its_own(int number)
{
    (void)number;
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(check_path("a.db"), &plain), SQLITE_OK);
    commit_plainly(plain);
}

static void
lose_commits_of(void (*run)(int))
{
    make();
    CHECK_INT(sqlite3_open(check_path("a.db"), &inherited), SQLITE_OK);
    CHECK_INT(plain_number(inherited, "SELECT count(*) FROM t"), KEPT);
    struct child child = child_start(run, 0);
    CHECK_INT(child_hear(&child), COMMITS / 2);
    CHECK_INT(sqlite3_close(inherited), SQLITE_OK); /* as the last, it thinks */
    child_go_on(&child);
    CHECK_INT(child_hear(&child), COMMITS / 2);
    child_go_on(&child);
    child_join(&child);
    CHECK(rows_of_the_file() < KEPT + COMMITS);
}

TEST(fork__loses_what_is_committed_through_an_inherited_connection_of_SQLite)
{
    lose_commits_of(use_the_inherited_connection);
}

TEST(fork__loses_what_is_committed_through_a_new_connection_of_SQLite)
{
    lose_commits_of(open_a_connection_of_its_own);
}

/* ------------------------------------------------------------ the database */

static void
try_all_that_writes(int number)
{
    (void)number;
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < COMMITS / 2; i++) {
            CHECK_STATUS(api_write(db, "INSERT INTO t VALUES (0)"),
                         WALPOOL_FORKED);
            CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
                       WALPOOL_FORKED);
            CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err),
                       WALPOOL_FORKED);
        }
        child_tell(0);
        child_wait();
    }
}

TEST(fork__loses_nothing_because_the_child_is_refused)
{
    make();
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), KEPT);
    struct child child = child_start(try_all_that_writes, 0);
    CHECK_INT(child_hear(&child), 0);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (0)"));
    api_close(db);
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 0);
    child_go_on(&child);
    child_join(&child);
    CHECK_INT(rows_of_the_file(), KEPT + 1);
}

/* Nothing was open when it was forked: then the file is the child's, too. */
static void
write_as_a_process_of_its_own(int number)
{
    (void)number;
    child_wait();
    walpool *own = api_open("a.db", "");
    for (int i = 0; i < COMMITS; i++)
        CHECK_OK(api_write(own, "INSERT INTO t VALUES (0)"));
    api_close(own);
}

TEST(fork__before_the_opening_loses_nothing)
{
    make();
    struct child child = child_start(write_as_a_process_of_its_own, 0);
    db = api_open("a.db", "");
    child_go_on(&child);
    for (int i = 0; i < COMMITS; i++)
        CHECK_OK(api_write(db, "INSERT INTO t VALUES (0)"));
    api_close(db);
    child_join(&child);
    CHECK_INT(rows_of_the_file(), KEPT + 2 * COMMITS);
}

CHECK_MAIN()
