/* The command check: is the database sound?
 *
 * Does: have it checked by walpool_maintain, tell what was found.
 * Must not: write, or repair.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "session.h"
#include "text.h"

/* Columns of the answer. */
enum { KIND, MESSAGE, TABLE, PARENT, ROWS };

struct answer {
    const char *file;
    bool full;
    walpool_rows problems;
    size_t damage; /* of these; the others are rows without their parent */
};

static enum cli_status
status_of(const struct answer *answer)
{
    if (answer->damage > 0)
        return CLI_FAILING;
    return walpool_rows_count(&answer->problems) > 0 ? CLI_DEGRADED : CLI_OK;
}

/* Damage comes first. */
static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;
    const walpool_rows *rows = &answer->problems;
    char text[512];

    cli_json_head(json, "check", answer->file, status_of(answer));
    cli_json_bool(json, "full", answer->full);
    cli_json_open(json, "problems", '[');
    for (size_t i = 0; i < answer->damage; i++)
        cli_json_text(json, NULL,
                      cli_session_text(rows, i, MESSAGE, text, sizeof text));
    cli_json_close(json, ']');
    cli_json_open(json, "foreign_keys", '[');
    for (size_t i = answer->damage; i < walpool_rows_count(rows); i++) {
        cli_json_open(json, NULL, '{');
        cli_json_text(json, "table",
                      cli_session_text(rows, i, TABLE, text, sizeof text));
        cli_json_text(json, "parent",
                      cli_session_text(rows, i, PARENT, text, sizeof text));
        cli_json_number(json, "rows", walpool_rows_int64(rows, i, ROWS));
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void
print_text(const struct answer *answer)
{
    char text[512];

    cli_output_head(answer->file, status_of(answer));
    printf("\n");
    for (size_t i = 0; i < walpool_rows_count(&answer->problems); i++)
        printf("%s\n", cli_session_text(&answer->problems, i, MESSAGE, text,
                                        sizeof text));
    if (status_of(answer) == CLI_FAILING)
        printf("\nrestore a backup, or save what is left with the sqlite3 "
               "command's .recover\n");
    else if (status_of(answer) == CLI_DEGRADED)
        printf("\nPRAGMA foreign_key_check lists them: delete them, or put the "
               "parents back\n");
}

static size_t
count_damage(const walpool_rows *rows)
{
    size_t count = 0, bytes = 0;
    const char *kind;

    while ((kind = walpool_rows_bytes(rows, count, KIND, &bytes)) &&
           bytes == sizeof "damage" - 1 && memcmp(kind, "damage", bytes) == 0)
        count++;
    return count;
}

/* What will be read, for the bar; 0 where that cannot be told. */
static int64_t
bytes_to_read(struct cli_session *session)
{
    walpool_error ignored;
    walpool_rows size;
    int64_t bytes;

    walpool_rows_init(&size);
    cli_session_read(session,
                     "SELECT page_count * page_size FROM pragma_page_count, "
                     "pragma_page_size", NULL, &size, &ignored);
    bytes = walpool_rows_int64(&size, 0, 0);
    walpool_rows_finish(&size);
    return bytes;
}

static bool
run(const struct cli_args *args, struct answer *answer, walpool_error *err)
{
    struct cli_session session;
    struct cli_progress progress;
    walpool_completion done;
    walpool_job job = {.op = WALPOOL_OP_MAINTAIN,
                       .mode = answer->full ? WALPOOL_FULL_CHECK
                                            : WALPOOL_QUICK_CHECK,
                       .rows = &answer->problems};

    if (!cli_session_open(&session, args, CLI_READ_ONLY, err))
        return false;
    job.target = session.db;
    cli_progress_begin(&progress, "check", CLI_MOVED_READ,
                       bytes_to_read(&session));
    cli_session_run(&session, &job, &progress, &done);
    answer->damage = count_damage(&answer->problems);
    cli_session_close(&session, NULL);
    *err = done.error;
    return err->status == WALPOOL_OK;
}

enum cli_status
cli_check(const struct cli_args *args)
{
    struct answer answer = {.file = args->file, .full = args->full};
    enum cli_status status;
    walpool_error err;

    walpool_rows_init(&answer.problems);
    if (!run(args, &answer, &err)) {
        status = cli_output_failure(args->json, "check", args->file, &err);
    } else {
        status = status_of(&answer);
        if (!args->json)
            print_text(&answer);
        else if (!cli_json_print(put, &answer))
            status = CLI_FAILING;
    }
    walpool_rows_finish(&answer.problems);
    return status;
}
