/* Handles: numbers for objects, that notice when they are stale. */
#ifndef WALPOOL_HANDLE_H
#define WALPOOL_HANDLE_H

#include "base.h"

enum walpool__handle_kind {
    WALPOOL__HANDLE_DATABASE,
    WALPOOL__HANDLE_LEASE,
    WALPOOL__HANDLE_CURSOR,
    WALPOOL__HANDLE_TOKEN,
    WALPOOL__HANDLE_QUEUE,
    WALPOOL__HANDLE_BACKUP,
    WALPOOL__HANDLE_PREPARED,
    WALPOOL__HANDLE_KINDS
};

/* Make a handle for `object`. `destroy` runs once, on the thread of the last
 * unpin after the close. NULL: no memory, or too many handles. */
void *walpool__handle_open(enum walpool__handle_kind kind, void *object,
                           void (*destroy)(void *));

/* Return the object and keep it alive until the unpin, or NULL with err set to
 * MISUSE, CLOSED or FORKED. */
void *walpool__handle_pin(enum walpool__handle_kind kind, const void *handle,
                          walpool_error *err, walpool_status *status);
void walpool__handle_unpin(const void *handle);

/* From now on the handle is closed. The caller has it pinned. False: somebody
 * else closed it first. */
bool walpool__handle_close(const void *handle);

/* Did somebody close it? The caller has it pinned. */
bool walpool__handle_is_closed(const void *handle);

/* Is this number a handle that is open? That is true of this moment only, and
 * says nothing of its kind. */
bool walpool__handle_is_open(const void *handle);

#endif
