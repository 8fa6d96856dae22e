/* coalesce: deadlines, cancels, a close and the disk, while others wait in the
 * same line or run in the same transaction. */
#include <errno.h>
#include <sys/resource.h>

#include "crowd.h"
#include "disk.h"

static int64_t
number(const char *sql)
{
    return api_number(db, sql);
}

static const char endless[] =
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) "
    "DELETE FROM t WHERE n = (SELECT max(i) FROM c)";

static struct one
insert(int64_t n)
{
    static char texts[64][64];
    static int count;
    char *text = texts[count++ % 64];
    snprintf(text, sizeof texts[0], "INSERT INTO t VALUES (%lld, %lld)",
             (long long)n, (long long)n);
    return one(text);
}

/* ------------------------------------------------------------- in the line */

TEST(coalesce__who_waits_too_long_leaves_and_is_told_who_has_the_writer)
{
    for (int place = 0; place < 3; place++) { /* the first asks for all */
        struct one all[] = {insert(0), insert(1), insert(2)};
        walpool_call call = WALPOOL_CALL_INIT;
        call.why = "the report";
        crowd_open("coalesce=1000");
        CHECK_OK(api_write(db, "DELETE FROM t"));
        all[place].call.timeout_ms = 300;
        crowd_count = 0;
        held = walpool_acquire(db, WALPOOL_WRITE, &call, &err);
        for (int i = 0; i < 3; i++)
            crowd_add(&all[i]);
        crowd_join(&all[place]);
        CHECK_ONE(all[place], WALPOOL_TIMEOUT);
        CHECK_INT(all[place].error.phase, WALPOOL_PHASE_QUEUE);
        CHECK_CONTAINS(all[place].error.message, "the report");
        CHECK_EVENTUALLY(crowd_waiting() == 2); /* the next leads */
        crowd_release();
        for (int i = 0; i < 3; i++) {
            if (i == place)
                continue;
            crowd_join(&all[i]);
            CHECK_ONE(all[i], WALPOOL_OK);
        }
        CHECK_INT(number("SELECT count(*) FROM t"), 2);
        crowd_finish(all, 3);
        crowd_close();
    }
}

TEST(coalesce__who_is_cancelled_in_the_line_leaves_it)
{
    for (int place = 0; place < 3; place++) {
        struct one all[] = {insert(0), insert(1), insert(2)};
        walpool_token *token = walpool_token_open(&err);
        crowd_open("coalesce=1000");
        CHECK_OK(api_write(db, "DELETE FROM t"));
        all[place].call.token = token;
        crowd_hold();
        for (int i = 0; i < 3; i++)
            crowd_add(&all[i]);
        CHECK_OK(walpool_cancel(token, &err));
        crowd_join(&all[place]);
        CHECK_ONE(all[place], WALPOOL_CANCELLED);
        CHECK_INT(all[place].error.phase, WALPOOL_PHASE_QUEUE);
        crowd_release();
        for (int i = 0; i < 3; i++)
            if (i != place) {
                crowd_join(&all[i]);
                CHECK_ONE(all[i], WALPOOL_OK);
            }
        CHECK_INT(number("SELECT count(*) FROM t"), 2);
        walpool_token_close(token);
        crowd_finish(all, 3);
        crowd_close();
    }
}

/* ---------------------------------------------------------- while it runs */

TEST(coalesce__one_that_runs_too_long_is_stopped_alone)
{
    for (int place = 0; place < 3; place++) {
        struct one all[] = {insert(0), insert(1), insert(2)};
        crowd_open("coalesce=1000");
        CHECK_OK(api_write(db, "DELETE FROM t"));
        all[place] = one(endless);
        all[place].call.timeout_ms = 400;
        crowd_run(all, 3);
        for (int i = 0; i < 3; i++)
            CHECK_ONE(all[i], i == place ? WALPOOL_TIMEOUT : WALPOOL_OK);
        CHECK_INT(all[place].error.outcome, WALPOOL_NOT_APPLIED);
        CHECK_INT(number("SELECT count(*) FROM t"), 2);
        crowd_finish(all, 3);
        crowd_close();
    }
}

