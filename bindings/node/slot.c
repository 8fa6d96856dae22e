/* Slots: memory of JavaScript in which a request goes out and a block comes
 * back. A slot serves one call at a time; lib/slot.js lends them. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

struct slot *
slot_at(struct addon *addon, uint32_t id)
{
    return id < addon->slot_count ? addon->slots[id] : NULL;
}

struct slot *
slot_get(struct addon *addon, napi_value id)
{
    uint32_t number = NO_SLOT;

    napi_get_value_uint32(addon->env, id, &number);
    return slot_at(addon, number);
}

/* --------------------------------------------------- opening and closing */

/* Room for one more id in both lists. */
static int
make_room(struct addon *addon)
{
    uint32_t room = addon->slot_room ? addon->slot_room * 2 : 16;
    struct slot **slots;
    uint32_t *ids;

    if (addon->slot_count < addon->slot_room)
        return 1;
    slots = realloc(addon->slots, room * sizeof(*slots));
    if (slots)
        addon->slots = slots;
    ids = realloc(addon->free_ids, room * sizeof(*ids));
    if (ids)
        addon->free_ids = ids;
    if (!slots || !ids)
        return 0;
    addon->slot_room = room;
    return 1;
}

static uint32_t
open_slot(struct addon *addon)
{
    struct slot *slot = calloc(1, sizeof *slot);
    uint32_t id;

    if (!slot || (!addon->free_count && !make_room(addon))) {
        free(slot);
        return NO_SLOT;
    }
    slot->op = ADDON_NOTHING;
    id = addon->free_count ? addon->free_ids[--addon->free_count]
                           : addon->slot_count++;
    addon->slots[id] = slot;
    return id;
}

void
slot_end_batch(struct slot *slot)
{
    if (slot->statements)
        free(slot->statements);
    slot->statements = NULL;
    slot->statement_count = 0;
}

static void
free_slot(struct slot *slot)
{
    if (slot)
        slot_end_batch(slot);
    free(slot);
}

void
slot_finish_all(struct addon *addon)
{
    for (uint32_t id = 0; id < addon->slot_count; id++)
        free_slot(addon->slots[id]);
    free(addon->slots);
    free(addon->free_ids);
}

/* Point at the memory of a Uint8Array and keep it alive. */
static int
borrow(napi_env env, napi_value array, unsigned char **data, size_t *bytes,
       napi_ref *ref)
{
    napi_typedarray_type type;
    napi_ref kept;
    void *at;

    if (napi_get_typedarray_info(env, array, &type, bytes, &at, NULL, NULL) !=
            napi_ok ||
        type != napi_uint8_array || (uintptr_t)at % 8 ||
        napi_create_reference(env, array, 1, &kept) != napi_ok)
        return 0;
    if (*ref)
        napi_delete_reference(env, *ref);
    *data = at;
    *ref = kept;
    return 1;
}

/* slotOpen() -> id, or -1 without memory */
static napi_value
js_slot_open(napi_env env, napi_callback_info info)
{
    struct addon *addon;
    uint32_t id;

    napi_get_cb_info(env, info, NULL, NULL, NULL, (void **)&addon);
    id = open_slot(addon);
    return addon_number(env, id == NO_SLOT ? -1 : (double)id);
}

/* slotMemory(id, request, block): either may be undefined: as it was */
static napi_value
js_slot_memory(napi_env env, napi_callback_info info)
{
    struct addon *addon;
    struct slot *slot;
    size_t argc = 3;
    napi_value argv[3];

    napi_get_cb_info(env, info, &argc, argv, NULL, (void **)&addon);
    slot = slot_get(addon, argv[0]);
    if (slot && slot->op == ADDON_NOTHING) {
        borrow(env, argv[1], &slot->request, &slot->request_bytes,
               &slot->request_ref);
        borrow(env, argv[2], &slot->block, &slot->block_bytes,
               &slot->block_ref);
    }
    return NULL;
}

/* slotClose(id) */
static napi_value
js_slot_close(napi_env env, napi_callback_info info)
{
    struct addon *addon;
    struct slot *slot;
    uint32_t id = NO_SLOT;
    size_t argc = 1;
    napi_value argv[1];

    napi_get_cb_info(env, info, &argc, argv, NULL, (void **)&addon);
    napi_get_value_uint32(env, argv[0], &id);
    slot = slot_at(addon, id);
    if (!slot || slot->op != ADDON_NOTHING)
        return NULL;
    if (slot->request_ref)
        napi_delete_reference(env, slot->request_ref);
    if (slot->block_ref)
        napi_delete_reference(env, slot->block_ref);
    free_slot(slot);
    addon->slots[id] = NULL;
    addon->free_ids[addon->free_count++] = id;
    return NULL;
}

