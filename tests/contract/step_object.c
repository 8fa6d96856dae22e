/* The steps that make, use and end objects: databases, leases, tokens. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

static void
open_database(struct run *run, const struct json *step, struct answer *answer)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    char *name = run_expand(run, json_text(step, "name", ""));
    walpool *db = NULL;
    JSON_EACH(option, json_get(step, "options"))
        if (answer->status == WALPOOL_OK)
            answer->status = walpool_options_set(&options, option->key,
                                                 option->text, &answer->err);
    if (answer->status == WALPOOL_OK) {
        db = walpool_open(name, &options, &answer->err);
        answer->status = db != NULL ? WALPOOL_OK : answer->err.status;
    }
    if (db != NULL)
        run_add(run, json_text(step, "as", "db"), DATABASE, db);
    free(name);
}

static void
close_object(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *object = run_target(run, step, answer);
    if (object == NULL)
        return;
    if (object->kind == DATABASE)
        answer->status = walpool_close(
            object->handle, json_int(step, "timeout", -1), &answer->err);
    else
        answer->status = run_end(object, &answer->err);
    object->ended |= answer->status == WALPOOL_OK;
}

static void
acquire(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    if (db == NULL)
        return;
    const char *name = json_text(step, "kind", "");
    walpool_call call = run_call(run, step, 0);
    walpool_kind kind = strcmp(name, "write") == 0     ? WALPOOL_WRITE
                        : strcmp(name, "private") == 0 ? WALPOOL_PRIVATE
                                                       : WALPOOL_READ;
    walpool_lease *lease =
        walpool_acquire(db->handle, kind, &call, &answer->err);
    answer->status = lease != NULL ? WALPOOL_OK : answer->err.status;
    if (lease != NULL)
        run_add(run, json_text(step, "as", "lease"), LEASE, lease);
}

static void
prepare(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    walpool_call call = run_call(run, step, 0);
    struct value sql;
    if (db == NULL)
        return;
    value_read(json_get(step, "sql"), &sql);
    walpool_prepared *prepared =
        walpool_prepare(db->handle, (const char *)sql.bytes, sql.length, &call,
                        &answer->err);
    answer->status = prepared != NULL ? WALPOOL_OK : answer->err.status;
    if (prepared != NULL)
        run_add(run, json_text(step, "as", ""), PREPARED, prepared);
    value_finish(&sql);
}

static void
on_lease(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *lease = run_target(run, step, answer);
    const char *verb = json_text(step, "do", "");
    walpool_call call = run_call(run, step, 0);
    if (lease == NULL)
        return;
    if (strcmp(verb, "begin") == 0 || strcmp(verb, "fresh") == 0)
        answer->status = walpool_begin(lease->handle, &call, &answer->err);
    else if (strcmp(verb, "savepoint") == 0)
        answer->status = walpool_savepoint(lease->handle, &answer->err);
    else if (strcmp(verb, "commit") == 0)
        answer->status = walpool_commit(lease->handle, &call, &answer->err);
    else if (strcmp(verb, "rollback") == 0)
        answer->status = walpool_rollback(lease->handle, &answer->err);
    else
        answer->status = walpool_release(lease->handle, &answer->err);
    lease->ended |=
        answer->status == WALPOOL_OK && strcmp(verb, "release") == 0;
}

static void
checkpoint(struct run *run, const struct json *step, struct answer *answer)
{
    static const char *const modes[] = {"passive", "full", "restart",
                                        "truncate"};
    struct object *db = run_target(run, step, answer);
    int mode = 0;
    if (db == NULL)
        return;
    while (mode < 4 && strcmp(modes[mode], json_text(step, "mode", "")) != 0)
        mode++;
    walpool_call call = run_call(run, step, 0);
    answer->has_checkpoint = 1;
    answer->status =
        walpool_checkpoint(db->handle, (walpool_checkpoint_mode)mode, &call,
                           &answer->checkpoint, &answer->err);
}

/* Its answer is a result like any other. */
static void
run_task(struct run *run, const struct json *step, walpool_task task,
         int64_t pages, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    walpool_call call = run_call(run, step, 0);
    walpool_rows rows;
    if (db == NULL)
        return;
    walpool_rows_init(&rows);
    answer->status = walpool_maintain(db->handle, task, pages, &call, &rows,
                                      &answer->err);
    if (answer->status == WALPOOL_OK)
        answer->status = table_add(&answer->table, &rows, 0,
                                   walpool_rows_count(&rows), &answer->err);
    walpool_rows_finish(&rows);
}

