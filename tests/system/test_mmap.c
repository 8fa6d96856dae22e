/* A database file that is cut short while it is read: an error, but the end of
 * the process where the file is mapped, for a look beyond its end is then a
 * signal that SQLite never sees (https://sqlite.org/mmap.html). Nobody can guard
 * that from inside the process, so nothing is mapped unless it is asked for. */
#include "child.h"
#include "plain.h"

#define FILL "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 200) " \
             "INSERT INTO t SELECT zeroblob(3000) FROM n"

static const char *options;

/* Reads the first rows; when the file was cut, the last one, and tells how. */
static void
read_on(int number)
{
    walpool_statement last = {.sql = "SELECT v FROM t WHERE rowid = 200"};
    walpool_rows rows;
    (void)number;
    signal(SIGBUS, SIG_DFL); /* a sanitizer would make an exit of it */
    walpool_rows_init(&rows);
    walpool *db = api_open("a.db", options);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_lease_number(lease, "SELECT sum(length(v)) FROM t"
                                      " WHERE rowid <= 10"), 30000);
    child_tell(0);
    child_wait();
    child_tell(walpool_run(lease, &last, NULL, &rows, &err));
    walpool_rows_finish(&rows);
    child_wait();
}

/* A reader with these options, under which the file was cut to a half. */
static struct child
start_and_cut(const char *dsn)
{
    const char *path = check_path("a.db");
    struct stat facts;
    plain_remove(path);
    plain_run(path, "PRAGMA journal_mode=WAL; CREATE TABLE t(v);" FILL);
    options = dsn;
    struct child child = child_start(read_on, 0);
    CHECK_INT(child_hear(&child), 0);
    CHECK_INT(stat(path, &facts), 0);
    CHECK(facts.st_size > 200 * 4096);
    CHECK_INT(truncate(path, facts.st_size / 2), 0);
    child_go_on(&child);
    return child;
}

TEST(mmap__a_file_that_is_cut_short_is_an_error_by_default)
{
    struct child child = start_and_cut("");
    CHECK_INT(child_hear(&child), WALPOOL_CORRUPT);
    child_go_on(&child);
    child_join(&child);
}

TEST(mmap__a_file_that_is_cut_short_kills_who_has_it_mapped)
{
    struct child child = start_and_cut("mmap_size=16777216");
    CHECK_INT(child_hear(&child), -1);
    int status = child_status(&child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

CHECK_MAIN()
