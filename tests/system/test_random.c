/* Threads that call anything on anything at once, in an order that a seed
 * gives: no call may crash, hang or answer what the header does not allow, and
 * afterwards all can be ended and the database is whole. */
#include <sched.h>

#include "../core/api.h"

enum { THREADS = 4, STEPS = 4000, SLOTS = 6, OPENED_MAX = 4096 };

static _Atomic(walpool *) databases[2];
static _Atomic(walpool_lease *) leases[SLOTS];
static _Atomic(walpool_cursor *) cursors[SLOTS];
static _Atomic(walpool_token *) tokens[SLOTS];
static _Atomic(walpool *) opened[OPENED_MAX]; /* to close in the end */
static atomic_int opened_count;
static char paths[2][512];

struct walker {
    pthread_t thread;
    uint64_t state;
    walpool_rows rows;
};

static uint32_t
pick(struct walker *walker, uint32_t below)
{
    walker->state = walker->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(walker->state >> 33) % below;
}

static walpool_statement
any_statement(struct walker *walker)
{
    static const char *const texts[] = {
        "SELECT v FROM t LIMIT 3",
        "INSERT INTO t VALUES (1) RETURNING v",
        "UPDATE t SET v = v + 1",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT"
        " 100000) SELECT i FROM n",
        "SELECT zeroblob(70000), 5",
        "DELETE FROM t WHERE rowid > 50",
        "SELECT nonsense",
        "SELECT ?",
    };
    return (walpool_statement){.sql = texts[pick(walker, 8)]};
}

static walpool_call
any_call(struct walker *walker)
{
    static const int64_t timeouts[] = {0, 1, 5, 20};
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = timeouts[pick(walker, 4)];
    call.why = "random";
    call.flags = pick(walker, 2) ? WALPOOL_CALL_NAMES : WALPOOL_CALL_FIRST;
    call.flags |= pick(walker, 2) ? WALPOOL_CALL_ANY_THREAD : 0;
    if (pick(walker, 4) == 0)
        call.token = tokens[pick(walker, SLOTS)];
    return call;
}

/* End what another thread may be using. */
static void
end_lease(walpool_lease *lease)
{
    while (walpool_release(lease, NULL) == WALPOOL_BUSY)
        sched_yield();
}

static void
end_cursor(walpool_cursor *cursor)
{
    while (walpool_cursor_close(cursor, NULL) == WALPOOL_BUSY)
        sched_yield();
}

/* Keep a cursor that a block has, in place of an older one. */
static void
keep_cursor(struct walker *walker)
{
    if (walker->rows.data == NULL || api_header(&walker->rows)->cursor == 0)
        return;
    end_cursor(atomic_exchange(&cursors[pick(walker, SLOTS)],
                               api_cursor(&walker->rows)));
}

static walpool_status
on_database(struct walker *walker, walpool *db)
{
    walpool_statement statement = any_statement(walker);
    walpool_call call = any_call(walker);
    walpool_status status;
    walpool_lease *lease;
    switch (pick(walker, 5)) {
    case 0:
        status = walpool_read(db, &statement, &call, &walker->rows, &err);
        if (status == WALPOOL_OK)
            keep_cursor(walker);
        return status;
    case 1:
        return walpool_write(db, &statement, &call, &walker->rows, &err);
    case 2:
        return walpool_batch(db, &statement, 1, &call, NULL, NULL, &err);
    case 3:
        return walpool_checkpoint(db, (walpool_checkpoint_mode)pick(walker, 4),
                                  &call, NULL, &err);
    default:
        lease = walpool_acquire(db, (walpool_kind)pick(walker, 2), &call, &err);
        if (lease == NULL)
            return (walpool_status)err.status;
        end_lease(atomic_exchange(&leases[pick(walker, SLOTS)], lease));
        return WALPOOL_OK;
    }
}

static walpool_status
on_lease(struct walker *walker, walpool_lease *lease)
{
    walpool_statement statement = any_statement(walker);
    walpool_call call = any_call(walker);
    walpool_status status;
    switch (pick(walker, 7)) {
    case 0:
        return walpool_begin(lease, &call, &err);
    case 1:
        return walpool_savepoint(lease, &err);
    case 2:
        return walpool_commit(lease, &call, &err);
    case 3:
        return walpool_rollback(lease, &err);
    case 4:
        return walpool_release(lease, &err);
    default:
        status = walpool_run(lease, &statement, &call, &walker->rows, &err);
        if (status == WALPOOL_OK)
            keep_cursor(walker);
        return status;
    }
}

