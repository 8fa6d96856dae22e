/* Last copy: the checkpoint of a close.
 *
 * A WAL that somebody has kept for long may have gigabytes, and SQLite copies
 * them in one go; nor does it take note of a part. But it looks after each page
 * whether its connection was interrupted. So a thread of our own waits for the
 * deadline meanwhile, and interrupts. The next opening finds the WAL as it was.
 *
 * Does: run that checkpoint, end it in time.
 * Must not: decide whether there is to be one.
 * Lock: none; the connection is the caller's alone, but for the interrupt. */
#include "last_copy.h"

#include "checkpoint.h"
#include "clock.h"
#include "sweeper.h"

/* For so long it is copied even past the deadline, so that a close that is not
 * to wait leaves no WAL of a usual size. */
#define MOMENT_NS INT64_C(1000000000)
/* Less than that any disk takes in a moment: no thread for it. */
#define LITTLE_BYTES 1048576
/* SQLite forgets an interrupt that comes between two of its steps. */
#define AGAIN_MS 10

struct alarm {
    struct walpool__conn *conn;
    int64_t due_ns;
    atomic_bool rang;
};

static int64_t
ring(void *arg)
{
    struct alarm *alarm = arg;

    if (walpool__clock_now() < alarm->due_ns)
        return alarm->due_ns;
    atomic_store(&alarm->rang, true);
    sqlite3_interrupt(alarm->conn->db);
    return walpool__clock_deadline(AGAIN_MS);
}

int64_t
walpool__last_copy_due(int64_t began_ns, int64_t deadline_ns)
{
    int64_t moment_ns = began_ns + MOMENT_NS;

    return moment_ns < deadline_ns ? deadline_ns : moment_ns;
}

void
walpool__last_copy_run(struct walpool__conn *conn, int64_t wal_bytes,
                       int64_t deadline_ns)
{
    struct alarm alarm = {
        .conn = conn,
        .due_ns = walpool__last_copy_due(walpool__clock_now(), deadline_ns)};
    walpool_checkpoint_result result = {
        .outcome = WALPOOL_CHECKPOINT_NOT_RESET};
    struct walpool__sweeper sweeper;

    walpool__sweeper_init(&sweeper, ring, &alarm);
    if (wal_bytes > LITTLE_BYTES && alarm.due_ns != WALPOOL__NEVER)
        walpool__sweeper_arm(&sweeper, alarm.due_ns); /* without a thread it
                                                         takes its time */
    walpool__checkpoint_reset(conn, WALPOOL_TRUNCATE, &result);
    walpool__sweeper_stop(&sweeper);
    walpool__sweeper_finish(&sweeper);
    if (atomic_load(&alarm.rang) &&
        result.outcome != WALPOOL_CHECKPOINT_COMPLETE)
        walpool__conn_leave_wal(conn);
}
