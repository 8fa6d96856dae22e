/* sqlerr: SQLite's codes as statuses, names and messages. */
#include "sqlerr.h"

#include "inside.h"

TEST(sqlerr__gives_every_code_of_SQLite_a_status)
{
    static const struct {
        int code;
        walpool_status want;
    } cases[] = {
        {SQLITE_ERROR, WALPOOL_SQL},
        {SQLITE_PERM, WALPOOL_CANTOPEN},
        {SQLITE_BUSY_RECOVERY, WALPOOL_TIMEOUT},
        {SQLITE_LOCKED_VTAB, WALPOOL_BUSY},
        {SQLITE_NOMEM, WALPOOL_NOMEM},
        {SQLITE_IOERR_NOMEM, WALPOOL_NOMEM},
        {SQLITE_IOERR_FSYNC, WALPOOL_IO},
        {SQLITE_READONLY_DIRECTORY, WALPOOL_READONLY},
        {SQLITE_INTERRUPT, WALPOOL_CANCELLED},
        {SQLITE_CORRUPT_INDEX, WALPOOL_CORRUPT},
        {SQLITE_FULL, WALPOOL_FULL},
        {SQLITE_CANTOPEN_ISDIR, WALPOOL_CANTOPEN},
        {SQLITE_PROTOCOL, WALPOOL_IO},
        {SQLITE_TOOBIG, WALPOOL_TOOBIG},
        {SQLITE_CONSTRAINT_UNIQUE, WALPOOL_CONSTRAINT},
        {SQLITE_MISMATCH, WALPOOL_CONSTRAINT},
        {SQLITE_AUTH, WALPOOL_REFUSED},
        {SQLITE_RANGE, WALPOOL_PARAM},
        {SQLITE_NOTADB, WALPOOL_NOTADB},
        {SQLITE_MISUSE, WALPOOL_INTERNAL},
        {255, WALPOOL_INTERNAL},
        {-1, WALPOOL_INTERNAL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        CHECK_STR(walpool_status_name(
                      (int32_t)walpool__sqlerr_status(cases[i].code)),
                  walpool_status_name((int32_t)cases[i].want));
}

TEST(sqlerr__names_codes_and_what_it_does_not_know)
{
    CHECK_STR(walpool_sqlite_code_name(0), "");
    CHECK_STR(walpool_sqlite_code_name(SQLITE_BUSY), "SQLITE_BUSY");
    CHECK_STR(walpool_sqlite_code_name(2067), "SQLITE_CONSTRAINT_UNIQUE");
    CHECK_STR(walpool_sqlite_code_name(SQLITE_CONSTRAINT | 200 << 8),
              "SQLITE_CONSTRAINT");
    CHECK_STR(walpool_sqlite_code_name(99), "SQLITE_UNKNOWN");
    CHECK_STR(walpool_sqlite_code_name(-7), "SQLITE_UNKNOWN");
}

TEST(sqlerr__says_what_SQLite_said_and_where)
{
    sqlite3 *db = raw_open(":memory:");
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT 1 + nope", -1, &stmt, NULL);
    CHECK_STATUS(walpool__sqlerr_set(&err, db, rc, "prepare"), WALPOOL_SQL);
    CHECK_STR(err.message, "cannot prepare: no such column: nope");
    CHECK_INT(err.sqlite_code, SQLITE_ERROR);
    if (sqlite3_libversion_number() >= 3038000)
        CHECK_INT(err.sql_offset, 11);
    sqlite3_close(db);
}

TEST(sqlerr__carries_the_extended_code)
{
    sqlite3 *db = raw_open(":memory:");
    raw_exec(db, "CREATE TABLE t(a NOT NULL)");
    int rc = sqlite3_exec(db, "INSERT INTO t VALUES(NULL)", NULL, NULL, NULL);
    CHECK_INT(rc & 0xff, SQLITE_CONSTRAINT);
    CHECK_STATUS(walpool__sqlerr_set(&err, db, rc, "write"),
                 WALPOOL_CONSTRAINT);
    CHECK_INT(err.sqlite_code, SQLITE_CONSTRAINT_NOTNULL);
    sqlite3_close(db);
}

/* A code that is not the connection's last one must not borrow its message. */
TEST(sqlerr__does_not_repeat_the_message_of_another_error)
{
    sqlite3 *db = raw_open(":memory:");
    CHECK(sqlite3_exec(db, "nonsense", NULL, NULL, NULL) != SQLITE_OK);
    CHECK_STATUS(walpool__sqlerr_set(&err, db, SQLITE_FULL, "write"),
                 WALPOOL_FULL);
    CHECK_STR(err.message, "cannot write: database or disk is full");
    CHECK_INT(err.sqlite_code, SQLITE_FULL);
    sqlite3_close(db);
}

TEST(sqlerr__does_without_a_connection_and_without_a_slot)
{
    CHECK_STATUS(walpool__sqlerr_set(&err, NULL, SQLITE_NOMEM, "open"),
                 WALPOOL_NOMEM);
    CHECK_STR(err.message, "cannot open: out of memory");
    CHECK_STATUS(walpool__sqlerr_set(NULL, NULL, SQLITE_IOERR_NOMEM, "open"),
                 WALPOOL_NOMEM);
    CHECK_STATUS(walpool__sqlerr_set(NULL, NULL, SQLITE_CORRUPT, "open"),
                 WALPOOL_CORRUPT);
}

TEST(sqlerr__says_what_to_do_about_a_damaged_file)
{
    walpool__sqlerr_set(&err, NULL, SQLITE_CORRUPT_INDEX, "read");
    CHECK_CONTAINS(err.message, "keep a copy of the file and its -wal");
    walpool__sqlerr_set(&err, NULL, SQLITE_CORRUPT_VTAB, "read");
    CHECK_CONTAINS(err.message, "rebuild this virtual table");
}

TEST(sqlerr__tells_the_systems_error)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(check_path("missing/x.db"), &db,
                             SQLITE_OPEN_READWRITE, NULL);
    CHECK_STATUS(walpool__sqlerr_set(&err, db, rc, "open"), WALPOOL_CANTOPEN);
    CHECK(err.system_errno != 0);
    sqlite3_close(db);
}

CHECK_MAIN()
