/* Probe: does this database take a write and give it back, now?
 *
 * What is written is the user_version that is there already: SQLite writes the
 * page all the same, so the commit is a real one, through queue, turn, lock and
 * sync, and afterwards the database is what it was.
 *
 * Does: commit, read, and tell how long each step took.
 * Must not: leave a table, a row or another number behind.
 * Lock: none of its own. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "error.h"
#include "rows.h"

static const char version_sql[] = "PRAGMA user_version";

enum step { WRITER, WRITE, COMMIT, READ, TOTAL, STEPS };

struct probe {
    walpool *db;
    walpool_call asked; /* without `leave` */
    walpool_error *err;
    int64_t began_ns, step_ns;
    int64_t took_us[STEPS]; /* -1: was not done */
};

/* The next step has what time the others have left. */
static walpool_call
next_call(struct probe *probe)
{
    walpool_call call = probe->asked;

    probe->step_ns = walpool__clock_now();
    call.spent_ms +=
        (uint32_t)((probe->step_ns - probe->began_ns) / 1000000);
    return call;
}

static void
note_step(struct probe *probe, enum step step)
{
    probe->took_us[step] = (walpool__clock_now() - probe->step_ns) / 1000;
}

static walpool_status
run_number(walpool_lease *lease, const walpool_call *call, int64_t *number,
           walpool_error *err)
{
    walpool_statement statement = WALPOOL_STATEMENT_INIT(version_sql);
    walpool_rows rows;
    walpool_status status;

    walpool_rows_init(&rows);
    status = walpool_run(lease, &statement, call, &rows, err);
    *number = walpool_rows_int64(&rows, 0, 0);
    walpool_rows_finish(&rows);
    return status;
}

/* Write the number that is there. */
static walpool_status
rewrite(struct probe *probe, walpool_lease *lease)
{
    walpool_call call = next_call(probe);
    char sql[64];
    walpool_statement statement = WALPOOL_STATEMENT_INIT(sql);
    walpool_status status;
    int64_t number;

    call.flags &= ~WALPOOL__CALL_DURABILITY;
    status = run_number(lease, &call, &number, probe->err);
    if (status != WALPOOL_OK)
        return status;
    snprintf(sql, sizeof sql, "%s=%lld", version_sql, (long long)number);
    status = walpool_run(lease, &statement, &call, NULL, probe->err);
    note_step(probe, WRITE);
    return status;
}

static walpool_status
commit(struct probe *probe, walpool_lease *lease)
{
    walpool_call call = next_call(probe);
    walpool_status status = walpool_commit(lease, &call, probe->err);

    note_step(probe, COMMIT);
    return status;
}

static walpool_status
write_once(struct probe *probe)
{
    walpool_call call = next_call(probe);
    walpool_lease *lease;
    walpool_status status;

    lease = walpool_acquire(probe->db, WALPOOL_WRITE, &call, probe->err);
    note_step(probe, WRITER);
    if (!lease)
        return (walpool_status)probe->err->status;
    status = rewrite(probe, lease);
    if (status == WALPOOL_OK)
        status = commit(probe, lease);
    else
        walpool_rollback(lease, NULL);
    walpool_release(lease, NULL);
    return status;
}

static walpool_status
read_once(struct probe *probe)
{
    walpool_call call = next_call(probe);
    walpool_statement statement = WALPOOL_STATEMENT_INIT(version_sql);
    walpool_status status;

    call.flags &= ~(uint32_t)WALPOOL_CALL_NORMAL;
    status = walpool_read(probe->db, &statement, &call, NULL, probe->err);
    note_step(probe, READ);
    return status;
}

/* Is there a database, and may it be written? */
static walpool_status
look(walpool *handle, bool *readonly, walpool_error *err)
{
    walpool_status status;
    struct walpool__db *db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE,
                                                 handle, err, &status);

    if (!db)
        return status;
    *readonly = db->options.mode == 2;
    walpool__handle_unpin(handle);
    return WALPOOL_OK;
}

static walpool_status
carry_out(struct probe *probe)
{
    bool readonly = false;
    walpool_status status = look(probe->db, &readonly, probe->err);

    if (status == WALPOOL_OK && !readonly)
        status = write_once(probe);
    if (status == WALPOOL_OK)
        status = read_once(probe);
    probe->took_us[TOTAL] = (walpool__clock_now() - probe->began_ns) / 1000;
    return status;
}

static walpool_status
tell(const struct probe *probe, walpool_rows *rows, walpool_error *err)
{
    static const char *const names[STEPS] = {"writer_us", "write_us",
                                             "commit_us", "read_us",
                                             "total_us"};
    walpool_status status;

    if (!rows)
        return WALPOOL_OK;
    status = walpool_rows_begin(rows, STEPS, names, err);
    for (int i = 0; i < STEPS && status == WALPOOL_OK; i++)
        status = walpool_rows_add_int64(rows, probe->took_us[i], err);
    if (status == WALPOOL_OK)
        walpool__rows_seal(rows);
    return status;
}

walpool_status
walpool_probe(walpool *db, const walpool_call *given, walpool_rows *rows,
              walpool_error *err)
{
    static const walpool_call defaults = WALPOOL_CALL_INIT;
    walpool_error error = {.status = WALPOOL_OK};
    struct probe probe = {.db = db,
                          .asked = given ? *given : defaults,
                          .err = &error,
                          .began_ns = walpool__clock_now(),
                          .took_us = {-1, -1, -1, -1, -1}};
    walpool_status status;

    walpool__rows_clear(rows);
    if (probe.asked.leave) /* once, for all the calls below */
        probe.asked.leave(probe.asked.leave_data);
    probe.asked.leave = NULL;
    if (!probe.asked.why)
        probe.asked.why = "probe";
    status = carry_out(&probe);
    if (status == WALPOOL_OK)
        return tell(&probe, rows, err);
    if (err)
        *err = error;
    return status;
}
