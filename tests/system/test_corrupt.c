/* A page that is not right any more: plain SQLite says so once, and goes on to
 * write beside it. Here the first call that meets it is told what to do, writes
 * are refused from then on, and reads of what is whole go on. */
#include <stdbool.h>

#include "child.h"
#include "plain.h"

#define PAGE 1024

static char path[512];

/* ---------------------------------------------------------- a damaged file */

static void
write_at(int64_t offset, const void *bytes, size_t count)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_INT(pwrite(file, bytes, count, offset), count);
    close(file);
}

static uint32_t
number_at(int64_t offset)
{
    unsigned char bytes[4];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_INT(pread(file, bytes, 4, offset), 4);
    close(file);
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t
root_of(const char *table)
{
    char sql[80];
    sqlite3 *plain;
    snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema"
                              " WHERE name = '%s'", table);
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    int64_t root = plain_number(plain, sql);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    return (root - 1) * PAGE;
}

static const char junk[64] = {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};

static void
damage_a_leaf(void)
{
    int64_t root = root_of("t");
    write_at((int64_t)(number_at(root + 8) - 1) * PAGE, junk, sizeof junk);
}

static void
damage_an_interior_page(void)
{
    write_at(root_of("t"), junk, sizeof junk);
}

/* Its first trunk page claims to list more pages than one can. */
static void
damage_the_freelist(void)
{
    int64_t trunk = (int64_t)(number_at(32) - 1) * PAGE;
    CHECK(trunk > 0);
    write_at(trunk + 4, "\x7f\xff\xff\xff", 4);
}

static const char large[] = "INSERT INTO other SELECT zeroblob(900)"
                            " FROM t WHERE id <= 20";

static const struct damage {
    const char *name;
    void (*inflict)(void);
    bool writes;         /* what meets it is a write */
    const char *meeting; /* the statement that meets it */
} damages[] = {
    {"a leaf", damage_a_leaf, false, "SELECT sum(length(v)) FROM t"},
    {"a leaf", damage_a_leaf, true, "UPDATE t SET v = 1 WHERE id = 3000"},
    {"an interior page", damage_an_interior_page, false,
     "SELECT v FROM t WHERE id = 1"},
    {"an interior page", damage_an_interior_page, true,
     "INSERT INTO t(v) VALUES (1)"},
    {"the freelist", damage_the_freelist, true, large},
};
#define DAMAGES (sizeof damages / sizeof damages[0])

/* Table t has interior pages, and pages are free. */
static void
make(void)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    plain_remove(path);
    plain_run(path,
              "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;"
              "CREATE TABLE other(v); INSERT INTO other VALUES (1);"
              "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
              "INSERT INTO t(v) WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1"
              " FROM c WHERE n < 3000) SELECT 'row ' || n FROM c;"
              "CREATE TABLE gone(v); INSERT INTO gone VALUES(zeroblob(50000));"
              "DROP TABLE gone");
}

TEST(corrupt__plain_SQLite_writes_on_beside_a_page_that_it_has_found_damaged)
{
    for (size_t i = 0; i < DAMAGES; i++) {
        sqlite3 *plain;
        make();
        damages[i].inflict();
        CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
        CHECK_INT(sqlite3_exec(plain, damages[i].meeting, NULL, NULL, NULL),
                  SQLITE_CORRUPT);
        CHECK_INT(sqlite3_exec(plain, "INSERT INTO other VALUES (2)", NULL,
                               NULL, NULL), SQLITE_OK);
        sqlite3_close(plain);
    }
}

/* ------------------------------------------------------------ the database */

static walpool_status
meet(walpool *db, const struct damage *damage)
{
    walpool_statement statement = {.sql = damage->meeting};
    return damage->writes ? walpool_write(db, &statement, NULL, NULL, &err)
                          : walpool_read(db, &statement, NULL, NULL, &err);
}

static void
expect_advice(void)
{
    CHECK_STATUS((walpool_status)err.status, WALPOOL_CORRUPT);
    CHECK_INT(err.sqlite_code & 0xff, SQLITE_CORRUPT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "keep a copy of the file and its -wal");
    CHECK_CONTAINS(err.message, "walpool check");
    CHECK_CONTAINS(err.message, ".recover");
}

/* Whatever writes is refused, and whatever is whole can be read. */
static void
expect_refused(walpool *db, int64_t rows)
{
    walpool_health health = api_health(db);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(health.reason, "SQLite has found the file damaged");
    CHECK_STATUS(api_write(db, "INSERT INTO other VALUES (2)"),
                 WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "cannot write: SQLite has found the file "
                                "damaged");
    CHECK_CONTAINS(err.message, "open the database anew");
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
               WALPOOL_POISONED);
    CHECK_STATUS(walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, NULL, &err),
                 WALPOOL_POISONED);
    CHECK_INT(api_number(db, "SELECT count(*) FROM other"), rows);
}

TEST(corrupt__the_first_page_found_damaged_refuses_writes_and_reads_go_on)
{
    for (size_t i = 0; i < DAMAGES; i++) {
        make();
        damages[i].inflict();
        walpool *db = api_open("a.db", "");
        CHECK_OK(api_write(db, "INSERT INTO other VALUES (2)"));
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
        CHECK_STATUS(meet(db, &damages[i]), WALPOOL_CORRUPT);
        expect_advice();
        expect_refused(db, 2);
        api_close(db);
        db = api_open("a.db", ""); /* to mend what can be mended */
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
        CHECK_OK(api_write(db, "INSERT INTO other VALUES (3)"));
        CHECK_STATUS(meet(db, &damages[i]), WALPOOL_CORRUPT);
        expect_refused(db, 3);
        api_close(db);
    }
}

