/* Decide: which way a run goes wherever it could go several. */
#ifndef DECIDE_H
#define DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECIDE_OPTIONS = 64 };

/* One way to go on. */
struct option {
    bool costs;      /* against the bound of a complete search */
    unsigned weight; /* by chance: out of the sum of all */
};

/* By chance, the same for the same seed. */
void decide_by_seed(uint64_t seed);

/* The first way wherever nothing else is said: then call decide_next after
 * each run until it says that all schedules within the bound have been. */
void decide_in_turn(int bound);
bool decide_next(void);

/* As it was written by decide_print. False: that is no schedule. */
bool decide_by_list(const char *list);

void decide_begin_run(void);
int decide(const struct option *options, int count);
bool decide_is_by_seed(void);

/* What another run needs to go the same way. */
void decide_print(char *text, size_t bytes);

/* A number below `below` that belongs to the seed; 0 in a complete search. */
unsigned decide_temper(unsigned below);

#endif
