/* Cancels that strike at any moment: what was said of a write is true. */
#include <sched.h>
#include <stdbool.h>

#include "api.h"

#define ROUNDS 4000

/* About as many steps as SQLite takes between two looks at the token. */
static const walpool_statement insert = {
    .sql = "INSERT INTO t SELECT 1 FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION"
           " ALL SELECT i + 1 FROM n LIMIT 70) SELECT i FROM n)"};
#define ROWS_EACH 70

static _Atomic(walpool_token *) published;
static atomic_bool ended;

/* Cancel each token that is published, sooner or later. */
static void *
cancel_all(void *nothing)
{
    unsigned seed = 1;
    while (!atomic_load(&ended)) {
        walpool_token *token = atomic_exchange(&published, NULL);
        if (token == NULL) {
            sched_yield();
            continue;
        }
        seed = seed * 1103515245 + 12345;
        for (atomic_uint turns = (seed >> 16) % 4000; turns > 0; turns--) {
        }
        walpool_cancel(token, NULL);
    }
    return nothing;
}

static walpool_status
write_once(walpool *db, walpool_call *call)
{
    return walpool_write(db, &insert, call, NULL, &err);
}

static walpool_status
write_on_lease(walpool *db, walpool_call *call)
{
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, call, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = walpool_run(lease, &insert, call, NULL, &err);
    if (status == WALPOOL_OK)
        status = walpool_commit(lease, call, &err);
    CHECK_OK(walpool_release(lease, NULL));
    return status;
}

static void
strike(walpool_status (*write)(walpool *, walpool_call *))
{
    walpool *db = api_open("a.db", "checkpoint_frames=100");
    pthread_t thread;
    int64_t applied = 0;
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    atomic_store(&ended, false);
    CHECK_INT(pthread_create(&thread, NULL, cancel_all, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        walpool_call call = WALPOOL_CALL_INIT;
        call.token = walpool_token_open(&err);
        atomic_store(&published, call.token);
        walpool_status status = write(db, &call);
        CHECK(status == WALPOOL_OK || status == WALPOOL_CANCELLED);
        CHECK(status == WALPOOL_OK || err.outcome == WALPOOL_NOT_APPLIED);
        applied += status == WALPOOL_OK;
        atomic_store(&published, NULL);
        walpool_token_close(call.token);
    }
    atomic_store(&ended, true);
    pthread_join(thread, NULL);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), applied * ROWS_EACH);
    CHECK_OK(api_write(db, "DELETE FROM t"));
    api_close(db);
}

TEST(cancel__of_a_write_at_any_moment_tells_the_truth)
{
    strike(write_once);
}

TEST(cancel__of_a_transaction_at_any_moment_tells_the_truth)
{
    strike(write_on_lease);
}

CHECK_MAIN()