static void
maintain(struct run *run, const struct json *step, struct answer *answer)
{
    static const char *const tasks[] = {"optimize", "vacuum",
                                        "incremental_vacuum"};
    int task = 0;
    while (task < 3 && strcmp(tasks[task], json_text(step, "task", "")) != 0)
        task++;
    answer->has_numbers = 1;
    run_task(run, step, (walpool_task)task, json_int(step, "pages", 0), answer);
}

static void
check(struct run *run, const struct json *step, struct answer *answer)
{
    run_task(run, step,
             json_is(json_get(step, "full"), "true") ? WALPOOL_FULL_CHECK
                                                     : WALPOOL_QUICK_CHECK,
             0, answer);
}

static int32_t
backup_flags(const struct json *step)
{
    const char *check = json_text(step, "check", "quick");
    int32_t flags = 0;
    if (json_is(json_get(step, "replace"), "true"))
        flags |= WALPOOL_BACKUP_REPLACE;
    if (strcmp(check, "full") == 0)
        flags |= WALPOOL_BACKUP_FULL_CHECK;
    if (strcmp(check, "none") == 0)
        flags |= WALPOOL_BACKUP_NO_CHECK;
    return flags;
}

static void
backup(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    if (db == NULL)
        return;
    walpool_backup_progress progress = {.phase = WALPOOL_BACKUP_COPY};
    walpool_call call = run_call(run, step, 0);
    char *path = run_expand(run, json_text(step, "path", ""));
    walpool_backup *made = walpool_backup_start(
        db->handle, path, backup_flags(step), &call, &answer->err);
    answer->status = made != NULL ? WALPOOL_OK : answer->err.status;
    while (answer->status == WALPOOL_OK &&
           progress.phase != WALPOOL_BACKUP_DONE)
        answer->status = walpool_backup_step(
            made, (int32_t)json_int(step, "pages", 1000), &call, &progress,
            &answer->err);
    if (made != NULL)
        walpool_backup_finish(made, NULL);
    free(path);
}

static void
restore(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    if (db == NULL)
        return;
    walpool_call call = run_call(run, step, 0);
    char *path = run_expand(run, json_text(step, "path", ""));
    answer->status = walpool_restore(db->handle, path, &call, &answer->err);
    free(path);
}

static void
health(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    struct object *since = run_find(run, json_text(step, "since", ""));
    if (db == NULL)
        return;
    answer->has_health = 1;
    answer->status =
        walpool_health_get(db->handle, &answer->health, &answer->err);
    if (since != NULL)
        answer->since = since->health;
    if (answer->status == WALPOOL_OK && json_get(step, "save") != NULL)
        run_add(run, json_text(step, "save", ""), HEALTH, NULL)->health =
            answer->health;
}

static void
leases(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *db = run_target(run, step, answer);
    if (db == NULL)
        return;
    answer->has_leases = 1;
    answer->lease_count = walpool_leases(db->handle, answer->leases,
                                         RUN_LEASES_MAX, &answer->err);
    answer->status = answer->err.status;
}

static void
await(struct run *run, const struct json *step, struct answer *answer)
{
    char reason[1024];
    int tries = 20000;
    do {
        health(run, step, answer);
        if (answer->status != WALPOOL_OK ||
            expect_check(run, step, answer, reason))
            return;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    } while (--tries > 0);
}

static void
token(struct run *run, const struct json *step, struct answer *answer)
{
    walpool_token *made = walpool_token_open(&answer->err);
    answer->status = made != NULL ? WALPOOL_OK : answer->err.status;
    run_add(run, json_text(step, "as", "token"), TOKEN, made);
}

static void
cancel(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *target = run_target(run, step, answer);
    if (target != NULL)
        answer->status = walpool_cancel(target->handle, &answer->err);
}

static void
join(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *background = run_target(run, step, answer);
    if (background == NULL || background->ended)
        return;
    pthread_join(background->thread, NULL);
    background->ended = 1;
    if (background->reason[0] != 0)
        answer_fail(answer, "in the background: %s", background->reason);
}

step_function *
step_object_find(const char *name)
{
    static const struct {
        const char *name;
        step_function *run;
    } steps[] = {
        {"open", open_database},    {"close", close_object},
        {"acquire", acquire},       {"begin", on_lease},
        {"fresh", on_lease},        {"savepoint", on_lease},
        {"commit", on_lease},       {"rollback", on_lease},
        {"release", on_lease},
        {"checkpoint", checkpoint}, {"health", health},
        {"await", await},           {"token", token},
        {"cancel", cancel},         {"join", join},
        {"leases", leases},         {"maintain", maintain},
        {"check", check},           {"backup", backup},
        {"restore", restore},       {"prepare", prepare},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(steps[i].name, name) == 0)
            return steps[i].run;
    return NULL;
}
