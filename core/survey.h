/* Survey: what costs system calls to know, asked for now and then. */
#ifndef WALPOOL_SURVEY_H
#define WALPOOL_SURVEY_H

#include "fsinfo.h"
#include "thread.h"
#include "walindex.h"

#define WALPOOL__PROCESS_NAME_BYTES 64

/* Another process, or this one. */
struct walpool__process {
    int64_t pid; /* 0: none, or not known */
    char name[WALPOOL__PROCESS_NAME_BYTES]; /* "process 12 (name)" */
};

/* The read mark in use that is the farthest behind. */
struct walpool__mark_use {
    int64_t frames; /* what came after them stays in the WAL; -1: none is */
    int64_t pid;    /* who uses it: this process if it does, too; or NOBODY or
                       UNKNOWN of posixlock.h */
};

struct walpool__findings {
    int64_t disk_free;  /* bytes, or -1: not known */
    int64_t pin_frames; /* of walpool__mark_use, as is */
    struct walpool__process pin;
    struct walpool__process writer; /* another one that has SQLite's write lock */
    bool beyond; /* the wal-index claims more to be checkpointed than there is,
                    while nobody writes */
};

struct walpool__survey {
    const char *path; /* the database's, borrowed */
    struct walpool__walindex *walindex; /* borrowed */
    struct walpool__mutex mutex; /* guards the rest, and the descriptor against
                                    being closed by SQLite */
    struct walpool__file_id id;
    int fd;  /* of -shm: SQLite's, as far as the system tells; never closed */
    bool on; /* false: there is no descriptor to ask */
    int64_t due_ns;
    struct walpool__findings findings;
};

void walpool__survey_init(struct walpool__survey *survey, const char *path,
                          struct walpool__walindex *walindex);
void walpool__survey_finish(struct walpool__survey *survey);

/* The database was opened and read, so SQLite has its descriptors. */
void walpool__survey_attach(struct walpool__survey *survey);

/* SQLite is about to close them. */
void walpool__survey_detach(struct walpool__survey *survey);

/* What was found by somebody, at most 100 ms ago or by this call. */
void walpool__survey_look(struct walpool__survey *survey, int64_t now_ns,
                          struct walpool__findings *findings);

/* Ask now who keeps the WAL. */
struct walpool__mark_use
walpool__survey_find_pin(struct walpool__survey *survey);

/* Does somebody run a checkpoint, in this process or another? False also where
 * it cannot be told. */
bool walpool__survey_is_copying(struct walpool__survey *survey);

#endif
