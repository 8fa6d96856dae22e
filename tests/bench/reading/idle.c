/* Idle: what a reader costs that nobody uses just now.
 *
 * A process opens the database, looks at its size, lets many readers work at
 * the same time, so that each of them is opened, and looks again. */
#include "idle.h"

#include "apart.h"

enum { READERS = 32, LOOKUPS = 100 };

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
measure_ours(void *path)
{
    struct lookup first = {.way = &lookup_ours, .random = 1};
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = READERS + 1;
    first.way->open(&first, path, &options);
    lookup_any(&first);
    double before = memory_now().resident;
    use_ours(first.db);
    double after = memory_now().resident;
    first.way->close(&first);
    return (after - before) / READERS;
}

static double
measure_raw(void *path)
{
    struct lookup readers[READERS + 1] = {{.way = &lookup_raw, .random = 1}};
    readers[0].way->open(&readers[0], path, NULL);
    lookup_any(&readers[0]);
    double before = memory_now().resident;
    for (int i = 1; i <= READERS; i++) {
        readers[i] = (struct lookup){.way = &lookup_raw, .random = (uint32_t)i};
        readers[i].way->open(&readers[i], path, NULL);
        for (int j = 0; j < LOOKUPS; j++)
            lookup_any(&readers[i]);
    }
    double after = memory_now().resident;
    for (int i = 0; i <= READERS; i++)
        readers[i].way->close(&readers[i]);
    return (after - before) / READERS;
}

double
idle_run(const char *path, const struct lookup_way *way)
{
    return measure_apart(way == &lookup_ours ? measure_ours : measure_raw,
                         (void *)(uintptr_t)path);
}
