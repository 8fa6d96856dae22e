/* Once: the answers that were given to writes with a once_key.
 *
 * They are kept in a table of the user's database, and written in the
 * transaction of the write itself: the write is there if and only if its answer
 * is, whatever is killed when. Whoever comes with the same key finds the answer
 * before it has written anything.
 *
 *   walpool_once   id      grows with time, so that the oldest are found first
 *                  key     any bytes
 *                  at      when it was kept, in milliseconds since 1970
 *                  digest  of what was asked (digest.c)
 *                  answer  see answer.c
 *
 * The table is made when the first answer is kept. An answer that is too old is
 * as good as none; each new one deletes a few, so that no write has to delete
 * many.
 *
 * Does: find and keep answers.
 * Must not: begin or end transactions, or show in what the caller's statements
 * count.
 * Lock: none; the connection is its caller's, in a write transaction. */
#include "once.h"

#include <stdio.h>

#include "clock.h"
#include "error.h"

static const char make_table[] =
    "CREATE TABLE main.walpool_once(id INTEGER PRIMARY KEY, key BLOB NOT NULL "
    "UNIQUE, at INTEGER NOT NULL, digest INTEGER NOT NULL, answer BLOB NOT "
    "NULL)";
static const char find_table[] =
    "SELECT 1 FROM main.sqlite_schema WHERE name = 'walpool_once'";

/* Run a statement that is needed once in the life of a file. */
static int
run_rare(struct walpool__conn *conn, const char *sql)
{
    sqlite3_stmt *native;
    int rc;

    conn->guard.off = true;
    rc = sqlite3_prepare_v2(conn->db, sql, -1, &native, NULL);
    conn->guard.off = false;
    if (rc != SQLITE_OK)
        return rc;
    rc = walpool__conn_own_step(conn, native);
    sqlite3_finalize(native);
    return rc;
}

/* A statement on the table failed with `rc`. If there is no table, OK and
 * *missing; a table that is there is not ours. */
static walpool_status
explain(struct walpool__conn *conn, int rc, bool *missing, walpool_error *err)
{
    char why[160];
    int there;

    *missing = false;
    if ((rc & 0xff) != SQLITE_ERROR)
        return walpool__conn_error(conn, rc, "use the table walpool_once", err);
    snprintf(why, sizeof why, "%s", sqlite3_errmsg(conn->db));
    there = run_rare(conn, find_table);
    *missing = there == SQLITE_DONE;
    if (*missing)
        return WALPOOL_OK;
    if (there != SQLITE_ROW)
        return walpool__conn_error(conn, there, "look for walpool_once", err);
    return walpool__error_set(err, WALPOOL_SQL,
                              "a table walpool_once is there that walpool did "
                              "not make (%s): give it another name, once_key "
                              "needs this one", why);
}

static walpool_status
take_answer(sqlite3_stmt *found, const struct walpool__once *once,
            struct walpool__answer *answer, walpool_error *err)
{
    const void *bytes = sqlite3_column_blob(found, 1);
    size_t count = (size_t)sqlite3_column_bytes(found, 1);

    if (sqlite3_column_int64(found, 0) != (int64_t)once->digest)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "this once_key was used for other "
                                  "statements or values: give each write a "
                                  "key of its own");
    if (!bytes && sqlite3_errcode(sqlite3_db_handle(found)) == SQLITE_NOMEM)
        return walpool__error_nomem(err, "an answer that was kept");
    return walpool__answer_load(answer, bytes, count, err);
}

walpool_status
walpool__once_find(struct walpool__conn *conn, const struct walpool__once *once,
                   struct walpool__answer *answer, bool *found,
                   walpool_error *err)
{
    sqlite3_stmt *native;
    walpool_status status = WALPOOL_OK;
    bool missing;
    int rc = walpool__conn_own_prepare(conn, WALPOOL__OWN_ONCE_FIND, &native);

    *found = false;
    if (rc != SQLITE_OK)
        return explain(conn, rc, &missing, err);
    sqlite3_bind_blob(native, 1, once->key, (int)once->bytes, SQLITE_STATIC);
    sqlite3_bind_int64(native, 2, walpool__clock_unix_ms() - once->keep_ms);
    rc = walpool__conn_own_step(conn, native);
    *found = rc == SQLITE_ROW;
    if (*found)
        status = take_answer(native, once, answer, err);
    else if (rc != SQLITE_DONE)
        status = explain(conn, rc, &missing, err);
    sqlite3_reset(native);
    sqlite3_clear_bindings(native);
    return status;
}

static int
insert(struct walpool__conn *conn, const struct walpool__once *once,
       const struct walpool__answer *answer, int64_t now_ms)
{
    sqlite3_stmt *native;
    int rc = walpool__conn_own_prepare(conn, WALPOOL__OWN_ONCE_KEEP, &native);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_blob(native, 1, once->key, (int)once->bytes, SQLITE_STATIC);
    sqlite3_bind_int64(native, 2, now_ms);
    sqlite3_bind_int64(native, 3, (int64_t)once->digest);
    sqlite3_bind_blob64(native, 4, answer->data, answer->bytes, SQLITE_STATIC);
    rc = walpool__conn_own_step(conn, native);
    sqlite3_reset(native);
    sqlite3_clear_bindings(native);
    return rc;
}

static int
expire(struct walpool__conn *conn, int64_t oldest_ms)
{
    sqlite3_stmt *native;
    int rc = walpool__conn_own_prepare(conn, WALPOOL__OWN_ONCE_EXPIRE, &native);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(native, 1, oldest_ms);
    rc = walpool__conn_own_step(conn, native);
    sqlite3_reset(native);
    return rc;
}

static walpool_status
keep(struct walpool__conn *conn, const struct walpool__once *once,
     const struct walpool__answer *answer, walpool_error *err)
{
    int64_t now_ms = walpool__clock_unix_ms();
    int rc = insert(conn, once, answer, now_ms);
    bool missing = false;

    if (rc != SQLITE_DONE) {
        walpool_status status = explain(conn, rc, &missing, err);

        if (status != WALPOOL_OK)
            return status;
        rc = run_rare(conn, make_table);
        if (rc == SQLITE_DONE)
            rc = insert(conn, once, answer, now_ms);
    }
    if (rc == SQLITE_DONE)
        rc = expire(conn, now_ms - once->keep_ms);
    return rc == SQLITE_DONE
               ? WALPOOL_OK
               : walpool__conn_error(conn, rc, "keep the answer of a once_key",
                                     err);
}

walpool_status
walpool__once_keep(struct walpool__conn *conn, const struct walpool__once *once,
                   const struct walpool__answer *answer, walpool_error *err)
{
    int64_t rowid = sqlite3_last_insert_rowid(conn->db);
    walpool_status status = keep(conn, once, answer, err);

    sqlite3_set_last_insert_rowid(conn->db, rowid);
    return status;
}