TEST(corrupt__a_transaction_that_has_met_it_is_not_committed)
{
    make();
    damage_a_leaf();
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO other VALUES (2)"));
    CHECK_STATUS(api_run(lease, damages[0].meeting), WALPOOL_CORRUPT);
    expect_advice();
    walpool_status status = walpool_commit(lease, NULL, &err);
    CHECK(status == WALPOOL_POISONED || status == WALPOOL_CORRUPT);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_OK(walpool_release(lease, &err));
    expect_refused(db, 1);
    api_close(db);
}

TEST(corrupt__one_that_is_met_elsewhere_undoes_the_transaction_that_is_open)
{
    make();
    damage_a_leaf();
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO other VALUES (2)"));
    CHECK_STATUS(meet(db, &damages[0]), WALPOOL_CORRUPT);
    CHECK_STATUS(walpool_commit(lease, NULL, &err), WALPOOL_POISONED);
    CHECK_OK(walpool_release(lease, &err));
    expect_refused(db, 1);
    api_close(db);
}

TEST(corrupt__a_private_connection_tells_the_database)
{
    make();
    damage_a_leaf();
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_OK(api_run(lease, "INSERT INTO other VALUES (2)"));
    CHECK_STATUS(api_run(lease, damages[0].meeting), WALPOOL_CORRUPT);
    expect_advice();
    CHECK_STATUS(api_run(lease, "INSERT INTO other VALUES (3)"),
                 WALPOOL_POISONED);
    CHECK_OK(walpool_release(lease, &err));
    expect_refused(db, 2);
    api_close(db);
}

TEST(corrupt__a_damaged_schema_is_not_opened)
{
    make();
    write_at(100, junk, sizeof junk);
    CHECK_NULL(walpool_open(path, NULL, &err), WALPOOL_CORRUPT);
    expect_advice();
    CHECK_CONTAINS(err.message, path);
}

/* -------------------------------------------------------- while it is open */

/* Another process, which knows nothing of SQLite. */
static void
write_over_the_first_page(int number)
{
    (void)number;
    child_wait();
    write_at(0, junk, sizeof junk);
    child_tell(1);
    child_wait();
}

TEST(corrupt__a_connection_with_a_page_cache_writes_on_to_what_is_no_database)
{
    sqlite3 *plain;
    make();
    struct child other = child_start(write_over_the_first_page, 0);
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    plain_number(plain, "SELECT count(*) FROM other");
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    CHECK_INT(sqlite3_exec(plain, "INSERT INTO other VALUES (2)", NULL, NULL,
                           NULL), SQLITE_OK);
    sqlite3_close(plain);
    child_go_on(&other);
    child_join(&other);
}

TEST(corrupt__a_new_reader_that_finds_no_database_tells_the_writer)
{
    make();
    struct child other = child_start(write_over_the_first_page, 0);
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(api_run(lease, "SELECT v FROM other"));
    CHECK_OK(walpool_release(lease, &err));
    lease = api_acquire(db, WALPOOL_READ);
    child_go_on(&other);
    CHECK_INT(child_hear(&other), 1);
    CHECK_NULL(walpool_acquire(db, WALPOOL_READ, NULL, &err), WALPOOL_NOTADB);
    CHECK_STATUS(api_write(db, "INSERT INTO other VALUES (2)"),
                 WALPOOL_POISONED);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    child_go_on(&other);
    child_join(&other);
}

/* --------------------------------------------------------- no false alarms */

/* The index of a virtual table is mended by writing to it. */
TEST(corrupt__a_damaged_full_text_index_refuses_no_write)
{
    make();
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    int rc = sqlite3_exec(plain,
                          "CREATE VIRTUAL TABLE f USING fts5(v);"
                          "INSERT INTO f VALUES ('one two three');"
                          "UPDATE f_data SET block = x'0001' WHERE id > 10",
                          NULL, NULL, NULL);
    sqlite3_close(plain);
    if (rc != SQLITE_OK) {
        check_skip("this SQLite has no FTS5");
        return;
    }
    walpool *db = api_open("a.db", "");
    walpool_statement query = {.sql = "SELECT * FROM f WHERE f MATCH 'two'"};
    CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err), WALPOOL_CORRUPT);
    CHECK_INT(err.sqlite_code, SQLITE_CORRUPT_VTAB);
    CHECK_CONTAINS(err.message, "rebuild this virtual table");
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_OK(api_write(db, "INSERT INTO f(f) VALUES ('rebuild')"));
    CHECK_OK(walpool_read(db, &query, NULL, NULL, &err));
    api_close(db);
}

TEST(corrupt__an_attached_file_that_is_no_database_refuses_no_write)
{
    char sql[600];
    make();
    int file = open(check_path("b.db"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 100; i++)
        CHECK_INT(write(file, "no database at all\n", 19), 19);
    close(file);
    walpool *db = api_open("a.db", "allow_attach=1");
    snprintf(sql, sizeof sql, "ATTACH '%s' AS b", check_path("b.db"));
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    walpool_status status = api_run(lease, sql);
    if (status == WALPOOL_OK)
        status = api_run(lease, "SELECT count(*) FROM b.sqlite_schema");
    CHECK_STATUS(status, WALPOOL_NOTADB);
    CHECK_OK(api_run(lease, "INSERT INTO other VALUES (2)"));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

CHECK_MAIN()
