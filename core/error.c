/* Errors: filling in the caller's slot, and the list of names.
 *
 * Does: format what was tried, on what, why, into the caller's memory.
 * Must not: allocate, keep a last error anywhere, or print.
 * Lock: none. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(walpool_error) == 512, "the error slot is 512 bytes");

const char *
walpool_status_name(int32_t status)
{
    switch (status) {
#define NAME_CASE(name, number, text) \
    case number:                      \
        return "WALPOOL_" #name;
        WALPOOL_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    default:
        return "WALPOOL_INTERNAL";
    }
}

/* Bytes of the UTF-8 character at `at`, or 0 if there is none. */
static size_t
character(const unsigned char *at)
{
    unsigned char lowest = 0x80, highest = 0xBF;
    size_t bytes = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    if (at[0] == 0xE0 || at[0] == 0xF0)
        lowest = at[0] == 0xE0 ? 0xA0 : 0x90;
    if (at[0] == 0xED || at[0] == 0xF4)
        highest = at[0] == 0xED ? 0x9F : 0x8F;
    if (at[1] < lowest || at[1] > highest)
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return bytes;
}

/* Names of files are any bytes, and a name cut short may end inside a
 * character; but whoever reads a message decodes UTF-8. */
static void
scrub(char *message)
{
    while (*message) {
        size_t bytes = character((const unsigned char *)message);

        if (!bytes)
            *message = '?';
        message += bytes ? bytes : 1;
    }
}

/* A message that had to be cut must not end inside a UTF-8 character. */
static void
cut_cleanly(char *message, size_t room)
{
    size_t end = strnlen(message, room - 1);

    if (end < room - 1)
        return;
    while (end > 0 && ((unsigned char)message[end - 1] & 0xC0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)message[end - 1] >= 0xC0)
        end--;
    message[end] = '\0';
}

walpool_status
walpool__error_set(walpool_error *err, walpool_status status,
                   const char *format, ...)
{
    va_list args;

    PRE(status != WALPOOL_OK);
    if (!err)
        return status;
    memset(err, 0, offsetof(walpool_error, message));
    err->status = status;
    err->sql_offset = -1;
    err->statement = -1;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    cut_cleanly(err->message, sizeof err->message);
    scrub(err->message);
    return status;
}

void
walpool__error_prefix(walpool_error *err, const char *format, ...)
{
    char rest[sizeof err->message];
    va_list args;
    size_t used;

    if (!err)
        return;
    memcpy(rest, err->message, sizeof rest);
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, "%s", rest);
    cut_cleanly(err->message, sizeof err->message);
    scrub(err->message);
}

walpool_status
walpool__error_nomem(walpool_error *err, const char *what)
{
    return walpool__error_set(err, WALPOOL_NOMEM, "out of memory: %s", what);
}
