/* Wake-up descriptor: readable while somebody should look.
 *
 * Does: hide whether it is an eventfd or a pipe. Ringing twice is ringing
 * once; nothing here waits.
 * Must not: know what there is to see.
 * Lock: none; the system's calls are atomic. */
#include "wakefd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/eventfd.h>
#endif

#if defined(__linux__)

static int
open_fds(int fds[2])
{
    fds[0] = fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fds[0] < 0 ? errno : 0;
}

#else

static bool
prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int
open_fds(int fds[2])
{
    if (pipe(fds) != 0)
        return errno;
    if (prepare(fds[0]) && prepare(fds[1]))
        return 0;
    int result = errno;
    close(fds[0]);
    close(fds[1]);
    return result;
}

#endif

int
walpool__wakefd_open(struct walpool__wakefd *wakefd)
{
    int fds[2];
    int result = open_fds(fds);
    wakefd->read_fd = result == 0 ? fds[0] : -1;
    wakefd->write_fd = result == 0 ? fds[1] : -1;
    return result;
}

void
walpool__wakefd_close(struct walpool__wakefd *wakefd)
{
    if (wakefd->read_fd >= 0)
        close(wakefd->read_fd);
    if (wakefd->write_fd != wakefd->read_fd)
        close(wakefd->write_fd);
    wakefd->read_fd = wakefd->write_fd = -1;
}

/* An eventfd counts, and a pipe may be full: both stay readable. */
void
walpool__wakefd_ring(struct walpool__wakefd *wakefd)
{
    const uint64_t one = 1;
    ssize_t wrote;
    do
        wrote = write(wakefd->write_fd, &one, sizeof one);
    while (wrote < 0 && errno == EINTR);
}

/* One read empties an eventfd; a pipe is read until it is empty. */
void
walpool__wakefd_quiet(struct walpool__wakefd *wakefd)
{
    uint64_t rings[8];
    ssize_t got;
    do
        got = read(wakefd->read_fd, rings, sizeof rings);
    while (got == sizeof rings || (got < 0 && errno == EINTR));
}
