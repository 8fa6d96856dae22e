/* Files: what lies at a path, before SQLite touches it.
 *
 * SQLite is given absolute paths of regular files and nothing else: a name
 * that begins with "file:" would be taken for a URI whose query can switch
 * locks off, and a FIFO would hang. A file that exists is looked at with
 * stat() only, because closing a descriptor of it would drop every lock that
 * this process has on it (sqlite.org/howtocorrupt.html 2.2).
 *
 * Does: resolve, judge, create.
 * Must not: open or close a file that exists.
 * Lock: none. */
#include "fsinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "error.h"

/* SQLite adds "-journal" and "-wal" to the path. */
#define LONGEST_SUFFIX 8

static_assert(WALPOOL__PATH_BYTES <= PATH_MAX, "realpath needs PATH_MAX");

static walpool_status
cantopen(walpool_error *err, const char *path, int error, const char *why)
{
    walpool_status status = WALPOOL_CANTOPEN;

    if (error == ENOSPC || error == EDQUOT)
        status = WALPOOL_FULL;
    walpool__error_set(err, status, "cannot open %.256s: %s", path, why);
    if (err)
        err->system_errno = error;
    return status;
}

/* SQLite has a limit of its own, smaller than the system's. */
static walpool_status
check_length(const char *path, walpool_error *err)
{
    const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    char why[96];
    size_t most;

    if (!vfs)
        return walpool__error_nomem(err, "SQLite");
    most = (size_t)vfs->mxPathname - LONGEST_SUFFIX;
    if (most > WALPOOL__PATH_BYTES - 1)
        most = WALPOOL__PATH_BYTES - 1;
    if (strlen(path) <= most)
        return WALPOOL_OK;
    snprintf(why, sizeof why, "the path has %zu bytes; %zu are possible",
             strlen(path), most);
    return cantopen(err, path, ENAMETOOLONG, why);
}

static const char *
kind_text(mode_t mode)
{
    if (S_ISDIR(mode))
        return "it is a directory, not a file";
    if (S_ISFIFO(mode))
        return "it is a FIFO, not a regular file";
    if (S_ISSOCK(mode))
        return "it is a socket, not a regular file";
    return "it is a device, not a regular file";
}

static struct walpool__file_id
id_from(const struct stat *facts)
{
    return (struct walpool__file_id){.device = (uint64_t)facts->st_dev,
                                     .inode = (uint64_t)facts->st_ino};
}

/* SQLite removes the -wal that it finds beside a database without a byte. But
 * it holds all that is left of one that was moved, removed or cut. A new
 * database never has a WAL before its first page: if another process has just
 * made both, then the first page is there by now. */
static walpool_status
check_orphan(const char *path, walpool_error *err)
{
    char wal[WALPOOL__PATH_BYTES + 8];

    snprintf(wal, sizeof wal, "%s-wal", path);
    if (walpool__fsinfo_size(wal) == 0 || walpool__fsinfo_size(path) > 0)
        return WALPOOL_OK;
    return cantopen(err, path, 0,
                    "the file is missing or empty, and beside it lies the -wal "
                    "of a database that was here: put that database back, or "
                    "move its -wal away");
}

static walpool_status
judge(const struct stat *facts, struct walpool__place *place,
      walpool_error *err)
{
    if (!S_ISREG(facts->st_mode))
        return cantopen(err, place->path, 0, kind_text(facts->st_mode));
    if (facts->st_nlink > 1)
        return cantopen(err, place->path, 0,
                        "the file has several hard links, and each name "
                        "would get a WAL of its own; keep one name");
    if (facts->st_size == 1) /* SQLite takes it for an empty one */
        return walpool__error_set(err, WALPOOL_NOTADB,
                                  "cannot open %.256s: it has one byte, and "
                                  "is not a database", place->path);
    place->id = id_from(facts);
    return facts->st_size > 0 ? WALPOOL_OK : check_orphan(place->path, err);
}

