/* Holders: which processes have locks on a file that this one does not use. */
#ifndef CLI_HOLDERS_H
#define CLI_HOLDERS_H

#include "fsinfo.h"

#define CLI_HOLDERS_MAX 16

/* The processes that have one lock; those beyond the room are counted only. */
struct cli_holders {
    int64_t pids[CLI_HOLDERS_MAX];
    int count;
    bool unnamed; /* somebody whose number is not to be had here */
    bool alone;   /* the lock is not shared */
    bool partial; /* others may share it that are not told */
};

static inline bool
cli_holders_is_held(const struct cli_holders *holders)
{
    return holders->count > 0 || holders->unnamed;
}

bool cli_holders_has(const struct cli_holders *holders, int64_t pid);

/* All locks of the machine, as the kernel lists them. */
struct cli_locklist;

/* NULL: out of memory. Where the system has no such list it is empty. */
struct cli_locklist *cli_locklist_read(void);
void cli_locklist_free(struct cli_locklist *list);

/* Who has a lock on the byte of the file that is open as `fd`? */
void cli_holders_of(const struct cli_locklist *list, int fd, int64_t byte,
                    struct cli_holders *holders);

#endif
