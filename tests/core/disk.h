/* The disk under the library: counts the syncs of one file, holds them up and
 * fails them. The dynamic linker finds this fdatasync before that of the C
 * library, for the library under test and for SQLite alike. */
#ifndef DISK_H
#define DISK_H

#include <errno.h>
#include <stdbool.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "check.h"

static char disk_path[512];       /* of the file that is watched, or "" */
static atomic_int disk_syncs;     /* of that file, so far */
static atomic_int disk_error;     /* errno of each, or 0 */
static atomic_bool disk_held;     /* none ends while this is true */

static inline bool
disk_watches(int fd)
{
    struct stat here, there;
    return disk_path[0] != 0 && stat(disk_path, &there) == 0 &&
           fstat(fd, &here) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}

#if defined(__linux__)
int
fdatasync(int fd)
{
    if (!disk_watches(fd))
        return (int)syscall(SYS_fdatasync, fd);
    atomic_fetch_add(&disk_syncs, 1);
    while (atomic_load(&disk_held))
        nanosleep(&(struct timespec){0, 100000}, NULL);
    errno = atomic_load(&disk_error);
    return errno ? -1 : (int)syscall(SYS_fdatasync, fd);
}
#endif

/* Watch a file of the case's folder from now on. Skips the case, and returns
 * false, where fdatasync is not what the library calls. */
static inline bool
disk_watch(const char *name)
{
    snprintf(disk_path, sizeof disk_path, "%s", check_path(name));
    atomic_store(&disk_syncs, 0);
    atomic_store(&disk_error, 0);
    atomic_store(&disk_held, false);
#if defined(__linux__)
    return true;
#else
    check_skip("syncs are watched on Linux only");
    return false;
#endif
}

/* Syncs since the last time that this was asked. */
static inline int
disk_count(void)
{
    return atomic_exchange(&disk_syncs, 0);
}

#endif
