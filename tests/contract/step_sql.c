/* The steps that carry SQL. Each goes to a database or to a lease. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* A statement and what it borrows from. */
struct text {
    walpool_statement statement;
    struct value sql;
    walpool_rows params;
};

/* A text, or what a step has prepared. */
static void
sql_read(struct run *run, const struct json *sql, struct text *text)
{
    const char *name = json_text(sql, "prepared", NULL);
    struct object *prepared = name != NULL ? run_find(run, name) : NULL;
    if (prepared != NULL)
        text->statement.prepared = prepared->handle;
    else
        value_read(sql, &text->sql);
}

static walpool_status
text_init(struct run *run, struct text *text, const struct json *step,
          walpool_error *err)
{
    const struct json *params = json_get(step, "params");
    const struct json *list = json_get(step, "param_rows");
    walpool_status status = WALPOOL_OK;
    memset(text, 0, sizeof *text);
    walpool_rows_init(&text->params);
    if (json_get(step, "sql") != NULL)
        sql_read(run, json_get(step, "sql"), text);
    if (list != NULL)
        status = params_build_rows(&text->params, list, err);
    else if (params != NULL)
        status = params_build(&text->params, params, err);
    text->statement.sql = (const char *)text->sql.bytes;
    text->statement.sql_bytes = text->sql.length;
    if (json_get(step, "expect_changes") != NULL) {
        text->statement.flags = WALPOOL_STATEMENT_EXPECT;
        text->statement.expect = json_int(step, "expect_changes", 0);
    }
    if (status == WALPOOL_OK && text->params.data != NULL) {
        const walpool_rows_header *header =
            (const walpool_rows_header *)(const void *)text->params.data;
        text->statement.params = text->params.data;
        text->statement.params_bytes = header->arena_end;
    }
    return status;
}

static void
text_finish(struct text *text)
{
    value_finish(&text->sql);
    walpool_rows_finish(&text->params);
}

/* Give the call the key of the step; the value is to be finished. */
static struct value
take_key(const struct json *step, walpool_call *call)
{
    struct value key = {0};
    if (json_get(step, "once_key") != NULL) {
        value_read(json_get(step, "once_key"), &key);
        call->once_key = key.bytes;
        call->once_bytes = key.length;
    }
    return key;
}

static walpool_cursor *
cursor_of(const walpool_rows *rows)
{
    return (walpool_cursor *)(uintptr_t)((const walpool_rows_header
                                              *)(const void *)rows->data)
        ->cursor;
}

/* All rows of a result: the first block, and those of its cursor. */
static walpool_status
gather(struct answer *answer, walpool_rows *rows, const walpool_call *call)
{
    walpool_error *err = &answer->err;
    walpool_call next = *call;
    walpool_status status =
        table_add(&answer->table, rows, 0, walpool_rows_count(rows), err);
    next.flags &= ~(uint32_t)WALPOOL_CALL_DURABLE; /* it was waited for */
    while (status == WALPOOL_OK && cursor_of(rows) != NULL) {
        if (call->flags & WALPOOL_CALL_FIRST)
            return walpool_cursor_close(cursor_of(rows), err);
        status = walpool_cursor_next(cursor_of(rows), &next, rows, err);
        if (status == WALPOOL_OK)
            status = table_add(&answer->table, rows, 0,
                               walpool_rows_count(rows), err);
    }
    return status;
}

static walpool_status
send(struct object *target, const struct text *text, int write,
     const walpool_call *call, walpool_rows *rows, walpool_error *err)
{
    const walpool_statement *statement = &text->statement;
    if (target->kind == LEASE)
        return walpool_run(target->handle, statement, call, rows, err);
    return write ? walpool_write(target->handle, statement, call, rows, err)
                 : walpool_read(target->handle, statement, call, rows, err);
}

static void
run_text(struct run *run, const struct json *step, struct answer *answer,
         int write, uint32_t flags)
{
    struct object *target = run_target(run, step, answer);
    struct text text;
    walpool_rows rows;
    if (target == NULL)
        return;
    walpool_call call = run_call(run, step, flags);
    struct value key = take_key(step, &call);
    walpool_rows_init(&rows);
    answer->status = text_init(run, &text, step, &answer->err);
    if (answer->status == WALPOOL_OK)
        answer->status = send(target, &text, write, &call, &rows, &answer->err);
    if (answer->status == WALPOOL_OK && rows.data != NULL)
        answer->status = gather(answer, &rows, &call);
    walpool_rows_finish(&rows);
    text_finish(&text);
    value_finish(&key);
}

static void
query(struct run *run, const struct json *step, struct answer *answer)
{
    run_text(run, step, answer, 0, WALPOOL_CALL_NAMES);
}

