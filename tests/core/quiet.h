/* Waiting until the other threads of this process sleep. A sanitizer's own
 * allocator does not know fork (that of GCC 12 does not): if a thread is in it
 * at that moment, the child waits for its lock for ever. */
#ifndef QUIET_H
#define QUIET_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

/* How often a thread was taken off its processor; *awake: it runs, or waits for
 * one. */
static inline long
quiet_switches(const char *thread, int *awake)
{
    char path[300], line[128];
    long sum = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *switches = strstr(line, "ctxt_switches:");
        if (switches)
            sum += atol(switches + strlen("ctxt_switches:"));
        if (strncmp(line, "State:", 6) == 0)
            *awake |= strncmp(line, "State:\tS", 8) != 0;
    }
    if (file)
        fclose(file);
    return sum;
}

/* This thread's number there. */
static inline long
quiet_self(void)
{
#if defined(__linux__)
    return syscall(SYS_gettid);
#else
    return 0;
#endif
}

static inline long
quiet_look(int *awake)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    long sum = 0;
    *awake = 0;
    while (tasks && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.' && atol(entry->d_name) != quiet_self())
            sum += quiet_switches(entry->d_name, awake);
    if (tasks)
        closedir(tasks);
    return sum;
}

/* Until none of them has run for a while; where /proc is not, at once. */
static inline void
quiet_wait(void)
{
    const struct timespec nap = {0, 10000000};
    long before, after;
    int awake;
    do {
        before = quiet_look(&awake);
        nanosleep(&nap, NULL);
        after = quiet_look(&awake);
    } while (awake || after != before);
}

#endif
