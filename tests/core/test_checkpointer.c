/* checkpointer: when it runs by itself, when it rests, and when it is asked. */
#include "checkpointer.h"

#include <sched.h>

#include "db.h"
#include "inside.h"

/* The database behind a handle. The test keeps the handle open. */
static struct walpool__db *
behind(walpool *handle)
{
    walpool_status status;
    struct walpool__db *db =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, &err, &status);
    CHECK(db != NULL);
    walpool__handle_unpin(handle);
    return db;
}

static bool
runs(walpool *handle)
{
    struct walpool__checkpointer *checkpointer = &behind(handle)->checkpointer;
    walpool__mutex_lock(&checkpointer->mutex);
    bool running = checkpointer->running;
    walpool__mutex_unlock(&checkpointer->mutex);
    return running;
}

static walpool *
open_table(const char *options)
{
    walpool *db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    return db;
}

static void
insert(walpool *db, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_OK(api_write(db, "INSERT INTO t VALUES(zeroblob(3000))"));
}

static bool
is_copied(walpool *db)
{
    walpool_health health = api_health(db);
    return health.wal_frames == health.wal_frames_checkpointed;
}

TEST(checkpointer__sleeps_until_there_is_enough_to_do)
{
    walpool *db = open_table("checkpoint_frames=100");
    CHECK(!runs(db));
    insert(db, 20);
    CHECK(!runs(db));
    CHECK_INT(api_health(db).checkpoints, 0);
    insert(db, 60);
    CHECK(runs(db));
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    api_close(db);
}

/* Less than the threshold may stay, until there is more. */
TEST(checkpointer__leaves_little_behind_when_writes_end)
{
    walpool *db = open_table("checkpoint_frames=10");
    insert(db, 30);
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    CHECK_EVENTUALLY(api_health(db).wal_frames -
                         api_health(db).wal_frames_checkpointed < 10);
    api_close(db);
}

/* Most frames that were ever there to be copied with the writer in hand. */
static int64_t
in_hand(walpool *db)
{
    return walpool__stats_get(&behind(db)->stats.frames_in_hand_highest);
}

static void *
insert_much(void *db)
{
    insert(db, 400);
    return NULL;
}

TEST(checkpointer__keeps_the_WAL_small_under_many_writers)
{
    pthread_t threads[4];
    walpool *db = open_table("checkpoint_frames=200");
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, insert_much, db), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    walpool_health health = api_health(db);
    CHECK(health.checkpoints > 1);
    CHECK_INT(health.checkpoint_failures, 0);
    CHECK(health.wal_bytes_highest < 2000 * 4120); /* of some 5000 */
    CHECK(in_hand(db) <= walpool__policy_most_in_hand(200));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1600);
    api_close(db);
}

/* Readers that overlap without end: each stays for some commits, and there is
 * always one. Commits that are held up because of it do not keep it, though:
 * that would be a reader that waits for its own end. */
static walpool *crowded;
static atomic_int commits;
static atomic_bool enough;

static void *
read_and_stay(void *unused)
{
    (void)unused;
    while (!atomic_load(&enough)) {
        walpool_lease *lease = api_acquire(crowded, WALPOOL_READ);
        int until = atomic_load(&commits) + 100;
        for (int i = 0; i < 50 && atomic_load(&commits) < until; i++)
            walpool__thread_nap_us(200);
        CHECK_OK(walpool_release(lease, &err));
    }
    return NULL;
}

TEST(checkpointer__keeps_the_WAL_small_beside_readers_that_overlap)
{
    enum { THRESHOLD = 500, COMMITS = 15000 };
    pthread_t threads[3];
    crowded = open_table("checkpoint_frames=500");
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_and_stay, NULL), 0);
    for (int i = 0; i < COMMITS; i++) {
        CHECK_OK(api_write(crowded, "INSERT INTO t VALUES(1)"));
        atomic_fetch_add(&commits, 1);
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    int64_t frames = api_health(crowded).wal_bytes_highest / 4120;
    CHECK(frames < 8 * THRESHOLD); /* of some 30 */
    CHECK(atomic_load(&behind(crowded)->stats.reader_gates) > 0);
    api_close(crowded);
}