static walpool_status
on_cursor(struct walker *walker, walpool_cursor *cursor)
{
    walpool_call call = any_call(walker);
    char byte;
    switch (pick(walker, 3)) {
    case 0:
        return walpool_cursor_next(cursor, &call, &walker->rows, &err);
    case 1:
        return walpool_cursor_value(cursor, 0, 69999, &byte, 1, &err);
    default:
        return walpool_cursor_close(cursor, &err);
    }
}

static walpool_status
on_handles(struct walker *walker)
{
    uint32_t slot = pick(walker, SLOTS), which = pick(walker, 2);
    int index;
    walpool *db;
    switch (pick(walker, 20)) {
    case 0:
        walpool_cancel(tokens[slot], NULL);
        walpool_token_close(
            atomic_exchange(&tokens[slot], walpool_token_open(NULL)));
        return WALPOOL_OK;
    case 1:
        db = walpool_open(paths[which], NULL, &err);
        if (db == NULL)
            return (walpool_status)err.status;
        index = atomic_fetch_add(&opened_count, 1) % OPENED_MAX;
        opened[index] = atomic_exchange(&databases[which], db);
        return walpool_close(opened[index], pick(walker, 3), &err);
    default:
        return WALPOOL_OK;
    }
}

static void *
walk(void *argument)
{
    struct walker *walker = argument;
    for (int i = 0; i < STEPS; i++) {
        uint32_t slot = pick(walker, SLOTS);
        walpool_status status = WALPOOL_OK;
        switch (pick(walker, 4)) {
        case 0:
            status = on_database(walker, databases[slot % 2]);
            break;
        case 1:
            status = on_lease(walker, leases[slot]);
            break;
        case 2:
            status = on_cursor(walker, cursors[slot]);
            break;
        default:
            status = on_handles(walker);
        }
        CHECK(status != WALPOOL_INTERNAL && status != WALPOOL_CORRUPT);
        CHECK(status != WALPOOL_NOMEM && status != WALPOOL_IO);
    }
    return NULL;
}

static void
end_all(void)
{
    CHECK(atomic_load(&opened_count) <= OPENED_MAX);
    for (int i = 0; i < SLOTS; i++) {
        end_cursor(cursors[i]);
        end_lease(leases[i]);
        walpool_token_close(tokens[i]);
        cursors[i] = NULL;
        leases[i] = NULL;
    }
    for (int i = 0; i < atomic_load(&opened_count); i++) {
        walpool_status status = walpool_close(opened[i], 20000, &err);
        CHECK(status == WALPOOL_OK || status == WALPOOL_CLOSED);
    }
    atomic_store(&opened_count, 0);
    for (int i = 0; i < 2; i++)
        CHECK_OK(walpool_close(databases[i], 20000, &err));
}

static void
walk_from(uint64_t seed)
{
    struct walker walkers[THREADS];
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s",
                 check_path(i ? "b.db" : "a.db"));
        databases[i] =
            api_open(i ? "b.db" : "a.db", "readers=3&busy_timeout=20");
        CHECK_OK(api_write(databases[i], "CREATE TABLE IF NOT EXISTS t(v)"));
    }
    for (int i = 0; i < SLOTS; i++)
        tokens[i] = walpool_token_open(&err);
    for (int i = 0; i < THREADS; i++) {
        walkers[i] = (struct walker){.state = seed * 1000 + (uint64_t)i};
        walpool_rows_init(&walkers[i].rows);
        CHECK_INT(pthread_create(&walkers[i].thread, NULL, walk, &walkers[i]),
                  0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(walkers[i].thread, NULL);
        walpool_rows_finish(&walkers[i].rows);
    }
    end_all();
}

TEST(random__calls_from_many_threads_break_nothing)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        walk_from(seed);
    walpool *db = api_open("a.db", "");
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
}

CHECK_MAIN()
