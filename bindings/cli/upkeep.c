/* The commands optimize and vacuum: work that makes a database better.
 *
 * Both run on a private connection, for they are no transactions of the pool,
 * and what they set stays there.
 *
 * Does: see that there is room, work, tell what came of it.
 * Must not: leave a long WAL behind.
 * Lock: none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "commands.h"
#include "session.h"
#include "text.h"

/* From 3.46 on SQLite finds out by itself which tables need it. */
#define SELF_LIMITING 3046000
#define ANALYZE_SQL "PRAGMA analysis_limit=400; ANALYZE"
#define OPTIMIZE_SQL "PRAGMA optimize=0x10002"

struct answer {
    const char *command, *file;
    int64_t bytes_before, bytes_after;
    walpool_checkpoint_result wal;
};

/* -------------------------------------------------------------- the work */

static bool
run_sql(struct cli_session *session, const char *sql,
        struct cli_progress *progress, walpool_error *err)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_statement statement = {.sql = sql};
    walpool_completion done;
    walpool_lease *lease;
    walpool_job job = {.op = WALPOOL_OP_RUN,
                       .statements = &statement,
                       .statement_count = 1,
                       .call = &call};

    call.flags = WALPOOL_CALL_SCRIPT;
    lease = walpool_acquire(session->db, WALPOOL_PRIVATE, NULL, err);
    if (!lease)
        return false;
    job.target = lease;
    cli_session_run(session, &job, progress, &done);
    walpool_release(lease, NULL);
    *err = done.error;
    return err->status == WALPOOL_OK;
}

/* Bring what was written into the database, and empty the WAL. A reader may be
 * in the way: that is told, and is no failure. */
static bool
empty_wal(struct cli_session *session, const struct cli_args *args,
          int64_t bytes, struct answer *answer, walpool_error *err)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_job job = {.op = WALPOOL_OP_CHECKPOINT,
                       .mode = WALPOOL_TRUNCATE,
                       .target = session->db,
                       .call = &call};
    struct cli_progress progress;
    walpool_completion done;

    call.timeout_ms = args->timeout_ms;
    cli_progress_begin(&progress, "checkpoint", CLI_MOVED_WRITTEN, bytes);
    cli_session_run(session, &job, &progress, &done);
    answer->wal = done.checkpoint;
    *err = done.error;
    return err->status == WALPOOL_OK;
}

static int64_t
size_of(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : 0;
}

static bool
work(const struct cli_args *args, const char *sql, int64_t factor,
     struct answer *answer, walpool_error *err)
{
    struct cli_session session;
    struct cli_progress progress;
    bool done;

    if (!cli_session_open(&session, args, CLI_MUST_EXIST, err))
        return false;
    cli_progress_begin(&progress, args->command, CLI_MOVED_WRITTEN,
                       answer->bytes_before * factor);
    done = run_sql(&session, sql, &progress, err) &&
           empty_wal(&session, args, answer->bytes_before, answer, err);
    if (!done) {
        cli_session_close(&session, NULL);
        return false;
    }
    return cli_session_close(&session, err) == WALPOOL_OK;
}

/* ------------------------------------------------------------ its outcome */

static enum cli_status
status_of(const struct answer *answer)
{
    return answer->wal.outcome == WALPOOL_CHECKPOINT_COMPLETE ? CLI_OK
                                                              : CLI_DEGRADED;
}

static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;

    cli_json_head(json, answer->command, answer->file, status_of(answer));
    cli_json_number(json, "bytes_before", answer->bytes_before);
    cli_json_number(json, "bytes_after", answer->bytes_after);
    cli_json_number(json, "wal_frames", answer->wal.log_frames);
    cli_json_number(json, "wal_checkpointed_frames",
                    answer->wal.checkpointed_frames);
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
        printf("the WAL could not be emptied: %d of %d frames are in the "
               "database; walpool doctor says who is in the way\n",
               answer->wal.checkpointed_frames, answer->wal.log_frames);
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

enum cli_status
cli_optimize(const struct cli_args *args)
{
    struct answer answer = {.command = "optimize",
                            .file = args->file,
                            .bytes_before = size_of(args->file)};
    walpool_version_info version;
    walpool_error err;

    walpool_version(&version);
    if (!work(args,
              version.sqlite_number < SELF_LIMITING ? ANALYZE_SQL
                                                    : OPTIMIZE_SQL,
              0, &answer, &err))
        return cli_output_failure(args->json, "optimize", args->file, &err);
    return report(args, &answer);
}

/* VACUUM writes a whole copy to a temporary file, and from there to the WAL. */
static bool
has_room(const char *path, int64_t bytes, walpool_error *err)
{
    char need[32], left[32];
    struct statvfs disk;
    int64_t free_bytes;

    if (bytes == 0 || statvfs(path, &disk) != 0)
        return true; /* opening tells more */
    free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    if (free_bytes / 2 >= bytes)
        return true;
    memset(err, 0, sizeof *err);
    err->status = WALPOOL_FULL;
    err->system_errno = ENOSPC;
    snprintf(err->message, sizeof err->message,
             "cannot vacuum %.256s: it needs %s on the disk, twice its size, "
             "and %s are free; make room",
             path, cli_text_bytes(2 * bytes, need, sizeof need),
             cli_text_bytes(free_bytes, left, sizeof left));
    return false;
}

enum cli_status
cli_vacuum(const struct cli_args *args)
{
    struct answer answer = {.command = "vacuum",
                            .file = args->file,
                            .bytes_before = size_of(args->file)};
    walpool_error err;

    if (!has_room(args->file, answer.bytes_before, &err) ||
        !work(args, "VACUUM", 2, &answer, &err))
        return cli_output_failure(args->json, "vacuum", args->file, &err);
    return report(args, &answer);
}
