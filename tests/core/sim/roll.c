/* Roll: what must be true of a crew, seen from outside.
 *
 * Does: see that no thread sleeps beside work.
 * Must not: change anything.
 * Lock: none, there is one real thread. */
#include "roll.h"

#include "sim.h"

/* Whoever works takes the next task when he has ended. */
static bool
all_work(const struct walpool__crew *crew)
{
    return crew->started > 0 && crew->busy == crew->started &&
           (crew->started == crew->limit || sim_failed_starts(0) > 0);
}

void
roll_look_at_step(const struct walpool__crew *crew)
{
    SIM_CHECK(crew->lane.ready_count == 0 || crew->called || crew->stopping ||
                  all_work(crew),
              "%d tasks wait, and no thread was called",
              (int)crew->lane.ready_count);
}

/* One that spins is on his way, too, but sleeps here as long as he spins. */
void
roll_look_when_quiet(const struct walpool__crew *crew)
{
    SIM_CHECK(!crew->called || crew->lingers || crew->stopping,
              "a thread was called and never comes");
    roll_look_at_step(crew);
}
