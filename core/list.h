/* A doubly linked list whose links live in the things that are listed. */
#ifndef WALPOOL_LIST_H
#define WALPOOL_LIST_H

#include "base.h"

struct walpool__link {
    struct walpool__link *next, *prev;
};

static inline void
walpool__list_init(struct walpool__link *head)
{
    head->next = head->prev = head;
}

static inline bool
walpool__list_is_empty(const struct walpool__link *head)
{
    return head->next == head;
}

static inline void
walpool__list_insert(struct walpool__link *after, struct walpool__link *link)
{
    link->prev = after;
    link->next = after->next;
    after->next->prev = link;
    after->next = link;
}

static inline void
walpool__list_append(struct walpool__link *head, struct walpool__link *link)
{
    walpool__list_insert(head->prev, link);
}

static inline void
walpool__list_remove(struct walpool__link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = link;
}

#endif
