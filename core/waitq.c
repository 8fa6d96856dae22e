/* Wait queue: few things, many who want one.
 *
 * Two wishes pull in opposite directions. Handing a thing straight to the
 * oldest waiter is fair, but every hand-over costs a sleep and a wake-up while
 * nobody works. Letting a newcomer take what is free is fast, but waiters may
 * starve. So: a newcomer may barge in as long as the oldest waiter is within its
 * window; from then on things are handed over in order. Everybody who waits is
 * handed a thing once in a window, so the window grows with their number: the
 * share of hand-overs stays the same. The longest wait is that of a fair queue
 * plus a window.
 *
 * A waiter sleeps on a parker of its own, so that giving back wakes one
 * thread, the right one. It is woken under the mutex, and leaves under the
 * mutex, so a parker is never woken after its owner is gone.
 *
 *   free items   nobody waits, or the oldest waiter was woken and may be
 *                beaten to them by a newcomer
 *   grant        the item is in the waiter's `granted`; it was never free
 *   borrowed     neither free nor lent: back in a moment, whatever happens, so
 *                that even who has a timeout of 0 waits for it
 *   held         what comes home stays there; who may wait queues up, and who
 *                has a timeout of 0 takes what is free
 *
 * Threads that come again and again, and find something each time, would spend
 * more on the mutex than on their work: its cache line goes to and fro between
 * them. So a thread may put a thing that it gives back into its pocket, and take
 * it from there next time, without the mutex. A thing in a pocket is as
 * free as the others: whoever comes by the mutex empties all pockets first.
 * Where somebody waits, closes or holds, the pockets are closed: that is said
 * before they are emptied, and asked again after a thing was put into one. So
 * one of the two finds it.
 *
 * Does: lend, queue, hand over, hold, drain.
 * Must not: know what the things are.
 * Lock: the queue's mutex; nothing is called while it is held but the wake. A
 * pocket needs none: who exchanges its thing has it. */
#include "waitq.h"

#include <string.h>

#include "clock.h"
#include "mem.h"

#define WINDOW_NS 1000000 /* shortest one */
#define WINDOW_MOST_NS 400000000 /* of 1200 */
#define WINDOW_EACH_NS 333000 /* for each waiter */
/* Between two looks of who passes by: see walpool__waitq_pass. */
#define PASS_NAP_US 200

struct waiter {
    struct walpool__link link;
    struct walpool__parker parker;
    int64_t since_ns;
    void *granted; /* handed over, or NULL */
};

bool
walpool__waitq_init(struct walpool__waitq *waitq, void *const *items, int count)
{
    PRE(count > 0);
    waitq->free = walpool__mem_alloc((size_t)count * sizeof *waitq->free);
    waitq->pockets =
        count > 1 ? walpool__mem_zalloc(sizeof *waitq->pockets) : NULL;
    if (!waitq->free || (count > 1 && !waitq->pockets)) {
        walpool__mem_free(waitq->free);
        walpool__mem_free(waitq->pockets);
        waitq->free = NULL;
        return false;
    }
    memcpy(waitq->free, items, (size_t)count * sizeof *waitq->free);
    walpool__mutex_init(&waitq->mutex);
    walpool__cond_init(&waitq->home);
    walpool__list_init(&waitq->waiters);
    waitq->free_count = waitq->total = count;
    waitq->waiter_count = waitq->borrowed = 0;
    waitq->closing = waitq->shut = waitq->held = false;
    return true;
}

static struct waiter *
oldest(struct walpool__waitq *waitq)
{
    return walpool__list_is_empty(&waitq->waiters)
               ? NULL
               : WALPOOL__CONTAINER(waitq->waiters.next, struct waiter, link);
}

static int64_t
window_ns(const struct walpool__waitq *waitq)
{
    int64_t window = waitq->waiter_count * (int64_t)WINDOW_EACH_NS;

    if (window < WINDOW_NS)
        return WINDOW_NS;
    return window < WINDOW_MOST_NS ? window : WINDOW_MOST_NS;
}

static bool
may_barge(struct walpool__waitq *waitq)
{
    struct waiter *first = oldest(waitq);

    return !first ||
           walpool__clock_now() - first->since_ns < window_ns(waitq);
}

/* What is free and not taken by its woken waiter wakes the next one. */
static void
wake_oldest(struct walpool__waitq *waitq)
{
    struct waiter *first = oldest(waitq);

    if (first && waitq->free_count > 0 && !waitq->held)
        walpool__parker_wake(&first->parker);
}

static void
tell_home(struct walpool__waitq *waitq)
{
    if ((waitq->closing || waitq->held) && waitq->free_count == waitq->total)
        walpool__cond_broadcast(&waitq->home);
}

