/* File-system class: on what kind of file system does a path lie? */
#ifndef WALPOOL_FSCLASS_H
#define WALPOOL_FSCLASS_H

#include "base.h"

struct walpool__fs {
    enum walpool_fs_class is;
    char type[32]; /* as the system names it, "ext4" or "fuse.sshfs"; or "" */
};

/* Find the place of an absolute path without links in the text of a mount
 * table (Linux, /proc/self/mountinfo). False: the table does not say. */
bool walpool__fsclass_in_table(const char *table, const char *path,
                               struct walpool__fs *fs);

/* The same, as the system tells it; UNKNOWN where it does not. */
void walpool__fsclass_of(const char *path, struct walpool__fs *fs);

/* "local", "network" and so on: static, never NULL. */
const char *walpool__fsclass_name(enum walpool_fs_class is);

/* Can processes use a WAL there without harm? Fails with UNSUPPORTED where
 * they cannot, unless `allowed`. */
walpool_status walpool__fsclass_check(const struct walpool__fs *fs,
                                      const char *path, bool allowed,
                                      walpool_error *err);

#endif
