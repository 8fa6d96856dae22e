/* Ahead: the next blocks of a result, filled before they are asked for.
 *
 * Making values of rows is half of a scan in every language. While the caller
 * does that with one block, a thread of the database steps the statement and
 * fills the next. It is at most two blocks ahead, then it leaves the result
 * alone until one was taken. A thread that does not come in time costs little:
 * the caller takes the work back and does it himself.
 *
 *   state    event                                  state
 *   RESTS    start; a block is free              -> QUEUED
 *   QUEUED   take; nothing filled                -> RESTS, and its user fills
 *   QUEUED   a thread begins                     -> RUNS
 *   RUNS     both filled, the end, or stop       -> RESTS
 *
 * Does: blocks, who is at work on them, waiting.
 * Must not: know SQLite, or what fills a block.
 * Lock: the steppers' mutex; nothing is filled, copied or waited for while it
 * is held. */
#include "ahead.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#define MOST_BY_DEFAULT 4

/* ------------------------------------------------------------ the threads */

static struct walpool__ahead *
from_task(struct walpool__task *task)
{
    return WALPOOL__CONTAINER(task, struct walpool__ahead, task);
}

static void
wake_user(struct walpool__ahead *ahead)
{
    if (ahead->waiter)
        walpool__parker_wake(ahead->waiter);
}

/* The block behind those that are filled, or NULL. */
static struct walpool__ahead_block *
free_block(struct walpool__ahead *ahead)
{
    unsigned nth = ahead->first + ahead->filled;

    return ahead->filled < WALPOOL__AHEAD_BLOCKS
               ? &ahead->blocks[nth % WALPOOL__AHEAD_BLOCKS]
               : NULL;
}

static enum walpool__ahead_next
fill_block(struct walpool__ahead *ahead, struct walpool__ahead_block *block)
{
    struct walpool__call call;

    walpool__call_begin_own(&call, -1);
    call.token = &ahead->stop;
    block->next = ahead->fill(ahead->owner, &call, &block->rows, &block->status,
                              &block->error);
    return block->next;
}

/* The mutex is held at begin and end. */
static void
fill_what_is_free(struct walpool__ahead *ahead)
{
    enum walpool__ahead_next next = WALPOOL__AHEAD_GOES_ON;
    struct walpool__ahead_block *block;

    while (next == WALPOOL__AHEAD_GOES_ON &&
           !walpool__token_cancelled(&ahead->stop) &&
           (block = free_block(ahead)) != NULL) {
        walpool__mutex_unlock(&ahead->steppers->mutex);
        next = fill_block(ahead, block);
        walpool__mutex_lock(&ahead->steppers->mutex);
        ahead->filled++;
        wake_user(ahead);
    }
}

static void
work(struct walpool__worker *worker)
{
    struct walpool__wakefd *no_ring = NULL;
    struct walpool__task *task;

    while ((task = walpool__crew_next(worker, &no_ring)) != NULL) {
        struct walpool__ahead *ahead = from_task(task);

        ahead->state = WALPOOL__AHEAD_RUNS;
        fill_what_is_free(ahead);
        walpool__crew_end(worker, task);
        /* Whoever waits was woken for the last block, and the mutex was not let
         * go since. He may free it as soon as it is. */
        ahead->state = WALPOOL__AHEAD_RESTS;
    }
}

static int
threads_by_default(void)
{
    int cpus = walpool__thread_cpus();

    return cpus - 1 < MOST_BY_DEFAULT ? cpus - 1 : MOST_BY_DEFAULT;
}

void
walpool__steppers_init(struct walpool__steppers *steppers, int threads)
{
    walpool__mutex_init(&steppers->mutex);
    steppers->crew.mutex = &steppers->mutex;
    steppers->crew.thread_name = "walpool-ahead";
    steppers->crew.work = work;
    steppers->crew.owner = steppers;
    steppers->crew.limit = threads == WALPOOL__STEPPERS_AUTO
                               ? threads_by_default()
                               : threads;
    walpool__crew_init(&steppers->crew);
}

void
walpool__steppers_stop(struct walpool__steppers *steppers)
{
    walpool__mutex_lock(&steppers->mutex);
    walpool__crew_stop(&steppers->crew);
    walpool__mutex_unlock(&steppers->mutex);
    walpool__crew_join(&steppers->crew);
}

