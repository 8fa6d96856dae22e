/* The command checkpoint: copy the WAL into the database, now.
 *
 * Does: checkpoint, tell the outcome, and who is in the way. That is found out
 * from outside, as doctor does it, when the database is closed again.
 * Must not: look from outside while it is open here.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "judge.h"
#include "mem.h"
#include "session.h"

static const char *const modes[] = {
    [WALPOOL_PASSIVE] = "passive",
    [WALPOOL_FULL_CHECKPOINT] = "full",
    [WALPOOL_RESTART] = "restart",
    [WALPOOL_TRUNCATE] = "truncate",
};

static const char *const outcomes[] = {
    [WALPOOL_CHECKPOINT_COMPLETE] = "complete",
    [WALPOOL_CHECKPOINT_PARTIAL] = "partial",
    [WALPOOL_CHECKPOINT_NOT_RESET] = "not_reset",
    [WALPOOL_CHECKPOINT_OTHER] = "other",
};

static const char *const meanings[] = {
    [WALPOOL_CHECKPOINT_COMPLETE] = "",
    [WALPOOL_CHECKPOINT_PARTIAL] = "a reader keeps frames back",
    [WALPOOL_CHECKPOINT_NOT_RESET] =
        "all are copied, and a reader or writer keeps the WAL from being reset",
    [WALPOOL_CHECKPOINT_OTHER] = "another process checkpoints just now",
};

struct answer {
    const char *file, *mode;
    walpool_checkpoint_result result;
    bool closed; /* then this process may look from outside */
    struct cli_facts facts; /* where it is not complete */
    struct cli_findings findings;
};

static enum cli_status
status_of(const struct answer *answer)
{
    return answer->result.outcome == WALPOOL_CHECKPOINT_COMPLETE ? CLI_OK
                                                                 : CLI_DEGRADED;
}

static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;

    cli_json_head(json, "checkpoint", answer->file, status_of(answer));
    cli_json_text(json, "mode", answer->mode);
    cli_json_text(json, "outcome", outcomes[answer->result.outcome]);
    cli_json_number(json, "log_frames", answer->result.log_frames);
    cli_json_number(json, "checkpointed_frames",
                    answer->result.checkpointed_frames);
    cli_json_open(json, "in_the_way", '[');
    for (int i = 0; i < answer->findings.count; i++) {
        cli_json_open(json, NULL, '{');
        cli_json_number(json, "process", answer->findings.list[i].pid);
        cli_json_text(json, "what", answer->findings.list[i].what);
        cli_json_text(json, "remedy", answer->findings.list[i].remedy);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void
print_text(const struct answer *answer)
{
    const char *meaning = meanings[answer->result.outcome];

    cli_output_head(answer->file, status_of(answer));
    printf(": %s: %d of %d frames are in the database%s%s\n",
           outcomes[answer->result.outcome], answer->result.checkpointed_frames,
           answer->result.log_frames, meaning[0] ? "; " : "", meaning);
    for (int i = 0; i < answer->findings.count; i++)
        printf("\n%s\n    %s\n", answer->findings.list[i].what,
               answer->findings.list[i].remedy);
}

static bool
find_mode(const char *word, walpool_job *job, const char **name)
{
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++)
        if (!word || strcmp(word, modes[i]) == 0) {
            job->mode = (int32_t)i;
            *name = modes[i];
            return true;
        }
    cli_output_error("unknown mode %s: it is passive, full, restart or "
                     "truncate", word);
    return false;
}

/* Bytes that are to be copied. */
static int64_t
pending_bytes(struct cli_session *session)
{
    walpool_health health = {.verdict = WALPOOL_HEALTH_OK};
    int64_t page = 0;
    walpool_error err;
    walpool_rows rows;

    walpool_rows_init(&rows);
    if (cli_session_read(session, "PRAGMA page_size", NULL, &rows, &err) ==
        WALPOOL_OK)
        page = walpool_rows_int64(&rows, 0, 0);
    walpool_rows_finish(&rows);
    walpool_health_get(session->db, &health, &err);
    return (health.wal_frames - health.wal_frames_checkpointed) * page;
}

static bool
run(const struct cli_args *args, walpool_job *job, struct answer *answer,
    walpool_error *err)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_completion done;
    struct cli_progress progress;
    struct cli_session session;
    walpool_status status;

    if (!cli_session_open(&session, args, CLI_MUST_EXIST, err))
        return false;
    call.timeout_ms = args->timeout_ms;
    job->op = WALPOOL_OP_CHECKPOINT;
    job->target = session.db;
    job->call = &call;
    cli_progress_begin(&progress, "checkpoint", CLI_MOVED_WRITTEN,
                       pending_bytes(&session));
    status = cli_session_run(&session, job, &progress, &done);
    answer->result = done.checkpoint;
    *err = done.error;
    answer->closed = cli_session_close(&session, NULL) == WALPOOL_OK;
    return status == WALPOOL_OK;
}

/* Who has a snapshot or the write lock, now that this process has closed. */
static void
find_who(struct answer *answer)
{
    if (cli_facts_gather(answer->file, 0, 0, &answer->facts)) {
        cli_findings_init(&answer->findings);
        cli_judge_holders(&answer->facts, &answer->findings);
    }
}

enum cli_status
cli_checkpoint(const struct cli_args *args)
{
    struct answer *answer = walpool__mem_zalloc(sizeof *answer);
    walpool_error err = {.status = WALPOOL_NOMEM, .message = "out of memory"};
    walpool_job job = {.id = 1};
    enum cli_status status = CLI_USAGE;

    if (answer && !find_mode(args->word, &job, &answer->mode))
        goto out;
    if (!answer || !run(args, &job, answer, &err)) {
        status = cli_output_failure(args->json, "checkpoint", args->file, &err);
        goto out;
    }
    answer->file = args->file;
    status = status_of(answer);
    if (status != CLI_OK && answer->closed)
        find_who(answer);
    if (!args->json)
        print_text(answer);
    else if (!cli_json_print(put, answer))
        status = CLI_FAILING;
out:
    walpool__mem_free(answer);
    return status;
}
