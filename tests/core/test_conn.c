/* conn: the proof that WAL is on, waiting for others, and what is refused. */
#include "conn.h"

#include <fcntl.h>

#include "inside.h"

static struct inside inside;

static struct walpool__stmt *
prepare(const char *sql)
{
    struct walpool__stmt *stmt = NULL;
    walpool_statement statement = {.sql = sql};
    CHECK_OK(walpool__conn_prepare(inside.conn, &statement, &stmt, &err));
    return stmt;
}

static int64_t
number(const char *sql)
{
    struct walpool__stmt *stmt = prepare(sql);
    CHECK_INT(walpool__conn_step(inside.conn, stmt->native), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(stmt->native, 0);
    walpool__stmt_give(&inside.conn->cache, stmt);
    return answer;
}

/* A database that another program made, in this journal mode. */
static void
make_database(const char *name, const char *mode)
{
    char sql[64];
    sqlite3 *db = raw_open(check_path(name));
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", mode);
    raw_exec(db, sql);
    raw_exec(db, "CREATE TABLE t(n); INSERT INTO t VALUES(7)");
    sqlite3_close(db);
}

static walpool_status
try(const char *name, enum walpool__conn_role role, int mode)
{
    walpool_options_init(&inside.options);
    inside.options.mode = mode;
    walpool_status status = inside_try(&inside, name, role, 10000);
    CHECK((inside.conn != NULL) == (status == WALPOOL_OK));
    return status;
}

/* Every byte of a file, for a comparison. */
static size_t
read_file(const char *name, unsigned char bytes[8192])
{
    FILE *file = fopen(check_path(name), "r");
    CHECK(file != NULL);
    size_t count = fread(bytes, 1, 8192, file);
    fclose(file);
    return count;
}

static void
patch_file(const char *name, long offset, const void *bytes, size_t count)
{
    FILE *file = fopen(check_path(name), "r+");
    CHECK(file != NULL);
    CHECK_INT(fseek(file, offset, SEEK_SET), 0);
    CHECK_INT(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

TEST(conn__is_configured_by_its_options)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(number("PRAGMA synchronous"), 1);
    CHECK_INT(number("PRAGMA cache_size"), -8192);
    CHECK_INT(number("PRAGMA temp_store"), 2);
    CHECK_INT(number("PRAGMA mmap_size"), 0);
    CHECK_INT(number("PRAGMA journal_size_limit"), 16777216);
    CHECK_INT(number("PRAGMA foreign_keys"), 1);
    CHECK_INT(number("PRAGMA trusted_schema"), 0);
    CHECK_INT(number("PRAGMA query_only"), 0);
    inside_close(&inside);
    inside.options.durability = 1;
    inside.options.cache_size_kib = 64;
    inside.options.temp_store_memory = 0;
    inside.options.mmap_size_bytes = 65536;
    inside.options.journal_size_limit_bytes = -1;
    inside.options.foreign_keys = 0;
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_READER, 1000));
    CHECK_INT(number("PRAGMA synchronous"), 1);
    CHECK_INT(number("PRAGMA cache_size"), -64);
    CHECK_INT(number("PRAGMA temp_store"), 1);
    CHECK_INT(number("PRAGMA mmap_size"), 65536);
    CHECK_INT(number("PRAGMA journal_size_limit"), -1);
    CHECK_INT(number("PRAGMA foreign_keys"), 0);
    CHECK_INT(number("PRAGMA query_only"), 1);
    inside_close(&inside);
}

/* Pages that a scan of all of them took into the page cache. */
static int64_t
misses_of_a_scan(int64_t mmap_bytes)
{
    int misses = 0, highest = 0;
    inside.options.mmap_size_bytes = mmap_bytes;
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_READER, 1000));
    CHECK_INT(number("SELECT count(*) FROM t WHERE length(v) = 3000"), 100);
    CHECK_INT(sqlite3_db_status(inside.conn->db, SQLITE_DBSTATUS_CACHE_MISS,
                                &misses, &highest, 0),
              SQLITE_OK);
    inside_close(&inside);
    return misses;
}

