/* Backup run: a caller's backup, from its start to its finish.
 *
 * Its connection is none of the pool's, so no reader waits for it; it is on the
 * roster of those that a close waits for, and its tag is set for as long as it
 * has a snapshot.
 *
 * Does: check what was asked, give the backup a handle, let one step in at a
 * time.
 * Must not: copy, or touch files: backup.c and target.c do.
 * Lock: none; whoever has set `busy` is the only one to touch the rest. */
#include "backup.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "mem.h"
#include "txn.h"

#define KNOWN_FLAGS                                           \
    (WALPOOL_BACKUP_REPLACE | WALPOOL_BACKUP_FULL_CHECK |     \
     WALPOOL_BACKUP_NO_CHECK)

struct run {
    atomic_bool busy; /* a call is on it; who sets this owns the rest */
    walpool *db_handle; /* pinned until the finish, and db with it */
    struct walpool__db *db;
    struct walpool__member member; /* of db->roster */
    struct walpool__backup backup;
    walpool_status failed; /* for good, or OK */
    bool ended;
};

/* --------------------------------------------------------------- starting */

static walpool_status
check_flags(int32_t flags, walpool_error *err)
{
    int32_t both = WALPOOL_BACKUP_FULL_CHECK | WALPOOL_BACKUP_NO_CHECK;

    if (flags & ~KNOWN_FLAGS)
        return walpool__error_set(err, WALPOOL_MISUSE, "flags of the backup "
                                  "are %#x: use only WALPOOL_BACKUP_*",
                                  (unsigned)flags);
    if ((flags & both) == both)
        return walpool__error_set(err, WALPOOL_MISUSE, "flags of the backup "
                                  "ask for a full check and for none");
    return WALPOOL_OK;
}

/* Open a connection of its own, and take the snapshot. */
static struct walpool__conn *
open_source(struct run *run, struct walpool__call *call, walpool_error *err,
            walpool_status *status)
{
    struct walpool__db *db = run->db;
    struct walpool__wal_state state = {0, 0};
    struct walpool__conn *source;
    bool known;

    *status = walpool__db_must_be_the_file(db, err);
    if (*status != WALPOOL_OK)
        return NULL;
    source = walpool__conn_open(db->path, &db->options, WALPOOL__CONN_READER,
                                &db->stats, call, err, status);
    if (!source)
        return NULL;
    source->call = call;
    known = walpool__walindex_read(&db->walindex, &state);
    *status = walpool__txn_begin_read(source, err);
    if (*status == WALPOOL_OK) {
        walpool__tag_set(&run->member.tag, call->why, call->started_ns);
        walpool__tag_keep(&run->member.tag, WALPOOL_HOLDER_BACKUP,
                          known ? (int64_t)state.frames : -1,
                          db->options.lease_trace);
        return source;
    }
    walpool__conn_close(source);
    return NULL;
}

static walpool_status
begin(struct run *run, const char *to, int32_t flags,
      struct walpool__call *call, walpool_error *err)
{
    walpool_status status;
    struct walpool__conn *source;

    walpool__call_leave(call);
    source = open_source(run, call, err, &status);
    if (!source)
        return status;
    status = walpool__backup_open(&run->backup, source, to, flags, err);
    if (status == WALPOOL_OK)
        source->call = NULL;
    return status;
}

static void
destroy(void *run)
{
    walpool__mem_free(run);
}

/* On the roster, so that a close waits. NULL: see *status. */
static struct run *
make(struct walpool__db *db, walpool *handle, struct walpool__call *call,
     walpool_error *err, walpool_status *status)
{
    struct run *run = walpool__mem_zalloc(sizeof *run);

    if (!run) {
        *status = walpool__error_nomem(err, "a backup");
        return NULL;
    }
    run->db = db;
    run->db_handle = handle;
    call->why = call->why ? call->why : "backup";
    if (walpool__roster_join(&db->roster, &run->member, call->why,
                             call->started_ns))
        return run;
    call->stopped = WALPOOL_CLOSED;
    *status = walpool__call_stopped(call, "back up", "", err);
    walpool__mem_free(run);
    return NULL;
}

static walpool_backup *
start(struct walpool__db *db, walpool *handle, const char *to, int32_t flags,
      struct walpool__call *call, walpool_error *err, walpool_status *status)
{
    walpool_backup *made = NULL;
    struct run *run = make(db, handle, call, err, status);

    if (!run)
        return NULL;
    *status = begin(run, to, flags, call, err);
    if (*status == WALPOOL_OK) {
        made = walpool__handle_open(WALPOOL__HANDLE_BACKUP, run, destroy);
        if (made) {
            walpool__stats_add(&db->stats.backups_running, 1);
            return made;
        }
        *status = walpool__error_nomem(err, "a backup");
        walpool__backup_close(&run->backup);
    }
    walpool__roster_leave(&db->roster, &run->member);
    walpool__mem_free(run);
    return NULL;
}

