/* Every call of SQLite to the disk fails, one after the other, while writes of
 * three threads share a transaction: what each is told is true of its own row,
 * in the file as a crash would leave it and for the next reader. And a write
 * with a once_key that failed in any way is made good by the same call. */
#include "iofault.h"
#include "ways.h"

static struct iofault *now;

#define HOLDS(holds) IOFAULT_HOLDS(now, holds)

/* ------------------------------------------------------------------- shared */

enum { THREADS = 3 };

struct sharer {
    pthread_t thread;
    char sql[64];
    walpool_status status;
    walpool_error error;
};

static const struct way shared = {.shares = true, .restarts = true};

static void *
share(void *arg)
{
    struct sharer *me = arg;
    walpool_statement statement = {.sql = me->sql};
    me->status = walpool_write(ways_db, &statement, NULL, NULL, &me->error);
    return NULL;
}

/* They stand in line, and share a transaction when the fault is armed. */
static void
share_under_fault(struct sharer *all)
{
    walpool_lease *lease = api_acquire(ways_db, WALPOOL_WRITE);
    for (int i = 0; i < THREADS; i++) {
        snprintf(all[i].sql, sizeof all[i].sql,
                 "INSERT INTO t VALUES (%d, zeroblob(40000))", i + 2);
        CHECK_INT(pthread_create(&all[i].thread, NULL, share, &all[i]), 0);
        CHECK_EVENTUALLY(api_health(ways_db).writer_waiters == i + 1);
    }
    iofault_arm(now);
    CHECK_OK(walpool_release(lease, &err));
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(all[i].thread, NULL), 0);
    iofault_disarm();
}

static void
check_truth(const struct sharer *one, bool there, const char *where)
{
    bool may = one->status == WALPOOL_OK ||
               one->error.outcome != WALPOOL_NOT_APPLIED;
    bool must = one->status == WALPOOL_OK ||
                one->error.outcome == WALPOOL_APPLIED;
    if ((there && !may) || (!there && must))
        printf("# %s: %s: %s, outcome %d, and the row is%s in %s\n",
               iofault_name(now), one->sql, walpool_status_name(one->status),
               one->error.outcome, there ? "" : " not", where);
    CHECK(there ? may : !must);
}

/* Which rows there are, one bit for each. */
static const char rows_there[] =
    "SELECT total(1 << (id - 2)) FROM t WHERE id BETWEEN 2 AND 9";

static void
compare(const struct sharer *all)
{
    sqlite3 *plain;
    plain_copy(ways_path, ways_state.file, ways_state.copy);
    CHECK_INT(sqlite3_open(ways_state.copy, &plain), SQLITE_OK);
    int64_t in_file = plain_number(plain, rows_there);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    int64_t seen = api_number(ways_db, rows_there);
    for (int i = 0; i < THREADS; i++) {
        check_truth(&all[i], in_file >> i & 1, "the file");
        check_truth(&all[i], seen >> i & 1, "what is read");
        if (all[i].status != WALPOOL_OK) {
            err = all[i].error;
            iofault_expect_clear(now, all[i].status);
        }
    }
}

static int64_t
rows_now(void)
{
    walpool_status status = api_write(ways_db, "INSERT INTO t VALUES (99, 1)");
    if (status != WALPOOL_OK)
        HOLDS(status == WALPOOL_POISONED && iofault_was_sync(now));
    return api_number(ways_db, "SELECT count(*) - 1 FROM t");
}

static void
sweep_shared(bool full, enum iofault_kind kind, bool lasts)
{
    IOFAULT_EACH(fault, kind, lasts) {
        struct sharer all[THREADS];
        now = &fault;
        ways_begin(&shared, full, kind == IOFAULT_BUSY ? 200 : 20000);
        share_under_fault(all);
        compare(all);
        ways_end(rows_now());
    }
}

TEST(iofault__in_a_shared_transaction_is_told_to_each_truthfully)
{
    ways_warm_up();
    shim_watch(ways_path);
    for (int full = 0; full < 2; full++)
        for (int kind = IOFAULT_ERROR; kind <= IOFAULT_FULL; kind++)
            for (int lasts = 0; lasts < 2; lasts++)
                sweep_shared(full, (enum iofault_kind)kind, lasts);
}

/* -------------------------------------------------------------------- again */

static const struct way keyed = {.run = ways_keyed, .rows = 2};

static void
sweep_keyed(bool full, enum iofault_kind kind)
{
    IOFAULT_EACH(fault, kind, false) {
        now = &fault;
        ways_begin(&keyed, full, 20000);
        iofault_arm(now);
        ways_keyed();
        iofault_disarm();
        if (ways_keyed() != WALPOOL_OK) { /* only after a failed sync */
            HOLDS(err.status == WALPOOL_POISONED && iofault_was_sync(now));
            api_close(ways_db);
            ways_open(&(struct way){0}, full, 20000);
            CHECK_OK(ways_keyed());
        }
        CHECK_INT(api_number(ways_db, "SELECT count(*) FROM t"), 3);
        CHECK_OK(ways_keyed());
        ways_end(2);
    }
}

TEST(iofault__in_a_write_with_a_key_is_made_good_by_the_same_call)
{
    ways_warm_up();
    shim_watch(ways_path);
    for (int full = 0; full < 2; full++) {
        sweep_keyed(full, IOFAULT_ERROR);
        sweep_keyed(full, IOFAULT_FULL);
    }
}

int
main(int argc, char **argv)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!iofault_install())
        return 2;
    return check_main(argc, argv);
}
