/* Group writing: walpool against raw SQLite connections under load.
 *
 *     writing FOLDER FOREIGN --seconds S MEASURE...
 *
 * A measure is LOAD.FIGURE, such as threads16.worst; every load runs once for
 * all its figures, in repetitions that alternate between the two sides. FOREIGN
 * is a Python program that writes to the file it is given (foreign.py). The
 * database files are made in FOLDER, which shall be on a disk. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "figures.h"
#include "load.h"

enum { REPETITIONS = 5, TURNS_MOST = 61, TURNS_A_SECOND = 20 };

#define USAGE "writing FOLDER FOREIGN --seconds S MEASURE..."

struct options {
    double seconds;
    const char *folder, *foreign;
    char **measures; /* up to a NULL */
};

/* ------------------------------------------------------------------ loads */

struct experiment {
    const char *name;
    int processes, threads;
    bool full, foreign;
    int coalesce_ms;
};

static const struct experiment experiments[] = {
    {.name = "threads16", .processes = 1, .threads = 16},
    {.name = "processes32", .processes = 32, .threads = 1},
    {.name = "processes32full", .processes = 32, .threads = 1, .full = true},
    {.name = "processes4x8", .processes = 4, .threads = 8},
    {.name = "foreign", .processes = 4, .threads = 4, .foreign = true},
    {.name = "full16", .processes = 1, .threads = 16, .full = true},
    {.name = "full32", .processes = 1, .threads = 32, .full = true},
    {.name = "coalesce", .processes = 1, .threads = 32, .coalesce_ms = 1},
    {.name = "coalescefull", .processes = 1, .threads = 32, .full = true,
     .coalesce_ms = 1},
};

static const struct figure figures[] = {
    {"rate", offsetof(struct outcome, rate)},
    {"worst", offsetof(struct outcome, worst)},
    {"p999", offsetof(struct outcome, p999)},
    {"share", offsetof(struct outcome, share)},
    {"errors", offsetof(struct outcome, errors)},
};

enum { FIGURES = sizeof figures / sizeof *figures };

/* All that a repetition showed, for the log. */
static struct outcome
run_side(const struct load *load, const struct way *way, const char *name)
{
    struct outcome out = load_run(load, way);
    fprintf(stderr,
            "%-16s %-4s %8.0f/s  worst %8.2f ms  p99.9 %8.2f ms  "
            "least %.2f  errors %.0f  foreign %.0f/s\n",
            name, way->name, out.rate, out.worst * 1e3, out.p999 * 1e3,
            out.share, out.errors, out.foreign);
    return out;
}

static void
run_experiment(const struct experiment *experiment,
               const struct options *options)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/writing.db", options->folder);
    const char *const foreign[] = {"python3", options->foreign, path, NULL};
    struct load load = {
        .processes = experiment->processes,
        .threads = experiment->threads,
        .seconds = options->seconds,
        .store = {.path = path,
                  .full = experiment->full,
                  .coalesce_ms = experiment->coalesce_ms},
        .foreign = experiment->foreign ? foreign : NULL,
    };
    struct outcome ours[REPETITIONS], raw[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        if (i % 2)
            raw[i] = run_side(&load, &way_raw, experiment->name);
        ours[i] = run_side(&load, &way_ours, experiment->name);
        if (i % 2 == 0)
            raw[i] = run_side(&load, &way_raw, experiment->name);
    }
    print_wanted(&(struct series){.load = experiment->name,
                                  .figures = figures,
                                  .figure_count = FIGURES,
                                  .outcome_bytes = sizeof *ours,
                                  .repetitions = REPETITIONS,
                                  .ours = ours,
                                  .peer = raw,
                                  .peer_name = "raw",
                                  .ours_sqlite = writer_sqlite(&way_ours),
                                  .peer_sqlite = writer_sqlite(&way_raw)},
                 options->measures);
}

/* ------------------------------------------- one writer that nobody disturbs */

struct alone {
    struct writer writer;
    int turn; /* rows in one */
    int64_t number;
};

static void
add_rows(void *data)
{
    struct alone *alone = data;
    for (int i = 0; i < alone->turn; i++)
        if (!alone->writer.way->add(&alone->writer, alone->number++))
            die("one writer alone", "it was refused");
}

static void
add_batches(void *data)
{
    struct alone *alone = data;
    for (int i = 0; i < alone->turn; i += BATCH, alone->number += BATCH)
        writer_add_batch(&alone->writer, alone->number);
}

static const struct lonely {
    const char *measure, *peer;
    const struct way *way; /* the peer's */
    void (*body)(void *);  /* ours; the peer adds row by row */
    int turn;
    bool full;
} lonely[] = {
    {"alone.time", "raw", &way_raw, add_rows, 2000, false},
    {"alonefull.time", "raw", &way_raw, add_rows, 400, true},
    {"batch.time", "calls", &way_ours, add_batches, 2000, false},
};

/* Two writers on two files, in short turns in this process. */
static void
run_lonely(const struct lonely *lonely, const struct options *options)
{
    char path[2][4200];
    struct alone alone[2] = {{.writer.way = &way_ours, .turn = lonely->turn},
                             {.writer.way = lonely->way, .turn = lonely->turn}};
    struct side ours = {"ours", writer_sqlite(&way_ours), lonely->body,
                        &alone[0], {0}};
    struct side peer = {lonely->peer, writer_sqlite(lonely->way), add_rows,
                        &alone[1], {0}};
    double turns = options->seconds * TURNS_A_SECOND;
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/writing%d.db", options->folder, i);
        writer_make_file(path[i]);
        alone[i].writer.way->open(&alone[i].writer,
                                  &(struct store){.path = path[i],
                                                   .full = lonely->full});
    }
    turns = turns < REPETITIONS ? REPETITIONS : turns;
    compare(lonely->measure, &ours, &peer,
            turns < TURNS_MOST ? (int)turns : TURNS_MOST, lonely->turn);
    for (int i = 0; i < 2; i++) {
        alone[i].writer.way->close(&alone[i].writer);
        writer_remove_file(path[i]);
    }
}

/* -------------------------------------------------------------------- main */

static struct options
read_options(char **argv)
{
    struct options options = {.folder = argv[1], .foreign = argv[2],
                              .seconds = atof(argv[4]), .measures = argv + 5};
    if (strcmp(argv[3], "--seconds") != 0 || options.seconds <= 0)
        die("usage", USAGE);
    return options;
}

int
main(int argc, char **argv)
{
    if (argc < 6)
        die("usage", USAGE);
    struct options options = read_options(argv);
    for (size_t i = 0; i < sizeof experiments / sizeof *experiments; i++)
        if (is_load_wanted(options.measures, experiments[i].name))
            run_experiment(&experiments[i], &options);
    for (size_t i = 0; i < sizeof lonely / sizeof *lonely; i++)
        if (is_wanted(options.measures, lonely[i].measure))
            run_lonely(&lonely[i], &options);
    return 0;
}
