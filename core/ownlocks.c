/* Own locks: does this process have the locks that SQLite took for it?
 *
 * SQLite keeps a shared lock on the database file and one on -shm for as long
 * as the file is open, and takes the write lock on -shm for a transaction. A
 * stray close() of one of the files drops them all; SQLite goes on believing
 * that it has them, and lets two processes write at once, or removes a WAL
 * that is in use. So before a commit becomes visible the kernel is asked. That
 * costs half a microsecond a question, so the question is chosen:
 *
 *   each commit     the lock on -shm, where the kernel names this process as
 *                   its holder. It was taken at opening and never since: if it
 *                   is there, nobody has closed -shm, and the write lock is
 *                   there, too. If another process shares the lock and has had
 *                   it for longer, the kernel names that one: then the write
 *                   lock itself, which nobody shares.
 *   each OFTEN_NS   the lock on the database file, and whether the descriptors
 *                   are still open on their files. What is lost there stays
 *                   lost, and does harm when another process opens or closes
 *                   the database: so a while later is soon enough.
 *   each SELDOM_NS  the same, where locks are shared with older processes:
 *                   then it takes a list of the locks of a descriptor.
 *
 * What it cannot prevent: a transaction so large that SQLite writes pages of
 * it to the WAL before the commit has written them when the loss is noticed.
 *
 * Where the kernel cannot be asked (no F_OFD_GETLK), or its answer makes no
 * sense from the beginning, nothing is checked, and health says so.
 *
 * Does: ask, poison, name other holders.
 * Must not: close a descriptor, or open one of the files.
 * Lock: `mutex`, for a few system calls. */
#include "ownlocks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posixlock.h"

#define OFTEN_NS 1000000
#define SELDOM_NS 100000000

/* sqlite.org/walformat.html 2.3.1 and sqlite.org/fileformat2.html 1.3.9; the
 * last one of -shm is a matter of SQLite's unix VFS. */
#define SHM_WRITE 120
#define SHM_OPEN 128
#define SHM_LOCKS 9 /* from the first to that one */
#define FILE_PENDING 0x40000000
#define FILE_LOCKS 512
#define FILE_SHARED 0x40000002
#define FILE_SHARED_BYTES 510

void
walpool__ownlocks_init(struct walpool__ownlocks *own,
                       struct walpool__poison *poison,
                       struct walpool__stats *stats)
{
    memset(own, 0, sizeof *own);
    walpool__mutex_init(&own->mutex);
    own->poison = poison;
    own->stats = stats;
}

void
walpool__ownlocks_finish(struct walpool__ownlocks *own)
{
    PRE(!own->on);
    walpool__mutex_finish(&own->mutex);
}

/* ----------------------------------------------------------------- asking */

static bool
is_open(const struct walpool__lockfile *file)
{
    struct walpool__file_id id;

    return walpool__fsinfo_id_of(file->fd, &id) &&
           walpool__fsinfo_is_same(&id, &file->id);
}

/* A lock that processes share: is it ours, too? In doubt it is. */
static bool
has_shared(struct walpool__ownlocks *own, struct walpool__lockfile *file,
           int64_t start, int64_t bytes)
{
    int64_t holder = walpool__posixlock_holder(file->fd, start, bytes);

    file->first = holder == own->pid;
    if (LIKELY(file->first))
        return true;
    if (holder == WALPOOL__POSIXLOCK_NOBODY || !is_open(file))
        return false;
    return !own->lists ||
           walpool__posixlock_listed(file->fd, start) ==
               WALPOOL__POSIXLOCK_LISTED ||
           walpool__posixlock_find(&file->id, start, &file->fd);
}

static bool
has_file(struct walpool__ownlocks *own)
{
    return has_shared(own, &own->file, FILE_SHARED, FILE_SHARED_BYTES);
}

static bool
has_shm(struct walpool__ownlocks *own)
{
    return has_shared(own, &own->shm, SHM_OPEN, 1);
}

static bool
has_write(struct walpool__ownlocks *own)
{
    return walpool__posixlock_holder(own->shm.fd, SHM_WRITE, 1) == own->pid;
}

static bool
lose(struct walpool__ownlocks *own, enum walpool__poison_reason reason)
{
    if (walpool__poison_set(own->poison, reason, 0))
        walpool__stats_add(&own->stats->lost_locks, 1);
    return false;
}

/* The locks of an open file. `shm_known`: that one was just asked about. */
static bool
check_open(struct walpool__ownlocks *own, bool shm_known)
{
    if (!is_open(&own->shm) || !(shm_known || has_shm(own)))
        return lose(own, WALPOOL__POISON_SHM_LOCK);
    if (!is_open(&own->file) || !has_file(own))
        return lose(own, WALPOOL__POISON_FILE_LOCK);
    return true;
}

static bool
check_writing(struct walpool__ownlocks *own, int64_t now_ns)
{
    bool shm_known = own->shm.first;

    own->recent = false;
    if (UNLIKELY(shm_known ? !has_shm(own) : !has_write(own)))
        return lose(own, has_write(own) ? WALPOOL__POISON_SHM_LOCK
                                        : WALPOOL__POISON_WRITE_LOCK);
    if (now_ns < own->due_ns)
        return true;
    own->recent = true;
    if (!check_open(own, shm_known))
        return false;
    own->due_ns =
        now_ns + (own->shm.first && own->file.first ? OFTEN_NS : SELDOM_NS);
    return true;
}

bool
walpool__ownlocks_check(struct walpool__ownlocks *own, int64_t now_ns)
{
    bool held;

    walpool__mutex_lock(&own->mutex);
    held = !own->on || check_writing(own, now_ns);
    walpool__mutex_unlock(&own->mutex);
    if (own->watch)
        walpool__watch_check(own->watch, now_ns, WALPOOL__WATCH_COMMIT_NS);
    return held;
}

