/* Held: the memory of readers that have read more than their caches hold. */
#include "held.h"

#include "apart.h"

enum { READERS = 8 };

struct holding {
    const struct item_file *file;
    const char *options;
};

/* All leases are out at once: none of the readers serves two of them. */
static void
use_readers(struct item_reader *reader)
{
    walpool_lease *leases[READERS];
    walpool_error err;
    for (int i = 0; i < READERS; i++) {
        leases[i] = walpool_acquire(reader->db, WALPOOL_READ, NULL, &err);
        if (!leases[i])
            die(walpool_status_name(err.status), err.message);
        item_ask_all(reader, leases[i]);
    }
    for (int i = 0; i < READERS; i++)
        if (walpool_release(leases[i], &err) != WALPOOL_OK)
            die(walpool_status_name(err.status), err.message);
}

/* A mapped file is in the memory of the kernel anyhow. */
static double
own_bytes(void)
{
    struct memory memory = memory_now();
    return memory.resident - memory.shared;
}

static double
measure(void *data)
{
    const struct holding *holding = data;
    struct item_reader reader = {.random = 1};
    char options[200];
    snprintf(options, sizeof options, "readers=%d&%s", READERS,
             holding->options);
    item_reader_open(&reader, options, holding->file);
    double before = own_bytes();
    use_readers(&reader);
    double after = own_bytes();
    item_reader_close(&reader);
    return (after - before) / READERS;
}

double
held_run(const struct item_file *file, const char *options)
{
    struct holding holding = {file, options};
    return measure_apart(measure, &holding);
}
