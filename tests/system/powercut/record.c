/* The record of what reaches the disk.
 *
 * SQLite's calls come from the shim. Folders, and the WAL that walpool syncs by
 * a descriptor of its own, are seen where every sync must pass: this file
 * defines fsync() and fdatasync() for the whole program, SQLite included. They
 * do not sync: nothing here outlives the program, and the disk of the test is
 * the record.
 *
 * Does: record.
 * Must not: judge.
 * Lock: `mutex` in the shared memory guards all that lies there. */
#include "record.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS_MAX 65536
#define BYTES_MAX ((uint64_t)256 << 20)

static struct shared {
    pthread_mutex_t mutex; /* guards the rest */
    uint64_t event_count, bytes_used, sync_count;
    uint16_t file_count;
    struct {
        bool there;
        uint16_t file;
        dev_t device;
        ino_t inode;
    } names[SHIM_FILES]; /* what the folder shows */
    struct record_event events[EVENTS_MAX];
    unsigned char bytes[BYTES_MAX];
} *shared;

static char folder[4096];
static enum record_lie lie;
static bool recording;

static void
fail(const char *why)
{
    fprintf(stderr, "record: %s\n", why);
    abort();
}

static void
lock(void)
{
    if (pthread_mutex_lock(&shared->mutex) != 0)
        fail("cannot lock");
}

static void
unlock(void)
{
    pthread_mutex_unlock(&shared->mutex);
}

/* The mutex is held. */
static void
add(enum record_what what, uint16_t file, int64_t a, int64_t b)
{
    if (shared->event_count == EVENTS_MAX)
        fail("too many events");
    shared->events[shared->event_count++] = (struct record_event){
        .what = (uint16_t)what, .file = file, .a = a, .b = b};
}

/* ------------------------------------------------------------ SQLite's calls */

static void
on_opened(enum shim_file name, const char *path)
{
    struct stat facts;

    if (!recording || stat(path, &facts) != 0)
        return;
    lock();
    if (!shared->names[name].there) {
        shared->names[name].there = true;
        shared->names[name].file = shared->file_count++;
        shared->names[name].device = facts.st_dev;
        shared->names[name].inode = facts.st_ino;
        add(RECORD_CREATE, shared->names[name].file, name, 0);
    } else if (shared->names[name].inode != facts.st_ino) {
        fail("a file was replaced behind the recorder's back");
    }
    unlock();
}

static void
on_deleting(enum shim_file name)
{
    if (!recording)
        return;
    lock();
    if (shared->names[name].there)
        add(RECORD_DELETE, shared->names[name].file, name, 0);
    shared->names[name].there = false;
    unlock();
}

static void
on_wrote(enum shim_file name, const void *data, int bytes, int64_t offset)
{
    if (!recording)
        return;
    lock();
    if (shared->bytes_used + (uint64_t)bytes > BYTES_MAX)
        fail("too many bytes");
    add(RECORD_WRITE, shared->names[name].file, offset, 0);
    shared->events[shared->event_count - 1].bytes = (uint32_t)bytes;
    shared->events[shared->event_count - 1].data = shared->bytes_used;
    memcpy(shared->bytes + shared->bytes_used, data, (size_t)bytes);
    shared->bytes_used += (uint64_t)bytes;
    unlock();
}

static void
on_truncated(enum shim_file name, int64_t size)
{
    if (!recording)
        return;
    lock();
    add(RECORD_TRUNCATE, shared->names[name].file, size, 0);
    unlock();
}

/* The mutex is held. */
static uint64_t
begin_sync(enum record_what what, uint16_t file)
{
    uint64_t sync = shared->sync_count++;

    add(what, file, (int64_t)sync, 0);
    return sync;
}

static uint64_t
on_sync_begins(enum shim_file name)
{
    uint64_t sync;

    if (!recording)
        return 0;
    lock();
    sync = begin_sync(RECORD_SYNC, shared->names[name].file);
    unlock();
    return sync;
}

static void
on_sync_ended(enum shim_file name, uint64_t sync)
{
    if (!recording)
        return;
    lock();
    if (lie != RECORD_LIE_CHECKPOINT || name != SHIM_DATABASE ||
        !shared->names[SHIM_WAL].there)
        add(RECORD_SYNCED, shared->names[name].file, (int64_t)sync, 0);
    unlock();
}

