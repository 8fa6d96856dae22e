/* The ceiling of the WAL: who keeps it above, and what each policy does. */
#include <stdbool.h>

#include "api.h"

static walpool *db;
static walpool_checkpoint_result result;

static const char row[] = "INSERT INTO t VALUES(zeroblob(3000))";
static const char forever[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n WHERE i > (SELECT count(*) FROM t)";

static walpool_lease *
acquire_as(const char *why)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = why;
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, &call, &err);
    CHECK(lease != NULL);
    return lease;
}

static walpool_status
write_within(int64_t timeout_ms, walpool_token *token)
{
    walpool_statement statement = {.sql = row};
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = timeout_ms;
    call.token = token;
    return walpool_write(db, &statement, &call, NULL, &err);
}

/* A small ceiling, and a database with a table. */
static void
begin(const char *policy)
{
    char options[200];
    snprintf(options, sizeof options,
             "checkpoint_frames=10&wal_ceiling_frames=20&reader_gate=20&"
             "wal_ceiling_policy=%s", policy);
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    CHECK_INT(api_health(db).wal_ceiling_frames, 20);
    CHECK_INT(api_health(db).wal_over_ceiling, 0);
}

/* Write some thirty frames, and wait until the checkpointer has seen that it is
 * over; a write may be refused or wait by then. */
static void
rise(void)
{
    for (int i = 0; i < 10 && api_health(db).wal_over_ceiling == 0; i++)
        write_within(200, NULL);
    CHECK_EVENTUALLY(api_health(db).wal_over_ceiling == 1);
}

static bool
is_below(void)
{
    return api_health(db).wal_over_ceiling == 0;
}

TEST(ceiling__is_sixteen_thresholds_by_default)
{
    db = api_open("a.db", "checkpoint_frames=100");
    CHECK_INT(api_health(db).wal_ceiling_frames, 1600);
    api_close(db);
    db = api_open("a.db", "wal_ceiling_frames=0");
    CHECK_INT(api_health(db).wal_ceiling_frames, 0);
    api_close(db);
}

TEST(ceiling__refuses_options_that_contradict_each_other)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.wal_ceiling_frames = 999;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "wal_ceiling_frames is 999");
    CHECK_CONTAINS(err.message, "checkpoint_frames");
    options.wal_ceiling_frames = -1;
    options.wal_ceiling_policy = 2;
    options.checkpoint_owner = 1;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_OPTION);
    CHECK_CONTAINS(err.message, "wal_ceiling_policy");
    CHECK_CONTAINS(err.message, "checkpoint_owner");
    char name[600]; /* what a DSN says is seen, too */
    snprintf(name, sizeof name, "file:%s?checkpoint_frames=30&"
             "wal_ceiling_frames=20", check_path("a.db"));
    CHECK_NULL(walpool_open(name, NULL, &err), WALPOOL_OPTION);
}

