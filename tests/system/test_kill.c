/* SIGKILL at any moment: what was acknowledged is there, what was not
 * committed is not, and the others go on at once. */
#include "child.h"

/* Insert 1, 2, 3 ... and tell each number when it is acknowledged. */
static void
insert_and_tell(const char *options)
{
    char sql[60];
    walpool *db = api_open("a.db", options);
    for (int64_t n = 1;; n++) {
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%lld)", (long long)n);
        CHECK_OK(api_write(db, sql));
        child_tell(n);
    }
}

static void
insert_normally(int number)
{
    (void)number;
    insert_and_tell("checkpoint_frames=20");
}

static void
insert_fully(int number)
{
    (void)number;
    insert_and_tell("durability=full&checkpoint_frames=20");
}

/* In two statements, so that a kill can strike between them. */
static void
insert_on_leases(int number)
{
    char sql[60];
    (void)number;
    walpool *db = api_open("a.db", "checkpoint_frames=20");
    for (int64_t n = 1;; n++) {
        walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%lld)", (long long)n);
        CHECK_OK(api_run(lease, sql));
        CHECK_OK(api_run(lease, "INSERT INTO half VALUES (1)"));
        CHECK_OK(walpool_commit(lease, NULL, &err));
        CHECK_OK(walpool_release(lease, &err));
        child_tell(n);
    }
}

static void
make_table(void)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "DROP TABLE IF EXISTS t"));
    CHECK_OK(api_write(db, "DROP TABLE IF EXISTS half"));
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY)"));
    CHECK_OK(api_write(db, "CREATE TABLE half(n)"));
    api_close(db);
}

/* Kill after `told` acknowledgements, then look. */
static void
kill_and_recover(void (*run)(int), int told)
{
    int64_t acknowledged = 0, number;
    make_table();
    struct child child = child_start(run, 0);
    while (acknowledged < told)
        CHECK_INT(child_hear(&child), ++acknowledged);
    CHECK_INT(kill(child.pid, SIGKILL), 0);
    while ((number = child_hear(&child)) >= 0)
        acknowledged = number;
    CHECK(WIFSIGNALED(child_status(&child)));
    walpool *db = api_open("a.db", "");
    int64_t found = api_number(db, "SELECT count(*) FROM t");
    CHECK(found >= acknowledged);
    CHECK(found <= acknowledged + 1);
    CHECK_INT(api_number(db, "SELECT max(n) FROM t"), found);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    if (run == insert_on_leases)
        CHECK_INT(api_number(db, "SELECT count(*) FROM half"), found);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1000000)"));
    api_close(db);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

TEST(kill__loses_nothing_that_was_acknowledged)
{
    for (int told = 1; told < 120; told += 17)
        kill_and_recover(insert_normally, told);
}

TEST(kill__loses_nothing_at_full_durability)
{
    for (int told = 3; told < 60; told += 19)
        kill_and_recover(insert_fully, told);
}

TEST(kill__leaves_no_half_of_a_transaction)
{
    for (int told = 2; told < 120; told += 23)
        kill_and_recover(insert_on_leases, told);
}

/* ------------------------------------------------------------ made again */

/* With the number as its key; the row itself could be there twice. */
static walpool_status
insert_once(walpool *on, int64_t n)
{
    char text[24], sql[60];
    walpool_statement insert = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    snprintf(text, sizeof text, "%lld", (long long)n);
    snprintf(sql, sizeof sql, "INSERT INTO half VALUES (%s)", text);
    call.once_key = text;
    call.once_bytes = strlen(text);
    return walpool_write(on, &insert, &call, NULL, &err);
}

static void
insert_with_keys(int number)
{
    (void)number;
    walpool *mine = api_open("a.db", "checkpoint_frames=20");
    for (int64_t n = 1;; n++) {
        CHECK_OK(insert_once(mine, n));
        child_tell(n);
    }
}

