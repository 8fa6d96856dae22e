/* Fiber: a stack of its own, on which a simulated thread runs.
 *
 * All simulated threads share one real one, so that a schedule depends on
 * nothing but the choices that made it, and a change of threads costs less
 * than a microsecond even on a loaded machine. The sanitizers are told of each
 * change of stacks.
 *
 * Does: switch stacks, use them again, unwind one that was left for good.
 * Must not: know why anybody switches.
 * Lock: none, there is one thread. */
#include "fiber.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

/* The guard keeps stacks so far apart that valgrind sees one end and another
 * begin, and not one that grows. It is no memory, only addresses. */
#define STACK_BYTES ((size_t)256 << 10)
#define GUARD_BYTES ((size_t)4 << 20)

struct fiber {
    ucontext_t context;
    jmp_buf idle; /* where the fiber waits for its next run */
    void (*run)(void *);
    void *arg;
    bool dropped;
    struct fiber *next_free;
    const void *stack;
    size_t stack_bytes;
    void *fake_stack; /* the address sanitizer's */
    void *shadow;     /* the thread sanitizer's */
};

static struct fiber first, *current = &first;
static struct fiber *free_fibers, *dropper;

struct fiber *
fiber_current(void)
{
    return current;
}

/* --------------------------------------------------------- the sanitizers */

static void
announce(struct fiber *from, struct fiber *to)
{
    (void)from;
    (void)to;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack,
                                   to->stack_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
    if (!from->shadow)
        from->shadow = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->shadow, 0);
#endif
}

/* On the new stack; main's is known only once it was left. */
static void
arrived(struct fiber *here)
{
    (void)here;
#if defined(__SANITIZE_ADDRESS__)
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(here->fake_stack, &stack, &bytes);
    if (first.stack == NULL) {
        first.stack = stack;
        first.stack_bytes = bytes;
    }
#endif
}

/* ----------------------------------------------------------------- stacks */

static void
live(void)
{
    struct fiber *me = current;
    arrived(me);
    setjmp(me->idle); /* fiber_leave and fiber_drop come back to here */
    while (me->run == NULL)
        fiber_switch(dropper);
    me->run(me->arg);
    abort(); /* a run ends by fiber_leave */
}

static struct fiber *
make(void)
{
    struct fiber *fiber = calloc(1, sizeof *fiber);
    char *memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fiber == NULL || memory == MAP_FAILED ||
        mprotect(memory + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) !=
            0 ||
        getcontext(&fiber->context) != 0) {
        perror("cannot make a stack");
        exit(2);
    }
    fiber->stack = memory + GUARD_BYTES;
    fiber->stack_bytes = STACK_BYTES;
    fiber->context.uc_stack.ss_sp = memory + GUARD_BYTES;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&fiber->context, live, 0);
#if defined(__SANITIZE_THREAD__)
    fiber->shadow = __tsan_create_fiber(0);
#endif
    return fiber;
}

struct fiber *
fiber_take(void (*run)(void *), void *arg)
{
    struct fiber *fiber = free_fibers;
    if (fiber != NULL)
        free_fibers = fiber->next_free;
    else
        fiber = make();
    fiber->run = run;
    fiber->arg = arg;
    fiber->dropped = false;
    return fiber;
}

void
fiber_switch(struct fiber *to)
{
    struct fiber *from = current;
    if (to == from)
        return;
    announce(from, to);
    current = to;
    swapcontext(&from->context, &to->context);
    arrived(from);
    if (from->dropped)
        longjmp(from->idle, 1);
}

static void
retire(struct fiber *fiber)
{
    fiber->run = NULL;
    fiber->next_free = free_fibers;
    free_fibers = fiber;
}

void
fiber_leave(struct fiber *to)
{
    retire(current);
    dropper = to;
    longjmp(current->idle, 1);
}

void
fiber_drop(struct fiber *fiber)
{
    fiber->dropped = true;
    retire(fiber);
    dropper = current;
    fiber_switch(fiber);
}
