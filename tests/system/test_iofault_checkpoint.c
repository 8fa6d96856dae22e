/* Every call of SQLite to the disk fails, one after the other, in a checkpoint:
 * in each of its steps. The call says so clearly, no row is lost, the gate is
 * open again, nothing leaks, and the next write works or is refused because a
 * sync failed. */
#include "iofault.h"
#include "ways.h"

static struct iofault *now;
static walpool_checkpoint_mode mode;
static int64_t timeout_ms;
static walpool_checkpoint_result result;
static walpool_lease *lease; /* a reader that is in the way, or NULL */

#define HOLDS(holds) IOFAULT_HOLDS(now, holds)

static walpool_status
checkpoint(void)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = now->kind == IOFAULT_BUSY ? 60 : timeout_ms;
    return walpool_checkpoint(ways_db, mode, &call, &result, &err);
}

/* On the snapshot of what is there now; then comes one frame more. */
static void
stand_in_the_way(void)
{
    lease = api_acquire(ways_db, WALPOOL_READ);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM t"), 1);
    CHECK_OK(api_write(ways_db, "UPDATE t SET v = zeroblob(9000)"));
}

static void
step_aside(void)
{
    walpool_error first = err;
    if (lease != NULL)
        CHECK_OK(walpool_release(lease, &err));
    lease = NULL;
    err = first;
}

/* The next write works, or a sync has failed. */
static int64_t
write_next(int64_t rows)
{
    walpool_status status = api_write(ways_db, "INSERT INTO t VALUES (1000, 1)");
    if (status == WALPOOL_OK) {
        HOLDS(!iofault_was_sync(now));
        return rows + 1;
    }
    HOLDS(status == WALPOOL_POISONED && iofault_was_sync(now));
    HOLDS(err.outcome == WALPOOL_NOT_APPLIED && err.system_errno == EIO);
    CHECK_INT(api_health(ways_db).verdict, WALPOOL_HEALTH_FAILING);
    return rows;
}

static void
sweep(const struct way *way, bool full, enum iofault_kind kind, bool lasts,
      bool gate)
{
    IOFAULT_EACH(fault, kind, lasts) {
        now = &fault;
        ways_begin(way, full, kind == IOFAULT_BUSY ? 60 : 20000);
        if (gate)
            stand_in_the_way();
        iofault_arm(now);
        walpool_status status = checkpoint();
        iofault_disarm();
        if (status != WALPOOL_OK)
            iofault_expect_clear(now, status);
        else if (gate)
            HOLDS(result.busy && result.outcome != WALPOOL_CHECKPOINT_COMPLETE);
        step_aside();
        ways_end(write_next(ways_compare(way, status, iofault_name(now))));
    }
}

static void
sweep_all(bool pending, bool gate)
{
    const struct way way = {.run = checkpoint, .pending = pending};
    ways_warm_up();
    shim_watch(ways_path);
    for (int kind = IOFAULT_ERROR; kind <= IOFAULT_BUSY; kind++)
        for (int lasts = 0; lasts < 2; lasts++)
            for (int full = 0; full < 2 - pending; full++)
                sweep(&way, full, (enum iofault_kind)kind, lasts, gate);
}

#define SWEEP_CHECKPOINT(name, which)                                  \
    TEST(iofault__in_a_checkpoint_that_##name)                         \
    {                                                                  \
        mode = which;                                                  \
        timeout_ms = 20000;                                            \
        sweep_all(false, false);                                       \
    }
SWEEP_CHECKPOINT(is_passive, WALPOOL_PASSIVE)
SWEEP_CHECKPOINT(is_full, WALPOOL_FULL_CHECKPOINT)
SWEEP_CHECKPOINT(restarts, WALPOOL_RESTART)
SWEEP_CHECKPOINT(truncates, WALPOOL_TRUNCATE)

/* Of many frames: the first step copies while others may write. */
TEST(iofault__in_a_checkpoint_of_many_frames)
{
    mode = WALPOOL_RESTART;
    timeout_ms = 20000;
    sweep_all(true, false);
}

/* It waits in vain: the reader goes only when the checkpoint has ended. */
TEST(iofault__in_a_checkpoint_that_shuts_the_gate)
{
    mode = WALPOOL_RESTART;
    timeout_ms = 10;
    sweep_all(true, true);
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
