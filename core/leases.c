/* Leases: who has the connections of a database.
 *
 * Does: list them, as structs and as JSON.
 * Must not: take one, or stop anybody who does.
 * Lock: none; tags are read as they are. */
#include "leases.h"

#include "clock.h"
#include "error.h"
#include "json.h"
#include "trace.h"

struct walpool__holder
walpool__leases_holder(const struct walpool__db *db, int place)
{
    return walpool__tag_read(place < db->pool.count
                                 ? &db->pool.readers[place].tag
                                 : &db->writer.tag);
}

static void
describe(walpool_lease_info *info, walpool_kind kind,
         const struct walpool__holder *holder)
{
    int64_t age_ns = walpool__clock_now() - holder->since_ns;

    memset(info, 0, sizeof *info);
    info->kind = (int32_t)kind;
    info->holder = (int32_t)holder->kind;
    info->thread = (int64_t)holder->thread;
    info->age_us = age_ns > 0 ? age_ns / 1000 : 0;
    info->frames = holder->frames;
    memcpy(info->why, holder->why, sizeof info->why);
    info->stack_depth = holder->stack_depth;
    memcpy(info->stack, holder->stack,
           holder->stack_depth * sizeof *holder->stack);
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
    for (int place = 0; place < walpool__leases_places(db); place++) {
        struct walpool__holder holder = walpool__leases_holder(db, place);

        if (!holder.since_ns)
            continue;
        if (count < capacity)
            describe(&out[count],
                     place < db->pool.count ? WALPOOL_READ : WALPOOL_WRITE,
                     &holder);
        count++;
    }
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
    static const char *const holders[] = {"call", "lease", "cursor"};

    walpool__json_put(json, "{\"kind\":\"%s\",\"holder\":\"%s\",\"why\":",
                      info->kind == WALPOOL_READ ? "read" : "write",
                      holders[info->holder]);
    walpool__json_string(json, info->why);
    walpool__json_put(json,
                      ",\"thread\":%lld,\"age_us\":%lld,\"frames\":%lld,"
                      "\"stack\":[",
                      (long long)info->thread, (long long)info->age_us,
                      (long long)info->frames);
    put_stack(json, info);
    walpool__json_put(json, "]}");
}

walpool_status
walpool_leases_json(walpool *handle, char *dst, size_t capacity, size_t *need,
                    walpool_error *err)
{
    walpool_lease_info infos[64 + 1]; /* readers is limited to 64 */
    struct walpool__json json;
    walpool_error error = {.status = WALPOOL_OK};
    walpool_status status = walpool__json_begin(&json, dst, capacity, err);
    size_t count;

    if (status != WALPOOL_OK)
        return status;
    count = walpool_leases(handle, infos, ARRAY_COUNT(infos), &error);
    if (error.status != WALPOOL_OK) {
        if (err)
            *err = error;
        return (walpool_status)error.status;
    }
    walpool__json_put(&json, "[");
    for (size_t i = 0; i < count; i++) {
        walpool__json_put(&json, i ? "," : "");
        put_lease(&json, &infos[i]);
    }
    walpool__json_put(&json, "]");
    return walpool__json_end(&json, need, err);
}
