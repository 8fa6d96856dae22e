/* Pin: who keeps the WAL from being reset, and at which frame.
 *
 * A reader has one of five slots of the wal-index, and a shared lock on it. A
 * checkpoint copies no frame behind the mark of a slot that is locked, and no
 * writer starts the WAL anew while a slot but the first one is. The first is
 * for those who read the bare database file: it stops all copying. Several
 * readers share a slot, so the kernel is asked for processes, and our own tags
 * for the lease.
 *
 * Does: find the pin that is the farthest behind, and its owner; name it.
 * Must not: wait, or end anything.
 * Lock: those of the modules that it asks, one after the other. */
#include "pin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posixlock.h"

struct walpool__holder
walpool__pin_oldest_private(const struct walpool__pin_room *room)
{
    struct walpool__holder none = {0};
    int64_t unused = 0;

    return room->roster ? walpool__roster_oldest(room->roster, 0, 0, &unused)
                        : none;
}

/* The oldest of ours began first, and so is the farthest behind. */
static struct walpool__holder
oldest_of_ours(const struct walpool__pin_room *room, bool *pooled)
{
    struct walpool__holder oldest = walpool__pool_oldest_snapshot(room->pool);
    struct walpool__holder private = walpool__pin_oldest_private(room);

    *pooled = oldest.since_ns &&
              (!private.since_ns || oldest.since_ns < private.since_ns);
    return *pooled ? oldest : private;
}

static void
take(struct walpool__pin *pin, int64_t frame, int64_t pid)
{
    if (pin->pid && pin->frame <= frame)
        return;
    pin->frame = frame;
    pin->pid = pid;
}

/* By the locks on the slots. */
static struct walpool__pin
find_locked(const struct walpool__pin_room *room,
            const struct walpool__wal_state *state,
            const struct walpool__wal_pins *pins)
{
    struct walpool__pin pin = {.pid = 0};

    for (int slot = 0; slot < WALPOOL__WAL_MARKS; slot++) {
        int64_t pid;

        if (slot == 0 && state->frames == state->checkpointed)
            continue; /* nothing is to be copied, and no reset waits for it */
        if (slot > 0 && pins->marks[slot] > state->frames)
            continue; /* no mark */
        pid = walpool__ownlocks_reader(room->ownlocks, slot);
        if (pid != WALPOOL__POSIXLOCK_NOBODY)
            take(&pin, slot == 0 ? state->checkpointed : pins->marks[slot], pid);
    }
    pin.ours = pin.pid == getpid();
    return pin;
}

struct walpool__pin
walpool__pin_find(const struct walpool__pin_room *room)
{
    bool pooled;
    struct walpool__holder oldest = oldest_of_ours(room, &pooled);
    struct walpool__wal_state state = {0, 0};
    struct walpool__wal_pins pins;
    struct walpool__pin pin = {.pid = 0};

    if (!walpool__walindex_read(room->walindex, &state) ||
        !walpool__walindex_pins(room->walindex, &pins) || state.frames == 0)
        return pin;
    if (room->ownlocks && walpool__ownlocks_is_on(room->ownlocks)) {
        pin = find_locked(room, &state, &pins);
    } else { /* the kernel does not tell: then it is ours, or anybody's */
        pin.ours = oldest.since_ns != 0;
        pin.pid = pin.ours ? getpid() : WALPOOL__PIN_UNNAMED;
        pin.frame = oldest.frames > 0 ? oldest.frames : state.checkpointed;
    }
    pin.pooled = pin.ours && pooled;
    if (pin.ours)
        memcpy(pin.why, oldest.why, sizeof pin.why);
    return pin;
}

const char *
walpool__pin_name(const struct walpool__pin *pin,
                  char dst[WALPOOL__PIN_NAME_BYTES])
{
    if (pin->ours)
        snprintf(dst, WALPOOL__PIN_NAME_BYTES, "%s (this process)",
                 pin->why[0] ? pin->why : "a reader without a label (why)");
    else if (pin->pid > 0)
        walpool__posixlock_name(pin->pid, dst, WALPOOL__PIN_NAME_BYTES);
    else
        snprintf(dst, WALPOOL__PIN_NAME_BYTES, "another process");
    return dst;
}
