/* fault: whatever allocation fails, the call says NOMEM, nothing is lost or
 * half done, and the next call works. Each round has a database of its own,
 * so that everything that is made when first needed is made under fault. */
#include "fault.h"

#include "api.h"

static walpool *db;
static struct fault *now;

static void
begin(void)
{
    db = api_open("a.db", "readers=2");
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(n, v)"));
}

static int64_t
count(void)
{
    return api_number(db, "SELECT count(*) FROM t");
}

/* After the round everything must work, and this many rows must be there. */
static void
end(int64_t rows)
{
    CHECK_INT(count(), rows);
    CHECK_OK(api_write(db, "DELETE FROM t"));
    CHECK_INT(api_health(db).readers_leased, 0);
    CHECK_INT(api_health(db).writer_leased, 0);
    api_close(db);
}

/* The call under fault: OK, or NOMEM if the fault struck. */
static bool
succeeds(walpool_status status)
{
    if (status != WALPOOL_OK && !now->struck)
        printf("# no fault in round %ld\n", now->nth);
    if (status != WALPOOL_OK && status != WALPOOL_NOMEM)
        printf("# round %ld\n", now->nth);
    if (status != WALPOOL_OK)
        CHECK_STATUS(status, WALPOOL_NOMEM);
    CHECK(status == WALPOOL_OK || now->struck);
    return status == WALPOOL_OK;
}

#define UNDER(fault, call)         \
    (now = &(fault), fault_arm(now), under_status = (call), fault_disarm(now), \
     succeeds(under_status))
static walpool_status under_status;

/* --------------------------------------------------------------- the calls */

static walpool_status
open_it(void)
{
    db = walpool_open(check_path("a.db"), NULL, &err);
    return db != NULL ? WALPOOL_OK : (walpool_status)err.status;
}

static void
in_open(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        bool opened = UNDER(fault, open_it());
        if (!opened)
            db = api_open("a.db", "");
        CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(n, v)"));
        end(0);
    }
}

static walpool_status
read_it(const char *sql, walpool_rows *rows)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_NAMES;
    return walpool_read(db, &statement, &call, rows, &err);
}

/* Blocks that grow, without an allocation of SQLite's for each row. */
static const char many[] =
    "WITH c(n) AS (VALUES(1),(2),(3),(4),(5),(6),(7),(8)) SELECT a.n, "
    "'some text that is long enough to fill more than one buffer of 4 KiB' "
    "FROM c AS a, c AS b";

static void
in_read(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        walpool_rows rows;
        walpool_rows_init(&rows);
        begin();
        if (UNDER(fault, read_it(many, &rows)))
            CHECK_INT(walpool_rows_count(&rows), 64);
        else
            CHECK_INT(walpool_rows_count(&rows), 0);
        walpool_rows_finish(&rows);
        end(0);
    }
}

static const char large[] =
    "SELECT 1, zeroblob(50000) UNION ALL SELECT 2, printf('%.*c', 60000, 'x') "
    "UNION ALL SELECT 3, 'end'";

/* Everything of a cursor, under one fault. */
static walpool_status
read_large(walpool_rows *rows)
{
    static char value[60000];
    walpool_status status = read_it(large, rows);
    while (status == WALPOOL_OK && api_header(rows)->cursor != 0) {
        walpool_cursor *cursor = api_cursor(rows);
        size_t row = walpool_rows_count(rows) - 1;
        const walpool_cell *cell = walpool_rows_cell(rows, row, 1);
        status = walpool_cursor_value(cursor, 1, 0, value, cell->length, &err);
        if (status == WALPOOL_OK)
            status = walpool_cursor_next(cursor, NULL, rows, &err);
        else
            walpool_cursor_close(cursor, NULL);
    }
    return status;
}

static void
in_cursor(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        walpool_rows rows;
        walpool_rows_init(&rows);
        begin();
        UNDER(fault, read_large(&rows));
        walpool_rows_finish(&rows);
        end(0);
    }
}

static walpool_rows params;

static walpool_statement
insert_named(const char *sql)
{
    static const char *const names[] = {"v", "n"};
    CHECK_OK(walpool_rows_begin(&params, 2, names, &err));
    for (int i = 0; i < 20; i++) {
        CHECK_OK(walpool_rows_add_text(&params, "some text", 9, &err));
        CHECK_OK(walpool_rows_add_int64(&params, i, &err));
    }
    return (walpool_statement){.sql = sql,
                               .params = params.data,
                               .params_bytes = params.capacity};
}

