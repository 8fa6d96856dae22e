/* Target: the file that a copy of a database becomes. */
#ifndef WALPOOL_TARGET_H
#define WALPOOL_TARGET_H

#include "fsinfo.h"

#define WALPOOL__PARTIAL_SUFFIX ".walpool-partial"

struct walpool__target {
    char path[WALPOOL__PATH_BYTES];    /* absolute; its folder has no links */
    char partial[WALPOOL__PATH_BYTES]; /* where the copy grows */
    bool replace; /* a file at the path may be replaced */
    int fd;       /* of the partial file, which it locks; -1: there is none */
    struct walpool__file_id id; /* of the partial file */
};

/* See that `bytes` fit into the folder of `path`: FULL otherwise. A file system
 * that does not tell is believed to have room. */
walpool_status walpool__target_room(const char *path, int64_t bytes,
                                    const char *doing, walpool_error *err);

/* Refuse what must not be overwritten, see that there is room, and make an
 * empty partial file with the permissions of `database`. On failure there is
 * none. */
walpool_status walpool__target_open(struct walpool__target *target,
                                    const char *to, const char *database,
                                    bool replace, int64_t bytes,
                                    walpool_error *err);

/* Have the partial file on the disk and at the path, by one rename. On failure
 * it is not there, unless the outcome is UNKNOWN. Ends the target. */
walpool_status walpool__target_place(struct walpool__target *target,
                                     walpool_error *err);

/* Remove the partial file, if there is one. */
void walpool__target_discard(struct walpool__target *target);

#endif
