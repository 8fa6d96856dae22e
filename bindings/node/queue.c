/* The queue of one environment: jobs go out, completions wake the event loop
 * through the queue's descriptor. One callback into JavaScript per wake-up
 * tells how many completions were taken. The descriptor keeps the process
 * alive only while a job is under way. */
#include "addon.h"

#include <stdlib.h>

/* ------------------------------------------------------------ completions */

/* What the library made for a job of this environment. */
static void
settle(struct addon *addon, struct slot *slot,
       const walpool_completion *completion)
{
    void *target = slot->target;
    int ok = completion->error.status == WALPOOL_OK;

    switch (slot->op) {
    case WALPOOL_OP_OPEN:
        addon_track(addon, ADDON_DATABASE, completion->result);
        break;
    case WALPOOL_OP_CLOSE:
        if (ok)
            addon_untrack(addon, ADDON_DATABASE, target);
        break;
    case WALPOOL_OP_ACQUIRE_READ:
    case WALPOOL_OP_ACQUIRE_WRITE:
        addon_track(addon, ADDON_LEASE, completion->result);
        break;
    case WALPOOL_OP_BACKUP_START:
        addon_track(addon, ADDON_BACKUP, completion->result);
        break;
    case WALPOOL_OP_PREPARE:
        addon_track(addon, ADDON_PREPARED, completion->result);
        break;
    case WALPOOL_OP_BACKUP_FINISH:
        if (ok)
            addon_untrack(addon, ADDON_BACKUP, target);
        break;
    case WALPOOL_OP_READ:
    case WALPOOL_OP_RUN:
        if (ok)
            slot_seen(addon, slot, NULL);
        break;
    case WALPOOL_OP_CURSOR_NEXT:
        if (ok)
            slot_seen(addon, slot, target);
        break;
    default:
        break;
    }
    slot_end_batch(slot);
    slot->op = ADDON_NOTHING;
}

static size_t
take(struct addon *addon)
{
    size_t count = walpool_completions(addon->queue, addon->completions,
                                       addon->completion_count, 0, NULL);

    for (size_t i = 0; i < count; i++) {
        const walpool_completion *completion = &addon->completions[i];
        struct slot *slot = slot_at(addon, (uint32_t)completion->id);

        if (slot)
            settle(addon, slot, completion);
    }
    addon->under_way -= count;
    if (count && !addon->under_way)
        uv_unref((uv_handle_t *)&addon->poll);
    return count;
}

/* An exception from the callback is a defect of ours: end as any uncaught
 * exception would. */
static void
wake(struct addon *addon, size_t count)
{
    napi_env env = addon->env;
    napi_value argument, function, global, exception;

    if (napi_get_reference_value(env, addon->wake_ref, &function) != napi_ok ||
        napi_get_global(env, &global) != napi_ok)
        return;
    argument = addon_number(env, (double)count);
    if (napi_make_callback(env, addon->async, global, function, 1, &argument,
                           NULL) == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok)
        napi_fatal_exception(env, exception);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct addon *addon = poll->data;
    napi_handle_scope scope;
    size_t count;

    (void)status;
    (void)events;
    if (napi_open_handle_scope(addon->env, &scope) != napi_ok)
        return;
    count = take(addon);
    if (count)
        wake(addon, count);
    napi_close_handle_scope(addon->env, scope);
}

/* -------------------------------------------------------------- beginning */

static int
start_poll(struct addon *addon)
{
    uv_loop_t *loop;

    if (napi_get_uv_event_loop(addon->env, &loop) != napi_ok ||
        uv_poll_init(loop, &addon->poll, walpool_queue_fd(addon->queue)))
        return 0;
    addon->poll.data = addon;
    addon->polling = 1;
    uv_unref((uv_handle_t *)&addon->poll);
    return uv_poll_start(&addon->poll, UV_READABLE, on_readable) == 0;
}

static void
start_callback(struct addon *addon, napi_value completions, napi_value function)
{
    napi_value name;
    void *data = NULL;
    size_t bytes = 0;

    napi_get_arraybuffer_info(addon->env, completions, &data, &bytes);
    addon->completions = data;
    addon->completion_count = bytes / sizeof(walpool_completion);
    napi_create_reference(addon->env, completions, 1, &addon->completions_ref);
    napi_create_reference(addon->env, function, 1, &addon->wake_ref);
    napi_create_string_utf8(addon->env, "walpool", NAPI_AUTO_LENGTH, &name);
    napi_async_init(addon->env, NULL, name, &addon->async);
}

