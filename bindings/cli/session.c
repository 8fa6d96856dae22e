/* Session: a database that a command has open, and work on it.
 *
 * The work is done by a thread of walpool's; this one waits, draws, and cancels
 * it when the user interrupts: so a VACUUM is rolled back, and not cut off.
 *
 * Does: open, run, cancel, close.
 * Must not: know what the work is for.
 * Lock: none. */
#include "session.h"

#include <stdio.h>
#include <string.h>

#include "fsinfo.h"
#include "interrupt.h"
#include "text.h"

#define TICK_MS 100

/* FILE is a path, also if it begins as a DSN does. */
static walpool *
open_path(const char *path, const walpool_options *options, walpool_error *err)
{
    char plain[WALPOOL__PATH_BYTES + 2];

    snprintf(plain, sizeof plain, "%s%s",
             strncmp(path, "file:", 5) == 0 ? "./" : "", path);
    return walpool_open(plain, options, err);
}

bool
cli_session_open(struct cli_session *session, const struct cli_args *args,
                 enum cli_mode mode, walpool_error *err)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool_error ignored;

    memset(session, 0, sizeof *session);
    options.mode = (int32_t)mode;
    options.busy_timeout_ms = args->timeout_ms;
    options.close_timeout_ms = args->timeout_ms;
    options.temp_store_memory = 0; /* VACUUM keeps a whole copy there */
    session->token = walpool_token_open(err);
    if (session->token)
        session->queue = walpool_queue_open(err);
    if (session->queue)
        session->db = open_path(args->file, &options, err);
    if (session->db) {
        cli_interrupt_catch();
        return true;
    }
    cli_session_close(session, &ignored);
    return false;
}

walpool_status
cli_session_close(struct cli_session *session, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    walpool_queue_close(session->queue);
    walpool_token_close(session->token);
    if (session->db)
        status = walpool_close(session->db, -1, err);
    memset(session, 0, sizeof *session);
    return status;
}

walpool_status
cli_session_run(struct cli_session *session, walpool_job *job,
                struct cli_progress *progress, walpool_completion *done)
{
    walpool_call call = WALPOOL_CALL_INIT;

    if (job->call)
        call = *job->call;
    call.token = session->token;
    job->call = &call;
    if (cli_interrupt_came()) /* between two jobs */
        walpool_cancel(session->token, NULL);
    if (walpool_submit(session->queue, job, &done->error) != WALPOOL_OK)
        return (walpool_status)done->error.status;
    while (walpool_completions(session->queue, done, 1, TICK_MS, NULL) == 0) {
        if (cli_interrupt_came())
            walpool_cancel(session->token, NULL);
        if (progress)
            cli_progress_draw(progress);
    }
    if (progress)
        cli_progress_end(progress, done->error.status == WALPOOL_OK);
    return (walpool_status)done->error.status;
}

walpool_status
cli_session_read(struct cli_session *session, const char *sql,
                 struct cli_progress *progress, walpool_rows *rows,
                 walpool_error *err)
{
    walpool_statement statement = {.sql = sql};
    walpool_completion done;
    walpool_job job = {.op = WALPOOL_OP_READ,
                       .target = session->db,
                       .statements = &statement,
                       .statement_count = 1,
                       .rows = rows};
    walpool_status status = cli_session_run(session, &job, progress, &done);

    if (status != WALPOOL_OK)
        *err = done.error;
    return status;
}

const char *
cli_session_text(const walpool_rows *rows, size_t row, size_t column, char *dst,
                 size_t room)
{
    size_t bytes = 0;
    const char *text = walpool_rows_bytes(rows, row, column, &bytes);
    char cut[512];

    bytes = bytes < sizeof cut - 1 ? bytes : sizeof cut - 1;
    if (bytes)
        memcpy(cut, text, bytes);
    cut[bytes] = '\0';
    return cli_text_shown(cut, dst, room);
}