walpool_status
walpool__fsinfo_new_path(const char *path, char resolved[WALPOOL__PATH_BYTES],
                         walpool_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    char folder[WALPOOL__PATH_BYTES], real[PATH_MAX];

    snprintf(folder, sizeof folder, "%.*s",
             slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (!last[0] || !strcmp(last, ".") || !strcmp(last, ".."))
        return cantopen(err, path, EISDIR, "the path names a folder");
    if (!realpath(folder, real)) {
        char why[128];

        snprintf(why, sizeof why, "its folder: %s", strerror(errno));
        return cantopen(err, path, errno, why);
    }
    if (strlen(real) + 1 + strlen(last) >= WALPOOL__PATH_BYTES)
        return cantopen(err, path, ENAMETOOLONG, strerror(ENAMETOOLONG));
    strcpy(stpcpy(stpcpy(resolved, real), real[1] ? "/" : ""), last);
    return check_length(resolved, err);
}

/* Not by open() where that can be helped: as soon as the name is there another
 * thread may open the database and lock it, and our close() would drop its
 * locks. Some systems let only root make files by mknod(). */
static int
make_file(const char *path, mode_t mode)
{
    int fd;

    if (mknod(path, S_IFREG | mode, 0) == 0)
        return chmod(path, mode); /* whatever the umask says */
    if (errno != EPERM && errno != ENOSYS && errno != EINVAL)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -1;
    fchmod(fd, mode);
    close(fd);
    return 0;
}

static walpool_status
create(struct walpool__place *place, int permissions, walpool_error *err)
{
    if (make_file(place->path, (mode_t)permissions) == 0)
        place->created = true;
    else if (errno != EEXIST) /* another process was first */
        return cantopen(err, place->path, errno, strerror(errno));
    return WALPOOL_OK;
}

walpool_status
walpool__fsinfo_place(const char *path, bool may_create, int permissions,
                      struct walpool__place *place, walpool_error *err)
{
    char real[PATH_MAX];
    struct stat facts;
    walpool_status status;

    memset(place, 0, sizeof *place);
    if (realpath(path, real)) {
        status = strlen(real) < sizeof place->path
                     ? check_length(real, err)
                     : cantopen(err, path, ENAMETOOLONG,
                                strerror(ENAMETOOLONG));
        if (status != WALPOOL_OK)
            return status;
        snprintf(place->path, sizeof place->path, "%s", real);
    } else if (errno != ENOENT) {
        return cantopen(err, path, errno, strerror(errno));
    } else {
        if (!may_create)
            return cantopen(err, path, ENOENT,
                            "it does not exist, and mode is not rwc");
        status = walpool__fsinfo_new_path(path, place->path, err);
        if (status == WALPOOL_OK)
            status = check_orphan(place->path, err);
        if (status == WALPOOL_OK)
            status = create(place, permissions, err);
        if (status != WALPOOL_OK)
            return status;
    }
    if (stat(place->path, &facts) != 0)
        return cantopen(err, path, errno, strerror(errno));
    return judge(&facts, place, err);
}

bool
walpool__fsinfo_id_at(const char *path, struct walpool__file_id *id)
{
    struct stat facts;

    if (stat(path, &facts) != 0)
        return false;
    *id = id_from(&facts);
    return true;
}

bool
walpool__fsinfo_facts_at(const char *path, struct walpool__file_id *id,
                         int64_t *bytes)
{
    struct stat facts;

    if (stat(path, &facts) != 0)
        return false;
    *id = id_from(&facts);
    *bytes = (int64_t)facts.st_size;
    return true;
}

bool
walpool__fsinfo_id_of(int fd, struct walpool__file_id *id)
{
    struct stat facts;

    if (fstat(fd, &facts) != 0)
        return false;
    *id = id_from(&facts);
    return true;
}

bool
walpool__fsinfo_is_unlinked(int fd)
{
    struct stat facts;

    return fstat(fd, &facts) == 0 && facts.st_nlink == 0;
}

int64_t
walpool__fsinfo_size(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : 0;
}

int64_t
walpool__fsinfo_free(const char *path)
{
    struct statvfs facts;

    if (statvfs(path, &facts) != 0 || facts.f_frsize == 0)
        return -1;
    if (facts.f_bavail > (uint64_t)INT64_MAX / facts.f_frsize)
        return INT64_MAX;
    return (int64_t)(facts.f_bavail * facts.f_frsize);
}
