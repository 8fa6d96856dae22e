/* Idle: what a reader costs that nobody uses just now.
 *
 * A process opens the database, looks at its size, lets many readers work at
 * the same time, so that each of them is opened, and looks again. */
#include "idle.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample.h"

enum { READERS = 32, LOOKUPS = 100 };

static double
resident_bytes(void)
{
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        die("/proc/self/statm", "this system does not tell");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void
use_reader(walpool_lease *lease, uint32_t *random, walpool_rows *params,
           walpool_rows *rows)
{
    walpool_error err;
    for (int i = 0; i < LOOKUPS; i++) {
        walpool_statement query =
            lookup_statement(params, lookup_random_id(random));
        if (walpool_run(lease, &query, NULL, rows, &err) != WALPOOL_OK)
            die(walpool_status_name(err.status), err.message);
    }
}

/* All leases are out at once: none of the readers serves two of them. */
static void
use_ours(walpool *db)
{
    walpool_lease *leases[READERS];
    walpool_rows params, rows;
    walpool_error err;
    uint32_t random = 1;
    walpool_rows_init(&params);
    walpool_rows_init(&rows);
    for (int i = 0; i < READERS; i++) {
        leases[i] = walpool_acquire(db, WALPOOL_READ, NULL, &err);
        if (!leases[i])
            die(walpool_status_name(err.status), err.message);
        use_reader(leases[i], &random, &params, &rows);
    }
    for (int i = 0; i < READERS; i++)
        if (walpool_release(leases[i], &err) != WALPOOL_OK)
            die(walpool_status_name(err.status), err.message);
    walpool_rows_finish(&params);
    walpool_rows_finish(&rows);
}

static double
measure_ours(const char *path)
{
    struct lookup first = {.way = &lookup_ours, .random = 1};
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = READERS + 1;
    first.way->open(&first, path, &options);
    lookup_any(&first);
    double before = resident_bytes();
    use_ours(first.db);
    double after = resident_bytes();
    first.way->close(&first);
    return (after - before) / READERS;
}

static double
measure_raw(const char *path)
{
    struct lookup readers[READERS + 1] = {{.way = &lookup_raw, .random = 1}};
    readers[0].way->open(&readers[0], path, NULL);
    lookup_any(&readers[0]);
    double before = resident_bytes();
    for (int i = 1; i <= READERS; i++) {
        readers[i] = (struct lookup){.way = &lookup_raw, .random = (uint32_t)i};
        readers[i].way->open(&readers[i], path, NULL);
        for (int j = 0; j < LOOKUPS; j++)
            lookup_any(&readers[i]);
    }
    double after = resident_bytes();
    for (int i = 0; i <= READERS; i++)
        readers[i].way->close(&readers[i]);
    return (after - before) / READERS;
}

double
idle_run(const char *path, const struct lookup_way *way)
{
    int results[2], status;
    double bytes = 0;
    if (pipe(results))
        die("pipe", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        die("fork", strerror(errno));
    if (pid == 0) {
        bytes = way == &lookup_ours ? measure_ours(path) : measure_raw(path);
        _exit(write(results[1], &bytes, sizeof bytes) != sizeof bytes);
    }
    close(results[1]);
    if (read(results[0], &bytes, sizeof bytes) != sizeof bytes)
        die("the process that is measured", "it failed");
    close(results[0]);
    waitpid(pid, &status, 0);
    return bytes;
}
