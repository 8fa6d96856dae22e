/* Side lock: locks that processes take in turns, on a file of its own. */
#ifndef WALPOOL_SIDELOCK_H
#define WALPOOL_SIDELOCK_H

#include "base.h"

/* Open `<database>-turn`, making it with the database's mode and owner if it
 * is missing. Returns the descriptor, or -1 with errno. */
int walpool__sidelock_open(const char *path, const char *database);
void walpool__sidelock_close(int fd); /* gives the lock back, too */

enum walpool__sidelock_byte {
    WALPOOL__SIDELOCK_TURN, /* who has it may write */
    WALPOOL__SIDELOCK_QUEUE, /* who has it is the next */
    WALPOOL__SIDELOCK_COPY, /* who has it may copy frames into the database */
    WALPOOL__SIDELOCK_LINE  /* shared by all who wait to be the next */
};

/* Take it if it is free. 0, or EAGAIN, or another errno: ENOTSUP for COPY where
 * the system has no open-file-description locks. */
int walpool__sidelock_try(int fd, enum walpool__sidelock_byte byte);

/* Sleep in the kernel until it is ours. 0 or an errno. */
int walpool__sidelock_wait(int fd, enum walpool__sidelock_byte byte);

void walpool__sidelock_give(int fd, enum walpool__sidelock_byte byte);

/* Stand in line, until LINE is given back. */
void walpool__sidelock_join(int fd);

/* Has another one this lock, or a share in it? False where the system has no
 * such locks. */
bool walpool__sidelock_is_others(int fd, enum walpool__sidelock_byte byte);

#endif
