/* Group reading in C: lookups by primary key, walpool against raw SQLite.
 *
 *     reading FILE --seconds S MEASURE...
 *
 * FILE is a copy of the data set of kit/data.py; both sides read it, for they
 * share one copy of SQLite. A measure is LOAD.FIGURE, such as lookup1.rate. */
#include <string.h>

#include "callers.h"
#include "crowd.h"
#include "figures.h"
#include "idle.h"
#include "pulse.h"

enum {
    REPETITIONS = 7,
    COMMITS_PER_SECOND = 1000,
    FEW = 4, /* as many as there are readers by default */
    MANY = 1000
};

#define USAGE "reading FILE --seconds S MEASURE..."

struct options {
    const char *path;
    double seconds;
    char **measures; /* up to a NULL */
};

/* One load: `ours` and `peer` are done in turns. */
struct load {
    const char *name, *figure, *peer_name;
    double (*run)(const struct load *load, const struct options *options,
                  bool peer);
    int threads;
    bool beside_commits;
};

static double
run_crowd(const struct load *load, const struct options *options, bool peer)
{
    struct crowd crowd = {.path = options->path,
                          .seconds = options->seconds,
                          .threads = load->threads};
    return crowd_run(&crowd, peer ? &lookup_raw : &lookup_ours);
}

static double
run_callers(const struct load *load, const struct options *options, bool peer)
{
    (void)load;
    return callers_run(options->path, peer ? FEW : MANY,
                       options->seconds);
}

static double
run_threads(const struct load *load, const struct options *options, bool peer)
{
    struct crowd crowd = {.path = options->path,
                          .seconds = options->seconds,
                          .threads = peer ? FEW : MANY};
    (void)load;
    return crowd_run(&crowd, &lookup_ours);
}

static double
run_idle(const struct load *load, const struct options *options, bool peer)
{
    (void)load;
    return idle_run(options->path, peer ? &lookup_raw : &lookup_ours);
}

static const struct load loads[] = {
    {.name = "lookup1", .figure = "rate", .peer_name = "raw",
     .run = run_crowd, .threads = 1},
    {.name = "lookup1commits", .figure = "rate", .peer_name = "raw",
     .run = run_crowd, .threads = 1, .beside_commits = true},
    {.name = "lookup2", .figure = "rate", .peer_name = "raw",
     .run = run_crowd, .threads = 2},
    {.name = "lookup4", .figure = "rate", .peer_name = "raw",
     .run = run_crowd, .threads = 4},
    {.name = "callers", .figure = "rate", .peer_name = "4-callers",
     .run = run_callers},
    {.name = "threads1000", .figure = "rate", .peer_name = "4-threads",
     .run = run_threads},
    {.name = "idle", .figure = "bytes", .peer_name = "raw", .run = run_idle},
};

/* All that a repetition showed goes to the log. */
static double
run_side(const struct load *load, const struct options *options, bool peer)
{
    double value = load->run(load, options, peer);
    fprintf(stderr, "%-16s %-10s %12.0f\n", load->name,
            peer ? load->peer_name : "ours", value);
    return value;
}

static void
run_in_turns(const struct load *load, const struct options *options,
             double *ours, double *peer)
{
    for (int i = 0; i < REPETITIONS; i++) {
        if (i % 2)
            peer[i] = run_side(load, options, true);
        ours[i] = run_side(load, options, false);
        if (i % 2 == 0)
            peer[i] = run_side(load, options, true);
    }
}

static void
run_load(const struct load *load, const struct options *options)
{
    double ours[REPETITIONS], peer[REPETITIONS];
    const struct figure figure = {load->figure, 0};
    struct pulse *pulse = NULL;
    if (load->beside_commits)
        pulse = pulse_start(options->path, COMMITS_PER_SECOND);
    double start = now_seconds();
    run_in_turns(load, options, ours, peer);
    if (pulse) {
        fprintf(stderr, "%-16s beside %.0f commits/s\n", load->name,
                (double)pulse_count(pulse) / (now_seconds() - start));
        pulse_end(pulse);
    }
    print_wanted(&(struct series){.load = load->name,
                                  .figures = &figure,
                                  .figure_count = 1,
                                  .outcome_bytes = sizeof *ours,
                                  .repetitions = REPETITIONS,
                                  .ours = ours,
                                  .peer = peer,
                                  .peer_name = load->peer_name,
                                  .ours_sqlite = lookup_sqlite(&lookup_ours),
                                  .peer_sqlite = lookup_sqlite(&lookup_raw)},
                 options->measures);
}

int
main(int argc, char **argv)
{
    if (argc < 5 || strcmp(argv[2], "--seconds") != 0 || atof(argv[3]) <= 0)
        die("usage", USAGE);
    struct options options = {.path = argv[1],
                              .seconds = atof(argv[3]),
                              .measures = argv + 4};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (is_load_wanted(options.measures, loads[i].name))
            run_load(&loads[i], &options);
    return 0;
}
