/* The staleness oracle: a read that begins after a COMMIT has returned, in any
 * thread and any process, sees it, and no thread ever sees less than before.
 *
 * Three processes write: this one, another one with walpool, and a third that
 * is plain SQLite, sometimes with a sqlite3 shell. Each has a row of its own,
 * counts it up, and publishes the number once its COMMIT has returned. Readers
 * note what is published, read, and compare. Meanwhile there are checkpoints
 * in all modes by all of them, WALs that start anew, changes of schema, VACUUM.
 * Rounds differ in who writes how fast, and in how long snapshots stay.
 *
 *     test_stale                     few rounds
 *     test_stale ROUNDS [SEED]       as many, from that seed on
 *     test_stale --must-fail         how tests prove that a defect is found
 *
 * Does: begin and end rounds, judge them.
 * Must not: look into the pool; seam.c counts what it does. */
#include <sys/mman.h>

#include "readers.h"
#include "writers.h"

enum { READERS = 3, FEW = 10, MOST = 60 };

static uint64_t seed = 1;
static int rounds = FEW;
static bool must_fail;

/* ----------------------------------------------------------- other processes */

static void
be_another(int number)
{
    struct actor reader = {.state = this_round.seed + 50};
    struct actor writer = {.who = OTHER, .state = this_round.seed + 51};
    (void)number;
    reader.db = writer.db = round_open();
    round_start(&reader, readers_look);
    writers_count_up(&writer);
    pthread_join(reader.thread, NULL);
    api_close(reader.db);
}

static void
be_plain(int number)
{
    struct actor shell = {0};
    (void)number;
    round_start(&shell, writers_run_shell);
    writers_be_plain();
    pthread_join(shell.thread, NULL);
}

/* ------------------------------------------------------------------ a round */

static void
draw(int number)
{
    static const int paces_us[] = {0, 200, 1000, 5000};
    static const int keeps_ms[] = {1, 2, 5, 20, 1000};
    uint64_t state = (seed + (uint64_t)number) * 0x9E3779B97F4A7C15u;
    this_round.seed = state;
    this_round.keep_ms = keeps_ms[board_pick(&state, 5)];
    this_round.disturbs = board_pick(&state, 4) != 0;
    this_round.copies_each = false;
    for (int i = 0; i < BOARD_WRITERS; i++) {
        this_round.pace_us[i] = paces_us[board_pick(&state, 4)];
        this_round.burst[i] = 1 + (int)board_pick(&state, 30);
        this_round.writes[i] = i == OTHER || board_pick(&state, 3) != 0;
    }
}

/* A commit now and then, copied before the next: so the WAL starts anew with
 * each, and has as many frames as before. */
static void
draw_quiet(void)
{
    this_round.keep_ms = 2;
    this_round.disturbs = false;
    this_round.copies_each = true;
    for (int i = 0; i < BOARD_WRITERS; i++)
        this_round.writes[i] = i == OTHER;
    this_round.pace_us[OTHER] = 5000;
    this_round.burst[OTHER] = 1;
}

static void
begin_round(int number)
{
    draw(number);
    if (number % 3 == 0)
        draw_quiet();
    for (int i = 0; i < BOARD_WRITERS; i++)
        atomic_store(&board->committed[i], 0);
    atomic_store(&board->over, false);
    round_make_file();
}

static int64_t
violations(void)
{
    return atomic_load(&board->stale) + atomic_load(&board->backward) +
           atomic_load(&board->beyond) + atomic_load(&board->torn);
}

/* Whoever writes has, and there was something to read. */
static bool
is_enough(long reads)
{
    for (int i = 0; i < BOARD_WRITERS; i++)
        if (this_round.writes[i] && (i != SHELL || round_has_shell()) &&
            atomic_load(&board->committed[i]) < 3)
            return false;
    return board_commits() >= 60 && atomic_load(&board->reads) >= reads;
}

/* Every row is as published: nothing was lost. */
static void
check_rows(walpool *db)
{
    char sql[60];
    for (int i = 0; i < BOARD_WRITERS; i++) {
        snprintf(sql, sizeof sql, "SELECT n FROM t WHERE id = %d", i + 1);
        CHECK_INT(api_number(db, sql), atomic_load(&board->committed[i]));
    }
}

static void
run_round(int number)
{
    struct child children[2];
    struct actor writer = {.who = HERE, .state = 1}, readers[READERS];
    long reads = atomic_load(&board->reads) + 2000;
    begin_round(number);
    children[0] = child_start(be_another, 0);
    children[1] = child_start(be_plain, 0);
    writer.db = round_open();
    round_start(&writer, writers_count_up);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct actor){.db = writer.db,
                                    .state = this_round.seed + (uint64_t)i};
        round_start(&readers[i], readers_look);
    }
    CHECK_EVENTUALLY(is_enough(reads) || violations() > 0);
    atomic_store(&board->over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
    pthread_join(writer.thread, NULL);
    for (int i = 0; i < 2; i++)
        child_join(&children[i]);
    check_rows(writer.db);
    api_close(writer.db);
    plain_remove(this_round.path);
    alarm(CHECK_SECONDS);
}

/* --------------------------------------------------------------------- tests */

TEST(stale__no_read_misses_what_was_committed_before_it)
{
    for (int i = 0; i < rounds; i++) {
        run_round(i);
        if (violations() > 0)
            printf("# round %d of seed %llu: %ld stale, %ld backward, %ld beyond,"
                   " %ld torn\n", i, (unsigned long long)seed,
                   atomic_load(&board->stale), atomic_load(&board->backward),
                   atomic_load(&board->beyond), atomic_load(&board->torn));
        CHECK_INT(violations(), 0);
    }
    printf("# %ld reads, %ld of a snapshot that stayed, %ld commits at the worst"
           " moment\n", atomic_load(&board->reads), atomic_load(&board->warm),
           atomic_load(&board->moved));
    CHECK(atomic_load(&board->warm) > 100 * rounds);
    CHECK(atomic_load(&board->moved) > 0);
}

/* A mutant: some round must see it for what it is. */
static int
run_until_it_fails(void)
{
    check_thread = pthread_self();
    signal(SIGALRM, check_hung);
    check_current = "stale__finds_this";
    alarm(CHECK_SECONDS);
    if (setjmp(check_exit) == 0)
        for (int i = 0; i < MOST && atomic_load(&board->stale) == 0; i++)
            run_round(i);
    alarm(0);
    check_remove(check_folder());
    printf("%s 1 - the oracle sees stale reads\n1..1\n",
           atomic_load(&board->stale) > 0 ? "ok" : "not ok");
    return atomic_load(&board->stale) == 0;
}

static bool
understand(int argc, char **argv)
{
    char *end = NULL;
    if (argc > 1 && strcmp(argv[1], "--must-fail") == 0) {
        must_fail = true;
        return argc == 2;
    }
    if (argc > 1)
        rounds = (int)strtol(argv[1], &end, 10);
    if (argc > 2 && *end == 0)
        seed = strtoull(argv[2], &end, 10);
    return argc <= 3 && rounds > 0 && (end == NULL || *end == 0);
}

int
main(int argc, char **argv)
{
    char *alone[] = {argv[0], NULL};
    if (!understand(argc, argv)) {
        fprintf(stderr, "usage: %s [ROUNDS [SEED] | --must-fail]\n", argv[0]);
        return 2;
    }
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        return 2;
    return must_fail ? run_until_it_fails() : check_main(1, alone);
}