TEST(coalesce__one_that_is_cancelled_while_it_runs_is_stopped_alone)
{
    for (int place = 0; place < 3; place++) {
        struct one all[] = {insert(0), insert(1), insert(2)};
        walpool_token *token = walpool_token_open(&err);
        crowd_open("coalesce=1000");
        CHECK_OK(api_write(db, "DELETE FROM t"));
        all[place] = one(endless);
        all[place].call.token = token;
        crowd_hold();
        for (int i = 0; i < 3; i++)
            crowd_add(&all[i]);
        crowd_release();
        CHECK_EVENTUALLY(crowd_waiting() == 2 - place); /* it is run */
        CHECK(!atomic_load(&all[place].done));
        CHECK_OK(walpool_cancel(token, &err));
        for (int i = 0; i < 3; i++)
            crowd_join(&all[i]);
        for (int i = 0; i < 3; i++)
            CHECK_ONE(all[i], i == place ? WALPOOL_CANCELLED : WALPOOL_OK);
        CHECK_INT(number("SELECT count(*) FROM t"), 2);
        walpool_token_close(token);
        crowd_finish(all, 3);
        crowd_close();
    }
}

/* ------------------------------------------------------------------- leave */

struct interpreter {
    struct one *one;
    atomic_int left;
    atomic_bool strange; /* called by another thread */
};

static void
leave(void *arg)
{
    struct interpreter *mine = arg;
    atomic_fetch_add(&mine->left, 1);
    if (!pthread_equal(pthread_self(), mine->one->thread))
        atomic_store(&mine->strange, true);
}

TEST(coalesce__everybody_leaves_his_own_interpreter_once)
{
    enum { ALL = 6 };
    struct one all[ALL];
    struct interpreter interpreters[ALL] = {{NULL}};
    crowd_open("coalesce=1000&durability=full");
    for (int i = 0; i < ALL; i++) {
        all[i] = insert(i);
        interpreters[i].one = &all[i];
        all[i].call.leave = leave;
        all[i].call.leave_data = &interpreters[i];
    }
    crowd_run(all, ALL);
    for (int i = 0; i < ALL; i++) {
        CHECK_ONE(all[i], WALPOOL_OK);
        CHECK_INT(interpreters[i].left, 1);
        CHECK(!interpreters[i].strange);
    }
    crowd_finish(all, ALL);
    crowd_close();
}

/* ------------------------------------------------------------------- close */

static void *
close_database(void *arg)
{
    *(walpool_status *)arg = walpool_close(db, 60000, &err);
    return NULL;
}

TEST(coalesce__a_close_waits_for_those_in_line_and_loses_none)
{
    struct one all[] = {insert(0), insert(1), insert(2)}, late = insert(9);
    walpool_status closed;
    pthread_t closer;
    crowd_open("coalesce=1000");
    crowd_hold();
    for (int i = 0; i < 3; i++)
        crowd_add(&all[i]);
    CHECK_INT(pthread_create(&closer, NULL, close_database, &closed), 0);
    CHECK_EVENTUALLY(walpool_read(db, &(walpool_statement){.sql = "SELECT 1"},
                                  NULL, NULL, NULL) == WALPOOL_CLOSED);
    crowd_start(&late);
    crowd_join(&late);
    CHECK_ONE(late, WALPOOL_CLOSED);
    crowd_release();
    for (int i = 0; i < 3; i++) {
        crowd_join(&all[i]);
        CHECK_ONE(all[i], WALPOOL_OK);
    }
    CHECK_INT(pthread_join(closer, NULL), 0);
    CHECK_INT(closed, WALPOOL_OK);
    crowd_open("");
    CHECK_INT(number("SELECT count(*) FROM t"), 3);
    crowd_finish(all, 3);
    crowd_finish(&late, 1);
    crowd_close();
}

TEST(coalesce__a_close_that_fails_leaves_the_line_as_it_was)
{
    struct one all[] = {insert(0), insert(1), insert(2)};
    crowd_open("coalesce=1000");
    crowd_hold();
    crowd_add(&all[0]);
    crowd_add(&all[1]);
    CHECK_STATUS(walpool_close(db, 1, &err), WALPOOL_TIMEOUT);
    crowd_add(&all[2]);
    crowd_release();
    for (int i = 0; i < 3; i++) {
        crowd_join(&all[i]);
        CHECK_ONE(all[i], WALPOOL_OK);
    }
    CHECK_INT(api_health(db).coalesced, 3);
    crowd_finish(all, 3);
    crowd_close();
}

/* ---------------------------------------------------------------- the disk */

