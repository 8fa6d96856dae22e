/* Leases: who has the connections of a database.
 *
 * Does: list them, as structs and as JSON.
 * Must not: take one, or stop anybody who does.
 * Lock: none; tags are read as they are. */
#include "leases.h"

#include "error.h"
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

static size_t
list_all(struct walpool__db *db, walpool_lease_info *out, size_t capacity)
{
    size_t count = list_pooled(db, out, capacity);

    return count + walpool__roster_list(
                       &db->roster, count < capacity ? &out[count] : NULL,
                       count < capacity ? capacity - count : 0);
}

size_t
walpool_leases(walpool *handle, walpool_lease_info *out, size_t capacity,
               walpool_error *err)
{
    walpool_status status;
    size_t count;
    struct walpool__db *db;

    if (!out && capacity) {
        walpool__error_set(err, WALPOOL_MISUSE, "out is NULL and capacity %zu",
                           capacity);
        return 0;
    }
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return 0;
    count = list_all(db, out, capacity);
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
put_lease(struct walpool__json *json, const walpool_lease_info *info,
          bool stack)
{
    static const char *const kinds[] = {"read", "write", "private"};
    static const char *const holders[] = {"call", "lease", "cursor", "backup"};

    walpool__json_put(json, "{\"kind\":\"%s\",\"holder\":\"%s\",\"why\":",
                      kinds[info->kind], holders[info->holder]);
    walpool__json_string(json, info->why);
    walpool__json_put(json, ",\"thread\":%lld,\"age_us\":%lld,\"frames\":%lld",
                      (long long)info->thread, (long long)info->age_us,
                      (long long)info->frames);
    if (stack) {
        walpool__json_put(json, ",\"stack\":[");
        put_stack(json, info);
        walpool__json_put(json, "]");
    }
    walpool__json_put(json, "}");
}

/* A list with some room for those that come meanwhile. */
walpool_status
walpool__leases_put(struct walpool__db *db, struct walpool__json *json,
                    bool stacks, walpool_error *err)
{
    size_t room = list_all(db, NULL, 0) + 8, count;
    walpool_lease_info *list = walpool__mem_alloc(room * sizeof *list);

    if (!list)
        return walpool__error_nomem(err, "a list of leases");
    count = list_all(db, list, room);
    walpool__json_put(json, "[");
    for (size_t i = 0; i < count && i < room; i++) {
        walpool__json_put(json, i ? "," : "");
        put_lease(json, &list[i], stacks);
    }
    walpool__json_put(json, "]");
    walpool__mem_free(list);
    return WALPOOL_OK;
}

walpool_status
walpool_leases_json(walpool *handle, char *dst, size_t capacity, size_t *need,
                    walpool_error *err)
{
    struct walpool__json json;
    walpool_status status = walpool__json_begin(&json, dst, capacity, err);
    struct walpool__db *db;

    if (status != WALPOOL_OK)
        return status;
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return status;
    status = walpool__leases_put(db, &json, true, err);
    walpool__handle_unpin(handle);
    return status == WALPOOL_OK ? walpool__json_end(&json, need, err) : status;
}
