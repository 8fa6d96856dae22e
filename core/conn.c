/* Connection: one configured SQLite handle.
 *
 * While a call runs here, `call` points to it: the busy handler and the
 * progress handler ask it whether to go on. That is all there is to deadlines
 * and cancels inside SQLite: no signal, no sqlite3_interrupt() from another
 * thread, so none can arrive late and strike the next call.
 *
 * Does: open, configure, answer SQLite's questions. conn_run.c runs statements.
 * Must not: know pools or leases; start threads.
 * Lock: none; SQLite is opened without its mutex (NOMUTEX), because whoever
 * has a connection leased is its only user. */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "forks.h"
#include "mem.h"
#include "options.h"

/* Virtual-machine steps between two looks at the clock: some 10 to 50 us. */
#define STEPS_PER_TICK 1000
#define LOCK_NAP_US 1000

/* ------------------------------------------------------- SQLite calls us */

/* For health: since when, and that it is still so. */
static void
note_nap(struct walpool__stats *stats, int times)
{
    int64_t now = walpool__clock_now();

    walpool__stats_add(&stats->lock_waits, 1);
    if (times == 0)
        walpool__stats_set(&stats->lock_since_ns, now);
    walpool__stats_set(&stats->lock_newest_ns, now);
}

/* Another process has a lock: nap, as long as the call may wait. A constant
 * nap instead of SQLite's growing ones, which let newcomers win. */
static int
on_busy(void *arg, int times)
{
    struct walpool__conn *conn = arg;
    struct walpool__call *call = conn->call;

    if (conn->impatient) {
        /* SQLite would go on as a PASSIVE checkpoint, without the write lock:
         * before 3.51.3 that can corrupt the database. Interrupted, it stops
         * before it marks anything as copied. */
        sqlite3_interrupt(conn->db);
        return 0;
    }
    if (!call)
        return 0;
    call->phase = WALPOOL_PHASE_LOCK;
    if (walpool__call_must_stop(call))
        return 0;
    walpool__call_leave(call);
    note_nap(conn->stats, times);
    walpool__thread_nap_us(LOCK_NAP_US);
    return 1;
}

static int
on_progress(void *arg)
{
    struct walpool__conn *conn = arg;

    /* SQLite asks once more when a statement has done its work, and would
     * report a BEGIN or a commit that was made as interrupted. */
    if (conn->guard.off || conn->committing)
        return 0;
    if (conn->recall && UNLIKELY(walpool__recall_is_asked(conn->recall)))
        return 1;
    if (conn->hooks.progress && conn->hooks.progress(conn->hooks.data))
        return 1;
    if (!conn->call)
        return 0;
    conn->call->phase = WALPOOL_PHASE_EXECUTE;
    return walpool__call_tick(conn->call);
}

/* To undo the transaction SQLite tidies up the wal-index, which is no place
 * for two at a time. */
static void
take_write_lock_back(struct walpool__conn *conn)
{
    while (walpool__ownlocks_retake(conn->ownlocks) == EAGAIN && conn->call &&
           !walpool__call_must_stop(conn->call)) {
        walpool__call_leave(conn->call);
        walpool__thread_nap_us(LOCK_NAP_US);
    }
}

static bool
has_its_locks(struct walpool__conn *conn)
{
    int64_t now = conn->call ? conn->call->started_ns : walpool__clock_now();

    if (walpool__ownlocks_check(conn->ownlocks, now))
        return true;
    take_write_lock_back(conn);
    return false;
}

/* Poison may have come while the transaction was open. Writes to temporary and
 * attached databases only have other locks, and need no healthy disk. */
static bool
may_commit(void *arg)
{
    struct walpool__conn *conn = arg;

    if (!conn->ownlocks ||
        sqlite3_txn_state(conn->db, "main") != SQLITE_TXN_WRITE)
        return true;
    return has_its_locks(conn) &&
           !walpool__poison_is_set(conn->ownlocks->poison);
}

bool
walpool__conn_may_commit(struct walpool__conn *conn)
{
    return may_commit(conn);
}