void
slot_define(struct addon *addon, napi_value exports)
{
    addon_define(addon, exports, "slotOpen", js_slot_open);
    addon_define(addon, exports, "slotMemory", js_slot_memory);
    addon_define(addon, exports, "slotClose", js_slot_close);
}

/* ------------------------------------------------------ reading requests */

static walpool_status
check(struct addon *addon, struct slot *slot)
{
    if (!slot || !slot->request || !slot->block)
        return addon_misuse(addon, "no such slot");
    if (slot->op != ADDON_NOTHING)
        return addon_misuse(addon, "the slot's job is still under way");
    slot_end_batch(slot);
    walpool_rows_wrap(&slot->rows, slot->block, slot->block_bytes);
    return WALPOOL_OK;
}

walpool_status
slot_statement(struct addon *addon, struct slot *slot)
{
    walpool_status status = check(addon, slot);

    if (status != WALPOOL_OK)
        return status;
    return walpool_request_decode(slot->request, slot->request_bytes,
                                  &slot->statement, &slot->call, slot->why,
                                  NULL, &addon->answer->error);
}

walpool_status
slot_call(struct addon *addon, struct slot *slot)
{
    walpool_status status = check(addon, slot);

    if (status != WALPOOL_OK)
        return status;
    return walpool_request_decode(slot->request, slot->request_bytes, NULL,
                                  &slot->call, slot->why, NULL,
                                  &addon->answer->error);
}

/* The requests of a batch follow each other; a word that is no request's
 * magic ends them. */
static int
another(const struct slot *slot, size_t at)
{
    uint32_t magic;

    if (at + sizeof magic > slot->request_bytes)
        return 0;
    memcpy(&magic, slot->request + at, sizeof magic);
    return magic == WALPOOL_REQUEST_MAGIC;
}

static walpool_status
batch_add(struct addon *addon, struct slot *slot, size_t at, size_t *used)
{
    walpool_call ignored;
    char why[WALPOOL_WHY_BYTES];
    size_t count = slot->statement_count;

    if ((count & (count - 1)) == 0) {
        size_t room = count ? count * 2 : 1;
        walpool_statement *more =
            realloc(slot->statements, room * sizeof(*more));

        if (!more)
            return addon_misuse(addon, "no memory for the batch");
        slot->statements = more;
    }
    slot->statement_count++;
    return walpool_request_decode(
        slot->request + at, slot->request_bytes - at, &slot->statements[count],
        count ? &ignored : &slot->call, count ? why : slot->why, used,
        &addon->answer->error);
}

/* Results and blocks share the slot's block: results first. */
walpool_status
slot_batch(struct addon *addon, struct slot *slot)
{
    walpool_status status = check(addon, slot);
    size_t at = 0, used = 0, head;

    if (status != WALPOOL_OK)
        return status;
    for (; another(slot, at); at += used) {
        status = batch_add(addon, slot, at, &used);
        if (status != WALPOOL_OK)
            return status;
    }
    head = slot->statement_count * sizeof(walpool_result);
    if (head > slot->block_bytes)
        return addon_misuse(addon, "the slot's block has no room for results");
    slot->results = (walpool_result *)(void *)slot->block;
    walpool_rows_wrap(&slot->rows, slot->block + head,
                      slot->block_bytes - head);
    return WALPOOL_OK;
}

walpool_status
slot_open_args(struct addon *addon, struct slot *slot)
{
    walpool_status status = check(addon, slot);
    const char *text, *options;

    if (status != WALPOOL_OK)
        return status;
    slot->call = (walpool_call)WALPOOL_CALL_INIT;
    text = (const char *)slot->request;
    options = memchr(text, 0, slot->request_bytes);
    if (!options ||
        !memchr(options + 1, 0,
                slot->request_bytes - (size_t)(options + 1 - text)))
        return addon_misuse(addon, "the slot holds no name and options");
    walpool_options_init(&slot->options);
    return options[1] ? walpool_options_parse(&slot->options, options + 1,
                                              NULL, 0, &addon->answer->error)
                      : WALPOOL_OK;
}

/* ------------------------------------------------------- after the call */

void
slot_seen(struct addon *addon, struct slot *slot, void *before)
{
    const walpool_rows_header *header =
        (const walpool_rows_header *)(void *)slot->rows.data;
    void *cursor = (void *)(uintptr_t)header->cursor;

    if (cursor == before)
        return;
    if (before)
        addon_untrack(addon, ADDON_CURSOR, before);
    addon_track(addon, ADDON_CURSOR, cursor);
}