/* The same where readers come all the time, and their snapshots stay. */
static void *
read_all_the_time(void *unused)
{
    (void)unused;
    while (!atomic_load(&enough)) {
        for (int i = 0; i < 50; i++)
            CHECK(api_number(crowded, "SELECT b FROM t LIMIT 1") != 0);
        CHECK_OK(walpool_release(api_acquire(crowded, WALPOOL_READ), &err));
    }
    return NULL;
}

TEST(checkpointer__keeps_the_WAL_small_whatever_snapshots_stay)
{
    enum { THRESHOLD = 200, COMMITS = 3000 };
    static const int keeps_ms[] = {0, 5, 1000};
    for (size_t n = 0; n < ARRAY_COUNT(keeps_ms); n++) {
        pthread_t threads[3];
        char options[80];
        snprintf(options, sizeof options,
                 "checkpoint_frames=200&readers=3&snapshot_keep=%d",
                 keeps_ms[n]);
        crowded = api_open("a.db", options);
        CHECK_OK(api_write(crowded, "CREATE TABLE IF NOT EXISTS t(b)"));
        atomic_store(&enough, false);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_create(&threads[i], NULL, read_all_the_time, NULL),
                      0);
        for (int i = 0; i < COMMITS; i++)
            CHECK_OK(api_write(crowded, "INSERT INTO t VALUES(1)"));
        atomic_store(&enough, true);
        for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        int64_t frames = api_health(crowded).wal_bytes_highest / 4120;
        CHECK(frames < 8 * THRESHOLD); /* of some 15; 3 or 4 */
        api_close(crowded);
    }
}

/* A reader that never ends, and comes back at once when it was ended: now by
 * another lease, now by the same one. */
static void *
read_for_ever(void *unused)
{
    (void)unused;
    walpool_lease *lease = api_acquire(crowded, WALPOOL_READ);
    for (int round = 0; !atomic_load(&enough);) {
        if (api_run(lease, "SELECT count(*) FROM u") == WALPOOL_OK) {
            walpool__thread_nap_us(200);
        } else if (round++ % 2) {
            CHECK_OK(walpool_begin(lease, NULL, &err));
        } else {
            CHECK_OK(walpool_release(lease, &err));
            lease = api_acquire(crowded, WALPOOL_READ);
        }
    }
    CHECK_OK(walpool_release(lease, &err));
    return NULL;
}

