/* Several processes on one file: nobody fails, nothing is lost, and waits
 * between processes end and are told as those inside one. */
#include <fcntl.h>

#include "child.h"

#define PROCESSES 4
#define THREADS 3
#define ROUNDS 60

static void
make_counters(void)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(
        db, "CREATE TABLE counter(id INTEGER PRIMARY KEY, n INTEGER)"));
    CHECK_OK(
        api_write(db, "INSERT INTO counter VALUES (1, 0), (2, 0), (3, 0)"));
    CHECK_OK(api_write(
        db, "CREATE TABLE log(id INTEGER PRIMARY KEY, n INTEGER UNIQUE)"));
    api_close(db);
}

/* ------------------------------------------------------- writing together */

struct worker {
    pthread_t thread;
    walpool *db;
    int64_t first; /* numbers for the log, of its own */
};

/* Read, then write what was read plus one: only one transaction at a time may
 * do that. */
static void
count_on_a_lease(walpool *db)
{
    char sql[80];
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    int64_t n = api_lease_number(lease, "SELECT n FROM counter WHERE id = 1");
    snprintf(sql, sizeof sql, "UPDATE counter SET n = %lld WHERE id = 1",
             (long long)n + 1);
    CHECK_OK(api_run(lease, sql));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
}

static void *
work(void *argument)
{
    struct worker *worker = argument;
    char sql[80];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO log(n) VALUES (%lld)",
                 (long long)worker->first + i);
        walpool_statement batch[] = {
            {.sql = "UPDATE counter SET n = n + 1 WHERE id = 3"}, {.sql = sql}};
        count_on_a_lease(worker->db);
        CHECK_OK(
            api_write(worker->db, "UPDATE counter SET n = n + 1 WHERE id = 2"));
        CHECK_OK(walpool_batch(worker->db, batch, 2, NULL, NULL, NULL, &err));
        CHECK(api_number(worker->db, "SELECT n FROM counter WHERE id = 1") > 0);
    }
    return NULL;
}

static void
work_with(const char *options, int number)
{
    struct worker workers[THREADS];
    walpool *db = api_open("a.db", options);
    for (int i = 0; i < THREADS; i++) {
        workers[i] =
            (struct worker){.db = db, .first = (number * THREADS + i) * ROUNDS};
        CHECK_INT(pthread_create(&workers[i].thread, NULL, work, &workers[i]),
                  0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    CHECK_INT(api_health(db).errors, 0);
    api_close(db);
}

static void
work_in_threads(int number)
{
    work_with("busy_timeout=50000&checkpoint_frames=50", number);
}

/* Every second process: they live beside others. */
static void
share_in_threads(int number)
{
    if (number % 2 == 0)
        work_in_threads(number);
    else
        work_with("busy_timeout=50000&checkpoint_frames=50&coalesce=5",
                  number);
}

static void
write_together(void (*run)(int))
{
    struct child children[PROCESSES];
    int64_t all = PROCESSES * THREADS * ROUNDS;
    make_counters();
    for (int i = 0; i < PROCESSES; i++)
        children[i] = child_start(run, i);
    for (int i = 0; i < PROCESSES; i++)
        child_join(&children[i]);
    /* Of two that close at once each may take the other for one that stays:
     * then the next one cleans up. */
    if (access(check_path("a.db-wal"), F_OK) == 0)
        api_close(api_open("a.db", ""));
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    walpool *db = api_open("a.db", "");
    for (int id = 1; id <= 3; id++) {
        char sql[60];
        snprintf(sql, sizeof sql, "SELECT n FROM counter WHERE id = %d", id);
        CHECK_INT(api_number(db, sql), all);
    }
    CHECK_INT(api_number(db, "SELECT count(*) FROM log"), all);
    CHECK_INT(api_number(db, "SELECT max(n) FROM log"), all - 1);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
}

TEST(processes__write_together_without_an_error_and_sums_are_exact)
{
    write_together(work_in_threads);
}

TEST(processes__may_share_transactions_among_their_threads)
{
    write_together(share_in_threads);
}

static void
open_and_write(int number)
{
    char sql[60];
    walpool *db = api_open("new.db", "busy_timeout=50000");
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d)", number);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(v)"));
    CHECK_OK(api_write(db, sql));
    api_close(db);
}

