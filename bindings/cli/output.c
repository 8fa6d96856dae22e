/* Output: what every command prints in the same way.
 *
 * Does: JSON to stdout, errors to stderr.
 * Must not: know a command.
 * Lock: none. */
#include "output.h"

#include <stdarg.h>
#include <stdio.h>

#include "mem.h"
#include "text.h"

#define SHOWN_BYTES 4608 /* a path, or a message */

const char *
cli_output_verdict(enum cli_status status)
{
    static const char *const verdicts[] = {"ok", "degraded", "failing"};

    PRE(status <= CLI_FAILING);
    return verdicts[status];
}

void
cli_output_head(const char *file, enum cli_status status)
{
    char shown[SHOWN_BYTES];

    printf("%s: %s", cli_text_shown(file, shown, sizeof shown),
           cli_output_verdict(status));
}

void
cli_output_error(const char *format, ...)
{
    char message[SHOWN_BYTES], shown[SHOWN_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "walpool: %s\n",
            cli_text_shown(message, shown, sizeof shown));
}

/* ------------------------------------------------------------------- JSON */

static void
put_name(struct cli_json *json, const char *name)
{
    if (json->comma)
        walpool__json_put(&json->text, ",");
    json->comma = true;
    if (name)
        walpool__json_put(&json->text, "\"%s\":", name);
}

void
cli_json_open(struct cli_json *json, const char *name, char bracket)
{
    put_name(json, name);
    walpool__json_put(&json->text, "%c", bracket);
    json->comma = false;
}

void
cli_json_close(struct cli_json *json, char bracket)
{
    walpool__json_put(&json->text, "%c", bracket);
    json->comma = true;
}

void
cli_json_text(struct cli_json *json, const char *name, const char *value)
{
    char shown[SHOWN_BYTES];

    put_name(json, name);
    walpool__json_string(&json->text,
                         cli_text_shown(value, shown, sizeof shown));
}

void
cli_json_number(struct cli_json *json, const char *name, int64_t value)
{
    put_name(json, name);
    walpool__json_put(&json->text, "%lld", (long long)value);
}

void
cli_json_bool(struct cli_json *json, const char *name, bool value)
{
    cli_json_raw(json, name, value ? "true" : "false");
}

void
cli_json_raw(struct cli_json *json, const char *name, const char *value)
{
    put_name(json, name);
    walpool__json_put(&json->text, "%s", value);
}

void
cli_json_head(struct cli_json *json, const char *command, const char *file,
              enum cli_status status)
{
    cli_json_text(json, "command", command);
    cli_json_text(json, "file", file);
    cli_json_text(json, "status", cli_output_verdict(status));
}

static size_t
render(void (*put)(struct cli_json *, const void *), const void *data,
       char *dst, size_t capacity)
{
    struct cli_json json = {.comma = false};

    walpool__json_begin(&json.text, dst, capacity, NULL);
    cli_json_open(&json, NULL, '{');
    put(&json, data);
    cli_json_close(&json, '}');
    walpool__json_put(&json.text, "\n");
    return json.text.length;
}

bool
cli_json_print(void (*put)(struct cli_json *, const void *), const void *data)
{
    size_t bytes = render(put, data, NULL, 0);
    char *text = walpool__mem_alloc(bytes + 1);
    bool done;

    if (!text) {
        cli_output_error("out of memory");
        return false;
    }
    render(put, data, text, bytes + 1);
    done = fwrite(text, 1, bytes, stdout) == bytes;
    walpool__mem_free(text);
    return done;
}

/* --------------------------------------------------------------- failures */

struct failure {
    const char *command, *file;
    const walpool_error *err;
};

static void
put_failure(struct cli_json *json, const void *data)
{
    const struct failure *failure = data;

    cli_json_head(json, failure->command, failure->file, CLI_FAILING);
    cli_json_open(json, "error", '{');
    cli_json_text(json, "name", walpool_status_name(failure->err->status));
    cli_json_text(json, "sqlite_code",
                  walpool_sqlite_code_name(failure->err->sqlite_code));
    cli_json_text(json, "message", failure->err->message);
    cli_json_close(json, '}');
}

enum cli_status
cli_output_failure(bool json, const char *command, const char *file,
                   const walpool_error *err)
{
    struct failure failure = {command, file, err};

    cli_output_error("%s", err->message);
    if (json)
        cli_json_print(put_failure, &failure);
    return CLI_FAILING;
}
