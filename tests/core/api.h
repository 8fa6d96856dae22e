/* What the tests of the public C interface share: short ways to call it that
 * check the status, and to read results. */
#ifndef API_H
#define API_H

#include <sys/wait.h>

#include "check.h"
#include "quiet.h"
#include "walpool.h"

static _Thread_local walpool_error err; /* of this thread's last call */

static inline void
api_status(const char *file, int line, const char *text, walpool_status got,
           walpool_status want)
{
    if (got == want)
        return;
    printf("# %s:%d: %s: got %s, want %s: %s\n", file, line, text,
           walpool_status_name(got), walpool_status_name(want), err.message);
    check_stop();
}

/* The call returns this status; its error goes to `err`. */
#define CHECK_STATUS(call, want) \
    api_status(__FILE__, __LINE__, #call, (call), (want))
#define CHECK_OK(call) CHECK_STATUS(call, WALPOOL_OK)

/* The call that returned NULL left this status in `err`. */
#define CHECK_NULL(call, want)                             \
    do {                                                   \
        err.status = -1;                                   \
        CHECK((call) == NULL);                             \
        CHECK_STR(walpool_status_name(err.status), #want); \
    } while (0)

static inline walpool *
api_open(const char *name, const char *options)
{
    walpool_options set = WALPOOL_OPTIONS_INIT;
    CHECK_OK(walpool_options_parse(&set, options, NULL, 0, &err));
    walpool *db = walpool_open(check_path(name), &set, &err);
    CHECK_STATUS(db != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return db;
}

static inline void
api_close(walpool *db)
{
    CHECK_OK(walpool_close(db, -1, &err));
}

static inline walpool_status
api_write(walpool *db, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    return walpool_write(db, &statement, NULL, NULL, &err);
}

static inline walpool_status
api_run(walpool_lease *lease, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    return walpool_run(lease, &statement, NULL, NULL, &err);
}

/* The first column of the first row; -1 when there is no row. */
static inline int64_t
api_number(walpool *db, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows rows;
    walpool_rows_init(&rows);
    call.flags = WALPOOL_CALL_FIRST;
    CHECK_OK(walpool_read(db, &statement, &call, &rows, &err));
    int64_t answer =
        walpool_rows_count(&rows) ? walpool_rows_int64(&rows, 0, 0) : -1;
    walpool_rows_finish(&rows);
    return answer;
}

static inline int64_t
api_lease_number(walpool_lease *lease, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows rows;
    walpool_rows_init(&rows);
    call.flags = WALPOOL_CALL_FIRST;
    CHECK_OK(walpool_run(lease, &statement, &call, &rows, &err));
    int64_t answer =
        walpool_rows_count(&rows) ? walpool_rows_int64(&rows, 0, 0) : -1;
    walpool_rows_finish(&rows);
    return answer;
}

static inline walpool_lease *
api_acquire(walpool *db, walpool_kind kind)
{
    walpool_lease *lease = walpool_acquire(db, kind, NULL, &err);
    CHECK_STATUS(lease != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return lease;
}

static inline walpool_health
api_health(walpool *db)
{
    walpool_health health;
    walpool_error error;
    CHECK_INT(walpool_health_get(db, &health, &error), WALPOOL_OK);
    return health;
}

static inline const walpool_rows_header *
api_header(const walpool_rows *rows)
{
    CHECK(rows->data != NULL);
    return (const walpool_rows_header *)(const void *)rows->data;
}

static inline walpool_cursor *
api_cursor(const walpool_rows *rows)
{
    return (walpool_cursor *)(uintptr_t)api_header(rows)->cursor;
}

/* Run a function in a child that is forked now, whatever other threads do; its
 * failed checks fail this case. */
static inline void
api_forked_at_once(void (*run)(void))
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        atomic_store(&check_failures, 0);
        check_thread = pthread_self();
        alarm(CHECK_SECONDS);
        if (setjmp(check_exit) == 0)
            run();
        fflush(stdout);
        _exit(atomic_load(&check_failures) != 0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
}

/* The same when they sleep. */
static inline void
api_forked(void (*run)(void))
{
    quiet_wait();
    api_forked_at_once(run);
}

/* Run a function in a thread of its own and wait for its end. */
static inline void
api_elsewhere(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run, argument), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

#endif
