/* Compare what a step answered with what its scenario expects. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static int
differ(char *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, 1024, format, arguments);
    va_end(arguments);
    return 0;
}

/* A number, {"int": "n"}, {"min": n} or {"max": n}. */
static int
number(const struct json *want, int64_t got, char *reason)
{
    int64_t low = INT64_MIN, high = INT64_MAX;
    if (json_is(want, "object")) {
        low = json_int(want, "int", json_int(want, "min", low));
        high = json_int(want, "int", json_int(want, "max", high));
    } else
        low = high = strtoll(want->text, NULL, 10);
    if (got >= low && got <= high)
        return 1;
    return differ(reason, "%s: got %lld", want->key, (long long)got);
}

static int
text(const struct json *want, const char *got, char *reason)
{
    if (strcmp(got, want->text) == 0)
        return 1;
    return differ(reason, "%s: got \"%s\", want \"%s\"", want->key, got,
                  want->text);
}

/* A value, or {"row": n}: the number of its row in the result, plus n. */
static int
cell_read(const struct json *node, size_t number_of_row, struct value *value)
{
    const struct json *plus = json_get(node, "row");
    if (plus == NULL)
        return value_read(node, value);
    *value = (struct value){.type = WALPOOL_INTEGER};
    value->integer = (int64_t)number_of_row + json_int(node, "row", 0);
    return 1;
}

static int
numbered_row(const struct table *table, size_t row, size_t number_of_row,
             const struct json *want, char *reason)
{
    size_t column = 0;
    char got_text[160], want_text[160];
    if (row >= table->row_count)
        return differ(reason, "row %zu is missing", row);
    if (want->count != table->column_count)
        return differ(reason, "row %zu has %zu columns, want %zu", row,
                      table->column_count, want->count);
    JSON_EACH(node, want) {
        const struct value *got =
            &table->cells[row * table->column_count + column];
        struct value value;
        if (!cell_read(node, number_of_row, &value))
            return differ(reason, "row %zu: no value: %s", row, node->type);
        int same = value_equal(got, &value);
        if (!same) {
            value_show(got, got_text, sizeof got_text);
            value_show(&value, want_text, sizeof want_text);
        }
        value_finish(&value);
        if (!same)
            return differ(reason, "row %zu, column %zu: got %s, want %s", row,
                          column, got_text, want_text);
        column++;
    }
    return 1;
}

static int
one_row(const struct table *table, size_t row, const struct json *want,
        char *reason)
{
    return numbered_row(table, row, row, want, reason);
}

/* Rows that repeat, from row `from` of the result on. */
static int
cycle(const struct table *table, const struct json *want, char *reason)
{
    const struct json *rows = json_get(want, "rows");
    size_t from = (size_t)json_int(want, "from", 0);
    const struct json *node = rows->first;
    for (size_t i = 0; i < from % rows->count; i++)
        node = node->next;
    for (size_t i = 0; i < table->row_count; i++) {
        if (!numbered_row(table, i, from + i, node, reason))
            return 0;
        node = node->next != NULL ? node->next : rows->first;
    }
    return 1;
}

static int
all_rows(const struct table *table, const struct json *want, char *reason)
{
    size_t row = 0;
    if (table->row_count != want->count)
        return differ(reason, "got %zu rows, want %zu", table->row_count,
                      want->count);
    JSON_EACH(node, want)
        if (!one_row(table, row++, node, reason))
            return 0;
    return 1;
}

static int
columns(const struct table *table, const struct json *want, char *reason)
{
    size_t column = 0;
    if (table->column_count != want->count ||
        (want->count > 0 && table->columns == NULL))
        return differ(reason, "got %zu columns, want %zu", table->column_count,
                      want->count);
    JSON_EACH(name, want)
        if (strcmp(table->columns[column++], name->text) != 0)
            return differ(reason, "column %zu is \"%s\", want \"%s\"",
                          column - 1, table->columns[column - 1], name->text);
    return 1;
}

/* One member of `expect` about rows; -1: it is about something else. */
static int
rows_member(const struct table *table, const struct json *want, char *reason)
{
    if (strcmp(want->key, "rows") == 0)
        return all_rows(table, want, reason);
    if (strcmp(want->key, "cycle") == 0)
        return cycle(table, want, reason);
    if (strcmp(want->key, "row_count") == 0)
        return number(want, (int64_t)table->row_count, reason);
    if (strcmp(want->key, "first") == 0)
        return one_row(table, 0, want, reason);
    if (strcmp(want->key, "last") == 0)
        return one_row(table, table->row_count - 1, want, reason);
    if (strcmp(want->key, "row") == 0)
        return !json_is(want, "null")  ? one_row(table, 0, want, reason)
               : table->row_count == 0 ? 1
                                       : differ(reason, "got a row, want none");
    if (strcmp(want->key, "columns") == 0)
        return columns(table, want, reason);
    if (strcmp(want->key, "changes") == 0)
        return number(want, table->changes, reason);
    if (strcmp(want->key, "last_rowid") == 0)
        return number(want, table->last_rowid, reason);
    return -1;
}

