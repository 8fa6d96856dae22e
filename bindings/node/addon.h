/* The addon: what the generated wrappers and the hand-written files share.
 *
 * One `struct addon` belongs to one Node.js environment (the main thread or a
 * worker thread), is made when the module is loaded there, and ends with it.
 * Nothing of the addon is global to the process.
 *
 * JavaScript writes requests into memory of its own and reads blocks from
 * memory of its own. A *slot* is such a pair, registered once, so that a call
 * crosses with two small numbers. */
#ifndef WALPOOL_NODE_ADDON_H
#define WALPOOL_NODE_ADDON_H

#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#include <node_api.h>
#include <uv.h>

#include "walpool.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ADDON_NOTHING = -1 };

struct slot {
    unsigned char *request; /* JavaScript's memory, kept by request_ref */
    size_t request_bytes;
    unsigned char *block; /* the same */
    size_t block_bytes;
    napi_ref request_ref, block_ref;
    /* What the request says; while a job runs, it borrows all of this. */
    walpool_statement statement;
    walpool_statement *statements; /* of a batch, or NULL */
    size_t statement_count;
    walpool_call call;
    char why[WALPOOL_WHY_BYTES];
    walpool_options options;
    walpool_result *results;
    walpool_rows rows;
    void *target;
    int32_t op; /* of the job under way, or ADDON_NOTHING */
};

/* What a call answers beside its block; JavaScript reads it at once. */
struct answer {
    walpool_error error;
    walpool_checkpoint_result checkpoint;
    walpool_backup_progress backup;
};

enum addon_kind {
    ADDON_CURSOR,
    ADDON_LEASE,
    ADDON_BACKUP,
    ADDON_PREPARED,
    ADDON_DATABASE,
    ADDON_KINDS
};

/* Handles that this environment must end if it ends first. */
struct handles {
    void **items;
    size_t count, room;
};

struct addon {
    napi_env env;
    napi_async_cleanup_hook_handle cleanup;
    struct answer *answer; /* JavaScript's memory */
    napi_ref answer_ref;
    char *text; /* where the core writes JSON and metrics */
    size_t text_bytes;

    struct slot **slots; /* by id; NULL: closed */
    uint32_t *free_ids;
    uint32_t slot_count, slot_room, free_count;
    struct handles handles[ADDON_KINDS];

    walpool_queue *queue; /* NULL until the first job */
    walpool_token *token; /* of every job without one: cancelled at the end */
    uv_poll_t poll;
    int polling;                     /* poll is open */
    walpool_completion *completions; /* JavaScript's memory */
    size_t completion_count;
    napi_ref completions_ref, wake_ref;
    napi_async_context async;
    size_t under_way;
    void (*done)(struct addon *); /* what follows the end of the queue */
};

/* addon.c */
struct addon *addon_open(napi_env env, napi_value exports);
void addon_define(struct addon *addon, napi_value exports, const char *name,
                  napi_callback function);
void addon_track(struct addon *addon, enum addon_kind kind, void *handle);
void addon_untrack(struct addon *addon, enum addon_kind kind, void *handle);
/* Report a defect of the calling JavaScript. Returns the status. */
walpool_status addon_misuse(struct addon *addon, const char *message);
napi_value addon_version(napi_env env, const walpool_version_info *info);
/* Make room for a text; what is there is lost. 0: no memory. */
int addon_text(struct addon *addon, size_t bytes);

/* slot.c */
void slot_define(struct addon *addon, napi_value exports);
void slot_finish_all(struct addon *addon);
struct slot *slot_get(struct addon *addon, napi_value id);
struct slot *slot_at(struct addon *addon, uint32_t id);
/* Read the request in the slot. They report to the answer and return its
 * status. */
walpool_status slot_statement(struct addon *addon, struct slot *slot);
walpool_status slot_call(struct addon *addon, struct slot *slot);
walpool_status slot_batch(struct addon *addon, struct slot *slot);
/* The slot holds NAME, NUL, OPTIONS, NUL. */
walpool_status slot_open_args(struct addon *addon, struct slot *slot);
void slot_end_batch(struct slot *slot);
/* After a call that wrote the slot's block: a cursor in it must be ended some
 * day; `before` is the cursor that was asked, or NULL. */
void slot_seen(struct addon *addon, struct slot *slot, void *before);

/* queue.c */
void queue_define(struct addon *addon, napi_value exports);
/* Ends all jobs; then calls done(addon), from the event loop. */
void queue_finish(struct addon *addon, void (*done)(struct addon *));

/* ------------------------------------------- what every file needs inline */

static inline void *
addon_handle(napi_env env, napi_value value)
{
    int64_t number = 0;

    napi_get_value_int64(env, value, &number);
    return (void *)(uintptr_t)number;
}

static inline napi_value
addon_number(napi_env env, double number)
{
    napi_value value = NULL;

    napi_create_double(env, number, &value);
    return value;
}

static inline napi_value
addon_int32(napi_env env, int32_t number)
{
    napi_value value = NULL;

    napi_create_int32(env, number, &value);
    return value;
}

#ifdef __cplusplus
}
#endif

#endif
