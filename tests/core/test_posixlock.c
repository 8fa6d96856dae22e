/* posixlock: who holds a lock, asked without taking or dropping any. */
#include "posixlock.h"

#include <errno.h>
#include <fcntl.h>

#include "../system/child.h"

static struct walpool__file_id id;
static int fd;

static void
set_up(void)
{
    fd = open(check_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK(walpool__fsinfo_id_of(fd, &id));
}

static void
lock(short type, off_t start, off_t bytes)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    lock.l_start = start;
    lock.l_len = bytes;
    CHECK_INT(fcntl(fd, F_SETLK, &lock), 0);
}

/* In another process: the lock, until told to go. */
static void
hold(int type)
{
    set_up();
    lock((short)type, 10, 1);
    child_tell(1);
    child_wait();
}

TEST(posixlock__finds_the_descriptors_of_a_file)
{
    int found[8], more[3];
    set_up();
    CHECK_INT(walpool__posixlock_descriptors(&id, found, 8), 1);
    CHECK_INT(found[0], fd);
    for (int i = 0; i < 3; i++)
        more[i] = dup(fd);
    CHECK_INT(walpool__posixlock_descriptors(&id, found, 8), 4);
    CHECK_INT(walpool__posixlock_descriptors(&id, found, 2), 2);
    for (int i = 0; i < 3; i++)
        close(more[i]);
    close(fd);
    CHECK_INT(walpool__posixlock_descriptors(&id, found, 8), 0);
}

TEST(posixlock__tells_a_process_about_its_own_locks)
{
    set_up();
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1), WALPOOL__POSIXLOCK_NOBODY);
    lock(F_RDLCK, 10, 1);
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1), getpid());
    CHECK_INT(walpool__posixlock_holder(fd, 5, 20), getpid());
    CHECK_INT(walpool__posixlock_holder(fd, 11, 1), WALPOOL__POSIXLOCK_NOBODY);
    CHECK_INT(walpool__posixlock_other(fd, 10, 1, false),
              WALPOOL__POSIXLOCK_NOBODY);
    close(open(check_path("file"), O_RDONLY));
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1), WALPOOL__POSIXLOCK_NOBODY);
    close(fd);
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1),
              WALPOOL__POSIXLOCK_UNKNOWN);
}

TEST(posixlock__names_another_process_that_holds_one)
{
    static const short types[] = {F_RDLCK, F_WRLCK};
    for (int i = 0; i < 2; i++) {
        bool writes = types[i] == F_WRLCK;
        struct child child = child_start(hold, types[i]);
        CHECK_INT(child_hear(&child), 1);
        set_up();
        CHECK_INT(walpool__posixlock_holder(fd, 10, 1), child.pid);
        CHECK_INT(walpool__posixlock_other(fd, 10, 1, false), child.pid);
        CHECK_INT(walpool__posixlock_other(fd, 10, 1, true),
                  writes ? child.pid : WALPOOL__POSIXLOCK_NOBODY);
        CHECK_INT(walpool__posixlock_take(fd, 10), EAGAIN);
        child_go_on(&child);
        child_join(&child);
        CHECK_INT(walpool__posixlock_other(fd, 10, 1, false),
                  WALPOOL__POSIXLOCK_NOBODY);
        close(fd);
    }
}

TEST(posixlock__names_who_shares_a_lock_and_nobody_who_has_it_alone)
{
    struct child child = child_start(hold, F_WRLCK);
    CHECK_INT(child_hear(&child), 1);
    set_up();
    CHECK_INT(walpool__posixlock_sharer(fd, 10), WALPOOL__POSIXLOCK_NOBODY);
    child_go_on(&child);
    child_join(&child);
    child = child_start(hold, F_RDLCK);
    CHECK_INT(child_hear(&child), 1);
    CHECK_INT(walpool__posixlock_sharer(fd, 10), child.pid);
    CHECK_INT(walpool__posixlock_sharer(fd, 11), WALPOOL__POSIXLOCK_NOBODY);
    child_go_on(&child);
    child_join(&child);
    CHECK_INT(walpool__posixlock_sharer(fd, 10), WALPOOL__POSIXLOCK_NOBODY);
    lock(F_RDLCK, 10, 1);
    CHECK_INT(walpool__posixlock_sharer(fd, 10), getpid());
    close(fd);
    CHECK_INT(walpool__posixlock_sharer(fd, 10), WALPOOL__POSIXLOCK_NOBODY);
}

TEST(posixlock__finds_a_shared_lock_in_the_list_though_another_is_named)
{
    struct child child = child_start(hold, F_RDLCK);
    CHECK_INT(child_hear(&child), 1);
    set_up();
    CHECK_INT(walpool__posixlock_listed(fd, 10), WALPOOL__POSIXLOCK_NOT_LISTED);
    lock(F_RDLCK, 10, 1);
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1), child.pid);
    CHECK_INT(walpool__posixlock_listed(fd, 10), WALPOOL__POSIXLOCK_LISTED);
    child_go_on(&child);
    child_join(&child);
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1), getpid());
    close(fd);
}

TEST(posixlock__finds_a_byte_inside_a_longer_lock)
{
    set_up();
    lock(F_RDLCK, 20, 1);
    lock(F_RDLCK, 21, 1); /* the kernel makes one of both */
    lock(F_WRLCK, 30, 0); /* to the end of the file, wherever it will be */
    CHECK_INT(walpool__posixlock_listed(fd, 19), WALPOOL__POSIXLOCK_NOT_LISTED);
    CHECK_INT(walpool__posixlock_listed(fd, 20), WALPOOL__POSIXLOCK_LISTED);
    CHECK_INT(walpool__posixlock_listed(fd, 21), WALPOOL__POSIXLOCK_LISTED);
    CHECK_INT(walpool__posixlock_listed(fd, 22), WALPOOL__POSIXLOCK_NOT_LISTED);
    CHECK_INT(walpool__posixlock_listed(fd, 4000), WALPOOL__POSIXLOCK_LISTED);
    close(fd);
    CHECK_INT(walpool__posixlock_listed(fd, 20), WALPOOL__POSIXLOCK_NO_LIST);
}

TEST(posixlock__takes_a_byte_that_nobody_has)
{
    set_up();
    CHECK_INT(walpool__posixlock_take(fd, 10), 0);
    CHECK_INT(walpool__posixlock_take(fd, 10), 0);
    CHECK_INT(walpool__posixlock_holder(fd, 10, 1), getpid());
    close(fd);
    CHECK_INT(walpool__posixlock_take(fd, 10), EBADF);
}

TEST(posixlock__names_a_process)
{
    char name[64], want[64];
    walpool__posixlock_name(getpid(), name, sizeof name);
    snprintf(want, sizeof want, "process %d (test_posixlock)", (int)getpid());
    CHECK_STR(name, want);
    walpool__posixlock_name(INT64_C(1) << 40, name, sizeof name);
    CHECK_STR(name, "process 1099511627776");
}

CHECK_MAIN()