walpool_backup *
walpool_backup_start(walpool *handle, const char *to, int32_t flags,
                     const walpool_call *asked, walpool_error *err)
{
    struct walpool__call call;
    walpool_backup *made = NULL;
    walpool_status status = check_flags(flags, err);
    struct walpool__db *db;

    if (status != WALPOOL_OK)
        return NULL;
    db = walpool__db_enter(handle, &call, asked, err, &status);
    if (!db)
        return NULL;
    status = walpool__call_check_durability(&call, 0, "a backup", err);
    if (status == WALPOOL_OK)
        made = start(db, handle, to, flags, &call, err, &status);
    if (!made)
        walpool__db_exit(db, handle, &call, status);
    else
        walpool__call_end(&call); /* the database stays pinned */
    return made;
}

/* ------------------------------------------------------------------ steps */

/* Pin the backup and keep others out. */
static struct run *
enter(walpool_backup *handle, walpool_error *err, walpool_status *status)
{
    struct run *run = walpool__handle_pin(WALPOOL__HANDLE_BACKUP, handle, err,
                                          status);

    if (!run)
        return NULL;
    if (atomic_exchange_explicit(&run->busy, true, memory_order_acquire)) {
        *status = walpool__error_set(err, WALPOOL_BUSY, "another call is "
                                     "running on this backup");
        walpool__handle_unpin(handle);
        return NULL;
    }
    if (!run->ended)
        return run;
    atomic_store_explicit(&run->busy, false, memory_order_release);
    *status = walpool__error_set(err, WALPOOL_CLOSED, "the backup is finished");
    walpool__handle_unpin(handle);
    return NULL;
}

static void
leave(struct run *run, walpool_backup *handle)
{
    atomic_store_explicit(&run->busy, false, memory_order_release);
    walpool__handle_unpin(handle);
}

static walpool_status
check_step(const struct run *run, int32_t pages, walpool_error *err)
{
    if (pages < 1 && pages != -1)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "pages is %d: give 1 or more, or -1 for all",
                                  (int)pages);
    if (run->failed != WALPOOL_OK)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "the backup has failed (%s): finish it, and "
                                  "start another",
                                  walpool_status_name(run->failed));
    return WALPOOL_OK;
}

/* The snapshot and the partial file are of no use to a backup that failed. */
static void
note(struct run *run, walpool_status status)
{
    if (status != WALPOOL_OK && status != WALPOOL_TIMEOUT &&
        status != WALPOOL_CANCELLED) {
        run->failed = status;
        walpool__backup_close(&run->backup);
    }
    if (!run->backup.source)
        walpool__tag_clear(&run->member.tag);
}

static walpool_status
step(struct run *run, int32_t pages, struct walpool__call *call,
     walpool_backup_progress *out, walpool_error *err)
{
    struct walpool__backup *backup = &run->backup;
    bool before = backup->progress.phase != WALPOOL_BACKUP_DONE;
    walpool_status status;

    walpool__call_leave(call);
    if (backup->source)
        backup->source->call = call;
    status = walpool__backup_step(backup, pages, call, err);
    if (backup->source)
        backup->source->call = NULL;
    note(run, status);
    if (before && backup->progress.phase == WALPOOL_BACKUP_DONE)
        walpool__stats_add(&run->db->stats.backups, 1);
    if (out)
        *out = backup->progress;
    return status;
}

walpool_status
walpool_backup_step(walpool_backup *handle, int32_t pages,
                    const walpool_call *asked, walpool_backup_progress *out,
                    walpool_error *err)
{
    struct walpool__call call;
    walpool_status status;
    struct run *run = enter(handle, err, &status);

    if (!run)
        return status;
    status = check_step(run, pages, err);
    if (status == WALPOOL_OK)
        status = walpool__call_begin(&call, asked,
                                     run->db->options.busy_timeout_ms, err);
    if (status == WALPOOL_OK) {
        status = walpool__call_check_durability(&call, 0, "a backup", err);
        if (status == WALPOOL_OK)
            status = step(run, pages, &call, out, err);
        walpool__call_end(&call);
    }
    if (status != WALPOOL_OK)
        walpool__stats_failed(&run->db->stats, status);
    leave(run, handle);
    return status;
}

walpool_status
walpool_backup_finish(walpool_backup *handle, walpool_error *err)
{
    walpool_status status;
    struct run *run = enter(handle, err, &status);

    if (!run)
        return status;
    walpool__backup_close(&run->backup);
    walpool__tag_clear(&run->member.tag);
    run->ended = true;
    walpool__stats_add(&run->db->stats.backups_running, -1);
    walpool__roster_leave(&run->db->roster, &run->member);
    walpool__handle_unpin(run->db_handle);
    walpool__handle_close(handle);
    leave(run, handle);
    return WALPOOL_OK;
}
