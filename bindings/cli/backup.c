/* The commands backup and restore: a database as a file, and back.
 *
 * Does: start, step, draw, finish, whatever comes between.
 * Must not: copy: walpool does.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "fsinfo.h"
#include "session.h"
#include "text.h"
#include "thread.h"

#define PAGES_OF_A_STEP 1000
#define PAUSE_US 2000 /* leaves the disk to those who write */

struct answer {
    const char *command, *file, *other; /* TO or FROM */
    walpool_backup_progress backup;
    int64_t bytes;
};

static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;
    bool backup = strcmp(answer->command, "backup") == 0;

    cli_json_head(json, answer->command, answer->file, CLI_OK);
    cli_json_text(json, backup ? "to" : "from", answer->other);
    cli_json_number(json, "bytes", answer->bytes);
}

static enum cli_status
report(const struct cli_args *args, const struct answer *answer)
{
    char size[32];

    if (args->json)
        return cli_json_print(put, answer) ? CLI_OK : CLI_FAILING;
    cli_output_head(answer->file, CLI_OK);
    cli_text_bytes(answer->bytes, size, sizeof size);
    printf(": %s %s %s\n", size,
           strcmp(answer->command, "backup") == 0 ? "are in" : "came from",
           answer->other);
    return CLI_OK;
}

static bool
lacks_word(const struct cli_args *args, const char *word)
{
    if (args->word)
        return false;
    cli_output_error("a word is missing: %s; see walpool %s --help", word,
                     args->command);
    return true;
}

/* ---------------------------------------------------------------- backup */

static bool
start(struct cli_session *session, const struct cli_args *args,
      walpool_backup **backup, walpool_error *err)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_job job = {.op = WALPOOL_OP_BACKUP_START,
                       .target = session->db,
                       .name = args->word,
                       .call = &call};
    walpool_completion done;

    call.why = "walpool backup";
    job.mode = (args->replace ? WALPOOL_BACKUP_REPLACE : 0) |
               (args->full ? WALPOOL_BACKUP_FULL_CHECK : 0);
    cli_session_run(session, &job, NULL, &done);
    *backup = done.result;
    *err = done.error;
    return err->status == WALPOOL_OK;
}

static bool
step(struct cli_session *session, walpool_backup *backup, int32_t pages,
     struct cli_progress *progress, walpool_backup_progress *at,
     walpool_error *err)
{
    walpool_job job = {.op = WALPOOL_OP_BACKUP_STEP,
                       .target = backup,
                       .mode = pages};
    walpool_completion done;

    cli_session_run(session, &job, progress, &done);
    *at = done.backup;
    *err = done.error;
    return err->status == WALPOOL_OK;
}

/* The first step is a small one, and tells how much there is. */
static bool
copy(struct cli_session *session, walpool_backup *backup, struct answer *answer,
     walpool_error *err)
{
    walpool_backup_progress *at = &answer->backup;
    struct cli_progress progress;
    bool good = step(session, backup, 1, NULL, at, err);

    answer->bytes = at->pages * at->page_size;
    cli_progress_begin(&progress, "backup", CLI_MOVED_WRITTEN, answer->bytes);
    while (good && at->phase == WALPOOL_BACKUP_COPY) {
        cli_progress_draw(&progress);
        walpool__thread_nap_us(PAUSE_US);
        good = step(session, backup, PAGES_OF_A_STEP, NULL, at, err);
    }
    cli_progress_end(&progress, good);
    return good;
}

static bool
back_up(struct cli_session *session, const struct cli_args *args,
        struct answer *answer, walpool_error *err)
{
    struct cli_progress progress;
    walpool_backup *backup = NULL;
    bool good = start(session, args, &backup, err);

    if (!good)
        return false;
    good = copy(session, backup, answer, err);
    if (good) {
        cli_progress_begin(&progress, "check", CLI_MOVED_READ, answer->bytes);
        good = step(session, backup, 1, &progress, &answer->backup, err);
    }
    good = good && step(session, backup, 1, NULL, &answer->backup, err);
    walpool_backup_finish(backup, NULL);
    return good;
}

enum cli_status
cli_backup(const struct cli_args *args)
{
    struct answer answer = {.command = "backup", .file = args->file,
                            .other = args->word};
    struct cli_session session;
    walpool_error err;
    bool good;

    if (lacks_word(args, "TO"))
        return CLI_USAGE;
    good = cli_session_open(&session, args, CLI_READ_ONLY, &err);
    if (good) {
        good = back_up(&session, args, &answer, &err);
        cli_session_close(&session, NULL);
    }
    return good ? report(args, &answer)
                : cli_output_failure(args->json, "backup", args->file, &err);
}

/* --------------------------------------------------------------- restore */

static bool
restore(struct cli_session *session, const struct cli_args *args,
        struct answer *answer, walpool_error *err)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_job job = {.op = WALPOOL_OP_RESTORE,
                       .target = session->db,
                       .name = args->word,
                       .call = &call};
    struct cli_progress progress;
    walpool_completion done;

    call.why = "walpool restore";
    call.flags = WALPOOL_CALL_DURABLE;
    answer->bytes = walpool__fsinfo_size(args->word);
    cli_progress_begin(&progress, "restore", CLI_MOVED_WRITTEN, answer->bytes);
    cli_session_run(session, &job, &progress, &done);
    *err = done.error;
    return err->status == WALPOOL_OK;
}

enum cli_status
cli_restore(const struct cli_args *args)
{
    struct answer answer = {.command = "restore", .file = args->file,
                            .other = args->word};
    struct cli_session session;
    walpool_error err;
    bool good;

    if (lacks_word(args, "FROM"))
        return CLI_USAGE;
    good = cli_session_open(&session, args, CLI_MUST_EXIST, &err);
    if (good) {
        good = restore(&session, args, &answer, &err);
        cli_session_close(&session, NULL);
    }
    return good ? report(args, &answer)
                : cli_output_failure(args->json, "restore", args->file, &err);
}
