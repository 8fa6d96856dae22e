/* Tag: who has a connection, readable by anybody at any time. */
#ifndef WALPOOL_TAG_H
#define WALPOOL_TAG_H

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "clock.h"
#include "thread.h"
#include "utf8.h"

#define WALPOOL__TAG_WORDS (WALPOOL_WHY_BYTES / 8)

/* Written by whoever has the connection. A version that is odd, or another one
 * behind than before, tells a reader that it met a change. */
struct walpool__tag {
    _Atomic uint32_t version;
    _Atomic int32_t kind;     /* walpool_holder */
    _Atomic int64_t since_ns; /* 0: nobody has it */
    _Atomic uint64_t thread;
    _Atomic int64_t frames;   /* of its snapshot, or -1 */
    _Atomic uint64_t words[WALPOOL__TAG_WORDS]; /* label, NUL-padded */
    _Atomic uint32_t stack_depth;
    _Atomic uint64_t stack[WALPOOL_STACK_DEPTH];
};

/* What a tag said at one moment. */
struct walpool__holder {
    int64_t since_ns; /* 0: nobody has it */
    uint64_t thread;
    walpool_holder kind;
    int64_t frames;
    char why[WALPOOL_WHY_BYTES];
    uint32_t stack_depth;
    uint64_t stack[WALPOOL_STACK_DEPTH];
};

/* Every store and load of a change is ordered by itself: that is as cheap as
 * a fence on the machines we know, and checkers of races understand it. */
#define WALPOOL__TAG_PUT(field, value) \
    atomic_store_explicit(&(field), (value), memory_order_release)

static inline void
walpool__tag_begin(struct walpool__tag *tag)
{
    uint32_t version = atomic_load_explicit(&tag->version,
                                            memory_order_relaxed);

    atomic_store_explicit(&tag->version, version + 1, memory_order_relaxed);
}

static inline void
walpool__tag_end(struct walpool__tag *tag)
{
    uint32_t version = atomic_load_explicit(&tag->version,
                                            memory_order_relaxed);

    WALPOOL__TAG_PUT(tag->version, version + 1);
}

/* A call has the connection from now on. */
static inline void
walpool__tag_set(struct walpool__tag *tag, const char *why, int64_t now_ns)
{
    uint64_t words[WALPOOL__TAG_WORDS] = {0};

    if (why)
        walpool__utf8_label((char *)words, sizeof words, why,
                            strnlen(why, WALPOOL_WHY_BYTES));
    walpool__tag_begin(tag);
    if (why || atomic_load_explicit(&tag->words[0], memory_order_relaxed))
        for (size_t i = 0; i < WALPOOL__TAG_WORDS; i++)
            WALPOOL__TAG_PUT(tag->words[i], words[i]);
    WALPOOL__TAG_PUT(tag->kind, WALPOOL_HOLDER_CALL);
    WALPOOL__TAG_PUT(tag->thread, walpool__thread_self());
    WALPOOL__TAG_PUT(tag->frames, -1);
    WALPOOL__TAG_PUT(tag->stack_depth, 0);
    WALPOOL__TAG_PUT(tag->since_ns, now_ns);
    walpool__tag_end(tag);
}

static inline void
walpool__tag_clear(struct walpool__tag *tag)
{
    atomic_store_explicit(&tag->since_ns, 0, memory_order_release);
}

/* Since when somebody has it, or 0; for whoever sets it. */
static inline int64_t
walpool__tag_since(const struct walpool__tag *tag)
{
    return atomic_load_explicit(&tag->since_ns, memory_order_relaxed);
}

/* The connection is kept after the call, by a lease or a cursor. `frames` is
 * of its snapshot, or -1; with `trace` the stack is remembered, too. */
void walpool__tag_keep(struct walpool__tag *tag, walpool_holder kind,
                       int64_t frames, bool trace);

/* Without label and thread where it changes for as long as anybody looks. */
struct walpool__holder walpool__tag_read(const struct walpool__tag *tag);

/* The same for everybody to see. */
void walpool__tag_describe(const struct walpool__holder *holder,
                           walpool_kind kind, walpool_lease_info *info);

static inline int64_t
walpool__holder_age_ms(const struct walpool__holder *holder)
{
    return holder->since_ns
               ? (walpool__clock_now() - holder->since_ns) / 1000000
               : 0;
}

/* For errors: "nightly import (thread 4711)". */
#define WALPOOL__HOLDER_NAME_BYTES (WALPOOL_WHY_BYTES + 48)

static inline const char *
walpool__holder_name(const struct walpool__holder *holder,
                     char dst[WALPOOL__HOLDER_NAME_BYTES])
{
    snprintf(dst, WALPOOL__HOLDER_NAME_BYTES, "%s (thread %llu)",
             holder->why[0] ? holder->why : "a call without a label (why)",
             (unsigned long long)holder->thread);
    return dst;
}

#endif