/* Zero lets the commit go on, anything else undoes the transaction. */
static int
on_commit(void *arg)
{
    struct walpool__conn *conn = arg;

    conn->committing = true;
    if (conn->hooks.commit && conn->hooks.commit(conn->hooks.data))
        return 1;
    return !may_commit(conn);
}

/* Only store: the hook runs inside the statement that committed. */
static int
on_committed(void *arg, sqlite3 *db, const char *name, int frames)
{
    struct walpool__conn *conn = arg;

    (void)db;
    (void)name;
    conn->wal_frames = frames;
    return SQLITE_OK;
}

/* ---------------------------------------------------------------- opening */

/* A checkpoint writes by system calls: a mapped file brings it nothing, and
 * stretches the moment in which SQLite before 3.51.3 may miss a WAL reset. */
static int64_t
mmap_bytes(const walpool_options *options, enum walpool__conn_role role)
{
    return role == WALPOOL__CONN_CHECKPOINTER ? 0 : options->mmap_size_bytes;
}

static int
set_pragmas(struct walpool__conn *conn, const walpool_options *options,
            enum walpool__conn_role role)
{
    char sql[320];

    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_ENABLE_FKEY,
                      options->foreign_keys, NULL);
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (options->checkpoint_owner == WALPOOL__OWNER_EXTERNAL)
        walpool__conn_leave_wal(conn);
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous=NORMAL;PRAGMA cache_size=-%lld;"
             "PRAGMA temp_store=%s;PRAGMA mmap_size=%lld;"
             "PRAGMA journal_size_limit=%lld;PRAGMA query_only=%d",
             (long long)options->cache_size_kib,
             options->temp_store_memory ? "MEMORY" : "FILE",
             (long long)mmap_bytes(options, role),
             (long long)options->journal_size_limit_bytes,
             role == WALPOOL__CONN_READER);
    return sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
}

/* Ask for a journal mode; `is_wal` tells whether the answer was "wal". */
static int
ask_journal_mode(struct walpool__conn *conn, const char *sql, bool *is_wal)
{
    sqlite3_stmt *native = NULL;
    int rc = sqlite3_prepare_v2(conn->db, sql, -1, &native, NULL);

    *is_wal = false;
    if (rc == SQLITE_OK && sqlite3_step(native) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(native, 0);

        *is_wal = mode && strcmp(mode, "wal") == 0;
    }
    return rc == SQLITE_OK ? sqlite3_finalize(native) : rc;
}

static walpool_status
still_used(struct walpool__conn *conn, walpool_error *err)
{
    char held[128];

    walpool__ownlocks_name_blocker(conn->path, true, "uses the file",
                                   "another process uses the file", held,
                                   sizeof held);
    return walpool__call_stopped(conn->call, "open the database", held, err);
}

/* Switching to WAL fails at once, without the busy handler, while others use
 * the file in another mode: so the waiting is ours. */
static walpool_status
prove_wal(struct walpool__conn *conn, bool may_switch, walpool_error *err)
{
    const char *sql = may_switch ? "PRAGMA journal_mode=WAL"
                                 : "PRAGMA journal_mode";
    bool is_wal;

    for (;;) {
        int rc = ask_journal_mode(conn, sql, &is_wal);

        if (rc == SQLITE_OK && is_wal)
            return WALPOOL_OK;
        if (rc == SQLITE_OK)
            return walpool__error_set(
                err, WALPOOL_NOTWAL,
                may_switch ? "%s stays out of WAL: this file system or SQLite "
                             "does not support it"
                           : "%s is not in WAL: open it once for writing",
                conn->path);
        if ((rc & 0xff) != SQLITE_BUSY)
            return walpool__conn_error(conn, rc, "open the database", err);
        conn->call->phase = WALPOOL_PHASE_LOCK;
        if (walpool__call_must_stop(conn->call))
            return still_used(conn, err);
        walpool__call_leave(conn->call);
        walpool__thread_nap_us(LOCK_NAP_US);
    }
}

