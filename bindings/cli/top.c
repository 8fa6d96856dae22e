/* The command top: a database at work, looked at again and again from outside.
 *
 * On a terminal that can move its cursor it is one screen that is drawn anew,
 * otherwise a line for each tick. As doctor it opens nothing with SQLite: it
 * takes no lock and no snapshot, and who uses the database does not notice.
 *
 * Does: look, count, wait, end when interrupted.
 * Must not: open the database, or keep a file of it open between two looks.
 * Lock: none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "interrupt.h"
#include "mem.h"
#include "thread.h"
#include "tick.h"

/* Between two looks at the wal-index within a tick. */
#define LOOK_MS 50
#define CLEAR_SCREEN "\033[2J"

struct top {
    const struct cli_args *args;
    bool screen, styled;
    int rows, columns; /* of the screen, when it was drawn */
    bool known_file;   /* `file` was seen */
    struct walpool__file_id file;
    struct cli_tick tick;
};

static int64_t
now_ms(void)
{
    return walpool__clock_now() / 1000000;
}

/* ----------------------------------------------------------------- drawing */

static void
ask_size(int *rows, int *columns)
{
    struct winsize size;

    *rows = 24;
    *columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0) {
        *rows = size.ws_row;
        *columns = size.ws_col;
    }
}

static void
choose_style(struct top *top)
{
    const char *terminal = getenv("TERM"), *plain = getenv("NO_COLOR");

    top->screen = !top->args->json && isatty(STDOUT_FILENO) && terminal &&
                  terminal[0] && strcmp(terminal, "dumb") != 0;
    top->styled = top->screen && !(plain && plain[0]);
}

static void
draw_screen(struct top *top)
{
    int rows, columns;

    ask_size(&rows, &columns);
    if (rows != top->rows || columns != top->columns)
        fputs(CLEAR_SCREEN, stdout);
    top->rows = rows;
    top->columns = columns;
    cli_tick_screen(&top->tick, rows, columns, top->styled);
}

/* False: nobody can read it any more. */
static bool
draw(struct top *top)
{
    if (top->args->json) {
        if (!cli_tick_json(&top->tick))
            return false;
    } else if (top->screen) {
        draw_screen(top);
    } else {
        cli_tick_line(&top->tick);
    }
    return fflush(stdout) == 0;
}

static bool
was_resized(const struct top *top)
{
    int rows, columns;

    if (!top->screen || top->tick.number == 0)
        return false;
    ask_size(&rows, &columns);
    return rows != top->rows || columns != top->columns;
}

/* ----------------------------------------------------------------- looking */

static enum cli_there
look_for_file(struct top *top)
{
    struct walpool__file_id id;
    bool same;

    if (!walpool__fsinfo_id_at(top->args->file, &id))
        return CLI_GONE;
    same = !top->known_file || walpool__fsinfo_is_same(&id, &top->file);
    top->known_file = true;
    top->file = id;
    return same ? CLI_THERE : CLI_REPLACED;
}

static void
look(struct top *top)
{
    struct cli_index index;

    cli_look_index(top->tick.facts.path, &index);
    cli_watch_index(&top->tick.watch, &index);
}

/* Until the tick is over; false: interrupted. */
static bool
wait(struct top *top, int64_t until_ms)
{
    for (int64_t left; (left = until_ms - now_ms()) > 0;) {
        if (cli_interrupt_came())
            return false;
        if (was_resized(top))
            draw(top);
        walpool__thread_nap_us((left < LOOK_MS ? left : LOOK_MS) * 1000);
        look(top);
    }
    return !cli_interrupt_came();
}

/* False: out of memory. */
static bool
end_tick(struct top *top, int64_t began_ms)
{
    struct cli_tick *tick = &top->tick;

    tick->there = look_for_file(top);
    if (!cli_facts_gather(top->args->file, 0, 0, &tick->facts))
        return false;
    cli_watch_index(&tick->watch, &tick->facts.last.index);
    tick->now_ms = now_ms();
    tick->unix_ms = walpool__clock_unix_ms();
    tick->elapsed_ms = tick->now_ms - began_ms;
    cli_watch_pins(&tick->watch, &tick->facts.last, tick->now_ms);
    tick->number++;
    return true;
}

/* ------------------------------------------------------------- the command */

static enum cli_status
watch(struct top *top)
{
    const struct cli_args *args = top->args;
    int64_t began_ms = now_ms();

    look(top);
    cli_watch_pins(&top->tick.watch, &top->tick.facts.last, began_ms);
    while (args->count == 0 || top->tick.number < args->count) {
        int64_t next_ms = began_ms + args->interval_ms;

        cli_watch_begin(&top->tick.watch);
        if (!wait(top, next_ms))
            return CLI_OK;
        if (!end_tick(top, began_ms)) {
            cli_output_error("out of memory");
            return CLI_FAILING;
        }
        began_ms = top->tick.now_ms;
        if (!draw(top))
            return CLI_FAILING;
    }
    return CLI_OK;
}

static bool
begin(struct top *top, walpool_error *err)
{
    memset(err, 0, sizeof *err);
    err->status = WALPOOL_NOMEM;
    snprintf(err->message, sizeof err->message, "out of memory");
    if (!cli_facts_gather(top->args->file, 0, 0, &top->tick.facts))
        return false;
    if (look_for_file(top) == CLI_THERE &&
        top->tick.facts.file.kind == CLI_REGULAR)
        return true;
    err->status = WALPOOL_CANTOPEN;
    snprintf(err->message, sizeof err->message, "cannot watch %.400s: %s",
             top->args->file,
             top->known_file ? "it is no regular file" : "it does not exist");
    return false;
}

enum cli_status
cli_top(const struct cli_args *args)
{
    struct top *top = walpool__mem_zalloc(sizeof *top);
    enum cli_status status;
    walpool_error err = {.status = WALPOOL_NOMEM, .message = "out of memory"};

    if (top) {
        top->args = args;
        top->tick.name = args->file;
        top->tick.interval_ms = args->interval_ms;
        choose_style(top);
    }
    if (top && begin(top, &err)) {
        cli_interrupt_catch();
        status = watch(top);
    } else {
        status = cli_output_failure(args->json, "top", args->file, &err);
    }
    walpool__mem_free(top);
    return status;
}
