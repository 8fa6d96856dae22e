/* Power cuts, simulated: what was acknowledged at durability full, of the
 * database or of a call, is there, at normal the newest commits may be missing,
 * and either way the database is whole and holds the first so many commits.
 *
 *   test_powercut [WORD]                    3000 cuts
 *   test_powercut COUNT [SEED]              so many, from this seed on
 *   test_powercut replay RECORD CUT SEED    one cut of a record that was kept
 *
 * Processes write, a record is made of all that reaches the disk, and the power
 * is cut after every event of it. What threads do at once does not follow from
 * a seed, so the record of a round that failed is kept, and the cut with it. */
#include "plain.h"
#include "powercut/disk.h"
#include "powercut/load.h"

enum { CUTS = 3000 };

/* What callers had been told before a cut: of all commits, and of those that
 * must survive it. */
struct told {
    struct verdict all, durable;
};

struct tally {
    uint64_t seed; /* of the round */
    bool full;
    int cuts, lost; /* lost: cuts after which something told was missing */
    char problem[600]; /* the first */
    size_t at;         /* its cut */
};

static const char *live, *image;

/* A reader may be told of a commit before its writer is. */
static void
learn(struct verdict *told, const struct record_event *event)
{
    told->entries = 0;
    if (event->b > told->last[event->a])
        told->last[event->a] = event->b;
}

static void
hear(struct told *told, const struct record_event *event)
{
    if (event->what != RECORD_TOLD)
        return;
    learn(&told->all, event);
    if (event->bytes)
        learn(&told->durable, event);
}

static bool
has_all(const struct verdict *found, const struct verdict *told)
{
    if (found->entries < told->entries)
        return false;
    for (int i = 0; i < JUDGE_WRITERS; i++)
        if (found->last[i] < told->last[i])
            return false;
    return true;
}

static void
blame(struct tally *tally, size_t at, const char *problem)
{
    if (tally->problem[0])
        return;
    tally->at = at;
    snprintf(tally->problem, sizeof tally->problem, "%s", problem);
}

/* The seed of a cut: the same record, cut and seed give the same image. */
static uint64_t
seed_of(uint64_t seed, size_t cut)
{
    return seed << 32 ^ cut;
}

static void
judge_cut(const struct disk *disk, size_t cut, const struct told *told,
          struct tally *tally)
{
    struct verdict plain, ours;
    uint64_t seed = seed_of(tally->seed, cut);
    CHECK(disk_cut(disk, seed, image));
    judge_by_sqlite(image, &plain);
    CHECK(disk_cut(disk, seed, image));
    judge_by_walpool(image, &ours);
    tally->cuts++;
    if (plain.problem[0] || ours.problem[0])
        blame(tally, cut, plain.problem[0] ? plain.problem : ours.problem);
    else if (memcmp(&plain, &ours, sizeof plain) != 0)
        blame(tally, cut, "walpool finds other entries than SQLite");
    if (!has_all(&plain, &told->durable))
        blame(tally, cut, "a commit is missing that was called durable");
    tally->lost += !has_all(&plain, &told->all);
}

/* Cut the power after each event, until something is found. */
static void
cut_everywhere(struct tally *tally, int cuts)
{
    struct told told = {.all.entries = -1, .durable.entries = -1};
    struct disk *disk = disk_open();
    alarm(CHECK_SECONDS);
    for (size_t cut = 1; cuts > 0 && disk_next(disk); cut++, cuts--) {
        hear(&told, record_event(cut - 1));
        judge_cut(disk, cut, &told, tally);
        if (tally->problem[0])
            break;
    }
    disk_close(disk);
}


static void
run_round(struct tally *tally, uint64_t seed, int cuts, enum record_lie lie)
{
    struct load wanted = {
        .path = live, .seed = seed, .full = tally->full, .writes = 3};
    alarm(CHECK_SECONDS);
    tally->seed = seed;
    plain_remove(live);
    load_run(&wanted, lie);
    cut_everywhere(tally, cuts);
}

