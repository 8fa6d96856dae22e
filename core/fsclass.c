/* File-system class: on what kind of file system does a path lie?
 *
 * A WAL database needs memory that all its users share and locks that all of
 * them see. File systems that reach another machine, or the host of a virtual
 * one, give neither, and most of them fail by losing data, not by an error
 * (sqlite.org/wal.html, sqlite.org/howtocorrupt.html 2.1). SQLite does not
 * look; so we do. The mount table is asked first: statfs() shows one number
 * for all that is FUSE, and for 9p sometimes that of the host's disk.
 *
 * Does: find the mount that a path is on, tell the class of its type.
 * Must not: open anything but the mount table, or remember anything.
 * Lock: none. */
#include "fsclass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/vfs.h>
#elif defined(__APPLE__)
#include <sys/mount.h>
#include <sys/param.h>
#endif

#include "error.h"
#include "mem.h"

/* A machine full of containers has some thousand mounts of 200 bytes. */
#define TABLE_BYTES_MAX (INT64_C(16) << 20)
#define POINT_BYTES 4096
#define NESTED_MAX 64

/* ------------------------------------------------------------------ classes */

/* "fuse.NAME" is looked up as NAME, too. */
static const struct {
    enum walpool_fs_class is;
    const char *types; /* with a space before and behind each */
} classes[] = {
    {WALPOOL_FS_LOCAL,
     " ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs reiserfs nilfs2 ubifs "
     "jffs2 vfat msdos exfat ntfs ntfs3 fuseblk hfs hfsplus apfs ufs udf "
     "erofs squashfs iso9660 "},
    {WALPOOL_FS_MEMORY, " tmpfs ramfs devtmpfs "},
    {WALPOOL_FS_OVERLAY, " overlay overlayfs aufs unionfs fuse-overlayfs "},
    {WALPOOL_FS_NETWORK,
     " nfs nfs4 cifs smb3 smbfs smb2 afs coda ncpfs afpfs webdav davfs ceph "
     "lustre gpfs beegfs orangefs pvfs2 ocfs2 gfs2 glusterfs sshfs rclone "
     "s3fs s3ql goofys gcsfuse gcsfs blobfuse blobfuse2 juicefs seaweedfs "
     "curlftpfs davfs2 ceph-fuse mfs moosefs lizardfs "},
    {WALPOOL_FS_BRIDGE,
     " virtiofs 9p v9fs vboxsf prl_fs prl_fs_freeze vmhgfs vmhgfs-fuse drvfs "
     "grpcfuse osxfs fakeowner hostfs "},
};

static bool
lists(const char *types, const char *type)
{
    char word[40];

    snprintf(word, sizeof word, " %s ", type);
    return type[0] && strstr(types, word) != NULL;
}

static enum walpool_fs_class
class_of(const char *type)
{
    bool fuse = strncmp(type, "fuse", 4) == 0;
    const char *name = strncmp(type, "fuse.", 5) == 0 ? type + 5 : type;

    for (size_t i = 0; i < ARRAY_COUNT(classes); i++)
        if (lists(classes[i].types, name))
            return classes[i].is;
    return fuse ? WALPOOL_FS_FUSE : WALPOOL_FS_UNKNOWN;
}

static void
set_type(struct walpool__fs *fs, const char *type, size_t bytes)
{
    snprintf(fs->type, sizeof fs->type, "%.*s", (int)bytes, type);
    fs->is = class_of(fs->type);
}

const char *
walpool__fsclass_name(enum walpool_fs_class is)
{
    static const char *const names[] = {
        [WALPOOL_FS_UNKNOWN] = "unknown", [WALPOOL_FS_LOCAL] = "local",
        [WALPOOL_FS_MEMORY] = "memory",   [WALPOOL_FS_OVERLAY] = "overlay",
        [WALPOOL_FS_NETWORK] = "network", [WALPOOL_FS_BRIDGE] = "bridge",
        [WALPOOL_FS_FUSE] = "fuse",
    };

    return names[is];
}

/* ---------------------------------------------------------- the mount table */

/* One line of it: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 ...".
 * The fields of interest are the first two, the fifth, and the one behind
 * the dash. */
struct mount {
    long long id, parent;
    char point[POINT_BYTES];
    const char *type;
    size_t type_bytes;
};

/* The table writes space, tab, newline and backslash as \040, \011 and so on.
 * Returns the end of the word, or NULL if it does not fit. */
static const char *
read_word(const char *from, char *dst, size_t bytes)
{
    size_t used = 0;

    for (; *from && *from != ' ' && *from != '\n'; from++) {
        unsigned char byte = (unsigned char)*from;

        if (byte == '\\' && from[1] >= '0' && from[1] <= '3' &&
            from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
            from[3] <= '7') {
            byte = (unsigned char)((from[1] - '0') << 6 |
                                   (from[2] - '0') << 3 | (from[3] - '0'));
            from += 3;
        }
        if (used + 1 >= bytes)
            return NULL;
        dst[used++] = (char)byte;
    }
    dst[used] = '\0';
    return from;
}

/* The field behind the next space, or NULL. */
static const char *
next_field(const char *at, const char *end)
{
    const char *space = at ? memchr(at, ' ', (size_t)(end - at)) : NULL;

    return space && space + 1 < end ? space + 1 : NULL;
}

