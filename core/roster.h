/* Roster: the private connections of one database. */
#ifndef WALPOOL_ROSTER_H
#define WALPOOL_ROSTER_H

#include "list.h"
#include "tag.h"
#include "thread.h"

struct walpool__member {
    struct walpool__link link;
    struct walpool__holder owner; /* who acquired it, and when */
    struct walpool__tag tag; /* its owner's; set while it has a snapshot or a
                                running call, and is not the writer */
};

struct walpool__roster {
    struct walpool__mutex mutex; /* guards the rest */
    struct walpool__cond empty;
    struct walpool__link members; /* oldest first */
    int count;
    bool closing; /* newcomers are turned away */
};

void walpool__roster_init(struct walpool__roster *roster);
void walpool__roster_finish(struct walpool__roster *roster);

/* False: the database is being closed. */
bool walpool__roster_join(struct walpool__roster *roster,
                          struct walpool__member *member, const char *why,
                          int64_t now_ns);
void walpool__roster_leave(struct walpool__roster *roster,
                           struct walpool__member *member);

/* Turn newcomers away, and wait until all have left. False: the deadline
 * passed, and the roster is as before. */
bool walpool__roster_drain(struct walpool__roster *roster,
                           int64_t deadline_ns);
void walpool__roster_reopen(struct walpool__roster *roster);

int walpool__roster_count(struct walpool__roster *roster);

/* The owner of the one that is open longest; since_ns is 0 where none is. */
struct walpool__holder walpool__roster_first(struct walpool__roster *roster);

/* Of the tags that are set the oldest. */
struct walpool__holder
walpool__roster_oldest_of_all(struct walpool__roster *roster);

/* The same without those of backups, which take their time; `longer` grows by
 * the number of those that are older than `limit_ns`. */
struct walpool__holder walpool__roster_oldest(struct walpool__roster *roster,
                                              int64_t now_ns, int64_t limit_ns,
                                              int64_t *longer);

/* Read the tags that are set, up to `capacity`; returns how many there are. */
size_t walpool__roster_list(struct walpool__roster *roster,
                            walpool_lease_info *out, size_t capacity);

#endif
