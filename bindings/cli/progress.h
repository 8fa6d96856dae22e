/* Progress: a bar on a terminal, with rate and time left. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base.h"

enum cli_moved { CLI_MOVED_READ, CLI_MOVED_WRITTEN };

/* Work that is measured by the bytes that this process reads or writes. */
struct cli_progress {
    bool shown;        /* stderr is a terminal */
    const char *doing; /* "check" */
    enum cli_moved kind;
    int64_t began_ns, base, total; /* total: bytes, 0 where nobody knows */
};

void cli_progress_begin(struct cli_progress *progress, const char *doing,
                        enum cli_moved kind, int64_t total_bytes);
void cli_progress_draw(const struct cli_progress *progress);
/* `done`: the bar is full; otherwise it goes away. */
void cli_progress_end(const struct cli_progress *progress, bool done);

#define CLI_PROGRESS_TEXT_BYTES 256

/* One line, without its end. */
void cli_progress_text(const char *doing, int64_t moved, int64_t total,
                       int64_t elapsed_ms, char dst[CLI_PROGRESS_TEXT_BYTES]);

#endif
