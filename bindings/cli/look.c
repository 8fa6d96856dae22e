/* Look: wal-index and locks of a database at one moment, from outside.
 *
 * The -shm file is opened, read and closed. That drops the locks that a process
 * has on it, and this one has none: it never opens a database before the last
 * look (sqlite.org/howtocorrupt.html 2.2). It is read, not mapped: a mapping of
 * a file that somebody truncates kills the process.
 *
 * Does: read 136 bytes, ask for locks.
 * Must not: write, lock, map.
 * Lock: none. */
#include "look.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"

#define KNOWN_VERSION 3007000
#define HEADER_BYTES 48 /* of one of its two copies */
#define INDEX_BYTES 136
#define TRIES 100

enum { /* bytes of -shm that are locked */
    BYTE_WRITE = 120,
    BYTE_CHECKPOINT = 121,
    BYTE_RECOVER = 122,
    BYTE_READ = 123,
    BYTE_OPEN = 128
};

#define BYTE_SHARED INT64_C(0x40000002) /* of the database file: 510 bytes */

static uint32_t
word(const unsigned char *bytes, size_t offset)
{
    uint32_t value;

    memcpy(&value, bytes + offset, sizeof value); /* in this machine's order */
    return value;
}

/* A writer changes the second copy of the header, then the first. If both are
 * equal, and they still are after the counters were read, no commit came
 * between: then the counters belong to this header. */
static bool
read_settled(int fd, unsigned char bytes[INDEX_BYTES])
{
    unsigned char again[INDEX_BYTES];

    for (int i = 0; i < TRIES; i++) {
        if (pread(fd, bytes, INDEX_BYTES, 0) != INDEX_BYTES ||
            pread(fd, again, INDEX_BYTES, 0) != INDEX_BYTES)
            return false;
        if (memcmp(bytes, bytes + HEADER_BYTES, HEADER_BYTES) == 0 &&
            memcmp(bytes, again, (size_t)2 * HEADER_BYTES) == 0)
            return true;
    }
    return false;
}

static void
read_index(int fd, struct cli_index *index)
{
    unsigned char bytes[INDEX_BYTES] = {0};

    index->settled = read_settled(fd, bytes);
    index->whole = lseek(fd, 0, SEEK_END) >= INDEX_BYTES;
    index->version = word(bytes, 0);
    index->known = index->version == KNOWN_VERSION && bytes[12] == 1;
    if (!index->whole || !index->known)
        return;
    index->commits = word(bytes, 8);
    index->frames = word(bytes, 16);
    index->checkpointed = word(bytes, 96);
    for (int i = 0; i < CLI_MARKS; i++)
        index->marks[i] = word(bytes, 100 + 4 * (size_t)i);
}

static void
ask(const struct cli_locklist *locks, int fd, struct cli_look *look)
{
    cli_holders_of(locks, fd, BYTE_WRITE, &look->writer);
    cli_holders_of(locks, fd, BYTE_CHECKPOINT, &look->checkpointer);
    cli_holders_of(locks, fd, BYTE_RECOVER, &look->recoverer);
    cli_holders_of(locks, fd, BYTE_OPEN, &look->users);
    for (int i = 0; i < CLI_MARKS; i++)
        cli_holders_of(locks, fd, BYTE_READ + i, &look->readers[i]);
}

static int
open_part(const char *database, enum cli_part part)
{
    char path[WALPOOL__PATH_BYTES + 16];

    cli_part_path(database, part, path, sizeof path);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

void
cli_look_index(const char *database, struct cli_index *index)
{
    int shm = open_part(database, CLI_SHM);

    memset(index, 0, sizeof *index);
    if (shm < 0)
        return;
    read_index(shm, index);
    close(shm);
}

bool
cli_look_take(const char *database, struct cli_look *look)
{
    struct cli_locklist *locks = cli_locklist_read();
    int shm, file;

    memset(look, 0, sizeof *look);
    if (!locks)
        return false;
    shm = open_part(database, CLI_SHM);
    file = open_part(database, CLI_DATABASE);
    if (shm >= 0) {
        read_index(shm, &look->index);
        ask(locks, shm, look);
        close(shm);
    }
    if (file >= 0) {
        cli_holders_of(locks, file, BYTE_SHARED, &look->main_lock);
        close(file);
    }
    cli_locklist_free(locks);
    return true;
}
