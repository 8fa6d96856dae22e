/* POSIX locks: who holds them, as the kernel tells it.
 *
 * Such a lock belongs to a process and a file, and any close() of that file in
 * the process drops it, without a word (sqlite.org/howtocorrupt.html 2.2). So
 * nothing is opened here to find out: the questions are put to a descriptor
 * that is open anyway, and that stays the property of whoever opened it.
 * F_GETLK does not tell a process about its own locks. F_OFD_GETLK does: it
 * asks on behalf of the descriptor, whose owner is somebody else.
 *
 * Does: ask, and take one byte.
 * Must not: open or close the file, or keep a descriptor of it.
 * Lock: none. */
#include "posixlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

#if defined(__linux__)
#define OPEN_DESCRIPTORS "/proc/self/fd"
#else
#define OPEN_DESCRIPTORS "/dev/fd"
#endif

/* Where the system does not list them, the first ones are tried. */
#define DESCRIPTORS_TRIED 1024
#define MANY_DESCRIPTORS 256

static bool
is_open_on(int fd, const struct walpool__file_id *id)
{
    struct walpool__file_id found;

    return walpool__fsinfo_id_of(fd, &found) &&
           walpool__fsinfo_is_same(&found, id);
}

/* Most are somebody else's, and may be closed at any time: so Linux is asked by
 * the name in its list, and not by the number, which has an owner. */
static bool
is_listed_on(const char *name, const struct walpool__file_id *id)
{
#if defined(__linux__)
    struct walpool__file_id found;
    char path[sizeof OPEN_DESCRIPTORS + 32];

    snprintf(path, sizeof path, "%s/%.16s", OPEN_DESCRIPTORS, name);
    return walpool__fsinfo_id_at(path, &found) &&
           walpool__fsinfo_is_same(&found, id);
#else
    return is_open_on((int)strtol(name, NULL, 10), id);
#endif
}

static size_t
try_descriptors(const struct walpool__file_id *id, int *fds, size_t room)
{
    size_t count = 0;

    for (int fd = 0; fd < DESCRIPTORS_TRIED && count < room; fd++)
        if (is_open_on(fd, id))
            fds[count++] = fd;
    return count;
}

size_t
walpool__posixlock_descriptors(const struct walpool__file_id *id, int *fds,
                               size_t room)
{
    DIR *folder = opendir(OPEN_DESCRIPTORS);
    size_t count = 0;

    if (!folder)
        return try_descriptors(id, fds, room);
    for (struct dirent *entry; count < room && (entry = readdir(folder));) {
        if (entry->d_name[0] != '.' && is_listed_on(entry->d_name, id))
            fds[count++] = (int)strtol(entry->d_name, NULL, 10);
    }
    closedir(folder);
    return count;
}

static struct flock
lock_of(short type, int64_t start, int64_t bytes)
{
    struct flock lock;

    memset(&lock, 0, sizeof lock); /* l_pid must be 0 */
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)start;
    lock.l_len = (off_t)bytes;
    return lock;
}

/* A lock that would be in the way of this one. */
static int64_t
ask(int fd, int command, struct flock lock)
{
    if (fcntl(fd, command, &lock) != 0)
        return WALPOOL__POSIXLOCK_UNKNOWN;
    if (lock.l_type == F_UNLCK)
        return WALPOOL__POSIXLOCK_NOBODY;
    /* A process of another container has no number here. */
    return lock.l_pid > 0 ? lock.l_pid : WALPOOL__POSIXLOCK_UNKNOWN;
}

int64_t
walpool__posixlock_holder(int fd, int64_t start, int64_t bytes)
{
#if defined(F_OFD_GETLK)
    return ask(fd, F_OFD_GETLK, lock_of(F_WRLCK, start, bytes));
#else
    (void)fd, (void)start, (void)bytes;
    return WALPOOL__POSIXLOCK_UNKNOWN;
#endif
}

int64_t
walpool__posixlock_sharer(int fd, int64_t byte)
{
#if defined(F_OFD_GETLK)
    struct flock lock = lock_of(F_WRLCK, byte, 1);

    if (fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_RDLCK)
        return WALPOOL__POSIXLOCK_NOBODY;
    return lock.l_pid > 0 ? lock.l_pid : WALPOOL__POSIXLOCK_UNKNOWN;
#else
    (void)fd, (void)byte;
    return WALPOOL__POSIXLOCK_NOBODY;
#endif
}

int64_t
walpool__posixlock_other(int fd, int64_t start, int64_t bytes, bool alone)
{
    return ask(fd, F_GETLK, lock_of(alone ? F_RDLCK : F_WRLCK, start, bytes));
}

/* As "lock:\t1: POSIX  ADVISORY  READ 4711 fe:00:1234 127 128": neighbours of
 * one kind are one lock. The end may be "EOF". */
static bool
covers(const char *line, int64_t byte)
{
    long long first, last;
    int found = sscanf(line, "lock: %*d: POSIX %*s %*s %*d %*s %lld %lld",
                       &first, &last);

    return found >= 1 && first <= byte && (found == 1 || byte <= last);
}

enum walpool__posixlock_listing
walpool__posixlock_listed(int fd, int64_t byte)
{
    enum walpool__posixlock_listing answer = WALPOOL__POSIXLOCK_NOT_LISTED;
    char line[256];
    FILE *list;

    snprintf(line, sizeof line, "/proc/self/fdinfo/%d", fd);
    list = fopen(line, "re");
    if (!list)
        return WALPOOL__POSIXLOCK_NO_LIST;
    while (answer == WALPOOL__POSIXLOCK_NOT_LISTED &&
           fgets(line, sizeof line, list))
        if (covers(line, byte))
            answer = WALPOOL__POSIXLOCK_LISTED;
    fclose(list);
    return answer;
}

bool
walpool__posixlock_find(const struct walpool__file_id *id, int64_t byte,
                        int *fd)
{
    int fds[MANY_DESCRIPTORS];
    size_t count = walpool__posixlock_descriptors(id, fds, MANY_DESCRIPTORS);

    for (size_t i = 0; i < count; i++)
        if (walpool__posixlock_listed(fds[i], byte) ==
            WALPOOL__POSIXLOCK_LISTED) {
            *fd = fds[i];
            return true;
        }
    return false;
}

int
walpool__posixlock_take(int fd, int64_t byte)
{
    struct flock lock = lock_of(F_WRLCK, byte, 1);

    if (fcntl(fd, F_SETLK, &lock) == 0)
        return 0;
    return errno == EACCES ? EAGAIN : errno;
}

void
walpool__posixlock_name(int64_t pid, char *dst, size_t bytes)
{
    char path[64], name[64] = "", shown[32];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    file = fopen(path, "re");
    if (file) {
        if (!fgets(name, sizeof name, file))
            name[0] = '\0';
        fclose(file);
    }
    name[strcspn(name, "\n")] = '\0';
    walpool__utf8_label(shown, sizeof shown, name, strlen(name));
    snprintf(dst, bytes, "process %lld%s%s%s", (long long)pid,
             shown[0] ? " (" : "", shown, shown[0] ? ")" : "");
}