TEST(coalesce__only_who_asks_for_the_disk_waits_for_it)
{
    struct one all[] = {insert(0), insert(1), insert(2), insert(3)};
    crowd_open("coalesce=1000");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (99, 99)"));
    if (!disk_watch("a.db-wal")) {
        api_close(db);
        return;
    }
    all[0].call.flags = all[2].call.flags = WALPOOL_CALL_DURABLE;
    crowd_hold();
    for (int i = 0; i < 4; i++)
        crowd_add(&all[i]);
    atomic_store(&disk_held, true);
    crowd_release();
    crowd_join(&all[1]);
    crowd_join(&all[3]);
    CHECK_EVENTUALLY(atomic_load(&disk_syncs) == 1);
    CHECK(!atomic_load(&all[0].done));
    CHECK(!atomic_load(&all[2].done));
    atomic_store(&disk_held, false);
    crowd_join(&all[0]);
    crowd_join(&all[2]);
    for (int i = 0; i < 4; i++)
        CHECK_ONE(all[i], WALPOOL_OK);
    CHECK_INT(disk_count(), 1);
    crowd_finish(all, 4);
    crowd_close();
}

TEST(coalesce__who_waits_for_the_disk_too_long_is_told_unknown)
{
    struct one all[] = {insert(0), insert(1), insert(2)};
    crowd_open("coalesce=1000&durability=full");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (99, 99)"));
    if (!disk_watch("a.db-wal")) {
        api_close(db);
        return;
    }
    atomic_store(&disk_held, true);
    crowd_start(&all[0]); /* it has the disk, and the others wait for it */
    CHECK_EVENTUALLY(atomic_load(&disk_syncs) == 1);
    all[2].call.timeout_ms = 1500;
    crowd_hold();
    crowd_add(&all[1]);
    crowd_add(&all[2]);
    crowd_release();
    crowd_join(&all[2]);
    CHECK_ONE(all[2], WALPOOL_TIMEOUT);
    CHECK_INT(all[2].error.phase, WALPOOL_PHASE_SYNC);
    CHECK_INT(all[2].error.outcome, WALPOOL_UNKNOWN);
    atomic_store(&disk_held, false);
    crowd_join(&all[0]);
    crowd_join(&all[1]);
    CHECK_ONE(all[0], WALPOOL_OK);
    CHECK_ONE(all[1], WALPOOL_OK);
    CHECK_INT(number("SELECT count(*) FROM t"), 4);
    crowd_finish(all, 3);
    crowd_close();
}

TEST(coalesce__a_failed_sync_is_told_to_all)
{
    struct one all[] = {insert(0), insert(1), insert(2)};
    crowd_open("coalesce=1000&durability=full");
    if (!disk_watch("a.db-wal")) {
        api_close(db);
        return;
    }
    atomic_store(&disk_error, EIO);
    crowd_run(all, 3);
    atomic_store(&disk_error, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_ONE(all[i], WALPOOL_POISONED);
        CHECK_INT(all[i].error.outcome, WALPOOL_UNKNOWN);
        CHECK_INT(all[i].error.system_errno, EIO);
    }
    CHECK_INT(number("SELECT count(*) FROM t"), 3);
    crowd_finish(all, 3);
    crowd_close();
}

/* Files can grow no more: the commit cannot be written. */
static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(coalesce__a_commit_that_fails_has_failed_for_all)
{
    struct one all[] = {insert(0), insert(1), insert(2), insert(1)};
    crowd_open("coalesce=1000");
    signal(SIGXFSZ, SIG_IGN);
    crowd_hold();
    for (int i = 0; i < 4; i++)
        crowd_add(&all[i]);
    limit_files(4096);
    crowd_release();
    for (int i = 0; i < 4; i++)
        crowd_join(&all[i]);
    limit_files(RLIM_INFINITY);
    for (int i = 0; i < 3; i++) {
        CHECK(all[i].status == WALPOOL_IO || all[i].status == WALPOOL_FULL);
        CHECK_INT(all[i].status, all[0].status);
        CHECK_INT(all[i].error.outcome, all[0].error.outcome);
        CHECK_INT(all[i].error.system_errno, all[0].error.system_errno);
        CHECK_CONTAINS(all[i].error.message,
                       "the transaction that this write shared was rolled");
    }
    CHECK_ONE(all[3], WALPOOL_CONSTRAINT); /* it was not in the commit */
    CHECK_INT(all[3].error.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(number("SELECT count(*) FROM t"), 0);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (5, 5)"));
    crowd_finish(all, 4);
    crowd_close();
}

CHECK_MAIN()
