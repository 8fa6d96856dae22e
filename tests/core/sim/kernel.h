/* Kernel: what a scene may ask about the simulated file locks. */
#ifndef KERNEL_H
#define KERNEL_H

#include "sidelock.h"

/* The process that has the lock of the file that was opened first; -1: none. */
int kernel_holder(enum walpool__sidelock_byte byte);

/* Does a thread of this process wait for it? */
bool kernel_waits(int process, enum walpool__sidelock_byte byte);

/* How often its threads went to the end of the line for the queue lock: the
 * first of the line was woken, and found that somebody had slipped in. */
int kernel_setbacks(int process);

/* Does it wait until somebody who stood in line before has the queue lock? */
bool kernel_lets_others_in(int process);

#endif
