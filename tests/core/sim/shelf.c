/* Shelf: what must be true of a wait queue, seen from outside.
 *
 *   free + lent == total, at each step as far as it can be seen
 *   nobody has what somebody else has
 *   nobody waits while something is free and nobody is about to take it
 *   what was closed lends nothing, and a close does not sleep when all is home
 *
 * Does: keep count of what threads have and do, and compare.
 * Must not: know how the queue works: it calls only walpool__waitq_count.
 * Lock: none, there is one real thread. */
#include "shelf.h"

#include <string.h>

void
shelf_init(struct shelf *shelf, struct walpool__waitq *waitq, int total)
{
    memset(shelf, 0, sizeof *shelf);
    shelf->waitq = waitq;
    shelf->total = total;
}

static void
comes_to(struct shelf *shelf, int thing)
{
    if (thing < 0)
        return;
    SIM_CHECK(shelf->holder[thing] == 0, "two holders of thing %d", thing);
    SIM_CHECK(!shelf->closed, "thing %d was lent after the close", thing);
    shelf->holder[thing] = sim_self() + 1;
    shelf->held++;
}

void
shelf_take_begins(struct shelf *shelf)
{
    shelf->changes++;
    shelf->taking++;
}

void
shelf_take_ends(struct shelf *shelf, int thing)
{
    shelf->changes++;
    shelf->taking--;
    comes_to(shelf, thing);
    sim_note("  take: %d", thing);
}

void
shelf_try_begins(struct shelf *shelf)
{
    shelf->changes++;
    shelf->moving++;
}

void
shelf_try_ends(struct shelf *shelf, int thing)
{
    shelf->changes++;
    shelf->moving--;
    comes_to(shelf, thing);
    sim_note("  try: %d", thing);
}

void
shelf_give_begins(struct shelf *shelf, int thing)
{
    SIM_CHECK(shelf->holder[thing] == sim_self() + 1,
              "thing %d is given by another than its holder", thing);
    shelf->changes++;
    shelf->moving++;
    shelf->holder[thing] = 0;
    shelf->held--;
    sim_note("  give: %d", thing);
}

void
shelf_give_ends(struct shelf *shelf)
{
    shelf->changes++;
    shelf->moving--;
}

void
shelf_drain_begins(struct shelf *shelf)
{
    shelf->changes++;
    shelf->drains++;
    shelf->draining = true;
}

void
shelf_drain_ends(struct shelf *shelf, bool drained)
{
    shelf->changes++;
    shelf->draining = false;
    shelf->closed = drained;
    sim_note("  drain: %s", drained ? "closed" : "late");
    SIM_CHECK(!drained || shelf->held == 0,
              "closed while %d things are out", shelf->held);
}

void
shelf_reopen_begins(struct shelf *shelf)
{
    shelf->changes++;
    shelf->reopening = true;
    shelf->closed = false;
}

void
shelf_reopen_ends(struct shelf *shelf)
{
    shelf->changes++;
    shelf->reopening = false;
}

void
shelf_hold_begins(struct shelf *shelf)
{
    shelf->changes++;
    shelf->gates++;
    shelf->gating = shelf->gated = true;
}

void
shelf_hold_ends(struct shelf *shelf, bool home)
{
    shelf->changes++;
    shelf->gating = false;
    sim_note("  hold: %s", home ? "all is home" : "late");
}

void
shelf_release_ends(struct shelf *shelf)
{
    shelf->changes++;
    shelf->gated = false;
}

/* Newcomers may be turned away now. */
static bool
refuses(const struct shelf *shelf)
{
    return shelf->draining || shelf->closed || shelf->reopening;
}

int
shelf_mark(const struct shelf *shelf)
{
    return refuses(shelf) ? -1 : shelf->drains;
}

bool
shelf_may_refuse(const struct shelf *shelf, int mark)
{
    return mark != shelf->drains;
}

bool
shelf_must_lend(const struct shelf *shelf)
{
    return shelf->held < shelf->total && shelf->taking == 0 &&
           shelf->moving == 0 && !refuses(shelf) && !shelf->gated;
}

void
shelf_look_at_step(void *arg)
{
    struct shelf *shelf = arg;
    int lent, waiters;
    walpool__waitq_count(shelf->waitq, &lent, &waiters);
    SIM_CHECK(lent >= shelf->held, "%d things are out, the queue counts %d",
              shelf->held, lent);
    SIM_CHECK(lent <= shelf->held + shelf->taking + shelf->moving,
              "%d things are out, %d threads may have more, the queue counts "
              "%d", shelf->held, shelf->taking + shelf->moving, lent);
    SIM_CHECK(waiters >= 0 && waiters <= shelf->taking,
              "%d threads take, the queue counts %d waiters", shelf->taking,
              waiters);
}

void
shelf_look_when_quiet(void *arg)
{
    struct shelf *shelf = arg;
    int lent, waiters, lent_out = shelf->held + shelf->beyond;
    walpool__waitq_count(shelf->waitq, &lent, &waiters);
    SIM_CHECK(waiters == shelf->taking - shelf->beyond,
              "%d threads wait, the queue counts %d",
              shelf->taking - shelf->beyond, waiters);
    SIM_CHECK(waiters == 0 || lent_out == shelf->total || shelf->gated,
              "%d threads wait while only %d of %d things are out", waiters,
              lent_out, shelf->total);
    SIM_CHECK(lent == lent_out, "%d things are out, the queue counts %d",
              lent_out, lent);
    SIM_CHECK(!shelf->draining || waiters > 0 || lent > 0,
              "a close sleeps although everything is home");
    SIM_CHECK(!shelf->gating || lent > 0,
              "a gate sleeps although everything is home");
}
