/* Execute: one caller's statement on a connection, from text to block.
 *
 * Does: find, check, bind, run, encode.
 * Must not: begin or end transactions, lease, or count.
 * Lock: none. */
#include "execute.h"

#include <string.h>

#include "bind.h"
#include "error.h"
#include "utf8.h"

static bool
expects(const walpool_statement *statement)
{
    return statement->flags & WALPOOL_STATEMENT_EXPECT;
}

walpool_status
walpool__execute_check(const walpool_statement *statement, walpool_error *err)
{
    if (!statement || (!statement->sql && !statement->prepared))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "the statement or its SQL text is NULL");
    if (statement->flags & ~(uint32_t)WALPOOL_STATEMENT_EXPECT)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "flags of the statement are %#x: use only "
                                  "WALPOOL_STATEMENT_*",
                                  (unsigned)statement->flags);
    if (statement->reserved)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "reserved of the statement is %u: leave it 0",
                                  (unsigned)statement->reserved);
    if (expects(statement) && statement->expect < 0)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "expect is %lld: give the rows to be "
                                  "changed, 0 or more",
                                  (long long)statement->expect);
    return WALPOOL_OK;
}

walpool_status
walpool__execute_check_write(const walpool_statement *statement,
                             const walpool_call *asked, walpool_error *err)
{
    walpool_status status = walpool__execute_check(statement, err);

    if (LIKELY(status != WALPOOL_OK || !asked ||
               !(asked->flags & WALPOOL_CALL_SCRIPT)))
        return status;
    if (expects(statement))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "expect is for one statement, and this is a "
                                  "script: use a batch");
    if (statement->prepared)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "a prepared statement is no script: leave "
                                  "WALPOOL_CALL_SCRIPT away");
    return WALPOOL_OK;
}

static walpool_status
expects_of_a_read(walpool_error *err)
{
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "expect counts rows changed, and this "
                              "statement only reads");
}

walpool_status
walpool__execute_prepare(struct walpool__conn *conn,
                         const walpool_statement *statement,
                         struct walpool__prepared *prepared,
                         walpool_error *err)
{
    walpool_status status = walpool__conn_prepare(conn, statement,
                                                  &prepared->stmt, err);

    if (status != WALPOOL_OK)
        return status;
    prepared->expects = expects(statement);
    prepared->expect = statement->expect;
    if (prepared->expects && prepared->stmt->readonly)
        status = expects_of_a_read(err);
    else
        status = walpool__params_check(statement->params,
                                       statement->params_bytes,
                                       &prepared->params, err);
    if (status != WALPOOL_OK)
        walpool__stmt_give(&conn->cache, prepared->stmt);
    return status;
}

static walpool_status
bind_once(struct walpool__conn *conn, struct walpool__prepared *prepared,
          walpool_error *err)
{
    struct walpool__binding binding;
    walpool_status status;
    int rc = SQLITE_OK;

    if (prepared->params.header && prepared->params.rows != 1)
        return walpool__error_set(err, WALPOOL_PARAM,
                                  "a read takes one row of parameters, %u "
                                  "were given",
                                  (unsigned)prepared->params.rows);
    status = walpool__bind_begin(&binding, prepared->stmt, &prepared->params,
                                 true, err);
    if (status == WALPOOL_OK)
        rc = walpool__bind_row(&binding, 0);
    walpool__bind_end(&binding);
    return rc == SQLITE_OK ? status
                           : walpool__conn_error(conn, rc, "bind a parameter",
                                                 err);
}

walpool_status
walpool__execute_read(struct walpool__conn *conn,
                      const walpool_statement *statement,
                      struct walpool__fetch *fetch, walpool_rows *rows,
                      walpool_rows_header **header, walpool_error *err)
{
    struct walpool__prepared prepared;
    walpool_status status = UNLIKELY(expects(statement))
                                ? expects_of_a_read(err)
                                : walpool__execute_prepare(conn, statement,
                                                           &prepared, err);

    *header = NULL;
    if (UNLIKELY(status != WALPOOL_OK))
        return status;
    fetch->conn = conn;
    fetch->stmt = prepared.stmt;
    if (UNLIKELY(prepared.stmt->seen & WALPOOL__SEEN_MORE))
        walpool__conn_cool(conn); /* nothing may stand beside it */
    if (UNLIKELY(!prepared.stmt->readonly))
        status = walpool__error_set(err, WALPOOL_READONLY,
                                    "the statement writes, and this is a "
                                    "reader: use write");
    if (LIKELY(status == WALPOOL_OK) &&
        (prepared.stmt->param_count || prepared.params.header))
        status = bind_once(conn, &prepared, err);
    if (LIKELY(status == WALPOOL_OK))
        status = rows ? walpool__encode_block(fetch, rows, header, err)
                      : walpool__encode_nothing(fetch, err);
    if (status == WALPOOL_OK && fetch->more)
        return WALPOOL_OK;
    walpool__stmt_give(&conn->cache, fetch->stmt);
    fetch->stmt = NULL;
    return status;
}

