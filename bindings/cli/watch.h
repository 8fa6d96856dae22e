/* Watch: what happens to a database between two ticks, as seen from outside. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "facts.h"

#define CLI_PINS_MAX 64

/* A snapshot that a process has had in all ticks since the first. */
struct cli_pin {
    int64_t pid;
    uint32_t frame;    /* of the WAL; 0: it reads the bare database file */
    int64_t seen_ms;   /* when it was seen first, by the clock of ticks */
};

struct cli_watch {
    struct cli_index newest;
    bool known;    /* all looks since the tick began found the counters */
    int64_t commits, frames; /* since the tick began; frames at least */
    struct cli_pin pins[CLI_PINS_MAX];
    int pin_count;
};

/* Start the next tick. */
void cli_watch_begin(struct cli_watch *watch);

/* Add one look at the wal-index. */
void cli_watch_index(struct cli_watch *watch, const struct cli_index *index);

/* Take the pins of a look: who was there before is as old as it was. */
void cli_watch_pins(struct cli_watch *watch, const struct cli_look *look,
                    int64_t now_ms);

#endif