TEST(ceiling__warns_and_names_who_keeps_it)
{
    begin("warn");
    walpool_lease *lease = acquire_as("monthly report");
    rise();
    walpool_health health = api_health(db);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(health.reason, "wal_ceiling_frames=20");
    CHECK_CONTAINS(health.reason, "monthly report (this process)");
    CHECK_OK(api_write(db, row));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(is_below());
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(ceiling__lets_a_long_WAL_be_that_nobody_keeps)
{
    begin("fail");
    for (int i = 0; i < 200; i++)
        CHECK_OK(api_write(db, row));
    CHECK_INT(api_health(db).wal_over_ceiling, 0);
    api_close(db);
}

/* -------------------------------------------------------------------- fail */

TEST(ceiling__refuses_writes_and_names_who_keeps_it)
{
    begin("fail");
    walpool_lease *lease = acquire_as("monthly report");
    rise();
    CHECK_STATUS(api_write(db, row), WALPOOL_CEILING);
    CHECK_CONTAINS(err.message, "wal_ceiling_policy is fail");
    CHECK_CONTAINS(err.message, "wal_ceiling_frames=20");
    CHECK_CONTAINS(err.message, "monthly report (this process) keeps");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_NULL(walpool_acquire(db, WALPOOL_WRITE, NULL, &err),
               WALPOOL_CEILING);
    walpool_lease *private = walpool_acquire(db, WALPOOL_PRIVATE, NULL, &err);
    CHECK_STATUS(api_run(private, row), WALPOOL_CEILING);
    CHECK_OK(walpool_release(private, &err));
    CHECK_STATUS(walpool_restore(db, check_path("b.db"), NULL, &err),
                 WALPOOL_CEILING);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    CHECK(api_number(db, "SELECT count(*) FROM t") > 0);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(api_write(db, row) == WALPOOL_OK);
    api_close(db);
}

TEST(ceiling__lets_a_transaction_go_on_that_has_begun)
{
    begin("fail");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(writer, row));
    CHECK_OK(walpool_commit(writer, NULL, &err));
    walpool_lease *lease = acquire_as("report");
    CHECK_OK(walpool_begin(writer, NULL, &err));
    for (int i = 0; i < 40; i++)
        CHECK_OK(api_run(writer, row));
    CHECK_OK(walpool_commit(writer, NULL, &err));
    CHECK_EVENTUALLY(api_health(db).wal_over_ceiling == 1);
    CHECK_STATUS(walpool_begin(writer, NULL, &err), WALPOOL_CEILING);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_EVENTUALLY(walpool_begin(writer, NULL, &err) == WALPOOL_OK);
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

/* ------------------------------------------------------------ backpressure */

TEST(ceiling__makes_writes_wait_to_their_deadline)
{
    begin("backpressure");
    walpool_lease *lease = acquire_as("monthly report");
    rise();
    CHECK_STATUS(write_within(0, NULL), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_CEILING);
    CHECK_STATUS(write_within(30, NULL), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_CEILING);
    CHECK_CONTAINS(err.message, "30 ms");
    CHECK_CONTAINS(err.message, "waiting for the WAL to get shorter");
    CHECK_CONTAINS(err.message, "wal_ceiling_frames=20");
    CHECK_CONTAINS(err.message, "monthly report (this process) keeps");
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(write_within(20000, NULL));
    CHECK_EVENTUALLY(is_below());
    api_close(db);
}

static atomic_bool waits;
static walpool_status waited;
static walpool_token *token;

static void
note_wait(void *unused)
{
    (void)unused;
    atomic_store(&waits, true);
}

static void *
write_and_wait(void *unused)
{
    walpool_statement statement = {.sql = row};
    walpool_call call = WALPOOL_CALL_INIT;
    (void)unused;
    call.timeout_ms = 20000;
    call.token = token;
    call.leave = note_wait;
    waited = walpool_write(db, &statement, &call, NULL, &err);
    return NULL;
}

static pthread_t
start_waiting(void)
{
    pthread_t thread;
    atomic_store(&waits, false);
    CHECK_INT(pthread_create(&thread, NULL, write_and_wait, NULL), 0);
    CHECK_EVENTUALLY(atomic_load(&waits));
    return thread;
}

TEST(ceiling__wakes_writes_when_it_is_below)
{
    begin("backpressure");
    walpool_lease *lease = acquire_as("report");
    token = NULL;
    rise();
    pthread_t thread = start_waiting();
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(waited, WALPOOL_OK);
    api_close(db);
}

TEST(ceiling__is_no_place_where_a_cancel_is_lost)
{
    begin("backpressure");
    walpool_lease *lease = acquire_as("report");
    token = walpool_token_open(&err);
    rise();
    pthread_t thread = start_waiting();
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(waited, WALPOOL_CANCELLED);
    walpool_token_close(token);
    token = NULL;
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static void *
close_and_wait(void *unused)
{
    (void)unused;
    CHECK_OK(walpool_close(db, 20000, &err));
    return NULL;
}

/* Who waited is served or turned away, while the close waits for a lease. */
TEST(ceiling__lets_nobody_wait_through_a_close)
{
    pthread_t closing;
    begin("backpressure");
    walpool_lease *lease = acquire_as("report");
    rise();
    pthread_t thread = start_waiting();
    CHECK_INT(pthread_create(&closing, NULL, close_and_wait, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(waited == WALPOOL_OK || waited == WALPOOL_CLOSED);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(pthread_join(closing, NULL), 0);
}

TEST(ceiling__holds_again_when_a_close_has_given_up)
{
    begin("backpressure");
    walpool_lease *lease = acquire_as("report");
    rise();
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_TIMEOUT);
    CHECK_STATUS(write_within(0, NULL), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_CEILING);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(ceiling__tells_who_holds_the_writer_before_it_waits)
{
    begin("backpressure");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_rollback(writer, &err));
    walpool_lease *lease = acquire_as("report");
    CHECK_OK(walpool_begin(writer, NULL, &err));
    for (int i = 0; i < 40; i++)
        CHECK_OK(api_run(writer, row));
    CHECK_OK(walpool_commit(writer, NULL, &err));
    CHECK_EVENTUALLY(api_health(db).wal_over_ceiling == 1);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(walpool_begin(writer, NULL, &err));
    CHECK_STATUS(write_within(20000, NULL), WALPOOL_DEADLOCK);
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

/* --------------------------------------------------------------- interrupt */

TEST(ceiling__ends_the_snapshot_of_an_old_lease)
{
    begin("interrupt");
    walpool_lease *lease = acquire_as("report");
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_rollback(writer, &err));
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 0);
    for (int i = 0; i < 60; i++)
        CHECK_OK(api_write(db, row));
    CHECK_EVENTUALLY(api_run(lease, "SELECT 1") == WALPOOL_STALE);
    CHECK_CONTAINS(err.message, "wal_ceiling_policy is interrupt");
    CHECK_STATUS(api_run(lease, "SELECT 1"), WALPOOL_STALE);
    CHECK_EVENTUALLY(is_below());
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 60);
    CHECK_OK(walpool_begin(writer, NULL, &err));
    CHECK_OK(api_run(writer, row));
    CHECK_OK(walpool_commit(writer, NULL, &err));
    CHECK_OK(walpool_release(writer, &err));
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static walpool_rows rows;

/* A result of many blocks, of which one was read. */
static walpool_cursor *
open_cursor(walpool_lease *lease)
{
    walpool_statement statement = {
        .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
               "LIMIT 1000000) SELECT i, (SELECT count(*) FROM t) FROM n"};
    walpool_rows_init(&rows);
    CHECK_OK(lease ? walpool_run(lease, &statement, NULL, &rows, &err)
                   : walpool_read(db, &statement, NULL, &rows, &err));
    return api_cursor(&rows);
}

TEST(ceiling__ends_the_snapshot_of_an_old_cursor)
{
    begin("interrupt");
    walpool_cursor *cursor = open_cursor(NULL);
    for (int i = 0; i < 60; i++)
        CHECK_OK(api_write(db, row));
    CHECK_EVENTUALLY(api_write(db, row) == WALPOOL_OK &&
                     api_health(db).wal_frames < 20);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_STALE);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_CLOSED);
    CHECK_INT(api_health(db).readers_leased, 0);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(ceiling__ends_the_cursors_of_an_old_lease_with_it)
{
    begin("interrupt");
    walpool_lease *lease = acquire_as("report");
    walpool_cursor *cursor = open_cursor(lease);
    for (int i = 0; i < 60; i++)
        CHECK_OK(api_write(db, row));
    CHECK_EVENTUALLY(api_run(lease, "SELECT 1") == WALPOOL_STALE);
    CHECK_STATUS(walpool_begin(lease, NULL, &err), WALPOOL_BUSY);
    CHECK_STATUS(walpool_cursor_next(cursor, NULL, &rows, &err),
                 WALPOOL_STALE);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 60);
    CHECK_OK(walpool_release(lease, &err));
    walpool_rows_finish(&rows);
    api_close(db);
}