static void
in_write(enum fault_kind kind, const char *sql, uint32_t flags)
{
    walpool_rows_init(&params);
    FAULT_EACH(kind, fault) {
        walpool_rows rows;
        walpool_rows_init(&rows);
        begin();
        walpool_statement statement = insert_named(sql);
        statement.flags = flags;
        statement.expect = 20;
        bool done =
            UNDER(fault, walpool_write(db, &statement, NULL, &rows, &err));
        CHECK(done || err.outcome == WALPOOL_NOT_APPLIED);
        CHECK(done || walpool_rows_count(&rows) == 0);
        walpool_rows_finish(&rows);
        end(done ? 20 : 0);
    }
    walpool_rows_finish(&params);
}

static void
in_simple_write(enum fault_kind kind)
{
    walpool_statement statement = {.sql = "INSERT INTO t VALUES(1, 'a')"};
    FAULT_EACH(kind, fault) {
        walpool_rows rows;
        walpool_rows_init(&rows);
        begin();
        bool done =
            UNDER(fault, walpool_write(db, &statement, NULL, &rows, &err));
        CHECK(done || err.outcome == WALPOOL_NOT_APPLIED);
        walpool_rows_finish(&rows);
        end(done ? 1 : 0);
    }
}

/* The statement is prepared, described, and run by its handle. */
static walpool_status
prepare_it(void)
{
    walpool_prepared *prepared = walpool_prepare(
        db, "INSERT INTO t(n, v) VALUES(:n, 2) RETURNING n, v", 0, NULL, &err);
    walpool_statement statement = {.prepared = prepared};
    if (prepared == NULL)
        return (walpool_status)err.status;
    walpool_status status = walpool_write(db, &statement, NULL, NULL, &err);
    walpool_prepared_close(prepared);
    return status;
}

static void
in_prepare(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        begin();
        now = &fault;
        fault_arm(now);
        walpool_status status = prepare_it();
        fault_disarm(now);
        if (status != WALPOOL_PARAM) /* the value that it lacks */
            CHECK(!succeeds(status));
        end(0);
    }
}

static walpool_status
script_it(void)
{
    walpool_statement statement = {
        .sql = "INSERT INTO t VALUES(1, 2); CREATE TABLE IF NOT EXISTS u(n);"
               "INSERT INTO t VALUES(3, 4); DROP TABLE u;"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    return walpool_write(db, &statement, &call, NULL, &err);
}

static void
in_script(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        begin();
        bool done = UNDER(fault, script_it());
        CHECK_OK(api_write(db, "CREATE TABLE u(n)"));
        CHECK_OK(api_write(db, "DROP TABLE u"));
        end(done ? 2 : 0);
    }
}

static void
in_batch(enum fault_kind kind)
{
    walpool_rows_init(&params);
    FAULT_EACH(kind, fault) {
        walpool_result results[3];
        walpool_rows rows;
        walpool_rows_init(&rows);
        begin();
        walpool_statement statements[3] = {
            {.sql = "INSERT INTO t VALUES(1, 2) RETURNING *"},
            insert_named("INSERT INTO t(n, v) VALUES(:n, :v) RETURNING n"),
            {.sql = "UPDATE t SET v = 'new'"}};
        bool done = UNDER(fault, walpool_batch(db, statements, 3, NULL, results,
                                               &rows, &err));
        if (done)
            CHECK_INT(results[2].changes, 21);
        walpool_rows_finish(&rows);
        end(done ? 21 : 0);
    }
    walpool_rows_finish(&params);
}

/* A batch with a once_key: it is done or free, and then answered again. */
static void
in_keyed_batch(enum fault_kind kind, bool again)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.once_key = "key";
    call.once_bytes = 3;
    walpool_rows_init(&params);
    FAULT_EACH(kind, fault) {
        walpool_result results[2];
        walpool_rows rows;
        walpool_rows_init(&rows);
        begin();
        walpool_statement statements[2] = {
            insert_named("INSERT INTO t(n, v) VALUES(:n, :v) RETURNING n"),
            {.sql = "UPDATE t SET v = 'new'"}};
        if (again)
            CHECK_OK(walpool_batch(db, statements, 2, &call, NULL, NULL, &err));
        bool done = UNDER(fault, walpool_batch(db, statements, 2, &call,
                                               results, &rows, &err));
        CHECK(done || walpool_rows_count(&rows) == 0);
        CHECK(done || err.outcome == WALPOOL_NOT_APPLIED || again);
        CHECK_INT(count(), done || again ? 20 : 0);
        CHECK_OK(walpool_batch(db, statements, 2, &call, results, &rows, &err));
        CHECK_INT(results[1].changes, 20);
        CHECK_INT(walpool_rows_count(&rows), 20);
        walpool_rows_finish(&rows);
        CHECK_OK(api_write(db, "DROP TABLE walpool_once"));
        end(20);
    }
    walpool_rows_finish(&params);
}

