/* Apart: a figure that is measured in a process of its own, and how much memory
 * such a process has. */
#ifndef BENCH_APART_H
#define BENCH_APART_H

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample.h"

/* In bytes. Shared are pages of files, which many mappings count many times. */
struct memory {
    double resident, shared;
};

static inline struct memory
memory_now(void)
{
    double page = (double)sysconf(_SC_PAGESIZE);
    long total = 0, resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld %ld", &total, &resident, &shared) != 3)
        die("/proc/self/statm", "this system does not tell");
    fclose(file);
    return (struct memory){(double)resident * page, (double)shared * page};
}

/* Call it while this process has no database open. */
static inline double
measure_apart(double (*measure)(void *data), void *data)
{
    int results[2], status;
    double figure = 0;
    if (pipe(results))
        die("pipe", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        die("fork", strerror(errno));
    if (pid == 0) {
        figure = measure(data);
        _exit(write(results[1], &figure, sizeof figure) != sizeof figure);
    }
    close(results[1]);
    if (read(results[0], &figure, sizeof figure) != sizeof figure)
        die("the process that is measured", "it failed");
    close(results[0]);
    waitpid(pid, &status, 0);
    return figure;
}

#endif