/* ------------------------------------------------------------------ writes */

bool
walpool__execute_may_leave_some(const struct walpool__prepared *prepared)
{
    const struct walpool__stmt *stmt = prepared->stmt;

    return (prepared->params.header && prepared->params.rows > 1) ||
           prepared->expects || stmt->says_fail ||
           (sqlite3_column_count(stmt->native) > 0 && !stmt->readonly);
}

struct walpool__sink
walpool__execute_sink(const struct walpool__call *call, walpool_rows *rows)
{
    return (struct walpool__sink){.rows = rows,
                                  .known_shape = call->shape,
                                  .want_names =
                                      call->flags & WALPOOL_CALL_NAMES,
                                  .first = call->flags & WALPOOL_CALL_FIRST};
}

/* Whatever rows come: they are not wanted. */
static walpool_status
run_to_end(struct walpool__fetch *fetch, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    while (status == WALPOOL_OK && !fetch->done)
        status = walpool__encode_advance(fetch, err);
    return status;
}

static bool
wants_row(const struct walpool__encoder *encoder,
          const struct walpool__sink *sink)
{
    return sink->rows && !(sink->first && encoder->block.row_count > 0);
}

/* Bind and run one row of parameters to the end. */
static walpool_status
write_row(struct walpool__encoder *encoder,
          const struct walpool__binding *binding, uint32_t row,
          const struct walpool__sink *sink)
{
    struct walpool__fetch *fetch = encoder->fetch;
    int rc = walpool__bind_row(binding, row);
    walpool_status status;

    if (rc != SQLITE_OK)
        return walpool__conn_error(fetch->conn, rc, "bind a parameter",
                                   encoder->err);
    status = walpool__encode_advance(fetch, encoder->err);
    if (status == WALPOOL_OK && wants_row(encoder, sink))
        status = walpool__encode_rows(encoder, sink->rows, sink->offset);
    return status == WALPOOL_OK ? run_to_end(fetch, encoder->err) : status;
}

static walpool_status
write_rows(struct walpool__encoder *encoder, struct walpool__prepared *prepared,
           const struct walpool__sink *sink, int64_t *changes)
{
    struct walpool__conn *conn = encoder->fetch->conn;
    uint32_t count = prepared->params.header ? prepared->params.rows : 1;
    struct walpool__binding binding;
    walpool_status status =
        walpool__bind_begin(&binding, prepared->stmt, &prepared->params, false,
                            encoder->err);

    for (uint32_t row = 0; row < count && status == WALPOOL_OK; row++) {
        int64_t before = walpool__conn_total_changes(conn);

        status = write_row(encoder, &binding, row, sink);
        *changes += walpool__conn_changes(conn, before);
        sqlite3_reset(prepared->stmt->native);
    }
    if (status == WALPOOL_OK && sink->rows && count == 0) /* no rows in it */
        status = walpool__encode_rows(encoder, sink->rows, sink->offset);
    walpool__bind_end(&binding);
    return status;
}

static void
finish_block(struct walpool__encoder *encoder, bool compact,
             struct walpool__effect *effect)
{
    walpool_rows_header *header = walpool__encode_end(encoder);

    header->changes = effect->changes;
    header->last_rowid = effect->last_rowid;
    if (compact)
        effect->block_bytes = walpool__block_compact(&encoder->block);
}

static walpool_status
check_changes(const struct walpool__prepared *prepared, int64_t changes,
              walpool_error *err)
{
    if (!prepared->expects || changes == prepared->expect)
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_MISMATCH,
                              "the statement changed %lld row%s, %lld %s "
                              "expected", (long long)changes,
                              changes == 1 ? "" : "s",
                              (long long)prepared->expect,
                              prepared->expect == 1 ? "was" : "were");
}

walpool_status
walpool__execute_write(struct walpool__conn *conn,
                       struct walpool__prepared *prepared,
                       const struct walpool__sink *sink,
                       struct walpool__effect *effect, walpool_error *err)
{
    struct walpool__fetch fetch = {.conn = conn,
                                   .stmt = prepared->stmt,
                                   .want_names = sink->want_names,
                                   .known_shape = sink->known_shape,
                                   .first = sink->first,
                                   .whole = true};
    struct walpool__encoder encoder = {.fetch = &fetch, .err = err};
    walpool_status status = WALPOOL_OK;

    memset(effect, 0, sizeof *effect);
    /* A statement by itself commits with its last step, and nothing may fail
     * after that: begin the block of no rows before. */
    if (sink->rows && sqlite3_column_count(prepared->stmt->native) == 0)
        status = walpool__encode_rows(&encoder, sink->rows, sink->offset);
    if (status == WALPOOL_OK)
        status = write_rows(&encoder, prepared, sink, &effect->changes);
    if (status == WALPOOL_OK)
        status = check_changes(prepared, effect->changes, err);
    effect->last_rowid = sqlite3_last_insert_rowid(conn->db);
    if (status == WALPOOL_OK && sink->rows)
        finish_block(&encoder, sink->compact, effect);
    walpool__stmt_give(&conn->cache, prepared->stmt);
    prepared->stmt = NULL;
    return status;
}