TEST(conn__reads_what_is_mapped_past_its_page_cache)
{
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "PRAGMA journal_mode=WAL; CREATE TABLE t(v);"
                    "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n "
                    "LIMIT 100) INSERT INTO t SELECT zeroblob(3000) FROM n;"
                    "PRAGMA wal_checkpoint(TRUNCATE)");
    walpool_options_init(&inside.options);
    CHECK(misses_of_a_scan(0) >= 100);
    CHECK(misses_of_a_scan(1 << 20) < 10);
    int64_t half = misses_of_a_scan(50 * 4096); /* the option is a limit */
    CHECK(half >= 50 && half < 70);
    raw_exec(other, "UPDATE t SET v = randomblob(3000)");
    CHECK(misses_of_a_scan(1 << 20) >= 100); /* the WAL is never mapped */
    sqlite3_close(other);
}

TEST(conn__of_a_checkpointer_maps_nothing)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    inside_close(&inside);
    inside.options.mmap_size_bytes = 1 << 20;
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_CHECKPOINTER, 1000));
    CHECK_INT(number("PRAGMA mmap_size"), 0);
    inside_close(&inside);
}

TEST(conn__takes_the_largest_of_every_option)
{
    make_database("a.db", "WAL");
    walpool_options_init(&inside.options);
    inside.options.cache_size_kib = 16777216;
    inside.options.mmap_size_bytes = INT64_MAX;
    inside.options.journal_size_limit_bytes = INT64_MAX;
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 1000));
    CHECK_INT(number("SELECT n FROM t"), 7);
    inside_close(&inside);
}

TEST(conn__of_a_writer_switches_to_WAL)
{
    make_database("a.db", "DELETE");
    CHECK_OK(try("a.db", WALPOOL__CONN_WRITER, 1));
    CHECK_INT(number("SELECT n FROM t"), 7);
    inside_close(&inside);
    CHECK_OK(try("a.db", WALPOOL__CONN_READER, 2));
    inside_close(&inside);
}

TEST(conn__of_a_reader_switches_nothing)
{
    unsigned char before[8192], after[8192];
    make_database("a.db", "DELETE");
    size_t bytes = read_file("a.db", before);
    CHECK_STATUS(try("a.db", WALPOOL__CONN_READER, 0), WALPOOL_NOTWAL);
    CHECK_STATUS(try("a.db", WALPOOL__CONN_READER, 2), WALPOOL_NOTWAL);
    CHECK_CONTAINS(err.message, "a.db is not in WAL: open it once for writing");
    CHECK_INT(read_file("a.db", after), bytes);
    CHECK(memcmp(before, after, bytes) == 0);
}

/* ------------------------------------------------------ waiting for others */

TEST(conn__waits_for_the_lock_of_another_until_its_deadline)
{
    make_database("a.db", "DELETE");
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "BEGIN EXCLUSIVE");
    walpool_options_init(&inside.options);
    int64_t began = check_now_ms();
    CHECK_STATUS(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 30),
                 WALPOOL_TIMEOUT);
    CHECK(check_now_ms() - began >= 30);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    CHECK_CONTAINS(err.message, "30 ms passed");
    CHECK_STATUS(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 0),
                 WALPOOL_TIMEOUT);
    raw_exec(other, "ROLLBACK");
    sqlite3_close(other);
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 1000));
    inside_close(&inside);
}

/* One reader of a rollback-mode database is enough to keep it out of WAL. */
TEST(conn__switches_to_WAL_as_soon_as_the_other_is_done)
{
    make_database("a.db", "DELETE");
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "BEGIN; SELECT * FROM t");
    walpool_options_init(&inside.options);
    CHECK_STATUS(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 5),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    raw_exec(other, "COMMIT");
    CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 1000));
    inside_close(&inside);
    sqlite3_close(other);
}

static atomic_int leaves;

static void
count_leave(void *other)
{
    atomic_fetch_add(&leaves, 1);
    if (other != NULL)
        raw_exec(other, "ROLLBACK");
}

TEST(conn__lets_others_run_before_it_waits_for_a_lock)
{
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_WRITER, 0));
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "BEGIN IMMEDIATE");
    walpool__call_begin_own(&inside.call, -1);
    inside.call.leave = count_leave;
    inside.call.leave_data = other;
    atomic_store(&leaves, 0);
    struct walpool__stmt *stmt = prepare("DELETE FROM t");
    CHECK_INT(walpool__conn_step(inside.conn, stmt->native), SQLITE_DONE);
    CHECK_INT(atomic_load(&leaves), 1);
    CHECK_INT(inside.call.phase, WALPOOL_PHASE_LOCK);
    walpool__stmt_give(&inside.conn->cache, stmt);
    sqlite3_close(other);
    inside_close(&inside);
}

