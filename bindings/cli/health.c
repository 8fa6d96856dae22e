/* The command health: open the database and print what walpool says of it.
 *
 * Does: open for reading only, print.
 * Must not: judge; doctor does.
 * Lock: none. */
#include <stdio.h>

#include "commands.h"
#include "health.h"
#include "mem.h"
#include "session.h"

struct answer {
    const char *file;
    walpool_health health;
    struct walpool__reasons reasons; /* why it is not ok */
    char *json; /* the same, by walpool */
};

static void
put(struct cli_json *json, const void *data)
{
    const struct answer *answer = data;

    cli_json_head(json, "health", answer->file,
                  (enum cli_status)answer->health.verdict);
    cli_json_raw(json, "health", answer->json);
}

static void
print_text(const struct answer *answer)
{
    const walpool_health *health = &answer->health;

    cli_output_head(answer->file, (enum cli_status)health->verdict);
    for (int i = 0; i < answer->reasons.count; i++) {
        const struct walpool__reason *reason = &answer->reasons.list[i];

        printf("\n\n%s: %s (%s)\n    %s",
               walpool__health_word(reason->verdict), reason->text,
               walpool__verdict_code(reason->code), reason->remedy);
    }
    printf("\n\n");
#define PRINT_FIELD(name, meaning) \
    printf("%-26s %12lld  %s\n", #name, (long long)health->name, meaning);
    WALPOOL_HEALTH_LIST(PRINT_FIELD)
#undef PRINT_FIELD
}

/* The numbers and the reasons in words. */
static bool
take(walpool *handle, struct answer *answer, walpool_error *err)
{
    walpool_status status;
    struct walpool__db *db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE,
                                                 handle, err, &status);

    if (!db)
        return false;
    walpool__health_take(db, &answer->health, &answer->reasons);
    walpool__handle_unpin(handle);
    return true;
}

/* The numbers may get longer between the two calls. */
#define ROOM_BYTES 1024

static bool
ask(walpool *db, struct answer *answer, walpool_error *err)
{
    size_t need = 0;

    if (!take(db, answer, err))
        return false;
    walpool_health_json(db, NULL, 0, &need, NULL);
    answer->json = walpool__mem_alloc(need + ROOM_BYTES);
    return answer->json && walpool_health_json(db, answer->json,
                                               need + ROOM_BYTES, NULL,
                                               err) == WALPOOL_OK;
}

enum cli_status
cli_health(const struct cli_args *args)
{
    walpool_error err = {.status = WALPOOL_NOMEM, .message = "out of memory"};
    struct answer answer = {.file = args->file};
    struct cli_session session;
    enum cli_status status;

    if (!cli_session_open(&session, args, CLI_READ_ONLY, &err))
        return cli_output_failure(args->json, "health", args->file, &err);
    if (!ask(session.db, &answer, &err))
        status = cli_output_failure(args->json, "health", args->file, &err);
    else
        status = (enum cli_status)answer.health.verdict;
    cli_session_close(&session, &err);
    if (answer.json && !args->json)
        print_text(&answer);
    if (answer.json && args->json && !cli_json_print(put, &answer))
        status = CLI_FAILING;
    walpool__mem_free(answer.json);
    return status;
}
