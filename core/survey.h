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

struct walpool__findings {
    int64_t disk_free;  /* bytes, or -1: not known */
    int64_t pin_frames; /* of the WAL, of the oldest read mark in use; -1: none */
    struct walpool__process pin;    /* one of those who use it */
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
    int fd;  /* of -shm: SQLite's, or another one of this process */
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

/* Does somebody run a checkpoint, in this process or another? False also where
 * it cannot be told. */
bool walpool__survey_is_copying(struct walpool__survey *survey);

#endif
