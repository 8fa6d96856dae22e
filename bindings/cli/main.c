/* The command `walpool`: a table of commands, and what is common to them.
 *
 * Does: dispatch, help, version, exit status.
 * Must not: do a command's work.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define COMMON (CLI_OPTION_JSON | CLI_OPTION_HELP)

static const struct command {
    const char *name, *operands;
    int operand_count;
    unsigned options;
    enum cli_status (*run)(const struct cli_args *args);
    const char *summary, *help;
} commands[] = {
    {"doctor", "FILE", 1,
     COMMON | CLI_OPTION_WATCH | CLI_OPTION_THRESHOLD | CLI_OPTION_OPEN |
         CLI_OPTION_TIMEOUT,
     cli_doctor, "look at a database from outside, and say what to do",
     "Says who has the write lock, who checkpoints, who keeps the WAL from\n"
     "being reset and at which frame, and what is wrong with file, header,\n"
     "sidecars and permissions. Opens nothing for writing, takes no lock, and\n"
     "disturbs nobody.\n\n"
     "Example: walpool doctor app.db\n"},
};

static const char exit_status[] =
    "\nExit status: 0 ok, 1 degraded, 2 failing, 64 wrong usage.\n";

static void
print_help(const struct command *command)
{
    printf("Usage: walpool %s %s [OPTION...]\n\n%s\n", command->name,
           command->operands, command->help);
    cli_options_print(command->options);
    fputs(exit_status, stdout);
}

static void
print_overview(void)
{
    printf("Usage: walpool COMMAND FILE [OPTION...]\n\n"
           "Looks after SQLite databases in WAL mode.\n\n");
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        printf("  %-20s %s\n", commands[i].name, commands[i].summary);
    printf("\n  %-20s %s\n  %-20s %s\n  %-20s %s\n", "COMMAND --help",
           "tell more about one of them", "--help", "print this", "--version",
           "print the versions of walpool and of its SQLite");
    fputs(exit_status, stdout);
}

static void
print_version(void)
{
    walpool_version_info version;

    walpool_version(&version);
    printf("walpool %s, SQLite %s (%s, %s the WAL-reset bug)\n",
           version.walpool, version.sqlite,
           version.sqlite_bundled ? "bundled" : "of the system",
           version.wal_reset_safe ? "without" : "guarded against");
}

static const struct command *
find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static enum cli_status
run(int count, char **words)
{
    const struct command *command = find(words[0]);
    struct cli_args args = {.command = words[0]};

    if (!command) {
        cli_output_error("unknown command %s; see walpool --help", words[0]);
        return CLI_USAGE;
    }
    if (!cli_options_parse(count - 1, words + 1, command->options,
                           command->operand_count, &args))
        return CLI_USAGE;
    if (!args.help)
        return command->run(&args);
    print_help(command);
    return CLI_OK;
}

int
main(int argc, char **argv)
{
    enum cli_status status = CLI_OK;

    if (argc < 2) {
        cli_output_error("a command is missing; see walpool --help");
        status = CLI_USAGE;
    } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        print_overview();
    else if (strcmp(argv[1], "--version") == 0)
        print_version();
    else
        status = run(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_output_error("cannot write to standard output");
        status = CLI_FAILING;
    }
    return (int)status;
}
