/* Group: writes that wait to share one transaction. */
#ifndef WALPOOL_GROUP_H
#define WALPOOL_GROUP_H

#include "call.h"
#include "list.h"
#include "thread.h"

enum walpool__group_state {
    WALPOOL__GROUP_WAITS, /* in the line; may leave it */
    WALPOOL__GROUP_LEADS, /* at its head: it asks for the writer, for all */
    WALPOOL__GROUP_TAKEN, /* a leader carries it out */
    WALPOOL__GROUP_DONE   /* it has its answer */
};

/* One write, on the stack of its caller. */
struct walpool__group_member {
    struct walpool__link link; /* in the line; of its leader, once taken */
    enum walpool__group_state state;
    struct walpool__parker parker;
};

struct walpool__group {
    struct walpool__mutex mutex; /* guards everything below */
    struct walpool__link line;   /* those who wait or lead, oldest first */
    int waiting;                 /* how many wait */
    int members;                 /* joined, and have not left */
    bool led;                    /* somebody leads, or carries out others */
    bool closing;                /* newcomers are turned away */
    struct walpool__cond drained; /* closing, and nobody is in */
};

void walpool__group_init(struct walpool__group *group);
void walpool__group_finish(struct walpool__group *group);

/* Join at the end of the line. The newcomer leads if nobody does. False: the
 * group is closing, and call->stopped says so. */
bool walpool__group_join(struct walpool__group *group,
                         struct walpool__group_member *member,
                         struct walpool__call *call);

/* One who waits: sleep until it leads or has its answer. False: its call must
 * stop, and it has left. */
bool walpool__group_wait(struct walpool__group *group,
                         struct walpool__group_member *member,
                         struct walpool__call *call);

/* A leader that has the writer takes the line from its head, itself first. With
 * `enough`, or when nobody waits, NULL: the next leader is chosen now, or will
 * be the next newcomer. */
struct walpool__group_member *walpool__group_take(struct walpool__group *group,
                                            bool enough);

/* The same without taking: does anybody wait? */
bool walpool__group_has_more(struct walpool__group *group);

/* One that was taken has its answer. If it is another thread's, it may be gone
 * when this returns. */
void walpool__group_answer(struct walpool__group *group,
                           struct walpool__group_member *member);

/* The last thing: after its answer, or, for a leader, instead of taking. */
void walpool__group_leave(struct walpool__group *group,
                          struct walpool__group_member *member);

/* Turn newcomers away, and wait until nobody is in. False: the deadline passed,
 * and the group is as before. */
bool walpool__group_drain(struct walpool__group *group, int64_t deadline_ns);
void walpool__group_reopen(struct walpool__group *group);

int walpool__group_waiting(struct walpool__group *group);

#endif
