/* Memory: the one door to the heap.
 *
 * Does: allocate, and fail where a test asks for it.
 * Must not: keep state per caller, or print.
 * Lock: none; the two counters of the test door are atomic. */
#include "mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_countdown = -1;
static atomic_long allocation_count;

long
walpool__mem_fail_after(long after)
{
    atomic_store(&fail_countdown, after);
    return atomic_exchange(&allocation_count, 0);
}

static bool
must_fail(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) < 0)
        return false;
    atomic_fetch_add(&allocation_count, 1);
    return atomic_fetch_sub(&fail_countdown, 1) == 0;
}

void *
walpool__mem_alloc(size_t bytes)
{
    return must_fail() ? NULL : malloc(bytes ? bytes : 1);
}

void *
walpool__mem_zalloc(size_t bytes)
{
    return must_fail() ? NULL : calloc(1, bytes ? bytes : 1);
}

void *
walpool__mem_realloc(void *old, size_t bytes)
{
    return must_fail() ? NULL : realloc(old, bytes ? bytes : 1);
}

char *
walpool__mem_copy_text(const char *text, size_t bytes)
{
    char *copy = walpool__mem_alloc(bytes + 1);

    if (!copy)
        return NULL;
    if (bytes)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

void
walpool__mem_free(void *memory)
{
    free(memory);
}
