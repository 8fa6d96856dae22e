/* Wal cut: has somebody cut the -wal file short?
 *
 * SQLite does not look. It appends the next commit where the last one ended in
 * its mind, and leaves a hole before it: a checkpoint copies zeros from there
 * into the database, and who recovers the WAL stops at the hole.
 *
 * The wal-index says how many frames there are, the file has them before the
 * wal-index says so, and it gets shorter only after the WAL has got other
 * salts. So a file that is too short between two looks at the same salts was
 * cut. A hole is found by asking for it, and believed if the next frame behind
 * its beginning is none of this WAL.
 *
 * Does: compare.
 * Must not: decide what follows from it.
 * Lock: none; SQLite takes none on the -wal file, so to close it drops none. */
#include "walcut.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* sqlite.org/walformat.html, section 1 */
#define HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24
#define FRAME_SALT 8

static int64_t
frame_bytes(const struct walpool__wal_mark *mark)
{
    return FRAME_HEADER_BYTES + (int64_t)mark->page_bytes;
}

static int64_t
bytes_of(const struct walpool__wal_mark *mark)
{
    return HEADER_BYTES + mark->frames * frame_bytes(mark);
}

/* Is it the same WAL as it was at `mark`? */
static bool
is_still(struct walpool__walindex *walindex,
         const struct walpool__wal_mark *mark)
{
    struct walpool__wal_mark now;

    return walpool__walindex_mark(walindex, &now) &&
           now.salt[0] == mark->salt[0] && now.salt[1] == mark->salt[1];
}

bool
walpool__walcut_is_short(struct walpool__walindex *walindex,
                         const char *wal_path)
{
    struct walpool__wal_mark mark;
    struct stat facts;

    return walpool__walindex_mark(walindex, &mark) && mark.frames > 0 &&
           stat(wal_path, &facts) == 0 && facts.st_size < bytes_of(&mark) &&
           is_still(walindex, &mark);
}

/* Does a frame of this WAL begin there? */
static bool
begins(int fd, int64_t offset, const struct walpool__wal_mark *mark)
{
    unsigned char header[FRAME_HEADER_BYTES];

    return pread(fd, header, sizeof header, (off_t)offset) !=
               (ssize_t)sizeof header ||
           memcmp(header + FRAME_SALT, mark->salt, sizeof mark->salt) == 0;
}

static bool
is_torn(int fd, const struct walpool__wal_mark *mark)
{
#if defined(SEEK_HOLE)
    int64_t hole = (int64_t)lseek(fd, 0, SEEK_HOLE), frame = 0;

    if (hole < 0 || hole >= bytes_of(mark))
        return false;
    if (hole > HEADER_BYTES)
        frame = (hole - HEADER_BYTES + frame_bytes(mark) - 1) /
                frame_bytes(mark);
    return frame < mark->frames &&
           !begins(fd, HEADER_BYTES + frame * frame_bytes(mark), mark);
#else
    (void)fd;
    (void)mark;
    (void)begins;
    return false;
#endif
}

bool
walpool__walcut_has_hole(struct walpool__walindex *walindex,
                         const char *wal_path)
{
    struct walpool__wal_mark mark;
    bool torn;
    int fd;

    if (!walpool__walindex_mark(walindex, &mark) || mark.frames == 0)
        return false;
    fd = open(wal_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    torn = is_torn(fd, &mark);
    close(fd);
    return torn && is_still(walindex, &mark);
}