/* ----------------------------------------------------------------- pockets */

static _Atomic(void *) *
my_pocket(struct walpool__waitq *waitq)
{
    return &waitq->pockets->of[walpool__thread_nth() % WALPOOL__WAITQ_POCKETS]
                .item;
}

static void *
take_from_pocket(struct walpool__waitq *waitq)
{
    _Atomic(void *) *pocket;

    if (!waitq->pockets)
        return NULL;
    pocket = my_pocket(waitq);
    if (!atomic_load_explicit(pocket, memory_order_relaxed))
        return NULL;
    return atomic_exchange(pocket, NULL);
}

/* Under the mutex: what is in them is free like the rest. */
static void
empty_pockets(struct walpool__waitq *waitq)
{
    int before = waitq->free_count;

    for (int i = 0; waitq->pockets && i < WALPOOL__WAITQ_POCKETS; i++) {
        _Atomic(void *) *pocket = &waitq->pockets->of[i].item;
        void *item = atomic_load(pocket) ? atomic_exchange(pocket, NULL) : NULL;

        if (item)
            waitq->free[waitq->free_count++] = item;
    }
    INVARIANT(waitq->free_count <= waitq->total);
    if (waitq->free_count == before)
        return;
    wake_oldest(waitq);
    tell_home(waitq);
}

static int
in_pockets(const struct walpool__waitq *waitq)
{
    int count = 0;

    for (int i = 0; waitq->pockets && i < WALPOOL__WAITQ_POCKETS; i++)
        count += atomic_load(&waitq->pockets->of[i].item) != NULL;
    return count;
}

/* Under the mutex, when what decides has changed. */
static void
see_to_pockets(struct walpool__waitq *waitq)
{
    bool close = waitq->waiter_count > 0 || waitq->closing || waitq->shut ||
                 waitq->held;

    if (!waitq->pockets || close == atomic_load(&waitq->pockets->closed))
        return;
    atomic_store(&waitq->pockets->closed, close);
    if (close)
        empty_pockets(waitq);
}

static bool
are_closed(const struct walpool__waitq *waitq)
{
    return !waitq->pockets ||
           atomic_load_explicit(&waitq->pockets->closed, memory_order_relaxed);
}

/* ---------------------------------------------------------------- free items */

void
walpool__waitq_finish(struct walpool__waitq *waitq)
{
    if (!waitq->free)
        return;
    empty_pockets(waitq);
    INVARIANT(waitq->waiter_count == 0 && waitq->free_count == waitq->total);
    walpool__cond_finish(&waitq->home);
    walpool__mutex_finish(&waitq->mutex);
    walpool__mem_free(waitq->pockets);
    walpool__mem_free(waitq->free);
    waitq->free = NULL;
}

static void *
pop_at(struct walpool__waitq *waitq, int i)
{
    void *item = waitq->free[i];

    waitq->free_count--;
    for (; i < waitq->free_count; i++)
        waitq->free[i] = waitq->free[i + 1];
    return item;
}

static void *
pop(struct walpool__waitq *waitq)
{
    INVARIANT(waitq->free_count > 0);
    return waitq->free[--waitq->free_count];
}

static void *
pop_rather(struct walpool__waitq *waitq, const void *rather)
{
    for (int i = waitq->free_count - 1; rather && i >= 0; i--)
        if (waitq->free[i] == rather)
            return pop_at(waitq, i);
    return pop(waitq);
}

static void
leave_queue(struct walpool__waitq *waitq, struct waiter *me)
{
    walpool__list_remove(&me->link);
    waitq->waiter_count--;
    see_to_pockets(waitq);
}

/* One look, under the mutex: is there something for this waiter, or must it
 * go? True: done, *item may be NULL. */
static bool
look(struct walpool__waitq *waitq, struct waiter *me,
     struct walpool__call *call, void **item)
{
    *item = me->granted;
    if (*item)
        return true; /* giving took us off the list */
    if (oldest(waitq) == me && waitq->free_count > 0 && !waitq->held)
        *item = pop(waitq);
    if (!*item && !walpool__call_must_stop(call))
        return false;
    leave_queue(waitq, me);
    wake_oldest(waitq);
    tell_home(waitq);
    return true;
}

