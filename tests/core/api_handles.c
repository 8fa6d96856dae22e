/* Handles that are NULL, closed, of another kind or invented, given to every
 * function that takes one. Any function new in walpool.h belongs in a table
 * here. */
#include "api.h"

typedef walpool_status call_function(void *handle, walpool_error *error);

static const walpool_statement select_1 = {.sql = "SELECT 1"};

/* ------------------------------------------------ every call on a database */

static walpool_status
call_close(void *handle, walpool_error *error)
{
    return walpool_close(handle, 0, error);
}

static walpool_status
call_read(void *handle, walpool_error *error)
{
    return walpool_read(handle, &select_1, NULL, NULL, error);
}

static walpool_status
call_write(void *handle, walpool_error *error)
{
    return walpool_write(handle, &select_1, NULL, NULL, error);
}

static walpool_status
call_batch(void *handle, walpool_error *error)
{
    return walpool_batch(handle, &select_1, 1, NULL, NULL, NULL, error);
}

static walpool_status
acquire_status(void *handle, walpool_kind kind, walpool_error *error)
{
    walpool_error own;
    walpool_lease *lease = walpool_acquire(handle, kind, NULL, &own);
    if (lease != NULL) {
        walpool_release(lease, NULL);
        return WALPOOL_OK;
    }
    CHECK(walpool_acquire(handle, kind, NULL, NULL) == NULL);
    if (error != NULL)
        *error = own;
    return (walpool_status)own.status;
}

static walpool_status
call_acquire_read(void *handle, walpool_error *error)
{
    return acquire_status(handle, WALPOOL_READ, error);
}

static walpool_status
call_acquire_write(void *handle, walpool_error *error)
{
    return acquire_status(handle, WALPOOL_WRITE, error);
}

static walpool_status
call_checkpoint(void *handle, walpool_error *error)
{
    return walpool_checkpoint(handle, WALPOOL_PASSIVE, NULL, NULL, error);
}

static walpool_status
call_maintain(void *handle, walpool_error *error)
{
    return walpool_maintain(handle, WALPOOL_OPTIMIZE, 0, NULL, NULL, error);
}

static walpool_status
call_backup_start(void *handle, walpool_error *error)
{
    walpool_error own = {0};
    CHECK(walpool_backup_start(handle, "b.db", 0, NULL, &own) == NULL);
    if (error != NULL)
        *error = own;
    return (walpool_status)own.status;
}

static walpool_status
call_backup_step(void *handle, walpool_error *error)
{
    return walpool_backup_step(handle, 1, NULL, NULL, error);
}

static walpool_status
call_backup_finish(void *handle, walpool_error *error)
{
    return walpool_backup_finish(handle, error);
}

static walpool_status
call_restore(void *handle, walpool_error *error)
{
    return walpool_restore(handle, "b.db", NULL, error);
}

static walpool_status
call_health(void *handle, walpool_error *error)
{
    walpool_health health;
    return walpool_health_get(handle, &health, error);
}

static walpool_status
call_health_json(void *handle, walpool_error *error)
{
    char text[16];
    return walpool_health_json(handle, text, sizeof text, NULL, error);
}

static walpool_status
call_metrics(void *handle, walpool_error *error)
{
    char text[64];
    return walpool_metrics(handle, text, sizeof text, NULL, error);
}

static walpool_status
call_probe(void *handle, walpool_error *error)
{
    return walpool_probe(handle, NULL, NULL, error);
}

/* --------------------------------------- on a lease, a cursor, and the rest */

static walpool_status
call_run(void *handle, walpool_error *error)
{
    return walpool_run(handle, &select_1, NULL, NULL, error);
}

static walpool_status
call_begin(void *handle, walpool_error *error)
{
    return walpool_begin(handle, NULL, error);
}

static walpool_status
call_savepoint(void *handle, walpool_error *error)
{
    return walpool_savepoint(handle, error);
}

static walpool_status
call_commit(void *handle, walpool_error *error)
{
    return walpool_commit(handle, NULL, error);
}

static walpool_status
call_rollback(void *handle, walpool_error *error)
{
    return walpool_rollback(handle, error);
}

static walpool_status
call_release(void *handle, walpool_error *error)
{
    return walpool_release(handle, error);
}

static walpool_status
call_next(void *handle, walpool_error *error)
{
    walpool_rows rows;
    walpool_rows_init(&rows);
    walpool_status status = walpool_cursor_next(handle, NULL, &rows, error);
    walpool_rows_finish(&rows);
    return status;
}

static walpool_status
call_value(void *handle, walpool_error *error)
{
    char byte;
    return walpool_cursor_value(handle, 0, 0, &byte, 1, error);
}

static walpool_status
call_cursor_close(void *handle, walpool_error *error)
{
    return walpool_cursor_close(handle, error);
}

static walpool_status
call_cancel(void *handle, walpool_error *error)
{
    return walpool_cancel(handle, error);
}

static walpool_status
call_submit(void *handle, walpool_error *error)
{
    walpool_job job = {.op = WALPOOL_OP_OPEN, .name = ""};
    return walpool_submit(handle, &job, error);
}

