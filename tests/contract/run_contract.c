/* The C runner of the contract: run_contract FILE.json... prints TAP, one
 * line a scenario. It knows steps only as functions from JSON to answers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/check.h"
#include "run.h"

/* -------------------------------------------------------------- objects */

struct object *
run_find(struct run *run, const char *name)
{
    struct object *found = NULL;
    pthread_mutex_lock(&run->lock);
    for (size_t i = run->object_count; i > 0 && found == NULL; i--)
        if (strcmp(run->objects[i - 1].name, name) == 0)
            found = &run->objects[i - 1];
    pthread_mutex_unlock(&run->lock);
    return found;
}

struct object *
run_add(struct run *run, const char *name, enum object_kind kind, void *handle)
{
    if (run->object_count == RUN_OBJECTS_MAX)
        abort();
    struct object *object = &run->objects[run->object_count];
    memset(object, 0, sizeof *object);
    snprintf(object->name, sizeof object->name, "%s", name);
    object->kind = kind;
    object->handle = handle;
    pthread_mutex_lock(&run->lock);
    run->object_count++;
    pthread_mutex_unlock(&run->lock);
    return object;
}

struct object *
run_target(struct run *run, const struct json *step, struct answer *answer)
{
    const char *name = json_text(step, "on", "db");
    struct object *object = run_find(run, name);
    if (object == NULL)
        answer_fail(answer, "there is no object %s", name);
    return object;
}

static walpool_status
end_iterator(struct object *iterator, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;
    if (iterator->rows.data != NULL) {
        walpool_cursor *cursor =
            (walpool_cursor
                 *)(uintptr_t)((const walpool_rows_header *)(const void *)
                                   iterator->rows.data)
                ->cursor;
        if (cursor != NULL)
            status = walpool_cursor_close(cursor, err);
    }
    walpool_rows_finish(&iterator->rows);
    return status == WALPOOL_CLOSED ? WALPOOL_OK : status;
}

walpool_status
run_end(struct object *object, walpool_error *err)
{
    if (object->kind == ITERATOR)
        return end_iterator(object, err);
    if (object->kind == BACKGROUND && !object->ended)
        pthread_join(object->thread, NULL);
    if (object->kind == PREPARED)
        walpool_prepared_close(object->handle);
    if (object->kind == TOKEN)
        walpool_token_close(object->handle);
    if (object->kind == LEASE && !object->ended)
        return walpool_release(object->handle, err);
    if (object->kind == DATABASE && !object->ended)
        return walpool_close(object->handle, -1, err);
    return WALPOOL_OK;
}

char *
run_expand(struct run *run, const char *text)
{
    const char *mark = strstr(text, "${dir}");
    size_t bytes = strlen(text) + sizeof run->folder;
    char *out = malloc(bytes);
    int before = mark != NULL ? (int)(mark - text) : (int)strlen(text);
    if (out == NULL)
        abort();
    snprintf(out, bytes, "%.*s%s%s", before, text,
             mark != NULL ? run->folder : "", mark != NULL ? mark + 6 : "");
    return out;
}

walpool_call
run_call(struct run *run, const struct json *step, uint32_t flags)
{
    walpool_call call = WALPOOL_CALL_INIT;
    struct object *token = run_find(run, json_text(step, "token", ""));
    call.timeout_ms = json_int(step, "timeout", -1);
    call.token = token != NULL ? token->handle : NULL;
    call.why = json_text(step, "why", NULL);
    call.flags = flags;
    if (strcmp(json_text(step, "durability", ""), "durable") == 0)
        call.flags |= WALPOOL_CALL_DURABLE;
    if (strcmp(json_text(step, "durability", ""), "normal") == 0)
        call.flags |= WALPOOL_CALL_NORMAL;
    if (json_get(step, "immediate") != NULL)
        call.flags |= WALPOOL_CALL_IMMEDIATE;
    return call;
}

void
answer_fail(struct answer *answer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    answer->status = -1;
    answer->err.status = -1;
    vsnprintf(answer->err.message, sizeof answer->err.message, format,
              arguments);
    va_end(arguments);
}

void
answer_finish(struct answer *answer)
{
    table_finish(&answer->table);
    for (size_t i = 0; i < answer->result_count; i++)
        table_finish(&answer->results[i]);
}

/* ---------------------------------------------------------------- steps */

/* A misspelt member would silently check nothing. */
static const char *
unknown_member(const struct json *step)
{
    static const char known[] =
        " do on as sql params param_rows expect_changes once_key statements"
        " count name options kind why"
        " mode task pages full save since path type to content permissions offset"
        " timeout token"
        " durability immediate background expect replace check ";
    char word[64];
    JSON_EACH(member, step) {
        snprintf(word, sizeof word, " %s ", member->key);
        if (strstr(known, word) == NULL)
            return member->key;
    }
    return NULL;
}