void
walpool__steppers_finish(struct walpool__steppers *steppers)
{
    walpool__crew_finish(&steppers->crew);
    walpool__mutex_finish(&steppers->mutex);
}

/* --------------------------------------------------------------- its life */

/* One that grows may change hands; the others must fit into the user's. */
static bool
make_block(struct walpool__ahead_block *block, const walpool_rows *like)
{
    size_t bytes = like->owned ? WALPOOL__BLOCK_FULL : like->capacity;

    walpool_rows_init(&block->rows);
    block->rows.data = walpool__mem_alloc(bytes);
    block->rows.capacity = block->rows.data ? bytes : 0;
    block->rows.limit = like->owned ? WALPOOL__BLOCK_LIMIT : bytes;
    return block->rows.data;
}

struct walpool__ahead *
walpool__ahead_make(struct walpool__steppers *steppers,
                    walpool__ahead_fill *fill, void *owner,
                    const walpool_rows *like)
{
    struct walpool__ahead *ahead = NULL;
    bool made = true;

    if (steppers->crew.limit > 0)
        ahead = walpool__mem_zalloc(sizeof *ahead);
    if (!ahead)
        return NULL;
    ahead->steppers = steppers;
    ahead->fill = fill;
    ahead->owner = owner;
    walpool__token_init(&ahead->stop);
    for (int i = 0; i < WALPOOL__AHEAD_BLOCKS; i++)
        made = make_block(&ahead->blocks[i], like) && made;
    if (made)
        return ahead;
    walpool__ahead_free(ahead);
    return NULL;
}

/* The mutex is held. */
static void
withdraw(struct walpool__ahead *ahead)
{
    if (ahead->state != WALPOOL__AHEAD_QUEUED)
        return;
    walpool__lane_remove(&ahead->steppers->crew.lane, &ahead->task);
    ahead->state = WALPOOL__AHEAD_RESTS;
}

static void
stop(struct walpool__ahead *ahead)
{
    struct walpool__parker parker;

    walpool__token_cancel(&ahead->stop);
    walpool__parker_init(&parker);
    walpool__mutex_lock(&ahead->steppers->mutex);
    withdraw(ahead);
    ahead->waiter = &parker;
    while (ahead->state == WALPOOL__AHEAD_RUNS) {
        walpool__mutex_unlock(&ahead->steppers->mutex);
        walpool__parker_sleep(&parker, WALPOOL__NEVER);
        walpool__mutex_lock(&ahead->steppers->mutex);
    }
    walpool__mutex_unlock(&ahead->steppers->mutex);
    walpool__parker_finish(&parker);
}

void
walpool__ahead_free(struct walpool__ahead *ahead)
{
    if (!ahead)
        return;
    stop(ahead);
    for (int i = 0; i < WALPOOL__AHEAD_BLOCKS; i++)
        walpool_rows_finish(&ahead->blocks[i].rows);
    walpool__token_finish(&ahead->stop);
    walpool__mem_free(ahead);
}

/* ----------------------------------------------------------------- its use */

/* The mutex is held. After the newest block, is there something to do? */
static bool
has_work(struct walpool__ahead *ahead)
{
    unsigned newest = ahead->first + ahead->filled + WALPOOL__AHEAD_BLOCKS - 1;

    if (ahead->state != WALPOOL__AHEAD_RESTS || !free_block(ahead) ||
        ahead->steppers->crew.stopping)
        return false;
    return ahead->filled == 0 ||
           ahead->blocks[newest % WALPOOL__AHEAD_BLOCKS].next ==
               WALPOOL__AHEAD_GOES_ON;
}

void
walpool__ahead_start(struct walpool__ahead *ahead)
{
    bool served;

    walpool__mutex_lock(&ahead->steppers->mutex);
    if (has_work(ahead) && walpool__crew_add(&ahead->steppers->crew,
                                             &ahead->task, &served) == 0)
        ahead->state = WALPOOL__AHEAD_QUEUED;
    walpool__mutex_unlock(&ahead->steppers->mutex);
}

/* The mutex is held. Is a block there, or will be? */
static bool
is_coming(struct walpool__ahead *ahead)
{
    if (ahead->filled == 0)
        withdraw(ahead);
    return ahead->filled > 0 || ahead->state == WALPOOL__AHEAD_RUNS;
}

