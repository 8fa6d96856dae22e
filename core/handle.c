/* Handles: numbers for objects, that notice when they are stale.
 *
 * A handle is generation, index and kind packed into a pointer-sized number
 * (52 bits where there is room, so that a double carries it). The slot it
 * names holds generation, a closed bit and a count of pins in one atomic word,
 * so pin and unpin are one compare-and-swap each and take no lock. A slot is
 * used again only with the next generation, so an old handle never reaches a
 * new object; slots are never freed, so looking at one is always safe.
 *
 * All threads pin the same database, for every call, and its word would go to
 * and fro between them. So its pins are counted in stripes, each thread in one:
 * only their sum means something, and nobody needs it before the handle is
 * closed. Who pins counts, then looks at the word; who closes marks the word,
 * then looks at the counts. So either the pin fails or the sum has it. From then
 * on the sum only falls, but for pins that fail; who takes one back, whichever
 * kind, sums up, and the first to find nothing left destroys. Beside stripes the
 * count in the word is 1 until then.
 *
 * Does: map handles to objects, keep an object alive while it is pinned.
 * Must not: know what the objects are.
 * Lock: `mutex` guards the free list, the making of chunks, and who destroys
 * where pins are counted in stripes. */
#include "handle.h"

#include <stdatomic.h>
#include <string.h>

#include "error.h"
#include "mem.h"
#include "thread.h"

#define KIND_BITS 3
#define INDEX_BITS 17
#define GENERATION_BITS (sizeof(uintptr_t) >= 8 ? 32 : 12)
#define GENERATION_MASK ((uint32_t)(((uint64_t)1 << GENERATION_BITS) - 1))
#define CHUNK_SLOTS 256
#define CHUNKS ((1 << INDEX_BITS) / CHUNK_SLOTS)

#define CLOSED_BIT ((uint64_t)1 << 31)
#define PIN_MASK (CLOSED_BIT - 1)

#define STRIPES 16

struct stripe {
    _Atomic uint64_t pins;
    char line[56]; /* another thread's is in another cache line */
};

struct slot {
    _Atomic uint64_t word; /* generation << 32 | closed << 31 | pins */
    struct stripe *_Atomic stripes; /* once it was a database's; else NULL */
    void *object;          /* set before the word says that it is there */
    void (*destroy)(void *);
    uint32_t kind;
    uint32_t fork_count;
    uint32_t next_free; /* index + 1, 0: none */
};

static struct {
    struct walpool__mutex mutex; /* guards the next two and making chunks */
    uint32_t free_head;          /* index + 1, 0: none */
    uint32_t used;               /* slots ever handed out */
    struct slot *_Atomic chunks[CHUNKS];
} table = {.mutex = WALPOOL__MUTEX_STATIC};

static const char *const kind_names[WALPOOL__HANDLE_KINDS] = {
    "database", "lease", "cursor", "token", "queue", "backup",
    "prepared statement"};

/* The thread that held the mutex does not exist in the child, and may have
 * left the free list half changed: start a new one. */
static void
start_anew_in_child(void)
{
    walpool__mutex_init(&table.mutex);
    table.free_head = 0;
}

static struct slot *
slot_at(uint32_t index)
{
    struct slot *chunk = atomic_load_explicit(&table.chunks[index / CHUNK_SLOTS],
                                              memory_order_acquire);

    return chunk ? &chunk[index % CHUNK_SLOTS] : NULL;
}

static void *
pack(enum walpool__handle_kind kind, uint32_t index, uint32_t generation)
{
    uintptr_t value = (uintptr_t)generation & GENERATION_MASK;

    value = value << INDEX_BITS | index;
    return (void *)(value << KIND_BITS | (uintptr_t)kind);
}

static uint32_t
index_of(const void *handle)
{
    return (uint32_t)((uintptr_t)handle >> KIND_BITS) & ((1u << INDEX_BITS) - 1);
}

/* All the bits above, so that a number with more of them is no handle. */
static uint64_t
generation_of(const void *handle)
{
    return ((uint64_t)(uintptr_t)handle) >> (KIND_BITS + INDEX_BITS);
}

