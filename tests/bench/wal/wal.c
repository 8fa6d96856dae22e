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

#include "copying.h"
#include "figures.h"
#include "health.h"
#include "opening.h"
#include "overlap.h"

enum {
    REPETITIONS = 5,
    WARM_LOOKS = 100,
    HEALTH_REPETITIONS = 21,
    OPENS = 4,
    OPEN_TURNS = 51,
    SMALL_MEGABYTES = 10,
    LARGE_MEGABYTES = 2048,
    COPY_MEGABYTES = 200,
    COPY_SMOKE_MEGABYTES = 20,
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
    {"bytes", offsetof(struct overlap_outcome, bytes)},
    {"stayed", offsetof(struct overlap_outcome, stayed)},
    {"refused", offsetof(struct overlap_outcome, refused)},
    {"named", offsetof(struct overlap_outcome, named)},
};

enum { OVERLAP_FIGURES = sizeof overlap_figures / sizeof *overlap_figures };

/* All that a repetition showed, for the log. */
static struct overlap_outcome
overlap_side(const char *load, const struct overlap *side)
{
    struct overlap_outcome out = overlap_run(side);
    fprintf(stderr,
            "%-20s %-6s %8.0f/s  worst %8.2f ms  p99.9 %8.2f ms  "
            "WAL %7.1f thresholds  %.0f snapshots/s, waited %.2f ms\n",
            load, side->name, out.rate, out.worst * 1e3, out.p999 * 1e3,
            out.highest, out.snapshots, out.waited * 1e3);
    if (side->endless)
        fprintf(stderr, "%-20s %-6s refused %.0f  named after %.1f ms\n", load,
                side->name, out.refused, out.named * 1e3);
    if (side->looks)
        fprintf(stderr, "%-20s %-6s warm for %.2f of the time\n", load,
                side->name, out.stayed);
    return out;
}

static void
overlap_in_turns(const char *load, const struct overlap *ours,
                 const struct overlap *peer, const struct options *options)
{
    struct overlap_outcome of_ours[REPETITIONS], of_peer[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        if (i % 2)
            of_peer[i] = overlap_side(load, peer);
        of_ours[i] = overlap_side(load, ours);
        if (i % 2 == 0)
            of_peer[i] = overlap_side(load, peer);
    }
    print_load((struct series){.load = load,
                               .figures = overlap_figures,
                               .figure_count = OVERLAP_FIGURES,
                               .outcome_bytes = sizeof *of_ours,
                               .repetitions = REPETITIONS,
                               .ours = of_ours,
                               .peer = of_peer,
                               .peer_name = peer->name},
               options);
}

/* The same scene with raw connections. */
static struct overlap
raw_side(struct overlap overlap)
{
    overlap.name = "raw";
    overlap.writing = &way_raw;
    overlap.reading = &reader_raw;
    overlap.store.options = NULL;
    return overlap;
}

static struct overlap
our_side(const struct options *options)
{
    return (struct overlap){.name = "ours",
                            .writing = &way_ours,
                            .reading = &reader_ours,
                            .store = {.path = database(options)},
                            .seconds = options->seconds,
                            .readers = 4};
}

static void
run_overlap(const char *load, const struct options *options)
{
    struct overlap ours = our_side(options), raw = raw_side(ours);
    overlap_in_turns(load, &ours, &raw, options);
}

/* Readers that look again before their snapshots have been let go, so that
 * there always is one; beside the same without snapshots that stay. */
static void
run_warm(const char *load, const struct options *options)
{
    struct overlap ours = our_side(options);
    ours.looks = WARM_LOOKS;
    struct overlap cold = ours;
    cold.name = "keep-0";
    cold.store.options = "snapshot_keep=0";
    overlap_in_turns(load, &ours, &cold, options);
}

/* One reader that never ends, and a ceiling; the load is named for its policy.
 * Where writes wait for the reader, they do so for 100 ms. */
