/* The ceiling beside a reader that comes back at the worst moment. */
#include <stdatomic.h>

#include "../../core/db.h"
#include "../core/api.h"
#include "shimvfs.h"

enum { CEILING = 300, COMMITS = 5 * CEILING, COPY_LOCK = 1 };

static pthread_t main_thread;
static sqlite3 *plain; /* as of another program */
static _Atomic(walpool_lease *) coming;
static atomic_int came;
static _Thread_local bool copied; /* since it came, on this thread */

/* The checkpointer has ended a snapshot, and is about to have the writer in hand:
 * it begins a transaction. A reader comes back, and there is one more commit: it
 * keeps that from being copied. */
static void
come_back(int offset, int count, int flags)
{
    walpool_lease *lease = atomic_load(&coming);
    (void)count;
    if (!lease || pthread_equal(pthread_self(), main_thread))
        return;
    copied |= offset == COPY_LOCK;
    if (!copied || flags != (SQLITE_SHM_LOCK | SQLITE_SHM_SHARED))
        return;
    copied = false;
    CHECK_OK(walpool_begin(lease, NULL, NULL));
    CHECK_INT(sqlite3_exec(plain, "INSERT INTO t VALUES(2)", NULL, NULL, NULL),
              SQLITE_OK);
    atomic_fetch_add(&came, 1);
}

static struct walpool__checkpointer *
checkpointer_of(walpool *db)
{
    walpool_status status;
    struct walpool__db *inner =
        walpool__handle_pin(WALPOOL__HANDLE_DATABASE, db, &err, &status);
    CHECK(inner != NULL);
    walpool__handle_unpin(db);
    return &inner->checkpointer;
}

static bool
is_at_work(struct walpool__checkpointer *checkpointer)
{
    walpool__mutex_lock(&checkpointer->mutex);
    bool at_work = checkpointer->at_work;
    walpool__mutex_unlock(&checkpointer->mutex);
    return at_work;
}

/* A commit between two steps of a run could start the WAL anew by itself. */
TEST(ceiling__holds_beside_a_reader_that_is_never_made_to_wait)
{
    shim_watch(check_path("a.db"));
    walpool *db = api_open("a.db", "checkpoint_frames=100&reader_gate=0&"
                           "wal_ceiling_frames=300&wal_ceiling_policy=interrupt");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(sqlite3_open(check_path("a.db"), &plain), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, "PRAGMA wal_autocheckpoint=0", NULL, NULL, NULL),
              SQLITE_OK);
    CHECK_INT(sqlite3_busy_timeout(plain, 10000), SQLITE_OK);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    atomic_store(&coming, lease);
    struct walpool__checkpointer *checkpointer = checkpointer_of(db);
    for (int i = 0; i < COMMITS; i++) {
        CHECK_EVENTUALLY(!is_at_work(checkpointer));
        CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
    }
    atomic_store(&coming, NULL);
    CHECK_EVENTUALLY(!is_at_work(checkpointer));
    CHECK_OK(walpool_release(lease, &err));
    CHECK(atomic_load(&came) > 0);
    CHECK(api_health(db).wal_bytes_highest / 4120 < 2 * CEILING);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t WHERE v = 1"), COMMITS);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    api_close(db);
    shim_watch(NULL);
}

int
main(int argc, char **argv)
{
    const struct shim_hooks hooks = {.shm_locking = come_back};
    main_thread = pthread_self();
    if (!shim_install(&hooks))
        return 2;
    return check_main(argc, argv);
}
