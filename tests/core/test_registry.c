/* registry: one database a file, opened and closed by many at once. */
#include "registry.h"

#include <sys/wait.h>

#include "gate.h"
#include "inside.h"

static walpool *
open_path(const char *path)
{
    walpool *db = walpool_open(path, NULL, &err);
    CHECK_STATUS(db != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return db;
}

/* Are they the same database? What one reads, both have counted. */
static bool
shares(walpool *a, walpool *b)
{
    int64_t before = api_health(a).reads;
    api_number(b, "SELECT 1");
    return api_health(a).reads == before + 1;
}

TEST(registry__shares_a_file_by_all_its_names)
{
    char path[512], folder[4096];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    walpool *first = open_path(path);
    CHECK_INT(symlink("a.db", check_path("link.db")), 0);
    CHECK_INT(mkdir(check_path("sub"), 0700), 0);
    CHECK(getcwd(folder, sizeof folder) != NULL);
    CHECK_INT(chdir(check_path("sub")), 0);
    walpool *relative = walpool_open("../a.db", NULL, &err);
    CHECK_INT(chdir(folder), 0);
    CHECK(relative != NULL);
    walpool *linked = open_path(check_path("link.db"));
    char dsn[600];
    snprintf(dsn, sizeof dsn, "file:%s?readers=9", path);
    walpool *parsed = open_path(dsn);
    CHECK(first != relative && first != linked && first != parsed);
    CHECK(shares(first, relative));
    CHECK(shares(first, linked));
    CHECK(shares(first, parsed));
    CHECK_INT(api_health(parsed).readers_limit, 4);
    api_close(first);
    api_close(linked);
    api_close(parsed);
    CHECK_OK(api_write(relative, "CREATE TABLE t(n)"));
    api_close(relative);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

TEST(registry__keeps_two_files_apart)
{
    walpool *a = open_path(check_path("a.db")), *b = open_path(check_path("b"));
    CHECK(!shares(a, b));
    api_close(a);
    CHECK_OK(api_write(b, "CREATE TABLE t(n)"));
    api_close(b);
}

/* A file that took the place of another is another file. */
TEST(registry__does_not_share_a_file_that_was_replaced)
{
    walpool *old = open_path(check_path("a.db"));
    CHECK_INT(rename(check_path("a.db"), check_path("old.db")), 0);
    unlink(check_path("a.db-wal"));
    unlink(check_path("a.db-shm"));
    walpool *fresh = open_path(check_path("a.db"));
    CHECK(!shares(old, fresh));
    api_close(fresh);
    api_close(old);
}

TEST(registry__closes_a_handle_once)
{
    walpool *a = open_path(check_path("a.db")), *b = open_path(check_path("a.db"));
    api_close(a);
    CHECK_STATUS(walpool_close(a, -1, &err), WALPOOL_CLOSED);
    CHECK_INT(api_number(b, "SELECT 1"), 1);
    api_close(b);
    CHECK_STATUS(walpool_close(b, -1, &err), WALPOOL_CLOSED);
    CHECK_STATUS(walpool_close(NULL, -1, &err), WALPOOL_MISUSE);
    walpool *c = open_path(check_path("a.db"));
    CHECK_STATUS(walpool_close(c, -2, &err), WALPOOL_MISUSE);
    api_close(c);
}

TEST(registry__refuses_to_close_while_a_lease_is_out)
{
    walpool *db = open_path(check_path("a.db"));
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_STATUS(walpool_close(db, 3, &err), WALPOOL_TIMEOUT);
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_TIMEOUT);
    CHECK_INT(api_number(db, "SELECT 1"), 1);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

/* The lease was made by a handle that is closed; the other one waits for it. */
TEST(registry__waits_for_leases_of_all_handles)
{
    walpool *a = open_path(check_path("a.db")), *b = open_path(check_path("a.db"));
    walpool_lease *lease = api_acquire(a, WALPOOL_WRITE);
    api_close(a);
    CHECK_OK(api_run(lease, "CREATE TABLE t(n)"));
    CHECK_STATUS(walpool_close(b, 3, &err), WALPOOL_TIMEOUT);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    api_close(b);
}

/* The writer went on with the commit, so nothing is waited for. */
TEST(registry__closes_beside_a_lease_whose_transaction_has_ended)
{
    walpool *db = open_path(check_path("a.db"));
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    api_close(db);
    CHECK_STATUS(walpool_begin(lease, NULL, &err), WALPOOL_CLOSED);
    CHECK_STATUS(api_run(lease, "SELECT 1"), WALPOOL_MISUSE);
    CHECK_OK(walpool_release(lease, &err));
}

/* ------------------------------------------- meeting an opening, a closing */

static walpool *opened;

static void *
open_elsewhere(void *path)
{
    opened = walpool_open(path, NULL, &err);
    CHECK_STATUS(opened != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return NULL;
}

static void *
close_elsewhere(void *db)
{
    CHECK_OK(walpool_close(db, 30000, &err));
    return NULL;
}

static bool
is_closing(walpool *db)
{
    walpool_statement statement = {.sql = "SELECT 1"};
    return walpool_read(db, &statement, NULL, NULL, NULL) == WALPOOL_CLOSED;
}

TEST(registry__opens_anew_after_a_closing_that_is_under_way)
{
    pthread_t closer, opener;
    char path[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    walpool *db = open_path(path);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(pthread_create(&closer, NULL, close_elsewhere, db), 0);
    CHECK_EVENTUALLY(is_closing(db));
    opened = NULL;
    CHECK_INT(pthread_create(&opener, NULL, open_elsewhere, path), 0);
    CHECK_STATUS(walpool_close(db, -1, &err), WALPOOL_CLOSED);
    CHECK(opened == NULL);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(pthread_join(closer, NULL), 0);
    CHECK_INT(pthread_join(opener, NULL), 0);
    CHECK(opened != db);
    CHECK_OK(api_write(opened, "CREATE TABLE t(n)"));
    api_close(opened);
}

static atomic_bool gave_up;

static void *
close_in_vain(void *db)
{
    CHECK_STATUS(walpool_close(db, 50, &err), WALPOOL_TIMEOUT);
    atomic_store(&gave_up, true);
    return NULL;
}

TEST(registry__shares_after_a_closing_that_gave_up)
{
    pthread_t closer;
    walpool *db = open_path(check_path("a.db"));
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    atomic_store(&gave_up, false);
    CHECK_INT(pthread_create(&closer, NULL, close_in_vain, db), 0);
    CHECK_EVENTUALLY(is_closing(db) || atomic_load(&gave_up));
    walpool *shared = open_path(check_path("a.db"));
    CHECK_INT(pthread_join(closer, NULL), 0);
    CHECK(shares(db, shared));
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
    api_close(shared);
}

TEST(registry__does_not_wait_past_the_deadline_for_a_closing)
{
    pthread_t closer;
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool *db = open_path(check_path("a.db"));
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(pthread_create(&closer, NULL, close_elsewhere, db), 0);
    CHECK_EVENTUALLY(is_closing(db));
    options.busy_timeout_ms = 5;
    CHECK_NULL(walpool_open(check_path("a.db"), &options, &err),
               WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "another thread opens or closes it");
    CHECK_INT(err.phase, WALPOOL_PHASE_QUEUE);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(pthread_join(closer, NULL), 0);
}

/* The handle is pinned for a close, and meanwhile another close ends it and
 * somebody opens the file again: that one's database must not be touched. */
static walpool_status
do_close(walpool *db)
{
    return walpool_close(db, -1, &err);
}

TEST(registry__does_not_close_the_next_database_on_the_file)
{
    struct held held;
    walpool *db = open_path(check_path("a.db"));
    held_begin(&held, db, do_close);
    api_close(db);
    walpool *next = open_path(check_path("a.db"));
    CHECK_STATUS(held_finish(&held), WALPOOL_CLOSED);
    CHECK_OK(api_write(next, "CREATE TABLE t(n)"));
    CHECK_INT(api_number(next, "SELECT count(*) FROM t"), 0);
    api_close(next);
}

/* The same handle is closed twice at once: the second must not take the one
 * handle that is left for its own. */
TEST(registry__does_not_close_the_handle_of_another)
{
    struct held held;
    walpool *db = open_path(check_path("a.db"));
    walpool *other = open_path(check_path("a.db"));
    held_begin(&held, db, do_close);
    api_close(db);
    CHECK_STATUS(held_finish(&held), WALPOOL_CLOSED);
    CHECK_OK(api_write(other, "CREATE TABLE t(n)"));
    api_close(other);
}

/* ------------------------------------------------------------- many threads */

enum { THREADS = 4, ROUNDS = 15 };

static void *
open_and_close(void *path)
{
    for (int i = 0; i < ROUNDS; i++) {
        walpool *db = open_path(path);
        CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
        CHECK(api_number(db, "SELECT count(*) FROM t") > 0);
        CHECK_OK(walpool_close(db, 30000, &err));
        CHECK_STATUS(api_write(db, "DELETE FROM t"), WALPOOL_CLOSED);
    }
    return NULL;
}

TEST(registry__opens_and_closes_one_file_on_many_threads)
{
    pthread_t threads[THREADS];
    char path[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    walpool *db = open_path(path);
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    api_close(db);
    for (size_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, open_and_close, path), 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
    db = open_path(path);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), THREADS * ROUNDS);
    api_close(db);
}

static atomic_int closed;

static void *
close_it(void *db)
{
    walpool_status status = walpool_close(db, 30000, &err);
    if (status == WALPOOL_OK)
        atomic_fetch_add(&closed, 1);
    else
        CHECK_STATUS(status, WALPOOL_CLOSED);
    return NULL;
}

TEST(registry__lets_one_of_many_close_a_handle)
{
    for (int i = 0; i < 30; i++) {
        pthread_t threads[THREADS];
        walpool *db = open_path(check_path("a.db"));
        walpool *other = i % 2 ? open_path(check_path("a.db")) : NULL;
        atomic_store(&closed, 0);
        for (size_t j = 0; j < THREADS; j++)
            CHECK_INT(pthread_create(&threads[j], NULL, close_it, db), 0);
        for (size_t j = 0; j < THREADS; j++)
            CHECK_INT(pthread_join(threads[j], NULL), 0);
        CHECK_INT(atomic_load(&closed), 1);
        if (other != NULL)
            api_close(other);
    }
}

CHECK_MAIN()
