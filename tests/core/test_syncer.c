/* syncer: many commits, few syncs; and none after one that failed. */
#include "syncer.h"

#include <fcntl.h>

#include "check.h"
#include "clock.h"

static walpool_error err;
static struct walpool__syncer syncer;
static struct walpool__poison poison;

static void
set_up(const char *name, int flags)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", check_path(name));
    if (flags)
        close(open(path, flags, 0600));
    memset(&poison, 0, sizeof poison);
    walpool__syncer_init(&syncer, path, &poison);
}

static void
tear_down(void)
{
    walpool__syncer_close(&syncer);
    walpool__syncer_finish(&syncer);
}

static walpool_status
wait_for(uint64_t commit)
{
    struct walpool__call call;
    walpool__call_begin_own(&call, -1);
    return walpool__syncer_wait(&syncer, commit, &call, &err);
}

TEST(syncer__covers_every_commit_before_the_sync)
{
    set_up("a.db-wal", O_RDWR | O_CREAT);
    uint64_t first = walpool__syncer_commit(&syncer);
    uint64_t second = walpool__syncer_commit(&syncer);
    CHECK(second == first + 1);
    CHECK_INT(wait_for(second), WALPOOL_OK);
    CHECK_INT(syncer.synced, second);
    CHECK_INT(wait_for(first), WALPOOL_OK);
    CHECK_INT(syncer.synced, second);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_OK);
    tear_down();
}

#define THREADS 8
#define ROUNDS 200

static void *
commit_and_wait(void *failures)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t commit = walpool__syncer_commit(&syncer);
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
    CHECK_INT(wait_for(walpool__syncer_commit(&syncer)), WALPOOL_POISONED);
    CHECK_INT(err.status, WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    CHECK_INT(err.system_errno, 2);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    close(open(syncer.wal_path, O_RDWR | O_CREAT, 0600));
    CHECK_INT(wait_for(walpool__syncer_commit(&syncer)), WALPOOL_POISONED);
    tear_down();
}

CHECK_MAIN()
