/* Prepared statements: a cache for one connection, by SQL text and by handle.
 *
 * Does: prepare once and hand out again, least recently used goes first.
 * Must not: run statements, or judge them: guard.c does that.
 * Lock: none; the cache belongs to whoever has the connection. */
#include "stmt.h"

#include <string.h>

#include "hash.h"
#include "mem.h"
#include "utf8.h"

/* Values written into the text: such a statement is large and comes once. */
#define LONGEST_CACHED 65536

void
walpool__stmt_cache_init(struct walpool__stmt_cache *cache, sqlite3 *db,
                         int limit, struct walpool__stats *stats)
{
    memset(cache, 0, sizeof *cache);
    cache->db = db;
    cache->limit = limit;
    cache->stats = stats;
    walpool__list_init(&cache->lru);
}

static void
destroy(struct walpool__stmt *stmt)
{
    sqlite3_finalize(stmt->native);
    walpool__mem_free(stmt);
}

static struct walpool__stmt **
bucket_of(struct walpool__stmt_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash % WALPOOL__STMT_BUCKETS];
}

static void
forget_handles(struct walpool__stmt_cache *cache,
               const struct walpool__stmt *stmt)
{
    for (size_t i = 0; i < ARRAY_COUNT(cache->known); i++)
        if (cache->known[i].stmt == stmt)
            cache->known[i] = (struct walpool__stmt_known){NULL, NULL};
}

static void
forget(struct walpool__stmt_cache *cache, struct walpool__stmt *stmt)
{
    struct walpool__stmt **at = bucket_of(cache, stmt->hash);

    while (*at != stmt)
        at = &(*at)->chain;
    *at = stmt->chain;
    walpool__list_remove(&stmt->lru);
    cache->count--;
    stmt->cached = false;
    if (stmt->known)
        forget_handles(cache, stmt);
}

void
walpool__stmt_cache_finish(struct walpool__stmt_cache *cache)
{
    if (!cache->db)
        return;
    while (!walpool__list_is_empty(&cache->lru)) {
        struct walpool__stmt *stmt = WALPOOL__CONTAINER(
            cache->lru.next, struct walpool__stmt, lru);

        forget(cache, stmt);
        destroy(stmt);
    }
}

/* Make room: drop the least recently used that nobody has. */
static void
trim(struct walpool__stmt_cache *cache)
{
    struct walpool__link *link = cache->lru.prev;

    while (cache->count > cache->limit && link != &cache->lru) {
        struct walpool__stmt *stmt =
            WALPOOL__CONTAINER(link, struct walpool__stmt, lru);

        link = link->prev;
        if (stmt->busy)
            continue;
        forget(cache, stmt);
        destroy(stmt);
    }
}

static void
remember(struct walpool__stmt_cache *cache, struct walpool__stmt *stmt)
{
    struct walpool__stmt **bucket = bucket_of(cache, stmt->hash);

    if (cache->limit == 0 || stmt->sql_bytes > LONGEST_CACHED)
        return;
    stmt->chain = *bucket;
    *bucket = stmt;
    walpool__list_insert(&cache->lru, &stmt->lru);
    stmt->cached = true;
    cache->count++;
    trim(cache);
}

/* Anything but space, comments and semicolons behind the statement? */
static bool
is_second_statement(sqlite3 *db, const char *tail, const char *end)
{
    while (tail < end && (*tail == ' ' || *tail == ';' || *tail == '\n' ||
                          *tail == '\t' || *tail == '\r'))
        tail++;
    while (tail < end) {
        sqlite3_stmt *next = NULL;
        const char *rest = end;
        int rc = sqlite3_prepare_v3(db, tail, (int)(end - tail), 0, &next,
                                    &rest);

        sqlite3_finalize(next);
        if (rc != SQLITE_OK || next)
            return true;
        if (rest <= tail)
            break;
        tail = rest;
    }
    return false;
}

static int
refuse(const char **why, int rc, const char *text)
{
    *why = text;
    return rc;
}

static int
prepare(struct walpool__stmt_cache *cache, struct walpool__stmt *stmt,
        const char **why)
{
    const char *tail = NULL;
    int rc;

    if (stmt->sql_bytes > INT32_MAX - 1)
        return refuse(why, SQLITE_MISUSE, "the SQL text has 2 GiB or more");
    if (memchr(stmt->sql, '\0', stmt->sql_bytes))
        return refuse(why, SQLITE_MISUSE, "the SQL text holds a NUL byte");
    if (!walpool__utf8_valid(stmt->sql, stmt->sql_bytes, NULL))
        return refuse(why, SQLITE_FORMAT, "the SQL text is not UTF-8");
    rc = sqlite3_prepare_v3(cache->db, stmt->sql, (int)stmt->sql_bytes + 1,
                            SQLITE_PREPARE_PERSISTENT, &stmt->native, &tail);
    if (rc != SQLITE_OK)
        return rc;
    if (!stmt->native)
        return refuse(why, SQLITE_MISUSE, "the SQL text holds no statement");
    if (is_second_statement(cache->db, tail, stmt->sql + stmt->sql_bytes))
        return refuse(why, SQLITE_MISUSE,
                      "the SQL text holds more than one statement: run them "
                      "one by one, or as a script");
    stmt->param_count = sqlite3_bind_parameter_count(stmt->native);
    stmt->readonly = walpool__stmt_readonly(stmt->native);
    stmt->says_fail = strcasestr(stmt->sql, "fail") != NULL;
    return SQLITE_OK;
}

