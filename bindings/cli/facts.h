/* Facts: all that can be known about a database without opening it. */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include "fsclass.h"
#include "look.h"
#include "processes.h"

enum cli_kind {
    CLI_MISSING,
    CLI_REGULAR,
    CLI_DIRECTORY,
    CLI_FIFO,
    CLI_LINK, /* of a sidecar; the database's own is followed */
    CLI_OTHER /* a device or a socket */
};

/* What lies at a path. */
struct cli_file {
    enum cli_kind kind;
    int error; /* errno of looking at it or of reading it, or 0 */
    int64_t bytes, links;
    uint32_t mode, user, group;
};

/* The first 100 bytes of the database (sqlite.org/fileformat2.html 1.3). */
struct cli_header {
    bool whole, magic;
    uint8_t write_version, read_version; /* 1: rollback journal, 2: WAL */
    uint32_t page_bytes;
    uint32_t pages; /* 0: not to be trusted */
};

/* The first 32 bytes of the WAL. */
struct cli_wal_header {
    bool whole, known;
    uint32_t version, page_bytes;
};

struct cli_facts {
    char path[WALPOOL__PATH_BYTES]; /* absolute, links resolved */
    bool is_link;                   /* the name given is a symbolic link */
    struct cli_file file, parts[CLI_PARTS], journal;
    struct cli_header header;
    struct cli_wal_header wal;
    int64_t free_bytes; /* of the disk; -1: not known */
    struct walpool__fs fs; /* where it lies */
    struct cli_look first, last;
    struct cli_processes processes;
    /* What judging takes into account, and no file says. */
    int64_t watched_ms; /* between the looks; 0: one after the other */
    int64_t threshold;  /* frames */
    bool wal_reset_safe;
    char sqlite[16]; /* version of this command's SQLite */
};

/* Gather them. False: out of memory. */
bool cli_facts_gather(const char *name, int64_t watch_ms, int64_t threshold,
                      struct cli_facts *facts);

#endif
