/* error: the caller's slot, whatever is written into it. */
#include "error.h"

#include "check.h"
#include "utf8.h"

static walpool_error err;

TEST(error__fills_the_slot_and_returns_the_status)
{
    memset(&err, 0x5A, sizeof err);
    CHECK_INT(walpool__error_set(&err, WALPOOL_IO, "cannot %s %d", "read", 7),
              WALPOOL_IO);
    CHECK_INT(err.status, WALPOOL_IO);
    CHECK_STR(err.message, "cannot read 7");
    CHECK_INT(err.sqlite_code, 0);
    CHECK_INT(err.system_errno, 0);
    CHECK_INT(err.sql_offset, -1);
    CHECK_INT(err.statement, -1);
    CHECK_INT(err.phase, WALPOOL_PHASE_NONE);
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(err.reserved, 0);
}

TEST(error__does_without_a_slot)
{
    CHECK_INT(walpool__error_set(NULL, WALPOOL_FULL, "x"), WALPOOL_FULL);
    CHECK_INT(walpool__error_nomem(NULL, "x"), WALPOOL_NOMEM);
    walpool__error_prefix(NULL, "x");
}

TEST(error__says_what_there_was_no_memory_for)
{
    CHECK_INT(walpool__error_nomem(&err, "a token"), WALPOOL_NOMEM);
    CHECK_STR(err.message, "out of memory: a token");
}

TEST(error__puts_words_in_front_and_keeps_the_rest)
{
    walpool__error_set(&err, WALPOOL_SQL, "no such table: t");
    err.sql_offset = 14;
    walpool__error_prefix(&err, "statement %d: ", 3);
    CHECK_STR(err.message, "statement 3: no such table: t");
    CHECK_INT(err.status, WALPOOL_SQL);
    CHECK_INT(err.sql_offset, 14);
}

/* Every length, so that every byte of a character meets the end once. */
TEST(error__cuts_a_long_message_between_characters)
{
    char text[2 * sizeof err.message];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = shift; i + 5 < sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x90\x98", 4);
        text[sizeof text - 1] = 0;
        walpool__error_set(&err, WALPOOL_SQL, "%s", text);
        size_t bytes = strlen(err.message);
        CHECK(bytes < sizeof err.message);
        CHECK(bytes > sizeof err.message - 8);
        CHECK(walpool__utf8_valid(err.message, bytes, NULL));
        walpool__error_prefix(&err, "%.3s", "xyz");
        CHECK(walpool__utf8_valid(err.message, strlen(err.message), NULL));
    }
}

/* File names and texts of SQLite may be any bytes; callers decode UTF-8. */
TEST(error__is_UTF8_whatever_was_put_into_it)
{
    static const char *const bad[] = {
        "\xFF.db",       "a\xC3",         "\xC3/x",         "\xE2\x82 x",
        "\xED\xA0\x80z", "\xC0\xAF.db",   "\xF8\x88\x80\x80", "\x80\x80",
        "\xF4\x90\x80\x80", "\xF0\x9F\x90"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        walpool__error_set(&err, WALPOOL_CANTOPEN, "cannot open %s", bad[i]);
        CHECK(walpool__utf8_valid(err.message, strlen(err.message), NULL));
        CHECK_CONTAINS(err.message, "cannot open ");
        walpool__error_set(&err, WALPOOL_CANTOPEN, "why");
        walpool__error_prefix(&err, "%s: ", bad[i]);
        CHECK(walpool__utf8_valid(err.message, strlen(err.message), NULL));
        CHECK_CONTAINS(err.message, ": why");
    }
}

TEST(error__leaves_good_text_as_it_is)
{
    walpool__error_set(&err, WALPOOL_SQL, "%s", "t\xC3\xA4glich \xE2\x82\xAC \xF0\x9F\x90\x98");
    CHECK_STR(err.message, "t\xC3\xA4glich \xE2\x82\xAC \xF0\x9F\x90\x98");
}

TEST(error__names_every_status)
{
    CHECK_STR(walpool_status_name(WALPOOL_OK), "WALPOOL_OK");
    CHECK_STR(walpool_status_name(WALPOOL_TIMEOUT), "WALPOOL_TIMEOUT");
    CHECK_STR(walpool_status_name(WALPOOL_INTERNAL), "WALPOOL_INTERNAL");
    CHECK_STR(walpool_status_name(-1), "WALPOOL_INTERNAL");
    CHECK_STR(walpool_status_name(29), "WALPOOL_INTERNAL");
}

CHECK_MAIN()
