/* Facts: all that can be known about a database without opening it.
 *
 * Does: stat(), read headers, look twice.
 * Must not: judge, lock, write, or run in a process that has a database open:
 * closing a file drops all locks of the process on it.
 * Lock: none. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "thread.h"

#define WAL_MAGIC 0x377f0682u /* the lowest bit tells the byte order */
#define WAL_VERSION 3007000
#define WAL_HEADER_BYTES 32
#define HEADER_BYTES 100

static enum cli_kind
kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return CLI_REGULAR;
    if (S_ISDIR(mode))
        return CLI_DIRECTORY;
    if (S_ISFIFO(mode))
        return CLI_FIFO;
    return S_ISLNK(mode) ? CLI_LINK : CLI_OTHER;
}

static void
look_at(const char *path, struct cli_file *file)
{
    struct stat facts;

    memset(file, 0, sizeof *file);
    if (lstat(path, &facts) != 0) {
        file->error = errno == ENOENT ? 0 : errno;
        return;
    }
    file->kind = kind_of(facts.st_mode);
    file->bytes = (int64_t)facts.st_size;
    file->links = (int64_t)facts.st_nlink;
    file->mode = facts.st_mode & 07777;
    file->user = facts.st_uid;
    file->group = facts.st_gid;
}

/* Read the beginning of a regular file. Returns the bytes that are there. */
static size_t
read_start(const char *path, struct cli_file *file, unsigned char *dst,
           size_t bytes)
{
    ssize_t got;
    int fd;

    if (file->kind != CLI_REGULAR)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    got = fd < 0 ? -1 : pread(fd, dst, bytes, 0);
    if (got < 0)
        file->error = errno;
    if (fd >= 0)
        close(fd);
    return got < 0 ? 0 : (size_t)got;
}

static uint32_t
big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static void
read_header(struct cli_facts *facts)
{
    struct cli_header *header = &facts->header;
    unsigned char bytes[HEADER_BYTES];

    header->whole = read_start(facts->path, &facts->file, bytes,
                               sizeof bytes) == sizeof bytes;
    if (!header->whole)
        return;
    header->magic = memcmp(bytes, "SQLite format 3", 16) == 0;
    header->write_version = bytes[18];
    header->read_version = bytes[19];
    header->page_bytes = (uint32_t)bytes[16] << 8 | bytes[17];
    if (header->page_bytes == 1)
        header->page_bytes = 65536;
    /* Programs older than 3.7.0 do not keep the count of pages. */
    if (memcmp(bytes + 24, bytes + 92, 4) == 0)
        header->pages = big_endian(bytes + 28);
}

static void
read_wal_header(struct cli_facts *facts)
{
    unsigned char bytes[WAL_HEADER_BYTES];
    char path[WALPOOL__PATH_BYTES + 16];

    cli_part_path(facts->path, CLI_WAL, path, sizeof path);
    facts->wal.whole = read_start(path, &facts->parts[CLI_WAL], bytes,
                                  sizeof bytes) == sizeof bytes;
    if (!facts->wal.whole)
        return;
    facts->wal.version = big_endian(bytes + 4);
    facts->wal.page_bytes = big_endian(bytes + 8);
    facts->wal.known = (big_endian(bytes) & ~1u) == WAL_MAGIC &&
                       facts->wal.version == WAL_VERSION;
}

static void
gather_files(struct cli_facts *facts)
{
    char path[WALPOOL__PATH_BYTES + 16];
    struct statvfs disk;

    for (enum cli_part part = CLI_DATABASE; part < CLI_PARTS; part++) {
        cli_part_path(facts->path, part, path, sizeof path);
        look_at(path, &facts->parts[part]);
    }
    facts->file = facts->parts[CLI_DATABASE];
    snprintf(path, sizeof path, "%s-journal", facts->path);
    look_at(path, &facts->journal);
    read_header(facts);
    read_wal_header(facts);
    facts->free_bytes = -1;
    if (statvfs(facts->path, &disk) == 0)
        facts->free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
}

/* Links are resolved as SQLite does it: the sidecars lie beside the target. A
 * file that is missing keeps its name, for its sidecars may be there. */
static void
resolve(const char *name, struct cli_facts *facts)
{
    char real[PATH_MAX];
    struct stat link;

    facts->is_link = lstat(name, &link) == 0 && S_ISLNK(link.st_mode);
    snprintf(facts->path, sizeof facts->path, "%s",
             realpath(name, real) ? real : name);
}

static void
name_holders(struct cli_processes *processes,
             const struct cli_holders *holders)
{
    for (int i = 0; i < holders->count && i < CLI_HOLDERS_MAX; i++)
        cli_processes_get(processes, holders->pids[i]);
}

/* Those that have a lock count, also if their descriptors may not be seen. */
static void
name_all_holders(struct cli_processes *processes, const struct cli_look *look)
{
    name_holders(processes, &look->users);
    name_holders(processes, &look->main_lock);
    name_holders(processes, &look->writer);
    name_holders(processes, &look->checkpointer);
    name_holders(processes, &look->recoverer);
    for (int i = 0; i < CLI_MARKS; i++)
        name_holders(processes, &look->readers[i]);
}

bool
cli_facts_gather(const char *name, int64_t watch_ms, int64_t threshold,
                 struct cli_facts *facts)
{
    walpool_version_info version;

    memset(facts, 0, sizeof *facts);
    walpool_version(&version);
    snprintf(facts->sqlite, sizeof facts->sqlite, "%s", version.sqlite);
    facts->wal_reset_safe = version.wal_reset_safe;
    facts->watched_ms = watch_ms;
    facts->threshold = threshold;
    resolve(name, facts);
    walpool__fsclass_of(facts->path, &facts->fs);
    gather_files(facts);
    if (facts->file.kind != CLI_REGULAR)
        return true;
    if (!cli_look_take(facts->path, &facts->first))
        return false;
    if (watch_ms > 0) {
        walpool__thread_nap_us(watch_ms * 1000);
        gather_files(facts);
    }
    cli_processes_find(facts->path, &facts->processes);
    if (!cli_look_take(facts->path, &facts->last))
        return false;
    name_all_holders(&facts->processes, &facts->last);
    return true;
}
