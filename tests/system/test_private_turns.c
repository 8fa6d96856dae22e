/* Private connections of several processes: they take turns like everybody,
 * nobody meets a locked database, and who is killed frees what it had. */
#include "child.h"

#define PROCESSES 2
#define THREADS 3
#define ROUNDS 60

static void
make_counter(void)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE counter(n)"));
    CHECK_OK(api_write(db, "INSERT INTO counter VALUES (0)"));
    api_close(db);
}

static int64_t
count(void)
{
    walpool *db = api_open("a.db", "");
    int64_t n = api_number(db, "SELECT n FROM counter");
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
    return n;
}

/* One step in each way that a driver has. */
static void
step(walpool_lease *lease, int round)
{
    char sql[80];
    if (round % 3 == 0) {
        CHECK_OK(api_run(lease, "UPDATE counter SET n = n + 1"));
    } else if (round % 3 == 1) {
        CHECK_OK(api_run(lease, "BEGIN IMMEDIATE"));
        snprintf(sql, sizeof sql, "UPDATE counter SET n = %lld",
                 (long long)api_lease_number(lease, "SELECT n FROM counter") +
                     1);
        CHECK_OK(api_run(lease, sql));
        CHECK_OK(api_run(lease, "COMMIT"));
    } else {
        CHECK_OK(walpool_savepoint(lease, &err));
        CHECK_OK(api_run(lease, "UPDATE counter SET n = n + 1"));
        CHECK_OK(walpool_commit(lease, NULL, &err));
    }
}

static void *
step_on_a_lease(void *db)
{
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    for (int round = 0; round < ROUNDS; round++)
        step(lease, round);
    CHECK_OK(walpool_release(lease, &err));
    return NULL;
}

static void *
step_on_the_pool(void *db)
{
    for (int round = 0; round < ROUNDS; round++)
        CHECK_OK(api_write(db, "UPDATE counter SET n = n + 1"));
    return NULL;
}

static void
step_in_threads(int number)
{
    pthread_t threads[THREADS];
    walpool *db = api_open("a.db", "busy_timeout=50000&checkpoint_frames=50");
    (void)number;
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL,
                                 i ? step_on_a_lease : step_on_the_pool, db),
                  0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(api_health(db).errors, 0);
    api_close(db);
}

TEST(private__of_several_processes_meet_no_locked_database)
{
    struct child children[PROCESSES];
    make_counter();
    for (int i = 0; i < PROCESSES; i++)
        children[i] = child_start(step_in_threads, i);
    for (int i = 0; i < PROCESSES; i++)
        child_join(&children[i]);
    CHECK_INT(count(), PROCESSES * THREADS * ROUNDS);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

/* Holds the writer until it is told to go on. */
static void
hold(int number)
{
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_OK(api_run(lease, "BEGIN"));
    CHECK_OK(api_run(lease, "UPDATE counter SET n = n + 1"));
    child_tell(number);
    child_wait();
    CHECK_OK(api_run(lease, "COMMIT"));
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static walpool_status
step_within(walpool_lease *lease, int64_t timeout_ms)
{
    walpool_statement update = {.sql = "UPDATE counter SET n = n + 1"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = timeout_ms;
    return walpool_run(lease, &update, &call, NULL, &err);
}

TEST(private__has_the_turn_and_others_wait_for_it)
{
    make_counter();
    struct child child = child_start(hold, 1);
    CHECK_INT(child_hear(&child), 1);
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_STATUS(step_within(lease, 30), WALPOOL_TIMEOUT);
    CHECK_INT(err.phase, WALPOOL_PHASE_TURN);
    CHECK_INT(api_lease_number(lease, "SELECT n FROM counter"), 0);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    child_go_on(&child);
    CHECK_OK(step_within(lease, 50000));
    child_join(&child);
    CHECK_INT(api_lease_number(lease, "SELECT n FROM counter"), 2);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(private__of_a_killed_process_has_nothing_any_more)
{
    make_counter();
    struct child child = child_start(hold, 1);
    CHECK_INT(child_hear(&child), 1);
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_PRIVATE);
    child_kill(&child);
    CHECK_OK(step_within(lease, 50000));
    CHECK_INT(api_lease_number(lease, "SELECT n FROM counter"), 1);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

CHECK_MAIN()
