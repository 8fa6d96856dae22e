/* sidelock: one holder at a time, whoever opens the file, and none for ever. */
#include "sidelock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "check.h"

static const char *
database(void)
{
    const char *path = check_path("a.db");
    int fd = open(path, O_RDWR | O_CREAT, 0640);
    CHECK(fd >= 0);
    fchmod(fd, 0640);
    close(fd);
    return path;
}

TEST(sidelock__has_one_holder_at_a_time)
{
    const char *db = database(), *path = check_path("a.db-turn");
    int one = walpool__sidelock_open(path, db);
    int two = walpool__sidelock_open(path, db);
    CHECK(one >= 0 && two >= 0);
    CHECK_INT(walpool__sidelock_try(one, WALPOOL__SIDELOCK_TURN), 0);
    CHECK_INT(walpool__sidelock_try(two, WALPOOL__SIDELOCK_TURN), EAGAIN);
    walpool__sidelock_give(one, WALPOOL__SIDELOCK_TURN);
    CHECK_INT(walpool__sidelock_wait(two, WALPOOL__SIDELOCK_TURN), 0);
    CHECK_INT(walpool__sidelock_try(one, WALPOOL__SIDELOCK_TURN), EAGAIN);
    walpool__sidelock_close(two);
    CHECK_INT(walpool__sidelock_try(one, WALPOOL__SIDELOCK_TURN), 0);
    walpool__sidelock_close(one);
    walpool__sidelock_close(-1);
}

TEST(sidelock__has_two_locks_that_are_apart)
{
    const char *db = database(), *path = check_path("a.db-turn");
    int one = walpool__sidelock_open(path, db);
    int two = walpool__sidelock_open(path, db);
    CHECK_INT(walpool__sidelock_try(one, WALPOOL__SIDELOCK_QUEUE), 0);
    CHECK_INT(walpool__sidelock_try(two, WALPOOL__SIDELOCK_TURN), 0);
    CHECK_INT(walpool__sidelock_try(two, WALPOOL__SIDELOCK_QUEUE), EAGAIN);
    CHECK_INT(walpool__sidelock_try(one, WALPOOL__SIDELOCK_QUEUE), 0);
    walpool__sidelock_close(one);
    walpool__sidelock_close(two);
}

TEST(sidelock__line_is_shared_and_tells_whether_others_stand_in_it)
{
    const char *db = database(), *path = check_path("a.db-turn");
    int one = walpool__sidelock_open(path, db);
    int two = walpool__sidelock_open(path, db);
    CHECK(!walpool__sidelock_is_others(one, WALPOOL__SIDELOCK_LINE));
    walpool__sidelock_join(one);
    CHECK(!walpool__sidelock_is_others(one, WALPOOL__SIDELOCK_LINE));
    CHECK(walpool__sidelock_is_others(two, WALPOOL__SIDELOCK_LINE));
    walpool__sidelock_join(two);
    CHECK(walpool__sidelock_is_others(one, WALPOOL__SIDELOCK_LINE));
    CHECK(!walpool__sidelock_is_others(one, WALPOOL__SIDELOCK_QUEUE));
    CHECK_INT(walpool__sidelock_try(two, WALPOOL__SIDELOCK_QUEUE), 0);
    CHECK(walpool__sidelock_is_others(one, WALPOOL__SIDELOCK_QUEUE));
    CHECK(!walpool__sidelock_is_others(two, WALPOOL__SIDELOCK_QUEUE));
    walpool__sidelock_give(two, WALPOOL__SIDELOCK_LINE);
    CHECK(!walpool__sidelock_is_others(one, WALPOOL__SIDELOCK_LINE));
    walpool__sidelock_give(one, WALPOOL__SIDELOCK_LINE);
    walpool__sidelock_close(one);
    walpool__sidelock_close(two);
}

TEST(sidelock__is_freed_when_its_holder_dies)
{
    const char *db = database(), *path = check_path("a.db-turn");
    int mine = walpool__sidelock_open(path, db);
    pid_t child = fork();
    if (child == 0) {
        int fd = walpool__sidelock_open(path, db);
        _exit(walpool__sidelock_try(fd, WALPOOL__SIDELOCK_TURN) == 0 ? 7 : 8);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(WEXITSTATUS(status), 7);
    CHECK_INT(walpool__sidelock_try(mine, WALPOOL__SIDELOCK_TURN), 0);
    walpool__sidelock_close(mine);
}

TEST(sidelock__file_has_the_databases_mode_whatever_the_umask)
{
    const char *db = database(), *path = check_path("a.db-turn");
    struct stat facts;
    mode_t before = umask(0777);
    int fd = walpool__sidelock_open(path, db);
    umask(before);
    CHECK(fd >= 0);
    CHECK_INT(stat(path, &facts), 0);
    CHECK_INT(facts.st_mode & 0777, 0640);
    walpool__sidelock_close(fd);
}

TEST(sidelock__follows_no_link_and_opens_no_fifo)
{
    const char *db = database(), *path = check_path("a.db-turn");
    CHECK_INT(symlink("/dev/null", path), 0);
    CHECK_INT(walpool__sidelock_open(path, db), -1);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK_INT(walpool__sidelock_open(path, db), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(mkdir(path, 0700), 0);
    CHECK_INT(walpool__sidelock_open(path, db), -1);
}

CHECK_MAIN()
