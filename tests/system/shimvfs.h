/* A VFS between SQLite and the system's own: whoever tests can watch what
 * SQLite does with the files of one database, and make a call fail.
 *
 * It is the default VFS from shim_install() on. Each file that it opens gets a
 * table of methods of its own in place of the one that the system's VFS gave
 * it; the file itself stays what it was, so that code which looks into it finds
 * what it expects. */
#ifndef SHIMVFS_H
#define SHIMVFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum shim_file { SHIM_DATABASE, SHIM_WAL, SHIM_JOURNAL, SHIM_FILES };

/* The calls of sqlite3_vfs and sqlite3_io_methods that can fail. */
#define SHIM_CALLS_LIST(X)                                                    \
    X(OPEN) X(DELETE) X(ACCESS) X(FULL_PATHNAME)                              \
    X(READ) X(WRITE) X(TRUNCATE) X(SYNC) X(FILE_SIZE) X(LOCK) X(UNLOCK)       \
    X(CHECK_RESERVED) X(FILE_CONTROL) X(SHM_MAP) X(SHM_LOCK) X(SHM_SHARE)

enum shim_call {
#define SHIM_CALL(name) SHIM_##name,
    SHIM_CALLS_LIST(SHIM_CALL)
#undef SHIM_CALL
    SHIM_CALLS
};

/* Each may be NULL. Called on the thread that made the call. */
struct shim_hooks {
    /* Before a call: an SQLite code other than SQLITE_OK fails it, undone. */
    int (*fail)(enum shim_call call, enum shim_file file);
    /* After a call that succeeded. */
    void (*opened)(enum shim_file file, const char *path);
    void (*wrote)(enum shim_file file, const void *data, int bytes,
                  int64_t offset);
    void (*truncated)(enum shim_file file, int64_t size);
    /* A checkpoint has copied the header of the wal-index, and found it changed
     * since its connection last looked; nothing else calls xUnfetch without
     * mmap_size. */
    void (*unfetched)(enum shim_file file);
    /* Before a lock of the wal-index is asked for. */
    void (*shm_locking)(int offset, int count, int flags);
    /* Before it: the call may sync the folder, too. */
    void (*deleting)(enum shim_file file);
    /* Around a sync: what the first returns is given to the second. */
    uint64_t (*sync_begins)(enum shim_file file);
    void (*sync_ended)(enum shim_file file, uint64_t sync);
};

/* Become the default VFS; once. False: SQLite has none to stand before. */
bool shim_install(const struct shim_hooks *hooks);

/* Watch the files of this database, opened from now on; NULL: of none. */
void shim_watch(const char *database);

/* Is this thread inside a call of SQLite's to the system's VFS? */
bool shim_is_inside(void);

const char *shim_call_name(enum shim_call call);
const char *shim_file_name(enum shim_file file);

#endif
