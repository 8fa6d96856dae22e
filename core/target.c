/* Target: the file that a copy of a database becomes.
 *
 * The copy grows in a partial file beside the target and takes its name when it
 * is complete and on the disk: whoever looks finds the old file or the new one.
 * The partial file has one fixed name and is locked by its maker, with flock(),
 * which minds neither SQLite's locks nor its closes. So a backup finds what a
 * crash left behind, sees that nobody is at it, and removes it; and two backups
 * to one target do not mix.
 *
 * A target with sidecars is refused: a -wal or -journal that lies there would
 * be applied to the copy by whoever opens it.
 *
 * Does: judge, make, rename, sync, remove.
 * Must not: know what is written into the file.
 * Lock: the partial file's; a target belongs to whoever has its backup. */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "error.h"

/* Another backup may make or remove the file while we look. */
#define TRIES 10

static walpool_status
refuse(walpool_error *err, walpool_status status, int error, const char *path,
       const char *why)
{
    if (error == ENOSPC || error == EDQUOT)
        status = WALPOOL_FULL;
    walpool__error_set(err, status, "cannot back up to %.256s: %s", path, why);
    if (err)
        err->system_errno = error;
    return status;
}

static walpool_status
cannot(walpool_error *err, int error, const char *path)
{
    return refuse(err, WALPOOL_CANTOPEN, error, path, strerror(error));
}

/* ---------------------------------------------------------------- judging */

static void
folder_of(const char *path, char folder[WALPOOL__PATH_BYTES])
{
    const char *slash = strrchr(path, '/');

    snprintf(folder, WALPOOL__PATH_BYTES, "%.*s", (int)(slash - path) + 1,
             path);
}

walpool_status
walpool__target_room(const char *path, int64_t bytes, const char *doing,
                     walpool_error *err)
{
    char folder[WALPOOL__PATH_BYTES];
    struct statvfs facts;
    uint64_t room;

    folder_of(path, folder);
    if (statvfs(folder, &facts) != 0)
        return WALPOOL_OK;
    room = (uint64_t)facts.f_bavail * facts.f_frsize;
    if (room >= (uint64_t)bytes)
        return WALPOOL_OK;
    walpool__error_set(err, WALPOOL_FULL,
                       "cannot %s: it needs %lld bytes in %.200s, where %llu "
                       "are free: make room there", doing, (long long)bytes,
                       folder, (unsigned long long)room);
    if (err)
        err->system_errno = ENOSPC;
    return WALPOOL_FULL;
}

static const char *const sidecars[] = {"", "-wal", "-shm", "-journal", "-turn"};

/* By name, too: a -journal that is not there would be taken for one. */
static walpool_status
must_be_another_file(const struct walpool__target *target, const char *database,
                     walpool_error *err)
{
    struct walpool__file_id there, id;
    bool exists = walpool__fsinfo_id_at(target->path, &there);
    char name[WALPOOL__PATH_BYTES + 16], why[64];

    for (size_t i = 0; i < ARRAY_COUNT(sidecars); i++) {
        snprintf(name, sizeof name, "%s%s", database, sidecars[i]);
        if (strcmp(name, target->path) != 0 &&
            !(exists && walpool__fsinfo_id_at(name, &id) &&
              walpool__fsinfo_is_same(&id, &there)))
            continue;
        snprintf(why, sizeof why, i ? "it is the %s file of the database itself"
                                    : "it is the database itself", sidecars[i]);
        return refuse(err, WALPOOL_MISUSE, 0, target->path, why);
    }
    return WALPOOL_OK;
}

static walpool_status
must_have_no_sidecars(const struct walpool__target *target, walpool_error *err)
{
    char name[WALPOOL__PATH_BYTES + 16], why[160];
    struct stat facts;

    for (size_t i = 1; i < ARRAY_COUNT(sidecars) - 1; i++) {
        snprintf(name, sizeof name, "%s%s", target->path, sidecars[i]);
        if (lstat(name, &facts) != 0)
            continue;
        snprintf(why, sizeof why, "a %s file of that name is there: a program "
                 "uses it, or was cut off: choose another path, or remove both",
                 sidecars[i]);
        return refuse(err, WALPOOL_CANTOPEN, EEXIST, target->path, why);
    }
    return WALPOOL_OK;
}

static walpool_status
must_be_free(const struct walpool__target *target, walpool_error *err)
{
    struct stat facts;

    if (lstat(target->path, &facts) != 0)
        return errno == ENOENT ? must_have_no_sidecars(target, err)
                               : cannot(err, errno, target->path);
    if (S_ISLNK(facts.st_mode))
        return refuse(err, WALPOOL_CANTOPEN, ELOOP, target->path,
                      "it is a symbolic link: give the path of a file");
    if (!S_ISREG(facts.st_mode))
        return refuse(err, WALPOOL_CANTOPEN, S_ISDIR(facts.st_mode) ? EISDIR : 0,
                      target->path, "it is no regular file");
    if (!target->replace)
        return refuse(err, WALPOOL_CANTOPEN, EEXIST, target->path,
                      "a file is there: choose another path, or ask for it to "
                      "be replaced");
    return must_have_no_sidecars(target, err);
}

/* ------------------------------------------------------- the partial file */

