/* The command `walpool`: a table of commands, and what is common to them.
 *
 * Does: dispatch, help, version, exit status.
 * Must not: do a command's work.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
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
    {"top", "FILE", 1, COMMON | CLI_OPTION_INTERVAL | CLI_OPTION_COUNT, cli_top,
     "watch a database at work",
     "Shows commits and frames per second, the WAL, who writes, whose turn it is,\n"
     "and the snapshots that keep the WAL, with the time since they were seen\n"
     "first. Looks from outside, as doctor does, and disturbs nobody. Draws a\n"
     "screen on a terminal; otherwise prints a line, or with --json an object, for\n"
     "each tick. Ends when interrupted.\n\n"
     "Example: walpool top app.db --interval 0.5 --count 4\n"},
    {"health", "FILE", 1, COMMON | CLI_OPTION_TIMEOUT, cli_health,
     "open a database and print its health",
     "Opens the database for reading only, and prints what walpool says of it:\n"
     "verdict, reason and all numbers. Counters are those of this command; ask\n"
     "the program that uses the database for its own.\n\n"
     "Example: walpool health app.db\n"},
    {"checkpoint", "FILE [MODE]", 2, COMMON | CLI_OPTION_TIMEOUT,
     cli_checkpoint, "copy the WAL into the database",
     "MODE is passive (what can be done at once; if none is given), full (until\n"
     "all frames are copied), restart (until the WAL begins anew) or truncate\n"
     "(until it is empty). No mode keeps writers out while it waits. What is in\n"
     "the way when time is up is named. If nobody else has the database open,\n"
     "closing it empties the WAL in any mode.\n\n"
     "Example: walpool checkpoint app.db truncate --timeout 2000\n"},
    {"check", "FILE", 1,
     COMMON | CLI_OPTION_FULL | CLI_OPTION_TIMEOUT, cli_check,
     "look for damage, and for rows without their parent",
     "Runs SQLite's quick_check, or with --full its integrity_check, and then\n"
     "foreign_key_check. Damage is failing, rows without their parent are\n"
     "degraded.\n\n"
     "Example: walpool check app.db --full\n"},
    {"optimize", "FILE", 1, COMMON | CLI_OPTION_TIMEOUT, cli_optimize,
     "measure tables for SQLite's query planner",
     "Runs PRAGMA optimize, or before SQLite 3.46 a limited ANALYZE.\n\n"
     "Example: walpool optimize app.db\n"},
    {"vacuum", "FILE", 1, COMMON | CLI_OPTION_TIMEOUT, cli_vacuum,
     "build the database anew, without free pages",
     "Runs VACUUM and empties the WAL. Others may read, and nobody may write\n"
     "meanwhile. Refuses when the disk has less room than twice what the\n"
     "database holds. An interrupt rolls back.\n\n"
     "Example: walpool vacuum app.db\n"},
    {"backup", "FILE TO", 2,
     COMMON | CLI_OPTION_REPLACE | CLI_OPTION_FULL | CLI_OPTION_TIMEOUT,
     cli_backup, "copy a database while it is used",
     "Copies one snapshot, in steps, while others read and write; checks the\n"
     "copy, syncs it, and gives it its name. It is one file that opens anywhere.\n"
     "An interrupt leaves nothing.\n\n"
     "Example: walpool backup app.db copy.db\n"},
    {"restore", "FILE FROM", 2, COMMON | CLI_OPTION_TIMEOUT, cli_restore,
     "replace what is in a database by a backup",
     "Writes what is in FROM into the database, in one transaction, while others\n"
     "read. FROM is checked first. An interrupt leaves all as it was. Never copy\n"
     "a file over a database: its WAL would be applied to it.\n\n"
     "Example: walpool restore app.db yesterday.db\n"},
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
