/* Text and progress: tables of what is shown. */
#include "check.h"
#include "progress.h"
#include "text.h"

static const char *
bytes(int64_t count)
{
    static char text[32];

    return cli_text_bytes(count, text, sizeof text);
}

static const char *
span(int64_t milliseconds)
{
    static char text[32];

    return cli_text_span(milliseconds, text, sizeof text);
}

static const char *
line(int64_t moved, int64_t total, int64_t elapsed_ms)
{
    static char text[CLI_PROGRESS_TEXT_BYTES];

    cli_progress_text("check", moved, total, elapsed_ms, text);
    return text;
}

TEST(text__bytes)
{
    CHECK_STR(bytes(0), "0 bytes");
    CHECK_STR(bytes(1023), "1023 bytes");
    CHECK_STR(bytes(1024), "1.0 KiB");
    CHECK_STR(bytes(1048575), "1.0 MiB");
    CHECK_STR(bytes(INT64_C(5) << 30), "5.0 GiB");
    CHECK_STR(bytes(INT64_C(2048) << 40), "2048.0 TiB");
}

TEST(text__spans)
{
    CHECK_STR(span(0), "0.0 s");
    CHECK_STR(span(9949), "9.9 s");
    CHECK_STR(span(9950), "10 s");
    CHECK_STR(span(59499), "59 s");
    CHECK_STR(span(59500), "1 min 00 s");
    CHECK_STR(span(185000), "3 min 05 s");
    CHECK_STR(span(7800000), "2 h 10 min");
}

TEST(text__what_comes_from_outside)
{
    char text[8];

    CHECK_STR(cli_text_shown("a\n\033b\xff", text, sizeof text), "a??b?");
    CHECK_STR(cli_text_shown("0123456789", text, sizeof text), "0123456");
    CHECK_CONTAINS(cli_text_time(0, (char[32]){0}, 32), ":");
}

TEST(progress__a_line)
{
    CHECK_STR(line(0, 100, 0),
              "check [........................]   0 %  0 bytes  0 bytes/s  "
              "? left");
    CHECK_STR(line(50, 200, 1000),
              "check [######..................]  25 %  50 bytes  50 bytes/s  "
              "3.0 s left");
    CHECK_STR(line(200, 200, 2000),
              "check [########################] 100 %  200 bytes  100 bytes/s  "
              "0.0 s left");
}

TEST(progress__more_than_was_known_and_nothing_known)
{
    CHECK_CONTAINS(line(300, 200, 1000), "100 %  300 bytes");
    CHECK_STR(line(300, 0, 1500), "check: 1.5 s");
    CHECK_STR(line(-1, 200, 1500), "check: 1.5 s");
    CHECK_CONTAINS(line(INT64_C(1) << 50, INT64_C(1) << 51, 1000), " 50 %");
}

CHECK_MAIN()
