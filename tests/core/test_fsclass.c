/* fsclass: which file system a path is on, by the text of a mount table. */
#include "fsclass.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include "api.h"
#include "error.h"

static struct walpool__fs fs;

/* As in a virtual machine: devices, a volume of NFS with a disk below it. */
static const char machine[] =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
    "30 27 0:40 / /srv rw,relatime shared:1 master:2 - nfs4 host:/srv rw\n"
    "31 30 254:3 /a /srv/disk rw - xfs /dev/vdb rw\n"
    "32 27 0:41 / /srvant rw - tmpfs tmpfs rw\n"
    "33 27 0:42 / /with\\040space\\134and\\011tab rw - cifs //h/s rw\n"
    "34 27 0:43 / /away/remote rw,nosuid - fuse.sshfs me@host: rw\n"
    "35 27 0:44 / /host rw - virtiofs share rw\n"
    "36 27 0:45 / /mine rw - fuse.mine mine rw\n"
    "37 27 254:0 /var/bound /bound rw - ext4 /dev/vda rw\n";

static void
expect(const char *table, const char *path, enum walpool_fs_class is,
       const char *type)
{
    memset(&fs, 0, sizeof fs);
    CHECK(walpool__fsclass_in_table(table, path, &fs));
    CHECK_STR(fs.type, type);
    CHECK_INT(fs.is, is);
}

TEST(fsclass__is_that_of_the_nearest_mount_on_the_way)
{
    expect(machine, "/", WALPOOL_FS_LOCAL, "ext4");
    expect(machine, "/a.db", WALPOOL_FS_LOCAL, "ext4");
    expect(machine, "/srv/a.db", WALPOOL_FS_NETWORK, "nfs4");
    expect(machine, "/srv", WALPOOL_FS_NETWORK, "nfs4");
    expect(machine, "/srv/disk/x/a.db", WALPOOL_FS_LOCAL, "xfs");
    expect(machine, "/srv/diskette/a.db", WALPOOL_FS_NETWORK, "nfs4");
    expect(machine, "/srvant/a.db", WALPOOL_FS_MEMORY, "tmpfs");
    expect(machine, "/srvice/a.db", WALPOOL_FS_LOCAL, "ext4");
    expect(machine, "/away/remote/a.db", WALPOOL_FS_NETWORK, "fuse.sshfs");
    expect(machine, "/host/a.db", WALPOOL_FS_BRIDGE, "virtiofs");
    expect(machine, "/mine/a.db", WALPOOL_FS_FUSE, "fuse.mine");
    expect(machine, "/bound/a.db", WALPOOL_FS_LOCAL, "ext4");
}

TEST(fsclass__reads_escapes_of_the_table)
{
    expect(machine, "/with space\\and\ttab/a.db", WALPOOL_FS_NETWORK, "cifs");
    expect(machine, "/with\\040space/a.db", WALPOOL_FS_LOCAL, "ext4");
}

/* The second one at /data hides the first; the one at /mnt hides what lies
 * below it, however long its path is. */
TEST(fsclass__of_mounts_that_cover_each_other_is_that_of_the_upper_one)
{
    static const char covered[] =
        "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
        "40 27 0:1 / /data rw - nfs host:/data rw\n"
        "41 40 254:3 / /data rw - xfs /dev/vdb rw\n"
        "50 27 0:2 / /mnt/deep/er rw - nfs host:/deep rw\n"
        "51 27 0:3 / /mnt rw - tmpfs tmpfs rw\n";
    expect(covered, "/data/a.db", WALPOOL_FS_LOCAL, "xfs");
    expect(covered, "/mnt/deep/er/a.db", WALPOOL_FS_MEMORY, "tmpfs");
}

TEST(fsclass__knows_the_root_of_a_container)
{
    static const char container[] =
        "900 800 0:90 / / rw - overlay overlay rw,lowerdir=/a\n"
        "901 900 0:91 / /proc rw - proc proc rw\n"
        "902 900 0:92 / /app rw - 9p share rw,trans=virtio\n";
    static const char early[] =
        "1 1 0:2 / / rw - rootfs rootfs rw\n"
        "20 1 254:0 / / rw - btrfs /dev/vda rw\n";
    expect(container, "/var/a.db", WALPOOL_FS_OVERLAY, "overlay");
    expect(container, "/app/a.db", WALPOOL_FS_BRIDGE, "9p");
    expect(early, "/a.db", WALPOOL_FS_LOCAL, "btrfs");
}