/* False: the line is not as it should be, and does not count. */
static bool
read_line(const char *line, const char *end, struct mount *mount)
{
    const char *parent = next_field(line, end);
    const char *root = next_field(next_field(parent, end), end);
    const char *point = next_field(root, end);
    const char *dash;

    if (!point || point[0] != '/')
        return false;
    mount->id = strtoll(line, NULL, 10);
    mount->parent = strtoll(parent, NULL, 10);
    dash = read_word(point, mount->point, sizeof mount->point);
    if (!dash || mount->id <= 0)
        return false;
    for (; dash + 3 < end; dash++)
        if (memcmp(dash, " - ", 3) == 0) {
            mount->type = dash + 3;
            mount->type_bytes = strcspn(mount->type, " \n");
            return mount->type_bytes > 0;
        }
    return false;
}

static bool
lies_below(const char *path, const char *point)
{
    size_t bytes = strlen(point);

    return strncmp(path, point, bytes) == 0 &&
           (bytes == 1 || !path[bytes] || path[bytes] == '/');
}

/* Of the mounts on the way to `path`, find the one that a walk from the mount
 * `above` (0: from the root) meets next: the first on the way, and of several
 * at one point the last. Where a mount covers another, the walk never comes to
 * the one below: its parent is not the mount that the walk is on. */
static bool
find_next(const char *table, const char *path, const struct mount *above,
          struct mount *next)
{
    static const size_t longest = POINT_BYTES;
    size_t best = longest;
    struct mount mount;

    for (const char *line = table; *line;) {
        const char *end = line + strcspn(line, "\n");

        if (read_line(line, end, &mount) && lies_below(path, mount.point) &&
            strlen(mount.point) <= best && mount.id != mount.parent &&
            (above ? mount.parent == above->id && mount.id != above->id
                   : !mount.point[1])) {
            best = strlen(mount.point);
            *next = mount;
            if (!above)
                return true; /* what covers it names it as its parent */
        }
        line = *end ? end + 1 : end;
    }
    return best < longest;
}

bool
walpool__fsclass_in_table(const char *table, const char *path,
                          struct walpool__fs *fs)
{
    struct mount here, next;
    bool found = find_next(table, path, NULL, &here);

    for (int depth = 0; found && depth < NESTED_MAX; depth++) {
        set_type(fs, here.type, here.type_bytes);
        if (!find_next(table, path, &here, &next))
            return true;
        here = next;
    }
    return found;
}

/* ------------------------------------------------------------- the system's */

#if defined(__linux__)

static char *
read_table(void)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    size_t room = 16384, used = 0;
    char *text = file ? walpool__mem_alloc(room) : NULL;

    while (text) {
        size_t got = fread(text + used, 1, room - 1 - used, file);
        char *more;

        used += got;
        if (got == 0 || room > TABLE_BYTES_MAX)
            break;
        if (used < room - 1)
            continue;
        room *= 2;
        more = walpool__mem_realloc(text, room);
        if (!more)
            walpool__mem_free(text);
        text = more;
    }
    if (text)
        text[used] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* linux/magic.h, and for those it lacks the sources of the file systems. */
static const struct {
    uint32_t magic;
    const char *type;
} magics[] = {
    {0xef53, "ext4"},        {0x58465342, "xfs"},   {0x9123683e, "btrfs"},
    {0x2fc12fc1, "zfs"},     {0xf2f52010, "f2fs"},  {0xca451a4e, "bcachefs"},
    {0x01021994, "tmpfs"},   {0x858458f6, "ramfs"}, {0x794c7630, "overlay"},
    {0x6969, "nfs"},         {0xff534d42, "cifs"},  {0xfe534d42, "smb3"},
    {0x517b, "smbfs"},       {0x00c36400, "ceph"},  {0x5346414f, "afs"},
    {0x0bd00bd0, "lustre"},  {0x47504653, "gpfs"},  {0x7461636f, "ocfs2"},
    {0x01161970, "gfs2"},    {0x01021997, "9p"},    {0x786f4256, "vboxsf"},
    {0x65735546, "fuse"},
};

static void
ask_system(const char *path, struct walpool__fs *fs)
{
    struct statfs facts;

    if (statfs(path, &facts) != 0)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(magics); i++)
        if (magics[i].magic == (uint32_t)facts.f_type)
            set_type(fs, magics[i].type, strlen(magics[i].type));
}

#elif defined(__APPLE__)

static char *
read_table(void)
{
    return NULL;
}

static void
ask_system(const char *path, struct walpool__fs *fs)
{
    struct statfs facts;

    if (statfs(path, &facts) == 0)
        set_type(fs, facts.f_fstypename, strlen(facts.f_fstypename));
}

#else

static char *
read_table(void)
{
    return NULL;
}

static void
ask_system(const char *path, struct walpool__fs *fs)
{
    (void)path, (void)fs;
}

#endif

void
walpool__fsclass_of(const char *path, struct walpool__fs *fs)
{
    char *table = read_table();

    memset(fs, 0, sizeof *fs);
    if (!table || !walpool__fsclass_in_table(table, path, fs))
        ask_system(path, fs);
    walpool__mem_free(table);
}

walpool_status
walpool__fsclass_check(const struct walpool__fs *fs, const char *path,
                       bool allowed, walpool_error *err)
{
    bool network = fs->is == WALPOOL_FS_NETWORK;

    if (allowed || (!network && fs->is != WALPOOL_FS_BRIDGE))
        return WALPOOL_OK;
    return walpool__error_set(
        err, WALPOOL_UNSUPPORTED,
        "cannot open %.200s: it lies on %s, a file system %s, and a WAL there "
        "is damaged without an error: put the database on a local disk; "
        "allow_network_fs=1 takes the risk", path, fs->type,
        network ? "of the network" : "shared with the host of this machine");
}