static void
install(struct walpool__conn *conn, const walpool_options *options)
{
    sqlite3_extended_result_codes(conn->db, 1);
    sqlite3_busy_handler(conn->db, on_busy, conn);
    sqlite3_progress_handler(conn->db, STEPS_PER_TICK, on_progress, conn);
    sqlite3_commit_hook(conn->db, on_commit, conn);
    sqlite3_wal_hook(conn->db, on_committed, conn); /* replaces the automatic
                                                       checkpoint */
    walpool__stmt_cache_init(&conn->cache, conn->db, options->statement_cache,
                             conn->stats);
}

static walpool_status
configure(struct walpool__conn *conn, const walpool_options *options,
          enum walpool__conn_role role, walpool_error *err)
{
    bool may_switch = role == WALPOOL__CONN_WRITER && options->mode != 2;
    walpool_status status;
    int rc;

    install(conn, options);
    status = prove_wal(conn, may_switch, err);
    if (status != WALPOOL_OK)
        return status;
    /* SQLite opens a file for reading if it may not be written. */
    if (role != WALPOOL__CONN_READER && options->mode != 2 &&
        sqlite3_db_readonly(conn->db, "main"))
        return walpool__error_set(err, WALPOOL_READONLY,
                                  "cannot open the database: the file may not "
                                  "be written, or has a newer format: open it "
                                  "with mode=ro");
    rc = set_pragmas(conn, options, role);
    if (rc != SQLITE_OK)
        return walpool__conn_error(conn, rc, "configure a connection", err);
    if (role == WALPOOL__CONN_PRIVATE)
        walpool__guard_install_private(&conn->guard, conn->db,
                                       options->allow_attach);
    else
        walpool__guard_install(&conn->guard, conn->db, options->allow_attach);
    conn->guard.watch = may_commit;
    conn->guard.watch_data = conn;
    return WALPOOL_OK;
}

struct walpool__conn *
walpool__conn_open(const char *path, const walpool_options *options,
                   enum walpool__conn_role role, struct walpool__stats *stats,
                   struct walpool__call *call, walpool_error *err,
                   walpool_status *status)
{
    struct walpool__conn *conn = walpool__mem_zalloc(sizeof *conn);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int rc;

    if (!conn) {
        *status = walpool__error_nomem(err, "a connection");
        return NULL;
    }
    conn->path = path;
    conn->stats = stats;
    conn->call = call;
    flags |= options->mode == 2 ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    walpool__forks_watch();
    rc = sqlite3_open_v2(path, &conn->db, flags, NULL);
    *status = rc == SQLITE_OK
                  ? configure(conn, options, role, err)
                  : walpool__conn_error(conn, rc, "open the database", err);
    conn->call = NULL;
    if (*status == WALPOOL_OK)
        return conn;
    walpool__error_prefix(err, "%.200s: ", path);
    walpool__conn_close(conn);
    return NULL;
}

/* Somebody outside may have statements that are not finalized: then SQLite
 * keeps the connection until they are, and must not call us any more. */
static void
let_go(sqlite3 *db)
{
    sqlite3_set_authorizer(db, NULL, NULL);
    sqlite3_busy_handler(db, NULL, NULL);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    sqlite3_commit_hook(db, NULL, NULL);
    sqlite3_wal_hook(db, NULL, NULL);
    sqlite3_close_v2(db);
}

void
walpool__conn_close(struct walpool__conn *conn)
{
    int rc;

    if (!conn)
        return;
    walpool__stmt_cache_finish(&conn->cache);
    for (size_t i = 0; i < ARRAY_COUNT(conn->own); i++)
        sqlite3_finalize(conn->own[i]);
    rc = sqlite3_close(conn->db);
    INVARIANT(rc == SQLITE_OK || conn->lent);
    if (UNLIKELY(rc != SQLITE_OK))
        let_go(conn->db);
    walpool__mem_free(conn);
}

void
walpool__conn_set_hooks(struct walpool__conn *conn, const walpool_hooks *hooks)
{
    conn->hooks = *hooks;
    conn->guard.authorize = hooks->authorize;
    conn->guard.authorize_data = hooks->data;
    /* So SQLite has the new one judge what is prepared already. */
    walpool__guard_install_private(&conn->guard, conn->db,
                                   conn->guard.allow_attach);
}
