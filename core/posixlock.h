/* POSIX locks: who holds them, as the kernel tells it. */
#ifndef WALPOOL_POSIXLOCK_H
#define WALPOOL_POSIXLOCK_H

#include "fsinfo.h"

/* Find the descriptors of this process that are open on the file, at most
 * `room` of them. Returns how many there are at `fds`. */
size_t walpool__posixlock_descriptors(const struct walpool__file_id *id,
                                      int *fds, size_t room);

/* Find the one by which this process has a lock on the byte. */
bool walpool__posixlock_find(const struct walpool__file_id *id, int64_t byte,
                             int *fd);

/* In place of a process id. */
#define WALPOOL__POSIXLOCK_NOBODY 0
#define WALPOOL__POSIXLOCK_UNKNOWN (-1)

/* Which process has a lock on these bytes, this one or another? Where several
 * share it the kernel names the one that has had locks for longest. */
int64_t walpool__posixlock_holder(int fd, int64_t start, int64_t bytes);

/* Which process, this one or another, shares a lock on the byte? NOBODY also
 * where one has it alone, or the system cannot tell. */
int64_t walpool__posixlock_sharer(int fd, int64_t byte);

/* Which other process has one? `alone`: one that it does not share. */
int64_t walpool__posixlock_other(int fd, int64_t start, int64_t bytes,
                                 bool alone);

enum walpool__posixlock_listing {
    WALPOOL__POSIXLOCK_LISTED,
    WALPOOL__POSIXLOCK_NOT_LISTED,
    WALPOOL__POSIXLOCK_NO_LIST
};

/* Is the byte under one of the locks that this process has taken through `fd`?
 * Ten times as slow as the questions above, and sure also where several
 * processes share the lock. */
enum walpool__posixlock_listing walpool__posixlock_listed(int fd, int64_t byte);

/* Take one byte for this process alone. 0, or EAGAIN if another one has it, or
 * another errno. */
int walpool__posixlock_take(int fd, int64_t byte);

/* "process 12 (name)"; `pid` is one. */
void walpool__posixlock_name(int64_t pid, char *dst, size_t bytes);

#endif
