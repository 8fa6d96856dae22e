/* Every function of the interface, called in a forked child: what has to do
 * with a database says FORKED, and the rest works. tests/checks/check_fork.py
 * sees that none is missing. */
#ifndef FORK_CALLS_H
#define FORK_CALLS_H

#include "api.h"

/* What the child inherits: one handle of each kind that there is. */
struct fork_inherited {
    const char *path; /* the parent has it open */
    walpool *db;
    walpool_lease *reader, *writer, *private;
    walpool_cursor *cursor;
    walpool_token *token;
    walpool_queue *queue;
    walpool_backup *backup;
    walpool_prepared *prepared;
};

static const walpool_statement fork_select = {.sql = "SELECT 1"};

/* A row of the table: the function, and the rest of the call. */
#define FORKED(function, ...) CHECK_STATUS(function __VA_ARGS__, WALPOOL_FORKED)
#define FORKED_NULL(function, ...) \
    CHECK_NULL(function __VA_ARGS__, WALPOOL_FORKED)
#define WORKS(function, ...) CHECK(function __VA_ARGS__)
#define RETURNS(function, ...) function __VA_ARGS__
#define GIVES(function, arguments, to) \
    CHECK(((to) = function arguments) != NULL)

static inline void
fork_call_database(const struct fork_inherited *its)
{
    walpool_health health;
    char byte;
    FORKED_NULL(walpool_open, (its->path, NULL, &err));
    CHECK_CONTAINS(err.message, "fork");
    FORKED(walpool_read, (its->db, &fork_select, NULL, NULL, &err));
    CHECK_CONTAINS(err.message, "fork");
    FORKED(walpool_write, (its->db, &fork_select, NULL, NULL, &err));
    FORKED(walpool_batch,
           (its->db, &fork_select, 1, NULL, NULL, NULL, &err));
    FORKED_NULL(walpool_acquire, (its->db, WALPOOL_READ, NULL, &err));
    FORKED_NULL(walpool_acquire, (its->db, WALPOOL_WRITE, NULL, &err));
    FORKED(walpool_checkpoint,
           (its->db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    FORKED(walpool_maintain,
           (its->db, WALPOOL_QUICK_CHECK, 0, NULL, NULL, &err));
    FORKED(walpool_health_get, (its->db, &health, &err));
    FORKED(walpool_health_json, (its->db, &byte, 1, NULL, &err));
    FORKED(walpool_leases_json, (its->db, &byte, 1, NULL, &err));
    FORKED(walpool_metrics, (its->db, &byte, 1, NULL, &err));
    FORKED(walpool_probe, (its->db, NULL, NULL, &err));
    FORKED_NULL(walpool_prepare, (its->db, "SELECT 1", 0, NULL, &err));
    FORKED(walpool_prepared_json, (its->prepared, &byte, 1, NULL, &err));
    RETURNS(walpool_prepared_close, (its->prepared));
    err.status = WALPOOL_OK;
    WORKS(walpool_leases, (its->db, NULL, 0, &err) == 0);
    CHECK_INT(err.status, WALPOOL_FORKED);
    FORKED_NULL(walpool_backup_start, (its->db, "b.db", 0, NULL, &err));
    FORKED(walpool_backup_step, (its->backup, 1, NULL, NULL, &err));
    FORKED(walpool_backup_finish, (its->backup, &err));
    FORKED(walpool_restore, (its->db, its->path, NULL, &err));
    FORKED(walpool_close, (its->db, 0, &err));
}

static inline void
fork_call_lease(const struct fork_inherited *its)
{
    char byte;
    walpool_lease *const leases[] = {its->reader, its->writer, its->private};
    for (int i = 0; i < 3; i++) {
        walpool_lease *lease = leases[i];
        FORKED_NULL(walpool_private_sqlite3, (lease, "", &err));
        FORKED(walpool_private_hooks, (lease, NULL, &err));
        WORKS(walpool_lease_depth, (lease) == 0);
        FORKED(walpool_run, (lease, &fork_select, NULL, NULL, &err));
        FORKED(walpool_begin, (lease, NULL, &err));
        FORKED(walpool_savepoint, (lease, &err));
        FORKED(walpool_commit, (lease, NULL, &err));
        FORKED(walpool_rollback, (lease, &err));
        FORKED(walpool_release, (lease, &err));
    }
    FORKED(walpool_cursor_next, (its->cursor, NULL, NULL, &err));
    FORKED(walpool_cursor_value, (its->cursor, 0, 0, &byte, 1, &err));
    FORKED(walpool_cursor_close, (its->cursor, &err));
}

/* The child's own queue carries the child's own jobs, and no others. */
static inline void
fork_call_queue(const struct fork_inherited *its)
{
    walpool_job job = {.op = WALPOOL_OP_READ, .target = its->db,
                       .statements = &fork_select, .statement_count = 1};
    walpool_completion done;
    walpool_queue *mine;
    err.status = WALPOOL_OK;
    WORKS(walpool_completions, (its->queue, &done, 1, 0, &err) == 0);
    CHECK_INT(err.status, WALPOOL_FORKED);
    FORKED(walpool_submit, (its->queue, &job, &err));
    WORKS(walpool_queue_fd, (its->queue) == -1);
    RETURNS(walpool_queue_close, (its->queue));
    GIVES(walpool_queue_open, (&err), mine);
#if !defined(__SANITIZE_THREAD__) /* it forbids threads in such a child */
    if (walpool_submit(mine, &job, &err) == WALPOOL_OK) {
        CHECK_INT(walpool_completions(mine, &done, 1, -1, &err), 1);
        err = done.error;
    }
    CHECK_INT(err.status, WALPOOL_FORKED);
#endif
    walpool_queue_close(mine);
}

static inline void
fork_call_token(const struct fork_inherited *its)
{
    walpool_token *mine;
    FORKED(walpool_cancel, (its->token, &err));
    RETURNS(walpool_token_close, (its->token));
    GIVES(walpool_token_open, (&err), mine);
    CHECK_OK(walpool_cancel(mine, &err));
    walpool_token_close(mine);
}

/* Plain data, in the child as anywhere. */
static inline void
fork_call_rows(void)
{
    uint64_t room[64];
    walpool_rows rows;
    RETURNS(walpool_rows_wrap, (&rows, room, sizeof room));
    RETURNS(walpool_rows_init, (&rows));
    WORKS(walpool_rows_begin, (&rows, 5, NULL, &err) == WALPOOL_OK);
    WORKS(walpool_rows_add_null, (&rows, &err) == WALPOOL_OK);
    WORKS(walpool_rows_add_int64, (&rows, 7, &err) == WALPOOL_OK);
    WORKS(walpool_rows_add_double, (&rows, 0.5, &err) == WALPOOL_OK);
    WORKS(walpool_rows_add_text, (&rows, "a", 1, &err) == WALPOOL_OK);
    WORKS(walpool_rows_add_blob, (&rows, "b", 1, &err) == WALPOOL_OK);
    WORKS(walpool_rows_count, (&rows) == 1);
    WORKS(walpool_rows_cell, (&rows, 0, 1)->v.integer == 7);
    WORKS(walpool_rows_int64, (&rows, 0, 1) == 7);
    WORKS(walpool_rows_double, (&rows, 0, 2) == 0.5);
    WORKS(walpool_rows_bytes, (&rows, 0, 3, NULL) != NULL);
    RETURNS(walpool_rows_finish, (&rows));
}

static inline void
fork_call_plain(void)
{
    walpool_options options;
    walpool_version_info version;
    walpool_call call;
    walpool_statement statement;
    char why[WALPOOL_WHY_BYTES];
    uint64_t block[16] = {0};
    RETURNS(walpool_version, (&version));
    WORKS(walpool_version_number, () == WALPOOL_VERSION_NUMBER);
    WORKS(walpool_status_name, (WALPOOL_FORKED)[0] == 'W');
    WORKS(walpool_sqlite_code_name, (5)[0] == 'S');
    RETURNS(walpool_options_init, (&options));
    WORKS(walpool_options_set, (&options, "readers", "3", &err) == WALPOOL_OK);
    WORKS(walpool_options_parse,
          (&options, "readers=2", NULL, 0, &err) == WALPOOL_OK);
    WORKS(walpool_request_decode, (block, sizeof block, &statement, &call, why,
                                   NULL, &err) == WALPOOL_MISUSE);
}

static inline void
fork_call_everything(const struct fork_inherited *its)
{
    fork_call_database(its);
    fork_call_lease(its);
    fork_call_queue(its);
    fork_call_token(its);
    fork_call_rows();
    fork_call_plain();
}

#endif
