/* Measure: statistics of tables, by which SQLite chooses indexes.
 *
 * PRAGMA optimize does all in one transaction, which would hold the writer for
 * long, or be lost as a whole when somebody needs the writer. Asked to, it only
 * tells what it would do: a list of ANALYZE, of which each is a short write.
 *
 * ANALYZE tells nobody but its own connection. The others load statistics with
 * the schema, so that is changed and changed back: a view comes and goes.
 *
 * Does: list, measure.
 * Must not: take the writer, or give it back.
 * Lock: none; the connection is its caller's. */
#include "measure.h"

#include "error.h"
#include "txn.h"

/* From 3.46 on SQLite finds by itself which tables need it, by their size. */
#define FINDS_TABLES 3046000
/* 1: only tell, 2: ANALYZE, 0x10000: all tables, queried here or not. */
#define FIND_SQL "PRAGMA main.optimize(0x10003)"
/* Rows of an index that are looked at, as sqlite.org/lang_analyze.html says. */
#define LIMIT_SQL "PRAGMA analysis_limit=400"

walpool_status
walpool__measure_find(struct walpool__conn *conn, bool all, walpool_rows *list,
                      walpool_error *err)
{
    static const char everything[] = "ANALYZE main";
    walpool_status status = walpool_rows_begin(list, 1, NULL, err);
    int rc;

    if (status != WALPOOL_OK)
        return status;
    if (all && sqlite3_libversion_number() < FINDS_TABLES)
        return walpool_rows_add_text(list, everything, sizeof everything - 1,
                                     err);
    rc = walpool__pages_exec(conn, FIND_SQL, -1, list);
    return rc == SQLITE_OK
               ? WALPOOL_OK
               : walpool__conn_error(conn, rc, "optimize", err);
}

static int
measure(struct walpool__conn *conn, const char *sql, size_t bytes)
{
    int rc = walpool__pages_exec(conn, sql, (int)bytes, NULL);

    if (rc == SQLITE_OK)
        rc = walpool__pages_exec(
            conn, "CREATE VIEW main.walpool_measured AS SELECT 1", -1, NULL);
    if (rc == SQLITE_OK)
        rc = walpool__pages_exec(conn, "DROP VIEW main.walpool_measured", -1,
                                 NULL);
    return rc;
}

static walpool_status
in_transaction(struct walpool__conn *conn, const char *sql, size_t bytes,
               walpool_error *err)
{
    walpool_status status = walpool__txn_begin_write(conn, err);
    int rc;

    if (status != WALPOOL_OK)
        return status;
    rc = measure(conn, sql, bytes);
    status = rc == SQLITE_OK ? walpool__txn_commit(conn, err)
                             : walpool__conn_error(conn, rc, "optimize", err);
    walpool__txn_rollback(conn);
    return status;
}

/* A limit that the caller has set on this connection stays. */
walpool_status
walpool__measure_run(struct walpool__conn *conn, const walpool_rows *list,
                     size_t row, walpool_error *err)
{
    int64_t limit = 0;
    size_t bytes = 0;
    const char *sql = walpool_rows_bytes(list, row, 0, &bytes);
    walpool_status status;

    walpool__pages_number(conn, "PRAGMA analysis_limit", &limit);
    if (limit == 0)
        walpool__pages_exec(conn, LIMIT_SQL, -1, NULL);
    status = in_transaction(conn, sql, bytes, err);
    if (limit == 0)
        walpool__pages_exec(conn, "PRAGMA analysis_limit=0", -1, NULL);
    return status;
}
