/* Opening: one file under many names, files that are not what they seem, and
 * what is left on the disk. */
#include <fcntl.h>

#include "api.h"

static walpool *
open_path(const char *path)
{
    walpool *db = walpool_open(path, NULL, &err);
    CHECK_STATUS(db != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return db;
}

static void
make_database(const char *name)
{
    walpool *db = api_open(name, "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (42)"));
    api_close(db);
}

/* Change bytes of a file that no database has open. */
static void
patch(const char *name, long offset, const void *bytes, size_t count)
{
    int fd = open(check_path(name), O_RDWR);
    CHECK(fd >= 0);
    CHECK_INT(pwrite(fd, bytes, count, offset), count);
    close(fd);
}

static mode_t
mode_of(const char *name)
{
    struct stat info;
    CHECK_INT(stat(check_path(name), &info), 0);
    return info.st_mode & 07777;
}

/* --------------------------------------------------------- one file, shared */

TEST(open__every_name_of_one_file_shares_its_database)
{
    char relative[600], folder[512];
    CHECK_INT(mkdir(check_path("real"), 0700), 0);
    CHECK_INT(symlink("real", check_path("link")), 0);
    walpool *a = open_path(check_path("real/a.db"));
    CHECK_INT(symlink("real/a.db", check_path("file")), 0);
    walpool *b = open_path(check_path("link/a.db"));
    walpool *c = open_path(check_path("file"));
    snprintf(relative, sizeof relative, "%s/../real/./a.db",
             check_path("real"));
    walpool *d = open_path(relative);
    snprintf(folder, sizeof folder, "%s", check_path("real"));
    char *here = getcwd(NULL, 0);
    CHECK_INT(chdir(folder), 0);
    walpool *e = open_path("a.db");
    CHECK_INT(chdir(here), 0);
    free(here);
    CHECK_OK(api_write(a, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(b, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_write(c, "INSERT INTO t VALUES (1)"));
    CHECK_INT(api_number(d, "SELECT count(*) FROM t"), 2);
    CHECK_INT(api_health(e).writes, 3);
    api_close(a);
    api_close(b);
    api_close(c);
    api_close(d);
    CHECK_INT(access(check_path("real/a.db-wal"), F_OK), 0);
    api_close(e);
    CHECK(access(check_path("real/a.db-wal"), F_OK) != 0);
    CHECK(access(check_path("file-wal"), F_OK) != 0);
}

struct opener {
    pthread_t thread;
    char path[512];
    walpool *db;
};

static void *
open_in_thread(void *argument)
{
    struct opener *opener = argument;
    opener->db = walpool_open(opener->path, NULL, &err);
    return NULL;
}

TEST(open__by_many_threads_at_once_makes_one_database)
{
    struct opener openers[8];
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 8; i++) {
            snprintf(openers[i].path, sizeof openers[i].path, "%s",
                     check_path(round % 2 ? "a.db" : "b.db"));
            CHECK_INT(pthread_create(&openers[i].thread, NULL, open_in_thread,
                                     &openers[i]),
                      0);
        }
        for (int i = 0; i < 8; i++)
            pthread_join(openers[i].thread, NULL);
        CHECK(openers[0].db != NULL);
        CHECK_OK(api_write(openers[0].db, "CREATE TABLE IF NOT EXISTS t(v)"));
        for (int i = 0; i < 8; i++) {
            CHECK(openers[i].db != NULL);
            CHECK_INT(api_health(openers[i].db).writes, 1);
        }
        for (int i = 0; i < 8; i++)
            api_close(openers[i].db);
    }
}

/* ------------------------------------------------------- permissions, modes */

TEST(open__a_new_file_and_its_wal_have_the_asked_permissions)
{
    mode_t before = umask(0077);
    walpool *a = api_open("a.db", "");
    CHECK_OK(api_write(a, "CREATE TABLE t(v)"));
    CHECK_INT(mode_of("a.db"), 0600);
    CHECK_INT(mode_of("a.db-wal"), 0600);
    walpool *b = api_open("b.db", "permissions=0640");
    CHECK_OK(api_write(b, "CREATE TABLE t(v)"));
    CHECK_INT(mode_of("b.db"), 0640);
    CHECK_INT(mode_of("b.db-wal"), 0640);
    CHECK_INT(mode_of("b.db-shm"), 0640);
    api_close(a);
    api_close(b);
    umask(before);
    CHECK_INT(chmod(check_path("a.db"), 0644), 0);
    a = api_open("a.db", "permissions=0600");
    CHECK_INT(mode_of("a.db"), 0644);
    api_close(a);
}

