/* Memory that runs out at every place in turn: one allocation fails, the 1st
 * in the first round, the 2nd in the next, until a round needs no more.
 *
 *   FAULT_EACH(fault) {
 *       fault_arm(&fault);
 *       status = walpool_something();
 *       fault_disarm(&fault);
 *       ... status is OK, or NOMEM if fault.struck
 *   }
 *
 * The allocations are ours, or SQLite's after fault_install(). */
#ifndef FAULT_H
#define FAULT_H

#include <sqlite3.h>
#include <stdbool.h>

#include "check.h"
#include "mem.h"

enum fault_kind { FAULT_OURS, FAULT_SQLITE };

struct fault {
    enum fault_kind kind;
    long nth;    /* allocation that fails, from 0 on */
    bool struck; /* it was reached in the last round */
};

/* Thousands of rounds, and no power cut in any: the disk is not waited for. */
int
fsync(int fd)
{
    (void)fd;
    return 0;
}

int
fdatasync(int fd)
{
    (void)fd;
    return 0;
}

static sqlite3_mem_methods fault_real;
static atomic_long fault_countdown = -1;

static inline bool
fault_now(void)
{
    return atomic_load(&fault_countdown) >= 0 &&
           atomic_fetch_sub(&fault_countdown, 1) == 0;
}

static inline void *
fault_malloc(int bytes)
{
    return fault_now() ? NULL : fault_real.xMalloc(bytes);
}

static inline void *
fault_realloc(void *old, int bytes)
{
    return fault_now() ? NULL : fault_real.xRealloc(old, bytes);
}

/* Before anything else of SQLite. Without its lookaside memory every need of
 * it is an allocation. False: this SQLite cannot be made to fail. */
static inline bool
fault_install(void)
{
    sqlite3_mem_methods methods;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault_real) != SQLITE_OK)
        return false;
    methods = fault_real;
    methods.xMalloc = fault_malloc;
    methods.xRealloc = fault_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK;
}

static bool fault_all; /* none of SQLite's allocations is left out */

/* Every allocation of ours; of SQLite's many the first twenty, then fewer and
 * fewer of those far behind, or every one where FAULT_ALL is set. */
static inline bool
fault_next(struct fault *fault)
{
    bool all = fault->kind == FAULT_OURS || fault_all ||
               getenv("FAULT_ALL") != NULL;
    fault->nth += all || fault->nth < 20 ? 1 : 1 + fault->nth / 20;
    return fault->nth == 0 || fault->struck;
}

#define FAULT_EACH(kind, name)                                                \
    for (struct fault name = {(kind), -1, false}; fault_next(&name);)

static inline void
fault_arm(struct fault *fault)
{
    fault->struck = false;
    if (fault->kind == FAULT_OURS)
        walpool__mem_fail_after(fault->nth);
    else
        atomic_store(&fault_countdown, fault->nth);
}

static inline void
fault_disarm(struct fault *fault)
{
    if (fault->kind == FAULT_OURS)
        fault->struck = walpool__mem_fail_after(-1) > fault->nth;
    else
        fault->struck = atomic_exchange(&fault_countdown, -1) < 0;
}

#endif