static void
run_endless(const char *load, const struct options *options)
{
    char more[100];
    struct overlap ours = our_side(options);
    snprintf(more, sizeof more,
             "busy_timeout=100&wal_ceiling_frames=%d&wal_ceiling_policy=%s",
             CEILING_FRAMES, load + strlen("endless"));
    ours.store.options = more;
    ours.seconds /= 5;
    ours.readers = 1;
    ours.endless = true;
    struct overlap raw = raw_side(ours);
    overlap_in_turns(load, &ours, &raw, options);
}

/* --------------------------------------------------------------- health */

static const struct figure health_figures[] = {
    {"p50", offsetof(struct health_outcome, p50)},
    {"p99", offsetof(struct health_outcome, p99)},
};

enum { HEALTH_FIGURES = sizeof health_figures / sizeof *health_figures };

static enum health_state
state_of(const char *load)
{
    if (strcmp(load, "healthload") == 0)
        return HEALTH_LOAD;
    return strcmp(load, "healthlocked") == 0 ? HEALTH_LOCKED : HEALTH_IDLE;
}

static void
run_health(const char *load, const struct options *options)
{
    struct health_outcome ours[HEALTH_REPETITIONS], query[HEALTH_REPETITIONS];
    health_run(database(options), state_of(load), ours, query, HEALTH_REPETITIONS);
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

/* -------------------------------------------------------------- opening */

static void
open_often(void *data)
{
    for (int i = 0; i < OPENS; i++)
        opening_once(data);
}

static void
run_opening(const char *load, const struct options *options)
{
    char small[4200], large[4200], measure[80];
    long megabytes = options->seconds < 1 ? SMOKE_MEGABYTES : LARGE_MEGABYTES;
    snprintf(small, sizeof small, "%s",
             opening_file(options->folder, SMALL_MEGABYTES));
    snprintf(large, sizeof large, "%s",
             opening_file(options->folder, megabytes));
    const char *sqlite = writer_sqlite(&way_ours);
    struct side ours = {"ours", sqlite, open_often, large, {0}};
    struct side peer = {"10-MB", sqlite, open_often, small, {0}};
    snprintf(measure, sizeof measure, "%s.time", load);
    compare(measure, &ours, &peer, OPEN_TURNS, OPENS);
}

/* --------------------------------------------------------------- copying */

static const struct figure copying_time = {"time", 0}, copying_p99 = {"p99", 0};

static void
run_copying(const char *load, const struct options *options)
{
    long megabytes =
        options->seconds < 1 ? COPY_SMOKE_MEGABYTES : COPY_MEGABYTES;
    double busy[REPETITIONS], idle[REPETITIONS];
    double beside[REPETITIONS], alone[REPETITIONS];
    struct series series = {.load = load,
                            .figures = &copying_time,
                            .figure_count = 1,
                            .outcome_bytes = sizeof *busy,
                            .repetitions = REPETITIONS,
                            .ours = busy,
                            .peer = idle,
                            .peer_name = "idle"};
    for (int i = 0; i < REPETITIONS; i++) {
        struct copying_outcome out = copying_run(
            opening_file(options->folder, megabytes), megabytes);
        fprintf(stderr,
                "%-20s %ld MB in %.3f s idle, %.3f s busy; write p99 "
                "%.3f ms alone, %.3f ms beside\n",
                load, megabytes, out.idle, out.busy, out.alone * 1e3,
                out.beside * 1e3);
        busy[i] = out.busy;
        idle[i] = out.idle;
        beside[i] = out.beside;
        alone[i] = out.alone;
    }
    print_load(series, options);
    series.figures = &copying_p99;
    series.ours = beside;
    series.peer = alone;
    series.peer_name = "no-backup";
    print_load(series, options);
}

/* ----------------------------------------------------------------- main */

static const struct {
    const char *name;
    void (*run)(const char *load, const struct options *options);
} loads[] = {
    {"overlap", run_overlap},
    {"warm", run_warm},
    {"endlesswarn", run_endless},
    {"endlessbackpressure", run_endless},
    {"endlessfail", run_endless},
    {"endlessinterrupt", run_endless},
    {"healthidle", run_health},
    {"healthload", run_health},
    {"healthlocked", run_health},
    {"backup", run_copying},
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
            loads[i].run(loads[i].name, &options);
    return 0;
}