TEST(open__switches_a_database_of_another_journal_mode)
{
    make_database("a.db");
    patch("a.db", 18, "\1\1",
          2); /* the header's version of a rollback journal */
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.mode = 2;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_NOTWAL);
    CHECK_CONTAINS(err.message, "a.db");
    walpool *db = api_open("a.db", "mode=rw");
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    CHECK_INT(
        api_number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
        1);
    api_close(db);
}

/* ------------------------------------------------------------------ damage */

static void
expect_refused(walpool_status status)
{
    struct stat before, after;
    CHECK_INT(stat(check_path("a.db"), &before), 0);
    err.status = 0;
    CHECK(walpool_open(check_path("a.db"), NULL, &err) == NULL);
    CHECK_STR(walpool_status_name(err.status), walpool_status_name(status));
    CHECK_CONTAINS(err.message, check_path("a.db"));
    CHECK_INT(stat(check_path("a.db"), &after), 0);
    CHECK_INT(after.st_size, before.st_size);
    CHECK_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    CHECK(access(check_path("a.db-shm"), F_OK) != 0);
    CHECK(access(check_path("a.db-journal"), F_OK) != 0);
}

TEST(open__a_damaged_header_is_refused_and_left_alone)
{
    make_database("a.db");
    patch("a.db", 0, "SQLite format 4", 15);
    expect_refused(WALPOOL_NOTADB);
    patch("a.db", 0, "SQLite format 3", 15);
    patch("a.db", 16, "\0\3", 2); /* a page size that is no power of two */
    expect_refused(WALPOOL_NOTADB);
}

TEST(open__a_damaged_page_shows_when_it_is_read)
{
    static const char junk[4000];
    make_database("a.db");
    patch("a.db", 4096, junk, sizeof junk);
    walpool *db = api_open("a.db", "");
    walpool_statement query = {.sql = "SELECT v FROM t"};
    CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err), WALPOOL_CORRUPT);
    CHECK_STR(walpool_sqlite_code_name(err.sqlite_code & 255),
              "SQLITE_CORRUPT");
    CHECK_INT(api_number(db, "SELECT 5"), 5);
    api_close(db);
}

TEST(open__a_file_cut_short_is_corrupt_and_left_alone)
{
    make_database("a.db");
    CHECK_INT(truncate(check_path("a.db"), 700), 0);
    walpool *db = walpool_open(check_path("a.db"), NULL, &err);
    if (db != NULL) { /* then at the latest when it is read */
        walpool_statement query = {.sql = "SELECT v FROM t"};
        CHECK_STATUS(walpool_read(db, &query, NULL, NULL, &err),
                     WALPOOL_CORRUPT);
        api_close(db);
    } else
        CHECK(err.status == WALPOOL_CORRUPT || err.status == WALPOOL_NOTADB);
    struct stat info;
    CHECK_INT(stat(check_path("a.db"), &info), 0);
    CHECK_INT(info.st_size, 700);
}

/* --------------------------------------------------------------- not root */

static void (*as_nobody_run)(void);

static void
become_nobody_and_run(void)
{
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    as_nobody_run();
}

/* Run a function in a process that permissions bind. */
static void
as_nobody(void (*run)(void))
{
    CHECK_INT(chmod(check_folder(), 0755), 0);
    as_nobody_run = run;
    api_forked(geteuid() == 0 ? become_nobody_and_run : run);
}

static void
expect_no_access(void)
{
    CHECK_NULL(walpool_open(check_path("closed/new.db"), NULL, &err),
               WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "closed/new.db");
    CHECK_CONTAINS(err.message, "ermission denied");
    CHECK_NULL(walpool_open(check_path("closed/other.db"), NULL, &err),
               WALPOOL_CANTOPEN);
    CHECK(access(check_path("closed/other.db-wal"), F_OK) != 0);
}

