/* The record: everything that reaches the disk of one database, in order, with
 * its bytes, and what callers were told meanwhile.
 *
 * It lies in memory that forked processes share, so that several of them can
 * write to one database and one record. Between sync and its end others write
 * on, therefore both are events. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../shimvfs.h"

enum record_what {
    RECORD_WRITE,       /* bytes of a file */
    RECORD_TRUNCATE,    /* a file has another size */
    RECORD_SYNC,        /* a sync of a file begins */
    RECORD_SYNCED,      /* it has ended */
    RECORD_CREATE,      /* a name in the folder means a new file */
    RECORD_DELETE,      /* a name is gone */
    RECORD_FOLDER_SYNC, /* a sync of the folder begins */
    RECORD_FOLDER_SYNCED,
    RECORD_TOLD /* a caller was told that its commit is made */
};

struct record_event {
    uint16_t what; /* enum record_what */
    uint16_t file; /* a new number for each file that is created */
    uint32_t bytes; /* of a write; of a commit that was told: 1 if durable */
    uint64_t data;  /* where in the record's bytes they are */
    int64_t a;      /* offset, size, name of the file, number of the sync or,
                       of a commit that was told, the writer */
    int64_t b;      /* of a commit that was told: its number */
};

/* Whose syncs are left out of the record, although they are carried out: disks
 * that lie, for the proof that the proof works. */
enum record_lie {
    RECORD_NO_LIE,
    RECORD_LIE_SYNCER,     /* walpool's own sync of the WAL */
    RECORD_LIE_CHECKPOINT, /* a checkpoint's sync of the database file */
    RECORD_LIE_FOLDER
};

/* Begin a new record, of the database at this path. */
void record_begin(const char *database, enum record_lie lie);

/* From now on nothing is recorded, in this process. */
void record_end(void);

/* A caller was told that the nth commit of this writer is made, and that it is
 * durable, or not. */
void record_told(int writer, int64_t n, bool durable);

size_t record_count(void);
const struct record_event *record_event(size_t index);
const unsigned char *record_bytes(const struct record_event *event);

/* Keep the record in a file, or take it from one. */
bool record_save(const char *path);
bool record_load(const char *path);

/* Be told of files by the shim; once, before SQLite is used. */
bool record_install(void);

#endif