static int
results(const struct answer *answer, const struct json *want, char *reason)
{
    size_t index = 0;
    if (answer->result_count != want->count)
        return differ(reason, "got %zu results, want %zu", answer->result_count,
                      want->count);
    JSON_EACH(result, want) {
        JSON_EACH(member, result)
            if (rows_member(&answer->results[index], member, reason) != 1)
                return 0;
        index++;
    }
    return 1;
}

static int
checkpoint_member(const struct answer *answer, const struct json *want,
                  char *reason)
{
    static const char *const outcomes[] = {"complete", "partial", "not_reset",
                                             "other"};
    const walpool_checkpoint_result *got = &answer->checkpoint;
    if (strcmp(want->key, "outcome") == 0)
        return text(want, outcomes[got->outcome], reason);
    if (strcmp(want->key, "busy") == 0)
        return number(want, got->busy, reason);
    if (strcmp(want->key, "log_frames") == 0)
        return number(want, got->log_frames, reason);
    if (strcmp(want->key, "checkpointed_frames") == 0)
        return number(want, got->checkpointed_frames, reason);
    if (strcmp(want->key, "pinned_pid") == 0)
        return number(want, got->pinned_pid, reason);
    if (strcmp(want->key, "pinned_frame") == 0)
        return number(want, got->pinned_frame, reason);
    if (strcmp(want->key, "pinned_why") == 0)
        return text(want, got->pinned_why, reason);
    return differ(reason, "a checkpoint has no %s", want->key);
}

/* Exactly these, in whatever order. */
static int
reasons(const struct json *want, uint32_t got, char *reason)
{
    static const char *const codes[] = {
#define CODE(name, code, number, meaning) [number] = code,
        WALPOOL_REASON_LIST(CODE)
#undef CODE
    };
    uint32_t wanted = 0;
    JSON_EACH(code, want)
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
            if (strcmp(code->text, codes[i]) == 0)
                wanted |= UINT32_C(1) << i;
    return wanted == got || differ(reason, "the reasons are %#x, want %#x",
                                   (unsigned)got, (unsigned)wanted);
}

static int
health_member(const struct answer *answer, const struct json *want,
              char *reason)
{
    static const char *const verdicts[] = {"ok", "degraded", "failing"};
    const walpool_health *got = &answer->health;
#define HEALTH_MEMBER(name, meaning)   \
    if (strcmp(want->key, #name) == 0) \
        return number(want, got->name - answer->since.name, reason);
    WALPOOL_HEALTH_LIST(HEALTH_MEMBER)
    if (strcmp(want->key, "verdict") == 0)
        return text(want, verdicts[got->verdict], reason);
    if (strcmp(want->key, "oldest_why") == 0)
        return text(want, got->oldest_why, reason);
    if (strcmp(want->key, "dirty_why") == 0)
        return text(want, got->dirty_why, reason);
    if (strcmp(want->key, "reason") == 0)
        return text(want, got->reason, reason);
    if (strcmp(want->key, "reasons") == 0)
        return reasons(want, got->reasons, reason);
    return differ(reason, "health has no %s", want->key);
}

static int
lease_member(const walpool_lease_info *got, const struct json *want,
             char *reason)
{
    static const char *const kinds[] = {"read", "write", "private"};
    static const char *const holders[] = {"call", "lease", "cursor", "backup"};
    if (strcmp(want->key, "kind") == 0)
        return text(want, kinds[got->kind], reason);
    if (strcmp(want->key, "holder") == 0)
        return text(want, holders[got->holder], reason);
    if (strcmp(want->key, "why") == 0)
        return text(want, got->why, reason);
    if (strcmp(want->key, "thread") == 0)
        return number(want, got->thread, reason);
    if (strcmp(want->key, "age_us") == 0)
        return number(want, got->age_us, reason);
    if (strcmp(want->key, "frames") == 0)
        return number(want, got->frames, reason);
    if (strcmp(want->key, "stack") == 0)
        return number(want, got->stack_depth, reason);
    return differ(reason, "a lease has no %s", want->key);
}

static int
leases(const struct answer *answer, const struct json *want, char *reason)
{
    size_t index = 0;
    if (answer->lease_count != want->count)
        return differ(reason, "got %zu leases, want %zu", answer->lease_count,
                      want->count);
    JSON_EACH(lease, want) {
        JSON_EACH(member, lease)
            if (!lease_member(&answer->leases[index], member, reason))
                return 0;
        index++;
    }
    return 1;
}

static int
words(struct run *run, const struct json *list, const char *message, int wanted,
      char *reason)
{
    JSON_EACH(word, list) {
        char *part = run_expand(run, word->text);
        int found = strstr(message, part) != NULL;
        free(part);
        if (found != wanted)
            return differ(reason, "\"%s\" %s \"%s\"", message,
                          wanted ? "lacks" : "has", word->text);
    }
    return 1;
}

static int
system_error(const struct json *want, int got, char *reason)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"ENOENT", ENOENT},   {"EISDIR", EISDIR}, {"EACCES", EACCES},
                 {"ENOTDIR", ENOTDIR}, {"EROFS", EROFS},   {"ELOOP", ELOOP},
                 {"EEXIST", EEXIST}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(want->text, known[i].name) == 0 && got == known[i].number)
            return 1;
    return differ(reason, "errno %d, want %s", got, want->text);
}

