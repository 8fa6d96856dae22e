/* Options: the words of the command line, as a struct. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "output.h"

enum cli_option {
    CLI_OPTION_HELP = 1,
    CLI_OPTION_JSON = 2,
    CLI_OPTION_TIMEOUT = 4,
    CLI_OPTION_FULL = 8,
    CLI_OPTION_OPEN = 16,
    CLI_OPTION_WATCH = 32,
    CLI_OPTION_THRESHOLD = 64,
    CLI_OPTION_REPLACE = 128,
    CLI_OPTION_INTERVAL = 256,
    CLI_OPTION_COUNT = 512
};

struct cli_args {
    const char *command;
    const char *file;
    const char *word; /* the operand behind FILE, or NULL */
    bool help, json, full, open, replace;
    int64_t timeout_ms, watch_ms, threshold, interval_ms, count;
};

/* One line for each option in `taken`, for a help text. */
void cli_options_print(unsigned taken);

/* Read the words behind the command. `taken`: the options that it knows;
 * `operands`: how many words it takes, FILE among them. False: an error was
 * printed. */
bool cli_options_parse(int count, char **words, unsigned taken, int operands,
                       struct cli_args *args);

#endif
