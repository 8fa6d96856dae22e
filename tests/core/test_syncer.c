/* syncer: many commits, few syncs; and none after one that failed. */
#include "syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "check.h"
#include "clock.h"
#include "disk.h"

static walpool_error err;
static struct walpool__syncer syncer;
static struct walpool__poison poison;
static struct walpool__walindex walindex;
static struct walpool__stats stats;
static uint32_t header[24]; /* of a wal-index: what SQLite says of the WAL */

static void
say(uint32_t salt, uint32_t frames)
{
    const unsigned char init[4] = {1, 0, 0, 16};
    memset(header, 0, sizeof header);
    header[0] = 3007000;
    memcpy(&header[3], init, sizeof init);
    header[4] = frames;
    header[8] = salt;
    memcpy(header + 12, header, sizeof header / 2);
}

static void
set_up(const char *name, int flags)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", check_path(name));
    if (flags)
        close(open(path, flags, 0600));
    memset(&poison, 0, sizeof poison);
    memset(&stats, 0, sizeof stats);
    walpool__walindex_init(&walindex);
    walpool__syncer_init(&syncer, path, &poison, &walindex,
                         &stats);
}

static void
tear_down(void)
{
    walpool__syncer_close(&syncer);
    walpool__syncer_finish(&syncer);
    walindex.header = NULL;
    walpool__walindex_finish(&walindex);
}

static walpool_status
wait_for(uint64_t ticket)
{
    struct walpool__call call;
    walpool__call_begin_own(&call, -1);
    return walpool__syncer_wait(&syncer, ticket, WALPOOL__STAKE_COMMIT, &call,
                                &err);
}

TEST(syncer__covers_every_ticket_before_the_sync)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    uint64_t first = walpool__syncer_ticket(&syncer);
    uint64_t second = walpool__syncer_ticket(&syncer);
    CHECK(second == first + 1);
    CHECK_INT(wait_for(second), WALPOOL_OK);
    CHECK_INT(syncer.synced, second);
    CHECK_INT(wait_for(first), WALPOOL_OK);
    CHECK_INT(syncer.synced, second);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_OK);
    CHECK_INT(walpool__histogram_count(&stats.sync_us), 1);
    tear_down();
}

#define THREADS 8
#define ROUNDS 200

static void *
commit_and_wait(void *failures)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t commit = walpool__syncer_ticket(&syncer);
        if (wait_for(commit) != WALPOOL_OK)
            atomic_fetch_add((atomic_int *)failures, 1);
    }
    return NULL;
}

TEST(syncer__never_answers_before_the_commit_is_covered)
{
    pthread_t threads[THREADS];
    atomic_int failures = 0;
    set_up("a.db-wal", O_RDWR | O_CREAT);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, commit_and_wait, &failures), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(failures, 0);
    CHECK_INT(syncer.synced, THREADS * ROUNDS);
    tear_down();
}

TEST(syncer__poisons_when_the_file_cannot_be_synced)
{
    set_up("missing-wal", 0);
    CHECK_INT(wait_for(walpool__syncer_ticket(&syncer)), WALPOOL_POISONED);
    CHECK_INT(err.status, WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_INT(err.system_errno, 2);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    close(open(syncer.wal_path, O_RDWR | O_CREAT, 0600));
    CHECK_INT(wait_for(walpool__syncer_ticket(&syncer)), WALPOOL_POISONED);
    tear_down();
}

/* Someone else syncs, and the disk takes its time. */
static walpool_status
wait_in_vain(enum walpool__stake stake)
{
    struct walpool__call call;
    syncer.running = true;
    walpool__call_begin_own(&call, 1);
    walpool_status status = walpool__syncer_wait(
        &syncer, walpool__syncer_ticket(&syncer), stake, &call, &err);
    syncer.running = false;
    return status;
}

/* No descriptor above those that are open can be had, or again. */
static void
limit_descriptors(bool tight)
{
    struct rlimit limit;
    int next = dup(STDIN_FILENO);
    close(next);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = tight ? (rlim_t)next : limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(syncer__can_be_tried_again_when_there_was_no_descriptor)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    limit_descriptors(true);
    walpool_status status = wait_for(walpool__syncer_ticket(&syncer));
    limit_descriptors(false);
    CHECK_INT(status, WALPOOL_IO);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_INT(err.system_errno, EMFILE);
    CHECK_CONTAINS(err.message, "cannot open the WAL to sync it");
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_OK);
    CHECK_INT(wait_for(walpool__syncer_ticket(&syncer)), WALPOOL_OK);
    tear_down();
}

