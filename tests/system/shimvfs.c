/* A VFS between SQLite and the system's own.
 *
 * Does: pass on, tell the hooks.
 * Must not: change what a call does, unless a hook fails it.
 * Lock: none; watch and hooks are set while SQLite has no watched file open. */
#include "shimvfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an open file's pMethods points to. */
struct methods {
    sqlite3_io_methods own;         /* first: SQLite sees this */
    const sqlite3_io_methods *real; /* the system's */
    enum shim_file kind;
};

static sqlite3_vfs shim;
static sqlite3_vfs *system_vfs;
static struct shim_hooks hooks;
static char watched[4096];
static _Thread_local int depth;

bool
shim_is_inside(void)
{
    return depth > 0;
}

const char *
shim_call_name(enum shim_call call)
{
    static const char *const names[] = {
#define SHIM_CALL_NAME(name) #name,
        SHIM_CALLS_LIST(SHIM_CALL_NAME)
#undef SHIM_CALL_NAME
    };
    return call < SHIM_CALLS ? names[call] : "?";
}

const char *
shim_file_name(enum shim_file file)
{
    static const char *const suffixes[] = {"", "-wal", "-journal"};
    return suffixes[file];
}

static int
fails(enum shim_call call, enum shim_file kind)
{
    return hooks.fail ? hooks.fail(call, kind) : SQLITE_OK;
}

static struct methods *
methods_of(sqlite3_file *file)
{
    return (struct methods *)(uintptr_t)file->pMethods;
}

/* Pass a call on. The real methods never look at pMethods, so it stays. */
#define PASS_ON(call, file, method, ...)                                     \
    struct methods *methods = methods_of(file);                              \
    int rc = fails(call, methods->kind);                                     \
    if (rc == SQLITE_OK) {                                                   \
        depth++;                                                             \
        rc = methods->real->method(__VA_ARGS__);                             \
        depth--;                                                             \
    }

static int
on_close(sqlite3_file *file)
{
    struct methods *methods = methods_of(file);
    int rc;

    depth++;
    rc = methods->real->xClose(file);
    depth--;
    file->pMethods = NULL;
    free(methods);
    return rc;
}

static int
on_read(sqlite3_file *file, void *data, int bytes, sqlite3_int64 offset)
{
    PASS_ON(SHIM_READ, file, xRead, file, data, bytes, offset)
    return rc;
}

static int
on_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 offset)
{
    PASS_ON(SHIM_WRITE, file, xWrite, file, data, bytes, offset)
    if (rc == SQLITE_OK && hooks.wrote)
        hooks.wrote(methods->kind, data, bytes, offset);
    return rc;
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    PASS_ON(SHIM_TRUNCATE, file, xTruncate, file, size)
    if (rc == SQLITE_OK && hooks.truncated)
        hooks.truncated(methods->kind, size);
    return rc;
}

static int
on_sync(sqlite3_file *file, int flags)
{
    enum shim_file kind = methods_of(file)->kind;
    uint64_t sync = hooks.sync_begins ? hooks.sync_begins(kind) : 0;

    PASS_ON(SHIM_SYNC, file, xSync, file, flags)
    if (rc == SQLITE_OK && hooks.sync_ended)
        hooks.sync_ended(kind, sync);
    return rc;
}

static int
on_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    PASS_ON(SHIM_FILE_SIZE, file, xFileSize, file, size)
    return rc;
}

static int
on_lock(sqlite3_file *file, int level)
{
    PASS_ON(SHIM_LOCK, file, xLock, file, level)
    return rc;
}

static int
on_unlock(sqlite3_file *file, int level)
{
    PASS_ON(SHIM_UNLOCK, file, xUnlock, file, level)
    return rc;
}

static int
on_check_reserved(sqlite3_file *file, int *held)
{
    PASS_ON(SHIM_CHECK_RESERVED, file, xCheckReservedLock, file, held)
    return rc;
}

static int
on_file_control(sqlite3_file *file, int op, void *arg)
{
    PASS_ON(SHIM_FILE_CONTROL, file, xFileControl, file, op, arg)
    return rc;
}

static int
on_shm_map(sqlite3_file *file, int region, int bytes, int extend,
           void volatile **memory)
{
    PASS_ON(SHIM_SHM_MAP, file, xShmMap, file, region, bytes, extend, memory)
    if (rc != SQLITE_OK)
        *memory = NULL;
    return rc;
}

