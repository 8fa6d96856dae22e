/* Output: what every command prints in the same way. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "json.h"

/* Exit statuses. The first three are also verdicts, as in walpool_verdict. */
enum cli_status {
    CLI_OK = WALPOOL_HEALTH_OK,
    CLI_DEGRADED = WALPOOL_HEALTH_DEGRADED,
    CLI_FAILING = WALPOOL_HEALTH_FAILING,
    CLI_USAGE = 64
};

/* "ok", "degraded", "failing" */
const char *cli_output_verdict(enum cli_status status);

/* Begin a line of text on stdout: "app.db: ok". */
void cli_output_head(const char *file, enum cli_status status);

/* One line on stderr, "walpool: ...". */
void cli_output_error(const char *format, ...) PRINTF_LIKE(1, 2);

/* JSON that puts commas by itself. `name` is NULL inside of a list. */
struct cli_json {
    struct walpool__json text;
    bool comma;
};

void cli_json_open(struct cli_json *json, const char *name, char bracket);
void cli_json_close(struct cli_json *json, char bracket);
void cli_json_text(struct cli_json *json, const char *name, const char *value);
void cli_json_number(struct cli_json *json, const char *name, int64_t value);
void cli_json_bool(struct cli_json *json, const char *name, bool value);
/* A value that is JSON already. */
void cli_json_raw(struct cli_json *json, const char *name, const char *value);

/* Begin the object that every command prints: command, file, status. */
void cli_json_head(struct cli_json *json, const char *command,
                   const char *file, enum cli_status status);

/* Print what `put` puts, and a newline, on stdout. False: out of memory, or
 * stdout cannot be written. */
bool cli_json_print(void (*put)(struct cli_json *json, const void *data),
                    const void *data);

/* Report a call that failed: on stderr, and with `json` as an object. */
enum cli_status cli_output_failure(bool json, const char *command,
                                   const char *file, const walpool_error *err);

#endif