TEST(fsclass__knows_the_file_systems_that_lose_a_WAL)
{
    static const struct {
        const char *type;
        enum walpool_fs_class is;
    } cases[] = {
        {"nfs", WALPOOL_FS_NETWORK},      {"cifs", WALPOOL_FS_NETWORK},
        {"smb3", WALPOOL_FS_NETWORK},     {"ceph", WALPOOL_FS_NETWORK},
        {"lustre", WALPOOL_FS_NETWORK},   {"afs", WALPOOL_FS_NETWORK},
        {"ocfs2", WALPOOL_FS_NETWORK},    {"fuse.rclone", WALPOOL_FS_NETWORK},
        {"fuse.glusterfs", WALPOOL_FS_NETWORK},
        {"fuse.s3fs", WALPOOL_FS_NETWORK},
        {"9p", WALPOOL_FS_BRIDGE},        {"vboxsf", WALPOOL_FS_BRIDGE},
        {"prl_fs", WALPOOL_FS_BRIDGE},    {"drvfs", WALPOOL_FS_BRIDGE},
        {"fuse.grpcfuse", WALPOOL_FS_BRIDGE},
        {"fuse.osxfs", WALPOOL_FS_BRIDGE},
        {"fuse.vmhgfs-fuse", WALPOOL_FS_BRIDGE},
        {"fuse.fuse-overlayfs", WALPOOL_FS_OVERLAY},
        {"fuseblk", WALPOOL_FS_LOCAL},    {"fuse", WALPOOL_FS_FUSE},
        {"fuse.e", WALPOOL_FS_FUSE},      {"ramfs", WALPOOL_FS_MEMORY},
        {"f", WALPOOL_FS_UNKNOWN},        {"newfs", WALPOOL_FS_UNKNOWN},
    };
    char table[128];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(table, sizeof table, "9 1 0:1 / / rw - %s none rw\n",
                 cases[i].type);
        expect(table, "/a.db", cases[i].is, cases[i].type);
    }
}

