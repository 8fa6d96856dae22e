/* Processes: who has a database open, as the system lists it. */
#ifndef CLI_PROCESSES_H
#define CLI_PROCESSES_H

#include "fsinfo.h"

#define CLI_PROCESSES_MAX 64
#define CLI_NAME_BYTES 32

/* The files of a database, by what comes behind its path. */
enum cli_part { CLI_DATABASE, CLI_WAL, CLI_SHM, CLI_TURN, CLI_PARTS };

struct cli_process {
    int64_t pid;
    int64_t since;             /* it began; seconds since 1970, or 0 */
    char name[CLI_NAME_BYTES]; /* "" : not to be had */
    bool visible;              /* its descriptors were seen */
    int open[CLI_PARTS];       /* descriptors on the file at the path */
    bool has_turn;             /* it may write just now, before other processes */
    int gone[CLI_PARTS]; /* on one that was there and has no name any more */
};

struct cli_processes {
    struct cli_process list[CLI_PROCESSES_MAX];
    int count;
    bool hidden; /* there are some whose descriptors may not be seen */
};

/* The path of a part. */
void cli_part_path(const char *database, enum cli_part part, char *dst,
                   size_t room);

/* Find all but this one that have a part of the database open. */
void cli_processes_find(const char *database, struct cli_processes *found);

/* The process of that number; one with a lock that was not found is added, if
 * there is room. NULL: there is none. */
struct cli_process *cli_processes_get(struct cli_processes *found, int64_t pid);
const struct cli_process *
cli_processes_lookup(const struct cli_processes *found, int64_t pid);

#endif