/* Take a slot that nobody uses; the mutex is held. 0: none to be had. */
static uint32_t
take_slot(void)
{
    uint32_t index = table.free_head;

    if (index) {
        table.free_head = slot_at(index - 1)->next_free;
        return index;
    }
    index = table.used;
    if (index >= 1u << INDEX_BITS)
        return 0;
    if (!slot_at(index)) {
        struct slot *chunk = walpool__mem_zalloc(CHUNK_SLOTS * sizeof *chunk);

        if (!chunk)
            return 0;
        atomic_store_explicit(&table.chunks[index / CHUNK_SLOTS], chunk,
                              memory_order_release);
    }
    table.used++;
    return index + 1;
}

static void
give_slot_back(uint32_t index)
{
    walpool__mutex_lock(&table.mutex);
    slot_at(index)->next_free = table.free_head;
    table.free_head = index + 1;
    walpool__mutex_unlock(&table.mutex);
}

/* They stay with the slot, as it stays with the table. */
static bool
have_stripes(struct slot *slot)
{
    struct stripe *stripes =
        atomic_load_explicit(&slot->stripes, memory_order_relaxed);

    if (!stripes)
        stripes = walpool__mem_zalloc(STRIPES * sizeof *stripes);
    atomic_store_explicit(&slot->stripes, stripes, memory_order_release);
    return stripes != NULL;
}

void *
walpool__handle_open(enum walpool__handle_kind kind, void *object,
                     void (*destroy)(void *))
{
    uint32_t taken, generation;
    struct slot *slot;

    walpool__thread_at_fork(start_anew_in_child);
    walpool__mutex_lock(&table.mutex);
    taken = take_slot();
    walpool__mutex_unlock(&table.mutex);
    if (!taken)
        return NULL;
    slot = slot_at(taken - 1);
    if (kind == WALPOOL__HANDLE_DATABASE && !have_stripes(slot)) {
        give_slot_back(taken - 1);
        return NULL;
    }
    generation = (uint32_t)(atomic_load(&slot->word) >> 32) + 1;
    if ((generation & GENERATION_MASK) == 0)
        generation++;
    slot->object = object;
    slot->destroy = destroy;
    slot->kind = kind;
    slot->fork_count = walpool__thread_fork_count();
    atomic_store_explicit(&slot->word, (uint64_t)generation << 32 | 1,
                          memory_order_release);
    return pack(kind, taken - 1, generation);
}

static walpool_status
explain(enum walpool__handle_kind kind, const void *handle, walpool_error *err)
{
    uintptr_t is = (uintptr_t)handle & ((1 << KIND_BITS) - 1);

    if (!handle)
        return walpool__error_set(err, WALPOOL_MISUSE, "the %s is NULL",
                                  kind_names[kind]);
    if (is != (uintptr_t)kind)
        return walpool__error_set(
            err, WALPOOL_MISUSE, "a %s is needed, this handle is a %s",
            kind_names[kind],
            is < WALPOOL__HANDLE_KINDS ? kind_names[is] : "number of no kind");
    return walpool__error_set(err, WALPOOL_CLOSED, "the %s is closed",
                              kind_names[kind]);
}

static bool
same_generation(uint64_t word, const void *handle)
{
    return ((uint32_t)(word >> 32) & GENERATION_MASK) == generation_of(handle);
}

static bool
leads_to_object(uint64_t word, const void *handle)
{
    return same_generation(word, handle) && !(word & CLOSED_BIT) &&
           (word & PIN_MASK);
}

/* ---------------------------------------------------------- pins in stripes */

static struct stripe *
my_stripe(struct stripe *stripes)
{
    return &stripes[walpool__thread_nth() % STRIPES];
}

static uint64_t
sum(const struct stripe *stripes)
{
    uint64_t pins = 0;

    for (int i = 0; i < STRIPES; i++)
        pins += atomic_load(&stripes[i].pins);
    return pins;
}

/* It is closed, and has a pin less. */
static void
end_if_last(struct slot *slot, const struct stripe *stripes, uint32_t index)
{
    uint64_t word;
    bool last;

    walpool__mutex_lock(&table.mutex);
    word = atomic_load(&slot->word);
    last = (word & CLOSED_BIT) && (word & PIN_MASK) && sum(stripes) == 0;
    if (last)
        atomic_store(&slot->word, word & ~PIN_MASK);
    walpool__mutex_unlock(&table.mutex);
    if (!last)
        return;
    slot->destroy(slot->object);
    give_slot_back(index);
}

