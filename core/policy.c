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
 *                 shown that it is not of that kind. Nor is it where somebody
 *                 else has: a backup, a private lease, another process.
 *   one above     INTERRUPT, where the user wants it. There may be much to copy
 *   the ceiling   then, while newcomers come in; who was ended may come back and
 *                 be in the way again. So, for a second time, nobody comes in.
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
#define MOST_INTERRUPTS 2
/* FINISH is turned away so often, then the run ends. */
#define MOST_CROWDED 2
/* So many thresholds, and never less frames, are copied with the writer in
 * hand: some ms on a machine of today. */
#define HAND_THRESHOLDS 2
#define SMALLEST_HAND 1024
/* A WAL whose readers come and go stays within a few thresholds: see
 * HURRIED_THRESHOLDS. At four times that it is another matter: of 64 MiB with
 * the defaults, so that there is still time to do something about it. */
#define CEILING_THRESHOLDS 16
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
           view->oldest_ms < view->gate_ms && view->others_ms < view->gate_ms;
}

static bool
is_above(const struct walpool__wal_view *view)
{
    return view->ceiling > 0 && view->frames > view->ceiling;
}

static bool
interrupt_helps(const struct walpool__wal_view *view)
{
    return walpool__policy_is_curable(view) && !view->asked &&
           view->interrupts < MOST_INTERRUPTS && view->oldest_ms >= 0 &&
           view->oldest_ms >= view->patience_ms;
}

/* A reader is in the way. */
static enum walpool__step
next_behind_reader(const struct walpool__wal_view *view)
{
    if (gate_helps(view))
        return WALPOOL__STEP_GATE;
    return interrupt_helps(view) ? WALPOOL__STEP_INTERRUPT : WALPOOL__STEP_END;
}

enum walpool__step
walpool__policy_next(const struct walpool__wal_view *view)
{
    bool begun = view->asked || view->gated || view->interrupts > 0;

    PRE(view->threshold > 0);
    if (view->finished)
        return view->done ? WALPOOL__STEP_END : next_behind_reader(view);
    if (view->frames < view->threshold && !begun)
        return WALPOOL__STEP_END;
    if (!view->beside)
        return WALPOOL__STEP_FINISH;
    if (view->crowded >= MOST_CROWDED)
        return WALPOOL__STEP_END;
    if (copying_helps(view))
        return WALPOOL__STEP_COPY;
    if (view->frames - view->checkpointed <=
        walpool__policy_most_in_hand(view->threshold))
        return WALPOOL__STEP_FINISH;
    return next_behind_reader(view);
}

int64_t
walpool__policy_most_in_hand(int64_t threshold)
{
    int64_t most = threshold * HAND_THRESHOLDS;

    return most < SMALLEST_HAND ? SMALLEST_HAND : most;
}

int64_t
walpool__policy_ceiling(int64_t option, int64_t threshold)
{
    return option < 0 ? threshold * CEILING_THRESHOLDS : option;
}

bool
walpool__policy_is_over(const struct walpool__wal_view *view)
{
    return is_above(view) && !view->done;
}

bool
walpool__policy_is_curable(const struct walpool__wal_view *view)
{
    return walpool__policy_is_over(view) && view->pin_is_pooled &&
           view->policy == WALPOOL__CEILING_INTERRUPT;
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
walpool__policy_look_again_ms(bool complete, int failures, bool urgent)
{
    int64_t pause = SHORTEST_PAUSE_MS;

    PRE(failures >= 0);
    if (complete)
        return -1;
    while (!urgent && --failures > 0 && pause < LONGEST_PAUSE_MS)
        pause *= 2;
    return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}