TEST(open__a_folder_or_file_without_permission_is_a_clear_error)
{
    CHECK_INT(mkdir(check_path("closed"), 0700), 0);
    walpool *db = api_open("closed/other.db", "");
    api_close(db);
    CHECK_INT(chmod(check_path("closed"), 0555), 0);
    as_nobody(expect_no_access);
    CHECK_INT(chmod(check_path("closed"), 0700), 0);
}

static void
expect_read_only_folder(void)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool *db = walpool_open(check_path("closed/a.db"), &options, &err);
    CHECK(db == NULL);
    CHECK(err.status == WALPOOL_CANTOPEN || err.status == WALPOOL_READONLY);
    CHECK_CONTAINS(err.message, "closed/a.db");
    options.mode = 2;
    db = walpool_open(check_path("closed/a.db"), &options, &err);
    CHECK(db == NULL);
    CHECK(err.status == WALPOOL_CANTOPEN || err.status == WALPOOL_READONLY);
    CHECK_CONTAINS(err.message, "closed/a.db");
    CHECK_CONTAINS(err.message, "allow writing to the folder");
}

TEST(open__a_database_in_a_read_only_folder_is_a_clear_error)
{
    CHECK_INT(mkdir(check_path("closed"), 0700), 0);
    make_database("closed/a.db");
    CHECK_INT(chmod(check_path("closed/a.db"), 0666), 0);
    CHECK_INT(chmod(check_path("closed"), 0555), 0);
    as_nobody(expect_read_only_folder);
    CHECK(access(check_path("closed/a.db-wal"), F_OK) != 0);
    CHECK_INT(chmod(check_path("closed"), 0700), 0);
    walpool *db = open_path(check_path("closed/a.db"));
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    api_close(db);
}

/* ------------------------------------------------------------------- names */

static void
make_deep(char *path, size_t room, size_t bytes)
{
    snprintf(path, room, "%s", check_folder());
    while (strlen(path) < bytes) {
        strcat(path, "/a_folder_with_a_rather_long_name_of_its_own");
        CHECK(mkdir(path, 0700) == 0 || access(path, F_OK) == 0);
    }
    strcat(path, "/a.db");
}

TEST(open__a_path_may_be_long_but_not_too_long)
{
    char path[8192];
    make_deep(path, sizeof path, 400);
    walpool *db = open_path(path);
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    make_deep(path, sizeof path, 600); /* SQLite takes some 500 bytes */
    CHECK_NULL(walpool_open(path, NULL, &err), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "long");
    CHECK(access(path, F_OK) != 0);
    memset(path, 'x', 8000);
    memcpy(path, "/tmp/", 5);
    path[8000] = 0;
    CHECK_NULL(walpool_open(path, NULL, &err), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "/tmp/xxx");
}

TEST(open__a_file_name_is_never_a_uri_of_sqlite)
{
    walpool *db = open_path(check_path("a.db?mode=memory&vfs=none"));
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(access(check_path("a.db?mode=memory&vfs=none"), F_OK), 0);
    api_close(db);
}

TEST(open__after_a_file_was_deleted_the_new_one_is_new)
{
    make_database("a.db");
    walpool *old = open_path(check_path("a.db"));
    CHECK_OK(api_write(old, "INSERT INTO t VALUES (1)"));
    CHECK_INT(unlink(check_path("a.db")), 0);
    walpool *fresh = walpool_open(check_path("a.db"), NULL, &err);
    if (fresh != NULL) { /* it must not have taken over the old one's WAL */
        CHECK_INT(api_number(fresh, "SELECT count(*) FROM sqlite_schema"), 0);
        CHECK_OK(api_write(fresh, "CREATE TABLE u(v)"));
    } else
        CHECK_CONTAINS(err.message, "a.db");
    walpool_close(old, -1, &err);
    if (fresh != NULL) {
        CHECK_INT(api_number(fresh, "SELECT count(*) FROM u"), 0);
        api_close(fresh);
    }
    fresh = open_path(check_path("a.db"));
    CHECK_INT(api_number(fresh,
                         "SELECT count(*) FROM sqlite_schema WHERE name = 't'"),
              0);
    api_close(fresh);
}

CHECK_MAIN()
