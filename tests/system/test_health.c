/* Health while others are at work: it waits for none of them, takes no read
 * mark, and names the process that is in the way. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "child.h"

static walpool *db;

/* ------------------------------------------------------- other processes */

static void
run_sql(sqlite3 *raw, const char *sql)
{
    CHECK_INT(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* A program that knows nothing of turns: a transaction, until told to go. */
static void
hold(int writes)
{
    sqlite3 *raw;
    CHECK_INT(sqlite3_open(check_path("a.db"), &raw), SQLITE_OK);
    run_sql(raw, writes ? "BEGIN IMMEDIATE" : "BEGIN; SELECT count(*) FROM t");
    child_tell(1);
    child_wait();
    sqlite3_close(raw);
}

/* The child is forked before this process opens the file. */
static struct child
open_beside(int writes, const char *options)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    struct child child = child_start(hold, writes);
    CHECK_INT(child_hear(&child), 1);
    db = api_open("a.db", options);
    return child;
}

static void
end_beside(struct child *child)
{
    child_go_on(child);
    child_join(child);
}

static void *
write_patiently(void *unused)
{
    walpool_statement statement = {.sql = "INSERT INTO t VALUES (1)"};
    walpool_call call = WALPOOL_CALL_INIT;
    (void)unused;
    call.timeout_ms = 60000;
    CHECK_OK(walpool_write(db, &statement, &call, NULL, &err));
    return NULL;
}

TEST(health__names_the_process_that_keeps_writers_out)
{
    char name[64];
    pthread_t thread;
    struct child child = open_beside(true, "");
    snprintf(name, sizeof name, "process %lld ", (long long)child.pid);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_INT(pthread_create(&thread, NULL, write_patiently, NULL), 0);
    CHECK_EVENTUALLY(api_health(db).reasons ==
                     1 << WALPOOL_REASON_WRITER_STUCK);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(api_health(db).reason, name);
    end_beside(&child);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_EVENTUALLY(api_health(db).reasons == 0);
    api_close(db);
}

TEST(health__names_the_process_that_pins_the_WAL)
{
    char name[64];
    struct child child = open_beside(false, "checkpoint_frames=2");
    snprintf(name, sizeof name, "process %lld ", (long long)child.pid);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(400000))"));
    CHECK_EVENTUALLY(api_health(db).pin_pid == child.pid);
    walpool_health health = api_health(db);
    CHECK(health.pin_frames >= 0);
    CHECK_INT(health.pin_age_us, 0);
    CHECK(health.reasons & 1 << WALPOOL_REASON_WAL_PINNED);
    CHECK_CONTAINS(health.reason, name);
    end_beside(&child);
    CHECK_EVENTUALLY(api_health(db).pin_frames == -1);
    api_close(db);
}

/* ------------------------------------------------------------ no read mark */

/* Health asks the system anew when its answers are 100 ms old: several times. */
enum { WATCHED_MS = 350 };

/* Nothing but health, until told to go. */
static void
look_all_the_time(int unused)
{
    (void)unused;
    db = api_open("a.db", "");
    child_tell(1);
    for (int64_t end = check_now_ms() + WATCHED_MS; check_now_ms() < end;)
        api_health(db);
    child_tell(2);
    child_wait();
    api_close(db);
}

static bool
is_locked(int fd, int first, int count)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    lock.l_start = first;
    lock.l_len = count;
    CHECK_INT(fcntl(fd, F_GETLK, &lock), 0);
    return lock.l_type != F_UNLCK;
}

TEST(health__takes_no_read_mark_as_another_process_sees_it)
{
    enum { READ_MARKS = 123, OPEN = 128 };
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
    struct child child = child_start(look_all_the_time, 0);
    CHECK_INT(child_hear(&child), 1);
    int fd = open(check_path("a.db-shm"), O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    for (int64_t end = check_now_ms() + WATCHED_MS; check_now_ms() < end;)
        CHECK(!is_locked(fd, READ_MARKS, 5));
    CHECK(is_locked(fd, OPEN, 1)); /* that is how a lock looks */
    CHECK_INT(child_hear(&child), 2);
    CHECK(!is_locked(fd, READ_MARKS, 5));
    close(fd);
    end_beside(&child);
}

/* ------------------------------------------------------------ many threads */

static atomic_bool over;

static void *
look(void *unused)
{
    char text[16384];
    int64_t writes = 0;
    (void)unused;
    while (!atomic_load(&over)) {
        walpool_health health = api_health(db);
        CHECK(health.writes >= writes);
        writes = health.writes;
        CHECK(health.wal_frames_checkpointed <= health.wal_frames ||
              health.wal_frames < 100); /* read while it starts anew */
        CHECK_OK(walpool_health_json(db, text, sizeof text, NULL, &err));
        walpool_metrics(db, text, sizeof text, NULL, &err);
    }
    return NULL;
}

static void *
work(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(3000))"));
        CHECK(api_number(db, "SELECT count(*) FROM t") > 0);
        walpool_lease *lease = api_acquire(db, WALPOOL_READ);
        CHECK_OK(walpool_release(lease, &err));
        CHECK_OK(walpool_probe(db, NULL, NULL, &err));
    }
    return NULL;
}

TEST(health__is_taken_by_many_threads_while_others_work)
{
    pthread_t lookers[3], workers[3];
    atomic_store(&over, false);
    db = api_open("a.db", "checkpoint_frames=20&busy_timeout=60000");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pthread_create(&lookers[i], NULL, look, NULL), 0);
        CHECK_INT(pthread_create(&workers[i], NULL, work, NULL), 0);
    }
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_join(workers[i], NULL), 0);
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_join(lookers[i], NULL), 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_INT(api_health(db).writes, 1 + 300 + 300);
    api_close(db);
}

CHECK_MAIN()
