/* Options: the words of the command line, as a struct.
 *
 * Does: parse, name what is wrong, list what there is.
 * Must not: know what an option does.
 * Lock: none. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 5000
#define WATCH_DEFAULT_MS 1000
#define THRESHOLD_DEFAULT 1000
#define INTERVAL_DEFAULT_MS 1000
#define SHORTEST_INTERVAL_MS 100

static const struct option {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, or NULL: it is a switch */
    enum cli_option id;
    int64_t most;
    const char *help;
} options[] = {
    {"json", NULL, CLI_OPTION_JSON, 0, "print one JSON object"},
    {"watch", "MS", CLI_OPTION_WATCH, 60000,
     "time between two looks; what is in both lasts (1000)"},
    {"threshold", "FRAMES", CLI_OPTION_THRESHOLD, 1000000,
     "WAL frames at which somebody should checkpoint (1000)"},
    {"open", NULL, CLI_OPTION_OPEN, 0,
     "then open the database, too, and ask it for its health"},
    {"full", NULL, CLI_OPTION_FULL, 0,
     "compare indexes with their tables, too"},
    {"replace", NULL, CLI_OPTION_REPLACE, 0,
     "replace a file that is there"},
    {"timeout", "MS", CLI_OPTION_TIMEOUT, 86400000,
     "longest wait for locks of others (5000)"},
    {"interval", "S", CLI_OPTION_INTERVAL, 3600000,
     "seconds between two ticks (1)"},
    {"count", "N", CLI_OPTION_COUNT, 1000000000,
     "end after so many ticks (0: when interrupted)"},
    {"help", NULL, CLI_OPTION_HELP, 0, "print this"},
};

void
cli_options_print(unsigned taken)
{
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        const struct option *option = &options[i];
        char name[32];

        if (!(taken & option->id))
            continue;
        snprintf(name, sizeof name, "--%s%s%s", option->name,
                 option->value ? " " : "", option->value ? option->value : "");
        printf("  %-20s %s\n", name, option->help);
    }
}

static const struct option *
find(const char *name, size_t bytes, unsigned taken)
{
    for (size_t i = 0; i < ARRAY_COUNT(options); i++)
        if ((taken & options[i].id) && strlen(options[i].name) == bytes &&
            memcmp(options[i].name, name, bytes) == 0)
            return &options[i];
    return NULL;
}

static bool
complain(const struct cli_args *args, const char *problem, const char *word)
{
    cli_output_error("%s: %s; see walpool %s --help", problem, word,
                     args->command);
    return false;
}

static bool
read_number(const struct option *option, const char *text, int64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && !*end && !errno &&
        *number <= option->most)
        return true;
    cli_output_error("--%s takes a whole number from 0 to %lld, not '%s'",
                     option->name, (long long)option->most, text);
    return false;
}

/* Seconds, as milliseconds. */
static bool
read_seconds(const struct option *option, const char *text, int64_t *number)
{
    char *end;
    double seconds = strtod(text, &end);

    *number = 0;
    if (text[0] >= '0' && text[0] <= '9' && !*end &&
        seconds <= (double)option->most / 1000)
        *number = (int64_t)(seconds * 1000 + 0.5);
    if (*number >= SHORTEST_INTERVAL_MS)
        return true;
    cli_output_error("--%s takes seconds from %.1f to %lld, not '%s'",
                     option->name, (double)SHORTEST_INTERVAL_MS / 1000,
                     (long long)option->most / 1000, text);
    return false;
}

static bool
read_value(const struct option *option, const char *text, int64_t *number)
{
    return option->id == CLI_OPTION_INTERVAL
               ? read_seconds(option, text, number)
               : read_number(option, text, number);
}

static void
set(const struct option *option, int64_t number, struct cli_args *args)
{
    switch (option->id) {
    case CLI_OPTION_HELP: args->help = true; break;
    case CLI_OPTION_JSON: args->json = true; break;
    case CLI_OPTION_FULL: args->full = true; break;
    case CLI_OPTION_OPEN: args->open = true; break;
    case CLI_OPTION_REPLACE: args->replace = true; break;
    case CLI_OPTION_TIMEOUT: args->timeout_ms = number; break;
    case CLI_OPTION_WATCH: args->watch_ms = number; break;
    case CLI_OPTION_THRESHOLD: args->threshold = number; break;
    case CLI_OPTION_INTERVAL: args->interval_ms = number; break;
    case CLI_OPTION_COUNT: args->count = number; break;
    }
}

/* `words[0]` begins with two dashes. Returns how many words it took, 0: none
 * of them is good. */
static int
read_option(int count, char **words, unsigned taken, struct cli_args *args)
{
    const char *name = words[0] + 2, *equal = strchr(name, '=');
    size_t bytes = equal ? (size_t)(equal - name) : strlen(name);
    const struct option *option = find(name, bytes, taken);
    const char *value = equal ? equal + 1 : count > 1 ? words[1] : NULL;
    int64_t number = 0;

    if (!option)
        return complain(args, "unknown option", words[0]);
    if (!option->value && equal)
        return complain(args, "the option takes no value", words[0]);
    if (option->value && !value)
        return complain(args, "the option lacks its value", words[0]);
    if (option->value && !read_value(option, value, &number))
        return 0;
    set(option, number, args);
    return option->value && !equal ? 2 : 1;
}

static bool
take_operand(struct cli_args *args, const char *word, int operands)
{
    if (!args->file && word[0])
        args->file = word;
    else if (!word[0])
        return complain(args, "a word is empty", "''");
    else if (operands > 1 && !args->word)
        args->word = word;
    else
        return complain(args, "one word too many", word);
    return true;
}

bool
cli_options_parse(int count, char **words, unsigned taken, int operands,
                  struct cli_args *args)
{
    bool ended = false;

    args->timeout_ms = TIMEOUT_DEFAULT_MS;
    args->watch_ms = WATCH_DEFAULT_MS;
    args->threshold = THRESHOLD_DEFAULT;
    args->interval_ms = INTERVAL_DEFAULT_MS;
    args->count = 0;
    for (int at = 0, used; at < count; at += used) {
        const char *word = words[at];

        used = 1;
        if (!ended && strcmp(word, "--") == 0)
            ended = true;
        else if (!ended && strncmp(word, "--", 2) == 0)
            used = read_option(count - at, words + at, taken, args);
        else if (!ended && word[0] == '-' && word[1])
            used = complain(args, "unknown option", word);
        else
            used = take_operand(args, word, operands);
        if (used == 0)
            return false;
    }
    return args->help || args->file || complain(args, "a word is missing", "FILE");
}