static int
error_member(struct run *run, const walpool_error *err, const struct json *want,
             char *reason)
{
    static const char *const outcomes[] = {"not_applied", "applied", "unknown"};
    static const char *const phases[] = {"none", "queue", "lock",   "execute",
                                         "turn", "sync",  "ceiling"};
    if (strcmp(want->key, "status") == 0)
        return text(want, walpool_status_name(err->status), reason) ||
               differ(reason, "got %s (%s), want %s",
                      walpool_status_name(err->status), err->message,
                      want->text);
    if (strcmp(want->key, "sqlite") == 0)
        return text(want, walpool_sqlite_code_name(err->sqlite_code), reason);
    if (strcmp(want->key, "outcome") == 0)
        return text(want, outcomes[err->outcome], reason);
    if (strcmp(want->key, "phase") == 0)
        return text(want, phases[err->phase], reason);
    if (strcmp(want->key, "statement") == 0)
        return number(want, err->statement, reason);
    if (strcmp(want->key, "sql_offset") == 0)
        return number(want, err->sql_offset, reason);
    if (strcmp(want->key, "words") == 0 || strcmp(want->key, "lacks") == 0)
        return words(run, want, err->message, want->key[0] == 'w', reason);
    if (strcmp(want->key, "errno") == 0)
        return system_error(want, err->system_errno, reason);
    return differ(reason, "an error has no %s", want->key);
}

/* The numbers of `maintain`, by the names of their columns. */
static int
numbers_member(const struct table *table, const struct json *want,
               char *reason)
{
    if (strcmp(want->key, "freed") == 0)
        return number(want, table->cells[1].integer - table->cells[2].integer,
                      reason);
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(want->key, table->columns[i]) == 0)
            return number(want, table->cells[i].integer, reason);
    return differ(reason, "maintain gives no %s", want->key);
}

static int
member(struct run *run, const struct answer *answer, const struct json *want,
       char *reason)
{
    if (answer->has_numbers)
        return numbers_member(&answer->table, want, reason);
    if (answer->has_leases)
        return leases(answer, want, reason);
    if (answer->has_health && strcmp(want->key, "reason_words") == 0)
        return words(run, want, answer->health.reason, 1, reason);
    if (answer->has_checkpoint)
        return checkpoint_member(answer, want, reason);
    if (answer->has_health)
        return health_member(answer, want, reason);
    if (strcmp(want->key, "results") == 0)
        return results(answer, want, reason);
    int same = rows_member(&answer->table, want, reason);
    return same >= 0 ? same : differ(reason, "there is no %s", want->key);
}

int
expect_check(struct run *run, const struct json *step,
             const struct answer *answer, char *reason)
{
    const struct json *expect = json_get(step, "expect");
    const struct json *error = json_get(expect, "error");
    if (error == NULL && answer->status != WALPOOL_OK)
        return differ(reason, "%s: %s", walpool_status_name(answer->err.status),
                      answer->err.message);
    if (error != NULL && answer->status == WALPOOL_OK)
        return differ(reason, "succeeded, want %s",
                      json_text(error, "status", "an error"));
    JSON_EACH(want, error)
        if (!error_member(run, &answer->err, want, reason))
            return 0;
    if (error == NULL)
        JSON_EACH(want, expect)
            if (!member(run, answer, want, reason))
                return 0;
    return 1;
}
