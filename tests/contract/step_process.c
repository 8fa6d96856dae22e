/* The step that has another process write: this program, run again. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "run.h"

extern char **environ;

static const char *program;

/* In the other process: its exit status. */
static int
run_script(const char *name, const char *sql)
{
    walpool_error err;
    walpool_statement script = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool *db = walpool_open(name, NULL, &err);
    call.flags = WALPOOL_CALL_SCRIPT;
    if (db != NULL && walpool_write(db, &script, &call, NULL, &err) == 0 &&
        walpool_close(db, -1, &err) == 0)
        return 0;
    fprintf(stderr, "elsewhere: %s\n", err.message);
    return 1;
}

int
process_main(int argc, char **argv)
{
    program = argv[0];
    return argc == 4 && strcmp(argv[1], "--script") == 0
               ? run_script(argv[2], argv[3])
               : -1;
}

static void
elsewhere(struct run *run, const struct json *step, struct answer *answer)
{
    char *name = run_expand(run, json_text(step, "name", ""));
    char mode[] = "--script", *self = strdup(program),
         *sql = strdup(json_text(step, "sql", ""));
    char *arguments[] = {self, mode, name, sql, NULL};
    int ended = 0;
    pid_t pid;
    int failed = posix_spawn(&pid, program, NULL, NULL, arguments, environ);
    if (failed != 0)
        answer_fail(answer, "cannot run %s: %s", program, strerror(failed));
    else {
        while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
            ;
        if (ended != 0)
            answer_fail(answer, "the other process failed");
    }
    free(name);
    free(self);
    free(sql);
}

step_function *
step_process_find(const char *name)
{
    return strcmp(name, "elsewhere") == 0 ? elsewhere : NULL;
}
