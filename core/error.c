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
}

walpool_status
walpool__error_nomem(walpool_error *err, const char *what)
{
    return walpool__error_set(err, WALPOOL_NOMEM, "out of memory: %s", what);
}
