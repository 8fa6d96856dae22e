/* Where a backup goes: what it must not overwrite, and the partial file in which
 * it grows. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "backup_calls.h"

static void
write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

#define REFUSED(db, to, flags, status, words)                          \
    do {                                                               \
        int before_ = files();                                         \
        CHECK_NULL(walpool_backup_start((db), (to), (flags), NULL, &err), \
                   status);                                            \
        CHECK_CONTAINS(err.message, words);                            \
        CHECK_INT(files(), before_);                                   \
    } while (0)

TEST(backup__replaces_a_file_only_when_told_to)
{
    walpool *db = open_with_rows("a.db", 10);
    const char *to = check_path("copy.db");
    write_text(to, "mine");
    REFUSED(db, to, 0, WALPOOL_CANTOPEN, "a file is there");
    CHECK_INT(err.system_errno, EEXIST);
    back_up(db, to, WALPOOL_BACKUP_REPLACE, -1);
    CHECK_INT(rows_in(to), 10);
    api_close(db);
}

TEST(backup__refuses_the_database_and_its_files)
{
    walpool *db = open_with_rows("a.db", 10);
    const char *path = check_path("a.db");
    static const char *const suffixes[] = {"-wal", "-shm", "-turn", "-journal"};
    REFUSED(db, path, WALPOOL_BACKUP_REPLACE, WALPOOL_MISUSE,
            "it is the database itself");
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        REFUSED(db, beside(path, suffixes[i]), WALPOOL_BACKUP_REPLACE,
                WALPOOL_MISUSE, suffixes[i]);
    CHECK_INT(symlink("a.db", check_path("link.db")), 0);
    REFUSED(db, check_path("link.db"), WALPOOL_BACKUP_REPLACE, WALPOOL_MISUSE,
            "it is the database itself");
    CHECK_INT(symlink(".", check_path("folder")), 0);
    REFUSED(db, check_path("folder/a.db"), WALPOOL_BACKUP_REPLACE,
            WALPOOL_MISUSE, "it is the database itself");
    CHECK_INT(link(path, check_path("hard.db")), 0);
    REFUSED(db, check_path("hard.db"), WALPOOL_BACKUP_REPLACE, WALPOOL_MISUSE,
            "it is the database itself");
    CHECK_INT(unlink(check_path("hard.db")), 0);
    api_close(db);
}

TEST(backup__refuses_what_it_would_break)
{
    walpool *db = open_with_rows("a.db", 10);
    const char *to = check_path("copy.db");
    write_text(beside(to, "-wal"), "");
    REFUSED(db, to, WALPOOL_BACKUP_REPLACE, WALPOOL_CANTOPEN, "-wal");
    CHECK_INT(unlink(beside(to, "-wal")), 0);
    write_text(beside(to, "-journal"), "x");
    REFUSED(db, to, 0, WALPOOL_CANTOPEN, "-journal");
    CHECK_INT(unlink(beside(to, "-journal")), 0);
    CHECK_INT(symlink("elsewhere.db", to), 0);
    REFUSED(db, to, WALPOOL_BACKUP_REPLACE, WALPOOL_CANTOPEN, "symbolic link");
    CHECK_INT(unlink(to), 0);
    CHECK_INT(mkdir(to, 0700), 0);
    REFUSED(db, to, WALPOOL_BACKUP_REPLACE, WALPOOL_CANTOPEN,
            "no regular file");
    CHECK_INT(err.system_errno, EISDIR);
    CHECK_INT(rmdir(to), 0);
    CHECK_INT(mkfifo(to, 0600), 0);
    REFUSED(db, to, WALPOOL_BACKUP_REPLACE, WALPOOL_CANTOPEN,
            "no regular file");
    api_close(db);
}

TEST(backup__refuses_paths_that_name_no_file)
{
    walpool *db = open_with_rows("a.db", 10);
    char longest[6000];
    REFUSED(db, NULL, 0, WALPOOL_MISUSE, "NULL");
    REFUSED(db, "", 0, WALPOOL_MISUSE, "empty");
    REFUSED(db, check_path("none/copy.db"), 0, WALPOOL_CANTOPEN, "none");
    CHECK_INT(err.system_errno, ENOENT);
    REFUSED(db, check_path("a.db/copy.db"), 0, WALPOOL_CANTOPEN, "a.db");
    CHECK_INT(err.system_errno, ENOTDIR);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    REFUSED(db, longest, 0, WALPOOL_CANTOPEN, "too long");
    snprintf(longest, sizeof longest, "%s/%0250d", check_folder(), 0);
    REFUSED(db, longest, 0, WALPOOL_CANTOPEN, "too long");
    api_close(db);
}

TEST(backup__refuses_odd_arguments)
{
    walpool *db = open_with_rows("a.db", 10);
    REFUSED(db, check_path("copy.db"), 8, WALPOOL_MISUSE, "WALPOOL_BACKUP_*");
    REFUSED(db, check_path("copy.db"),
            WALPOOL_BACKUP_FULL_CHECK | WALPOOL_BACKUP_NO_CHECK, WALPOOL_MISUSE,
            "a full check and for none");
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    CHECK_STATUS(walpool_backup_step(backup, 0, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_backup_step(backup, -2, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_backup_step(NULL, 1, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_backup_step((walpool_backup *)(void *)db, 1, NULL,
                                     NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_backup_finish(NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(step(backup, -1).phase, WALPOOL_BACKUP_CHECK); /* goes on */
    CHECK_OK(walpool_backup_finish(backup, NULL));
    api_close(db);
}

