/* The commands optimize and vacuum: work that makes a database better.
 *
 * Does: have it done by walpool_maintain, tell what came of it.
 * Must not: know how it is done.
 * Lock: none. */
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "session.h"
#include "text.h"

/* Columns of the answer. */
enum { WAL_FRAMES = 5, WAL_CHECKPOINTED_FRAMES = 6, COMPLETE = 7 };

struct answer {
    const char *command, *file;
    int64_t bytes_before, bytes_after;
    int64_t wal_frames, wal_checkpointed_frames;
    bool complete;
};

/* -------------------------------------------------------------- the work */

static int64_t
size_of(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : 0;
}

/* The bar counts what is written: `factor` times the size of the file. */
static bool
run(struct cli_session *session, walpool_task task, int64_t factor,
    struct answer *answer, walpool_error *err)
{
    walpool_rows rows;
    walpool_job job = {.op = WALPOOL_OP_MAINTAIN,
                       .mode = (int32_t)task,
                       .target = session->db,
                       .rows = &rows};
    struct cli_progress progress;
    walpool_completion done;

    walpool_rows_init(&rows);
    cli_progress_begin(&progress, answer->command, CLI_MOVED_WRITTEN,
                       answer->bytes_before * factor);
    cli_session_run(session, &job, &progress, &done);
    answer->wal_frames = walpool_rows_int64(&rows, 0, WAL_FRAMES);
    answer->wal_checkpointed_frames =
        walpool_rows_int64(&rows, 0, WAL_CHECKPOINTED_FRAMES);
    answer->complete = walpool_rows_int64(&rows, 0, COMPLETE) != 0;
    walpool_rows_finish(&rows);
    *err = done.error;
    return err->status == WALPOOL_OK;
}

static bool
work(const struct cli_args *args, walpool_task task, int64_t factor,
     struct answer *answer, walpool_error *err)
{
    struct cli_session session;

    if (!cli_session_open(&session, args, CLI_MUST_EXIST, err))
        return false;
    if (!run(&session, task, factor, answer, err)) {
        cli_session_close(&session, NULL);
        return false;
    }
    return cli_session_close(&session, err) == WALPOOL_OK;
}

/* ------------------------------------------------------------ its outcome */

static enum cli_status
status_of(const struct answer *answer)
{
    return answer->complete ? CLI_OK : CLI_DEGRADED;
}

static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;

    cli_json_head(json, answer->command, answer->file, status_of(answer));
    cli_json_number(json, "bytes_before", answer->bytes_before);
    cli_json_number(json, "bytes_after", answer->bytes_after);
    cli_json_number(json, "wal_frames", answer->wal_frames);
    cli_json_number(json, "wal_checkpointed_frames",
                    answer->wal_checkpointed_frames);
}

static void
print_text(const struct answer *answer)
{
    char before[32], after[32];

    cli_output_head(answer->file, status_of(answer));
    printf(": %s before, %s now\n",
           cli_text_bytes(answer->bytes_before, before, sizeof before),
           cli_text_bytes(answer->bytes_after, after, sizeof after));
    if (status_of(answer) != CLI_OK)
        printf("the WAL could not be emptied: %lld of %lld frames are in the "
               "database; walpool doctor says who is in the way\n",
               (long long)answer->wal_checkpointed_frames,
               (long long)answer->wal_frames);
}

static enum cli_status
report(const struct cli_args *args, struct answer *answer)
{
    answer->bytes_after = size_of(args->file);
    if (!args->json)
        print_text(answer);
    else if (!cli_json_print(put, answer))
        return CLI_FAILING;
    return status_of(answer);
}

/* -------------------------------------------------------------- commands */

static enum cli_status
carry_out(const struct cli_args *args, walpool_task task, int64_t factor)
{
    struct answer answer = {.command = args->command,
                            .file = args->file,
                            .bytes_before = size_of(args->file)};
    walpool_error err;

    return work(args, task, factor, &answer, &err)
               ? report(args, &answer)
               : cli_output_failure(args->json, args->command, args->file,
                                    &err);
}

enum cli_status
cli_optimize(const struct cli_args *args)
{
    return carry_out(args, WALPOOL_OPTIMIZE, 0);
}

/* Written are a copy, from there the WAL, and from there the database. */
enum cli_status
cli_vacuum(const struct cli_args *args)
{
    return carry_out(args, WALPOOL_VACUUM, 3);
}
