/* Holders: which processes have locks on a file that this one does not use.
 *
 * F_GETLK names one process for a lock, and several may share it. The kernel's
 * list has them all, but not on every file system by a device that stat() knows.
 * So the list is read first, and where it has nothing the kernel is asked.
 *
 * Does: read /proc/locks, ask.
 * Must not: take a lock; be used in a process that has the database open.
 * Lock: none. */
#include "holders.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/sysmacros.h>
#endif

#include "mem.h"
#include "posixlock.h"

struct row {
    int64_t pid, first, last;
    uint64_t inode;
    unsigned major, minor;
    bool alone;
};

struct cli_locklist {
    struct row *rows;
    size_t count, room;
};

bool
cli_holders_has(const struct cli_holders *holders, int64_t pid)
{
    int known = holders->count < CLI_HOLDERS_MAX ? holders->count
                                                 : CLI_HOLDERS_MAX;

    for (int i = 0; i < known; i++)
        if (holders->pids[i] == pid)
            return true;
    return false;
}

static void
add(struct cli_holders *holders, int64_t pid, bool alone)
{
    holders->alone |= alone;
    if (pid <= 0)
        holders->unnamed = true;
    else if (!cli_holders_has(holders, pid)) {
        if (holders->count < CLI_HOLDERS_MAX)
            holders->pids[holders->count] = pid;
        holders->count++;
    }
}

/* As "1: POSIX  ADVISORY  READ 4711 fe:00:1234 124 124"; the end may be "EOF",
 * and "-> " stands before the lock for which a process waits. */
static bool
read_row(const char *line, struct row *row)
{
    unsigned long long inode;
    long long pid, first, last;
    char kind[16];
    int found =
        sscanf(line, "%*d: POSIX %*s %15s %lld %x:%x:%llu %lld %lld", kind,
               &pid, &row->major, &row->minor, &inode, &first, &last);

    if (found < 6)
        return false;
    row->pid = pid;
    row->inode = inode;
    row->first = first;
    row->last = found == 7 ? last : INT64_MAX;
    row->alone = strcmp(kind, "WRITE") == 0;
    return true;
}

static bool
append(struct cli_locklist *list, const struct row *row)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct row *rows =
            walpool__mem_realloc(list->rows, room * sizeof *rows);

        if (!rows)
            return false;
        list->rows = rows;
        list->room = room;
    }
    list->rows[list->count++] = *row;
    return true;
}

struct cli_locklist *
cli_locklist_read(void)
{
    struct cli_locklist *list = walpool__mem_zalloc(sizeof *list);
    FILE *file = fopen("/proc/locks", "re");
    char line[256];
    struct row row;

    while (list && file && fgets(line, sizeof line, file))
        if (read_row(line, &row) && !append(list, &row)) {
            cli_locklist_free(list);
            list = NULL;
        }
    if (file)
        fclose(file);
    return list;
}

void
cli_locklist_free(struct cli_locklist *list)
{
    if (!list)
        return;
    walpool__mem_free(list->rows);
    walpool__mem_free(list);
}

static void
look_up(const struct cli_locklist *list, const struct stat *facts, int64_t byte,
        struct cli_holders *holders)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct row *row = &list->rows[i];

        if (row->inode == (uint64_t)facts->st_ino &&
            row->major == major(facts->st_dev) &&
            row->minor == minor(facts->st_dev) && row->first <= byte &&
            byte <= row->last)
            add(holders, row->pid, row->alone);
    }
}

void
cli_holders_of(const struct cli_locklist *list, int fd, int64_t byte,
               struct cli_holders *holders)
{
    struct stat facts;
    int64_t pid;

    memset(holders, 0, sizeof *holders);
    if (fstat(fd, &facts) != 0)
        return;
    look_up(list, &facts, byte, holders);
    if (cli_holders_is_held(holders))
        return;
    pid = walpool__posixlock_other(fd, byte, 1, false);
    if (pid == WALPOOL__POSIXLOCK_NOBODY)
        return;
    add(holders, pid,
        walpool__posixlock_other(fd, byte, 1, true) !=
            WALPOOL__POSIXLOCK_NOBODY);
    holders->partial = !holders->alone;
}
