/* Forks: SQLite's own locks are free in a forked child.
 *
 * A thread that is inside SQLite while another forks leaves SQLite's static
 * mutexes locked in the child, where it does not exist: the child would hang
 * in its first sqlite3_open() of any file. So the thread that forks takes
 * these mutexes before and gives them back after, in both processes.
 *
 * Does: that.
 * Must not: make anything of the parent's usable in the child.
 * Lock: SQLite's static ones, each taken inside those before it, which is the
 * order in which SQLite itself nests them. */
#include "forks.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>

static const int order[] = {
    SQLITE_MUTEX_STATIC_OPEN, SQLITE_MUTEX_STATIC_VFS1,
    SQLITE_MUTEX_STATIC_PRNG, SQLITE_MUTEX_STATIC_MAIN,
    SQLITE_MUTEX_STATIC_LRU,  SQLITE_MUTEX_STATIC_PMEM,
    SQLITE_MUTEX_STATIC_MEM,
};
#define COUNT (sizeof order / sizeof order[0])

static void
before_fork(void)
{
    for (size_t i = 0; i < COUNT; i++)
        sqlite3_mutex_enter(sqlite3_mutex_alloc(order[i]));
}

static void
after_fork(void)
{
    for (size_t i = COUNT; i > 0; i--)
        sqlite3_mutex_leave(sqlite3_mutex_alloc(order[i - 1]));
}

static void
watch(void)
{
    if (sqlite3_initialize() == SQLITE_OK)
        pthread_atfork(before_fork, after_fork, after_fork);
}

void
walpool__forks_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch);
}
