/* poison: reasons against writing are kept, and told with what to do. */
#include "poison.h"

#include <errno.h>

#include "check.h"

static walpool_error err;

TEST(poison__lets_writes_pass_until_something_happens)
{
    struct walpool__poison poison = {0};
    char why[256] = "untouched";
    CHECK(!walpool__poison_is_set(&poison));
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_OK);
    walpool__poison_explain(&poison, why, sizeof why);
    CHECK_STR(why, "");
}

TEST(poison__refuses_with_the_reason_and_its_errno)
{
    struct walpool__poison poison = {0};
    CHECK(walpool__poison_set(&poison, WALPOOL__POISON_SYNC, EIO));
    CHECK(!walpool__poison_set(&poison, WALPOOL__POISON_SYNC, ENOSPC));
    CHECK(walpool__poison_has(&poison, WALPOOL__POISON_SYNC));
    CHECK(!walpool__poison_has(&poison, WALPOOL__POISON_FILE_LOCK));
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
    CHECK_INT(err.status, WALPOOL_POISONED);
    CHECK_INT(err.system_errno, EIO);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_CONTAINS(err.message, "cannot write: a sync of the WAL failed");
    CHECK_CONTAINS(err.message, strerror(EIO));
    CHECK_CONTAINS(err.message, "open it anew");
    CHECK_INT(walpool__poison_check(&poison, NULL), WALPOOL_POISONED);
}

TEST(poison__names_the_lock_that_is_lost)
{
    static const char *const names[] = {"write lock", "database file", "-shm"};
    for (int lock = 0; lock < WALPOOL__POISON_SYNC; lock++) {
        struct walpool__poison poison = {0};
        CHECK(walpool__poison_set(&poison, lock, 0));
        CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
        CHECK_CONTAINS(err.message, names[lock]);
        CHECK_CONTAINS(err.message, "howtocorrupt");
        CHECK_INT(err.system_errno, 0);
    }
}

TEST(poison__keeps_every_reason_and_names_the_gravest)
{
    struct walpool__poison poison = {0};
    CHECK(walpool__poison_set(&poison, WALPOOL__POISON_SYNC, EIO));
    CHECK(walpool__poison_set(&poison, WALPOOL__POISON_WRITE_LOCK, 0));
    CHECK(walpool__poison_has(&poison, WALPOOL__POISON_SYNC));
    CHECK(walpool__poison_has(&poison, WALPOOL__POISON_WRITE_LOCK));
    CHECK_INT(walpool__poison_refuse(&poison, "cannot dance", &err),
              WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "cannot dance: SQLite's write lock");
}

TEST(poison__of_a_damaged_file_says_how_to_save_it)
{
    struct walpool__poison poison = {0};
    walpool__poison_note_open(&poison, WALPOOL_CANTOPEN);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_OK);
    walpool__poison_note_open(&poison, WALPOOL_NOTADB);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "keep a copy of the file and its -wal");
    CHECK_CONTAINS(err.message, ".recover");
}

TEST(poison__tells_everything_within_the_room_that_health_has)
{
    for (int reason = 0; reason < WALPOOL__POISON_REASONS; reason++) {
        struct walpool__poison poison = {0};
        char why[1024];
        walpool__poison_set(&poison, reason, EIO);
        walpool__poison_explain(&poison, why, sizeof why);
        CHECK(strlen(why) > 100);
        CHECK(strlen(why) < 240);
    }
}

TEST(poison__tells_of_files_that_are_not_in_place)
{
    static const struct {
        enum walpool__poison_reason reason;
        const char *words;
    } cases[] = {
        {WALPOOL__POISON_MOVED, "was moved, replaced or removed"},
        {WALPOOL__POISON_CUT, "was cut to nothing"},
        {WALPOOL__POISON_SIDECAR, "-wal or -shm file was removed"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct walpool__poison poison = {0};
        CHECK(walpool__poison_set(&poison, cases[i].reason, 0));
        CHECK(walpool__poison_is_only(&poison, cases[i].reason));
        CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
        CHECK_CONTAINS(err.message, cases[i].words);
        CHECK_CONTAINS(err.message, "open it anew");
        CHECK(walpool__poison_set(&poison, WALPOOL__POISON_SHM_LOCK, 0));
        CHECK(!walpool__poison_is_only(&poison, cases[i].reason));
    }
}

TEST(poison__says_whether_the_commits_of_a_lost_sidecar_are_saved)
{
    struct walpool__poison poison = {0};
    char why[256];
    CHECK(walpool__poison_set(&poison, WALPOOL__POISON_SIDECAR, 0));
    walpool__poison_explain(&poison, why, sizeof why);
    CHECK_CONTAINS(why, "not in the database file yet");
    atomic_store(&poison.saved, true);
    walpool__poison_explain(&poison, why, sizeof why);
    CHECK_CONTAINS(why, "are saved in the database file");
}

/* Health has room for 255 bytes, and errors put words before it. */
TEST(poison__explains_in_less_than_240_bytes)
{
    for (int reason = 0; reason < WALPOOL__POISON_REASONS; reason++) {
        struct walpool__poison poison = {0};
        char why[512];
        CHECK(walpool__poison_set(&poison, reason, EIO));
        walpool__poison_explain(&poison, why, sizeof why);
        CHECK(why[0] != '\0' && strlen(why) < 240);
    }
}

CHECK_MAIN()
