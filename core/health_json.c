/* Health as JSON: one object with every number, all reasons, and the leases.
 *
 * Does: write it; bindings/health.schema.json says how it looks.
 * Must not: gather: health.c does.
 * Lock: none of its own. */
#include "error.h"
#include "health.h"
#include "leases.h"

static void
put_string(struct walpool__json *json, const char *name, const char *value)
{
    walpool__json_put(json, ",\"%s\":", name);
    walpool__json_string(json, value);
}

static void
put_reasons(struct walpool__json *json, const struct walpool__reasons *reasons)
{
    walpool__json_put(json, ",\"reasons\":[");
    for (int i = 0; i < reasons->count; i++) {
        const struct walpool__reason *reason = &reasons->list[i];

        walpool__json_put(json, "%s{\"code\":\"%s\",\"verdict\":\"%s\"",
                          i ? "," : "", walpool__verdict_code(reason->code),
                          walpool__health_word(reason->verdict));
        put_string(json, "text", reason->text);
        put_string(json, "remedy", reason->remedy);
        walpool__json_put(json, "}");
    }
    walpool__json_put(json, "]");
}

static void
put_numbers(struct walpool__json *json, const walpool_health *health)
{
#define PUT_FIELD(name, meaning) \
    walpool__json_put(json, ",\"" #name "\":%lld", (long long)health->name);
    WALPOOL_HEALTH_LIST(PUT_FIELD)
#undef PUT_FIELD
}

static void
put_version(struct walpool__json *json)
{
    walpool_version_info version;

    walpool_version(&version);
    put_string(json, "walpool", version.walpool);
    put_string(json, "sqlite", version.sqlite);
    walpool__json_put(json, ",\"sqlite_bundled\":%s",
                      version.sqlite_bundled ? "true" : "false");
}

static walpool_status
put_health(struct walpool__json *json, struct walpool__db *db,
           walpool_error *err)
{
    struct walpool__reasons reasons;
    walpool_health health;
    walpool_status status;

    walpool__health_take(db, &health, &reasons);
    walpool__json_put(json, "{\"verdict\":\"%s\"",
                      walpool__health_word(health.verdict));
    put_string(json, "reason", health.reason);
    put_reasons(json, &reasons);
    put_string(json, "oldest_why", health.oldest_why);
    put_string(json, "dirty_why", health.dirty_why);
    put_numbers(json, &health);
    walpool__json_put(json, ",\"leases\":");
    status = walpool__leases_put(db, json, false, err);
    put_string(json, "path", db->path);
    put_string(json, "fs_type", db->fs.type);
    put_version(json);
    walpool__json_put(json, "}");
    return status;
}

walpool_status
walpool_health_json(walpool *handle, char *dst, size_t capacity, size_t *need,
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
    status = put_health(&json, db, err);
    walpool__handle_unpin(handle);
    return status == WALPOOL_OK ? walpool__json_end(&json, need, err) : status;
}
