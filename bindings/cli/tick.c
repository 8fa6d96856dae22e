/* Tick: one line, screen or object of `walpool top`.
 *
 * Does: put numbers into words.
 * Must not: look at anything but the tick.
 * Lock: none. */
#include "tick.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "output.h"
#include "text.h"

#define LINE_BYTES 1024
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"
#define HOME "\033[H"

/* --------------------------------------------------------- single numbers */

static double
per_second(const struct cli_tick *tick, int64_t count)
{
    return tick->elapsed_ms > 0
               ? (double)count * 1000 / (double)tick->elapsed_ms
               : 0;
}

/* "512/s", or "-" where nobody has the database open. */
static const char *
rate(const struct cli_tick *tick, int64_t count, char dst[32])
{
    if (tick->watch.known)
        snprintf(dst, 32, "%.0f/s", per_second(tick, count));
    else
        snprintf(dst, 32, "-");
    return dst;
}

static const char *
size(int64_t bytes, char dst[32])
{
    if (bytes < 0)
        snprintf(dst, 32, "-");
    else
        cli_text_bytes(bytes, dst, 32);
    return dst;
}

static const char *
time_of(const struct cli_tick *tick, char dst[32])
{
    char whole[32];
    const char *clock;

    cli_text_time(tick->unix_ms / 1000, whole, sizeof whole);
    clock = strchr(whole, ' ');
    snprintf(dst, 32, "%s", clock ? clock + 1 : whole);
    return dst;
}

/* The first that has it, or 0; -1: somebody without a number here. */
static int64_t
holder_of(const struct cli_holders *holders)
{
    if (holders->count > 0)
        return holders->pids[0];
    return holders->unnamed ? -1 : 0;
}

static int64_t
turn_holder(const struct cli_processes *processes)
{
    for (int i = 0; i < processes->count; i++)
        if (processes->list[i].has_turn)
            return processes->list[i].pid;
    return 0;
}

static const char *
who(const struct cli_tick *tick, int64_t pid, char dst[CLI_WHO_BYTES])
{
    if (pid == 0)
        snprintf(dst, CLI_WHO_BYTES, "nobody");
    else
        cli_findings_who(&tick->facts.processes, pid < 0 ? 0 : pid, dst);
    return dst;
}

static int64_t
age_ms(const struct cli_tick *tick, const struct cli_pin *pin)
{
    return tick->now_ms - pin->seen_ms;
}

static const char *
what_happened(const struct cli_tick *tick)
{
    return tick->there == CLI_GONE
               ? "the file is not there any more: it was moved or deleted"
               : "another file is there now: it was replaced";
}

/* ------------------------------------------------------------------- a line */

static void
print_pins(const struct cli_tick *tick)
{
    for (int i = 0; i < tick->watch.pin_count; i++) {
        const struct cli_pin *pin = &tick->watch.pins[i];
        char age[32];

        printf("%s%lld@%u for %s", i ? ", " : "  pins ", (long long)pin->pid,
               pin->frame, cli_text_span(age_ms(tick, pin), age, sizeof age));
    }
}

void
cli_tick_line(const struct cli_tick *tick)
{
    const struct cli_facts *facts = &tick->facts;
    const struct cli_index *index = &facts->last.index;
    char at[32], a[32], b[32], c[32], d[32], e[32];
    int64_t writer = holder_of(&facts->last.writer);
    int64_t turn = turn_holder(&facts->processes);

    printf("%s  ", time_of(tick, at));
    if (tick->there != CLI_THERE)
        printf("%s", what_happened(tick));
    if (tick->there != CLI_GONE)
        printf("%scommits %s  frames %s  wal %s, %u frames, %u checkpointed  "
               "file %s  free %s",
               tick->there == CLI_THERE ? "" : "  ",
               rate(tick, tick->watch.commits, a),
               rate(tick, tick->watch.frames, b),
               size(facts->parts[CLI_WAL].bytes, c), index->frames,
               index->checkpointed, size(facts->file.bytes, d),
               size(facts->free_bytes, e));
    if (writer)
        printf("  writer %lld", (long long)writer);
    if (turn)
        printf("  turn %lld", (long long)turn);
    print_pins(tick);
    printf("\n");
}

/* --------------------------------------------------------------------- JSON */

static void
put_rate(struct cli_json *json, const struct cli_tick *tick, const char *name,
         int64_t count)
{
    char text[64];

    snprintf(text, sizeof text, "%.1f", per_second(tick, count));
    cli_json_raw(json, name, tick->watch.known ? text : "null");
}

/* {"process": 12, "name": "python3"}, or null; -1 is nobody that is known. */
static void
put_process(struct cli_json *json, const struct cli_tick *tick,
            const char *name, int64_t pid)
{
    const struct cli_process *process =
        cli_processes_lookup(&tick->facts.processes, pid);

    if (pid == 0) {
        cli_json_raw(json, name, "null");
        return;
    }
    cli_json_open(json, name, '{');
    cli_json_number(json, "process", pid < 0 ? 0 : pid);
    cli_json_text(json, "name", process ? process->name : "");
    cli_json_close(json, '}');
}

