/* Own locks: does this process have the locks that SQLite took for it? */
#ifndef WALPOOL_OWNLOCKS_H
#define WALPOOL_OWNLOCKS_H

#include "fsinfo.h"
#include "poison.h"
#include "stats.h"
#include "thread.h"
#include "watch.h"

struct walpool__lockfile {
    struct walpool__file_id id;
    int fd;     /* SQLite's, or another one of this process; never closed */
    bool first; /* the kernel names this process, not one that shares the
                   lock with it */
};

struct walpool__ownlocks {
    struct walpool__poison *poison; /* borrowed; set when one is lost */
    struct walpool__stats *stats;
    struct walpool__watch *watch;   /* borrowed, or NULL; looks on, too */
    bool recent; /* the check before this commit was a thorough one; belongs to
                    whoever has the writer */
    struct walpool__mutex mutex; /* guards the rest, and the descriptors
                                    against being closed by SQLite */
    struct walpool__lockfile file, shm;
    int64_t pid, due_ns;
    bool on;     /* false: not attached, or this system cannot tell */
    bool lists;  /* the kernel lists the locks of a descriptor */
};

void walpool__ownlocks_init(struct walpool__ownlocks *own,
                            struct walpool__poison *poison,
                            struct walpool__stats *stats);
void walpool__ownlocks_finish(struct walpool__ownlocks *own);

/* The database at `path` was opened and read, so SQLite has its locks. */
void walpool__ownlocks_attach(struct walpool__ownlocks *own, const char *path);

/* SQLite is about to close its descriptors. */
void walpool__ownlocks_detach(struct walpool__ownlocks *own);

/* In a write transaction that is about to commit. False: a lock is lost, and
 * the database poisoned. */
bool walpool__ownlocks_check(struct walpool__ownlocks *own, int64_t now_ns);

/* After that commit, which took a while. */
bool walpool__ownlocks_check_again(struct walpool__ownlocks *own);

/* At any time: the locks that SQLite has while the file is open. */
bool walpool__ownlocks_check_open(struct walpool__ownlocks *own);

/* The write lock is lost: take it, so that SQLite can undo the transaction
 * undisturbed. 0, or EAGAIN: another process has it; or another errno. */
int walpool__ownlocks_retake(struct walpool__ownlocks *own);

bool walpool__ownlocks_is_on(struct walpool__ownlocks *own);

/* The other process that has SQLite's write lock, or 0. */
int64_t walpool__ownlocks_writer(struct walpool__ownlocks *own);

/* Who has the write lock: "process 12 (name) <does>", or `otherwise` where
 * nobody is found. `idle`: walpool's writer has it not, so that another
 * connection of this process can be told. */
void walpool__ownlocks_name_writer(struct walpool__ownlocks *own, bool idle,
                                   const char *does, const char *otherwise,
                                   char *dst, size_t bytes);

/* The same for a database that this process is just opening. `uses`: a process
 * that has it open counts, too, not only one that keeps readers out. */
void walpool__ownlocks_name_blocker(const char *path, bool uses,
                                    const char *does, const char *otherwise,
                                    char *dst, size_t bytes);

#endif