/* False: the call must stop. A tick leaves nothing: sleeping has left. */
static bool
sleep_until_filled(struct walpool__ahead *ahead, struct walpool__call *call)
{
    struct walpool__mutex *mutex = &ahead->steppers->mutex;
    struct walpool__sleeper sleeper;
    struct walpool__parker parker;
    bool stops = false;

    walpool__parker_init(&parker);
    call->phase = WALPOOL_PHASE_EXECUTE;
    walpool__call_leave(call);
    walpool__token_watch(call->token, &sleeper, &parker);
    walpool__mutex_lock(mutex);
    ahead->waiter = &parker;
    while (ahead->filled == 0 && !(stops = walpool__call_tick(call))) {
        walpool__mutex_unlock(mutex);
        walpool__parker_sleep(&parker, call->waits_only ? WALPOOL__NEVER
                                                        : call->deadline_ns);
        walpool__mutex_lock(mutex);
    }
    ahead->waiter = NULL;
    walpool__mutex_unlock(mutex);
    walpool__token_unwatch(call->token, &sleeper);
    walpool__parker_finish(&parker);
    return !stops;
}

/* Buffers that grow change hands; into the others the block is copied to where
 * it was. False: there is no room. */
static bool
hand_over(walpool_rows *from, walpool_rows *to)
{
    const walpool_rows_header *header = (const void *)from->data;
    walpool_rows swap = *to;
    size_t cells;

    if (to->owned) {
        to->data = from->data;
        to->capacity = from->capacity;
        from->data = swap.data;
        from->capacity = swap.capacity;
        return true;
    }
    if (to->capacity < header->arena_end)
        return false;
    cells = (size_t)header->row_count + !!(header->flags & WALPOOL_ROWS_NAMES);
    cells *= header->column_count * (size_t)WALPOOL_CELL_BYTES;
    memcpy(to->data, from->data, WALPOOL_ROWS_HEADER_BYTES + cells);
    memcpy(to->data + header->arena_start, from->data + header->arena_start,
           (size_t)(header->arena_end - header->arena_start));
    return true;
}

static walpool_status
too_small(const walpool_rows *from, const walpool_rows *to, walpool_error *err)
{
    const walpool_rows_header *header = (const void *)from->data;

    return walpool__error_set(
        err, WALPOOL_TOOBIG, "the rows buffer of %zu bytes is smaller than the "
        "one before, and the next block needs %llu: give one that large",
        to->capacity, (unsigned long long)header->arena_end);
}

/* Only its user takes a block away, so the first one stays as it is. */
static walpool_status
take_first(struct walpool__ahead *ahead, walpool_rows *rows,
           enum walpool__ahead_next *next, walpool_error *err)
{
    struct walpool__ahead_block *block = &ahead->blocks[ahead->first];
    walpool_status status = block->status;

    if (status == WALPOOL_OK && !hand_over(&block->rows, rows)) {
        *next = WALPOOL__AHEAD_WAITS;
        return too_small(&block->rows, rows, err);
    }
    *next = block->next;
    if (status != WALPOOL_OK && err)
        *err = block->error;
    walpool__mutex_lock(&ahead->steppers->mutex);
    ahead->first = (ahead->first + 1) % WALPOOL__AHEAD_BLOCKS;
    ahead->filled--;
    walpool__mutex_unlock(&ahead->steppers->mutex);
    return status;
}

bool
walpool__ahead_take(struct walpool__ahead *ahead, struct walpool__call *call,
                    walpool_rows *rows, enum walpool__ahead_next *next,
                    walpool_status *status, walpool_error *err)
{
    bool there, coming;

    walpool__mutex_lock(&ahead->steppers->mutex);
    coming = is_coming(ahead);
    there = ahead->filled > 0;
    walpool__mutex_unlock(&ahead->steppers->mutex);
    if (!coming)
        return false;
    if (there || sleep_until_filled(ahead, call)) {
        *status = take_first(ahead, rows, next, err);
        return true;
    }
    *next = WALPOOL__AHEAD_ENDED;
    *status = walpool__call_stopped(call, "run the statement", "", err);
    return true;
}