/* Queue up and sleep. The caller holds the mutex, and gets it back. */
static void *
wait_in_queue(struct walpool__waitq *waitq, struct walpool__call *call)
{
    struct waiter me = {.since_ns = walpool__clock_now()};
    struct walpool__sleeper sleeper;
    void *item = NULL;

    walpool__parker_init(&me.parker);
    walpool__list_append(&waitq->waiters, &me.link);
    waitq->waiter_count++;
    see_to_pockets(waitq);
    walpool__mutex_unlock(&waitq->mutex);
    walpool__call_leave(call);
    walpool__token_watch(call->token, &sleeper, &me.parker);
    walpool__mutex_lock(&waitq->mutex);
    while (!look(waitq, &me, call, &item)) {
        walpool__mutex_unlock(&waitq->mutex);
        walpool__parker_sleep(&me.parker, call->deadline_ns);
        walpool__mutex_lock(&waitq->mutex);
    }
    walpool__mutex_unlock(&waitq->mutex);
    walpool__token_unwatch(call->token, &sleeper);
    walpool__parker_finish(&me.parker);
    return item;
}

/* May a newcomer take what is free? */
static bool
may_take(struct walpool__waitq *waitq, const struct walpool__call *call)
{
    if (UNLIKELY(waitq->held))
        return call->timeout_ms == 0;
    return may_barge(waitq);
}

/* Who waits for nobody is not told that all are lent while nobody has them. */
static void
await_borrowed(struct walpool__waitq *waitq)
{
    while (waitq->free_count == 0 && waitq->borrowed > 0)
        walpool__cond_wait(&waitq->home, &waitq->mutex, WALPOOL__NEVER);
}

/* By the mutex. */
static void *
take(struct walpool__waitq *waitq, struct walpool__call *call,
     const void *rather, bool *queue_up)
{
    void *item = NULL;

    walpool__mutex_lock(&waitq->mutex);
    if (!are_closed(waitq))
        empty_pockets(waitq);
    if (UNLIKELY(call->timeout_ms == 0))
        await_borrowed(waitq);
    if (UNLIKELY(waitq->closing))
        call->stopped = WALPOOL_CLOSED;
    else if (LIKELY(waitq->free_count > 0 && may_take(waitq, call)))
        item = pop_rather(waitq, rather);
    else if (call->timeout_ms == 0)
        call->stopped = WALPOOL_TIMEOUT;
    else
        *queue_up = true;
    if (*queue_up)
        return wait_in_queue(waitq, call); /* unlocks */
    walpool__mutex_unlock(&waitq->mutex);
    return item;
}

void *
walpool__waitq_take(struct walpool__waitq *waitq, struct walpool__call *call,
                    const void *rather, bool *waited)
{
    bool queue_up = false;
    void *item = take_from_pocket(waitq);

    call->phase = WALPOOL_PHASE_QUEUE;
    if (UNLIKELY(!item))
        item = take(waitq, call, rather, &queue_up);
    if (waited)
        *waited = queue_up;
    return item;
}

void *
walpool__waitq_try(struct walpool__waitq *waitq)
{
    void *item = NULL;

    walpool__mutex_lock(&waitq->mutex);
    empty_pockets(waitq);
    if (waitq->free_count > 0 && !waitq->shut)
        item = pop(waitq);
    walpool__mutex_unlock(&waitq->mutex);
    return item;
}

bool
walpool__waitq_borrow(struct walpool__waitq *waitq, void *item, int *place)
{
    bool taken = false;

    walpool__mutex_lock(&waitq->mutex);
    empty_pockets(waitq);
    for (int i = 0; !taken && i < waitq->free_count && !waitq->shut; i++)
        if (waitq->free[i] == item)
            taken = pop_at(waitq, *place = i);
    waitq->borrowed += taken;
    walpool__mutex_unlock(&waitq->mutex);
    return taken;
}

static void
put_free(struct walpool__waitq *waitq, void *item, int place)
{
    INVARIANT(waitq->free_count < waitq->total);
    if (LIKELY(place >= waitq->free_count))
        place = waitq->free_count;
    else
        memmove(&waitq->free[place + 1], &waitq->free[place],
                (size_t)(waitq->free_count - place) * sizeof item);
    waitq->free[place] = item;
    waitq->free_count++;
}

/* As many are lent as before, so nobody is to be told. */
void *
walpool__waitq_swap(struct walpool__waitq *waitq, void *item)
{
    walpool__mutex_lock(&waitq->mutex);
    empty_pockets(waitq);
    put_free(waitq, item, 0);
    item = pop(waitq);
    walpool__mutex_unlock(&waitq->mutex);
    return item;
}

/* Under the mutex. */
static void
take_back(struct walpool__waitq *waitq, void *item, int place)
{
    struct waiter *first = waitq->held ? NULL : oldest(waitq);

    if (first && !may_barge(waitq)) {
        leave_queue(waitq, first);
        first->granted = item;
        walpool__parker_wake(&first->parker);
        wake_oldest(waitq); /* the one woken before will not take what is free */
    } else {
        put_free(waitq, item, place);
        wake_oldest(waitq);
        tell_home(waitq);
    }
}

