/* Progress: a bar on a terminal, with rate and time left.
 *
 * SQLite does not tell how far a check or a VACUUM has come. But it reads, or
 * writes, a number of bytes that is known before, nearly, and the system counts
 * those of each process. A bar that has too little to go on stops at 99 %.
 *
 * Does: measure, draw.
 * Must not: draw where stderr is no terminal.
 * Lock: none. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

#define BAR_CELLS 24
#define ERASE_LINE "\r\033[K"

/* Bytes that this process has read or written so far, or -1. */
static int64_t
moved_bytes(enum cli_moved kind)
{
    const char *format = kind == CLI_MOVED_READ ? "rchar: %lld" : "wchar: %lld";
    FILE *file = fopen("/proc/self/io", "re");
    long long bytes = -1;
    char line[64];

    while (file && bytes < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, format, &bytes) != 1)
            bytes = -1;
    if (file)
        fclose(file);
    return bytes;
}

static int64_t
elapsed_ms(const struct cli_progress *progress)
{
    return (walpool__clock_now() - progress->began_ns) / 1000000;
}

void
cli_progress_text(const char *doing, int64_t moved, int64_t total,
                  int64_t elapsed, char dst[CLI_PROGRESS_TEXT_BYTES])
{
    char bar[BAR_CELLS + 1], size[32], rate[32], left[32];
    int64_t known = moved < total ? moved : total;
    int full = (int)((double)known / (double)total * BAR_CELLS);
    int percent = (int)((double)known / (double)total * 100);

    if (total <= 0 || moved < 0) {
        snprintf(dst, CLI_PROGRESS_TEXT_BYTES, "%s: %s", doing,
                 cli_text_span(elapsed, left, sizeof left));
        return;
    }
    memset(bar, '.', sizeof bar - 1);
    memset(bar, '#', (size_t)full);
    bar[BAR_CELLS] = '\0';
    cli_text_bytes(moved, size, sizeof size);
    cli_text_bytes(elapsed > 0 ? moved * 1000 / elapsed : 0, rate, sizeof rate);
    snprintf(left, sizeof left, "?");
    if (known > 0)
        cli_text_span((int64_t)((double)(total - known) / (double)known *
                                (double)elapsed), left, sizeof left);
    snprintf(dst, CLI_PROGRESS_TEXT_BYTES, "%s [%s] %3d %%  %s  %s/s  %s left",
             doing, bar, percent, size, rate, left);
}

static void
draw(const struct cli_progress *progress, int64_t moved)
{
    int64_t most = progress->total - (progress->total + 99) / 100;
    char text[CLI_PROGRESS_TEXT_BYTES];

    cli_progress_text(progress->doing, moved < most ? moved : most,
                      progress->total, elapsed_ms(progress), text);
    fprintf(stderr, ERASE_LINE "%s", text);
    fflush(stderr);
}

void
cli_progress_begin(struct cli_progress *progress, const char *doing,
                   enum cli_moved kind, int64_t total_bytes)
{
    *progress = (struct cli_progress){
        .shown = isatty(STDERR_FILENO),
        .doing = doing,
        .kind = kind,
        .began_ns = walpool__clock_now(),
        .base = moved_bytes(kind),
        .total = total_bytes,
    };
    if (progress->base < 0)
        progress->total = 0;
    if (progress->shown)
        draw(progress, 0);
}

void
cli_progress_draw(const struct cli_progress *progress)
{
    if (progress->shown)
        draw(progress, moved_bytes(progress->kind) - progress->base);
}

void
cli_progress_end(const struct cli_progress *progress, bool done)
{
    char text[CLI_PROGRESS_TEXT_BYTES];

    if (!progress->shown)
        return;
    cli_progress_text(progress->doing, progress->total, progress->total,
                      elapsed_ms(progress), text);
    fprintf(stderr, done ? ERASE_LINE "%s\n" : ERASE_LINE, text);
}
