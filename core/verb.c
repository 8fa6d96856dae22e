/* Verb: what a text does to the transaction, where no connection is at hand.
 *
 * A writer lease between two transactions has none, and a text that begins the
 * next one is to be recognised by SQLite's own parse. So it is prepared on a
 * database in memory, which knows no table: whatever needs one is not it.
 *
 * Does: parse.
 * Must not: run what it has parsed.
 * Lock: none. */
#include "verb.h"

enum walpool__verb
walpool__verb_of(const walpool_statement *statement,
                 struct walpool__stats *stats)
{
    struct walpool__conn conn = {.path = "", .stats = stats};
    enum walpool__verb verb = WALPOOL__VERB_NONE;
    struct walpool__stmt *stmt;

    if (sqlite3_open_v2(":memory:", &conn.db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) == SQLITE_OK) {
        walpool__stmt_cache_init(&conn.cache, conn.db, 0, stats);
        walpool__guard_install(&conn.guard, conn.db, false);
        conn.guard.place = WALPOOL__TEXT_ON_WRITER;
        if (walpool__conn_prepare(&conn, statement, &stmt, NULL) ==
            WALPOOL_OK) {
            verb = walpool__conn_verb(&conn, stmt);
            walpool__stmt_give(&conn.cache, stmt);
        }
    }
    sqlite3_close(conn.db);
    return verb;
}