static walpool_status
start_queue(struct addon *addon)
{
    walpool_error *err = &addon->answer->error;

    if (!addon->token)
        addon->token = walpool_token_open(err);
    if (addon->token && !addon->queue)
        addon->queue = walpool_queue_open(err);
    if (!addon->queue)
        return err->status;
    if (!addon->polling && !start_poll(addon))
        return addon_misuse(addon, "the event loop takes no descriptor");
    return WALPOOL_OK;
}

/* queueOpen(completions, onWake) -> status */
static napi_value
js_queue_open(napi_env env, napi_callback_info info)
{
    struct addon *addon;
    walpool_status status;
    size_t argc = 2;
    napi_value argv[2];

    napi_get_cb_info(env, info, &argc, argv, NULL, (void **)&addon);
    status = start_queue(addon);
    if (status == WALPOOL_OK && !addon->wake_ref)
        start_callback(addon, argv[0], argv[1]);
    return addon_int32(env, status);
}

/* ------------------------------------------------------------------ jobs */

static walpool_status
read_request(struct addon *addon, struct slot *slot, int32_t op)
{
    switch (op) {
    case WALPOOL_OP_OPEN:
        return slot_open_args(addon, slot);
    case WALPOOL_OP_BATCH:
        return slot_batch(addon, slot);
    case WALPOOL_OP_READ:
    case WALPOOL_OP_WRITE:
    case WALPOOL_OP_RUN:
    case WALPOOL_OP_PREPARE:
    case WALPOOL_OP_BACKUP_START: /* a path, where the SQL would be */
    case WALPOOL_OP_RESTORE:
        return slot_statement(addon, slot);
    default:
        return slot_call(addon, slot);
    }
}

static walpool_status
submit(struct addon *addon, uint32_t id, struct slot *slot, walpool_job *job)
{
    walpool_status status;

    if (!slot->call.token)
        slot->call.token = addon->token;
    slot->call.flags |= WALPOOL_CALL_ANY_THREAD;
    job->id = id;
    job->name = job->op == WALPOOL_OP_OPEN ? (const char *)slot->request
                                           : slot->statement.sql;
    job->options = &slot->options;
    job->statements = slot->statements ? slot->statements : &slot->statement;
    job->statement_count = slot->statements ? slot->statement_count : 1;
    job->call = &slot->call;
    job->results = slot->results;
    job->rows = &slot->rows;
    status = walpool_submit(addon->queue, job, &addon->answer->error);
    if (status != WALPOOL_OK)
        return status;
    slot->op = job->op;
    slot->target = job->target;
    if (!addon->under_way++)
        uv_ref((uv_handle_t *)&addon->poll);
    return status;
}

/* submit(slot, op, target, mode, pages) -> status */
static napi_value
js_submit(napi_env env, napi_callback_info info)
{
    struct addon *addon;
    struct slot *slot;
    walpool_job job = {0};
    walpool_status status;
    uint32_t id = UINT32_MAX;
    size_t argc = 5;
    napi_value argv[5];

    napi_get_cb_info(env, info, &argc, argv, NULL, (void **)&addon);
    napi_get_value_uint32(env, argv[0], &id);
    napi_get_value_int32(env, argv[1], &job.op);
    job.target = addon_handle(env, argv[2]);
    napi_get_value_int32(env, argv[3], &job.mode);
    napi_get_value_int64(env, argv[4], &job.pages); /* undefined: 0 */
    slot = slot_at(addon, id);
    status = read_request(addon, slot, job.op);
    if (status == WALPOOL_OK)
        status = submit(addon, id, slot, &job);
    if (status != WALPOOL_OK && slot && slot->op == ADDON_NOTHING)
        slot_end_batch(slot);
    return addon_int32(env, status);
}

void
queue_define(struct addon *addon, napi_value exports)
{
    addon_define(addon, exports, "queueOpen", js_queue_open);
    addon_define(addon, exports, "submit", js_submit);
}

/* --------------------------------------------------------------- the end */

static void
on_closed(uv_handle_t *handle)
{
    struct addon *addon = handle->data;

    addon->done(addon);
}

/* Running jobs write to memory of JavaScript, which lives until this hook's
 * end: so they are cancelled and awaited here. */
static void
end_jobs(struct addon *addon)
{
    walpool_cancel(addon->token, NULL);
    for (uint32_t id = 0; id < addon->slot_count; id++)
        if (addon->slots[id] && addon->slots[id]->op != ADDON_NOTHING)
            walpool_cancel(addon->slots[id]->call.token, NULL);
    walpool_queue_close(addon->queue);
    walpool_token_close(addon->token);
}

void
queue_finish(struct addon *addon, void (*done)(struct addon *))
{
    if (addon->polling)
        uv_poll_stop(&addon->poll);
    end_jobs(addon);
    if (!addon->polling) {
        done(addon);
        return;
    }
    addon->done = done;
    uv_close((uv_handle_t *)&addon->poll, on_closed);
}