bool
walpool__ownlocks_check_again(struct walpool__ownlocks *own)
{
    bool held;

    if (LIKELY(!own->recent))
        return true;
    own->recent = false;
    walpool__mutex_lock(&own->mutex);
    held = !own->on || !own->shm.first || has_shm(own) ||
           lose(own, WALPOOL__POISON_SHM_LOCK);
    walpool__mutex_unlock(&own->mutex);
    return held;
}

bool
walpool__ownlocks_check_open(struct walpool__ownlocks *own)
{
    bool held;

    walpool__mutex_lock(&own->mutex);
    held = !own->on || check_open(own, false);
    walpool__mutex_unlock(&own->mutex);
    return held;
}

bool
walpool__ownlocks_is_on(struct walpool__ownlocks *own)
{
    bool on;

    walpool__mutex_lock(&own->mutex);
    on = own->on;
    walpool__mutex_unlock(&own->mutex);
    return on;
}

int
walpool__ownlocks_retake(struct walpool__ownlocks *own)
{
    int error = EBADF;

    walpool__mutex_lock(&own->mutex);
    if (own->on && is_open(&own->shm))
        error = walpool__posixlock_take(own->shm.fd, SHM_WRITE);
    walpool__mutex_unlock(&own->mutex);
    return error;
}

/* ----------------------------------------------------------- the beginning */

/* Find a descriptor of the file, best the one by which the lock was taken. */
static bool
find(struct walpool__ownlocks *own, struct walpool__lockfile *file,
     const char *path, int64_t byte)
{
    if (!walpool__fsinfo_id_at(path, &file->id))
        return false;
    if (walpool__posixlock_find(&file->id, byte, &file->fd)) {
        own->lists = true;
        return true;
    }
    return walpool__posixlock_descriptors(&file->id, &file->fd, 1) == 1;
}

/* Some file systems do not answer, or with numbers of processes elsewhere. Then
 * nothing that the kernel says about this lock can be told from its loss. */
static bool
can_tell(const struct walpool__ownlocks *own,
         const struct walpool__lockfile *file, int64_t byte)
{
    int64_t holder = walpool__posixlock_holder(file->fd, byte, 1);

    return holder == own->pid || holder == WALPOOL__POSIXLOCK_NOBODY ||
           (holder != WALPOOL__POSIXLOCK_UNKNOWN && own->lists);
}

void
walpool__ownlocks_attach(struct walpool__ownlocks *own, const char *path)
{
    char shm[WALPOOL__PATH_BYTES + 8];

    snprintf(shm, sizeof shm, "%s-shm", path);
    walpool__mutex_lock(&own->mutex);
    own->pid = getpid();
    own->due_ns = 0;
    own->on = find(own, &own->file, path, FILE_SHARED) &&
              find(own, &own->shm, shm, SHM_OPEN) &&
              can_tell(own, &own->file, FILE_SHARED) &&
              can_tell(own, &own->shm, SHM_OPEN);
    /* Another part of the process may have the file open since before, with
     * its locks lost already: then SQLite takes none anew. */
    if (own->on)
        check_open(own, false);
    walpool__mutex_unlock(&own->mutex);
}

void
walpool__ownlocks_detach(struct walpool__ownlocks *own)
{
    walpool__mutex_lock(&own->mutex);
    own->on = false;
    walpool__mutex_unlock(&own->mutex);
}

/* ------------------------------------------------------------- the others */

static void
name(int64_t pid, const char *does, const char *otherwise, char *dst,
     size_t bytes)
{
    char process[64];

    if (pid <= 0) {
        snprintf(dst, bytes, "%s", otherwise);
        return;
    }
    walpool__posixlock_name(pid, process, sizeof process);
    snprintf(dst, bytes, "%s %s", process, does);
}

int64_t
walpool__ownlocks_writer(struct walpool__ownlocks *own)
{
    int64_t pid = 0;

    walpool__mutex_lock(&own->mutex);
    if (own->on && is_open(&own->shm))
        pid = walpool__posixlock_other(own->shm.fd, SHM_WRITE, 1, true);
    walpool__mutex_unlock(&own->mutex);
    return pid > 0 ? pid : 0;
}

void
walpool__ownlocks_name_writer(struct walpool__ownlocks *own, bool idle,
                              const char *does, const char *otherwise,
                              char *dst, size_t bytes)
{
    bool here;

    walpool__mutex_lock(&own->mutex);
    here = idle && own->on && has_write(own);
    walpool__mutex_unlock(&own->mutex);
    if (here)
        snprintf(dst, bytes, "a connection of this process that is not "
                 "walpool's %s", does);
    else
        name(walpool__ownlocks_writer(own), does, otherwise, dst, bytes);
}

static int64_t
other_at(const char *path, int64_t start, int64_t bytes, bool alone)
{
    struct walpool__file_id id;
    int fd;

    if (!walpool__fsinfo_id_at(path, &id) ||
        walpool__posixlock_descriptors(&id, &fd, 1) == 0)
        return WALPOOL__POSIXLOCK_NOBODY;
    return walpool__posixlock_other(fd, start, bytes, alone);
}

void
walpool__ownlocks_name_blocker(const char *path, bool uses, const char *does,
                               const char *otherwise, char *dst, size_t bytes)
{
    char shm[WALPOOL__PATH_BYTES + 8];
    int64_t pid;

    snprintf(shm, sizeof shm, "%s-shm", path);
    pid = other_at(shm, SHM_WRITE, SHM_LOCKS, true);
    if (pid <= 0)
        pid = other_at(path, FILE_PENDING, FILE_LOCKS, !uses);
    name(pid, does, otherwise, dst, bytes);
}
