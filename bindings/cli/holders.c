/* Holders: which processes have locks on a file that this one does not use.
 *
 * F_GETLK tells for sure whether there is a lock, and names one process that has
 * it. Others that share it are in the kernel's list, if the file system has the
 * device there that stat() knows. That list is read in pieces, and a line is
 * missed when locks before it go away between two of them: one reading in thirty
 * on a machine whose other processes lock all the time. So it is read several
 * times, and what is in any of them counts.
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

#define READINGS 4

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

static bool
read_once(struct cli_locklist *list)
{
    FILE *file = fopen("/proc/locks", "re");
    bool done = true;
    char line[256];
    struct row row;

    while (done && file && fgets(line, sizeof line, file))
        if (read_row(line, &row))
            done = append(list, &row);
    if (file)
        fclose(file);
    return done;
}

struct cli_locklist *
cli_locklist_read(void)
{
    struct cli_locklist *list = walpool__mem_zalloc(sizeof *list);

    for (int i = 0; list && i < READINGS; i++)
        if (!read_once(list)) {
            cli_locklist_free(list);
            list = NULL;
        }
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
    int64_t pid = walpool__posixlock_other(fd, byte, 1, false);
    struct stat facts;
    bool alone;

    memset(holders, 0, sizeof *holders);
    if (pid == WALPOOL__POSIXLOCK_NOBODY || fstat(fd, &facts) != 0)
        return;
    look_up(list, &facts, byte, holders);
    holders->partial = !cli_holders_is_held(holders);
    alone = walpool__posixlock_other(fd, byte, 1, true) !=
            WALPOOL__POSIXLOCK_NOBODY;
    add(holders, pid, alone);
    if (alone) /* it has been taken since, by one process */
        holders->partial = false;
}