/* ----------------------------------------------------------------- scripts */

walpool_status
walpool__script_begin(struct walpool__script *script,
                      const walpool_statement *statement, walpool_error *err)
{
    size_t bytes = statement->sql_bytes ? statement->sql_bytes
                                        : strlen(statement->sql);
    const char *begin = statement->sql;

    memset(script, 0, sizeof *script);
    script->begin = script->from = script->at = begin;
    script->end = begin + bytes;
    if (statement->params)
        return walpool__error_set(err, WALPOOL_PARAM,
                                  "a script takes no parameters");
    if (!walpool__utf8_valid(begin, bytes, NULL))
        return walpool__error_set(err, WALPOOL_ENCODING,
                                  "the SQL text is not UTF-8");
    if (bytes > INT32_MAX - 1 || memchr(begin, '\0', bytes))
        return walpool__error_set(err, WALPOOL_SQL,
                                  "the SQL text holds a NUL byte, or has "
                                  "2 GiB or more");
    return WALPOOL_OK;
}

/* SQLite counts from the statement, the caller from the text. */
static walpool_status
at_statement(const struct walpool__script *script, walpool_status status,
             walpool_error *err)
{
    if (err && err->sql_offset >= 0)
        err->sql_offset += (int32_t)(script->from - script->begin);
    return status;
}

static walpool_status
prepare_next(struct walpool__conn *conn, struct walpool__script *script,
             walpool_error *err)
{
    const char *tail = script->end;
    int rc;

    script->from = script->at;
    conn->guard.preparing = true;
    conn->guard.asks_mode = false;
    conn->guard.seen = 0;
    conn->guard.verb = WALPOOL__VERB_NONE;
    rc = sqlite3_prepare_v3(conn->db, script->at,
                            (int)(script->end - script->at), 0,
                            &script->native, &tail);
    conn->guard.preparing = false;
    if (rc != SQLITE_OK)
        return walpool__conn_error(conn, rc, "prepare a statement of the "
                                             "script", err);
    script->at = tail;
    script->readonly =
        walpool__stmt_readonly(script->native) || conn->guard.asks_mode;
    script->verb = walpool__conn_verb_of(conn, script->native);
    if (!script->native || sqlite3_bind_parameter_count(script->native) == 0)
        return WALPOOL_OK;
    walpool__script_end(script);
    return walpool__error_set(err, WALPOOL_PARAM,
                              "a statement of the script has parameters: run "
                              "it by itself");
}

walpool_status
walpool__script_next(struct walpool__conn *conn, struct walpool__script *script,
                     walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    walpool__script_end(script);
    while (!script->native && script->at < script->end && status == WALPOOL_OK)
        status = prepare_next(conn, script, err);
    return status == WALPOOL_OK ? status : at_statement(script, status, err);
}

walpool_status
walpool__script_run(struct walpool__conn *conn, struct walpool__script *script,
                    struct walpool__effect *effect, walpool_error *err)
{
    int64_t before = walpool__conn_total_changes(conn);
    walpool_status status = WALPOOL_OK;
    int rc;

    do
        rc = walpool__conn_step(conn, script->native);
    while (rc == SQLITE_ROW);
    effect->changes += walpool__conn_changes(conn, before);
    if (rc != SQLITE_DONE)
        status = walpool__conn_error(conn, rc, "run a statement of the script",
                                     err);
    walpool__script_end(script);
    effect->last_rowid = sqlite3_last_insert_rowid(conn->db);
    return status == WALPOOL_OK ? status : at_statement(script, status, err);
}

void
walpool__script_end(struct walpool__script *script)
{
    sqlite3_finalize(script->native);
    script->native = NULL;
}

walpool_status
walpool__execute_script(struct walpool__conn *conn,
                        const walpool_statement *statement,
                        struct walpool__effect *effect, walpool_error *err)
{
    struct walpool__script script;
    walpool_status status = walpool__script_begin(&script, statement, err);

    memset(effect, 0, sizeof *effect);
    effect->last_rowid = sqlite3_last_insert_rowid(conn->db);
    while (status == WALPOOL_OK) {
        status = walpool__script_next(conn, &script, err);
        if (status != WALPOOL_OK || !script.native)
            break;
        status = walpool__script_run(conn, &script, effect, err);
    }
    return status;
}

walpool_status
walpool__execute_describe(walpool_rows *rows,
                          const struct walpool__effect *effect,
                          walpool_error *err)
{
    struct walpool__block block;
    walpool_rows_header *header;
    walpool_status status;

    if (!rows)
        return WALPOOL_OK;
    status = walpool__block_begin(&block, rows, 0, rows->limit, 0, err);
    if (status != WALPOOL_OK)
        return status;
    header = walpool__block_end(&block);
    header->shape = 1;
    header->changes = effect->changes;
    header->last_rowid = effect->last_rowid;
    return WALPOOL_OK;
}