static walpool_status
call_completions(void *handle, walpool_error *error)
{
    walpool_completion done;
    walpool_error own = {0};
    CHECK_INT(walpool_completions(handle, &done, 1, 0, &own), 0);
    CHECK_INT(walpool_completions(handle, &done, 1, 0, NULL), 0);
    if (error != NULL)
        *error = own;
    return (walpool_status)own.status;
}

enum kind { DATABASE, LEASE, CURSOR, TOKEN, QUEUE, BACKUP, KINDS };

static const struct {
    const char *name;
    enum kind kind;
    call_function *call;
} calls[] = {
    {"walpool_close", DATABASE, call_close},
    {"walpool_read", DATABASE, call_read},
    {"walpool_write", DATABASE, call_write},
    {"walpool_batch", DATABASE, call_batch},
    {"walpool_acquire", DATABASE, call_acquire_read},
    {"walpool_acquire", DATABASE, call_acquire_write},
    {"walpool_checkpoint", DATABASE, call_checkpoint},
    {"walpool_maintain", DATABASE, call_maintain},
    {"walpool_backup_start", DATABASE, call_backup_start},
    {"walpool_backup_step", BACKUP, call_backup_step},
    {"walpool_backup_finish", BACKUP, call_backup_finish},
    {"walpool_restore", DATABASE, call_restore},
    {"walpool_health_get", DATABASE, call_health},
    {"walpool_health_json", DATABASE, call_health_json},
    {"walpool_metrics", DATABASE, call_metrics},
    {"walpool_probe", DATABASE, call_probe},
    {"walpool_run", LEASE, call_run},
    {"walpool_begin", LEASE, call_begin},
    {"walpool_savepoint", LEASE, call_savepoint},
    {"walpool_commit", LEASE, call_commit},
    {"walpool_rollback", LEASE, call_rollback},
    {"walpool_release", LEASE, call_release},
    {"walpool_cursor_next", CURSOR, call_next},
    {"walpool_cursor_value", CURSOR, call_value},
    {"walpool_cursor_close", CURSOR, call_cursor_close},
    {"walpool_cancel", TOKEN, call_cancel},
    {"walpool_submit", QUEUE, call_submit},
    {"walpool_completions", QUEUE, call_completions},
};

#define CALLS (sizeof calls / sizeof calls[0])

/* What a call answers; on a difference, say which call it was. */
static void
expect(size_t index, void *handle, walpool_status want, const char *what)
{
    walpool_error error = {0};
    walpool_status got = calls[index].call(handle, &error);
    if (got != want || error.status != (int32_t)got)
        printf("# %s with %s: %s, error slot %s: %s\n", calls[index].name, what,
               walpool_status_name(got), walpool_status_name(error.status),
               error.message);
    CHECK_INT(got, want);
    CHECK_INT(error.status, want);
    CHECK(error.message[0] != 0);
    CHECK_INT(calls[index].call(handle, NULL), want);
}

/* ------------------------------------------------------------------ tests */

TEST(handles__null_is_misuse_everywhere)
{
    for (size_t i = 0; i < CALLS; i++)
        expect(i, NULL, WALPOOL_MISUSE, "NULL");
    walpool_token_close(NULL);
    walpool_queue_close(NULL);
    CHECK_INT(walpool_queue_fd(NULL), -1);
}

TEST(handles__invented_ones_are_never_followed)
{
    static const uint64_t invented[] = {
        1, 2, 4096, 0x7fffffff, 0xffffffff, UINT64_C(1) << 52, UINT64_MAX};
    for (size_t i = 0; i < CALLS; i++)
        for (size_t n = 0; n < sizeof invented / sizeof invented[0]; n++) {
            walpool_error error = {0};
            void *handle = (void *)(uintptr_t)invented[n];
            walpool_status status = calls[i].call(handle, &error);
            CHECK(status == WALPOOL_MISUSE || status == WALPOOL_CLOSED);
            CHECK_INT(error.status, status);
            CHECK_CONTAINS(error.message, " ");
        }
    walpool_token_close((walpool_token *)(uintptr_t)12345);
    walpool_queue_close((walpool_queue *)(uintptr_t)12345);
    CHECK_INT(walpool_queue_fd((walpool_queue *)(uintptr_t)12345), -1);
}

static walpool_rows cursor_rows;

static void
open_all(void *handles[KINDS])
{
    walpool_statement many = {.sql =
                                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
                                  " SELECT i + 1 FROM n LIMIT 200000)"
                                  " SELECT i FROM n"};
    handles[DATABASE] = api_open("a.db", "");
    handles[LEASE] = api_acquire(handles[DATABASE], WALPOOL_READ);
    walpool_rows_init(&cursor_rows);
    CHECK_OK(walpool_read(handles[DATABASE], &many, NULL, &cursor_rows, &err));
    handles[CURSOR] = api_cursor(&cursor_rows);
    handles[TOKEN] = walpool_token_open(&err);
    handles[QUEUE] = walpool_queue_open(&err);
    handles[BACKUP] = walpool_backup_start(handles[DATABASE],
                                           check_path("b.db"), 0, NULL, &err);
    for (int kind = 0; kind < KINDS; kind++)
        CHECK(handles[kind] != NULL);
}

