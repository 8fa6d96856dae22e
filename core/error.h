/* Errors: filling in the caller's slot. */
#ifndef WALPOOL_ERROR_H
#define WALPOOL_ERROR_H

#include "base.h"

/* Fill the slot (NULL is allowed) and return `status`. Fields that are not
 * given get their defaults: offset -1, statement -1, outcome NOT_APPLIED. */
walpool_status walpool__error_set(walpool_error *err, walpool_status status,
                                  const char *format, ...) PRINTF_LIKE(3, 4);

/* Put words in front of the message, for an error passed on from below. */
void walpool__error_prefix(walpool_error *err, const char *format, ...)
    PRINTF_LIKE(2, 3);

walpool_status walpool__error_nomem(walpool_error *err, const char *what);

#endif
