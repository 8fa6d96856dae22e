/* Group: writes that wait to share one transaction.
 *
 * Of those in the line the oldest leads: it asks for the writer as any write
 * does, and when it has it, carries out whoever is in the line by then, itself
 * first. The others sleep until they have their answer. So one thread of many
 * stands in the writer's own queue, and how fair that is to others does not
 * change.
 *
 *   state   on                                        to
 *   waits   a leader takes it                         taken
 *   waits   the leader before it has taken enough     leads
 *   waits   its call must stop                        (left)
 *   leads   it has the writer, and takes itself       taken
 *   leads   it does not get the writer                (left); the next leads
 *   taken   its leader has answered                   done
 *
 *   led     somebody leads, or takes. A leader that finds nobody to take ends
 *           it: who comes then leads the next group, and stands in the writer's
 *           queue while this one is carried out
 *
 * A member is woken under the mutex, and sees its new state under the mutex, so
 * it is never woken after its stack is gone. From joining until it leaves it is
 * counted: a close waits for all who are in, as the writer's queue waits for
 * those in it.
 *
 * Does: line up, choose leaders, hand over, drain.
 * Must not: take the writer, or know what is written.
 * Lock: the group's mutex; nothing is called while it is held but the wake. */
#include "group.h"

#include "clock.h"

void
walpool__group_init(struct walpool__group *group)
{
    walpool__mutex_init(&group->mutex);
    walpool__cond_init(&group->drained);
    walpool__list_init(&group->line);
    group->waiting = group->members = 0;
    group->led = group->closing = false;
}

void
walpool__group_finish(struct walpool__group *group)
{
    INVARIANT(group->members == 0 && walpool__list_is_empty(&group->line));
    walpool__cond_finish(&group->drained);
    walpool__mutex_finish(&group->mutex);
}

static struct walpool__group_member *
oldest(struct walpool__group *group)
{
    return walpool__list_is_empty(&group->line)
               ? NULL
               : WALPOOL__CONTAINER(group->line.next,
                                    struct walpool__group_member, link);
}

/* ----------------------------------------------------------------- members */

static void
line_up(struct walpool__group *group, struct walpool__group_member *member)
{
    member->state = group->led ? WALPOOL__GROUP_WAITS : WALPOOL__GROUP_LEADS;
    group->waiting += group->led;
    group->led = true;
    group->members++;
    walpool__list_append(&group->line, &member->link);
}

/* Who is in the line may be taken by another thread at once, and must not have
 * to leave its interpreter there. */
bool
walpool__group_join(struct walpool__group *group,
                    struct walpool__group_member *member,
                    struct walpool__call *call)
{
    bool closing;

    call->phase = WALPOOL_PHASE_QUEUE;
    walpool__parker_init(&member->parker);
    walpool__mutex_lock(&group->mutex);
    if (group->led && call->leave) {
        walpool__mutex_unlock(&group->mutex);
        walpool__call_leave(call);
        walpool__mutex_lock(&group->mutex);
    }
    closing = group->closing;
    if (LIKELY(!closing))
        line_up(group, member);
    walpool__mutex_unlock(&group->mutex);
    if (LIKELY(!closing))
        return true;
    call->stopped = WALPOOL_CLOSED;
    walpool__parker_finish(&member->parker);
    return false;
}

static void
drop(struct walpool__group *group, struct walpool__group_member *member)
{
    walpool__parker_finish(&member->parker);
    if (--group->members == 0 && group->closing)
        walpool__cond_broadcast(&group->drained);
}

/* Is there anything but to sleep? The mutex is held. Once it is taken the call
 * is its leader's to look at. */
static bool
is_over(struct walpool__group *group, struct walpool__group_member *member,
        struct walpool__call *call, bool *left)
{
    if (member->state != WALPOOL__GROUP_WAITS)
        return member->state != WALPOOL__GROUP_TAKEN;
    *left = walpool__call_must_stop(call);
    if (!*left)
        return false;
    walpool__list_remove(&member->link);
    group->waiting--;
    return true;
}

