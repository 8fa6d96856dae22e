/* Calls to the disk that fail at every place in turn: one fails, the 1st in
 * the first round, the 2nd in the next, until a round needs no more.
 *
 *   IOFAULT_EACH(fault, IOFAULT_ERROR, false) {
 *       iofault_arm(&fault);
 *       status = walpool_something();
 *       iofault_disarm(&fault);
 *       ... if fault.struck, fault.call on fault.file has failed
 *   }
 *
 * All of SQLite's calls count, and the syncs that walpool makes itself. */
#ifndef IOFAULT_H
#define IOFAULT_H

#include <errno.h>

#include "../core/api.h"
#include "shimvfs.h"

/* A sync by walpool's own descriptor, next to the calls of enum shim_call. */
#define IOFAULT_OWN_SYNC SHIM_CALLS

enum iofault_kind {
    IOFAULT_NONE,
    IOFAULT_ERROR, /* the system says EIO */
    IOFAULT_FULL,  /* a write finds no room */
    IOFAULT_BUSY   /* another process has the lock */
};

struct iofault {
    enum iofault_kind kind;
    bool lasts; /* from then on every such call fails, otherwise one */
    long nth;   /* call that fails, from 0 on */
    bool struck; /* it was reached in the last round ... */
    enum shim_call call; /* ... and was this one */
    enum shim_file file;
};

static struct {
    pthread_mutex_t mutex; /* guards the rest */
    struct iofault *now;   /* NULL: no call fails */
    long calls;            /* so many came since it was armed */
} iofault_state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* No other process keeps all readers out for as long as it likes. */
static inline bool
iofault_concerns(const struct iofault *fault, enum shim_call call)
{
    if (fault->kind == IOFAULT_FULL)
        return call == SHIM_WRITE;
    if (fault->kind == IOFAULT_BUSY)
        return call == SHIM_LOCK || call == SHIM_SHM_LOCK ||
               (call == SHIM_SHM_SHARE && !fault->lasts);
    return true;
}

/* How does this call fail now? */
static inline enum iofault_kind
iofault_strikes(enum shim_call call, enum shim_file file)
{
    static const int reasons[] = {[IOFAULT_ERROR] = EIO,
                                  [IOFAULT_FULL] = ENOSPC,
                                  [IOFAULT_BUSY] = EAGAIN};
    enum iofault_kind kind = IOFAULT_NONE;
    pthread_mutex_lock(&iofault_state.mutex);
    struct iofault *now = iofault_state.now;
    if (now != NULL && iofault_concerns(now, call)) {
        if (now->struck) {
            if (now->lasts && call == now->call && file == now->file)
                kind = now->kind;
        } else if (iofault_state.calls++ == now->nth) {
            now->struck = true;
            now->call = call;
            now->file = file;
            kind = now->kind;
        }
    }
    pthread_mutex_unlock(&iofault_state.mutex);
    if (kind != IOFAULT_NONE)
        errno = reasons[kind];
    return kind;
}