/* Three writes that share a transaction, whichever of them it strikes. */
struct sharer {
    pthread_t thread;
    walpool_status status;
    walpool_error error;
};

static void *
share(void *arg)
{
    walpool_statement statement = {
        .sql = "INSERT INTO t VALUES(1, 2) RETURNING n"};
    struct sharer *me = arg;
    walpool_rows rows;
    walpool_rows_init(&rows);
    me->status = walpool_write(db, &statement, NULL, &rows, &me->error);
    CHECK_INT(walpool_rows_count(&rows), me->status == WALPOOL_OK);
    walpool_rows_finish(&rows);
    return NULL;
}

static void
in_shared_write(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        struct sharer all[3];
        int64_t done = 0;
        db = api_open("a.db", "readers=2&coalesce=1000");
        CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t(n, v)"));
        walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
        for (int i = 0; i < 3; i++) {
            CHECK_INT(pthread_create(&all[i].thread, NULL, share, &all[i]), 0);
            CHECK_EVENTUALLY(api_health(db).writer_waiters == i + 1);
        }
        now = &fault;
        fault_arm(now);
        CHECK_OK(walpool_release(lease, &err));
        for (int i = 0; i < 3; i++)
            CHECK_INT(pthread_join(all[i].thread, NULL), 0);
        fault_disarm(now);
        for (int i = 0; i < 3; i++) {
            err = all[i].error;
            done += succeeds(all[i].status);
            CHECK(all[i].status == WALPOOL_OK ||
                  err.outcome == WALPOOL_NOT_APPLIED);
        }
        end(done);
    }
}

/* A reader lease from its beginning to its end. */
static walpool_status
use_reader(void)
{
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, NULL, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = api_run(lease, many);
    if (status == WALPOOL_OK)
        status = walpool_begin(lease, NULL, &err);
    CHECK_INT(walpool_release(lease, NULL), WALPOOL_OK);
    return status;
}

static void
in_reader(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        begin();
        UNDER(fault, use_reader());
        end(0);
    }
}

static walpool_status
write_on(walpool_lease *lease)
{
    walpool_statement several =
        insert_named("INSERT INTO t(n, v) VALUES(:n, :v) RETURNING n");
    walpool_status status = api_run(lease, "INSERT INTO t VALUES(1, 2)");
    if (status == WALPOOL_OK)
        status = walpool_savepoint(lease, &err);
    if (status == WALPOOL_OK)
        status = walpool_run(lease, &several, NULL, NULL, &err);
    if (status == WALPOOL_OK)
        status = walpool_rollback(lease, &err);
    if (status == WALPOOL_OK)
        status = walpool_commit(lease, NULL, &err);
    return status;
}

static walpool_status
use_writer(void)
{
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, NULL, &err);
    if (lease == NULL)
        return (walpool_status)err.status;
    walpool_status status = write_on(lease);
    CHECK_INT(walpool_release(lease, NULL), WALPOOL_OK);
    return status;
}

/* The parameters of the test are its own, and made before the fault. */
static void
in_writer(enum fault_kind kind)
{
    walpool_rows_init(&params);
    insert_named("");
    FAULT_EACH(kind, fault) {
        begin();
        bool done = UNDER(fault, use_writer());
        end(done ? 1 : 0);
    }
    walpool_rows_finish(&params);
}

/* A statement on a lease that failed has left nothing in its transaction. */
static void
in_run(enum fault_kind kind)
{
    walpool_rows_init(&params);
    FAULT_EACH(kind, fault) {
        begin();
        walpool_statement several =
            insert_named("INSERT INTO t(n, v) VALUES(:n, :v) RETURNING n");
        walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
        bool done =
            UNDER(fault, walpool_run(lease, &several, NULL, NULL, &err));
        walpool_status status = walpool_commit(lease, NULL, &err);
        if (status != WALPOOL_OK) /* SQLite has undone the transaction */
            CHECK_STATUS(status, WALPOOL_MISUSE);
        CHECK(!done || status == WALPOOL_OK);
        CHECK_OK(walpool_release(lease, &err));
        end(done ? 20 : 0);
    }
    walpool_rows_finish(&params);
}

