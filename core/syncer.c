/* Syncer: commits that are on the disk, many at a time.
 *
 * With durability full a transaction commits without a sync, gives writer and
 * turn to the next, and waits here. One waiter syncs the WAL file; that covers
 * every commit that was made before its sync began, its own and those of all
 * who came meanwhile for the next. So the cost of a sync is shared by whoever
 * waits, and commits go on while the disk works.
 *
 * It is right across a restart of the WAL: SQLite starts it anew only after a
 * checkpoint that synced it (sqlite.org/walformat.html, section 4.3), and then
 * what was in it is in the database.
 *
 * After a failed sync nobody knows what the disk has: Linux may mark the pages
 * clean, and the next sync succeeds without having written them
 * (wiki.postgresql.org/wiki/Fsync_Errors). So there is no second try: writes
 * are refused from then on.
 *
 *   synced <= committed      commits in between are visible, not yet durable
 *
 * Does: sync once for many.
 * Must not: commit, or hold its mutex while the disk works.
 * Lock: `mutex` guards synced and running. */
#include "syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/* The name of a new file is in its folder, which is synced on its own. */
static int
sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4200];
    int fd, result;

    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    result = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return result;
}

void
walpool__syncer_init(struct walpool__syncer *syncer, const char *wal_path,
                     struct walpool__poison *poison)
{
    memset(syncer, 0, sizeof *syncer);
    walpool__mutex_init(&syncer->mutex);
    walpool__cond_init(&syncer->changed);
    syncer->wal_path = wal_path;
    syncer->poison = poison;
    syncer->fd = -1;
}

void
walpool__syncer_close(struct walpool__syncer *syncer)
{
    if (syncer->fd >= 0)
        close(syncer->fd);
    syncer->fd = -1;
}

void
walpool__syncer_finish(struct walpool__syncer *syncer)
{
    INVARIANT(syncer->fd < 0);
    walpool__cond_finish(&syncer->changed);
    walpool__mutex_finish(&syncer->mutex);
}

uint64_t
walpool__syncer_commit(struct walpool__syncer *syncer)
{
    return atomic_fetch_add_explicit(&syncer->committed, 1,
                                     memory_order_acq_rel) + 1;
}

/* SQLite takes no lock on the -wal file, so to open and close it ourselves
 * drops none. */
static int
sync_file(struct walpool__syncer *syncer)
{
    int error = 0;

    if (syncer->fd < 0) {
        syncer->fd = open(syncer->wal_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        error = syncer->fd < 0 ? errno : sync_folder(syncer->wal_path);
    }
    if (error)
        return error;
#if defined(__APPLE__)
    if (fcntl(syncer->fd, F_FULLFSYNC) == 0)
        return 0;
    return fsync(syncer->fd) == 0 ? 0 : errno;
#else
    return fdatasync(syncer->fd) == 0 ? 0 : errno;
#endif
}

static bool
has_failed(const struct walpool__syncer *syncer)
{
    return walpool__poison_has(syncer->poison, WALPOOL__POISON_SYNC);
}

/* Sync for all. The mutex is held, and given up meanwhile. */
static void
sync_now(struct walpool__syncer *syncer)
{
    uint64_t covers = atomic_load_explicit(&syncer->committed,
                                           memory_order_acquire);
    int error;

    syncer->running = true;
    walpool__mutex_unlock(&syncer->mutex);
    error = sync_file(syncer);
    walpool__mutex_lock(&syncer->mutex);
    syncer->running = false;
    if (error)
        walpool__poison_set(syncer->poison, WALPOOL__POISON_SYNC, error);
    else if (covers > syncer->synced)
        syncer->synced = covers;
    walpool__cond_broadcast(&syncer->changed);
}

void
walpool__syncer_flush(struct walpool__syncer *syncer)
{
    walpool__mutex_lock(&syncer->mutex);
    while (syncer->running)
        walpool__cond_wait(&syncer->changed, &syncer->mutex, WALPOOL__NEVER);
    if (syncer->synced < atomic_load(&syncer->committed) &&
        !has_failed(syncer))
        sync_now(syncer);
    walpool__mutex_unlock(&syncer->mutex);
}

static walpool_status
unknown(walpool_error *err, walpool_status status)
{
    if (err)
        err->outcome = WALPOOL_UNKNOWN;
    return status;
}

walpool_status
walpool__syncer_wait(struct walpool__syncer *syncer, uint64_t number,
                     struct walpool__call *call, walpool_error *err)
{
    int64_t deadline_ns = call->waits_only ? WALPOOL__NEVER : call->deadline_ns;
    bool stop = false;

    call->phase = WALPOOL_PHASE_SYNC;
    walpool__call_leave(call);
    walpool__mutex_lock(&syncer->mutex);
    while (syncer->synced < number && !has_failed(syncer) && !stop) {
        if (!syncer->running)
            sync_now(syncer);
        else if (!(stop = !call->waits_only && walpool__call_must_stop(call)))
            walpool__cond_wait(&syncer->changed, &syncer->mutex, deadline_ns);
    }
    stop = syncer->synced < number;
    walpool__mutex_unlock(&syncer->mutex);
    if (!stop)
        return WALPOOL_OK;
    if (has_failed(syncer))
        return unknown(err, walpool__poison_refuse(
                                syncer->poison, "the commit is visible, and "
                                "may not survive a power cut", err));
    return unknown(err, walpool__call_stopped(call, "wait for the disk",
                                              "the commit is visible", err));
}
