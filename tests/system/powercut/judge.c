/* The judge of what a power cut left.
 *
 * Does: open, ask, put what is wrong into words.
 * Must not: know what was written or acknowledged.
 * Lock: none. */
#include "judge.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "walpool.h"

/* Each row is something that is wrong. */
static const char rules[] =
    "SELECT 'integrity: ' || integrity_check FROM pragma_integrity_check"
    " WHERE integrity_check <> 'ok'"
    " UNION ALL SELECT 'commits are missing in between' WHERE"
    " (SELECT count(*) FROM entry) <> (SELECT ifnull(max(id), 0) FROM entry)"
    " UNION ALL SELECT 'writer ' || writer || ' has a gap' FROM entry"
    " GROUP BY writer HAVING count(*) <> max(k)"
    " UNION ALL SELECT 'the total of writer ' || writer || ' is wrong' FROM"
    " total AS t WHERE entries <> (SELECT count(*) FROM entry AS e WHERE"
    " e.writer = t.writer) OR sum <> (SELECT sum(k) FROM entry AS e WHERE"
    " e.writer = t.writer)"
    " UNION ALL SELECT 'half of a transaction' WHERE"
    " (SELECT sum(kind = 1) <> sum(kind = 2) FROM entry)"
    " UNION ALL SELECT 'what was rolled back is there' FROM undone";

static const char tables[] =
    "SELECT count(*) FROM sqlite_schema WHERE name = 'entry_counts'";
static const char newest[] = "SELECT writer, max(k) FROM entry GROUP BY writer";

/* The first one, in one line. */
static void
set_problem(struct verdict *verdict, const char *who, const char *what)
{
    if (verdict->problem[0])
        return;
    snprintf(verdict->problem, sizeof verdict->problem, "%s: %s", who, what);
    for (char *c = verdict->problem; *c; c++)
        if (*c == '\n')
            *c = ' ';
}

static void
note(struct verdict *verdict, int64_t writer, int64_t k)
{
    verdict->entries += k;
    if (writer >= 0 && writer < JUDGE_WRITERS)
        verdict->last[writer] = k;
}

static void
begin(struct verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->entries = -1;
}

/* ------------------------------------------------------------ plain SQLite */

/* Run a query and hand its rows on. */
static bool
query(sqlite3 *db, const char *sql, struct verdict *verdict,
      void (*row)(sqlite3_stmt *, struct verdict *))
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
            row(stmt, verdict);
    if (rc != SQLITE_DONE)
        set_problem(verdict, "SQLite", sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE;
}

static void
on_tables(sqlite3_stmt *stmt, struct verdict *verdict)
{
    verdict->entries = sqlite3_column_int(stmt, 0) - 1;
}

static void
on_problem(sqlite3_stmt *stmt, struct verdict *verdict)
{
    set_problem(verdict, "SQLite", (const char *)sqlite3_column_text(stmt, 0));
}

static void
on_newest(sqlite3_stmt *stmt, struct verdict *verdict)
{
    note(verdict, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
}

static void
on_nothing(sqlite3_stmt *stmt, struct verdict *verdict)
{
    (void)stmt;
    (void)verdict;
}

void
judge_by_sqlite(const char *path, struct verdict *verdict)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    begin(verdict);
    if (rc != SQLITE_OK)
        set_problem(verdict, "SQLite", sqlite3_errmsg(db));
    else if (query(db, "PRAGMA locking_mode=EXCLUSIVE", verdict, on_nothing) &&
             query(db, tables, verdict, on_tables) && verdict->entries == 0 &&
             query(db, rules, verdict, on_problem))
        query(db, newest, verdict, on_newest);
    if (sqlite3_close(db) != SQLITE_OK)
        set_problem(verdict, "SQLite", "cannot close");
}

/* ----------------------------------------------------------------- walpool */

/* The newest of each writer, or what is wrong. */
static void
take_rows(walpool_rows *rows, struct verdict *verdict)
{
    for (size_t i = 0; i < walpool_rows_count(rows); i++) {
        size_t bytes;
        const char *text = walpool_rows_bytes(rows, i, 0, &bytes);
        char problem[200];

        if (!text) {
            note(verdict, walpool_rows_int64(rows, i, 0),
                 walpool_rows_int64(rows, i, 1));
            continue;
        }
        snprintf(problem, sizeof problem, "%.*s", (int)bytes, text);
        set_problem(verdict, "walpool", problem);
    }
}

static void
ask(walpool *db, const char *sql, struct verdict *verdict)
{
    walpool_statement statement = {.sql = sql};
    walpool_error err;
    walpool_rows rows;

    walpool_rows_init(&rows);
    if (walpool_read(db, &statement, NULL, &rows, &err) == WALPOOL_OK)
        take_rows(&rows, verdict);
    else
        set_problem(verdict, "walpool", err.message);
    walpool_rows_finish(&rows);
}

static int64_t
ask_number(walpool *db, const char *sql, struct verdict *verdict)
{
    walpool_statement statement = {.sql = sql};
    walpool_error err;
    walpool_rows rows;
    int64_t number = -1;

    walpool_rows_init(&rows);
    if (walpool_read(db, &statement, NULL, &rows, &err) == WALPOOL_OK)
        number = walpool_rows_int64(&rows, 0, 0);
    else
        set_problem(verdict, "walpool", err.message);
    walpool_rows_finish(&rows);
    return number;
}

static void
write_on(walpool *db, struct verdict *verdict)
{
    walpool_statement statement = {.sql = "CREATE TABLE after(v)"};
    walpool_error err;

    if (walpool_write(db, &statement, NULL, NULL, &err) != WALPOOL_OK)
        set_problem(verdict, "walpool", err.message);
}

void
judge_by_walpool(const char *path, struct verdict *verdict)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool_error err;
    walpool *db;

    begin(verdict);
    options.readers = 1;
    db = walpool_open(path, &options, &err);
    if (!db) {
        set_problem(verdict, "walpool", err.message);
        return;
    }
    verdict->entries = ask_number(db, tables, verdict) - 1;
    if (verdict->entries == 0) {
        ask(db, rules, verdict);
        ask(db, newest, verdict);
    }
    write_on(db, verdict);
    if (walpool_close(db, -1, &err) != WALPOOL_OK)
        set_problem(verdict, "walpool", err.message);
}