/* The file has a descriptor, its folder has none. */
TEST(syncer__does_not_forget_the_folder_for_want_of_a_descriptor)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    int spare = dup(STDIN_FILENO);
    limit_descriptors(true);
    close(spare);
    walpool_status status = wait_for(walpool__syncer_ticket(&syncer));
    limit_descriptors(false);
    CHECK_INT(status, WALPOOL_IO);
    CHECK_INT(syncer.fd, -1);
    CHECK_INT(wait_for(walpool__syncer_ticket(&syncer)), WALPOOL_OK);
    tear_down();
}

TEST(syncer__that_could_not_flush_is_not_tried_again)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    uint64_t ticket = walpool__syncer_ticket(&syncer);
    limit_descriptors(true);
    walpool__syncer_flush(&syncer);
    limit_descriptors(false);
    CHECK_INT(wait_for(ticket), WALPOOL_POISONED);
    CHECK_INT(syncer.fd, -1);
    tear_down();
}

TEST(syncer__says_what_hangs_on_a_sync_that_takes_too_long)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    CHECK_INT(wait_in_vain(WALPOOL__STAKE_COMMIT), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_CONTAINS(err.message, "the commit is visible");
    CHECK_INT(wait_in_vain(WALPOOL__STAKE_READ), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "what was read may not survive");
    CHECK(!walpool__poison_is_set(&poison));
    tear_down();
}

TEST(syncer__knows_what_a_sync_has_covered)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    walindex.header = header;
    say(1, 0);
    CHECK_INT(walpool__syncer_ticket_if_new(&syncer), 0);
    say(1, 5);
    uint64_t ticket = walpool__syncer_ticket_if_new(&syncer);
    CHECK(ticket != 0);
    CHECK_INT(wait_for(ticket), WALPOOL_OK);
    CHECK_INT(walpool__syncer_ticket_if_new(&syncer), 0);
    say(1, 6);
    CHECK_INT(walpool__syncer_ticket_if_new(&syncer), ticket + 1);
    CHECK_INT(wait_for(ticket + 1), WALPOOL_OK);
    CHECK_INT(walpool__syncer_ticket_if_new(&syncer), 0);
    say(2, 1); /* the WAL began anew */
    CHECK_INT(walpool__syncer_ticket_if_new(&syncer), ticket + 2);
    tear_down();
}

TEST(syncer__syncs_always_where_the_wal_index_says_nothing)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    for (uint64_t i = 1; i < 4; i++) {
        CHECK_INT(walpool__syncer_ticket_if_new(&syncer), i);
        CHECK_INT(wait_for(i), WALPOOL_OK);
    }
    tear_down();
}

static void *
wait_for_the_disk(void *unused)
{
    (void)unused;
    CHECK_INT(wait_for(walpool__syncer_ticket(&syncer)), WALPOOL_OK);
    return NULL;
}

TEST(syncer__does_not_cover_what_was_committed_after_its_sync_began)
{
    pthread_t thread;
    set_up("a.db-wal", O_RDWR | O_CREAT);
    walindex.header = header;
    say(1, 5);
    if (!disk_watch("a.db-wal"))
        return tear_down();
    atomic_store(&disk_held, true);
    CHECK_INT(pthread_create(&thread, NULL, wait_for_the_disk, NULL), 0);
    CHECK_EVENTUALLY(atomic_load(&disk_syncs) == 1);
    disk_count();
    say(1, 9);
    uint64_t late = walpool__syncer_ticket_if_new(&syncer);
    atomic_store(&disk_held, false);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(syncer.synced < late);
    CHECK(walpool__syncer_ticket_if_new(&syncer) != 0);
    CHECK_INT(wait_for(late), WALPOOL_OK);
    CHECK_INT(walpool__syncer_ticket_if_new(&syncer), 0);
    CHECK_INT(disk_count(), 1);
    tear_down();
}

TEST(syncer__covers_nothing_by_a_sync_that_failed)
{
    set_up("missing-wal", 0);
    walindex.header = header;
    say(1, 5);
    CHECK_INT(wait_for(walpool__syncer_ticket(&syncer)), WALPOOL_POISONED);
    CHECK(walpool__syncer_ticket_if_new(&syncer) != 0);
    tear_down();
}

TEST(syncer__flushes_for_those_who_have_not_come_to_the_wait_yet)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    walpool__syncer_flush(&syncer);
    CHECK(syncer.fd < 0); /* nobody asked for anything */
    uint64_t ticket = walpool__syncer_ticket(&syncer);
    walpool__syncer_flush(&syncer);
    walpool__syncer_close(&syncer);
    CHECK_INT(wait_for(ticket), WALPOOL_OK);
    CHECK(syncer.fd < 0);
    tear_down();
}

CHECK_MAIN()