/* To give a lock back cannot fail: SQLite does not look at the answer. */
static int
on_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    enum shim_call call = flags & SQLITE_SHM_SHARED ? SHIM_SHM_SHARE
                                                    : SHIM_SHM_LOCK;

    if (flags & SQLITE_SHM_UNLOCK)
        return methods_of(file)->real->xShmLock(file, offset, count, flags);
    if (hooks.shm_locking)
        hooks.shm_locking(offset, count, flags);
    PASS_ON(call, file, xShmLock, file, offset, count, flags)
    return rc;
}

static int
on_unfetch(sqlite3_file *file, sqlite3_int64 offset, void *page)
{
    struct methods *methods = methods_of(file);
    int rc = methods->real->xUnfetch(file, offset, page);

    if (!page && hooks.unfetched)
        hooks.unfetched(methods->kind);
    return rc;
}

static void
replace_methods(struct methods *methods)
{
    sqlite3_io_methods *own = &methods->own;

    own->xClose = on_close;
    own->xRead = on_read;
    own->xWrite = on_write;
    own->xTruncate = on_truncate;
    own->xSync = on_sync;
    own->xFileSize = on_file_size;
    own->xLock = on_lock;
    own->xUnlock = on_unlock;
    own->xCheckReservedLock = on_check_reserved;
    own->xFileControl = on_file_control;
    if (own->iVersion < 2)
        return;
    own->xShmMap = on_shm_map;
    own->xShmLock = on_shm_lock;
    if (own->iVersion >= 3)
        own->xUnfetch = on_unfetch;
}

/* Which file of the watched database is this? */
static bool
is_watched(const char *path, enum shim_file *kind)
{
    size_t bytes = strlen(watched);

    if (!path || !bytes || strncmp(path, watched, bytes) != 0)
        return false;
    for (int i = 0; i < SHIM_FILES; i++)
        if (!strcmp(path + bytes, shim_file_name((enum shim_file)i))) {
            *kind = (enum shim_file)i;
            return true;
        }
    return false;
}

static int
on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
        int *out_flags)
{
    enum shim_file kind;
    struct methods *methods;
    int rc;

    (void)vfs;
    if (!is_watched(path, &kind))
        return system_vfs->xOpen(system_vfs, path, file, flags, out_flags);
    file->pMethods = NULL;
    rc = fails(SHIM_OPEN, kind);
    if (rc != SQLITE_OK)
        return rc;
    methods = calloc(1, sizeof *methods);
    if (!methods)
        return SQLITE_NOMEM;
    depth++;
    rc = system_vfs->xOpen(system_vfs, path, file, flags, out_flags);
    depth--;
    if (rc != SQLITE_OK || !file->pMethods) {
        free(methods);
        return rc;
    }
    methods->own = *file->pMethods;
    methods->real = file->pMethods;
    methods->kind = kind;
    replace_methods(methods);
    file->pMethods = &methods->own;
    if (hooks.opened)
        hooks.opened(kind, path);
    return SQLITE_OK;
}

static int
on_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    enum shim_file kind;
    bool watching = is_watched(path, &kind);
    int rc = watching ? fails(SHIM_DELETE, kind) : SQLITE_OK;

    (void)vfs;
    if (rc != SQLITE_OK)
        return rc;
    if (watching && hooks.deleting)
        hooks.deleting(kind);
    depth++;
    rc = system_vfs->xDelete(system_vfs, path, sync_folder);
    depth--;
    return rc;
}

static int
on_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer)
{
    enum shim_file kind;
    int rc = is_watched(path, &kind) ? fails(SHIM_ACCESS, kind) : SQLITE_OK;

    (void)vfs;
    return rc == SQLITE_OK ? system_vfs->xAccess(system_vfs, path, flags,
                                                 answer) : rc;
}

static int
on_full_pathname(sqlite3_vfs *vfs, const char *path, int bytes, char *out)
{
    enum shim_file kind;
    int rc = is_watched(path, &kind) ? fails(SHIM_FULL_PATHNAME, kind)
                                     : SQLITE_OK;

    (void)vfs;
    return rc == SQLITE_OK ? system_vfs->xFullPathname(system_vfs, path, bytes,
                                                       out) : rc;
}

bool
shim_install(const struct shim_hooks *given)
{
    hooks = *given;
    system_vfs = sqlite3_vfs_find(NULL);
    if (!system_vfs)
        return false;
    shim = *system_vfs;
    shim.zName = "shim";
    shim.pNext = NULL;
    shim.xOpen = on_open;
    shim.xDelete = on_delete;
    shim.xAccess = on_access;
    shim.xFullPathname = on_full_pathname;
    return sqlite3_vfs_register(&shim, 1) == SQLITE_OK;
}

void
shim_watch(const char *database)
{
    snprintf(watched, sizeof watched, "%s", database ? database : "");
}
