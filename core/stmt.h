/* Prepared statements: a cache for one connection, by SQL text and by handle. */
#ifndef WALPOOL_STMT_H
#define WALPOOL_STMT_H

#include <sqlite3.h>

#include "base.h"
#include "guard.h"
#include "list.h"
#include "stats.h"

struct walpool__stmt {
    sqlite3_stmt *native;
    struct walpool__link lru;    /* in the cache's list, newest first */
    struct walpool__stmt *chain; /* next in the same bucket */
    uint64_t hash;
    uint64_t shape;    /* of its columns; 0: not computed yet */
    int shape_epoch;   /* SQLite's count of re-prepares at that time */
    int param_count;
    bool readonly;
    bool says_fail;    /* the text has the word of ON CONFLICT FAIL */
    bool busy;         /* lent out: a second user gets a handle of its own */
    bool cached;
    bool known;        /* a handle stands for it, or has */
    bool holds_much;   /* copies of large values are bound: to be forgotten */
    /* What the guard of a private connection saw it do. */
    enum walpool__verb verb;
    uint32_t seen;      /* WALPOOL__SEEN_* */
    int64_t timeout_ms; /* with SEEN_TIMEOUT */
    size_t sql_bytes;
    char sql[];        /* sql_bytes, and a NUL */
};

#define WALPOOL__STMT_BUCKETS 256
#define WALPOOL__STMT_KNOWN 128

/* What a prepared handle stands for on this connection. */
struct walpool__stmt_known {
    const void *handle;
    struct walpool__stmt *stmt; /* cached */
};

struct walpool__stmt_cache {
    sqlite3 *db;
    struct walpool__stats *stats;
    struct walpool__link lru;
    struct walpool__stmt *buckets[WALPOOL__STMT_BUCKETS];
    struct walpool__stmt_known known[WALPOOL__STMT_KNOWN]; /* by its number */
    int count, limit;
};

void walpool__stmt_cache_init(struct walpool__stmt_cache *cache, sqlite3 *db,
                              int limit, struct walpool__stats *stats);
void walpool__stmt_cache_finish(struct walpool__stmt_cache *cache);

/* The statement that is cached for this handle or text, marked busy. NULL: none
 * is, or somebody has it. */
struct walpool__stmt *walpool__stmt_take_known(struct walpool__stmt_cache *cache,
                                               const void *handle);
struct walpool__stmt *walpool__stmt_take_cached(
    struct walpool__stmt_cache *cache, const char *sql, size_t bytes);

/* From now on the handle stands for this statement, while it is cached. */
void walpool__stmt_note(struct walpool__stmt_cache *cache,
                        struct walpool__stmt *stmt, const void *handle);

/* Find or prepare the one statement in `sql`, and mark it busy. Returns
 * SQLITE_OK, or a code of SQLite with the connection's message. Where *why is
 * set, it is the message: MISUSE for text that is no single statement, FORMAT
 * for text that is not UTF-8. */
int walpool__stmt_take(struct walpool__stmt_cache *cache, const char *sql,
                       size_t bytes, struct walpool__stmt **taken,
                       const char **why);

/* Do not hand it out again after its give. */
void walpool__stmt_forget(struct walpool__stmt_cache *cache,
                          struct walpool__stmt *stmt);

/* Reset and give back; NULL is ignored. */
void walpool__stmt_give(struct walpool__stmt_cache *cache,
                        struct walpool__stmt *stmt);

/* Does it leave the database as it is? SQLite answers for the statement that an
 * EXPLAIN explains. */
static inline bool
walpool__stmt_readonly(sqlite3_stmt *native)
{
    return sqlite3_stmt_readonly(native) || sqlite3_stmt_isexplain(native);
}

/* The names of the columns as a number, never 0. */
uint64_t walpool__stmt_shape(struct walpool__stmt *stmt);

#endif