static void
put_pins(struct cli_json *json, const struct cli_tick *tick)
{
    cli_json_open(json, "pins", '[');
    for (int i = 0; i < tick->watch.pin_count; i++) {
        const struct cli_pin *pin = &tick->watch.pins[i];
        const struct cli_process *process =
            cli_processes_lookup(&tick->facts.processes, pin->pid);

        cli_json_open(json, NULL, '{');
        cli_json_number(json, "process", pin->pid);
        cli_json_text(json, "name", process ? process->name : "");
        cli_json_number(json, "frame", pin->frame);
        cli_json_number(json, "seen_ms", age_ms(tick, pin));
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void
put(struct cli_json *json, const void *data)
{
    static const char *const there[] = {"there", "gone", "replaced"};
    const struct cli_tick *tick = data;
    const struct cli_facts *facts = &tick->facts;
    const struct cli_index *index = &facts->last.index;

    cli_json_head(json, "top", tick->name,
                  tick->there == CLI_THERE ? CLI_OK : CLI_FAILING);
    cli_json_number(json, "tick", tick->number);
    cli_json_number(json, "time_ms", tick->unix_ms);
    cli_json_number(json, "elapsed_ms", tick->elapsed_ms);
    cli_json_text(json, "there", there[tick->there]);
    put_rate(json, tick, "commits_per_s", tick->watch.commits);
    put_rate(json, tick, "frames_per_s", tick->watch.frames);
    cli_json_number(json, "file_bytes", facts->file.bytes);
    cli_json_number(json, "wal_bytes", facts->parts[CLI_WAL].bytes);
    cli_json_number(json, "wal_frames", index->frames);
    cli_json_number(json, "wal_frames_checkpointed", index->checkpointed);
    cli_json_number(json, "disk_free_bytes", facts->free_bytes);
    put_process(json, tick, "writer", holder_of(&facts->last.writer));
    put_process(json, tick, "turn", turn_holder(&facts->processes));
    put_process(json, tick, "checkpointer",
                holder_of(&facts->last.checkpointer));
    put_pins(json, tick);
}

bool
cli_tick_json(const struct cli_tick *tick)
{
    return cli_json_print(put, tick);
}

/* ------------------------------------------------------------------ a screen */

struct screen {
    int rows, columns;
    bool styled;
};

static void print(struct screen *screen, bool bold, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* One row, cut to the width; nothing when the screen is full. A byte that
 * begins no character takes no column. */
static void
print(struct screen *screen, bool bold, const char *format, ...)
{
    char line[LINE_BYTES];
    size_t end = 0;
    va_list args;

    if (screen->rows <= 1) /* the last one holds the cursor */
        return;
    screen->rows--;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (int columns = 0; line[end]; end++) {
        columns += ((unsigned char)line[end] & 0xc0) != 0x80;
        if (columns > screen->columns)
            break;
    }
    line[end] = '\0';
    bold &= screen->styled;
    printf("%s%s%s" CLEAR_LINE "\n", bold ? "\033[1m" : "", line,
           bold ? "\033[0m" : "");
}

static void
print_files(const struct cli_tick *tick, struct screen *screen)
{
    const struct cli_facts *facts = &tick->facts;
    const struct cli_index *index = &facts->last.index;
    char a[32], b[32], c[32];

    print(screen, false, "commits    %-12s frames %s",
          rate(tick, tick->watch.commits, a),
          rate(tick, tick->watch.frames, b));
    print(screen, false, "WAL        %s, %u frames, of which %u are "
          "checkpointed", size(facts->parts[CLI_WAL].bytes, c), index->frames,
          index->checkpointed);
    print(screen, false, "file       %s", size(facts->file.bytes, a));
    print(screen, false, "disk       %s free", size(facts->free_bytes, b));
}

static void
print_holders(const struct cli_tick *tick, struct screen *screen)
{
    const struct cli_facts *facts = &tick->facts;
    char name[CLI_WHO_BYTES];

    print(screen, false, "writes     %s",
          who(tick, holder_of(&facts->last.writer), name));
    print(screen, false, "turn       %s",
          who(tick, turn_holder(&facts->processes), name));
    print(screen, false, "checkpoint %s",
          who(tick, holder_of(&facts->last.checkpointer), name));
    print(screen, false, "%s", "");
    print(screen, true, "%-44s %10s  %s", "SNAPSHOTS", "FRAME", "SEEN FOR");
    for (int i = 0; i < tick->watch.pin_count; i++) {
        const struct cli_pin *pin = &tick->watch.pins[i];
        char age[32];

        print(screen, false, "%-44s %10u  %s", who(tick, pin->pid, name),
              pin->frame, cli_text_span(age_ms(tick, pin), age, sizeof age));
    }
}

void
cli_tick_screen(const struct cli_tick *tick, int rows, int columns, bool styled)
{
    struct screen screen = {rows, columns, styled};
    char shown[LINE_BYTES], at[32], every[32];

    fputs(HOME, stdout);
    print(&screen, true, "%s  %s  every %s",
          cli_text_shown(tick->name, shown, sizeof shown), time_of(tick, at),
          cli_text_span(tick->interval_ms, every, sizeof every));
    if (tick->there != CLI_THERE)
        print(&screen, true, "%s", what_happened(tick));
    if (tick->there != CLI_GONE) {
        print_files(tick, &screen);
        print_holders(tick, &screen);
    }
    fputs(CLEAR_REST, stdout);
}
