/* Counts the core's memory: the linker lets every call of mem.h come here
 * first (--wrap). */
#include "leaks.h"

#include <stdatomic.h>

#include "mem.h"

static atomic_long blocks;

long
leaks_blocks(void)
{
    return atomic_load(&blocks);
}

#if defined(__ELF__)

void *__real_walpool__mem_alloc(size_t bytes);
void *__real_walpool__mem_zalloc(size_t bytes);
void *__real_walpool__mem_realloc(void *old, size_t bytes);
char *__real_walpool__mem_copy_text(const char *text, size_t bytes);
void __real_walpool__mem_free(void *memory);
void *__wrap_walpool__mem_alloc(size_t bytes);
void *__wrap_walpool__mem_zalloc(size_t bytes);
void *__wrap_walpool__mem_realloc(void *old, size_t bytes);
char *__wrap_walpool__mem_copy_text(const char *text, size_t bytes);
void __wrap_walpool__mem_free(void *memory);

static void *
counted(void *block)
{
    if (block)
        atomic_fetch_add(&blocks, 1);
    return block;
}

void *
__wrap_walpool__mem_alloc(size_t bytes)
{
    return counted(__real_walpool__mem_alloc(bytes));
}

void *
__wrap_walpool__mem_zalloc(size_t bytes)
{
    return counted(__real_walpool__mem_zalloc(bytes));
}

void *
__wrap_walpool__mem_realloc(void *old, size_t bytes)
{
    void *block = __real_walpool__mem_realloc(old, bytes);

    return old ? block : counted(block);
}

char *
__wrap_walpool__mem_copy_text(const char *text, size_t bytes)
{
    return counted(__real_walpool__mem_copy_text(text, bytes));
}

void
__wrap_walpool__mem_free(void *memory)
{
    if (memory)
        atomic_fetch_sub(&blocks, 1);
    __real_walpool__mem_free(memory);
}

#endif
