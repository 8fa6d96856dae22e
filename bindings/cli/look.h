/* Look: wal-index and locks of a database at one moment, from outside. */
#ifndef CLI_LOOK_H
#define CLI_LOOK_H

#include "holders.h"

#define CLI_MARKS 5

/* The beginning of the -shm file, as sqlite.org/walformat.html has it. */
struct cli_index {
    bool whole;   /* it is there, and long enough to hold the header */
    bool known;   /* in the format that SQLite has had since 3.7.0 */
    bool settled; /* nobody was changing it while it was read */
    uint32_t version;
    uint32_t commits;      /* iChange: changes with each commit */
    uint32_t frames;       /* mxFrame: frames that hold commits */
    uint32_t checkpointed; /* nBackfill: of these, in the database */
    uint32_t marks[CLI_MARKS];
};

struct cli_look {
    struct cli_index index;
    /* Locks on the -shm file. */
    struct cli_holders writer, checkpointer, recoverer, readers[CLI_MARKS];
    struct cli_holders users;     /* it is open in WAL mode */
    struct cli_holders main_lock; /* the lock on the database file itself */
};

/* Only the wal-index: what it takes to count. */
void cli_look_index(const char *database, struct cli_index *index);

/* False: out of memory. What is not there is left empty. */
bool cli_look_take(const char *database, struct cli_look *look);

#endif
