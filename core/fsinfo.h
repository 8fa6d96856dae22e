/* Files: what lies at a path, before SQLite touches it. */
#ifndef WALPOOL_FSINFO_H
#define WALPOOL_FSINFO_H

#include "base.h"

#define WALPOOL__PATH_BYTES 4096

struct walpool__file_id {
    uint64_t device, inode;
};

struct walpool__place {
    char path[WALPOOL__PATH_BYTES]; /* absolute, links resolved */
    struct walpool__file_id id;
    bool created;
};

/* Find the file, create it with `permissions` if it may be missing, and see
 * that it is a regular one with one name. Never opens a file that exists. */
walpool_status walpool__fsinfo_place(const char *path, bool may_create,
                                     int permissions,
                                     struct walpool__place *place,
                                     walpool_error *err);

/* The same of a path where no file need be: resolve its folder, and keep the
 * last part as it is. CANTOPEN: no folder, or a path too long for SQLite. */
walpool_status
walpool__fsinfo_new_path(const char *path, char resolved[WALPOOL__PATH_BYTES],
                         walpool_error *err);

/* Which file lies at the path, or is open as `fd`? False: none. */
bool walpool__fsinfo_id_at(const char *path, struct walpool__file_id *id);
bool walpool__fsinfo_facts_at(const char *path, struct walpool__file_id *id,
                              int64_t *bytes);
bool walpool__fsinfo_id_of(int fd, struct walpool__file_id *id);

/* Has the file that is open as `fd` no name any more? */
bool walpool__fsinfo_is_unlinked(int fd);

static inline bool
walpool__fsinfo_is_same(const struct walpool__file_id *a,
                        const struct walpool__file_id *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* Size of the file, or 0 if it does not exist. */
int64_t walpool__fsinfo_size(const char *path);

/* Bytes that may still be written to the file system where the file lies, or -1
 * if it cannot tell. */
int64_t walpool__fsinfo_free(const char *path);

#endif
