/* Memory: the one door to the heap. */
#ifndef WALPOOL_MEM_H
#define WALPOOL_MEM_H

#include <stddef.h>

/* All return NULL when there is no memory. */
void *walpool__mem_alloc(size_t bytes);
void *walpool__mem_zalloc(size_t bytes);
void *walpool__mem_realloc(void *old, size_t bytes);
char *walpool__mem_copy_text(const char *text, size_t bytes); /* adds a NUL */
void walpool__mem_free(void *memory);

/* For tests: the allocation after `after` more ones fails, once; -1: none.
 * Returns how many allocations there were since the last call. */
long walpool__mem_fail_after(long after);

#endif
