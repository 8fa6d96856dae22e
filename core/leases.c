/* Leases: who has the connections of a database.
 *
 * Does: list them, as structs and as JSON.
 * Must not: take one, or stop anybody who does.
 * Lock: none; tags are read as they are. */
#include "leases.h"

#include "error.h"
#include "json.h"
#include "mem.h"
#include "trace.h"

struct walpool__holder
walpool__leases_holder(const struct walpool__db *db, int place)
{
    return walpool__tag_read(place < db->pool.count
                                 ? &db->pool.readers[place].tag
                                 : &db->writer.tag);
}

static size_t
list_pooled(struct walpool__db *db, walpool_lease_info *out, size_t capacity)
{
    size_t count = 0;

    for (int place = 0; place < walpool__leases_places(db); place++) {
        struct walpool__holder holder = walpool__leases_holder(db, place);

        if (!holder.since_ns)
            continue;
        if (count < capacity)
            walpool__tag_describe(
                &holder, place < db->pool.count ? WALPOOL_READ : WALPOOL_WRITE,
                &out[count]);
        count++;
    }
    return count;
}

size_t
walpool_leases(walpool *handle, walpool_lease_info *out, size_t capacity,
               walpool_error *err)
{
    walpool_status status;
    size_t count = 0;
    struct walpool__db *db;

    if (!out && capacity) {
        walpool__error_set(err, WALPOOL_MISUSE, "out is NULL and capacity %zu",
                           capacity);
        return 0;
    }
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return 0;
    count = list_pooled(db, out, capacity);
    count += walpool__roster_list(&db->roster, count < capacity ? &out[count]
                                                                : NULL,
                                  count < capacity ? capacity - count : 0);
    walpool__handle_unpin(handle);
    return count;
}

/* ------------------------------------------------------------------- JSON */

static void
put_stack(struct walpool__json *json, const walpool_lease_info *info)
{
    char name[256];

    for (uint32_t i = 0; i < info->stack_depth; i++) {
        walpool__trace_name(info->stack[i], name, sizeof name);
        walpool__json_put(json, i ? "," : "");
        walpool__json_string(json, name);
    }
}

static void
put_lease(struct walpool__json *json, const walpool_lease_info *info)
{
    static const char *const kinds[] = {"read", "write", "private"};
    static const char *const holders[] = {"call", "lease", "cursor"};

    walpool__json_put(json, "{\"kind\":\"%s\",\"holder\":\"%s\",\"why\":",
                      kinds[info->kind], holders[info->holder]);
    walpool__json_string(json, info->why);
    walpool__json_put(json,
                      ",\"thread\":%lld,\"age_us\":%lld,\"frames\":%lld,"
                      "\"stack\":[",
                      (long long)info->thread, (long long)info->age_us,
                      (long long)info->frames);
    put_stack(json, info);
    walpool__json_put(json, "]}");
}

/* A list with some room for those that come meanwhile. */
static walpool_status
list_all(walpool *handle, walpool_lease_info **list, size_t *count,
         walpool_error *err)
{
    walpool_error error = {.status = WALPOOL_OK};
    size_t room = walpool_leases(handle, NULL, 0, &error) + 8, found = 0;

    *list = walpool__mem_alloc(room * sizeof **list);
    if (!*list)
        return walpool__error_nomem(err, "a list of leases");
    if (error.status == WALPOOL_OK)
        found = walpool_leases(handle, *list, room, &error);
    *count = found < room ? found : room;
    if (error.status != WALPOOL_OK && err)
        *err = error;
    return (walpool_status)error.status;
}

walpool_status
walpool_leases_json(walpool *handle, char *dst, size_t capacity, size_t *need,
                    walpool_error *err)
{
    walpool_lease_info *list = NULL;
    struct walpool__json json;
    walpool_status status = walpool__json_begin(&json, dst, capacity, err);
    size_t count = 0;

    if (status == WALPOOL_OK)
        status = list_all(handle, &list, &count, err);
    if (status == WALPOOL_OK) {
        walpool__json_put(&json, "[");
        for (size_t i = 0; i < count; i++) {
            walpool__json_put(&json, i ? "," : "");
            put_lease(&json, &list[i]);
        }
        walpool__json_put(&json, "]");
        status = walpool__json_end(&json, need, err);
    }
    walpool__mem_free(list);
    return status;
}