static void *
read_for_ever(void *lease)
{
    walpool_statement statement = {.sql = forever};
    waited = lease ? walpool_run(lease, &statement, NULL, NULL, &err)
                   : walpool_read(db, &statement, NULL, NULL, &err);
    return NULL;
}

TEST(ceiling__stops_a_statement_that_runs)
{
    pthread_t thread;
    begin("interrupt");
    CHECK_INT(pthread_create(&thread, NULL, read_for_ever, NULL), 0);
    CHECK_EVENTUALLY(api_health(db).readers_leased == 1);
    while (api_health(db).readers_leased == 1)
        CHECK_OK(api_write(db, row));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(waited, WALPOOL_STALE);
    CHECK_EVENTUALLY(is_below());
    CHECK_INT(api_health(db).readers_leased, 0);
    api_close(db);
}

static void *
read_for_ever_and_tell(void *lease)
{
    read_for_ever(lease);
    atomic_store(&waits, true);
    return NULL;
}

TEST(ceiling__stops_a_statement_that_runs_on_a_lease)
{
    pthread_t thread;
    begin("interrupt");
    walpool_lease *lease = acquire_as("report");
    atomic_store(&waits, false);
    CHECK_INT(pthread_create(&thread, NULL, read_for_ever_and_tell, lease), 0);
    while (!atomic_load(&waits))
        CHECK_OK(api_write(db, row));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(waited, WALPOOL_STALE);
    CHECK_STATUS(api_run(lease, "SELECT 1"), WALPOOL_STALE);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_OK(api_run(lease, "SELECT 1"));
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(ceiling__only_names_a_private_lease)
{
    begin("interrupt");
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = "own connection";
    walpool_lease *private = walpool_acquire(db, WALPOOL_PRIVATE, &call, &err);
    CHECK_OK(api_run(private, "BEGIN"));
    CHECK_OK(api_run(private, "SELECT count(*) FROM t"));
    rise();
    CHECK_CONTAINS(api_health(db).reason, "own connection (this process)");
    CHECK_OK(api_run(private, "SELECT count(*) FROM t"));
    CHECK_OK(walpool_release(private, &err));
    CHECK_EVENTUALLY(is_below());
    api_close(db);
}

/* ---------------------------------------------------------------- external */

TEST(checkpoint_owner__external_leaves_the_WAL_alone)
{
    struct stat facts;
    db = api_open("a.db", "checkpoint_frames=10&checkpoint_owner=external");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    for (int i = 0; i < 200; i++)
        CHECK_OK(api_write(db, row));
    walpool_health health = api_health(db);
    CHECK_INT(health.checkpoint_external, 1);
    CHECK_INT(health.checkpoints, 0);
    CHECK_INT(health.wal_frames_checkpointed, 0);
    CHECK_INT(health.wal_over_ceiling, 1);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(health.reason, "checkpoint_owner is external");
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++) {
        CHECK_STATUS(walpool_checkpoint(db, (walpool_checkpoint_mode)mode, NULL,
                                        &result, &err), WALPOOL_REFUSED);
        CHECK_CONTAINS(err.message, "checkpoint_owner=external");
    }
    int64_t bytes = api_health(db).wal_bytes;
    CHECK(bytes > 200 * 4096);
    api_close(db);
    CHECK_INT(stat(check_path("a.db-wal"), &facts), 0);
    CHECK_INT(facts.st_size, bytes);
    db = api_open("a.db", ""); /* and all of it is still there */
    CHECK_INT(api_health(db).checkpoint_external, 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 200);
    api_close(db);
    CHECK(stat(check_path("a.db-wal"), &facts) != 0);
}

