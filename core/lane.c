/* Lane: which task may begin next, when some must keep their order.
 *
 * Of each key one task, its head, is ready or running; the others wait behind
 * it. When the head ends, the oldest of them becomes head, takes the others
 * over and goes to the end of the ready ones: keys take turns. Every step is
 * O(1), but for finding the head of a key.
 *
 * Does: keep order.
 * Must not: run tasks, start threads, know what a task or key is.
 * Lock: none of its own; whoever owns the lane guards it. */
#include "lane.h"

static struct walpool__task *
from_link(struct walpool__link *link)
{
    return WALPOOL__CONTAINER(link, struct walpool__task, link);
}

static struct walpool__link *
bucket_of(struct walpool__lane *lane, uintptr_t key)
{
    uint64_t mixed = (uint64_t)key * 0x9E3779B97F4A7C15u;
    return &lane->heads[(mixed >> 32) % WALPOOL__LANE_BUCKETS];
}

static struct walpool__task *
find_head(struct walpool__lane *lane, uintptr_t key)
{
    struct walpool__link *bucket = bucket_of(lane, key);
    for (struct walpool__link *at = bucket->next; at != bucket; at = at->next) {
        struct walpool__task *head =
            WALPOOL__CONTAINER(at, struct walpool__task, bucket);
        if (head->key == key)
            return head;
    }
    return NULL;
}

void
walpool__lane_init(struct walpool__lane *lane)
{
    lane->ready_count = 0;
    walpool__list_init(&lane->ready);
    for (size_t i = 0; i < WALPOOL__LANE_BUCKETS; i++)
        walpool__list_init(&lane->heads[i]);
}

static void
make_ready(struct walpool__lane *lane, struct walpool__task *task)
{
    walpool__list_append(&lane->ready, &task->link);
    lane->ready_count++;
    if (task->key != 0)
        walpool__list_append(bucket_of(lane, task->key), &task->bucket);
}

bool
walpool__lane_add(struct walpool__lane *lane, struct walpool__task *task)
{
    walpool__list_init(&task->link);
    walpool__list_init(&task->followers);
    walpool__list_init(&task->bucket);
    struct walpool__task *head =
        task->key != 0 ? find_head(lane, task->key) : NULL;
    task->follows = head != NULL;
    if (head == NULL)
        make_ready(lane, task);
    else
        walpool__list_append(&head->followers, &task->link);
    return head == NULL;
}

struct walpool__task *
walpool__lane_take(struct walpool__lane *lane)
{
    if (walpool__list_is_empty(&lane->ready))
        return NULL;
    struct walpool__task *task = from_link(lane->ready.next);
    walpool__list_remove(&task->link);
    lane->ready_count--;
    return task;
}

/* Move all of `from`, which is not empty, to `to`, which is. */
static void
move_all(struct walpool__link *from, struct walpool__link *to)
{
    to->next = from->next;
    to->prev = from->prev;
    to->next->prev = to->prev->next = to;
    walpool__list_init(from);
}

struct walpool__task *
walpool__lane_end(struct walpool__lane *lane, struct walpool__task *task)
{
    INVARIANT(!task->follows);
    walpool__list_remove(&task->bucket);
    if (walpool__list_is_empty(&task->followers))
        return NULL;
    struct walpool__task *next = from_link(task->followers.next);
    walpool__list_remove(&next->link);
    next->follows = false;
    if (!walpool__list_is_empty(&task->followers))
        move_all(&task->followers, &next->followers);
    make_ready(lane, next);
    return next;
}

struct walpool__task *
walpool__lane_remove(struct walpool__lane *lane, struct walpool__task *task)
{
    walpool__list_remove(&task->link);
    if (task->follows)
        return NULL;
    lane->ready_count--;
    return walpool__lane_end(lane, task);
}

bool
walpool__lane_knows(struct walpool__lane *lane, uintptr_t key)
{
    return key != 0 && find_head(lane, key) != NULL;
}

void
walpool__lane_move(struct walpool__lane *from, struct walpool__lane *to,
                   struct walpool__task *task)
{
    INVARIANT(!task->follows && !walpool__lane_knows(to, task->key));
    walpool__list_remove(&task->link);
    from->ready_count--;
    walpool__list_remove(&task->bucket);
    make_ready(to, task);
}
