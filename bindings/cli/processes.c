/* Processes: who has a database open, as the system lists it.
 *
 * A descriptor is known by device and inode, because another container has
 * another path to the same file; one whose file was unlinked by the path that
 * the system keeps for it.
 *
 * Does: read /proc.
 * Must not: open a file of the database.
 * Lock: none. */
#include "processes.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sidelock.h"
#include "text.h"

static const char *const suffixes[CLI_PARTS] = {"", "-wal", "-shm", "-turn"};

#define GONE " (deleted)"

struct search {
    const char *database;
    struct walpool__file_id ids[CLI_PARTS];
    bool there[CLI_PARTS];
};

void
cli_part_path(const char *database, enum cli_part part, char *dst, size_t room)
{
    snprintf(dst, room, "%s%s", database, suffixes[part]);
}

/* ------------------------------------------------------------ one process */

static void
read_name(struct cli_process *process)
{
    char path[64], name[64] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)process->pid);
    file = fopen(path, "re");
    if (!file)
        return;
    if (!fgets(name, sizeof name, file))
        name[0] = '\0';
    fclose(file);
    name[strcspn(name, "\n")] = '\0';
    cli_text_shown(name, process->name, sizeof process->name);
}

static int64_t
boot_time(void)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[256];
    long long seconds = 0;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "btime %lld", &seconds) == 1)
            break;
    if (file)
        fclose(file);
    return seconds;
}

/* The name in the file may hold blanks and brackets: what follows the last
 * bracket is field 3, and field 22 is when it began. */
static void
read_since(struct cli_process *process)
{
    char path[64], text[1024];
    const char *at;
    size_t bytes;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process->pid);
    file = fopen(path, "re");
    if (!file)
        return;
    bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = '\0';
    at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at && boot_time() > 0)
        process->since =
            boot_time() + strtoll(at, NULL, 10) / sysconf(_SC_CLK_TCK);
}

/* ---------------------------------------------------------- its descriptors */

static void
count_gone(const struct search *search, const char *descriptor,
           struct cli_process *process)
{
    char link[PATH_MAX + sizeof GONE], path[WALPOOL__PATH_BYTES + 16];
    ssize_t bytes = readlink(descriptor, link, sizeof link - 1);
    size_t end = sizeof GONE - 1;

    if (bytes < (ssize_t)end || strncmp(link + bytes - end, GONE, end) != 0)
        return;
    link[bytes - (ssize_t)end] = '\0';
    for (enum cli_part part = 0; part < CLI_PARTS; part++) {
        cli_part_path(search->database, part, path, sizeof path);
        process->gone[part] += strcmp(link, path) == 0;
    }
}

/* The system lists the locks of a descriptor beside it, as
 * "lock:  1: OFDLCK ADVISORY  WRITE 4711 fe:00:1234 0 0". */
static bool
holds_turn(const struct cli_process *process, const char *descriptor)
{
    char path[64 + NAME_MAX], line[256];
    const char *number = strrchr(descriptor, '/');
    long long first;
    bool holds = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%lld/fdinfo%s",
             (long long)process->pid, number ? number : "");
    file = fopen(path, "re");
    while (file && !holds && fgets(line, sizeof line, file))
        holds = sscanf(line, "lock: %*d: OFDLCK %*s WRITE %*d %*s %lld",
                       &first) == 1 &&
                first == WALPOOL__SIDELOCK_TURN;
    if (file)
        fclose(file);
    return holds;
}

static void
count_descriptor(const struct search *search, const char *descriptor,
                 struct cli_process *process)
{
    struct walpool__file_id id;
    struct stat facts;

    if (stat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode))
        return;
    if (facts.st_nlink == 0) {
        count_gone(search, descriptor, process);
        return;
    }
    id = (struct walpool__file_id){facts.st_dev, facts.st_ino};
    for (enum cli_part part = 0; part < CLI_PARTS; part++)
        process->open[part] += search->there[part] &&
                               walpool__fsinfo_is_same(&id, &search->ids[part]);
    if (search->there[CLI_TURN] &&
        walpool__fsinfo_is_same(&id, &search->ids[CLI_TURN]))
        process->has_turn |= holds_turn(process, descriptor);
}

/* False: they may not be seen. */
static bool
count_descriptors(const struct search *search, struct cli_process *process)
{
    char path[64 + NAME_MAX];
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%lld/fd", (long long)process->pid);
    folder = opendir(path);
    if (!folder)
        return access(path, F_OK) != 0; /* it has ended */
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "/proc/%lld/fd/%s",
                     (long long)process->pid, entry->d_name);
            count_descriptor(search, path, process);
        }
    closedir(folder);
    process->visible = true;
    return true;
}

static bool
uses_a_part(const struct cli_process *process)
{
    for (enum cli_part part = 0; part < CLI_PARTS; part++)
        if (process->open[part] || process->gone[part])
            return true;
    return false;
}

static void
begin_search(struct search *search, const char *database)
{
    char path[WALPOOL__PATH_BYTES + 16];

    search->database = database;
    for (enum cli_part part = 0; part < CLI_PARTS; part++) {
        cli_part_path(database, part, path, sizeof path);
        search->there[part] = walpool__fsinfo_id_at(path, &search->ids[part]);
    }
}

static void
keep(struct cli_processes *found, struct cli_process *process)
{
    if (found->count == CLI_PROCESSES_MAX)
        return;
    read_name(process);
    read_since(process);
    found->list[found->count++] = *process;
}

void
cli_processes_find(const char *database, struct cli_processes *found)
{
    DIR *folder = opendir("/proc");
    struct search search;

    memset(found, 0, sizeof *found);
    begin_search(&search, database);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct cli_process process = {
            .pid = strtoll(entry->d_name, NULL, 10)};

        if (!isdigit((unsigned char)entry->d_name[0]) ||
            process.pid == getpid())
            continue;
        if (!count_descriptors(&search, &process))
            found->hidden = true;
        if (uses_a_part(&process))
            keep(found, &process);
    }
    if (folder)
        closedir(folder);
}

const struct cli_process *
cli_processes_lookup(const struct cli_processes *found, int64_t pid)
{
    for (int i = 0; i < found->count; i++)
        if (found->list[i].pid == pid)
            return &found->list[i];
    return NULL;
}

struct cli_process *
cli_processes_get(struct cli_processes *found, int64_t pid)
{
    const struct cli_process *known = cli_processes_lookup(found, pid);
    struct cli_process process = {.pid = pid};

    if (known)
        return &found->list[known - found->list];
    if (found->count == CLI_PROCESSES_MAX)
        return NULL;
    keep(found, &process);
    return &found->list[found->count - 1];
}
