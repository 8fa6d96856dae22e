/* Roster: the private connections of one database.
 *
 * They are as many as their owners want, so nothing is lent and nobody waits
 * for one. A database only has to know them: to name them in health, and not
 * to close under them.
 *
 * Does: keep the list, wait for its end.
 * Must not: touch a connection.
 * Lock: `mutex` guards the list; a tag is its member's own. */
#include "roster.h"

#include "clock.h"

void
walpool__roster_init(struct walpool__roster *roster)
{
    walpool__mutex_init(&roster->mutex);
    walpool__cond_init(&roster->empty);
    walpool__list_init(&roster->members);
    roster->count = 0;
    roster->closing = false;
}

void
walpool__roster_finish(struct walpool__roster *roster)
{
    INVARIANT(roster->count == 0);
    walpool__cond_finish(&roster->empty);
    walpool__mutex_finish(&roster->mutex);
}

bool
walpool__roster_join(struct walpool__roster *roster,
                     struct walpool__member *member, const char *why,
                     int64_t now_ns)
{
    bool open;

    member->owner = (struct walpool__holder){
        .since_ns = now_ns, .thread = walpool__thread_self()};
    if (why)
        walpool__utf8_label(member->owner.why, sizeof member->owner.why, why,
                            strnlen(why, WALPOOL_WHY_BYTES));
    walpool__mutex_lock(&roster->mutex);
    open = !roster->closing;
    if (open) {
        walpool__list_append(&roster->members, &member->link);
        roster->count++;
    }
    walpool__mutex_unlock(&roster->mutex);
    return open;
}

void
walpool__roster_leave(struct walpool__roster *roster,
                      struct walpool__member *member)
{
    walpool__mutex_lock(&roster->mutex);
    walpool__list_remove(&member->link);
    if (--roster->count == 0)
        walpool__cond_broadcast(&roster->empty);
    walpool__mutex_unlock(&roster->mutex);
}

bool
walpool__roster_drain(struct walpool__roster *roster, int64_t deadline_ns)
{
    bool empty;

    walpool__mutex_lock(&roster->mutex);
    roster->closing = true;
    while (roster->count > 0 && walpool__clock_now() < deadline_ns)
        walpool__cond_wait(&roster->empty, &roster->mutex, deadline_ns);
    empty = roster->closing = roster->count == 0;
    walpool__mutex_unlock(&roster->mutex);
    return empty;
}

void
walpool__roster_reopen(struct walpool__roster *roster)
{
    walpool__mutex_lock(&roster->mutex);
    roster->closing = false;
    walpool__mutex_unlock(&roster->mutex);
}

int
walpool__roster_count(struct walpool__roster *roster)
{
    int count;

    walpool__mutex_lock(&roster->mutex);
    count = roster->count;
    walpool__mutex_unlock(&roster->mutex);
    return count;
}

static struct walpool__member *
from_link(struct walpool__link *link)
{
    return WALPOOL__CONTAINER(link, struct walpool__member, link);
}

struct walpool__holder
walpool__roster_first(struct walpool__roster *roster)
{
    struct walpool__holder owner = {0};

    walpool__mutex_lock(&roster->mutex);
    if (roster->count > 0)
        owner = from_link(roster->members.next)->owner;
    walpool__mutex_unlock(&roster->mutex);
    return owner;
}

static struct walpool__holder
find_oldest(struct walpool__roster *roster, bool backups, int64_t now_ns,
            int64_t limit_ns, int64_t *longer)
{
    struct walpool__holder oldest = {0};

    walpool__mutex_lock(&roster->mutex);
    for (struct walpool__link *link = roster->members.next;
         link != &roster->members; link = link->next) {
        struct walpool__holder holder =
            walpool__tag_read(&from_link(link)->tag);

        if (!holder.since_ns ||
            (holder.kind == WALPOOL_HOLDER_BACKUP && !backups))
            continue;
        *longer += now_ns - holder.since_ns > limit_ns;
        if (!oldest.since_ns || holder.since_ns < oldest.since_ns)
            oldest = holder;
    }
    walpool__mutex_unlock(&roster->mutex);
    return oldest;
}

struct walpool__holder
walpool__roster_oldest_of_all(struct walpool__roster *roster)
{
    int64_t unused = 0;

    return find_oldest(roster, true, 0, 0, &unused);
}

struct walpool__holder
walpool__roster_oldest(struct walpool__roster *roster, int64_t now_ns,
                       int64_t limit_ns, int64_t *longer)
{
    return find_oldest(roster, false, now_ns, limit_ns, longer);
}

size_t
walpool__roster_list(struct walpool__roster *roster,
                     walpool_lease_info *out, size_t capacity)
{
    size_t count = 0;

    walpool__mutex_lock(&roster->mutex);
    for (struct walpool__link *link = roster->members.next;
         link != &roster->members; link = link->next) {
        struct walpool__holder holder =
            walpool__tag_read(&from_link(link)->tag);

        if (!holder.since_ns)
            continue;
        if (count < capacity)
            walpool__tag_describe(&holder, WALPOOL_PRIVATE, &out[count]);
        count++;
    }
    walpool__mutex_unlock(&roster->mutex);
    return count;
}
