/* Pace: whether stepping ahead is worth it, by how long blocks took.
 *
 * A block that another processor has filled costs its user the hand-over, and
 * to get it out of that one's cache: a fifth of the time that filling takes. So
 * who does little with a block steps faster by himself. And where all processors
 * are busy a thread comes late, or not at all: the user has waited for as long
 * as he would have stepped. Then it is tried less and less often.
 *
 * Does: decide, from times that it is told.
 * Must not: read a clock, or know blocks.
 * Lock: none; whoever has the result is its only user. */
#include "pace.h"

#define HAND_OVER_NS 20000
#define MOST_LOST 6 /* then one block in 64 is tried */

void
walpool__pace_ask(struct walpool__pace *pace, int64_t now_ns)
{
    pace->asked_ns = now_ns;
    if (pace->given_ns)
        pace->use_ns = now_ns - pace->given_ns;
}

void
walpool__pace_give(struct walpool__pace *pace, int64_t now_ns, bool by_thread)
{
    int64_t took_ns = now_ns - pace->asked_ns;
    bool helped = by_thread && took_ns < pace->fill_ns;

    if (pace->tried && helped)
        pace->lost = 0;
    else if (pace->tried) {
        pace->lost += pace->lost < MOST_LOST;
        pace->pause = 1u << pace->lost;
    }
    if (!by_thread)
        pace->fill_ns = took_ns;
    pace->tried = false;
    pace->given_ns = now_ns;
}

bool
walpool__pace_try(struct walpool__pace *pace)
{
    if (pace->pause > 0)
        pace->pause--;
    else
        pace->tried = pace->use_ns >= HAND_OVER_NS &&
                      pace->use_ns >= pace->fill_ns / 2;
    return pace->tried;
}