TEST(checkpointer__keeps_the_ceiling_beside_a_reader_that_comes_back)
{
    enum { CEILING = 2000, COMMITS = 10 * CEILING };
    pthread_t thread;
    atomic_store(&enough, false);
    crowded = open_table("checkpoint_frames=100&wal_ceiling_frames=2000&"
                         "wal_ceiling_policy=interrupt&reader_gate=20");
    CHECK_OK(api_write(crowded, "CREATE TABLE u(b)"));
    CHECK_INT(pthread_create(&thread, NULL, read_for_ever, NULL), 0);
    for (int i = 0; i < COMMITS; i++)
        CHECK_OK(api_write(crowded, "INSERT INTO t VALUES(1)"));
    atomic_store(&enough, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(api_health(crowded).wal_bytes_highest / 4120 < 2 * CEILING);
    CHECK(walpool__stats_get(&behind(crowded)->stats.snapshots_ended) > 2);
    api_close(crowded);
}

static int64_t
oldest_snapshot_ms(walpool *db)
{
    struct walpool__holder oldest =
        walpool__pool_oldest_snapshot(&behind(db)->pool);
    return oldest.since_ns ? walpool__holder_age_ms(&oldest) : -1;
}

TEST(checkpointer__knows_a_snapshot_by_its_own_age)
{
    inside_stop_clock();
    walpool *db = open_table("");
    CHECK_INT(oldest_snapshot_ms(db), -1);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    atomic_fetch_add(&inside_time_ns, 1000000000);
    CHECK_INT(oldest_snapshot_ms(db), 1000);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(oldest_snapshot_ms(db), 0);
    atomic_fetch_add(&inside_time_ns, 3000000);
    CHECK_INT(oldest_snapshot_ms(db), 3);
    CHECK_OK(walpool_release(lease, &err));
    lease = api_acquire(db, WALPOOL_READ);
    atomic_fetch_add(&inside_time_ns, 2000000);
    CHECK_INT(oldest_snapshot_ms(db), 2);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    walpool__clock_replace(NULL);
}

/* Then nothing waits for it, and it is not to blame for what others keep. */
TEST(checkpointer__knows_that_a_lease_whose_begin_failed_has_no_snapshot)
{
    walpool *db = open_table("");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    struct walpool__pool *pool = &behind(db)->pool;
    walpool_call call = {.timeout_ms = 1};
    walpool__waitq_hold(&pool->queue, 0);
    CHECK_STATUS(walpool_begin(lease, &call, &err), WALPOOL_TIMEOUT);
    walpool__waitq_release(&pool->queue);
    CHECK_INT(oldest_snapshot_ms(db), -1);
    CHECK_INT(walpool__pool_ended_count(pool), 1);
    CHECK_STATUS(api_run(lease, "SELECT 1"), WALPOOL_MISUSE);
    CHECK_INT(oldest_snapshot_ms(db), -1);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK(oldest_snapshot_ms(db) >= 0);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

/* The clock stands still: a gate would stay shut for ever. */
TEST(checkpointer__shuts_no_gate_while_a_backup_keeps_the_WAL)
{
    inside_stop_clock();
    walpool *db = open_table("checkpoint_frames=10");
    walpool_backup *backup =
        walpool_backup_start(db, check_path("b.db"), 0, NULL, &err);
    CHECK(backup != NULL);
    atomic_fetch_add(&inside_time_ns, 1000000000);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    insert(db, 6);
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    CHECK_INT(api_health(db).reader_gates, 0);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(walpool_backup_finish(backup, &err));
    api_close(db);
    walpool__clock_replace(NULL);
}

TEST(checkpointer__rests_while_a_reader_keeps_frames_back)
{
    walpool *db = open_table("checkpoint_frames=10");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    int64_t began = check_now_ms();
    insert(db, 300);
    int64_t passed = check_now_ms() - began;
    CHECK(runs(db));
    CHECK(api_health(db).checkpoints <= 3 + passed / 50);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

/* No commit comes to wake it: it must come back by itself. */
TEST(checkpointer__comes_back_for_what_a_reader_kept)
{
    walpool *db = open_table("checkpoint_frames=10");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    insert(db, 30);
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    CHECK(!is_copied(db));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(is_copied(db));
    api_close(db);
}

/* The clock stands still, so a rest would never end by itself. The reader has
 * been there for too long for a gate. */
TEST(checkpointer__stops_at_once_while_it_rests)
{
    inside_stop_clock();
    walpool *db = open_table("checkpoint_frames=10");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    atomic_fetch_add(&inside_time_ns, 1000000000);
    insert(db, 6); /* not so many that commits are held up, too */
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    walpool__clock_replace(NULL);
}

TEST(checkpointer__is_not_started_after_it_was_stopped)
{
    walpool *handle = open_table("checkpoint_frames=10");
    struct walpool__db *db = behind(handle);
    struct walpool__call call;
    walpool__call_begin_own(&call, -1);
    walpool__checkpointer_notice(&db->checkpointer, 9, NULL);
    CHECK(!runs(handle));
    walpool__checkpointer_notice(&db->checkpointer, 10, NULL);
    CHECK(runs(handle));
    walpool__checkpointer_stop(&db->checkpointer);
    CHECK(!runs(handle));
    walpool__checkpointer_notice(&db->checkpointer, 1000, &call);
    CHECK(!runs(handle));
    walpool__checkpointer_stop(&db->checkpointer);
    api_close(handle);
}

TEST(checkpointer__calls_a_lock_of_another_no_failure)
{
    walpool *db = open_table("checkpoint_frames=10");
    sqlite3 *other = raw_open(check_path("a.db"));
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 3;
    raw_exec(other, "BEGIN IMMEDIATE");
    CHECK_STATUS(walpool_checkpoint(db, WALPOOL_FULL_CHECKPOINT, &call, NULL,
                                    &err), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
    CHECK_INT(api_health(db).checkpoint_failures, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    sqlite3_close(other);
    api_close(db);
}

/* -------------------------------------------------------------- when asked */

static walpool_checkpoint_result result;

static walpool_status
ask(walpool *db, walpool_checkpoint_mode mode, int64_t timeout_ms,
    walpool_token *token)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = timeout_ms;
    call.token = token;
    return walpool_checkpoint(db, mode, &call, &result, &err);
}

TEST(checkpoint__waits_in_all_modes_but_PASSIVE)
{
    walpool *db = open_table("");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    insert(db, 5);
    CHECK_OK(ask(db, WALPOOL_PASSIVE, -1, NULL));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    for (int mode = WALPOOL_FULL_CHECKPOINT; mode <= WALPOOL_TRUNCATE; mode++) {
        int64_t began = check_now_ms();
        CHECK_OK(ask(db, mode, 12, NULL));
        CHECK(check_now_ms() - began >= 12);
        CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_PARTIAL);
        CHECK_INT(result.busy, 1);
        CHECK(result.checkpointed_frames < result.log_frames);
    }
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(ask(db, WALPOOL_TRUNCATE, -1, NULL));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(api_health(db).wal_bytes, 0);
    api_close(db);
}

TEST(checkpoint__tells_copied_from_reset)
{
    walpool *db = open_table("");
    insert(db, 5);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(ask(db, WALPOOL_FULL_CHECKPOINT, 5, NULL));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_OK(ask(db, WALPOOL_TRUNCATE, 5, NULL));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_NOT_RESET);
    CHECK_INT(result.log_frames, result.checkpointed_frames);
    CHECK(result.log_frames > 0);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static void *
checkpoint_in_vain(void *db)
{
    CHECK_STATUS(ask(db, WALPOOL_FULL_CHECKPOINT, 50, NULL), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    return NULL;
}

/* All is copied while somebody has the writer, and never gives it away. */
TEST(checkpoint__needs_no_writer_to_copy)
{
    walpool *db = open_table("");
    insert(db, 300);
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK(!is_copied(db));
    api_elsewhere(checkpoint_in_vain, db);
    CHECK(is_copied(db));
    CHECK_INT(in_hand(db), 0);
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

/* What a reader has kept is much when it goes: it is not copied by the step that
 * keeps commits waiting. */
TEST(checkpoint__copies_what_a_reader_kept_without_the_writer)
{
    int64_t most = walpool__policy_most_in_hand(10);
    walpool *db = open_table("checkpoint_frames=10");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(zeroblob(8000000))"));
    CHECK(api_health(db).wal_frames > most);
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    CHECK(api_health(db).wal_frames - api_health(db).wal_frames_checkpointed >
          most);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(is_copied(db));
    CHECK(in_hand(db) <= most);
    api_close(db);
}

/* What the WAL-reset bug leaves: more frames count as copied than there are. */
static void
leave_trace(walpool *handle)
{
    struct walpool__db *db = behind(handle);
    volatile uint32_t *header = (volatile uint32_t *)db->walindex.header;
    CHECK(header != NULL);
    header[24] = header[4] + 100;
}

static int64_t
rows_found(void)
{
    walpool *db = api_open("a.db", "");
    int64_t rows = api_number(db, "SELECT count(*) FROM t");
    CHECK_INT(api_number(db, "SELECT count(*) FROM pragma_integrity_check "
                             "WHERE integrity_check = 'ok'"), 1);
    api_close(db);
    return rows;
}

TEST(checkpoint__finds_the_trace_of_the_WAL_reset_bug)
{
    walpool *db = open_table("");
    insert(db, 20);
    leave_trace(db);
    CHECK_STATUS(ask(db, WALPOOL_PASSIVE, -1, NULL), WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "WAL-reset bug has struck");
    CHECK_STATUS(api_write(db, "INSERT INTO t VALUES(1)"), WALPOOL_POISONED);
    CHECK_STATUS(ask(db, WALPOOL_TRUNCATE, -1, NULL), WALPOOL_POISONED);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    CHECK_CONTAINS(api_health(db).reason, "WAL-reset bug");
    api_close(db);
    CHECK_INT(rows_found(), 20);
}

TEST(checkpoint__is_not_made_by_a_close_that_finds_it)
{
    walpool *db = open_table("");
    insert(db, 20);
    leave_trace(db);
    api_close(db);
    CHECK_INT(rows_found(), 20);
}

/* Writers go on while it waits for readers. */
TEST(checkpoint__does_not_keep_writers_out_while_it_waits)
{
    pthread_t thread;
    walpool *db = open_table("");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(pthread_create(&thread, NULL, insert_much, db), 0);
    CHECK_OK(ask(db, WALPOOL_RESTART, 100, NULL));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(result.busy, 1);
    CHECK_OK(walpool_release(lease, &err));
    CHECK(api_health(db).writer_wait_max_us < 1000000);
    api_close(db);
}

static void *
cancel_elsewhere(void *token)
{
    CHECK_OK(walpool_cancel(token, &err));
    return NULL;
}

TEST(checkpoint__is_cancelled_while_it_waits)
{
    pthread_t thread;
    walpool *db = open_table("");
    walpool_token *token = walpool_token_open(&err);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    insert(db, 5);
    CHECK_INT(pthread_create(&thread, NULL, cancel_elsewhere, token), 0);
    CHECK_STATUS(ask(db, WALPOOL_TRUNCATE, 20000, token), WALPOOL_CANCELLED);
    CHECK_INT(pthread_join(thread, NULL), 0);
    walpool_token_close(token);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static atomic_bool unlock_now;

static void *
checkpoint_of_another(void *path)
{
    sqlite3 *other = raw_open(path);
    sqlite3_file *file = NULL;
    raw_number(other, "SELECT count(*) FROM t");
    sqlite3_file_control(other, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    CHECK_INT(file->pMethods->xShmLock(
                  file, 1, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE),
              SQLITE_OK);
    atomic_store(&unlock_now, false);
    while (!atomic_load(&unlock_now))
        sched_yield();
    file->pMethods->xShmLock(file, 1, 1,
                             SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    sqlite3_close(other);
    return NULL;
}

TEST(checkpoint__waits_for_the_checkpoint_of_another_program)
{
    pthread_t thread;
    char path[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    walpool *db = open_table("");
    insert(db, 5);
    atomic_store(&unlock_now, true);
    CHECK_INT(pthread_create(&thread, NULL, checkpoint_of_another, path), 0);
    CHECK_EVENTUALLY(!atomic_load(&unlock_now));
    CHECK_OK(ask(db, WALPOOL_FULL_CHECKPOINT, 10, NULL));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    atomic_store(&unlock_now, true);
    CHECK_OK(ask(db, WALPOOL_FULL_CHECKPOINT, 20000, NULL));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(pthread_join(thread, NULL), 0);
    api_close(db);
}

TEST(checkpoint__needs_a_mode_and_a_writer)
{
    walpool *db = open_table("");
    CHECK_STATUS(ask(db, (walpool_checkpoint_mode)4, -1, NULL),
                 WALPOOL_MISUSE);
    CHECK_STATUS(ask(db, (walpool_checkpoint_mode)-1, -1, NULL),
                 WALPOOL_MISUSE);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(ask(db, WALPOOL_PASSIVE, -1, NULL), WALPOOL_DEADLOCK);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    db = api_open("a.db", "mode=ro");
    CHECK_STATUS(ask(db, WALPOOL_PASSIVE, -1, NULL), WALPOOL_READONLY);
    api_close(db);
}

CHECK_MAIN()