static void
set_paths(void)
{
    static char paths[2][512];
    snprintf(paths[0], sizeof paths[0], "%s", check_path("live.db"));
    snprintf(paths[1], sizeof paths[1], "%s", check_path("image.db"));
    live = paths[0];
    image = paths[1];
}

static void
report(const struct tally *tally)
{
    char kept[64];
    if (!tally->problem[0])
        return;
    snprintf(kept, sizeof kept, "powercut-%llu.record",
             (unsigned long long)tally->seed);
    printf("# seed %llu, cut %zu: %s\n# replay %s %zu %llu\n",
           (unsigned long long)tally->seed, tally->at, tally->problem,
           record_save(kept) ? kept : "(the record could not be kept)",
           tally->at, (unsigned long long)tally->seed);
}

static int cuts_wanted = CUTS;
static uint64_t first_seed = 1;

static struct tally
cut_many(bool full, int cuts)
{
    struct tally tally = {.full = full};
    set_paths();
    for (uint64_t seed = first_seed; tally.cuts < cuts && !tally.problem[0];
         seed++)
        run_round(&tally, seed, cuts - tally.cuts, RECORD_NO_LIE);
    printf("# %d cuts, of which %d lost what had been told\n", tally.cuts,
           tally.lost);
    report(&tally);
    return tally;
}

TEST(powercut__at_full_durability_loses_nothing_that_was_acknowledged)
{
    struct tally tally = cut_many(true, cuts_wanted - cuts_wanted / 3);
    CHECK_STR(tally.problem, "");
}

/* That some are lost shows that the cuts are hard enough to lose something. */
TEST(powercut__at_normal_durability_leaves_a_whole_database)
{
    struct tally tally = cut_many(false, cuts_wanted / 3);
    CHECK_STR(tally.problem, "");
    CHECK(tally.lost > 0);
}

/* ------------------------------------------- the proof can fail: three lies */

static void
expect_notice(enum record_lie lie)
{
    struct tally tally = {.full = true};
    set_paths();
    for (uint64_t seed = 1; seed <= 5 && !tally.problem[0]; seed++)
        run_round(&tally, seed, INT32_MAX, lie);
    printf("# after %d cuts: %s\n", tally.cuts, tally.problem);
    CHECK(tally.problem[0]);
}

TEST(powercut__notices_an_acknowledgement_before_the_sync)
{
    expect_notice(RECORD_LIE_SYNCER);
}

TEST(powercut__notices_a_WAL_reset_before_the_database_was_synced)
{
    expect_notice(RECORD_LIE_CHECKPOINT);
}

TEST(powercut__notices_names_that_were_not_synced)
{
    expect_notice(RECORD_LIE_FOLDER);
}

/* ------------------------------------------------------------------- replay */

static int
replay(const char *record, size_t cut, uint64_t seed)
{
    struct tally tally = {.seed = seed};
    struct told told = {.all.entries = -1, .durable.entries = -1};
    struct disk *disk;
    if (!record_load(record)) {
        printf("cannot read %s\n", record);
        return 2;
    }
    live = image = "powercut-image.db";
    disk = disk_open();
    for (size_t i = 0; i < cut && disk_next(disk); i++)
        hear(&told, record_event(i));
    judge_cut(disk, cut, &told, &tally);
    CHECK(disk_cut(disk, seed_of(seed, cut), image));
    disk_close(disk);
    printf("%s\nthe image: %s\n", tally.problem[0] ? tally.problem : "sound",
           image);
    return tally.problem[0] != 0;
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!record_install())
        return 2;
    if (argc == 5 && strcmp(argv[1], "replay") == 0)
        return replay(argv[2], strtoul(argv[3], NULL, 10),
                      strtoull(argv[4], NULL, 10));
    if (argc > 1 && atoi(argv[1]) > 0) {
        cuts_wanted = atoi(argv[1]);
        if (argc > 2)
            first_seed = strtoull(argv[2], NULL, 10);
        argc = 1;
    }
    return check_main(argc, argv);
}
