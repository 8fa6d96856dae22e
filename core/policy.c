/* Policy: what a checkpointer does next, as a function of what it sees.
 *
 * A WAL starts anew only when all its frames are in the database file and no
 * reader uses one of them. Three things stand against that, and each has its
 * step:
 *
 *   many frames   COPY them while others write: this takes the longest, and
 *                 holds up nobody. Meanwhile new ones come, fewer each time.
 *   the tail      FINISH: with the writer in hand nothing new comes. What is
 *                 left is little, so that a commit waits for a few ms.
 *   old readers   GATE: where some reader is always there, newcomers have to
 *                 wait for a moment until the old ones have gone. It is only
 *                 worth it if these are likely to go within the budget: a
 *                 reader that has been there for longer than the budget has
 *                 shown that it is not of that kind.
 *
 * Does: decide.
 * Must not: look at a clock, a file or a lock: the same view gives the same
 * step.
 * Lock: none. */
#include "policy.h"

/* A tail of up to this part of the threshold is left to FINISH. */
#define TAIL_PART 8
/* And never less than this: a step costs more than to copy so few. */
#define SMALLEST_TAIL 256
/* Where writers outrun the copying, it is not tried for ever. */
#define MOST_COPIES 6
/* From so many thresholds on a commit is held up while a run is under way; one
 * more, four times as long. The first is enough for one writer, and lets what
 * the readers wait for go on. */
#define HURRIED_THRESHOLDS 3
#define FIRST_HOLD_UP_US 1000
#define LONGEST_HOLD_UP_US 15000
#define SHORTEST_PAUSE_MS 50
#define LONGEST_PAUSE_MS 1000

static int64_t
tail_of(const struct walpool__wal_view *view)
{
    int64_t tail = view->threshold / TAIL_PART;

    return tail < SMALLEST_TAIL ? SMALLEST_TAIL : tail;
}

static bool
copying_helps(const struct walpool__wal_view *view)
{
    if (view->frames - view->checkpointed <= tail_of(view))
        return false;
    if (view->copies == 0)
        return true;
    return view->copies < MOST_COPIES && view->copied_last > 0;
}

static bool
gate_helps(const struct walpool__wal_view *view)
{
    return !view->gated && view->oldest_ms >= 0 &&
           view->oldest_ms < view->gate_ms;
}

enum walpool__step
walpool__policy_next(const struct walpool__wal_view *view)
{
    PRE(view->threshold > 0);
    if (view->finished)
        return !view->done && gate_helps(view) ? WALPOOL__STEP_GATE
                                               : WALPOOL__STEP_END;
    if (view->frames < view->threshold && !view->asked && !view->gated)
        return WALPOOL__STEP_END;
    return copying_helps(view) ? WALPOOL__STEP_COPY : WALPOOL__STEP_FINISH;
}

int64_t
walpool__policy_hold_up_us(int64_t frames, int64_t threshold)
{
    int64_t over = frames / threshold - HURRIED_THRESHOLDS;

    if (LIKELY(over < 0))
        return 0;
    return over < 2 ? FIRST_HOLD_UP_US << (2 * over) : LONGEST_HOLD_UP_US;
}

int64_t
walpool__policy_look_again_ms(bool complete, int failures)
{
    int64_t pause = SHORTEST_PAUSE_MS;

    PRE(failures >= 0);
    if (complete)
        return -1;
    while (--failures > 0 && pause < LONGEST_PAUSE_MS)
        pause *= 2;
    return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}
