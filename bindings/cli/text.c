/* Text: numbers and times as people read them.
 *
 * Does: format into the caller's buffer.
 * Must not: print.
 * Lock: none. */
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "utf8.h"

const char *
cli_text_bytes(int64_t bytes, char *dst, size_t room)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(dst, room, "%lld bytes", (long long)bytes);
        return dst;
    }
    while (value >= 1023.95 && unit + 1 < ARRAY_COUNT(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(dst, room, "%.1f %s", value, units[unit]);
    return dst;
}

const char *
cli_text_time(int64_t unix_seconds, char *dst, size_t room)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm parts;

    if (!localtime_r(&seconds, &parts) ||
        !strftime(dst, room, "%Y-%m-%d %H:%M:%S", &parts))
        snprintf(dst, room, "an unknown time");
    return dst;
}

const char *
cli_text_span(int64_t milliseconds, char *dst, size_t room)
{
    long long seconds = (milliseconds + 500) / 1000;

    if (milliseconds < 9950)
        snprintf(dst, room, "%.1f s", (double)milliseconds / 1000);
    else if (seconds < 60)
        snprintf(dst, room, "%lld s", seconds);
    else if (seconds < 3600)
        snprintf(dst, room, "%lld min %02lld s", seconds / 60, seconds % 60);
    else
        snprintf(dst, room, "%lld h %02lld min", seconds / 3600,
                 seconds % 3600 / 60);
    return dst;
}

const char *
cli_text_shown(const char *text, char *dst, size_t room)
{
    walpool__utf8_label(dst, room, text, strlen(text));
    return dst;
}