TEST(processes__open_a_new_file_at_once_and_all_succeed)
{
    struct child children[8];
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < 8; i++)
            children[i] = child_start(open_and_write, i);
        for (int i = 0; i < 8; i++)
            child_join(&children[i]);
        walpool *db = api_open("new.db", "");
        CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 8);
        api_close(db);
        CHECK_INT(unlink(check_path("new.db")), 0);
    }
}

/* ----------------------------------------------------- waiting for another */

static void
hold_the_writer(int number)
{
    (void)number;
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "UPDATE counter SET n = 1000 WHERE id = 1"));
    child_tell(1);
    child_wait();
    CHECK_OK(walpool_rollback(lease, &err));
    CHECK_OK(walpool_release(lease, &err));
    child_wait();
    api_close(db);
}

/* The error says which process was waited for. */
static void
check_names(const struct child *child, const char *does)
{
    char want[80];
    snprintf(want, sizeof want, "process %d (test_processes) %s",
             (int)child->pid, does);
    CHECK_CONTAINS(err.message, want);
}

TEST(processes__a_wait_for_another_process_ends_at_the_deadline_in_phase_turn)
{
    walpool_statement update = {.sql = "UPDATE counter SET n = 7 WHERE id = 1"};
    walpool_call call = WALPOOL_CALL_INIT;
    make_counters();
    struct child child = child_start(hold_the_writer, 0);
    CHECK_INT(child_hear(&child), 1);
    walpool *db = api_open("a.db", "busy_timeout=20000");
    CHECK_INT(api_number(db, "SELECT n FROM counter WHERE id = 1"), 0);
    for (int timeout = 0; timeout <= 50; timeout += 50) {
        int64_t began = check_now_ms();
        call.timeout_ms = timeout;
        CHECK_STATUS(walpool_write(db, &update, &call, NULL, &err),
                     WALPOOL_TIMEOUT);
        CHECK(check_now_ms() - began >= timeout);
        CHECK_INT(err.phase, WALPOOL_PHASE_TURN);
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
        check_names(&child, "writes");
        CHECK(walpool_acquire(db, WALPOOL_WRITE, &call, &err) == NULL);
        CHECK_INT(err.status, WALPOOL_TIMEOUT);
        CHECK_INT(err.phase, WALPOOL_PHASE_TURN);
    }
    child_go_on(&child);
    CHECK_OK(walpool_write(db, &update, NULL, NULL, &err));
    CHECK_INT(api_number(db, "SELECT n FROM counter WHERE id = 1"), 7);
    child_go_on(&child);
    child_join(&child);
    api_close(db);
}

static walpool_token *token;
static walpool *waiting_db;

static void *
wait_for_the_writer(void *argument)
{
    walpool_statement update = {.sql = "UPDATE counter SET n = 7 WHERE id = 1"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.token = token;
    call.timeout_ms = 50000;
    *(walpool_status *)argument =
        walpool_write(waiting_db, &update, &call, NULL, &err);
    return NULL;
}

TEST(processes__a_wait_for_another_process_is_cancelled)
{
    pthread_t thread;
    walpool_status status;
    make_counters();
    struct child child = child_start(hold_the_writer, 0);
    CHECK_INT(child_hear(&child), 1);
    waiting_db = api_open("a.db", "");
    token = walpool_token_open(&err);
    CHECK_INT(pthread_create(&thread, NULL, wait_for_the_writer, &status), 0);
    CHECK_EVENTUALLY(api_health(waiting_db).turn_waits > 0);
    CHECK_OK(walpool_cancel(token, &err));
    pthread_join(thread, NULL);
    CHECK_INT(status, WALPOOL_CANCELLED);
    walpool_token_close(token);
    token = NULL;
    child_go_on(&child);
    child_go_on(&child);
    child_join(&child);
    api_close(waiting_db);
}

/* A program that knows SQLite but not the turn: it takes the write lock as
 * SQLite does, by the byte that sqlite.org/walformat.html names. */
static void
take_the_write_lock(int number)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)number;
    lock.l_start = 120;
    lock.l_len = 1;
    int fd = open(check_path("a.db-shm"), O_RDWR);
    CHECK(fd >= 0);
    child_wait();
    CHECK_INT(fcntl(fd, F_SETLK, &lock), 0);
    child_tell(1);
    child_wait();
    close(fd);
}

