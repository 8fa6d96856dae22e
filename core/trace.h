/* Trace: the stack of a thread. */
#ifndef WALPOOL_TRACE_H
#define WALPOOL_TRACE_H

#include "base.h"

/* The return addresses of this thread, newest first, at most `most`. Returns
 * how many; 0 where the system cannot tell. */
uint32_t walpool__trace_take(void **stack, uint32_t most);

/* Words for one address, such as "app(import+0x1f) [0x5581]"; only the address
 * where nothing is known about it. */
void walpool__trace_name(uint64_t address, char *dst, size_t bytes);

#endif
