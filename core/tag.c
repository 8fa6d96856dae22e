/* Tag: who has a connection.
 *
 * Does: keep label, thread and stack of the holder, and show them as they were
 * at one moment, without stopping anybody.
 * Must not: wait for a writer of the tag: it may be held up for long.
 * Lock: none; a version says whether a reader met a change. */
#include "tag.h"

#include "trace.h"

/* A change takes some nanoseconds. Whoever meets one that often, within some
 * hundred microseconds, meets a thread that is held up in the middle of one. */
#define TRIES 10000

void
walpool__tag_keep(struct walpool__tag *tag, walpool_holder kind,
                  int64_t frames, bool trace)
{
    void *stack[WALPOOL_STACK_DEPTH];
    uint32_t depth =
        trace ? walpool__trace_take(stack, WALPOOL_STACK_DEPTH) : 0;

    walpool__tag_begin(tag);
    WALPOOL__TAG_PUT(tag->kind, kind);
    WALPOOL__TAG_PUT(tag->frames, frames);
    WALPOOL__TAG_PUT(tag->stack_depth, depth);
    for (uint32_t i = 0; i < depth; i++)
        WALPOOL__TAG_PUT(tag->stack[i], (uintptr_t)stack[i]);
    walpool__tag_end(tag);
}

#define GET(field) atomic_load_explicit(&(field), memory_order_acquire)

static void
copy(const struct walpool__tag *tag, struct walpool__holder *holder)
{
    uint64_t words[WALPOOL__TAG_WORDS];

    holder->since_ns = GET(tag->since_ns);
    holder->thread = GET(tag->thread);
    holder->kind = (walpool_holder)GET(tag->kind);
    holder->frames = GET(tag->frames);
    for (size_t i = 0; i < WALPOOL__TAG_WORDS; i++)
        words[i] = GET(tag->words[i]);
    memcpy(holder->why, words, WALPOOL_WHY_BYTES);
    holder->why[WALPOOL_WHY_BYTES - 1] = '\0';
    holder->stack_depth = GET(tag->stack_depth);
    for (uint32_t i = 0; i < holder->stack_depth; i++)
        holder->stack[i] = GET(tag->stack[i]);
}

/* Somebody has it, and who that is changes right now: no name is better than
 * a mixture of two. */
static struct walpool__holder
nameless(int64_t since_ns)
{
    return (struct walpool__holder){.since_ns = since_ns, .frames = -1,
                                    .kind = WALPOOL_HOLDER_CALL};
}

struct walpool__holder
walpool__tag_read(const struct walpool__tag *tag)
{
    struct walpool__holder holder;

    for (int i = 0; i < TRIES; i++) {
        uint32_t before = GET(tag->version);

        copy(tag, &holder);
        if (!(before & 1) &&
            before == atomic_load_explicit(&tag->version, memory_order_relaxed))
            return holder;
    }
    return nameless(holder.since_ns);
}

void
walpool__tag_describe(const struct walpool__holder *holder, walpool_kind kind,
                      walpool_lease_info *info)
{
    int64_t age_ns = walpool__clock_now() - holder->since_ns;

    memset(info, 0, sizeof *info);
    info->kind = (int32_t)kind;
    info->holder = (int32_t)holder->kind;
    info->thread = (int64_t)holder->thread;
    info->age_us = age_ns > 0 ? age_ns / 1000 : 0;
    info->frames = holder->frames;
    memcpy(info->why, holder->why, sizeof info->why);
    info->stack_depth = holder->stack_depth;
    memcpy(info->stack, holder->stack,
           holder->stack_depth * sizeof *holder->stack);
}
