/* Text: numbers and times as people read them, and text that is safe to show. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "base.h"

/* "812 bytes", "4.0 KiB", "20.5 MiB" */
const char *cli_text_bytes(int64_t bytes, char *dst, size_t room);

/* Seconds since 1970 as local time, "2026-11-21 14:03:11". */
const char *cli_text_time(int64_t unix_seconds, char *dst, size_t room);

/* "0.4 s", "12 s", "3 min 05 s", "2 h 10 min" */
const char *cli_text_span(int64_t milliseconds, char *dst, size_t room);

/* What comes from outside, a path or a name, as UTF-8 without controls. */
const char *cli_text_shown(const char *text, char *dst, size_t room);

#endif
