/* Fiber: a stack of its own, on which a simulated thread runs. */
#ifndef FIBER_H
#define FIBER_H

#include <stdbool.h>

struct fiber;

/* Where the program runs now; the first one is main's. */
struct fiber *fiber_current(void);

/* A fiber that will run `run(arg)` when it is next switched to. `run` does not
 * return: it ends by fiber_leave. Fibers that left are used again. */
struct fiber *fiber_take(void (*run)(void *), void *arg);

void fiber_switch(struct fiber *to);

/* End the current fiber's run, and go on in `to`. */
_Noreturn void fiber_leave(struct fiber *to);

/* Unwind a fiber that was left in the middle, and come back. */
void fiber_drop(struct fiber *fiber);

#endif
