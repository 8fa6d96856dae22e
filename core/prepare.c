/* Prepare: the public face of prepared statements.
 *
 * A text is prepared on a reader at once, so that what is wrong with it is known
 * now. Each connection prepares it for itself when it first runs it.
 *
 * Does: check, describe, make the handle.
 * Must not: run it.
 * Lock: none of its own. */
#include <string.h>

#include "error.h"
#include "json.h"
#include "lease.h"
#include "mem.h"
#include "text.h"
#include "utf8.h"

/* Those of `?` and `?1` have no name. */
static void
put_parameters(struct walpool__json *json, const struct walpool__stmt *stmt)
{
    walpool__json_put(json, ",\"parameters\":[");
    for (int i = 1; i <= stmt->param_count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->native, i);

        walpool__json_put(json, i > 1 ? "," : "");
        if (name && name[0] != '?')
            walpool__json_string(json, name);
        else
            walpool__json_put(json, "null");
    }
    walpool__json_put(json, "]");
}

/* A name may come from the schema, as whoever has written it liked. */
static walpool_status
put_columns(struct walpool__json *json, const struct walpool__stmt *stmt,
            walpool_error *err)
{
    int count = sqlite3_column_count(stmt->native);

    walpool__json_put(json, ",\"columns\":[");
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(stmt->native, i);

        if (!name)
            return walpool__error_nomem(err, "names of columns");
        if (!walpool__utf8_valid(name, strlen(name), NULL))
            return walpool__error_set(err, WALPOOL_ENCODING,
                                      "the name of column %d is not valid "
                                      "UTF-8: give it another by AS", i + 1);
        walpool__json_put(json, i ? "," : "");
        walpool__json_string(json, name);
    }
    walpool__json_put(json, "]");
    return WALPOOL_OK;
}

static walpool_status
put_about(struct walpool__json *json, const struct walpool__stmt *stmt,
          walpool_error *err)
{
    walpool_status status;

    walpool__json_put(json, "{\"readonly\":%s",
                      stmt->readonly ? "true" : "false");
    put_parameters(json, stmt);
    status = put_columns(json, stmt, err);
    walpool__json_put(json, "}");
    return status;
}

/* Measure it, then write it. */
static walpool_status
describe(const struct walpool__stmt *stmt, char **about, walpool_error *err)
{
    struct walpool__json json = {0};
    walpool_status status = put_about(&json, stmt, err);

    if (status != WALPOOL_OK)
        return status;
    json = (struct walpool__json){.capacity = json.length + 1};
    *about = json.dst = walpool__mem_alloc(json.capacity);
    if (!json.dst)
        return walpool__error_nomem(err, "a prepared statement");
    status = put_about(&json, stmt, err);
    if (status != WALPOOL_OK)
        walpool__mem_free(*about);
    return status;
}

/* Anew, by the newest schema: what is cached may be of an older one. */
static walpool_status
prepare_on(struct walpool__conn *conn, const walpool_statement *statement,
           const struct walpool__view *view, char **about, walpool_error *err)
{
    int rc = walpool__conn_own(conn, WALPOOL__OWN_SNAPSHOT);
    struct walpool__stmt *stmt = walpool__stmt_take_cached(
        &conn->cache, view->sql, view->bytes);
    walpool_status status;

    if (stmt) {
        walpool__stmt_forget(&conn->cache, stmt);
        walpool__stmt_give(&conn->cache, stmt);
    }
    if (rc != SQLITE_OK)
        return walpool__conn_error(conn, rc, "prepare the statement", err);
    status = walpool__conn_prepare(conn, statement, &stmt, err);
    if (status != WALPOOL_OK)
        return status;
    status = describe(stmt, about, err);
    walpool__stmt_give(&conn->cache, stmt);
    return status;
}

static walpool_status
prepare(struct walpool__db *db, struct walpool__call *call,
        const walpool_statement *statement, walpool_prepared **made,
        walpool_error *err)
{
    struct walpool__view view;
    struct walpool__reader *reader;
    char *about = NULL;
    walpool_status status =
        walpool__call_check_durability(call, 0, "walpool_prepare", err);

    if (status == WALPOOL_OK)
        status = walpool__view_begin(&view, statement, err);
    if (status == WALPOOL_OK)
        status = walpool__pool_take(&db->pool, call, &reader, err);
    if (status != WALPOOL_OK)
        return status;
    status = prepare_on(reader->conn, statement, &view, &about, err);
    walpool__pool_give(&db->pool, reader);
    if (status != WALPOOL_OK)
        return status;
    *made = walpool__text_publish(db->stats.database, view.sql, view.bytes,
                                  about);
    return *made ? WALPOOL_OK : walpool__error_nomem(err,
                                                     "a prepared statement");
}

walpool_prepared *
walpool_prepare(walpool *handle, const char *sql, size_t sql_bytes,
                const walpool_call *asked, walpool_error *err)
{
    const walpool_statement statement = {.sql = sql, .sql_bytes = sql_bytes};
    walpool_prepared *made = NULL;
    struct walpool__call call;
    walpool_status status = walpool__execute_check(&statement, err);
    struct walpool__db *db;

    if (status != WALPOOL_OK)
        return NULL;
    db = walpool__db_enter(handle, &call, asked, err, &status);
    if (!db)
        return NULL;
    status = prepare(db, &call, &statement, &made, err);
    walpool__db_exit(db, handle, &call, status);
    return made;
}

walpool_status
walpool_prepared_json(walpool_prepared *handle, char *dst, size_t capacity,
                      size_t *need, walpool_error *err)
{
    struct walpool__json json;
    const struct walpool__text *text;
    walpool_status status = walpool__json_begin(&json, dst, capacity, err);

    if (status != WALPOOL_OK)
        return status;
    text = walpool__handle_pin(WALPOOL__HANDLE_PREPARED, handle, err, &status);
    if (!text)
        return status;
    walpool__json_put(&json, "%s", text->about);
    walpool__handle_unpin(handle);
    return walpool__json_end(&json, need, err);
}

void
walpool_prepared_close(walpool_prepared *handle)
{
    walpool_status status;

    if (!walpool__handle_pin(WALPOOL__HANDLE_PREPARED, handle, NULL, &status))
        return;
    walpool__handle_close(handle);
    walpool__handle_unpin(handle);
}