static int
prepare_new(struct walpool__stmt_cache *cache, const char *sql, size_t bytes,
            uint64_t hash, struct walpool__stmt **made, const char **why)
{
    struct walpool__stmt *stmt = walpool__mem_zalloc(sizeof *stmt + bytes + 1);
    int rc;

    if (!stmt)
        return SQLITE_NOMEM;
    memcpy(stmt->sql, sql, bytes);
    stmt->sql_bytes = bytes;
    stmt->hash = hash;
    walpool__list_init(&stmt->lru);
    rc = prepare(cache, stmt, why);
    if (rc != SQLITE_OK) {
        sqlite3_stmt *native = stmt->native;

        walpool__mem_free(stmt);
        if (native)
            sqlite3_finalize(native);
        return rc;
    }
    stmt->busy = true;
    *made = stmt;
    return SQLITE_OK;
}

static bool
is_text(const struct walpool__stmt *stmt, const char *sql, size_t bytes)
{
    return stmt->sql_bytes == bytes && memcmp(stmt->sql, sql, bytes) == 0;
}

static struct walpool__stmt *
look_up(const struct walpool__stmt_cache *cache, const char *sql, size_t bytes,
        uint64_t hash)
{
    struct walpool__stmt *stmt = cache->buckets[hash % WALPOOL__STMT_BUCKETS];

    while (stmt && (stmt->hash != hash || !is_text(stmt, sql, bytes)))
        stmt = stmt->chain;
    return stmt;
}

/* The one that was lent last, if it is this text: who asks in a loop pays for no
 * hash. */
static struct walpool__stmt *
look_at_newest(const struct walpool__stmt_cache *cache, const char *sql,
               size_t bytes)
{
    struct walpool__stmt *newest;

    if (walpool__list_is_empty(&cache->lru))
        return NULL;
    newest = WALPOOL__CONTAINER(cache->lru.next, struct walpool__stmt, lru);
    return is_text(newest, sql, bytes) ? newest : NULL;
}

static struct walpool__stmt *
lend(struct walpool__stmt_cache *cache, struct walpool__stmt *stmt)
{
    walpool__stats_add(&walpool__stats_mine(cache->stats)->statement_hits, 1);
    if (cache->lru.next != &stmt->lru) {
        walpool__list_remove(&stmt->lru);
        walpool__list_insert(&cache->lru, &stmt->lru);
    }
    stmt->busy = true;
    return stmt;
}

struct walpool__stmt *
walpool__stmt_take_cached(struct walpool__stmt_cache *cache, const char *sql,
                          size_t bytes)
{
    struct walpool__stmt *stmt = look_at_newest(cache, sql, bytes);

    if (!stmt)
        stmt = look_up(cache, sql, bytes, walpool__hash_bytes(0, sql, bytes));
    return LIKELY(stmt && !stmt->busy) ? lend(cache, stmt) : NULL;
}

/* Numbers of handles are given out one after the other, above the bits of the
 * kind. Two that share a place take turns at it. */
static struct walpool__stmt_known *
place_of(struct walpool__stmt_cache *cache, const void *handle)
{
    return &cache->known[((uintptr_t)handle >> 3) % WALPOOL__STMT_KNOWN];
}

struct walpool__stmt *
walpool__stmt_take_known(struct walpool__stmt_cache *cache, const void *handle)
{
    const struct walpool__stmt_known *known = place_of(cache, handle);

    return LIKELY(known->handle == handle && !known->stmt->busy)
               ? lend(cache, known->stmt)
               : NULL;
}

void
walpool__stmt_note(struct walpool__stmt_cache *cache,
                   struct walpool__stmt *stmt, const void *handle)
{
    if (!stmt->cached)
        return;
    *place_of(cache, handle) = (struct walpool__stmt_known){handle, stmt};
    stmt->known = true;
}

int
walpool__stmt_take(struct walpool__stmt_cache *cache, const char *sql,
                   size_t bytes, struct walpool__stmt **taken, const char **why)
{
    uint64_t hash = walpool__hash_bytes(0, sql, bytes);
    struct walpool__stmt *stmt = look_up(cache, sql, bytes, hash);
    bool in_use = stmt && stmt->busy;
    int rc;

    if (stmt && !in_use) {
        *taken = lend(cache, stmt);
        return SQLITE_OK;
    }
    walpool__stats_add(&cache->stats->statement_misses, 1);
    rc = prepare_new(cache, sql, bytes, hash, &stmt, why);
    if (rc != SQLITE_OK)
        return rc;
    if (!in_use)
        remember(cache, stmt);
    *taken = stmt;
    return SQLITE_OK;
}

void
walpool__stmt_forget(struct walpool__stmt_cache *cache,
                     struct walpool__stmt *stmt)
{
    if (stmt->cached)
        forget(cache, stmt);
}

void
walpool__stmt_give(struct walpool__stmt_cache *cache,
                   struct walpool__stmt *stmt)
{
    if (!stmt)
        return;
    (void)cache;
    sqlite3_reset(stmt->native);
    if (UNLIKELY(stmt->holds_much))
        sqlite3_clear_bindings(stmt->native);
    stmt->holds_much = false;
    stmt->busy = false;
    if (!stmt->cached)
        destroy(stmt);
}

uint64_t
walpool__stmt_shape(struct walpool__stmt *stmt)
{
    int epoch = sqlite3_stmt_status(stmt->native, SQLITE_STMTSTATUS_REPREPARE,
                                    0);
    int columns;
    uint64_t shape = 1;

    if (stmt->shape && stmt->shape_epoch == epoch)
        return stmt->shape;
    columns = sqlite3_column_count(stmt->native);
    for (int i = 0; i < columns; i++) {
        const char *name = sqlite3_column_name(stmt->native, i);

        if (!name)
            return 1; /* out of memory: a shape that matches nothing */
        shape = walpool__hash_shape(shape, name, strlen(name));
    }
    stmt->shape = shape ? shape : 1;
    stmt->shape_epoch = epoch;
    return stmt->shape;
}
