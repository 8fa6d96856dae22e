/* registry: a fork while a file is being opened, is open, is being closed. */
#include <sys/wait.h>

#include "inside.h"
#include "registry.h"

static void *
close_elsewhere(void *db)
{
    CHECK_OK(walpool_close(db, 30000, &err));
    return NULL;
}

static void *
open_elsewhere(void *path)
{
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    api_close(db);
    return NULL;
}

/* In a child: does the status come, and at once? */
static int
forked(const char *path, walpool_status want)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool_error error = {0};
    int64_t began = check_now_ms();
    options.busy_timeout_ms = 10000;
    walpool *db = walpool_open(path, &options, &error);
    if (check_now_ms() - began > 5000)
        return 2;
    if (db != NULL)
        return want == WALPOOL_OK ? 0 : 3;
    return (walpool_status)error.status == want ? 0 : 4;
}

static void
check_child(const char *path, walpool_status want, const char *other)
{
    pid_t pid = fork();
    if (pid == 0) {
        int result = forked(path, want);
        _exit(result == 0 && other ? forked(other, WALPOOL_OK) : result);
    }
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 99, 0);
}

/* Before anything else: it is this process's first call of the library. */
TEST(fork__while_a_file_is_being_opened)
{
    pthread_t opener;
    char path[512], away[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(away, sizeof away, "%s", check_path("b.db"));
    sqlite3 *other = raw_open(path);
    raw_exec(other, "CREATE TABLE t(n); BEGIN EXCLUSIVE");
    CHECK_INT(pthread_create(&opener, NULL, open_elsewhere, path), 0);
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.busy_timeout_ms = 0;
    CHECK_EVENTUALLY(walpool_open(path, &options, &err) == NULL &&
                     strstr(err.message, "another thread opens") != NULL);
    check_child(path, WALPOOL_FORKED, away);
    raw_exec(other, "ROLLBACK");
    sqlite3_close(other);
    CHECK_INT(pthread_join(opener, NULL), 0);
}

TEST(fork__while_a_file_is_being_closed)
{
    pthread_t closer;
    char path[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    walpool_lease *lease = api_acquire(db, WALPOOL_READ);
    CHECK_INT(pthread_create(&closer, NULL, close_elsewhere, db), 0);
    walpool_statement statement = {.sql = "SELECT 1"};
    CHECK_EVENTUALLY(walpool_read(db, &statement, NULL, NULL, NULL) ==
                     WALPOOL_CLOSED);
    check_child(path, WALPOOL_FORKED, NULL);
    CHECK_OK(walpool_release(lease, &err));
    CHECK_INT(pthread_join(closer, NULL), 0);
}

TEST(fork__while_a_file_is_open_and_after_it_was_closed)
{
    char path[512], away[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(away, sizeof away, "%s", check_path("b.db"));
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE t(n)"));
    check_child(path, WALPOOL_FORKED, away);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
    api_close(db);
    check_child(path, WALPOOL_OK, NULL);
    db = walpool_open(path, NULL, &err);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    api_close(db);
}

static int
use_what_was_inherited(walpool *db, walpool_lease *lease, walpool_token *token)
{
    walpool_statement statement = {.sql = "SELECT 1"};
    walpool_error error;
    walpool_status got[] = {
        walpool_read(db, &statement, NULL, NULL, &error),
        walpool_write(db, &statement, NULL, NULL, &error),
        walpool_run(lease, &statement, NULL, NULL, &error),
        walpool_release(lease, &error),
        walpool_checkpoint(db, WALPOOL_PASSIVE, NULL, NULL, &error),
        walpool_cancel(token, &error),
        walpool_close(db, -1, &error),
        walpool_close(db, -1, &error),
    };
    for (size_t i = 0; i < ARRAY_COUNT(got); i++)
        if (got[i] != WALPOOL_FORKED)
            return 10 + (int)i;
    walpool_token_close(token);
    return 0;
}

TEST(fork__leaves_every_handle_unusable_in_the_child)
{
    walpool *db = api_open("a.db", "");
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    walpool_token *token = walpool_token_open(&err);
    CHECK_OK(api_run(lease, "CREATE TABLE t(n)"));
    pid_t pid = fork();
    if (pid == 0)
        _exit(use_what_was_inherited(db, lease, token));
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 99, 0);
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(walpool_cancel(token, &err));
    walpool_token_close(token);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 0);
    api_close(db);
}

/* A token that the child made may be used; one that it inherited may not. */
TEST(fork__refuses_an_inherited_token_in_a_call_of_the_child)
{
    char path[512];
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    walpool_token *token = walpool_token_open(&err);
    pid_t pid = fork();
    if (pid == 0) {
        walpool_statement statement = {.sql = "SELECT 1"};
        walpool_call call = WALPOOL_CALL_INIT;
        walpool *db = walpool_open(path, NULL, NULL);
        call.token = token;
        walpool_status old = walpool_read(db, &statement, &call, NULL, NULL);
        call.token = walpool_token_open(NULL);
        walpool_status own = walpool_read(db, &statement, &call, NULL, NULL);
        _exit(old == WALPOOL_FORKED && own == WALPOOL_OK &&
                      walpool_close(db, -1, NULL) == WALPOOL_OK
                  ? 0
                  : 1);
    }
    int status = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    walpool_token_close(token);
}

CHECK_MAIN()
