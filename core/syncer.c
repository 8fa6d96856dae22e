/* Syncer: commits that are on the disk, many at a time.
 *
 * Where a commit shall be durable, the transaction commits without a sync,
 * takes a ticket, gives writer and turn to the next, and waits here. One waiter
 * syncs the WAL file; that covers every ticket that was taken before its sync
 * began, its own and those of all who came meanwhile for the next. So the cost
 * of a sync is shared by whoever waits, and commits go on while the disk works.
 *
 * A read that wants to see durable state only does the same with what it has
 * seen, by whatever process that was committed. It needs no sync if a sync
 * began when the WAL had all of it: the last one remembers how far that was.
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
 *   synced <= tickets      who has one in between waits, or is about to
 *
 * Does: sync once for many.
 * Must not: commit, or hold its mutex while the disk works.
 * Lock: `mutex` guards synced, mark and running. */
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
                     struct walpool__poison *poison,
                     struct walpool__walindex *walindex,
                     struct walpool__stats *stats)
{
    memset(syncer, 0, sizeof *syncer);
    walpool__mutex_init(&syncer->mutex);
    walpool__cond_init(&syncer->changed);
    syncer->wal_path = wal_path;
    syncer->poison = poison;
    syncer->walindex = walindex;
    syncer->stats = stats;
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
walpool__syncer_ticket(struct walpool__syncer *syncer)
{
    return atomic_fetch_add_explicit(&syncer->tickets, 1,
                                     memory_order_acq_rel) + 1;
}

uint64_t
walpool__syncer_ticket_if_new(struct walpool__syncer *syncer)
{
    struct walpool__wal_mark seen;
    bool known = walpool__walindex_mark(syncer->walindex, &seen);
    bool covered;

    walpool__mutex_lock(&syncer->mutex);
    covered = known && (seen.frames == 0 ||
                        (syncer->marked &&
                         walpool__wal_mark_covers(&syncer->mark, &seen)));
    walpool__mutex_unlock(&syncer->mutex);
    return covered ? 0 : walpool__syncer_ticket(syncer);
}

/* SQLite takes no lock on the -wal file, so to open and close it ourselves
 * drops none. A sync needs no right to write. */
static int
sync_file(struct walpool__syncer *syncer)
{
    int error = 0;

    if (syncer->fd < 0) {
        syncer->fd = open(syncer->wal_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        error = syncer->fd < 0 ? errno : sync_folder(syncer->wal_path);
    }
    if (error) {
        walpool__syncer_close(syncer);
        return error;
    }
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

/* Nothing is known to be wrong with the disk, and it can be tried again. */
static bool
is_shortage(int error)
{
    return error == EMFILE || error == ENFILE;
}

/* Sync for all. The mutex is held, and given up meanwhile. Returns 0, or the
 * errno. */
static int
sync_now(struct walpool__syncer *syncer)
{
    uint64_t covers = atomic_load_explicit(&syncer->tickets,
                                           memory_order_acquire);
    struct walpool__wal_mark mark;
    int64_t began;
    bool marked;
    int error;

    syncer->running = true;
    walpool__mutex_unlock(&syncer->mutex);
    marked = walpool__walindex_mark(syncer->walindex, &mark);
    began = walpool__clock_now();
    error = sync_file(syncer);
    walpool__histogram_record(&syncer->stats->sync_us,
                              (uint64_t)(walpool__clock_now() - began) / 1000);
    walpool__mutex_lock(&syncer->mutex);
    syncer->running = false;
    if (error && !is_shortage(error))
        walpool__poison_set(syncer->poison, WALPOOL__POISON_SYNC, error);
    else if (!error && covers > syncer->synced)
        syncer->synced = covers;
    if (!error && marked) {
        syncer->mark = mark;
        syncer->marked = true;
    }
    walpool__cond_broadcast(&syncer->changed);
    return error;
}

void
walpool__syncer_flush(struct walpool__syncer *syncer)
{
    int error = 0;

    walpool__mutex_lock(&syncer->mutex);
    while (syncer->running)
        walpool__cond_wait(&syncer->changed, &syncer->mutex, WALPOOL__NEVER);
    if (syncer->synced < atomic_load(&syncer->tickets) && !has_failed(syncer))
        error = sync_now(syncer);
    if (error) /* who comes now must not try again */
        walpool__poison_set(syncer->poison, WALPOOL__POISON_SYNC, error);
    walpool__mutex_unlock(&syncer->mutex);
}

static walpool_status
no_descriptor(int error, const char *lost, walpool_error *err)
{
    walpool__error_set(err, WALPOOL_IO, "cannot open the WAL to sync it (%s): "
                       "%s", strerror(error), lost);
    if (err)
        err->system_errno = error;
    return WALPOOL_IO;
}

static walpool_status
not_covered(struct walpool__syncer *syncer, enum walpool__stake stake,
            int error, struct walpool__call *call, walpool_error *err)
{
    const char *lost = stake == WALPOOL__STAKE_COMMIT
                           ? "the commit is visible, and may not survive a "
                             "power cut"
                           : "what was read may not survive a power cut";
    walpool_status status;

    if (has_failed(syncer))
        status = walpool__poison_refuse(syncer->poison, lost, err);
    else if (error)
        status = no_descriptor(error, lost, err);
    else
        status = walpool__call_stopped(call, "wait for the disk", lost, err);
    if (err && stake == WALPOOL__STAKE_COMMIT)
        err->outcome = WALPOOL_UNKNOWN;
    return status;
}

walpool_status
walpool__syncer_wait(struct walpool__syncer *syncer, uint64_t ticket,
                     enum walpool__stake stake, struct walpool__call *call,
                     walpool_error *err)
{
    int64_t deadline_ns = call->waits_only ? WALPOOL__NEVER : call->deadline_ns;
    bool stop = false;
    int error = 0;

    if (ticket == 0)
        return WALPOOL_OK;
    call->phase = WALPOOL_PHASE_SYNC;
    walpool__call_leave(call);
    walpool__mutex_lock(&syncer->mutex);
    while (syncer->synced < ticket && !has_failed(syncer) && !stop) {
        if (!syncer->running)
            stop = (error = sync_now(syncer)) != 0;
        else if (!(stop = !call->waits_only && walpool__call_must_stop(call)))
            walpool__cond_wait(&syncer->changed, &syncer->mutex, deadline_ns);
    }
    stop = syncer->synced < ticket;
    walpool__mutex_unlock(&syncer->mutex);
    return stop ? not_covered(syncer, stake, error, call, err) : WALPOOL_OK;
}