/* What SQLite's own VFS says when the call fails with EIO. */
static inline int
iofault_code(enum shim_call call)
{
    static const int codes[SHIM_CALLS] = {
        [SHIM_OPEN] = SQLITE_CANTOPEN,
        [SHIM_DELETE] = SQLITE_IOERR_DELETE,
        [SHIM_ACCESS] = SQLITE_IOERR_ACCESS,
        [SHIM_FULL_PATHNAME] = SQLITE_CANTOPEN,
        [SHIM_READ] = SQLITE_IOERR_READ,
        [SHIM_WRITE] = SQLITE_IOERR_WRITE,
        [SHIM_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
        [SHIM_SYNC] = SQLITE_IOERR_FSYNC,
        [SHIM_FILE_SIZE] = SQLITE_IOERR_FSTAT,
        [SHIM_LOCK] = SQLITE_IOERR_LOCK,
        [SHIM_UNLOCK] = SQLITE_IOERR_UNLOCK,
        [SHIM_CHECK_RESERVED] = SQLITE_IOERR_CHECKRESERVEDLOCK,
        [SHIM_FILE_CONTROL] = SQLITE_IOERR,
        [SHIM_SHM_MAP] = SQLITE_IOERR_SHMMAP,
        [SHIM_SHM_LOCK] = SQLITE_IOERR_SHMLOCK,
        [SHIM_SHM_SHARE] = SQLITE_IOERR_SHMLOCK,
    };
    return codes[call];
}

/* Called before each call to the disk, if a test wants it. */
static void (*iofault_look)(enum shim_call call);

static inline int
iofault_fail(enum shim_call call, enum shim_file file)
{
    if (iofault_look != NULL)
        iofault_look(call);
    switch (iofault_strikes(call, file)) {
    case IOFAULT_ERROR:
        return iofault_code(call);
    case IOFAULT_FULL:
        return SQLITE_FULL;
    case IOFAULT_BUSY:
        return SQLITE_BUSY;
    default:
        return SQLITE_OK;
    }
}

/* No round cuts the power: the disk is not waited for. */
static inline int
iofault_sync(void)
{
    if (shim_is_inside())
        return 0;
    return iofault_strikes(IOFAULT_OWN_SYNC, SHIM_WAL) ? -1 : 0;
}

int
fsync(int fd)
{
    (void)fd;
    return iofault_sync();
}

int
fdatasync(int fd)
{
    (void)fd;
    return iofault_sync();
}

static inline bool
iofault_install(void)
{
    static const struct shim_hooks hooks = {.fail = iofault_fail};
    return shim_install(&hooks);
}

static inline bool
iofault_next(struct iofault *fault)
{
    fault->nth++;
    return fault->nth == 0 || fault->struck;
}

#define IOFAULT_EACH(name, kind, lasts) \
    for (struct iofault name = {(kind), (lasts), -1, false, 0, 0}; \
         iofault_next(&name);)

static inline void
iofault_arm(struct iofault *fault)
{
    pthread_mutex_lock(&iofault_state.mutex);
    fault->struck = false;
    iofault_state.now = fault;
    iofault_state.calls = 0;
    pthread_mutex_unlock(&iofault_state.mutex);
}

static inline void
iofault_disarm(void)
{
    pthread_mutex_lock(&iofault_state.mutex);
    iofault_state.now = NULL;
    pthread_mutex_unlock(&iofault_state.mutex);
}

static inline const char *
iofault_name(const struct iofault *fault)
{
    static char text[80];
    static const char *const kinds[] = {"none", "error", "no room", "busy"};
    snprintf(text, sizeof text, "round %ld: %s from %s of <db>%s%s",
             fault->nth, kinds[fault->kind],
             fault->call == IOFAULT_OWN_SYNC ? "OWN_SYNC"
                                             : shim_call_name(fault->call),
             shim_file_name(fault->file), fault->lasts ? " from then on" : "");
    return text;
}

/* CHECK, and tell which call it was that failed. */
#define IOFAULT_HOLDS(fault, holds)                                          \
    do {                                                                     \
        if (!(holds))                                                        \
            printf("# %s: status %s, outcome %d, code %d: %s\n",             \
                   iofault_name(fault), walpool_status_name(err.status),     \
                   err.outcome, err.sqlite_code, err.message);               \
        CHECK(holds);                                                        \
    } while (0)

static inline bool
iofault_was_sync(const struct iofault *fault)
{
    return fault->struck &&
           (fault->call == SHIM_SYNC || fault->call == IOFAULT_OWN_SYNC);
}

/* The failure of a call is one of those that the fault can be, and explains
 * itself. */
static inline void
iofault_expect_clear(struct iofault *fault, walpool_status status)
{
    IOFAULT_HOLDS(fault, fault->struck);
    IOFAULT_HOLDS(fault, err.status == (int32_t)status);
    IOFAULT_HOLDS(fault, strlen(err.message) > 20);
    if (status == WALPOOL_POISONED)
        IOFAULT_HOLDS(fault, iofault_was_sync(fault) && err.system_errno == EIO);
    else if (fault->kind == IOFAULT_FULL)
        IOFAULT_HOLDS(fault,
                      status == WALPOOL_FULL && err.system_errno == ENOSPC);
    else if (fault->kind == IOFAULT_BUSY)
        IOFAULT_HOLDS(fault, status == WALPOOL_TIMEOUT &&
                                 err.phase == WALPOOL_PHASE_LOCK);
    else
        IOFAULT_HOLDS(fault, (status == WALPOOL_IO ||
                              status == WALPOOL_CANTOPEN) &&
                                 err.sqlite_code != 0 &&
                                 err.system_errno == EIO);
}

#endif