TEST(kill__between_a_write_and_its_answer_is_made_good_by_the_same_call)
{
    for (int told = 1; told < 100; told += 13) {
        int64_t acknowledged = 0, number, last;
        make_table();
        struct child child = child_start(insert_with_keys, 0);
        while (acknowledged < told)
            CHECK_INT(child_hear(&child), ++acknowledged);
        CHECK_INT(kill(child.pid, SIGKILL), 0);
        while ((number = child_hear(&child)) >= 0)
            acknowledged = number;
        CHECK(WIFSIGNALED(child_status(&child)));
        walpool *again = api_open("a.db", "");
        for (last = 1; last <= acknowledged + 2; last++)
            CHECK_OK(insert_once(again, last));
        CHECK(api_health(again).once_replays >= acknowledged);
        CHECK_INT(api_number(again, "SELECT count(*) FROM half"), last - 1);
        CHECK_INT(api_number(again, "SELECT count(DISTINCT n) FROM half"),
                  last - 1);
        CHECK_OK(api_write(again, "DROP TABLE walpool_once"));
        api_close(again);
    }
}

/* ---------------------------------------------------- of many in one commit */

enum { CREW = 6, APART = 1000000 };

static walpool *shared;

static void *
insert_in_crew(void *first)
{
    char sql[60];
    walpool_statement insert = {.sql = sql};
    for (int64_t n = (intptr_t)first;; n++) {
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%lld)", (long long)n);
        CHECK_OK(walpool_write(shared, &insert, NULL, NULL, &err));
        child_tell(n);
    }
    return NULL;
}

static void
insert_together(int number)
{
    pthread_t threads[CREW];
    (void)number;
    shared = api_open("a.db", "coalesce=10&durability=full&"
                              "checkpoint_frames=20");
    for (intptr_t i = 0; i < CREW; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, insert_in_crew,
                                 (void *)(i * APART)), 0);
    pthread_join(threads[0], NULL);
}

TEST(kill__of_writes_that_share_a_transaction_loses_none_of_them)
{
    for (int told = 1; told < 300; told += 41) {
        int64_t next[CREW] = {0}, number;
        int heard = 0;
        make_table();
        struct child child = child_start(insert_together, 0);
        while ((number = child_hear(&child)) >= 0) {
            CHECK_INT(number % APART, next[number / APART]++);
            if (++heard == told)
                CHECK_INT(kill(child.pid, SIGKILL), 0);
        }
        CHECK(WIFSIGNALED(child_status(&child)));
        walpool *after = api_open("a.db", "");
        for (int64_t i = 0; i < CREW; i++) {
            char sql[80];
            snprintf(sql, sizeof sql,
                     "SELECT count(*) FROM t WHERE n / %d = %lld", APART,
                     (long long)i);
            int64_t found = api_number(after, sql);
            CHECK(found == next[i] || found == next[i] + 1);
        }
        api_close(after);
    }
}

/* ---------------------------------------------------------- the others go on
 */

static void
hold_and_never_end(int number)
{
    (void)number;
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES (1)"));
    CHECK_OK(api_run(lease, "INSERT INTO half VALUES (zeroblob(1000000))"));
    child_tell(1);
    child_wait();
}

static walpool *db;

static void *
write_patiently(void *status)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (2)"};
    *(walpool_status *)status = walpool_write(db, &insert, NULL, NULL, &err);
    return NULL;
}

TEST(kill__of_a_writer_in_mid_transaction_lets_the_next_one_write)
{
    pthread_t thread;
    walpool_status status;
    make_table();
    struct child child = child_start(hold_and_never_end, 0);
    CHECK_INT(child_hear(&child), 1);
    db = api_open("a.db", "busy_timeout=30000");
    CHECK_INT(pthread_create(&thread, NULL, write_patiently, &status), 0);
    CHECK_EVENTUALLY(api_health(db).turn_waits > 0);
    child_kill(&child);
    pthread_join(thread, NULL);
    CHECK_INT(status, WALPOOL_OK);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    CHECK_INT(api_number(db, "SELECT count(*) FROM half"), 0);
    api_close(db);
}

static void
hold_a_snapshot(int number)
{
    (void)number;
    walpool *mine = api_open("a.db", "");
    walpool_lease *lease = api_acquire(mine, WALPOOL_READ);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 0);
    child_tell(1);
    child_wait();
}

TEST(kill__of_a_reader_frees_what_its_snapshot_kept_back)
{
    walpool_checkpoint_result result;
    walpool_call call = WALPOOL_CALL_INIT;
    make_table();
    struct child child = child_start(hold_a_snapshot, 0);
    CHECK_INT(child_hear(&child), 1);
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    call.timeout_ms = 0;
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, &call, &result, &err));
    CHECK(result.outcome != WALPOOL_CHECKPOINT_COMPLETE);
    child_kill(&child);
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, &result, &err));
    CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    api_close(db);
}

CHECK_MAIN()
