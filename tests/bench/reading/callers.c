/* Callers: so many lookups at a time in the hands of the library's threads.
 *
 * A caller is what a request is in an event loop: a job with buffers of its
 * own, which is handed in anew whenever its completion was taken. */
#include "callers.h"

#include "lookup.h"
#include "sample.h"

enum { READERS = 4, AT_ONCE = 64 };

struct caller {
    int64_t id; /* asked for now */
    walpool_rows params, rows;
    walpool_statement statement;
};

struct office {
    walpool *db;
    walpool_queue *queue;
    walpool_call call;
    struct caller *callers;
    int count;
    uint32_t random;
    int64_t answered;
};

static void
must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(status), err->message);
}

static void
ask(struct office *office, int number)
{
    struct caller *caller = &office->callers[number];
    walpool_error err;
    caller->id = lookup_random_id(&office->random);
    caller->statement = lookup_statement(&caller->params, caller->id);
    walpool_job job = {.id = (uint64_t)number,
                       .op = WALPOOL_OP_READ,
                       .target = office->db,
                       .statements = &caller->statement,
                       .statement_count = 1,
                       .call = &office->call,
                       .rows = &caller->rows};
    must(walpool_submit(office->queue, &job, &err), &err);
}

/* Take what is there, and ask again for each if `again`. */
static void
answer(struct office *office, int again)
{
    walpool_completion done[AT_ONCE];
    walpool_error err = {0};
    size_t taken =
        walpool_completions(office->queue, done, AT_ONCE, -1, &err);
    if (taken == 0)
        die("completions", err.message);
    for (size_t i = 0; i < taken; i++) {
        struct caller *caller = &office->callers[done[i].id];
        must((walpool_status)done[i].error.status, &done[i].error);
        if (walpool_rows_int64(&caller->rows, 0, 0) !=
            caller->id * LOOKUP_FACTOR)
            die("a caller", "it got the value of another row");
        if (again)
            ask(office, (int)done[i].id);
    }
    office->answered += (int64_t)taken;
}

static void
open_office(struct office *office, const char *path)
{
    walpool_error err;
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = READERS;
    office->db = walpool_open(path, &options, &err);
    office->queue = office->db ? walpool_queue_open(&err) : NULL;
    office->callers = calloc((size_t)office->count, sizeof *office->callers);
    if (!office->queue || !office->callers)
        die("callers", office->queue ? "out of memory" : err.message);
    for (int i = 0; i < office->count; i++) {
        walpool_rows_init(&office->callers[i].params);
        walpool_rows_init(&office->callers[i].rows);
    }
}

static void
close_office(struct office *office)
{
    walpool_error err;
    walpool_queue_close(office->queue);
    for (int i = 0; i < office->count; i++) {
        walpool_rows_finish(&office->callers[i].params);
        walpool_rows_finish(&office->callers[i].rows);
    }
    free(office->callers);
    must(walpool_close(office->db, -1, &err), &err);
}

double
callers_run(const char *path, int callers, double seconds)
{
    struct office office = {
        .call = WALPOOL_CALL_INIT, .count = callers, .random = 1};
    open_office(&office, path);
    office.call.flags = WALPOOL_CALL_FIRST;
    double start = now_seconds();
    for (int i = 0; i < callers; i++)
        ask(&office, i);
    while (now_seconds() < start + seconds)
        answer(&office, 1);
    double rate = (double)office.answered / (now_seconds() - start);
    for (int64_t left = callers + office.answered; office.answered < left;)
        answer(&office, 0);
    close_office(&office);
    return rate;
}