/* ------------------------------------------------------- who is in the way */

TEST(checkpoint__tells_the_lease_that_is_in_the_way)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(b)"));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, &result, &err));
    CHECK_INT(result.pinned_pid, 0);
    CHECK_INT(result.pinned_frame, 0);
    CHECK_STR(result.pinned_why, "");
    CHECK_OK(api_write(db, row));
    int64_t frames = api_health(db).wal_frames;
    walpool_lease *old = acquire_as("old report");
    CHECK_OK(api_write(db, row));
    walpool_lease *newer = acquire_as("new report");
    CHECK_OK(api_write(db, row));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    CHECK_INT(result.pinned_pid, getpid());
    CHECK_INT(result.pinned_frame, frames);
    CHECK_STR(result.pinned_why, "old report");
    CHECK_OK(walpool_release(old, &err));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    CHECK_STR(result.pinned_why, "new report");
    CHECK_OK(walpool_release(newer, &err));
    walpool_lease *newest = acquire_as("newest report");
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 0;
    CHECK_OK(walpool_checkpoint(db, WALPOOL_RESTART, &call, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_NOT_RESET);
    CHECK_STR(result.pinned_why, "newest report");
    CHECK_INT(result.pinned_frame, result.log_frames);
    CHECK_OK(walpool_release(newest, &err));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_RESTART, &call, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(result.pinned_pid, 0);
    api_close(db);
}

CHECK_MAIN()