TEST(fsclass__a_table_that_makes_no_sense_says_nothing)
{
    static const char *const tables[] = {
        "", "\n", "\n\n\n", "27", "27 1", "27 1 254:0 /", "27 1 254:0 / /",
        "27 1 254:0 / / rw,relatime", "27 1 254:0 / / rw -", "- - - - - - -",
        "27 1 254:0 / / rw - ", "x y 254:0 / / rw - ext4 /dev/vda rw\n",
        "27 1 254:0 / none rw - ext4 /dev/vda rw\n",
        "27 1 254:0 / /srv rw - ext4 /dev/vda rw\n",
        "27 27 254:0 / / rw - ext4 /dev/vda rw\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        CHECK(!walpool__fsclass_in_table(tables[i], "/a.db", &fs));
    CHECK(!walpool__fsclass_in_table(machine, "a.db", &fs));
}

/* A circle of parents, a path longer than any: it ends all the same. */
TEST(fsclass__ends_whatever_the_table_says)
{
    static char table[3 * 5000];
    static const char circle[] = "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                 "28 27 0:1 / /a rw - xfs /dev/vdb rw\n"
                                 "27 28 0:2 / /a rw - nfs host:/ rw\n";
    CHECK(walpool__fsclass_in_table(circle, "/a/a.db", &fs));
    size_t used = (size_t)sprintf(table, "27 1 254:0 / / rw - ext4 d rw\n"
                                         "28 27 0:1 / /");
    memset(table + used, 'x', 8000);
    strcpy(table + used + 8000, " rw - nfs host:/ rw\n");
    expect(table, "/a.db", WALPOOL_FS_LOCAL, "ext4");
}

TEST(fsclass__every_cut_of_a_table_is_read_safely)
{
    char part[sizeof machine];
    for (size_t bytes = 0; bytes < sizeof machine; bytes++) {
        memcpy(part, machine, bytes);
        part[bytes] = '\0';
        walpool__fsclass_in_table(part, "/srv/disk/a.db", &fs);
        walpool__fsclass_in_table(part, "/with space\\and\ttab/a", &fs);
    }
}

TEST(fsclass__of_this_machine_agrees_with_statfs)
{
    struct statfs facts;
    char real[PATH_MAX];
    CHECK(realpath(check_folder(), real) != NULL);
    CHECK_INT(statfs(real, &facts), 0);
    walpool__fsclass_of(real, &fs);
    CHECK(fs.type[0] != '\0');
    CHECK_INT(fs.is == WALPOOL_FS_MEMORY, facts.f_type == 0x01021994);
    walpool__fsclass_of("/proc", &fs);
    CHECK_STR(fs.type, "proc");
}

TEST(fsclass__names_each_class)
{
    static const char *const names[] = {"unknown", "local",  "memory", "overlay",
                                        "network", "bridge", "fuse"};
    for (int is = 0; is <= WALPOOL_FS_FUSE; is++)
        CHECK_STR(walpool__fsclass_name((enum walpool_fs_class)is), names[is]);
}

/* ---------------------------------------------------------------- at opening */

/* Have this process read another mount table: that of a machine on which the
 * case's folder is of the given type. False: only root may. */
static bool
pretend(const char *type)
{
    char real[PATH_MAX], table[2 * PATH_MAX];
    CHECK(realpath(check_folder(), real) != NULL);
    snprintf(table, sizeof table, "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
             "28 27 0:40 / %s rw - %s somewhere rw\n", real, type);
    FILE *file = fopen(check_path("mountinfo"), "w");
    CHECK(file != NULL);
    fputs(table, file);
    fclose(file);
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(check_path("mountinfo"), "/proc/self/mountinfo", NULL,
                 MS_BIND, NULL) == 0;
}

static void
open_on_the_network(void)
{
    static const char *const modes[] = {"", "mode=rw", "mode=ro"};
    if (!pretend("nfs4"))
        _exit(77);
    for (size_t i = 0; i < 3; i++) {
        walpool_options options = WALPOOL_OPTIONS_INIT;
        CHECK_OK(walpool_options_parse(&options, modes[i], NULL, 0, &err));
        CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
                   WALPOOL_UNSUPPORTED);
        CHECK_CONTAINS(err.message, check_path("a.db"));
        CHECK_CONTAINS(err.message, "nfs4");
        CHECK_CONTAINS(err.message, "allow_network_fs=1");
    }
    CHECK_NULL(walpool_open(check_path("new.db"), NULL, &err),
               WALPOOL_UNSUPPORTED);
    CHECK(access(check_path("new.db"), F_OK) != 0);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    walpool *db = api_open("a.db", "allow_network_fs=1");
    CHECK_INT(api_health(db).fs_class, WALPOOL_FS_NETWORK);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(api_health(db).reason, "nfs4");
    api_close(db);
}

static void
open_on_the_host(void)
{
    if (!pretend("virtiofs"))
        _exit(77);
    CHECK_NULL(walpool_open(check_path("a.db"), NULL, &err),
               WALPOOL_UNSUPPORTED);
    CHECK_CONTAINS(err.message, "virtiofs");
    CHECK_CONTAINS(err.message, "host of this machine");
}

static void
open_on_overlay(void)
{
    if (!pretend("overlay"))
        _exit(77);
    walpool *db = api_open("a.db", "");
    CHECK_INT(api_health(db).fs_class, WALPOOL_FS_OVERLAY);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(fsclass__decides_whether_a_database_is_opened)
{
    static void (*const runs[])(void) = {open_on_the_network, open_on_the_host,
                                         open_on_overlay};
    for (size_t i = 0; i < ARRAY_COUNT(runs); i++) {
        int status;
        walpool *db = api_open("a.db", "");
        CHECK(api_health(db).fs_class != WALPOOL_FS_NETWORK);
        api_close(db);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            atomic_store(&check_failures, 0);
            alarm(CHECK_SECONDS);
            if (setjmp(check_exit) == 0)
                runs[i]();
            fflush(stdout);
            _exit(atomic_load(&check_failures) != 0);
        }
        CHECK_INT(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
            check_skip("only root may change the mount table that is read");
            return;
        }
        CHECK_INT(status, 0);
    }
}

CHECK_MAIN()
