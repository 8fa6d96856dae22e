/* Watch: are the files of the database still in place, and SQLite alone? */
#ifndef WALPOOL_WATCH_H
#define WALPOOL_WATCH_H

#include "fsinfo.h"
#include "poison.h"
#include "thread.h"

enum walpool__watch_file {
    WALPOOL__WATCH_DATABASE,
    WALPOOL__WATCH_WAL,
    WALPOOL__WATCH_SHM,
    WALPOOL__WATCH_FILES
};

enum walpool__watch_state {
    WALPOOL__WATCH_IN_PLACE, /* or never seen */
    WALPOOL__WATCH_GONE,     /* nothing is at the path */
    WALPOOL__WATCH_REPLACED, /* another file is */
    WALPOOL__WATCH_CUT       /* it is the file, and has no bytes any more */
};

struct walpool__watch {
    struct walpool__poison *poison; /* borrowed; set when something is wrong */
    const char *path;               /* of the database, absolute; borrowed */
    struct walpool__mutex mutex;    /* guards the rest */
    struct walpool__file_id ids[WALPOOL__WATCH_FILES];
    bool known[WALPOOL__WATCH_FILES];
    enum walpool__watch_state states[WALPOOL__WATCH_FILES];
    bool has_bytes;   /* the database file had some */
    bool on;          /* attached */
    bool second;      /* another SQLite uses the database, or did */
    char others[96];  /* names of what holds one */
    int64_t looked_ns;
    int64_t count_ns; /* when that is due again */
};

void walpool__watch_init(struct walpool__watch *watch,
                         struct walpool__poison *poison, const char *path);
void walpool__watch_finish(struct walpool__watch *watch);

/* The database was opened and read, so its files are there. */
void walpool__watch_attach(struct walpool__watch *watch);

/* SQLite is about to close, and may remove, its files. */
void walpool__watch_detach(struct walpool__watch *watch);

/* Look if that was not done for so long; poisons. Cheap enough for each commit. */
#define WALPOOL__WATCH_COMMIT_NS INT64_C(1000000000)
#define WALPOOL__WATCH_HEALTH_NS INT64_C(100000000)
void walpool__watch_check(struct walpool__watch *watch, int64_t now_ns,
                          int64_t age_ns);

/* Look now; poisons. */
void walpool__watch_look(struct walpool__watch *watch);

/* Look now: would one more connection open the files that are open already? One
 * beside a lost WAL makes a new one, and looks in there for commits that the
 * old one has, unless they are saved. Fails with POISONED. */
walpool_status walpool__watch_may_open(struct walpool__watch *watch,
                                       walpool_error *err);

/* What was found when it looked last. */
struct walpool__watch_report {
    int moved; /* files that are not what they were */
    bool second;
    char others[96];
};
void walpool__watch_report(struct walpool__watch *watch,
                           struct walpool__watch_report *report);

/* Look now: is another file in the place of the database, or was it removed, and
 * its -wal is still there? */
bool walpool__watch_is_replaced(struct walpool__watch *watch);

/* Look now: is the database file in place, and a sidecar gone whose commits
 * can be saved because nobody has made a new one? */
bool walpool__watch_may_rescue(struct walpool__watch *watch);

#endif
