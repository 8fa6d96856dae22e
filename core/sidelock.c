/* Side lock: locks that processes take in turns, on a file of its own.
 *
 * Open-file-description locks where there are any: they belong to the
 * descriptor, so neither a fork nor a close() elsewhere in the process takes
 * them away, a crash of the holder frees them, and the kernel wakes waiters in
 * their order; but until the first of them runs, anybody may be faster: that is
 * what LINE is for. flock() elsewhere: the same, but one lock for the
 * whole file, so the queue byte is always free there.
 * The file is never removed: a process could hold a lock on a file that is
 * gone while another locks its successor.
 *
 * Does: open, try, wait, give.
 * Must not: be used for anything but taking turns: SQLite's own lock protects
 * the data.
 * Lock: the file's; no thread of this process is kept apart by it. */
#include "sidelock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that we made gets the mode and, as far as we may, the owner of the
 * database, as SQLite does with -wal and -shm: who can write there can take
 * turns. */
static void
follow_database(int fd, const char *database)
{
    struct stat facts;

    if (stat(database, &facts) != 0)
        return;
    if (fchown(fd, facts.st_uid, facts.st_gid) != 0)
        errno = 0; /* only root may; the mode still lets the group in */
    fchmod(fd, facts.st_mode & 0777);
}

int
walpool__sidelock_open(const char *path, const char *database)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags | O_CREAT | O_EXCL, 0600);
    struct stat facts;

    if (fd >= 0)
        follow_database(fd, database);
    else if (errno == EEXIST)
        fd = open(path, flags | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

void
walpool__sidelock_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

#if defined(F_OFD_SETLK)

static int
lock_with(int fd, enum walpool__sidelock_byte byte, int command, short type)
{
    struct flock lock;
    int result;

    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    do
        result = fcntl(fd, command, &lock);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno == EACCES ? EAGAIN : errno;
}

int
walpool__sidelock_try(int fd, enum walpool__sidelock_byte byte)
{
    return lock_with(fd, byte, F_OFD_SETLK, F_WRLCK);
}

int
walpool__sidelock_wait(int fd, enum walpool__sidelock_byte byte)
{
    return lock_with(fd, byte, F_OFD_SETLKW, F_WRLCK);
}

void
walpool__sidelock_give(int fd, enum walpool__sidelock_byte byte)
{
    lock_with(fd, byte, F_OFD_SETLK, F_UNLCK);
}

void
walpool__sidelock_join(int fd)
{
    lock_with(fd, WALPOOL__SIDELOCK_LINE, F_OFD_SETLK, F_RDLCK);
}

bool
walpool__sidelock_is_others(int fd, enum walpool__sidelock_byte byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET,
                         .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

#else

void
walpool__sidelock_join(int fd)
{
    (void)fd;
}

bool
walpool__sidelock_is_others(int fd, enum walpool__sidelock_byte byte)
{
    (void)fd;
    (void)byte;
    return false;
}

static int
lock_with(int fd, enum walpool__sidelock_byte byte, int how)
{
    int result;

    if (byte == WALPOOL__SIDELOCK_COPY)
        return ENOTSUP;
    if (byte != WALPOOL__SIDELOCK_TURN)
        return 0;
    do
        result = flock(fd, how);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno == EWOULDBLOCK ? EAGAIN : errno;
}

int
walpool__sidelock_try(int fd, enum walpool__sidelock_byte byte)
{
    return lock_with(fd, byte, LOCK_EX | LOCK_NB);
}

int
walpool__sidelock_wait(int fd, enum walpool__sidelock_byte byte)
{
    return lock_with(fd, byte, LOCK_EX);
}

void
walpool__sidelock_give(int fd, enum walpool__sidelock_byte byte)
{
    lock_with(fd, byte, LOCK_UN);
}

#endif
