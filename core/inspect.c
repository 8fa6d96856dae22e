/* Inspect: is the database sound?
 *
 * Damage may be such that SQLite does not get to the end of its own check: that
 * is a problem like the others, not an error of the call. Foreign keys are only
 * looked at where there is no damage.
 *
 * Does: run SQLite's checks on a reader, and put what they tell into rows.
 * Must not: write, or repair.
 * Lock: none. */
#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "rows.h"

#define MOST_PROBLEMS "100" /* of each kind */
#define DAMAGE_SQL(pragma)                                            \
    "SELECT " pragma " FROM pragma_" pragma "(" MOST_PROBLEMS ") WHERE " \
    pragma " <> 'ok'"

static const char keys_sql[] =
    "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check "
    "GROUP BY 1, 2 ORDER BY 1, 2 LIMIT " MOST_PROBLEMS;

struct inspection {
    walpool_lease *lease;
    walpool_call call;
    int64_t began_ns;
    walpool_rows *rows;
    walpool_error *err;
};

/* One deadline for all statements. */
static walpool_status
run(struct inspection *inspection, const char *sql, walpool_rows *found,
    walpool_error *err)
{
    walpool_statement statement = WALPOOL_STATEMENT_INIT(sql);
    walpool_call call = inspection->call;

    if (call.timeout_ms > 0)
        call.spent_ms += (uint32_t)((walpool__clock_now() -
                                     inspection->began_ns) / 1000000);
    return walpool_run(inspection->lease, &statement, &call, found, err);
}

/* ------------------------------------------------------------ the answer */

static walpool_status
add_text(struct inspection *inspection, const char *text, size_t bytes)
{
    return text ? walpool_rows_add_text(inspection->rows, text, bytes,
                                        inspection->err)
                : walpool_rows_add_null(inspection->rows, inspection->err);
}

static walpool_status
add_damage(struct inspection *inspection, const char *text, size_t bytes)
{
    walpool_status status = add_text(inspection, "damage", 6);

    if (status == WALPOOL_OK)
        status = add_text(inspection, text, bytes);
    for (int i = 0; i < 3 && status == WALPOOL_OK; i++)
        status = add_text(inspection, NULL, 0);
    return status;
}

static walpool_status
add_orphans(struct inspection *inspection, const walpool_rows *found,
            size_t row)
{
    size_t table_bytes = 0, parent_bytes = 0;
    const char *table = walpool_rows_bytes(found, row, 0, &table_bytes);
    const char *parent = walpool_rows_bytes(found, row, 1, &parent_bytes);
    int64_t rows = walpool_rows_int64(found, row, 2);
    walpool_status status = add_text(inspection, "foreign_key", 11);
    char message[512];

    snprintf(message, sizeof message, "%lld rows of %.*s have no parent in %.*s",
             (long long)rows, (int)table_bytes, table ? table : "",
             (int)parent_bytes, parent ? parent : "");
    if (status == WALPOOL_OK)
        status = add_text(inspection, message, strlen(message));
    if (status == WALPOOL_OK)
        status = add_text(inspection, table, table_bytes);
    if (status == WALPOOL_OK)
        status = add_text(inspection, parent, parent_bytes);
    return status == WALPOOL_OK
               ? walpool_rows_add_int64(inspection->rows, rows, inspection->err)
               : status;
}

static walpool_status
begin_answer(struct inspection *inspection)
{
    static const char *const names[] = {"kind", "message", "table", "parent",
                                        "rows"};

    return walpool_rows_begin(inspection->rows, ARRAY_COUNT(names), names,
                              inspection->err);
}

/* ------------------------------------------------------------- the checks */

static walpool_status
look_for_damage(struct inspection *inspection, bool full, walpool_rows *found)
{
    const char *sql = full ? DAMAGE_SQL("integrity_check")
                           : DAMAGE_SQL("quick_check");
    walpool_error why;
    walpool_status status = run(inspection, sql, found, &why);

    if (status == WALPOOL_CORRUPT)
        return add_damage(inspection, why.message, strlen(why.message));
    if (status != WALPOOL_OK && inspection->err)
        *inspection->err = why;
    for (size_t i = 0; status == WALPOOL_OK && i < walpool_rows_count(found);
         i++) {
        size_t bytes = 0;
        const char *text = walpool_rows_bytes(found, i, 0, &bytes);

        status = add_damage(inspection, text, bytes);
    }
    return status;
}

static walpool_status
look_for_orphans(struct inspection *inspection, walpool_rows *found)
{
    walpool_status status = run(inspection, keys_sql, found, inspection->err);

    for (size_t i = 0; status == WALPOOL_OK && i < walpool_rows_count(found);
         i++)
        status = add_orphans(inspection, found, i);
    return status;
}

static walpool_status
look(struct inspection *inspection, bool full)
{
    walpool_rows found;
    walpool_status status = begin_answer(inspection);

    walpool_rows_init(&found);
    if (status == WALPOOL_OK)
        status = look_for_damage(inspection, full, &found);
    if (status == WALPOOL_OK && walpool_rows_count(inspection->rows) == 0)
        status = look_for_orphans(inspection, &found);
    if (status == WALPOOL_OK)
        walpool__rows_seal(inspection->rows);
    walpool_rows_finish(&found);
    return status;
}

walpool_status
walpool__inspect(walpool *db, bool full, const walpool_call *call,
                 walpool_rows *rows, walpool_error *err)
{
    struct inspection inspection = {.call = *call, .rows = rows, .err = err,
                                    .began_ns = walpool__clock_now()};
    walpool_status status = WALPOOL_NOMEM;
    walpool_error error;
    walpool_rows own;

    walpool_rows_init(&own);
    if (!rows)
        inspection.rows = &own;
    inspection.lease = walpool_acquire(db, WALPOOL_READ, call, &error);
    if (inspection.lease) {
        status = look(&inspection, full);
        walpool_release(inspection.lease, NULL);
    } else {
        status = (walpool_status)error.status;
        if (err)
            *err = error;
    }
    if (status != WALPOOL_OK)
        walpool__rows_clear(rows);
    walpool_rows_finish(&own);
    return status;
}