bool
record_install(void)
{
    static const struct shim_hooks hooks = {.opened = on_opened,
                                            .wrote = on_wrote,
                                            .truncated = on_truncated,
                                            .deleting = on_deleting,
                                            .sync_begins = on_sync_begins,
                                            .sync_ended = on_sync_ended};

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return shared != MAP_FAILED && shim_install(&hooks);
}

/* ------------------------------------------------------ syncs by descriptor */

/* A disk takes its time, so that others commit while it works. */
static void
work(void)
{
    usleep(100);
}

static void
sync_folder(void)
{
    uint64_t sync;

    lock();
    sync = begin_sync(RECORD_FOLDER_SYNC, 0);
    unlock();
    work();
    if (lie == RECORD_LIE_FOLDER)
        return;
    lock();
    add(RECORD_FOLDER_SYNCED, 0, (int64_t)sync, 0);
    unlock();
}

/* Which name is this file? SHIM_FILES: none. The mutex is held. */
static enum shim_file
name_of(const struct stat *facts)
{
    int name = 0;

    while (name < SHIM_FILES && (!shared->names[name].there ||
                                 shared->names[name].inode != facts->st_ino ||
                                 shared->names[name].device != facts->st_dev))
        name++;
    return (enum shim_file)name;
}

static void
sync_file(const struct stat *facts)
{
    enum shim_file name;
    uint16_t file = 0;
    uint64_t sync = 0;

    lock();
    name = name_of(facts);
    if (name < SHIM_FILES) {
        file = shared->names[name].file;
        sync = begin_sync(RECORD_SYNC, file);
    }
    unlock();
    work();
    if (name == SHIM_FILES || lie == RECORD_LIE_SYNCER)
        return;
    lock();
    add(RECORD_SYNCED, file, (int64_t)sync, 0);
    unlock();
}

static int
on_sync(int fd)
{
    struct stat facts, watched;

    if (!recording || fstat(fd, &facts) != 0)
        return 0;
    if (S_ISDIR(facts.st_mode) && stat(folder, &watched) == 0 &&
        watched.st_ino == facts.st_ino && watched.st_dev == facts.st_dev)
        sync_folder();
    else if (S_ISREG(facts.st_mode) && shim_is_inside())
        work(); /* recorded by on_sync_begins() */
    else if (S_ISREG(facts.st_mode))
        sync_file(&facts);
    return 0;
}

int
fsync(int fd)
{
    return on_sync(fd);
}

int
fdatasync(int fd)
{
    return on_sync(fd);
}

/* ------------------------------------------------------------- the record */

void
record_begin(const char *database, enum record_lie new_lie)
{
    pthread_mutexattr_t attributes;
    const char *slash = strrchr(database, '/');

    memset(shared, 0, offsetof(struct shared, events));
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - database), database);
    lie = new_lie;
    shim_watch(database);
    recording = true;
}

void
record_end(void)
{
    shim_watch(NULL);
    recording = false;
}

void
record_told(int writer, int64_t n, bool durable)
{
    lock();
    add(RECORD_TOLD, 0, writer, n);
    shared->events[shared->event_count - 1].bytes = durable;
    unlock();
}

size_t
record_count(void)
{
    return shared->event_count;
}

const struct record_event *
record_event(size_t index)
{
    return &shared->events[index];
}

const unsigned char *
record_bytes(const struct record_event *event)
{
    return shared->bytes + event->data;
}

static bool
transfer(const char *path, const char *mode,
         size_t (*move)(void *, size_t, size_t, FILE *))
{
    FILE *file = fopen(path, mode);
    bool done;

    if (!file)
        return false;
    done = move(shared, offsetof(struct shared, events), 1, file) == 1 &&
           move(shared->events, sizeof shared->events[0], shared->event_count,
                file) == shared->event_count &&
           move(shared->bytes, 1, shared->bytes_used, file) ==
               shared->bytes_used;
    return fclose(file) == 0 && done;
}

static size_t
put(void *data, size_t size, size_t count, FILE *file)
{
    return fwrite(data, size, count, file);
}

bool
record_save(const char *path)
{
    return transfer(path, "wb", put);
}

bool
record_load(const char *path)
{
    return transfer(path, "rb", fread);
}
