/* Opening what is no database, or not a whole one, and names that SQLite or a
 * shell would take for something else. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api.h"

static void
make_file(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(check_path(name), "w");
    CHECK(file != NULL);
    CHECK_INT(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static void
make_database(const char *name)
{
    walpool *db = api_open(name, "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (42)"));
    api_close(db);
}

static void
patch(const char *name, long offset, const void *bytes, size_t count)
{
    int fd = open(check_path(name), O_RDWR);
    CHECK(fd >= 0);
    CHECK_INT(pwrite(fd, bytes, count, offset), count);
    close(fd);
}

static int
names_in_folder(void)
{
    int count = 0;
    DIR *folder = opendir(check_folder());
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* In each mode, by its path and by a DSN; and nothing is left or changed. */
static void
check_refused(const char *name, walpool_status want, const char *words)
{
    static const char *const modes[] = {"mode=rwc", "mode=rw", "mode=ro"};
    struct stat before, after;
    int names = names_in_folder();
    CHECK_INT(lstat(check_path(name), &before), 0);
    for (size_t i = 0; i < 3; i++) {
        walpool_options options = WALPOOL_OPTIONS_INIT;
        CHECK_OK(walpool_options_parse(&options, modes[i], NULL, 0, &err));
        err.status = -1;
        CHECK(walpool_open(check_path(name), &options, &err) == NULL);
        CHECK_STR(walpool_status_name(err.status), walpool_status_name(want));
        CHECK_CONTAINS(err.message, name);
        CHECK_CONTAINS(err.message, words);
        CHECK_INT(names_in_folder(), names);
    }
    CHECK_INT(lstat(check_path(name), &after), 0);
    CHECK_INT(after.st_size, before.st_size);
    CHECK_INT(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    CHECK_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

/* ---------------------------------------------------------- no regular file */

TEST(files__that_are_no_regular_ones_are_refused_by_their_kind)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK_INT(mkdir(check_path("folder"), 0700), 0);
    check_refused("folder", WALPOOL_CANTOPEN, "it is a directory");
    CHECK_INT(mkfifo(check_path("pipe"), 0600), 0);
    check_refused("pipe", WALPOOL_CANTOPEN, "it is a FIFO");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s",
             check_path("socket"));
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    check_refused("socket", WALPOOL_CANTOPEN, "it is a socket");
    close(fd);
    CHECK_NULL(walpool_open("/dev/null", NULL, &err), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "it is a device");
}

TEST(files__that_are_links_are_followed_to_a_file_or_refused)
{
    make_database("a.db");
    CHECK_INT(symlink("a.db", check_path("one")), 0);
    CHECK_INT(symlink("one", check_path("two")), 0);
    walpool *db = api_open("two", "mode=rw");
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    CHECK_INT(access(check_path("a.db-wal"), F_OK), 0);
    CHECK(access(check_path("two-wal"), F_OK) != 0);
    api_close(db);
    CHECK_INT(symlink("loop-b", check_path("loop-a")), 0);
    CHECK_INT(symlink("loop-a", check_path("loop-b")), 0);
    check_refused("loop-a", WALPOOL_CANTOPEN, "symbolic links");
    CHECK_INT(symlink("nowhere", check_path("dangling")), 0);
    check_refused("dangling", WALPOOL_CANTOPEN, "dangling");
    CHECK(access(check_path("nowhere"), F_OK) != 0);
    CHECK_INT(link(check_path("a.db"), check_path("b.db")), 0);
    check_refused("b.db", WALPOOL_CANTOPEN, "several hard links");
    check_refused("a.db", WALPOOL_CANTOPEN, "several hard links");
}

/* ------------------------------------------------------------ other contents */

TEST(files__that_are_too_short_for_a_header_are_refused)
{
    static const int lengths[] = {1, 15, 16, 99, 100, 511};
    static const char start[511] = "SQLite format 3";
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        make_file("zeros.db", "", 0);
        CHECK_INT(truncate(check_path("zeros.db"), lengths[i]), 0);
        check_refused("zeros.db", WALPOOL_NOTADB, "not a database");
        make_file("short.db", start, (size_t)lengths[i]);
        check_refused("short.db", WALPOOL_NOTADB, "not a database");
    }
}

TEST(files__that_are_garbage_or_encrypted_are_refused)
{
    unsigned char bytes[16384];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
    make_file("random.db", bytes, sizeof bytes);
    check_refused("random.db", WALPOOL_NOTADB, "not a database");
    memset(bytes, 0, sizeof bytes);
    make_file("zeros.db", bytes, sizeof bytes);
    check_refused("zeros.db", WALPOOL_NOTADB, "not a database");
    memcpy(bytes, "#!/bin/sh\n", 10);
    make_file("script.db", bytes, sizeof bytes);
    check_refused("script.db", WALPOOL_NOTADB, "not a database");
}

/* First a file that this SQLite must not write, then one that it must not
 * read (sqlite.org/fileformat2.html 1.3.3). */
