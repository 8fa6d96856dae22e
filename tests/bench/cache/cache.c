/* Group cache in C: what page caches bring and cost, with default options and
 * beside them with others.
 *
 *     cache FOLDER --seconds S MEASURE...
 *
 * SQLite empties a page cache when its next snapshot follows a commit, so the
 * loads run beside none, 100 and 1000 commits/s of another process. A measure is
 * LOAD.FIGURE, such as fitspoints1000.rate: the load is on a database that fits
 * the cache or a large one. The files are made in FOLDER once. */
#include <string.h>

#include "figures.h"
#include "held.h"
#include "item.h"
#include "pulse.h"
#include "visit.h"

enum {
    REPETITIONS = 7,
    SIDES = 5,
    FITS_MIB = 6, /* with its inner pages less than the default of 8 MiB */
    LARGE_MIB = 64,
    SMOKE_MIB = 12
};

#define USAGE "cache FOLDER --seconds S MEASURE..."

struct options {
    const char *folder;
    double seconds;
    char **measures; /* up to a NULL */
};

/* The first one is what users have who ask for nothing. */
struct choice {
    const char *name, *options;
};

static const struct choice sizes[] = {
    {"ours", ""}, /* 8 MiB */
    {"512-KiB", "cache_size_kib=512"},
    {"2-MiB", "cache_size_kib=2048"},
    {"32-MiB", "cache_size_kib=32768"},
    {"mmap", "mmap_size=268435456"},
};
static const struct choice readers[] = {
    {"ours", ""}, /* 4 */
    {"1-reader", "readers=1"},
    {"2-readers", "readers=2"},
    {"8-readers", "readers=8"},
    {"16-readers", "readers=16"},
};

/* In turns with each of SIDES choices. */
struct load {
    const char *name, *figure;
    const struct choice *choices;
    int mebibytes;
    const struct item_query *query; /* NULL: memory is what is measured */
    int threads, commits_per_second;
};

/* What a size costs one thread is its CPU time, whatever else runs. Many threads
 * wait for readers, so they go by the clock. */
#define OF_SIZE(load, mib, asks, commits)                         \
    {.name = load, .figure = "rate", .choices = sizes,            \
     .mebibytes = mib, .query = &asks, .threads = 1,              \
     .commits_per_second = commits}
#define OF_READERS(load, asks, commits)                           \
    {.name = load, .figure = "rate", .choices = readers,          \
     .mebibytes = FITS_MIB, .query = &asks, .threads = 16,        \
     .commits_per_second = commits}

static const struct load loads[] = {
    OF_SIZE("fitspoints0", FITS_MIB, item_point, 0),
    OF_SIZE("fitspoints100", FITS_MIB, item_point, 100),
    OF_SIZE("fitspoints1000", FITS_MIB, item_point, 1000),
    OF_SIZE("fitsscans0", FITS_MIB, item_scan, 0),
    OF_SIZE("fitsscans100", FITS_MIB, item_scan, 100),
    OF_SIZE("fitsscans1000", FITS_MIB, item_scan, 1000),
    OF_SIZE("largepoints0", LARGE_MIB, item_point, 0),
    OF_SIZE("largepoints100", LARGE_MIB, item_point, 100),
    OF_SIZE("largepoints1000", LARGE_MIB, item_point, 1000),
    OF_SIZE("largescans0", LARGE_MIB, item_scan, 0),
    OF_SIZE("largescans100", LARGE_MIB, item_scan, 100),
    OF_SIZE("largescans1000", LARGE_MIB, item_scan, 1000),
    OF_READERS("readerspoints0", item_point, 0),
    OF_READERS("readerspoints1000", item_point, 1000),
    OF_READERS("readersscans0", item_scan, 0),
    OF_READERS("readersscans1000", item_scan, 1000),
    {.name = "held", .figure = "bytes", .choices = sizes,
     .mebibytes = LARGE_MIB},
};

/* All that a repetition showed goes to the log. */
static double
run_side(const struct load *load, const struct options *options,
         const struct item_file *file, const struct choice *choice)
{
    struct visit visit = {.file = file,
                          .query = load->query,
                          .options = choice->options,
                          .threads = load->threads,
                          .by_cpu = load->choices == sizes,
                          .seconds = options->seconds / SIDES};
    double value =
        load->query ? visit_run(&visit) : held_run(file, choice->options);
    fprintf(stderr, "%-18s %-10s %12.0f\n", load->name, choice->name, value);
    return value;
}

/* Who begins moves on from turn to turn. */
static void
run_in_turns(const struct load *load, const struct options *options,
             const struct item_file *file, struct side *sides)
{
    for (int turn = 0; turn < REPETITIONS; turn++)
        for (int i = 0; i < SIDES; i++) {
            int which = (turn + i) % SIDES;
            sides[which].values[turn] =
                run_side(load, options, file, &load->choices[which]);
        }
}

static void
run_beside_commits(const struct load *load, const struct options *options,
                   const struct item_file *file, struct side *sides)
{
    struct pulse *pulse = pulse_start(file->path, load->commits_per_second);
    double start = now_seconds();
    run_in_turns(load, options, file, sides);
    fprintf(stderr, "%-18s beside %.0f commits/s\n", load->name,
            (double)pulse_count(pulse) / (now_seconds() - start));
    pulse_end(pulse);
}

static void
run_load(const struct load *load, const struct options *options)
{
    static struct side sides[SIDES];
    char measure[80];
    walpool_version_info version;
    bool small = load->mebibytes > SMOKE_MIB && options->seconds < 1;
    struct item_file file =
        item_file(options->folder, small ? SMOKE_MIB : load->mebibytes);
    walpool_version(&version);
    for (int i = 0; i < SIDES; i++)
        sides[i] = (struct side){.name = load->choices[i].name,
                                 .sqlite = version.sqlite};
    if (load->commits_per_second)
        run_beside_commits(load, options, &file, sides);
    else
        run_in_turns(load, options, &file, sides);
    snprintf(measure, sizeof measure, "%s.%s", load->name, load->figure);
    print_sides(measure, sides, SIDES, REPETITIONS);
}

int
main(int argc, char **argv)
{
    if (argc < 5 || strcmp(argv[2], "--seconds") != 0 || atof(argv[3]) <= 0)
        die("usage", USAGE);
    struct options options = {.folder = argv[1],
                              .seconds = atof(argv[3]),
                              .measures = argv + 4};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (is_load_wanted(options.measures, loads[i].name))
            run_load(&loads[i], &options);
    return 0;
}
