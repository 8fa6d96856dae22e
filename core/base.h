/* What every file of the core may use: assertions, and a few small helpers.
 * No functions with state, no includes of ours but the public header. */
#ifndef WALPOOL_BASE_H
#define WALPOOL_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "walpool.h"

/* PRE: what the caller inside the core must have seen to.
 * INVARIANT: what is true here whatever happened. */
#define PRE(condition) assert(condition)
#define INVARIANT(condition) assert(condition)

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WALPOOL__CONTAINER(pointer, type, member) \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#if defined(__GNUC__)
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define LIKELY(condition) (condition)
#define UNLIKELY(condition) (condition)
#define PRINTF_LIKE(text, first)
#endif

static inline size_t
walpool__round_up8(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

#endif
