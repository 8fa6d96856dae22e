/* once_key and the disk: what is not known is made again, and then it is. */
#include "api.h"
#include "disk.h"

/* As in api_disk.c. */
#define SOON 400

static walpool *db;

/* A database with a table, whose WAL has begun: that alone costs a sync. */
static bool
begin(void)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (0)"));
    bool watched = disk_watch("a.db-wal");
    if (!watched)
        api_close(db);
    return watched;
}

static walpool_status
write_once(uint32_t flags, int64_t timeout_ms)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (1)"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.once_key = "k";
    call.once_bytes = 1;
    call.flags = flags;
    call.timeout_ms = timeout_ms;
    return walpool_write(db, &insert, &call, NULL, &err);
}

static int64_t
applied(void)
{
    return api_number(db, "SELECT count(*) FROM t WHERE v = 1");
}

static void *
wait_for_the_disk(void *unused)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (2)"};
    walpool_call call = WALPOOL_CALL_INIT;
    (void)unused;
    call.flags = WALPOOL_CALL_DURABLE;
    CHECK_OK(walpool_write(db, &insert, &call, NULL, &err));
    return NULL;
}

TEST(once__after_a_timeout_in_the_sync_the_same_call_succeeds)
{
    pthread_t other;
    if (!begin())
        return;
    atomic_store(&disk_held, true);
    CHECK_INT(pthread_create(&other, NULL, wait_for_the_disk, NULL), 0);
    CHECK_EVENTUALLY(atomic_load(&disk_syncs) == 1);
    for (int i = 0; i < 2; i++) { /* an answer given again waits, too */
        CHECK_STATUS(write_once(WALPOOL_CALL_DURABLE, SOON), WALPOOL_TIMEOUT);
        CHECK_INT(err.phase, WALPOOL_PHASE_SYNC);
        CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
        CHECK_INT(applied(), 1);
    }
    atomic_store(&disk_held, false);
    CHECK_INT(pthread_join(other, NULL), 0);
    CHECK_OK(write_once(WALPOOL_CALL_DURABLE, -1));
    CHECK_INT(applied(), 1);
    CHECK_INT(api_health(db).once_replays, 2);
    api_close(db);
}

TEST(once__an_answer_given_again_is_as_durable_as_it_is_asked_for)
{
    if (!begin())
        return;
    CHECK_OK(write_once(0, -1));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(write_once(0, -1));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(write_once(WALPOOL_CALL_DURABLE, -1));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(write_once(WALPOOL_CALL_DURABLE, -1));
    CHECK_INT(disk_count(), 0); /* a sync has covered it */
    CHECK_INT(applied(), 1);
    api_close(db);
}

TEST(once__after_a_failed_sync_the_same_call_succeeds_on_a_new_opening)
{
    if (!begin())
        return;
    atomic_store(&disk_error, EIO);
    CHECK_STATUS(write_once(WALPOOL_CALL_DURABLE, -1), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_UNKNOWN);
    atomic_store(&disk_error, 0);
    CHECK_STATUS(write_once(WALPOOL_CALL_DURABLE, -1), WALPOOL_POISONED);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    api_close(db);
    db = api_open("a.db", "");
    CHECK_OK(write_once(WALPOOL_CALL_DURABLE, -1));
    CHECK_INT(applied(), 1);
    CHECK_INT(api_health(db).once_replays, 1);
    api_close(db);
}

CHECK_MAIN()
