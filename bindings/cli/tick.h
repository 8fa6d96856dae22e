/* Tick: one line, screen or object of `walpool top`. */
#ifndef CLI_TICK_H
#define CLI_TICK_H

#include "watch.h"

enum cli_there { CLI_THERE, CLI_GONE, CLI_REPLACED };

struct cli_tick {
    const char *name;     /* of the file, as it was given */
    enum cli_there there; /* since the tick before */
    int64_t number;       /* 1: the first */
    int64_t elapsed_ms;   /* since the tick before */
    int64_t interval_ms;
    int64_t now_ms;       /* by the clock of ticks */
    int64_t unix_ms;      /* the time of day */
    struct cli_facts facts;
    struct cli_watch watch;
};

void cli_tick_line(const struct cli_tick *tick);
/* False: it could not be printed. */
bool cli_tick_json(const struct cli_tick *tick);
/* As much as fits into a terminal of that size. `styled`: with bold text. */
void cli_tick_screen(const struct cli_tick *tick, int rows, int columns,
                     bool styled);

#endif
