/* Pin: who keeps the WAL from being reset, and at which frame.
 *
 * survey.c finds the read mark and the process. Several readers of a process
 * share a mark, so our own tags are asked for the lease.
 *
 * Does: find the owner of the pin that is the farthest behind; name it.
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

    return room->roster ? walpool__roster_oldest_of_all(room->roster) : none;
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

struct walpool__pin
walpool__pin_find(const struct walpool__pin_room *room)
{
    bool pooled;
    struct walpool__holder oldest = oldest_of_ours(room, &pooled);
    struct walpool__wal_state state = {0, 0};
    struct walpool__pin pin = {.pid = 0};

    if (!walpool__walindex_read(room->walindex, &state) || state.frames == 0)
        return pin;
    if (walpool__ownlocks_is_on(room->ownlocks)) {
        struct walpool__mark_use use = walpool__survey_find_pin(room->survey);

        pin.frame = use.frames;
        pin.pid = use.pid;
        pin.ours = use.pid == getpid();
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