TEST(conn__without_a_call_waits_for_nobody)
{
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_WRITER, 0));
    sqlite3 *other = raw_open(check_path("a.db"));
    raw_exec(other, "BEGIN IMMEDIATE");
    inside.conn->call = NULL;
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_WRITE),
              SQLITE_BUSY);
    CHECK_STATUS(walpool__conn_error(inside.conn, SQLITE_BUSY, "x", &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    sqlite3_close(other);
    inside_close(&inside);
}

static const char forever[] =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
    "SELECT count(*) FROM c";

TEST(conn__ends_a_statement_at_its_deadline)
{
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_READER, 0));
    struct walpool__stmt *stmt = prepare(forever);
    walpool__call_begin_own(&inside.call, 5);
    int rc = walpool__conn_step(inside.conn, stmt->native);
    CHECK_INT(rc, SQLITE_INTERRUPT);
    CHECK_STATUS(walpool__conn_error(inside.conn, rc, "run it", &err),
                 WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_EXECUTE);
    CHECK_INT(err.sqlite_code, SQLITE_INTERRUPT);
    CHECK_STR(err.message, "cannot run it: 5 ms passed while running the "
                           "statement");
    walpool__stmt_give(&inside.conn->cache, stmt);
    walpool__call_begin_own(&inside.call, 1000);
    CHECK_INT(number("SELECT n FROM t"), 7);
    inside_close(&inside);
}

/* ------------------------------------------------------- bad files, alone */

TEST(conn__leaves_a_file_of_garbage_as_it_is)
{
    unsigned char bytes[4096], after[8192];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 31 + 7);
    FILE *file = fopen(check_path("a.db"), "w");
    CHECK(file != NULL);
    fwrite(bytes, 1, sizeof bytes, file);
    fclose(file);
    CHECK_STATUS(try("a.db", WALPOOL__CONN_WRITER, 0), WALPOOL_NOTADB);
    CHECK_CONTAINS(err.message, "a.db: cannot open the database: file is not");
    CHECK_INT(err.sqlite_code, SQLITE_NOTADB);
    CHECK_STATUS(try("a.db", WALPOOL__CONN_READER, 2), WALPOOL_NOTADB);
    CHECK_INT(read_file("a.db", after), sizeof bytes);
    CHECK(memcmp(bytes, after, sizeof bytes) == 0);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    CHECK(access(check_path("a.db-shm"), F_OK) != 0);
}

TEST(conn__leaves_text_and_cut_files_as_they_are)
{
    static const char text[] = "SQLite format 3";
    unsigned char after[8192];
    FILE *file = fopen(check_path("a.db"), "w");
    fwrite(text, 1, sizeof text, file);
    fclose(file);
    CHECK_STATUS(try("a.db", WALPOOL__CONN_WRITER, 0), WALPOOL_NOTADB);
    CHECK_INT(read_file("a.db", after), sizeof text);
    CHECK(memcmp(text, after, sizeof text) == 0);
}

TEST(conn__refuses_a_format_of_the_future)
{
    static const unsigned char versions[][2] = {{3, 3}, {3, 1}, {1, 3}};
    for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
        unsigned char before[8192], after[8192];
        make_database("a.db", "DELETE");
        patch_file("a.db", 18, versions[i], 2);
        size_t bytes = read_file("a.db", before);
        walpool_status status = try("a.db", WALPOOL__CONN_WRITER, 0);
        CHECK_STATUS(status, versions[i][1] == 3 ? WALPOOL_NOTADB
                                                 : WALPOOL_READONLY);
        CHECK_INT(read_file("a.db", after), bytes);
        CHECK(memcmp(before, after, bytes) == 0);
        unlink(check_path("a.db"));
    }
}

TEST(conn__refuses_a_file_that_is_not_there)
{
    CHECK_STATUS(try("none.db", WALPOOL__CONN_WRITER, 0), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "none.db");
    CHECK(access(check_path("none.db"), F_OK) != 0);
}

/* ------------------------------------------------------------- permissions */

TEST(conn__of_a_writer_needs_a_file_that_may_be_written)
{
    inside_drop();
    make_database("a.db", "WAL");
    CHECK_INT(chmod(check_path("a.db"), 0400), 0);
    walpool_status writer = try("a.db", WALPOOL__CONN_WRITER, 0);
    walpool_error said = err;
    walpool__conn_close(inside.conn);
    walpool_status reader = try("a.db", WALPOOL__CONN_READER, 2);
    walpool__conn_close(inside.conn);
    inside_regain();
    CHECK_STATUS(writer, WALPOOL_READONLY);
    CHECK_CONTAINS(said.message, "mode=ro");
    CHECK_STATUS(reader, WALPOOL_OK);
}

