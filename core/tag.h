/* Tag: who has a connection, readable by health at any time. */
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

/* Written by whoever has the connection, read by anybody: each word by
 * itself is true, and a reader that meets a change sees a mixed label at
 * worst. */
struct walpool__tag {
    _Atomic int64_t since_ns; /* 0: nobody has it */
    _Atomic uint64_t thread;
    _Atomic uint64_t words[WALPOOL__TAG_WORDS]; /* label, NUL-padded */
};

/* What a tag said at one moment. */
struct walpool__holder {
    int64_t since_ns; /* 0: nobody has it */
    uint64_t thread;
    char why[WALPOOL_WHY_BYTES];
};

static inline void
walpool__tag_set(struct walpool__tag *tag, const char *why, int64_t now_ns)
{
    uint64_t words[WALPOOL__TAG_WORDS] = {0};

    if (why)
        walpool__utf8_label((char *)words, sizeof words, why,
                            strnlen(why, WALPOOL_WHY_BYTES));
    if (why || atomic_load_explicit(&tag->words[0], memory_order_relaxed))
        for (size_t i = 0; i < WALPOOL__TAG_WORDS; i++)
            atomic_store_explicit(&tag->words[i], words[i],
                                  memory_order_relaxed);
    atomic_store_explicit(&tag->thread, walpool__thread_self(),
                          memory_order_relaxed);
    atomic_store_explicit(&tag->since_ns, now_ns, memory_order_release);
}

static inline void
walpool__tag_clear(struct walpool__tag *tag)
{
    atomic_store_explicit(&tag->since_ns, 0, memory_order_release);
}

static inline struct walpool__holder
walpool__tag_read(const struct walpool__tag *tag)
{
    uint64_t words[WALPOOL__TAG_WORDS];
    struct walpool__holder holder = {
        .since_ns = atomic_load_explicit(&tag->since_ns, memory_order_acquire),
        .thread = atomic_load_explicit(&tag->thread, memory_order_relaxed)};

    for (size_t i = 0; i < WALPOOL__TAG_WORDS; i++)
        words[i] = atomic_load_explicit(&tag->words[i], memory_order_relaxed);
    memcpy(holder.why, words, WALPOOL_WHY_BYTES);
    holder.why[WALPOOL_WHY_BYTES - 1] = '\0';
    return holder;
}

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
