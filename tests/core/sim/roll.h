/* Roll: what must be true of a crew, seen from outside. */
#ifndef ROLL_H
#define ROLL_H

#include "crew.h"

/* Before each step, with the crew's mutex held by whoever looks on. */
void roll_look_at_step(const struct walpool__crew *crew);

/* Where nobody can run. */
void roll_look_when_quiet(const struct walpool__crew *crew);

#endif