TEST(conn__in_a_folder_that_may_not_be_written_is_refused_or_proven)
{
    inside_drop();
    CHECK_INT(mkdir(check_path("sub"), 0700), 0);
    make_database("sub/a.db", "DELETE");
    make_database("sub/w.db", "WAL");
    CHECK_INT(chmod(check_path("sub"), 0500), 0);
    walpool_status rollback = try("sub/a.db", WALPOOL__CONN_WRITER, 0);
    walpool__conn_close(inside.conn);
    walpool_status wal = try("sub/w.db", WALPOOL__CONN_WRITER, 0);
    walpool__conn_close(inside.conn);
    walpool_status ro = try("sub/w.db", WALPOOL__CONN_READER, 2);
    walpool__conn_close(inside.conn);
    CHECK_INT(chmod(check_path("sub"), 0700), 0);
    inside_regain();
    CHECK(rollback == WALPOOL_CANTOPEN || rollback == WALPOOL_READONLY);
    CHECK(wal == WALPOOL_CANTOPEN || wal == WALPOOL_READONLY);
    CHECK(ro == WALPOOL_CANTOPEN || ro == WALPOOL_READONLY);
}

/* -------------------------------------------------------------- statements */

TEST(conn__counts_what_the_newest_statement_changed)
{
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_WRITER, 0));
    int64_t before = walpool__conn_total_changes(inside.conn);
    struct walpool__stmt *stmt = prepare("INSERT INTO t VALUES(1), (2), (3)");
    CHECK_INT(walpool__conn_step(inside.conn, stmt->native), SQLITE_DONE);
    walpool__stmt_give(&inside.conn->cache, stmt);
    CHECK_INT(walpool__conn_changes(inside.conn, before), 3);
    before = walpool__conn_total_changes(inside.conn);
    stmt = prepare("CREATE TABLE u(n)");
    CHECK_INT(walpool__conn_step(inside.conn, stmt->native), SQLITE_DONE);
    walpool__stmt_give(&inside.conn->cache, stmt);
    CHECK_INT(walpool__conn_changes(inside.conn, before), 0);
    inside_close(&inside);
}

TEST(conn__tells_the_frames_of_its_commits_once)
{
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_WRITER, 0));
    CHECK_INT(walpool__conn_take_frames(inside.conn), 0);
    struct walpool__stmt *stmt = prepare("INSERT INTO t VALUES(1)");
    CHECK_INT(walpool__conn_step(inside.conn, stmt->native), SQLITE_DONE);
    walpool__stmt_give(&inside.conn->cache, stmt);
    CHECK_INT(walpool__conn_take_frames(inside.conn), 1);
    CHECK_INT(walpool__conn_take_frames(inside.conn), 0);
    inside_close(&inside);
}

TEST(conn__of_a_reader_writes_nothing)
{
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_READER, 0));
    struct walpool__stmt *stmt = prepare("DELETE FROM t");
    int rc = walpool__conn_step(inside.conn, stmt->native);
    CHECK_STATUS(walpool__conn_error(inside.conn, rc, "x", &err),
                 WALPOOL_READONLY);
    walpool__stmt_give(&inside.conn->cache, stmt);
    CHECK_INT(number("SELECT count(*) FROM t"), 1);
    inside_close(&inside);
    walpool__conn_close(NULL);
}

TEST(conn__tells_bad_texts_from_bad_encodings)
{
    struct walpool__stmt *stmt = NULL;
    walpool_statement two = {.sql = "SELECT 1; SELECT 2"};
    walpool_statement bad = {.sql = "SELECT '\xFF'"};
    walpool_statement cut = {.sql = "SELECT 1; SELECT 2", .sql_bytes = 9};
    make_database("a.db", "WAL");
    CHECK_OK(try("a.db", WALPOOL__CONN_READER, 0));
    CHECK_STATUS(walpool__conn_prepare(inside.conn, &two, &stmt, &err),
                 WALPOOL_SQL);
    CHECK_STATUS(walpool__conn_prepare(inside.conn, &bad, &stmt, &err),
                 WALPOOL_ENCODING);
    CHECK_OK(walpool__conn_prepare(inside.conn, &cut, &stmt, &err));
    walpool__stmt_give(&inside.conn->cache, stmt);
    inside_close(&inside);
}

CHECK_MAIN()