TEST(files__of_a_future_format_are_refused)
{
    make_database("a.db");
    patch("a.db", 18, "\3\2", 2);
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err), WALPOOL_READONLY);
    CHECK_CONTAINS(err.message, "newer format");
    walpool *db = api_open("a.db", "mode=ro");
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    api_close(db);
    patch("a.db", 18, "\3\3", 2);
    check_refused("a.db", WALPOOL_NOTADB, "not a database");
}

TEST(files__without_a_byte_become_databases)
{
    make_file("a.db", "", 0);
    walpool *db = api_open("a.db", "mode=rw");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    api_close(db);
    make_file("b.db", "", 0);
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.mode = 2;
    CHECK_NULL(walpool_open(check_path("b.db"), &options, &err),
               WALPOOL_NOTWAL);
    CHECK_CONTAINS(err.message, "b.db");
}

/* ------------------------------------------------------------- what is beside */

/* SQLite removes the -wal, and with it all that was committed. */
TEST(files__a_WAL_that_has_lost_its_database_is_kept)
{
    make_database("a.db");
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (43)"));
    CHECK_INT(rename(check_path("a.db"), check_path("away.db")), 0);
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "the -wal of a database that was here");
    CHECK(access(check_path("a.db"), F_OK) != 0);
    make_file("a.db", "", 0);
    check_refused("a.db", WALPOOL_CANTOPEN,
                  "the -wal of a database that was here");
    CHECK_INT(rename(check_path("away.db"), check_path("a.db")), 0);
    walpool_close(db, -1, &err);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    api_close(db);
}

/* ------------------------------------------------------------- permissions */

static void
lose_permissions(void)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    if (geteuid() == 0) {
        CHECK_INT(setgid(65534), 0);
        CHECK_INT(setuid(65534), 0);
    }
    CHECK_INT(mkdir(check_path("mine"), 0700), 0);
    walpool *db = api_open("mine/a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    CHECK_INT(chmod(check_path("mine/a.db"), 0400), 0);
    CHECK_INT(chmod(check_path("mine"), 0500), 0);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (42)"));
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_STATUS(walpool_checkpoint(db, WALPOOL_RESTART, NULL, NULL, &err),
                 WALPOOL_READONLY); /* by a connection of its own */
    CHECK_CONTAINS(err.message, "may not be written");
    api_close(db);
    CHECK_INT(chmod(check_path("mine"), 0700), 0);
    CHECK_NULL(walpool_open(check_path("mine/a.db"), &options, &err),
               WALPOOL_READONLY);
    CHECK_CONTAINS(err.message, "mode=ro");
    options.mode = 2;
    db = walpool_open(check_path("mine/a.db"), &options, &err);
    CHECK(db != NULL);
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    api_close(db);
}

/* What is open stays open; the next opening says what is wrong. */
TEST(files__that_lose_their_permissions_while_open_are_used_on)
{
    CHECK_INT(chmod(check_folder(), 0777), 0);
    api_forked(lose_permissions);
}

/* -------------------------------------------------------------------- names */

static void
check_name(const char *name)
{
    struct stat facts;
    int names = names_in_folder();
    walpool *db = api_open(name, "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (42)"));
    CHECK_INT(stat(check_path(name), &facts), 0);
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_INT(api_lease_number(lease, "SELECT v FROM t"), 42);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    db = api_open(name, "mode=rw");
    CHECK_INT(api_number(db, "SELECT v FROM t"), 42);
    api_close(db);
    CHECK(names_in_folder() - names >= 1 && names_in_folder() - names <= 2);
}

TEST(files__may_have_any_name)
{
    static const char *const names[] = {
        "a.db?mode=memory", "a.db?vfs=unix-none", "q?cache=shared&mode=ro#x",
        "a#b.db", "100%.db", "%41%00.db", "new\nline.db", "tab\t.db", " ",
        "-rf", "'; DROP TABLE t; --.db", "\"quoted\".db", "back\\slash.db",
        "\xff\xfe.db", ":memory:.db", "file", "a.db-wal.db", "*.db",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_name(names[i]);
}

/* The query of a DSN is walpool's: what SQLite would do with it is an error. */
TEST(files__by_a_DSN_take_no_parameters_of_SQLite)
{
    static const char *const queries[] = {
        "vfs=unix-none", "immutable=1", "nolock=1", "psow=0", "modeof=x",
        "mode=memory", "cache=shared",
    };
    char name[700];
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        snprintf(name, sizeof name, "file:%s?%s", check_path("a.db"),
                 queries[i]);
        CHECK_NULL(walpool_open(name, NULL, &err), WALPOOL_OPTION);
        CHECK(access(check_path("a.db"), F_OK) != 0);
    }
}

TEST(files__that_only_a_URI_could_name_are_refused)
{
    CHECK_NULL(walpool_open("", NULL, &err), WALPOOL_MISUSE);
    CHECK_NULL(walpool_open(NULL, NULL, &err), WALPOOL_MISUSE);
    CHECK_NULL(walpool_open(":memory:", NULL, &err), WALPOOL_MISUSE);
    CHECK_NULL(walpool_open("file::memory:", NULL, &err), WALPOOL_MISUSE);
    CHECK_NULL(walpool_open("file:", NULL, &err), WALPOOL_MISUSE);
}

CHECK_MAIN()
