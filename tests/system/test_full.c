/* A disk that is really full: a file system of 128 MB, mounted for this process
 * alone. What was acknowledged stays, reads go on, and when there is room again
 * all is well without an opening anew. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>

#include "../core/api.h"

#define DISK_BYTES "128m" /* health calls less than 64 MB left too little */

static char disk[64]; /* where it is mounted, or "" */

/* ------------------------------------------------------------ the small disk */

static void
put(const char *name, const char *text)
{
    int file = open(name, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t wrote = write(file, text, strlen(text));
    (void)wrote; /* then the mount is refused */
    close(file);
}

/* In a user namespace of our own anybody may mount. */
static bool
may_mount(void)
{
    char map[2][40];
    snprintf(map[0], sizeof map[0], "0 %d 1", (int)geteuid());
    snprintf(map[1], sizeof map[1], "0 %d 1", (int)getegid());
    if (unshare(CLONE_NEWNS) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", map[0]);
    put("/proc/self/gid_map", map[1]);
    return true;
}

static void
mount_disk(void)
{
    char folder[] = "/tmp/walpool-disk-XXXXXX";
    if (mkdtemp(folder) == NULL)
        return;
    if (may_mount() &&
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("walpool", folder, "tmpfs", 0, "size=" DISK_BYTES) == 0) {
        snprintf(disk, sizeof disk, "%s", folder);
        setenv("TMPDIR", disk, 1);
    } else
        rmdir(folder);
}

static void
unmount_disk(void)
{
    if (disk[0] == 0)
        return;
    umount2(disk, MNT_DETACH);
    rmdir(disk);
}

static bool
is_mounted(void)
{
    if (disk[0] == 0)
        check_skip("this process may not mount a file system");
    return disk[0] != 0;
}

/* Take all room but so many bytes. */
static void
fill_disk(int64_t spare)
{
    static const char bytes[4096];
    int file = open(check_path("ballast"), O_WRONLY | O_CREAT | O_CLOEXEC,
                    0600);
    int64_t size = 0;
    CHECK(file >= 0);
    while (posix_fallocate(file, size, 1 << 20) == 0)
        size += 1 << 20;
    CHECK_INT(lseek(file, size, SEEK_SET), size);
    while (write(file, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        size += (int64_t)sizeof bytes;
    CHECK_INT(errno, ENOSPC);
    CHECK_INT(ftruncate(file, size > spare ? size - spare : 0), 0);
    close(file);
}

static void
make_room(void)
{
    CHECK_INT(unlink(check_path("ballast")), 0);
}

/* ---------------------------------------------------------------- what holds */

static const char add[] = "INSERT INTO t(v) VALUES (randomblob(3000))";
static const char count[] = "SELECT count(*) FROM t";

static walpool *
open_with_rows(const char *options, int rows)
{
    walpool *db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
    for (int i = 0; i < rows; i++)
        CHECK_OK(api_write(db, add));
    return db;
}

static void
expect_full(walpool_status status)
{
    CHECK_STATUS(status, WALPOOL_FULL);
    CHECK_INT(err.status, WALPOOL_FULL);
    CHECK_INT(err.system_errno, ENOSPC);
    CHECK(err.outcome != WALPOOL_APPLIED);
}

/* Until the disk takes no more. Returns the rows that were acknowledged. */
static int64_t
write_until_full(walpool *db)
{
    int64_t rows = 0;
    walpool_status status;
    while ((status = api_write(db, add)) == WALPOOL_OK)
        rows++;
    expect_full(status);
    return rows;
}

/* There is room again. */
static void
expect_well(walpool *db, int64_t rows)
{
    CHECK_INT(api_number(db, count), rows);
    CHECK_OK(api_write(db, add));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    CHECK_EVENTUALLY(api_health(db).verdict == WALPOOL_HEALTH_OK);
    CHECK_INT(api_number(db, count), rows + 1);
    api_close(db);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, count), rows + 1);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
}

/* ------------------------------------------------------------------- cases */

static void
fill_by_writes(const char *options)
{
    if (!is_mounted())
        return;
    walpool *db = open_with_rows(options, 5);
    fill_disk(100000);
    int64_t rows = 5 + write_until_full(db);
    CHECK(rows > 10);
    CHECK_INT(api_number(db, count), rows);
    CHECK_EVENTUALLY(api_health(db).verdict == WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(api_health(db).reason, "disk");
    expect_full(api_write(db, add));
    make_room();
    expect_well(db, rows);
}

TEST(full__what_was_acknowledged_stays)
{
    fill_by_writes("");
}

TEST(full__what_was_acknowledged_as_synced_stays)
{
    fill_by_writes("durability=full");
}

/* More than the page cache holds, so SQLite writes to the WAL before the end. */
TEST(full__in_a_transaction_undoes_it_and_the_lease_goes_on)
{
    if (!is_mounted())
        return;
    walpool *db = open_with_rows("cache_size_kib=64", 5);
    fill_disk(100000);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    walpool_status status = WALPOOL_OK;
    for (int i = 0; i < 200 && status == WALPOOL_OK; i++)
        status = api_run(lease, add);
    expect_full(status);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(api_number(db, count), 5);
    make_room();
    status = walpool_rollback(lease, &err); /* SQLite may have done so */
    CHECK(status == WALPOOL_OK || status == WALPOOL_MISUSE);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_OK(api_run(lease, add));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    expect_well(db, 6);
}

TEST(full__in_a_commit_undoes_the_transaction)
{
    if (!is_mounted())
        return;
    walpool *db = open_with_rows("cache_size_kib=65536", 5);
    fill_disk(40000);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    for (int i = 0; i < 60; i++)
        CHECK_OK(api_run(lease, add));
    expect_full(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(api_number(db, count), 5);
    make_room();
    expect_well(db, 5);
}

TEST(full__in_a_checkpoint_keeps_the_WAL_and_health_says_so)
{
    if (!is_mounted())
        return;
    walpool *db = open_with_rows("", 60);
    fill_disk(0);
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++)
        expect_full(walpool_checkpoint(db, (walpool_checkpoint_mode)mode, NULL,
                                       NULL, &err));
    CHECK_INT(api_health(db).checkpoint_failures, 4);
    CHECK_EVENTUALLY(api_health(db).verdict == WALPOOL_HEALTH_FAILING);
    CHECK_INT(api_number(db, count), 60);
    make_room();
    expect_well(db, 60);
}

/* The thread of the library tries again by itself. A reader of what was there
 * before keeps all frames in the WAL until the disk is full. */
TEST(full__in_the_checkpointer_is_made_up_for_when_there_is_room)
{
    if (!is_mounted())
        return;
    walpool *db = open_with_rows("checkpoint_frames=100", 0);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(api_run(lease, count));
    for (int i = 0; i < 100; i++)
        CHECK_OK(api_write(db, add));
    fill_disk(0);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(api_health(db).checkpoint_failures > 0);
    CHECK_INT(api_number(db, count), 100);
    make_room();
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0 &&
                     api_health(db).verdict == WALPOOL_HEALTH_OK);
    expect_well(db, 100);
}

TEST(full__in_an_opening_is_a_clear_error_and_leaves_the_file_alone)
{
    if (!is_mounted())
        return;
    api_close(open_with_rows("", 5));
    fill_disk(0);
    CHECK(walpool_open(check_path("a.db"), NULL, &err) == NULL);
    CHECK(err.status == WALPOOL_FULL || err.status == WALPOOL_IO);
    CHECK_INT(err.system_errno, ENOSPC);
    CHECK_CONTAINS(err.message, "a.db");
    make_room();
    walpool *db = api_open("a.db", "");
    expect_well(db, 5);
}

TEST(full__in_the_making_of_a_database_leaves_none_behind)
{
    if (!is_mounted())
        return;
    fill_disk(0);
    CHECK(walpool_open(check_path("a.db"), NULL, &err) == NULL);
    CHECK(err.status == WALPOOL_FULL || err.status == WALPOOL_IO);
    CHECK_INT(err.system_errno, ENOSPC);
    CHECK(access(check_path("a.db"), F_OK) != 0);
    make_room();
    expect_well(open_with_rows("", 3), 3);
}

int
main(int argc, char **argv)
{
    mount_disk();
    int failed = check_main(argc, argv);
    unmount_disk();
    return failed;
}