TEST(backup__has_the_permissions_of_the_database)
{
    walpool *db = open_with_rows("a.db", 10);
    struct stat facts;
    CHECK_INT(chmod(check_path("a.db"), 0640), 0);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    CHECK_INT(stat(check_path("copy.db.walpool-partial"), &facts), 0);
    CHECK_INT(facts.st_mode & 0777, 0640);
    CHECK_OK(walpool_backup_finish(backup, &err));
    api_close(db);
}

TEST(backup__does_not_take_what_came_meanwhile)
{
    walpool *db = open_with_rows("a.db", 10);
    const char *to = check_path("copy.db");
    walpool_backup *backup = start(db, to, 0);
    while (step(backup, -1).phase != WALPOOL_BACKUP_PLACE)
        continue;
    write_text(to, "mine");
    CHECK_STATUS(walpool_backup_step(backup, 1, NULL, NULL, &err),
                 WALPOOL_CANTOPEN);
    CHECK_STATUS(walpool_backup_step(backup, 1, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "WALPOOL_CANTOPEN");
    CHECK(!exists(beside(to, ".walpool-partial")));
    CHECK_OK(walpool_backup_finish(backup, &err));
    struct stat facts;
    CHECK_INT(stat(to, &facts), 0);
    CHECK_INT(facts.st_size, 4);
    api_close(db);
}

/* -------------------------------------------------------- the partial file */

TEST(backup__two_to_one_target_do_not_mix)
{
    walpool *db = open_with_rows("a.db", 10);
    walpool_backup *first = start(db, check_path("copy.db"), 0);
    REFUSED(db, check_path("copy.db"), 0, WALPOOL_BUSY, "another backup");
    walpool_backup *other = start(db, check_path("other.db"), 0);
    CHECK_OK(walpool_backup_finish(other, &err));
    while (step(first, -1).phase != WALPOOL_BACKUP_DONE)
        continue;
    CHECK_OK(walpool_backup_finish(first, &err));
    CHECK_INT(rows_in(check_path("copy.db")), 10);
    api_close(db);
}

TEST(backup__removes_what_a_crash_left)
{
    walpool *db = open_with_rows("a.db", 10);
    write_text(check_path("copy.db.walpool-partial"), "half a page");
    back_up(db, check_path("copy.db"), 0, -1);
    CHECK_INT(rows_in(check_path("copy.db")), 10);
    CHECK(!exists(check_path("copy.db.walpool-partial")));
    api_close(db);
}

/* Another process has it: by its lock, not by its name. */
TEST(backup__leaves_a_partial_file_that_is_in_use)
{
    walpool *db = open_with_rows("a.db", 10);
    const char *partial = check_path("copy.db.walpool-partial");
    write_text(partial, "half");
    int fd = open(partial, O_RDWR | O_CLOEXEC);
    CHECK_INT(flock(fd, LOCK_EX), 0);
    REFUSED(db, check_path("copy.db"), 0, WALPOOL_BUSY, "another backup");
    close(fd);
    back_up(db, check_path("copy.db"), 0, -1);
    CHECK_INT(rows_in(check_path("copy.db")), 10);
    api_close(db);
}

TEST(backup__follows_no_link_in_place_of_its_partial_file)
{
    walpool *db = open_with_rows("a.db", 10);
    write_text(check_path("victim"), "mine");
    CHECK_INT(symlink("victim", check_path("copy.db.walpool-partial")), 0);
    REFUSED(db, check_path("copy.db"), 0, WALPOOL_CANTOPEN, "walpool-partial");
    struct stat facts;
    CHECK_INT(stat(check_path("victim"), &facts), 0);
    CHECK_INT(facts.st_size, 4);
    api_close(db);
}

TEST(backup__notices_that_its_partial_file_is_gone)
{
    walpool *db = open_with_rows("a.db", 10);
    const char *partial = check_path("copy.db.walpool-partial");
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    while (step(backup, -1).phase != WALPOOL_BACKUP_PLACE)
        continue;
    CHECK_INT(unlink(partial), 0);
    write_text(partial, "another");
    CHECK_STATUS(walpool_backup_step(backup, 1, NULL, NULL, &err), WALPOOL_IO);
    CHECK_CONTAINS(err.message, "moved or removed");
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK(exists(partial)); /* not ours */
    CHECK(!exists(check_path("copy.db")));
    api_close(db);
}

CHECK_MAIN()