int
run_step(struct run *run, const struct json *step, char *reason)
{
    const char *name = json_text(step, "do", "");
    struct answer answer;
    step_function *function = step_sql_find(name);
    memset(&answer, 0, sizeof answer);
    if (function == NULL)
        function = step_object_find(name);
    if (function == NULL)
        function = step_file_find(name);
    if (function == NULL)
        function = step_process_find(name);
    if (unknown_member(step) != NULL)
        answer_fail(&answer, "a step has no %s", unknown_member(step));
    else if (function != NULL)
        function(run, step, &answer);
    else
        answer_fail(&answer, "there is no step %s", name);
    if (answer.status > 0 && answer.err.status != answer.status)
        answer_fail(&answer, "returned %s, but the error says %s",
                    walpool_status_name(answer.status),
                    walpool_status_name(answer.err.status));
    int same = expect_check(run, step, &answer, reason);
    answer_finish(&answer);
    return same;
}

static void *
in_background(void *argument)
{
    struct object *background = argument;
    run_step(background->run, background->step, background->reason);
    return NULL;
}

static int
start(struct run *run, const struct json *step)
{
    struct object *background =
        run_add(run, json_text(step, "background", ""), BACKGROUND, NULL);
    background->run = run;
    background->step = step;
    if (pthread_create(&background->thread, NULL, in_background, background) ==
        0)
        return 1;
    snprintf(run->reason, sizeof run->reason, "no thread to be had");
    return 0;
}

/* ------------------------------------------------------------- scenarios */

static int
can(const struct json *scenario, const char **missing)
{
    static const char *const abilities[] = {"raw_text",      "whole_real",
                                            "named_options", "thread_identity",
                                            "background",    "strict_close",
                                            "expect",        "durability",
                                            "leases",        "move",
                                            "once_key",      "private",
                                            "coalesce"};
    JSON_EACH(need, json_get(scenario, "needs")) {
        int found = strcmp(need->text, "unprivileged") == 0 && geteuid() != 0;
        for (size_t i = 0; i < sizeof abilities / sizeof abilities[0]; i++)
            found |= strcmp(need->text, abilities[i]) == 0;
        *missing = need->text;
        if (!found)
            return 0;
    }
    return 1;
}

static int
open_first(struct run *run, const struct json *scenario)
{
    char name[512];
    walpool_error err = {0};
    if (json_is(json_get(scenario, "open"), "false"))
        return 1;
    snprintf(name, sizeof name, "file:%s/test.db?%s", run->folder,
             json_text(scenario, "dsn", ""));
    walpool *db = walpool_open(name, NULL, &err);
    if (db != NULL)
        run_add(run, "db", DATABASE, db);
    else
        snprintf(run->reason, sizeof run->reason, "open: %s", err.message);
    return db != NULL;
}

static int
end_all(struct run *run, int passed)
{
    while (run->object_count > 0) {
        struct object *object = &run->objects[run->object_count - 1];
        walpool_error err = {0};
        if (run_end(object, &err) != WALPOOL_OK && passed) {
            snprintf(run->reason, sizeof run->reason, "at the end, %s: %s",
                     object->name, err.message);
            passed = 0;
        }
        run->object_count--;
    }
    free(run->remembered);
    return passed;
}

static int
run_scenario(struct run *run, const struct json *scenario)
{
    char reason[1024] = "";
    int number = 0, passed = open_first(run, scenario);
    JSON_EACH(step, json_get(scenario, "steps")) {
        number++;
        if (!passed)
            break;
        if (json_get(step, "background") != NULL)
            passed = start(run, step);
        else
            passed = run_step(run, step, reason);
        if (!passed && reason[0] != 0)
            snprintf(run->reason, sizeof run->reason, "step %d (%s): %.900s",
                     number, json_text(step, "do", "?"), reason);
    }
    return end_all(run, passed);
}

static int
report(size_t number, const char *room, const struct json *scenario)
{
    static struct run run;
    const char *name = json_text(scenario, "name", "?"), *missing;
    if (!can(scenario, &missing)) {
        printf("ok %zu - %s: %s # SKIP needs %s\n", number, room, name,
               missing);
        return 0;
    }
    memset(&run, 0, sizeof run);
    pthread_mutex_init(&run.lock, NULL);
    snprintf(run.folder, sizeof run.folder, "%s", check_folder());
    check_current = name;
    alarm(CHECK_SECONDS);
    int passed = run_scenario(&run, scenario);
    alarm(0);
    pthread_mutex_destroy(&run.lock);
    check_remove(run.folder);
    check_folder_path[0] = 0;
    printf("%s %zu - %s: %s\n", passed ? "ok" : "not ok", number, room, name);
    for (char *line = strtok(run.reason, "\n"); line != NULL && !passed;
         line = strtok(NULL, "\n"))
        printf("# %s\n", line);
    fflush(stdout);
    return !passed;
}

int
main(int argc, char **argv)
{
    static const struct json *files[64]; /* static: leak checkers see it */
    size_t number = 0;
    int failed = 0, elsewhere = process_main(argc, argv);
    if (elsewhere >= 0)
        return elsewhere;
    check_thread = pthread_self();
    signal(SIGALRM, check_hung);
    for (int i = 1; i < argc && i < 64; i++) {
        files[i] = json_load(argv[i]);
        if (files[i] == NULL)
            return 1;
        JSON_EACH(scenario, json_get(files[i], "scenarios"))
            failed +=
                report(++number, json_text(files[i], "room", "?"), scenario);
    }
    printf("1..%zu\n", number);
    return failed != 0;
}
