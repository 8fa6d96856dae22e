/* Trace: the stack of a thread.
 *
 * Does: take it, and name what is on it, where the C library can
 * (<execinfo.h>: glibc, macOS, BSD; not musl).
 * Must not: be called where nobody asked for it: the first time it loads a
 * library.
 * Lock: none. */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__has_include)
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define HAS_EXECINFO 1
#endif
#endif

#if defined(HAS_EXECINFO)

uint32_t
walpool__trace_take(void **stack, uint32_t most)
{
    int depth = backtrace(stack, (int)most);

    return depth > 0 ? (uint32_t)depth : 0;
}

/* The text is memory of the C library's, and goes back to it. */
static bool
ask(uint64_t address, char *dst, size_t bytes)
{
    void *stack[1] = {(void *)(uintptr_t)address};
    char **names = backtrace_symbols(stack, 1);

    if (!names)
        return false;
    snprintf(dst, bytes, "%s", names[0]);
    free(names);
    return true;
}

#else

uint32_t
walpool__trace_take(void **stack, uint32_t most)
{
    (void)stack;
    (void)most;
    return 0;
}

static bool
ask(uint64_t address, char *dst, size_t bytes)
{
    (void)address;
    (void)dst;
    (void)bytes;
    return false;
}

#endif

void
walpool__trace_name(uint64_t address, char *dst, size_t bytes)
{
    if (!ask(address, dst, bytes))
        snprintf(dst, bytes, "[0x%llx]", (unsigned long long)address);
}