static void
query_one(struct run *run, const struct json *step, struct answer *answer)
{
    run_text(run, step, answer, 0, WALPOOL_CALL_NAMES | WALPOOL_CALL_FIRST);
}

static void
execute(struct run *run, const struct json *step, struct answer *answer)
{
    run_text(run, step, answer, 1, WALPOOL_CALL_NAMES);
}

static void
script(struct run *run, const struct json *step, struct answer *answer)
{
    run_text(run, step, answer, 1, WALPOOL_CALL_SCRIPT);
}

static void
iterate(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *target = run_target(run, step, answer);
    struct text text;
    walpool_rows rows;
    if (target == NULL)
        return;
    walpool_call call = run_call(run, step, WALPOOL_CALL_NAMES);
    walpool_rows_init(&rows);
    answer->status = text_init(run, &text, step, &answer->err);
    if (answer->status == WALPOOL_OK)
        answer->status = send(target, &text, 0, &call, &rows, &answer->err);
    if (answer->status == WALPOOL_OK)
        run_add(run, json_text(step, "as", "?"), ITERATOR, NULL)->rows = rows;
    else
        walpool_rows_finish(&rows);
    text_finish(&text);
}

/* Take up to `want` rows of the iterator's block. */
static size_t
take(struct object *iterator, struct answer *answer, size_t want)
{
    size_t left = walpool_rows_count(&iterator->rows) - iterator->position;
    size_t count = want < left ? want : left;
    answer->status =
        table_add(&answer->table, &iterator->rows, iterator->position,
                  iterator->position + count, &answer->err);
    iterator->position += count;
    return count;
}

static void
next(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *iterator = run_target(run, step, answer);
    if (iterator == NULL)
        return;
    if (iterator->ended) {
        answer->status = answer->err.status = WALPOOL_CLOSED;
        return;
    }
    walpool_call call = run_call(run, step, WALPOOL_CALL_NAMES);
    size_t want = (size_t)json_int(step, "count", 1);
    for (;;) {
        want -= take(iterator, answer, want);
        if (want == 0 || answer->status != WALPOOL_OK ||
            cursor_of(&iterator->rows) == NULL)
            return;
        iterator->position = 0;
        answer->status = walpool_cursor_next(cursor_of(&iterator->rows), &call,
                                             &iterator->rows, &answer->err);
        iterator->ended = answer->status != WALPOOL_OK;
        if (iterator->ended)
            return;
    }
}

static void
batch_results(struct answer *answer, walpool_rows *rows,
              const walpool_result *results, size_t count)
{
    answer->result_count = count;
    for (size_t i = 0; i < count && answer->status == WALPOOL_OK; i++) {
        if (results[i].rows_bytes > 0)
            answer->status = table_add_bytes(
                &answer->results[i], rows->data + results[i].rows_offset,
                results[i].rows_bytes, &answer->err);
        answer->results[i].changes = results[i].changes;
        answer->results[i].last_rowid = results[i].last_rowid;
    }
}

static void
batch(struct run *run, const struct json *step, struct answer *answer)
{
    struct object *target = run_target(run, step, answer);
    struct text texts[RUN_RESULTS_MAX];
    walpool_statement statements[RUN_RESULTS_MAX];
    walpool_result results[RUN_RESULTS_MAX];
    walpool_rows rows;
    size_t count = 0;
    if (target == NULL)
        return;
    walpool_rows_init(&rows);
    JSON_EACH(statement, json_get(step, "statements")) {
        if (count == RUN_RESULTS_MAX || answer->status != WALPOOL_OK)
            break;
        answer->status = text_init(run, &texts[count], statement, &answer->err);
        statements[count] = texts[count].statement;
        count++;
    }
    walpool_call call = run_call(run, step, 0);
    struct value key = take_key(step, &call);
    if (answer->status == WALPOOL_OK)
        answer->status = walpool_batch(target->handle, statements, count, &call,
                                       results, &rows, &answer->err);
    if (answer->status == WALPOOL_OK)
        batch_results(answer, &rows, results, count);
    for (size_t i = 0; i < count; i++)
        text_finish(&texts[i]);
    walpool_rows_finish(&rows);
    value_finish(&key);
}

step_function *
step_sql_find(const char *name)
{
    static const struct {
        const char *name;
        step_function *run;
    } steps[] = {
        {"query", query},     {"query_one", query_one},
        {"execute", execute}, {"executemany", execute},
        {"script", script},   {"iterate", iterate},
        {"next", next},       {"batch", batch},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(steps[i].name, name) == 0)
            return steps[i].run;
    return NULL;
}