static void
unpin_striped(struct slot *slot, struct stripe *stripes, uint32_t index)
{
    atomic_fetch_sub(&my_stripe(stripes)->pins, 1);
    if (UNLIKELY(atomic_load(&slot->word) & CLOSED_BIT))
        end_if_last(slot, stripes, index);
}

static bool
try_pin_striped(struct slot *slot, struct stripe *stripes, const void *handle)
{
    atomic_fetch_add(&my_stripe(stripes)->pins, 1);
    if (LIKELY(leads_to_object(atomic_load(&slot->word), handle)))
        return true;
    unpin_striped(slot, stripes, index_of(handle));
    return false;
}

/* --------------------------------------------------------- pins of any kind */

/* Add a pin, if the handle is the slot's present one and not closed. */
static bool
try_pin(struct slot *slot, const void *handle)
{
    struct stripe *stripes =
        atomic_load_explicit(&slot->stripes, memory_order_acquire);
    uint64_t word;

    if (stripes)
        return try_pin_striped(slot, stripes, handle);
    word = atomic_load_explicit(&slot->word, memory_order_acquire);
    do {
        if (!leads_to_object(word, handle))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &slot->word, &word, word + 1, memory_order_acq_rel,
        memory_order_acquire));
    return true;
}

void *
walpool__handle_pin(enum walpool__handle_kind kind, const void *handle,
                    walpool_error *err, walpool_status *status)
{
    struct slot *slot = NULL;

    if (LIKELY(handle &&
               ((uintptr_t)handle & ((1 << KIND_BITS) - 1)) == (uintptr_t)kind))
        slot = slot_at(index_of(handle));
    if (UNLIKELY(!slot || !try_pin(slot, handle))) {
        *status = explain(kind, handle, err);
        return NULL;
    }
    if (UNLIKELY(slot->kind != (uint32_t)kind)) {
        walpool__handle_unpin(handle);
        *status = walpool__error_set(err, WALPOOL_MISUSE,
                                     "this number is no %s",
                                     kind_names[kind]);
        return NULL;
    }
    if (UNLIKELY(slot->fork_count != walpool__thread_fork_count())) {
        *status = walpool__error_set(
            err, WALPOOL_FORKED,
            "the %s was opened before fork(): open it anew in the child",
            kind_names[kind]);
        return NULL; /* pinned for good: the child never destroys it */
    }
    *status = WALPOOL_OK;
    return slot->object;
}

void
walpool__handle_unpin(const void *handle)
{
    struct slot *slot = slot_at(index_of(handle));
    struct stripe *stripes =
        atomic_load_explicit(&slot->stripes, memory_order_relaxed);
    uint64_t before;

    if (stripes) {
        unpin_striped(slot, stripes, index_of(handle));
        return;
    }
    before = atomic_fetch_sub_explicit(&slot->word, 1, memory_order_acq_rel);
    INVARIANT(before & PIN_MASK);
    if ((before & PIN_MASK) != 1)
        return;
    INVARIANT(before & CLOSED_BIT);
    slot->destroy(slot->object);
    give_slot_back(index_of(handle));
}

bool
walpool__handle_close(const void *handle)
{
    struct slot *slot = slot_at(index_of(handle));
    uint64_t before = atomic_fetch_or(&slot->word, CLOSED_BIT);

    if (before & CLOSED_BIT)
        return false;
    /* The pin that open made; not the last. */
    if (!atomic_load_explicit(&slot->stripes, memory_order_relaxed))
        walpool__handle_unpin(handle);
    return true;
}

bool
walpool__handle_is_closed(const void *handle)
{
    return atomic_load_explicit(&slot_at(index_of(handle))->word,
                                memory_order_acquire) & CLOSED_BIT;
}

bool
walpool__handle_is_open(const void *handle)
{
    const struct slot *slot = slot_at(index_of(handle));
    uint64_t word;

    if (UNLIKELY(!slot))
        return false;
    word = atomic_load_explicit(&slot->word, memory_order_acquire);
    return leads_to_object(word, handle);
}
