/* JSON: text that says how much room it needs. */
#ifndef WALPOOL_JSON_H
#define WALPOOL_JSON_H

#include "base.h"

/* What does not fit at dst is counted, and left out. */
struct walpool__json {
    char *dst;
    size_t capacity, length;
};

/* MISUSE where there is no buffer for the capacity. */
walpool_status walpool__json_begin(struct walpool__json *json, char *dst,
                                   size_t capacity, walpool_error *err);

/* Put text as it is. */
void walpool__json_put(struct walpool__json *json, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* Put a string in quotes. It is UTF-8 already. */
void walpool__json_string(struct walpool__json *json, const char *value);

/* *need: the bytes with the NUL; may be NULL. TOOBIG if they were not there. */
walpool_status walpool__json_end(const struct walpool__json *json, size_t *need,
                                 walpool_error *err);

#endif
