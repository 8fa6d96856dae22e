/* Poison: why a database must not be written any more.
 *
 * There are failures after which nobody knows what a further write would do.
 * They are kept here for as long as the database is open: who is about to
 * write asks, and reads go on.
 *
 * Does: remember reasons, put them into words.
 * Must not: find out about them, or forget one.
 * Lock: none; every field is atomic, and only ever set. */
#include "poison.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

static const char *const locks[WALPOOL__POISON_SYNC] = {
    [WALPOOL__POISON_WRITE_LOCK] = "SQLite's write lock",
    [WALPOOL__POISON_FILE_LOCK] = "SQLite's lock on the database file",
    [WALPOOL__POISON_SHM_LOCK] = "SQLite's lock on the -shm file",
};

/* What was found in the files themselves. */
static const char *const findings[] = {
    "the database file was moved, replaced or removed while it was open, and "
    "what is written now would be lost: put the right file there, with its own "
    "-wal or none, then close the database and open it anew",
    "the database file was cut to nothing while it was open: keep a copy of its "
    "-wal file, close the database, restore a backup, then open it anew",
    "the -wal or -shm file was removed or replaced while the database was open, "
    "and its commits are %s: close the database and open it anew; never remove "
    "these files",
    "SQLite has found the file damaged, and a write would spread it: keep a "
    "copy of the file and its -wal, look with `walpool check`, restore a "
    "backup or use .recover of the sqlite3 shell, then open the database anew",
    "the -wal file was cut short behind SQLite's back, and commits in it are "
    "lost: find out by whom, keep a copy of the file and its -wal, then close "
    "the database and open it anew: it has what was left",
    "SQLite's WAL-reset bug has struck: frames count as checkpointed that are "
    "not, and the next checkpoint loses them: end all processes that use the "
    "database, copy it and its -wal, then open it anew, which reads the WAL",
};

bool
walpool__poison_set(struct walpool__poison *poison,
                    enum walpool__poison_reason reason, int error)
{
    uint32_t bit = UINT32_C(1) << reason;
    int none = 0;

    if (error)
        atomic_compare_exchange_strong(&poison->error, &none, error);
    return !(atomic_fetch_or_explicit(&poison->reasons, bit,
                                      memory_order_acq_rel) & bit);
}

bool
walpool__poison_has(const struct walpool__poison *poison,
                    enum walpool__poison_reason reason)
{
    return atomic_load_explicit(&poison->reasons, memory_order_acquire) >>
               reason & 1;
}

bool
walpool__poison_is_only(const struct walpool__poison *poison,
                        enum walpool__poison_reason reason)
{
    return atomic_load_explicit(&poison->reasons, memory_order_acquire) ==
           UINT32_C(1) << reason;
}

void
walpool__poison_explain(const struct walpool__poison *poison, char *dst,
                        size_t bytes)
{
    int reason = 0;

    while (reason < WALPOOL__POISON_REASONS &&
           !walpool__poison_has(poison, reason))
        reason++;
    dst[0] = '\0';
    if (reason == WALPOOL__POISON_SYNC)
        snprintf(dst, bytes,
                 "a sync of the WAL failed (%.60s), and what the disk has is "
                 "not known: stop writing, see to the disk, then close the "
                 "database and open it anew",
                 strerror(atomic_load(&poison->error)));
    else if (reason < WALPOOL__POISON_SYNC)
        snprintf(dst, bytes,
                 "%s is lost: code of this process has opened and closed a "
                 "file of the database, which drops all locks "
                 "(sqlite.org/howtocorrupt.html 2.2): stop it, then close the "
                 "database and open it anew", locks[reason]);
    else if (reason == WALPOOL__POISON_SIDECAR)
        snprintf(dst, bytes, findings[reason - WALPOOL__POISON_MOVED],
                 atomic_load(&poison->saved)
                     ? "saved in the database file"
                     : "not in the database file yet");
    else if (reason < WALPOOL__POISON_REASONS)
        snprintf(dst, bytes, "%s", findings[reason - WALPOOL__POISON_MOVED]);
}

walpool_status
walpool__poison_refuse(const struct walpool__poison *poison, const char *what,
                       walpool_error *err)
{
    char why[256];

    walpool__poison_explain(poison, why, sizeof why);
    walpool__error_set(err, WALPOOL_POISONED, "%s: %s", what, why);
    if (err)
        err->system_errno = atomic_load(&poison->error);
    return WALPOOL_POISONED;
}
