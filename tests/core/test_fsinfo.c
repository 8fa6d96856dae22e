/* fsinfo: what lies at a path, without ever opening what is there. */
#include "fsinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "inside.h"

static struct walpool__place place;

static walpool_status
find(const char *path, bool may_create)
{
    return walpool__fsinfo_place(path, may_create, 0600, &place, &err);
}

static void
make_file(const char *path, const char *bytes)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs(bytes, file);
    fclose(file);
}

TEST(fsinfo__finds_a_file_and_leaves_it_alone)
{
    struct stat before, after;
    const char *path = check_path("a.db");
    make_file(path, "abc");
    CHECK_INT(stat(path, &before), 0);
    CHECK_OK(find(path, true));
    CHECK_INT(stat(path, &after), 0);
    CHECK(!place.created);
    CHECK(place.id.inode == (uint64_t)before.st_ino);
    CHECK(place.id.device == (uint64_t)before.st_dev);
    CHECK_INT(after.st_size, 3);
    CHECK_INT(after.st_mode, before.st_mode);
    CHECK_INT(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

TEST(fsinfo__creates_what_may_be_missing)
{
    struct stat facts;
    const char *path = check_path("new.db");
    CHECK_STATUS(find(path, false), WALPOOL_CANTOPEN);
    CHECK_INT(err.system_errno, ENOENT);
    CHECK_CONTAINS(err.message, "mode is not rwc");
    CHECK(access(path, F_OK) != 0);
    CHECK_OK(find(path, true));
    CHECK(place.created);
    CHECK_INT(stat(place.path, &facts), 0);
    CHECK_INT(facts.st_size, 0);
    CHECK(place.id.inode == (uint64_t)facts.st_ino);
    CHECK_OK(find(path, false));
    CHECK(!place.created);
}

TEST(fsinfo__gives_the_permissions_whatever_the_umask)
{
    static const int wanted[] = {0600, 0640, 0666, 0400};
    static const mode_t masks[] = {0, 022, 077, 0777};
    char name[32];
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        for (size_t j = 0; j < ARRAY_COUNT(masks); j++) {
            struct stat facts;
            snprintf(name, sizeof name, "%zu-%zu.db", i, j);
            const char *path = check_path(name);
            mode_t before = umask(masks[j]);
            walpool_status status =
                walpool__fsinfo_place(path, true, wanted[i], &place, &err);
            umask(before);
            CHECK_STATUS(status, WALPOOL_OK);
            CHECK_INT(stat(path, &facts), 0);
            CHECK_INT(facts.st_mode & 07777, wanted[i]);
        }
}

/* Closing a descriptor drops every lock that the process has on the file, and
 * another thread may have locked it between the creation and the close. */
TEST(fsinfo__never_opens_the_file_that_it_creates)
{
    _Alignas(8) char events[4096];
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    CHECK(watch >= 0);
    CHECK(inotify_add_watch(watch, check_folder(),
                            IN_CREATE | IN_OPEN | IN_CLOSE) >= 0);
    CHECK_OK(find(check_path("new.db"), true));
    ssize_t bytes = read(watch, events, sizeof events);
    CHECK(bytes > 0);
    for (ssize_t at = 0; at < bytes;) {
        struct inotify_event *event = (void *)(events + at);
        if (event->len > 0)
            CHECK_INT(event->mask & (IN_OPEN | IN_CLOSE), 0);
        at += (ssize_t)(sizeof *event + event->len);
    }
    close(watch);
}

TEST(fsinfo__follows_a_link_to_the_file)
{
    const char *path = check_path("a.db"), *name = check_path("b.db");
    make_file(path, "");
    CHECK_INT(symlink("a.db", name), 0);
    CHECK_OK(find(path, false));
    struct walpool__place first = place;
    CHECK_OK(find(name, false));
    CHECK_STR(place.path, first.path);
    CHECK(place.id.inode == first.id.inode);
}

TEST(fsinfo__creates_nothing_through_a_dangling_link)
{
    const char *name = check_path("link.db"), *target = check_path("away.db");
    CHECK_INT(symlink("away.db", name), 0);
    CHECK_STATUS(find(name, true), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "link.db");
    CHECK(access(target, F_OK) != 0);
    CHECK_STATUS(find(name, false), WALPOOL_CANTOPEN);
}

TEST(fsinfo__refuses_links_in_a_ring)
{
    CHECK_INT(symlink("b", check_path("a")), 0);
    CHECK_INT(symlink("a", check_path("b")), 0);
    CHECK_STATUS(find(check_path("a"), true), WALPOOL_CANTOPEN);
    CHECK_INT(err.system_errno, ELOOP);
}

TEST(fsinfo__refuses_a_file_with_two_names)
{
    const char *path = check_path("a.db"), *other = check_path("b.db");
    make_file(path, "");
    CHECK_INT(link(path, other), 0);
    CHECK_STATUS(find(path, true), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "hard links");
    CHECK_STATUS(find(other, true), WALPOOL_CANTOPEN);
    CHECK_INT(unlink(other), 0);
    CHECK_OK(find(path, true));
}

TEST(fsinfo__refuses_what_is_no_regular_file)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    CHECK_INT(mkfifo(check_path("fifo"), 0600), 0);
    CHECK_INT(mkdir(check_path("folder"), 0700), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", check_path("socket"));
    CHECK_INT(bind(fd, (void *)&name, sizeof name), 0);
    CHECK_STATUS(find(check_path("fifo"), true), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "FIFO");
    CHECK_STATUS(find(check_path("folder"), true), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "directory");
    CHECK_STATUS(find(check_path("socket"), true), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "socket");
    CHECK_STATUS(find("/dev/null", true), WALPOOL_CANTOPEN);
    CHECK_CONTAINS(err.message, "device");
    close(fd);
}

TEST(fsinfo__refuses_paths_that_name_a_folder)
{
    static const char *const ends[] = {"new.db/", ".", "..", "sub/.", "sub/.."};
    CHECK_INT(mkdir(check_path("sub"), 0700), 0);
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        CHECK_STATUS(find(check_path(ends[i]), true), WALPOOL_CANTOPEN);
    make_file(check_path("a.db"), "");
    CHECK_STATUS(find(check_path("a.db/"), true), WALPOOL_CANTOPEN);
    CHECK_STATUS(find(check_path("a.db/b.db"), true), WALPOOL_CANTOPEN);
    CHECK_INT(err.system_errno, ENOTDIR);
}

TEST(fsinfo__says_that_the_folder_is_missing)
{
    CHECK_STATUS(find(check_path("no/such/new.db"), true), WALPOOL_CANTOPEN);
    CHECK_INT(err.system_errno, ENOENT);
    CHECK_CONTAINS(err.message, "its folder: No such file");
}

TEST(fsinfo__says_that_the_folder_may_not_be_written)
{
    inside_drop();
    CHECK_INT(mkdir(check_path("locked"), 0700), 0);
    CHECK_INT(chmod(check_path("locked"), 0500), 0);
    walpool_status status = find(check_path("locked/new.db"), true);
    CHECK_INT(chmod(check_path("locked"), 0700), 0);
    inside_regain();
    CHECK_STATUS(status, WALPOOL_CANTOPEN);
    CHECK_INT(err.system_errno, EACCES);
    CHECK_CONTAINS(err.message, "Permission denied");
}

TEST(fsinfo__makes_relative_paths_absolute)
{
    char before[4096], want[1024];
    CHECK(getcwd(before, sizeof before) != NULL);
    CHECK_INT(mkdir(check_path("sub"), 0700), 0);
    snprintf(want, sizeof want, "%s", check_path("rel.db"));
    CHECK_INT(chdir(check_path("sub")), 0);
    walpool_status first = find("../rel.db", true);
    bool created = place.created;
    walpool_status second = find(".././sub/../rel.db", true);
    CHECK_INT(chdir(before), 0);
    CHECK_STATUS(first, WALPOOL_OK);
    CHECK(created);
    CHECK_STATUS(second, WALPOOL_OK);
    CHECK(!place.created);
    CHECK(place.path[0] == '/');
    CHECK_OK(find(want, false));
}

/* SQLite's limit, with its suffixes: one byte more must not reach it. */
TEST(fsinfo__takes_every_length_that_SQLite_takes)
{
    size_t most = (size_t)sqlite3_vfs_find(NULL)->mxPathname - 8;
    char path[2048];
    bool found = true;
    for (size_t bytes = strlen(check_folder()) + 2; bytes < most + 300;) {
        memset(path, 'd', sizeof path);
        memcpy(path, check_folder(), strlen(check_folder()));
        path[strlen(check_folder())] = '/';
        for (size_t i = strlen(check_folder()) + 200; i + 2 < bytes; i += 200) {
            path[i] = 0;
            mkdir(path, 0700);
            path[i] = '/';
        }
        path[bytes] = 0;
        walpool_status status = find(path, true);
        CHECK_STATUS(status, bytes <= most ? WALPOOL_OK : WALPOOL_CANTOPEN);
        if (found && bytes > most)
            CHECK_INT(err.system_errno, ENAMETOOLONG);
        found = bytes <= most;
        bytes += bytes > most - 5 && bytes < most + 5 ? 1 : 60;
    }
}

TEST(fsinfo__refuses_paths_longer_than_any)
{
    static char path[10000];
    memset(path, 'x', sizeof path - 1);
    CHECK_STATUS(find(path, true), WALPOOL_CANTOPEN);
    for (size_t i = 1; i < sizeof path - 1; i += 2)
        path[i] = '/';
    CHECK_STATUS(find(path, true), WALPOOL_CANTOPEN);
    CHECK_STATUS(find("", true), WALPOOL_CANTOPEN);
}

TEST(fsinfo__keeps_names_that_look_like_URIs)
{
    CHECK_OK(find(check_path("file:x.db?mode=memory&nolock=1"), true));
    CHECK_CONTAINS(place.path, "/file:x.db?mode=memory&nolock=1");
}

TEST(fsinfo__measures_files)
{
    make_file(check_path("a"), "abcde");
    CHECK_INT(walpool__fsinfo_size(check_path("a")), 5);
    CHECK_INT(walpool__fsinfo_size(check_path("none")), 0);
}

TEST(fsinfo__tells_the_room_on_a_disk)
{
    CHECK(walpool__fsinfo_free(check_folder()) > 0);
    CHECK_INT(walpool__fsinfo_free(check_path("none/none")), -1);
}

/* ------------------------------------------------------------- many threads */

static atomic_int created;

static void *
create_together(void *path)
{
    struct walpool__place mine;
    walpool_error error;
    CHECK_INT(walpool__fsinfo_place(path, true, 0640, &mine, &error),
              WALPOOL_OK);
    atomic_fetch_add(&created, mine.created);
    return NULL;
}

TEST(fsinfo__creates_a_file_once_for_many_threads)
{
    pthread_t threads[4];
    char name[32];
    for (int round = 0; round < 50; round++) {
        snprintf(name, sizeof name, "%d.db", round);
        char *path = (char *)(uintptr_t)check_path(name);
        atomic_store(&created, 0);
        for (size_t i = 0; i < 4; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, create_together, path),
                      0);
        for (size_t i = 0; i < 4; i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(atomic_load(&created), 1);
    }
}

CHECK_MAIN()