/* 0: locked, or this file system has no such locks. */
static int
lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? EBUSY : 0;
}

static bool
is_at(const char *path, int fd, struct walpool__file_id *id)
{
    struct walpool__file_id there;

    return walpool__fsinfo_id_of(fd, id) &&
           walpool__fsinfo_id_at(path, &there) &&
           walpool__fsinfo_is_same(id, &there);
}

/* What is there was left by a crash, or somebody is at it. 0: look again. */
static int
remove_left_over(const char *path)
{
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct walpool__file_id id;
    struct stat facts;
    int error = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
        error = EINVAL;
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        error = errno == EWOULDBLOCK ? EBUSY : errno;
    else if (is_at(path, fd, &id) && unlink(path) != 0)
        error = errno;
    close(fd);
    return error;
}

/* The copy is for those who may read the database. */
static void
follow_database(int fd, const char *database)
{
    struct stat facts;

    if (stat(database, &facts) != 0)
        return;
    if (fchown(fd, facts.st_uid, facts.st_gid) != 0)
        errno = 0; /* only root may give files away */
    fchmod(fd, facts.st_mode & 0777);
}

/* 0, or an errno: EBUSY if another backup has it. */
static int
make_partial(struct walpool__target *target, const char *database)
{
    int error = 0;

    for (int i = 0; i < TRIES && error == 0; i++) {
        int fd = open(target->partial,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd >= 0) {
            /* Between the two calls another may have taken it for left over. */
            if (lock(fd) == 0 && is_at(target->partial, fd, &target->id)) {
                follow_database(fd, database);
                target->fd = fd;
                return 0;
            }
            close(fd);
        } else {
            error = errno == EEXIST ? remove_left_over(target->partial) : errno;
        }
    }
    return error ? error : EBUSY;
}

static walpool_status
open_partial(struct walpool__target *target, const char *database,
             walpool_error *err)
{
    int error = make_partial(target, database);

    if (error == EBUSY)
        return refuse(err, WALPOOL_BUSY, error, target->path,
                      "another backup to it is running");
    return error ? cannot(err, error, target->partial) : WALPOOL_OK;
}

walpool_status
walpool__target_open(struct walpool__target *target, const char *to,
                     const char *database, bool replace, int64_t bytes,
                     walpool_error *err)
{
    char partial[WALPOOL__PATH_BYTES + sizeof WALPOOL__PARTIAL_SUFFIX];
    walpool_status status;

    target->replace = replace;
    target->fd = -1;
    if (!to || !to[0])
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "the path of the backup is %s",
                                  to ? "empty" : "NULL");
    status = walpool__fsinfo_new_path(to, target->path, err);
    if (status != WALPOOL_OK)
        return status;
    snprintf(partial, sizeof partial, "%s%s", target->path,
             WALPOOL__PARTIAL_SUFFIX);
    status = walpool__fsinfo_new_path(partial, target->partial, err);
    if (status == WALPOOL_OK)
        status = must_be_another_file(target, database, err);
    if (status == WALPOOL_OK)
        status = must_be_free(target, err);
    if (status == WALPOOL_OK)
        status = walpool__target_room(target->path, bytes, "back up", err);
    return status == WALPOOL_OK ? open_partial(target, database, err) : status;
}

/* --------------------------------------------------------------- placing */

static int
rename_without_replacing(const char *from, const char *to)
{
    struct stat facts;

#if defined(RENAME_NOREPLACE)
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != ENOSYS && errno != EINVAL) /* of this file system */
        return errno;
#endif
    if (lstat(to, &facts) == 0)
        return EEXIST;
    return rename(from, to) == 0 ? 0 : errno;
}

static int
put_in_place(const struct walpool__target *target)
{
    if (!target->replace)
        return rename_without_replacing(target->partial, target->path);
    return rename(target->partial, target->path) == 0 ? 0 : errno;
}

static int
sync_folder(const char *path)
{
    char folder[WALPOOL__PATH_BYTES];
    int fd, error;

    folder_of(path, folder);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : errno; /* not ours to list */
    error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return error;
}

walpool_status
walpool__target_place(struct walpool__target *target, walpool_error *err)
{
    struct walpool__file_id id;
    walpool_status status = must_be_free(target, err);
    int error;

    if (status != WALPOOL_OK)
        return status;
    if (!is_at(target->partial, target->fd, &id))
        return refuse(err, WALPOOL_IO, ENOENT, target->partial,
                      "the partial file was moved or removed");
    if (fsync(target->fd) != 0)
        return refuse(err, WALPOOL_IO, errno, target->path,
                      "a sync of the copy failed");
    error = put_in_place(target);
    if (error)
        return cannot(err, error, target->path);
    close(target->fd);
    target->fd = -1;
    error = sync_folder(target->path);
    if (!error)
        return WALPOOL_OK;
    refuse(err, WALPOOL_IO, error, target->path,
           "it is there, and a sync of its folder failed");
    if (err)
        err->outcome = WALPOOL_UNKNOWN;
    return WALPOOL_IO;
}

void
walpool__target_discard(struct walpool__target *target)
{
    struct walpool__file_id id;

    if (target->fd < 0)
        return;
    if (is_at(target->partial, target->fd, &id))
        unlink(target->partial);
    close(target->fd);
    target->fd = -1;
}
