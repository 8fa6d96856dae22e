/* JSON: text that says how much room it needs.
 *
 * Does: put pieces one behind the other, escape strings.
 * Must not: look after commas and braces.
 * Lock: none. */
#include "json.h"

#include <stdarg.h>
#include <stdio.h>

#include "error.h"

walpool_status
walpool__json_begin(struct walpool__json *json, char *dst, size_t capacity,
                    walpool_error *err)
{
    *json = (struct walpool__json){.dst = dst, .capacity = capacity};
    if (!dst && capacity)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "dst is NULL and capacity %zu", capacity);
    return WALPOOL_OK;
}

void
walpool__json_put(struct walpool__json *json, const char *format, ...)
{
    size_t left =
        json->length < json->capacity ? json->capacity - json->length : 0;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes =
        vsnprintf(left ? json->dst + json->length : NULL, left, format, args);
    va_end(args);
    json->length += (size_t)bytes;
}

void
walpool__json_string(struct walpool__json *json, const char *value)
{
    walpool__json_put(json, "\"");
    for (const unsigned char *at = (const unsigned char *)value; *at; at++) {
        if (*at == '"' || *at == '\\')
            walpool__json_put(json, "\\%c", *at);
        else if (*at < 0x20)
            walpool__json_put(json, "\\u%04x", *at);
        else
            walpool__json_put(json, "%c", *at);
    }
    walpool__json_put(json, "\"");
}

walpool_status
walpool__json_end(const struct walpool__json *json, size_t *need,
                  walpool_error *err)
{
    if (need)
        *need = json->length + 1;
    if (json->length < json->capacity)
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_TOOBIG,
                              "%zu bytes are needed, %zu are there",
                              json->length + 1, json->capacity);
}
