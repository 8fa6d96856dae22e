/* The addon's state: made with the environment, ended with it. What the
 * program left open is ended here, so that a worker thread that was
 * terminated holds no lease that others wait for. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

/* lib/native.js reads these structs by these offsets. */
_Static_assert(sizeof(walpool_error) == 512, "error");
_Static_assert(offsetof(walpool_error, message) == 32, "message");
_Static_assert(offsetof(struct answer, checkpoint) == 512, "answer");
_Static_assert(sizeof(walpool_completion) == 632, "completion");
_Static_assert(offsetof(walpool_completion, result) == 8, "result");
_Static_assert(offsetof(walpool_completion, checkpoint) == 16, "checkpoint");
_Static_assert(offsetof(walpool_completion, error) == 96, "error");
_Static_assert(offsetof(walpool_completion, backup) == 608, "backup");
_Static_assert(offsetof(struct answer, backup) == 592, "answer");
_Static_assert(sizeof(walpool_backup_progress) == 24, "backup");
_Static_assert(sizeof(walpool_result) == 32, "result");
_Static_assert(offsetof(walpool_checkpoint_result, pinned_pid) == 16, "pid");
_Static_assert(offsetof(walpool_checkpoint_result, pinned_frame) == 24, "frame");
_Static_assert(offsetof(walpool_checkpoint_result, pinned_why) == 32, "why");

enum { END_CLOSE_MS = 1000 };

void
addon_define(struct addon *addon, napi_value exports, const char *name,
             napi_callback function)
{
    napi_value value;

    napi_create_function(addon->env, name, NAPI_AUTO_LENGTH, function, addon,
                         &value);
    napi_set_named_property(addon->env, exports, name, value);
}

/* -------------------------------------------------------- open handles */

void
addon_track(struct addon *addon, enum addon_kind kind, void *handle)
{
    struct handles *list = &addon->handles[kind];

    if (!handle)
        return;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        void **items = realloc(list->items, room * sizeof *items);

        if (!items)
            return; /* it is then not ended with the environment */
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = handle;
}

void
addon_untrack(struct addon *addon, enum addon_kind kind, void *handle)
{
    struct handles *list = &addon->handles[kind];

    for (size_t i = list->count; i-- > 0;)
        if (list->items[i] == handle) {
            list->items[i] = list->items[--list->count];
            return;
        }
}

static void
end_handles(struct addon *addon)
{
    struct handles *list = addon->handles;

    for (size_t i = 0; i < list[ADDON_CURSOR].count; i++)
        walpool_cursor_close(list[ADDON_CURSOR].items[i], NULL);
    for (size_t i = 0; i < list[ADDON_LEASE].count; i++)
        walpool_release(list[ADDON_LEASE].items[i], NULL);
    for (size_t i = 0; i < list[ADDON_BACKUP].count; i++)
        walpool_backup_finish(list[ADDON_BACKUP].items[i], NULL);
    for (size_t i = 0; i < list[ADDON_PREPARED].count; i++)
        walpool_prepared_close(list[ADDON_PREPARED].items[i]);
    for (size_t i = 0; i < list[ADDON_DATABASE].count; i++)
        walpool_close(list[ADDON_DATABASE].items[i], END_CLOSE_MS, NULL);
    for (size_t kind = 0; kind < ADDON_KINDS; kind++)
        free(list[kind].items);
}

/* ------------------------------------------------------------- answers */

walpool_status
addon_misuse(struct addon *addon, const char *message)
{
    walpool_error *err = &addon->answer->error;

    memset(err, 0, sizeof *err);
    err->status = WALPOOL_MISUSE;
    err->sql_offset = err->statement = -1;
    strncpy(err->message, message, sizeof err->message - 1);
    return WALPOOL_MISUSE;
}

static void
set_text(napi_env env, napi_value object, const char *name, const char *text)
{
    napi_value value;

    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
    napi_set_named_property(env, object, name, value);
}

static void
set_flag(napi_env env, napi_value object, const char *name, int32_t flag)
{
    napi_value value;

    napi_get_boolean(env, flag != 0, &value);
    napi_set_named_property(env, object, name, value);
}

napi_value
addon_version(napi_env env, const walpool_version_info *info)
{
    napi_value object;

    napi_create_object(env, &object);
    set_text(env, object, "walpool", info->walpool);
    set_text(env, object, "sqlite", info->sqlite);
    set_text(env, object, "sqliteSourceId", info->sqlite_source_id);
    napi_set_named_property(env, object, "sqliteNumber",
                            addon_int32(env, info->sqlite_number));
    set_flag(env, object, "sqliteBundled", info->sqlite_bundled);
    set_flag(env, object, "walResetSafe", info->wal_reset_safe);
    return object;
}

int
addon_text(struct addon *addon, size_t bytes)
{
    free(addon->text);
    addon->text = malloc(bytes);
    addon->text_bytes = addon->text ? bytes : 0;
    return addon->text != NULL;
}

/* ----------------------------------------------------- beginning and end */

static void
finish(struct addon *addon)
{
    napi_async_cleanup_hook_handle cleanup = addon->cleanup;

    end_handles(addon);
    slot_finish_all(addon);
    free(addon->text);
    free(addon);
    napi_remove_async_cleanup_hook(cleanup);
}

static void
on_end(napi_async_cleanup_hook_handle handle, void *data)
{
    (void)handle;
    queue_finish(data, finish);
}

static napi_value
shared_memory(struct addon *addon)
{
    napi_value buffer;
    void *data;

    if (napi_create_arraybuffer(addon->env, sizeof(struct answer), &data,
                                &buffer) != napi_ok)
        return NULL;
    addon->answer = data;
    napi_create_reference(addon->env, buffer, 1, &addon->answer_ref);
    return buffer;
}

struct addon *
addon_open(napi_env env, napi_value exports)
{
    struct addon *addon = calloc(1, sizeof *addon);
    napi_value answer;

    if (!addon)
        return NULL;
    addon->env = env;
    answer = shared_memory(addon);
    if (!answer || napi_add_async_cleanup_hook(env, on_end, addon,
                                               &addon->cleanup) != napi_ok) {
        free(addon);
        return NULL;
    }
    napi_set_named_property(env, exports, "answer", answer);
    slot_define(addon, exports);
    queue_define(addon, exports);
    return addon;
}
