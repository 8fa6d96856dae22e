/* The command check: is the database sound?
 *
 * Does: SQLite's own checks on one reader after the other, and foreign keys.
 * Must not: write, or repair.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "session.h"
#include "text.h"

#define CHECK_SQL(pragma) \
    "SELECT " pragma " FROM pragma_" pragma "(100) WHERE " pragma " <> 'ok'"

static const char keys_sql[] =
    "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check "
    "GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 100";

struct answer {
    const char *file;
    bool full;
    walpool_rows problems, keys;
    char broken_off[480]; /* why the check could not go on, or "" */
};

static enum cli_status
status_of(const struct answer *answer)
{
    if (walpool_rows_count(&answer->problems) > 0 || answer->broken_off[0])
        return CLI_FAILING;
    return walpool_rows_count(&answer->keys) > 0 ? CLI_DEGRADED : CLI_OK;
}

static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;
    char text[512];

    cli_json_head(json, "check", answer->file, status_of(answer));
    cli_json_bool(json, "full", answer->full);
    cli_json_open(json, "problems", '[');
    for (size_t i = 0; i < walpool_rows_count(&answer->problems); i++)
        cli_json_text(json, NULL,
                      cli_session_text(&answer->problems, i, 0, text,
                                       sizeof text));
    if (answer->broken_off[0])
        cli_json_text(json, NULL, answer->broken_off);
    cli_json_close(json, ']');
    cli_json_open(json, "foreign_keys", '[');
    for (size_t i = 0; i < walpool_rows_count(&answer->keys); i++) {
        cli_json_open(json, NULL, '{');
        cli_json_text(json, "table",
                      cli_session_text(&answer->keys, i, 0, text, sizeof text));
        cli_json_text(json, "parent",
                      cli_session_text(&answer->keys, i, 1, text, sizeof text));
        cli_json_number(json, "rows", walpool_rows_int64(&answer->keys, i, 2));
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void
print_text(const struct answer *answer)
{
    char table[512], parent[512];

    cli_output_head(answer->file, status_of(answer));
    printf("\n");
    for (size_t i = 0; i < walpool_rows_count(&answer->problems); i++)
        printf("%s\n", cli_session_text(&answer->problems, i, 0, table,
                                        sizeof table));
    if (answer->broken_off[0])
        printf("%s\n", answer->broken_off);
    for (size_t i = 0; i < walpool_rows_count(&answer->keys); i++)
        printf("%lld rows of %s have no parent in %s\n",
               (long long)walpool_rows_int64(&answer->keys, i, 2),
               cli_session_text(&answer->keys, i, 0, table, sizeof table),
               cli_session_text(&answer->keys, i, 1, parent, sizeof parent));
    if (status_of(answer) == CLI_FAILING)
        printf("\nrestore a backup, or save what is left with the sqlite3 "
               "command's .recover\n");
    else if (status_of(answer) == CLI_DEGRADED)
        printf("\nPRAGMA foreign_key_check lists them: delete them, or put the "
               "parents back\n");
}

/* Damage may be such that SQLite does not get to the end of its own check. */
static bool
look_for_damage(struct cli_session *session, struct answer *answer,
                walpool_error *err)
{
    const char *sql = answer->full ? CHECK_SQL("integrity_check")
                                   : CHECK_SQL("quick_check");
    struct cli_progress progress;
    walpool_rows size;
    walpool_status status;

    walpool_rows_init(&size);
    status = cli_session_read(session,
                              "SELECT page_count * page_size FROM "
                              "pragma_page_count, pragma_page_size",
                              NULL, &size, err);
    if (status == WALPOOL_OK) {
        cli_progress_begin(&progress, "check", CLI_MOVED_READ,
                           walpool_rows_int64(&size, 0, 0));
        status = cli_session_read(session, sql, &progress, &answer->problems,
                                  err);
    }
    walpool_rows_finish(&size);
    if (status == WALPOOL_CORRUPT)
        memcpy(answer->broken_off, err->message, sizeof answer->broken_off);
    return status == WALPOOL_OK || status == WALPOOL_CORRUPT;
}

static bool
run(const struct cli_args *args, struct answer *answer, walpool_error *err)
{
    struct cli_session session;
    bool done;

    if (!cli_session_open(&session, args, CLI_READ_ONLY, err))
        return false;
    done = look_for_damage(&session, answer, err);
    if (done && status_of(answer) == CLI_OK)
        done = cli_session_read(&session, keys_sql, NULL, &answer->keys,
                                err) == WALPOOL_OK;
    cli_session_close(&session, NULL);
    return done;
}

enum cli_status
cli_check(const struct cli_args *args)
{
    struct answer answer = {.file = args->file, .full = args->full};
    enum cli_status status;
    walpool_error err;

    walpool_rows_init(&answer.problems);
    walpool_rows_init(&answer.keys);
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
    walpool_rows_finish(&answer.keys);
    return status;
}
