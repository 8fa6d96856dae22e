/* Group wal: how far the WAL grows and what that costs the writer, what health
 * and opening cost, walpool beside raw SQLite.
 *
 *     wal FOLDER --seconds S MEASURE...
 *
 * A measure is LOAD.FIGURE, such as overlap.highest; every load runs once for
 * all its figures, in repetitions that alternate between the two sides. The
 * database files are made in FOLDER, which shall be on a disk. */
#include <stddef.h>
#include <string.h>

#include "figures.h"
#include "health.h"
#include "opening.h"
#include "overlap.h"

enum {
    REPETITIONS = 5,
    HEALTH_REPETITIONS = 21,
    OPENS = 4,
    OPEN_TURNS = 51,
    SMALL_MEGABYTES = 10,
    LARGE_MEGABYTES = 2048,
    SMOKE_MEGABYTES = 64
};

#define USAGE "wal FOLDER --seconds S MEASURE..."

struct options {
    double seconds;
    const char *folder;
    char **measures; /* up to a NULL */
};

static const char *
database(const struct options *options)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/wal.db", options->folder);
    return path;
}

/* Both sides of a C program are on one SQLite. */
static void
print_load(struct series series, const struct options *options)
{
    series.ours_sqlite = writer_sqlite(&way_ours);
    series.peer_sqlite = writer_sqlite(&way_raw);
    print_wanted(&series, options->measures);
}

/* -------------------------------------------- a writer and its readers */

static const struct figure overlap_figures[] = {
    {"rate", offsetof(struct overlap_outcome, rate)},
    {"worst", offsetof(struct overlap_outcome, worst)},
    {"p999", offsetof(struct overlap_outcome, p999)},
    {"highest", offsetof(struct overlap_outcome, highest)},
};

enum { OVERLAP_FIGURES = sizeof overlap_figures / sizeof *overlap_figures };

/* All that a repetition showed, for the log. */
static struct overlap_outcome
overlap_side(const struct overlap *overlap, const struct way *writing,
             const struct reader_way *reading)
{
    struct overlap_outcome out = overlap_run(overlap, writing, reading);
    fprintf(stderr,
            "overlap %-4s %8.0f/s  worst %8.2f ms  p99.9 %8.2f ms  "
            "WAL %7.1f thresholds  %.0f snapshots/s, waited %.2f ms\n",
            writing->name, out.rate, out.worst * 1e3, out.p999 * 1e3,
            out.highest, out.snapshots, out.waited * 1e3);
    return out;
}

static void
run_overlap(const struct options *options)
{
    struct overlap overlap = {.store = {.path = database(options)},
                              .seconds = options->seconds,
                              .readers = 4};
    struct overlap_outcome ours[REPETITIONS], raw[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        if (i % 2)
            raw[i] = overlap_side(&overlap, &way_raw, &reader_raw);
        ours[i] = overlap_side(&overlap, &way_ours, &reader_ours);
        if (i % 2 == 0)
            raw[i] = overlap_side(&overlap, &way_raw, &reader_raw);
    }
    print_load((struct series){.load = "overlap",
                               .figures = overlap_figures,
                               .figure_count = OVERLAP_FIGURES,
                               .outcome_bytes = sizeof *ours,
                               .repetitions = REPETITIONS,
                               .ours = ours,
                               .peer = raw,
                               .peer_name = "raw"},
               options);
}

/* --------------------------------------------------------------- health */

static const struct figure health_figures[] = {
    {"p50", offsetof(struct health_outcome, p50)},
    {"p99", offsetof(struct health_outcome, p99)},
};

enum { HEALTH_FIGURES = sizeof health_figures / sizeof *health_figures };

static void
run_health(const char *load, enum health_state state,
           const struct options *options)
{
    struct health_outcome ours[HEALTH_REPETITIONS], query[HEALTH_REPETITIONS];
    health_run(database(options), state, ours, query, HEALTH_REPETITIONS);
    print_load((struct series){.load = load,
                               .figures = health_figures,
                               .figure_count = HEALTH_FIGURES,
                               .outcome_bytes = sizeof *ours,
                               .repetitions = HEALTH_REPETITIONS,
                               .ours = ours,
                               .peer = query,
                               .peer_name = "query"},
               options);
}

static void
run_health_idle(const struct options *options)
{
    run_health("healthidle", HEALTH_IDLE, options);
}

static void
run_health_load(const struct options *options)
{
    run_health("healthload", HEALTH_LOAD, options);
}

static void
run_health_locked(const struct options *options)
{
    run_health("healthlocked", HEALTH_LOCKED, options);
}

/* -------------------------------------------------------------- opening */

static void
open_often(void *data)
{
    for (int i = 0; i < OPENS; i++)
        opening_once(data);
}

static void
run_opening(const struct options *options)
{
    char small[4200], large[4200];
    long megabytes = options->seconds < 1 ? SMOKE_MEGABYTES : LARGE_MEGABYTES;
    snprintf(small, sizeof small, "%s",
             opening_file(options->folder, SMALL_MEGABYTES));
    snprintf(large, sizeof large, "%s",
             opening_file(options->folder, megabytes));
    const char *sqlite = writer_sqlite(&way_ours);
    struct side ours = {"ours", sqlite, open_often, large, {0}};
    struct side peer = {"10-MB", sqlite, open_often, small, {0}};
    compare("opening.time", &ours, &peer, OPEN_TURNS, OPENS);
}

/* ----------------------------------------------------------------- main */

static const struct {
    const char *name;
    void (*run)(const struct options *options);
} loads[] = {
    {"overlap", run_overlap},
    {"healthidle", run_health_idle},
    {"healthload", run_health_load},
    {"healthlocked", run_health_locked},
    {"opening", run_opening},
};

static struct options
read_options(char **argv)
{
    struct options options = {.folder = argv[1], .seconds = atof(argv[3]),
                              .measures = argv + 4};
    if (strcmp(argv[2], "--seconds") != 0 || options.seconds <= 0)
        die("usage", USAGE);
    return options;
}

int
main(int argc, char **argv)
{
    if (argc < 5)
        die("usage", USAGE);
    struct options options = read_options(argv);
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (is_load_wanted(options.measures, loads[i].name))
            loads[i].run(&options);
    return 0;
}