static void
in_checkpoint(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        walpool_checkpoint_result result;
        begin();
        CHECK_OK(api_write(db, "INSERT INTO t VALUES(1, 2)"));
        if (UNDER(fault, walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, &result,
                                            &err)))
            CHECK_INT(result.outcome, WALPOOL_CHECKPOINT_COMPLETE);
        CHECK_OK(walpool_checkpoint(db, WALPOOL_FULL_CHECKPOINT, NULL, NULL,
                                    &err));
        end(1);
    }
}

static walpool_status
maintain(walpool_task task)
{
    return walpool_maintain(db, task, 0, NULL, NULL, &err);
}

/* What a vacuum has done is done: only what follows it may lack memory. */
static void
in_maintenance(enum fault_kind kind)
{
    for (int task = WALPOOL_OPTIMIZE; task <= WALPOOL_FULL_CHECK; task++) {
        FAULT_EACH(kind, fault) {
            begin();
            CHECK_OK(api_write(db, "PRAGMA auto_vacuum=incremental"));
            CHECK_OK(maintain(WALPOOL_VACUUM));
            CHECK_OK(api_write(db, "CREATE INDEX IF NOT EXISTS ti ON t(n)"));
            CHECK_OK(api_write(db, "INSERT INTO t VALUES(1, zeroblob(9999))"));
            CHECK_OK(api_write(db, "UPDATE t SET v = 2"));
            UNDER(fault, maintain((walpool_task)task));
            CHECK_OK(maintain((walpool_task)task));
            end(1);
        }
    }
}

/* Closing needs no memory that it cannot do without. */
static void
in_close(enum fault_kind kind)
{
    FAULT_EACH(kind, fault) {
        begin();
        count();
        now = &fault;
        fault_arm(now);
        walpool_status status = walpool_close(db, -1, &err);
        fault_disarm(now);
        CHECK_STATUS(status, WALPOOL_OK);
        db = api_open("a.db", "");
        end(0);
    }
}

/* ------------------------------------------------------------- both kinds */

/* SQLite has not begun yet: what it needs for itself fails, too. */
TEST(fault__of_SQLite_in_its_first_call)
{
    if (fault_real.xMalloc == NULL)
        check_skip("this SQLite cannot fail");
    else
        in_open(FAULT_SQLITE);
}

#define BOTH(name, call)                           \
    TEST(fault__of_ours_in_##name)                 \
    {                                              \
        enum fault_kind kind = FAULT_OURS;         \
        call;                                      \
    }                                              \
    TEST(fault__of_SQLite_in_##name)               \
    {                                              \
        enum fault_kind kind = FAULT_SQLITE;       \
        if (fault_real.xMalloc == NULL) {          \
            check_skip("this SQLite cannot fail"); \
            return;                                \
        }                                          \
        call;                                      \
    }

BOTH(open, in_open(kind))
BOTH(a_read, in_read(kind))
BOTH(a_cursor, in_cursor(kind))
BOTH(a_write, in_simple_write(kind))
BOTH(a_write_of_many_rows,
     in_write(kind, "INSERT INTO t(n, v) VALUES(:n, :v)", 0))
BOTH(a_write_that_returns_rows,
     in_write(kind, "INSERT INTO t(n, v) VALUES(:n, :v) RETURNING n, v", 0))
BOTH(a_write_that_expects,
     in_write(kind, "INSERT INTO t(n, v) VALUES(:n, :v)",
              WALPOOL_STATEMENT_EXPECT))
BOTH(a_prepared_statement, in_prepare(kind))
BOTH(a_script, in_script(kind))
BOTH(a_batch, in_batch(kind))
BOTH(a_batch_with_a_key, in_keyed_batch(kind, false))
BOTH(a_batch_that_is_answered_again, in_keyed_batch(kind, true))
BOTH(a_shared_write, in_shared_write(kind))
BOTH(a_reader, in_reader(kind))
BOTH(a_writer, in_writer(kind))
BOTH(a_statement_on_a_lease, in_run(kind))
BOTH(a_checkpoint, in_checkpoint(kind))
BOTH(maintenance, in_maintenance(kind))
BOTH(close, in_close(kind))

int
main(int argc, char **argv)
{
    if (!fault_install())
        fault_real.xMalloc = NULL;
    return check_main(argc, argv);
}
