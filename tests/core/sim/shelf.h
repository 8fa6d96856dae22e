/* Shelf: what must be true of a wait queue, seen from outside. */
#ifndef SHELF_H
#define SHELF_H

#include "sim.h"
#include "waitq.h"

enum { SHELF_THINGS = 4 };

struct shelf {
    struct walpool__waitq *waitq;
    int total;
    int holder[SHELF_THINGS]; /* thread + 1; 0: at home */
    int held;
    int taking;               /* threads inside a take */
    int moving;               /* threads inside a give or a try */
    int beyond;               /* of those that take: have it, and want more */
    bool draining, closed, reopening;
    bool gating, gated;       /* waits for all to be home; lends nothing */
    int drains, gates, changes; /* counts */
};

void shelf_init(struct shelf *shelf, struct walpool__waitq *waitq, int total);

/* Around each call of the queue; `thing` is -1 where there is none. */
void shelf_take_begins(struct shelf *shelf);
void shelf_take_ends(struct shelf *shelf, int thing);
void shelf_try_begins(struct shelf *shelf);
void shelf_try_ends(struct shelf *shelf, int thing);
void shelf_give_begins(struct shelf *shelf, int thing);
void shelf_give_ends(struct shelf *shelf);
void shelf_drain_begins(struct shelf *shelf);
void shelf_drain_ends(struct shelf *shelf, bool drained);
void shelf_reopen_begins(struct shelf *shelf);
void shelf_reopen_ends(struct shelf *shelf);
void shelf_hold_begins(struct shelf *shelf);
void shelf_hold_ends(struct shelf *shelf, bool home);
void shelf_release_ends(struct shelf *shelf);

/* May a take be turned away that began at the mark? */
int shelf_mark(const struct shelf *shelf);
bool shelf_may_refuse(const struct shelf *shelf, int mark);

/* Is it certain, until something changes, that a take finds a thing? */
bool shelf_must_lend(const struct shelf *shelf);

/* What holds before each step, and what holds where nobody can run. */
void shelf_look_at_step(void *shelf);
void shelf_look_when_quiet(void *shelf);

#endif