static void
close_all(void *handles[KINDS])
{
    CHECK_OK(walpool_backup_finish(handles[BACKUP], &err));
    walpool_queue_close(handles[QUEUE]);
    walpool_token_close(handles[TOKEN]);
    CHECK_OK(walpool_cursor_close(handles[CURSOR], &err));
    CHECK_OK(walpool_release(handles[LEASE], &err));
    walpool_rows_finish(&cursor_rows);
    api_close(handles[DATABASE]);
}

TEST(handles__one_of_another_kind_is_misuse)
{
    void *handles[KINDS];
    open_all(handles);
    for (size_t i = 0; i < CALLS; i++)
        for (int kind = 0; kind < KINDS; kind++)
            if ((enum kind)kind != calls[i].kind)
                expect(i, handles[kind], WALPOOL_MISUSE, "another kind");
    walpool_token_close(handles[LEASE]);
    walpool_queue_close(handles[DATABASE]);
    CHECK_INT(walpool_queue_fd(handles[TOKEN]), -1);
    CHECK_INT(api_lease_number(handles[LEASE], "SELECT 7"), 7);
    close_all(handles);
}

TEST(handles__a_closed_one_says_closed)
{
    void *handles[KINDS];
    open_all(handles);
    close_all(handles);
    for (size_t i = 0; i < CALLS; i++)
        expect(i, handles[calls[i].kind], WALPOOL_CLOSED, "a closed handle");
    walpool_token_close(handles[TOKEN]);
    walpool_queue_close(handles[QUEUE]);
    CHECK_INT(walpool_queue_fd(handles[QUEUE]), -1);
}

TEST(handles__a_closed_one_stays_closed_when_others_are_opened)
{
    walpool *first = api_open("a.db", "");
    walpool_lease *old = api_acquire(first, WALPOOL_READ);
    CHECK_OK(walpool_release(old, &err));
    for (int i = 0; i < 1000; i++) {
        walpool_lease *lease = api_acquire(first, WALPOOL_READ);
        CHECK(lease != old);
        CHECK_STATUS(walpool_release(old, &err), WALPOOL_CLOSED);
        CHECK_OK(walpool_release(lease, &err));
    }
    api_close(first);
}

TEST(handles__fit_a_number_that_every_language_keeps_exactly)
{
    void *handles[KINDS];
    open_all(handles);
    for (int kind = 0; kind < KINDS; kind++)
        CHECK((uint64_t)(uintptr_t)handles[kind] < UINT64_C(1) << 53);
    close_all(handles);
}

TEST(handles__other_null_arguments_are_misuse)
{
    walpool_statement no_sql = {.sql = NULL};
    walpool_rows rows;
    walpool_rows_init(&rows);
    walpool *db = api_open("a.db", "");
    walpool_queue *queue = walpool_queue_open(&err);
    CHECK_NULL(walpool_open(NULL, NULL, &err), WALPOOL_MISUSE);
    CHECK(walpool_open(NULL, NULL, NULL) == NULL);
    CHECK_STATUS(walpool_read(db, NULL, NULL, &rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_write(db, NULL, NULL, &rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_read(db, &no_sql, NULL, &rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_write(db, &no_sql, NULL, &rows, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_batch(db, NULL, 1, NULL, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_batch(db, &no_sql, 1, NULL, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_batch(db, &select_1, 0, NULL, NULL, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_health_get(db, NULL, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_submit(queue, NULL, &err), WALPOOL_MISUSE);
    CHECK_INT(walpool_completions(queue, NULL, 1, 0, &err), 0);
    CHECK_INT(err.status, WALPOOL_MISUSE);
    CHECK_INT(walpool_rows_count(&rows), 0);
    walpool_queue_close(queue);
    api_close(db);
}

TEST(handles__kinds_modes_and_flags_out_of_range_are_misuse)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool *db = api_open("a.db", "");
    CHECK_NULL(walpool_acquire(db, (walpool_kind)3, NULL, &err),
               WALPOOL_MISUSE);
    CHECK_NULL(walpool_acquire(db, (walpool_kind)-1, NULL, &err),
               WALPOOL_MISUSE);
    CHECK_STATUS(
        walpool_checkpoint(db, (walpool_checkpoint_mode)4, NULL, NULL, &err),
        WALPOOL_MISUSE);
    call.flags = 0x80;
    CHECK_STATUS(walpool_read(db, &select_1, &call, NULL, &err),
                 WALPOOL_MISUSE);
    call.flags = 0;
    call.timeout_ms = -2;
    CHECK_STATUS(walpool_read(db, &select_1, &call, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_STATUS(walpool_close(db, -2, &err), WALPOOL_MISUSE);
    api_close(db);
}

CHECK_MAIN()