bool
walpool__group_wait(struct walpool__group *group,
                    struct walpool__group_member *member,
                    struct walpool__call *call)
{
    struct walpool__sleeper sleeper;
    bool left = false;

    walpool__token_watch(call->token, &sleeper, &member->parker);
    walpool__mutex_lock(&group->mutex);
    while (!is_over(group, member, call, &left)) {
        int64_t until = member->state == WALPOOL__GROUP_WAITS
                            ? call->deadline_ns
                            : WALPOOL__NEVER;

        walpool__mutex_unlock(&group->mutex);
        walpool__parker_sleep(&member->parker, until);
        walpool__mutex_lock(&group->mutex);
    }
    walpool__mutex_unlock(&group->mutex);
    walpool__token_unwatch(call->token, &sleeper);
    if (!left)
        return true;
    walpool__mutex_lock(&group->mutex);
    drop(group, member);
    walpool__mutex_unlock(&group->mutex);
    return false;
}

/* ----------------------------------------------------------------- leaders */

/* The mutex is held. */
static void
choose_leader(struct walpool__group *group)
{
    struct walpool__group_member *next = oldest(group);

    group->led = next != NULL;
    if (!next)
        return;
    INVARIANT(next->state == WALPOOL__GROUP_WAITS);
    next->state = WALPOOL__GROUP_LEADS;
    group->waiting--;
    walpool__parker_wake(&next->parker);
}

struct walpool__group_member *
walpool__group_take(struct walpool__group *group, bool enough)
{
    struct walpool__group_member *member;

    walpool__mutex_lock(&group->mutex);
    member = enough ? NULL : oldest(group);
    if (member) {
        group->waiting -= member->state == WALPOOL__GROUP_WAITS;
        member->state = WALPOOL__GROUP_TAKEN;
        walpool__list_remove(&member->link);
    } else {
        choose_leader(group);
    }
    walpool__mutex_unlock(&group->mutex);
    return member;
}

bool
walpool__group_has_more(struct walpool__group *group)
{
    bool more;

    walpool__mutex_lock(&group->mutex);
    more = !walpool__list_is_empty(&group->line);
    group->led = more;
    walpool__mutex_unlock(&group->mutex);
    return more;
}

void
walpool__group_answer(struct walpool__group *group,
                      struct walpool__group_member *member)
{
    walpool__mutex_lock(&group->mutex);
    member->state = WALPOOL__GROUP_DONE;
    walpool__parker_wake(&member->parker);
    walpool__mutex_unlock(&group->mutex);
}

void
walpool__group_leave(struct walpool__group *group,
                     struct walpool__group_member *member)
{
    walpool__mutex_lock(&group->mutex);
    if (member->state == WALPOOL__GROUP_LEADS) {
        walpool__list_remove(&member->link);
        choose_leader(group);
    }
    drop(group, member);
    walpool__mutex_unlock(&group->mutex);
}

/* ------------------------------------------------------------------- whole */

bool
walpool__group_drain(struct walpool__group *group, int64_t deadline_ns)
{
    bool empty;

    walpool__mutex_lock(&group->mutex);
    group->closing = true;
    while (group->members > 0 && walpool__clock_now() < deadline_ns)
        walpool__cond_wait(&group->drained, &group->mutex, deadline_ns);
    empty = group->members == 0;
    group->closing = empty;
    walpool__mutex_unlock(&group->mutex);
    return empty;
}

void
walpool__group_reopen(struct walpool__group *group)
{
    walpool__mutex_lock(&group->mutex);
    group->closing = false;
    walpool__mutex_unlock(&group->mutex);
}

int
walpool__group_waiting(struct walpool__group *group)
{
    int waiting;

    walpool__mutex_lock(&group->mutex);
    waiting = group->waiting;
    walpool__mutex_unlock(&group->mutex);
    return waiting;
}