void
walpool__waitq_give(struct walpool__waitq *waitq, void *item)
{
    walpool__mutex_lock(&waitq->mutex);
    take_back(waitq, item, waitq->total);
    walpool__mutex_unlock(&waitq->mutex);
}

void
walpool__waitq_pocket(struct walpool__waitq *waitq, void *item)
{
    _Atomic(void *) *pocket;

    if (are_closed(waitq)) {
        walpool__waitq_give(waitq, item);
        return;
    }
    pocket = my_pocket(waitq);
    item = atomic_exchange(pocket, item);
    if (UNLIKELY(item)) /* of another thread with this pocket */
        walpool__waitq_give(waitq, item);
    if (LIKELY(!atomic_load(&waitq->pockets->closed)))
        return;
    item = atomic_exchange(pocket, NULL);
    if (item)
        walpool__waitq_give(waitq, item);
}

void
walpool__waitq_put(struct walpool__waitq *waitq, void *item)
{
    walpool__mutex_lock(&waitq->mutex);
    take_back(waitq, item, 0);
    walpool__mutex_unlock(&waitq->mutex);
}

void
walpool__waitq_bring_back(struct walpool__waitq *waitq, void *item, int place)
{
    walpool__mutex_lock(&waitq->mutex);
    waitq->borrowed--;
    take_back(waitq, item, place);
    walpool__cond_broadcast(&waitq->home);
    walpool__mutex_unlock(&waitq->mutex);
}

/* Under the mutex, while pockets are closed. */
static bool
is_some_lent(const struct walpool__waitq *waitq)
{
    return waitq->free_count + waitq->borrowed < waitq->total;
}

bool
walpool__waitq_drain(struct walpool__waitq *waitq, int64_t deadline_ns)
{
    bool home, late;

    walpool__mutex_lock(&waitq->mutex);
    waitq->closing = true;
    see_to_pockets(waitq);
    for (;;) {
        home = waitq->free_count == waitq->total && waitq->waiter_count == 0;
        late = walpool__clock_now() >= deadline_ns;
        if (home || (late && (is_some_lent(waitq) || waitq->waiter_count > 0)))
            break;
        walpool__cond_wait(&waitq->home, &waitq->mutex,
                           late ? WALPOOL__NEVER : deadline_ns);
    }
    waitq->closing = waitq->shut = home;
    see_to_pockets(waitq);
    walpool__mutex_unlock(&waitq->mutex);
    return home;
}

void
walpool__waitq_reopen(struct walpool__waitq *waitq)
{
    walpool__mutex_lock(&waitq->mutex);
    waitq->closing = waitq->shut = false;
    see_to_pockets(waitq);
    walpool__mutex_unlock(&waitq->mutex);
}

bool
walpool__waitq_hold(struct walpool__waitq *waitq, int64_t deadline_ns)
{
    bool home;

    walpool__mutex_lock(&waitq->mutex);
    PRE(!waitq->held);
    waitq->held = true;
    see_to_pockets(waitq);
    while (!(home = waitq->free_count == waitq->total) &&
           walpool__clock_now() < deadline_ns)
        walpool__cond_wait(&waitq->home, &waitq->mutex, deadline_ns);
    walpool__mutex_unlock(&waitq->mutex);
    return home;
}

/* The oldest waiter wakes the next when it takes its share. */
void
walpool__waitq_release(struct walpool__waitq *waitq)
{
    walpool__mutex_lock(&waitq->mutex);
    waitq->held = false;
    wake_oldest(waitq);
    see_to_pockets(waitq);
    walpool__mutex_unlock(&waitq->mutex);
}

static bool
is_held(struct walpool__waitq *waitq)
{
    bool held;

    walpool__mutex_lock(&waitq->mutex);
    held = waitq->held;
    walpool__mutex_unlock(&waitq->mutex);
    return held;
}

bool
walpool__waitq_pass(struct walpool__waitq *waitq, struct walpool__call *call)
{
    while (UNLIKELY(call->timeout_ms != 0 && is_held(waitq))) {
        call->phase = WALPOOL_PHASE_QUEUE;
        if (walpool__call_must_stop(call))
            return false;
        walpool__call_leave(call);
        walpool__thread_nap_us(PASS_NAP_US);
    }
    return true;
}

void
walpool__waitq_count(struct walpool__waitq *waitq, int *out, int *waiters)
{
    walpool__mutex_lock(&waitq->mutex);
    *out = waitq->total - waitq->free_count - waitq->borrowed -
           in_pockets(waitq);
    *waiters = waitq->waiter_count;
    walpool__mutex_unlock(&waitq->mutex);
}
