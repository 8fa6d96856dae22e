/* Sim: core/mem.h. What is given back in a run is kept until its end, and must
 * not be touched any more; what is not given back by then has leaked.
 *
 * Does: allocate, and see leaks and writes to what was given back.
 * Must not: know what the memory is for.
 * Lock: none, there is one real thread. */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "sim.h"

#define FREED 0xDB

struct block {
    struct block *next;
    size_t bytes;
    int process;
    bool freed;
    bool of_run; /* not made between runs, to last */
    max_align_t memory[];
};

static struct block *blocks;
static bool running;

static void
begin(void)
{
    running = true;
}

void *
walpool__mem_zalloc(size_t bytes)
{
    struct block *block = calloc(1, sizeof *block + bytes + 1);
    if (block == NULL)
        return NULL;
    block->bytes = bytes;
    block->of_run = running;
    if (!running)
        return block->memory;
    block->process = sim_process();
    block->next = blocks;
    blocks = block;
    return block->memory;
}

void *
walpool__mem_alloc(size_t bytes)
{
    void *memory = walpool__mem_zalloc(bytes);
    return memory != NULL ? memset(memory, 0xA5, bytes) : NULL;
}

void
walpool__mem_free(void *memory)
{
    struct block *block;
    if (memory == NULL)
        return;
    block = (struct block *)(void *)((char *)memory -
                                     offsetof(struct block, memory));
    if (!block->of_run) {
        free(block);
        return;
    }
    SIM_CHECK(!block->freed, "memory is given back twice");
    block->freed = true;
    memset(memory, FREED, block->bytes);
}

void *
walpool__mem_realloc(void *old, size_t bytes)
{
    const struct block *from =
        (struct block *)(void *)((char *)old - offsetof(struct block, memory));
    void *memory = walpool__mem_alloc(bytes);
    if (memory == NULL || old == NULL)
        return memory;
    memcpy(memory, old, bytes < from->bytes ? bytes : from->bytes);
    walpool__mem_free(old);
    return memory;
}

static bool
was_touched(const struct block *block)
{
    const unsigned char *at = (const unsigned char *)block->memory;
    for (size_t i = 0; i < block->bytes; i++)
        if (at[i] != FREED)
            return true;
    return false;
}

static const char *
end(void)
{
    const char *problem = NULL;
    running = false;
    while (blocks != NULL) {
        struct block *block = blocks;
        if (block->freed && was_touched(block))
            problem = "memory was written to after it was given back";
        else if (!block->freed && !sim_is_crashed(block->process))
            problem = "memory has leaked";
        blocks = block->next;
        free(block);
    }
    return problem;
}

const struct run_part sim_memory_part = {begin, NULL, NULL, end};
