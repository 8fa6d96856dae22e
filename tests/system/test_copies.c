/* Copies: a second SQLite in the process, on a file that the first has open:
 * what it does to plain SQLite, and that walpool notices. */
#include <dlfcn.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "child.h"
#include "plain.h"

/* What is called of the second one. */
static struct {
    int (*open)(const char *, sqlite3 **);
    int (*close)(sqlite3 *);
    int (*exec)(sqlite3 *, const char *, int (*)(void *, int, char **, char **),
                void *, char **);
} second;

/* Load SQLite's library once more, under another name: that is another copy,
 * with variables of its own. False: the system cannot. */
static bool
load_second(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    check_skip("the sanitizer allows no library of its own symbols");
    return false;
#else
    Dl_info own;
    const char *copy = check_path("libsecond.so");
    CHECK(dladdr((void *)(uintptr_t)sqlite3_libversion, &own) != 0);
    const char *from =
        strstr(own.dli_fname, ".so") ? own.dli_fname : "libsqlite3.so.0";
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        plain_copy_bytes(fd, copy);
    if (fd >= 0)
        close(fd);
    void *library = dlopen(fd >= 0 ? copy : from,
                           RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == NULL) {
        check_skip("no second SQLite can be loaded here");
        return false;
    }
    *(void **)&second.open = dlsym(library, "sqlite3_open");
    *(void **)&second.close = dlsym(library, "sqlite3_close");
    *(void **)&second.exec = dlsym(library, "sqlite3_exec");
    CHECK(second.open != NULL && second.close != NULL && second.exec != NULL);
    CHECK(second.open != sqlite3_open);
    return true;
#endif
}

static sqlite3 *
second_open(void)
{
    sqlite3 *db = NULL;
    CHECK_INT(second.open(check_path("a.db"), &db), SQLITE_OK);
    CHECK_INT(second.exec(db, "SELECT count(*) FROM t", NULL, NULL, NULL),
              SQLITE_OK);
    return db;
}

static void
lose_a_commit(int number)
{
    sqlite3 *db;
    (void)number;
    if (!load_second()) {
        child_tell(-1);
        return;
    }
    CHECK_INT(sqlite3_open(check_path("a.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE t(v);"
                               "INSERT INTO t VALUES (1)", NULL, NULL, NULL),
              SQLITE_OK);
    CHECK_INT(second.close(second_open()), SQLITE_OK);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    child_tell(sqlite3_exec(db, "INSERT INTO t VALUES (2)", NULL, NULL, NULL));
    child_wait(); /* to be killed */
}

TEST(copies__a_second_SQLite_removes_the_WAL_of_the_first)
{
    struct child child = child_start(lose_a_commit, 0);
    int64_t answer = child_hear(&child);
    if (answer < 0) {
        check_skip("no second SQLite can be loaded here");
        child_join(&child);
        return;
    }
    CHECK_INT(answer, SQLITE_OK); /* it was told that it has committed */
    child_kill(&child);
    sqlite3 *db;
    CHECK_INT(sqlite3_open(check_path("a.db"), &db), SQLITE_OK);
    CHECK_INT(plain_number(db, "SELECT count(*) FROM t"), 1);
    sqlite3_close(db);
}

TEST(copies__health_names_a_second_SQLite_that_has_the_file_open)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(api_health(db).second_sqlite, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    if (!load_second()) {
        api_close(db);
        return;
    }
    CHECK_INT(api_health(db).second_sqlite, 0); /* loaded, and elsewhere */
    sqlite3 *other = second_open();
    CHECK_EVENTUALLY(api_health(db).second_sqlite == 1);
    walpool_health health = api_health(db);
    CHECK(health.verdict >= WALPOOL_HEALTH_DEGRADED);
    if (health.verdict == WALPOOL_HEALTH_DEGRADED) {
        CHECK_CONTAINS(health.reason, "another SQLite of this process has had the file open");
        CHECK_CONTAINS(health.reason, "libsecond.so");
    }
    CHECK_INT(second.close(other), SQLITE_OK);
    api_close(db);
}

TEST(copies__a_database_that_is_opened_beside_one_says_so_at_once)
{
    plain_run(check_path("a.db"), "PRAGMA journal_mode=WAL; CREATE TABLE t(v)");
    if (!load_second())
        return;
    sqlite3 *other = second_open();
    walpool *db = api_open("a.db", "");
    CHECK_INT(api_health(db).second_sqlite, 1);
    CHECK(api_health(db).verdict >= WALPOOL_HEALTH_DEGRADED);
    CHECK_INT(second.close(other), SQLITE_OK);
    api_close(db);
}

/* Its close() drops all locks, and it removes the -wal. Nothing is acknowledged
 * that would be lost by that. */
static void
write_beside_second(int number)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    int64_t rows = 0;
    walpool_status status;
    (void)number;
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    if (!load_second()) {
        child_tell(-1);
        return;
    }
    for (int round = 0; round < 3; round++)
        if (walpool_write(db, &insert, NULL, NULL, &err) == WALPOOL_OK)
            rows++;
    CHECK_INT(second.close(second_open()), SQLITE_OK);
    while ((status = walpool_write(db, &insert, NULL, NULL, &err)) ==
           WALPOOL_OK)
        rows++;
    CHECK_STATUS(status, WALPOOL_POISONED);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    child_tell(rows);
    child_wait(); /* to be killed */
}

TEST(copies__a_write_behind_a_second_SQLite_is_refused)
{
    struct child child = child_start(write_beside_second, 0);
    int64_t rows = child_hear(&child);
    if (rows < 0) {
        check_skip("no second SQLite can be loaded here");
        child_join(&child);
        return;
    }
    child_kill(&child);
    sqlite3 *db;
    CHECK_INT(sqlite3_open(check_path("a.db"), &db), SQLITE_OK);
    CHECK_INT(plain_number(db, "SELECT count(*) FROM t"), rows);
    CHECK_INT(plain_number(db, "SELECT integrity_check = 'ok'"
                               " FROM pragma_integrity_check"), 1);
    sqlite3_close(db);
}

CHECK_MAIN()
