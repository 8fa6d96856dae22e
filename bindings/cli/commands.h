/* Commands: those that open the database. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "options.h"

enum cli_status cli_health(const struct cli_args *args);
enum cli_status cli_checkpoint(const struct cli_args *args);
enum cli_status cli_check(const struct cli_args *args);
enum cli_status cli_optimize(const struct cli_args *args);
enum cli_status cli_vacuum(const struct cli_args *args);
enum cli_status cli_backup(const struct cli_args *args);
enum cli_status cli_restore(const struct cli_args *args);
enum cli_status cli_top(const struct cli_args *args);

#endif