TEST(processes__a_foreign_program_is_waited_for_in_phase_lock)
{
    walpool_statement update = {.sql = "UPDATE counter SET n = 7 WHERE id = 1"};
    walpool_call call = WALPOOL_CALL_INIT;
    pthread_t thread;
    walpool_status status = WALPOOL_INTERNAL;
    make_counters();
    struct child holder = child_start(hold_the_writer, 0);
    CHECK_INT(child_hear(&holder), 1);
    struct child foreign = child_start(take_the_write_lock, 0);
    waiting_db = api_open("a.db", "");
    child_go_on(&holder);
    CHECK_OK(walpool_write(waiting_db, &update, NULL, NULL, &err));
    child_go_on(&foreign);
    CHECK_INT(child_hear(&foreign), 1);
    for (call.timeout_ms = 0; call.timeout_ms <= 50; call.timeout_ms += 50) {
        CHECK_STATUS(walpool_write(waiting_db, &update, &call, NULL, &err),
                     WALPOOL_TIMEOUT);
        CHECK_INT(err.phase, WALPOOL_PHASE_LOCK);
        CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
        check_names(&foreign, "has the lock");
    }
    int64_t waits = api_health(waiting_db).lock_waits;
    CHECK_INT(pthread_create(&thread, NULL, wait_for_the_writer, &status), 0);
    CHECK_EVENTUALLY(api_health(waiting_db).lock_waits > waits);
    child_go_on(&foreign);
    pthread_join(thread, NULL);
    CHECK_INT(status, WALPOOL_OK);
    child_join(&foreign);
    child_go_on(&holder);
    child_join(&holder);
    api_close(waiting_db);
}

/* ------------------------------------------------------- readers elsewhere */

static void
hold_a_snapshot(int number)
{
    (void)number;
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(api_lease_number(lease, "SELECT n FROM counter WHERE id = 1"), 0);
    child_tell(1);
    child_wait();
    CHECK_INT(api_lease_number(lease, "SELECT n FROM counter WHERE id = 1"), 0);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(api_lease_number(lease, "SELECT n FROM counter WHERE id = 1"), 5);
    CHECK_OK(walpool_release(lease, &err));
    child_tell(2);
    child_wait();
    api_close(db);
}

TEST(processes__a_snapshot_elsewhere_keeps_frames_back_and_the_wal_alive)
{
    walpool_checkpoint_result result;
    walpool_call call = WALPOOL_CALL_INIT;
    make_counters();
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "UPDATE counter SET n = 0 WHERE id = 1"));
    api_close(db);
    struct child child = child_start(hold_a_snapshot, 0);
    CHECK_INT(child_hear(&child), 1);
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "UPDATE counter SET n = 5 WHERE id = 1"));
    call.timeout_ms = 20;
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, &call, &result, &err));
    CHECK(result.outcome != WALPOOL_CHECKPOINT_COMPLETE);
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 2);
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    api_close(db);
    CHECK_INT(access(check_path("a.db-wal"), F_OK), 0);
    child_go_on(&child);
    child_join(&child);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

CHECK_MAIN()
