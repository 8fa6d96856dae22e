/* After fork(): the child is told so by every call, touches nothing that it
 * inherited, and the parent goes on as if nothing had happened. */
#include <fcntl.h>

#include "../system/child.h"
#include "fork_calls.h"

static walpool *db;
static walpool_lease *reader, *writer, *private;
static walpool_rows rows;
static walpool_cursor *cursor;
static walpool_token *token;
static walpool_queue *queue;
static walpool_backup *backup;
static walpool_prepared *prepared;

static const walpool_statement many = {
    .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
           "LIMIT 300000) SELECT i FROM n"};

/* A job of the queue in the parent, so that its threads run. */
static void
submit_and_wait(void)
{
    walpool_job job = {.op = WALPOOL_OP_READ, .target = db,
                       .statements = &fork_select, .statement_count = 1};
    walpool_completion done;
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    CHECK_INT(done.error.status, WALPOOL_OK);
}

static void
set_up(void)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    reader = api_acquire(db, WALPOOL_READ);
    walpool_rows_init(&rows);
    CHECK_OK(walpool_read(db, &many, NULL, &rows, &err));
    cursor = api_cursor(&rows);
    writer = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(api_run(writer, "INSERT INTO t VALUES (2)"));
    private = api_acquire(db, WALPOOL_PRIVATE);
    CHECK_INT(api_lease_number(private, "SELECT count(*) FROM t"), 1);
    token = walpool_token_open(&err);
    CHECK(token != NULL);
    queue = walpool_queue_open(&err);
    CHECK(queue != NULL);
    submit_and_wait();
    prepared = walpool_prepare(db, "SELECT 1", 0, NULL, &err);
    CHECK(prepared != NULL);
    backup = walpool_backup_start(db, check_path("b.db"), 0, NULL, &err);
    CHECK(backup != NULL);
}

/* The parent finds everything as it was. */
static void
tear_down(void)
{
    CHECK_OK(api_run(writer, "INSERT INTO t VALUES (3)"));
    CHECK_OK(walpool_commit(writer, NULL, &err));
    CHECK_OK(walpool_release(writer, &err));
    CHECK_INT(api_lease_number(private, "SELECT count(*) FROM t"), 3);
    CHECK_OK(walpool_release(private, &err));
    CHECK_INT(api_lease_number(reader, "SELECT count(*) FROM t"), 1);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_OK(walpool_cursor_close(cursor, &err));
    walpool_rows_finish(&rows);
    submit_and_wait();
    CHECK_OK(walpool_backup_step(backup, -1, NULL, NULL, &err));
    CHECK_OK(walpool_backup_finish(backup, &err));
    walpool_queue_close(queue);
    CHECK_OK(walpool_read(db, &(walpool_statement){.prepared = prepared}, NULL,
                          NULL, &err));
    walpool_prepared_close(prepared);
    CHECK_OK(walpool_cancel(token, &err));
    walpool_token_close(token);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (4)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 4);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
    CHECK(access(check_path("a.db-wal"), F_OK) != 0);
}

/* The descriptors that this process has, as one text. */
static void
list_descriptors(char text[4096])
{
    size_t length = 0;
    text[0] = 0;
    for (int fd = 0; fd < 500 && length + 8 < 4096; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            length += (size_t)snprintf(text + length, 4096 - length, "%d ", fd);
}

static void
call_everything(void)
{
    static char before[4096], after[4096];
    char path[512];
    struct fork_inherited its = {path, db, reader, writer, private, cursor,
                                 token, queue, backup, prepared};
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    list_descriptors(before);
    fork_call_everything(&its);
    list_descriptors(after);
    CHECK_STR(after, before);
}

TEST(fork__the_child_gets_forked_from_every_call)
{
    set_up();
    api_forked(call_everything);
    tear_down();
}

static void
fork_again(void)
{
    api_forked(call_everything);
}

TEST(fork__the_child_of_the_child_gets_forked_too)
{
    set_up();
    api_forked(fork_again);
    tear_down();
}

static void
use_an_inherited_token(void)
{
    walpool *other = api_open("b.db", "");
    walpool_call call = WALPOOL_CALL_INIT;
    call.token = token;
    CHECK_STATUS(walpool_read(other, &fork_select, &call, NULL, &err),
                 WALPOOL_FORKED);
    api_close(other);
}

TEST(fork__the_child_may_not_use_a_token_of_the_parent)
{
    set_up();
    api_forked(use_an_inherited_token);
    tear_down();
}

static void
open_another(void)
{
    walpool *other = api_open("b.db", "");
    CHECK_OK(api_write(other, "CREATE TABLE IF NOT EXISTS t(v UNIQUE)"));
    CHECK_OK(api_write(other, "INSERT OR IGNORE INTO t VALUES (7)"));
    CHECK_INT(api_number(other, "SELECT v FROM t"), 7);
    api_close(other);
    CHECK(access(check_path("b.db-wal"), F_OK) != 0);
}

TEST(fork__the_child_may_open_another_file)
{
    set_up();
    api_forked(open_another);
    tear_down();
}

static void
open_what_was_closed(void)
{
    walpool *mine = api_open("a.db", "");
    CHECK_INT(api_number(mine, "SELECT count(*) FROM t"), 1);
    CHECK_OK(api_write(mine, "INSERT INTO t VALUES (2)"));
    api_close(mine);
}

TEST(fork__the_child_may_open_what_the_parent_had_closed)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    api_close(db);
    api_forked(open_what_was_closed);
    db = api_open("a.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    api_close(db);
}

/* ------------------------------------------------------- in the middle of it
 */

static atomic_int working;

static void *
work(void *argument)
{
    walpool_statement insert = {.sql = "INSERT INTO t VALUES (5)"};
    (void)argument;
    while (atomic_load(&working)) {
        CHECK_INT(walpool_write(db, &insert, NULL, NULL, &err), WALPOOL_OK);
        CHECK_INT(walpool_read(db, &fork_select, NULL, NULL, &err), WALPOOL_OK);
    }
    return NULL;
}

static void
call_some(void)
{
    FORKED(walpool_read, (db, &fork_select, NULL, NULL, &err));
    FORKED(walpool_write, (db, &fork_select, NULL, NULL, &err));
    FORKED(walpool_close, (db, 0, &err));
    open_another();
}

TEST(fork__at_any_moment_of_busy_threads_hangs_nobody)
{
    pthread_t threads[3];
    db = api_open("a.db", "busy_timeout=30000");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    atomic_store(&working, 1);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int round = 0; round < 30; round++) {
        int64_t writes = api_health(db).writes;
        CHECK_EVENTUALLY(api_health(db).writes > writes);
        api_forked_at_once(call_some);
    }
    atomic_store(&working, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"),
              api_health(db).writes - 1);
    api_close(db);
}

/* ----------------------------------------------------- the parent's locks */

static int64_t
holder_of(const char *name, off_t start, off_t bytes)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(check_path(name), O_RDWR);
    lock.l_start = start;
    lock.l_len = bytes;
    CHECK(fd >= 0);
    CHECK_INT(fcntl(fd, F_GETLK, &lock), 0);
    close(fd);
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* A process that has nothing to do with the database tells, as often as it is
 * asked, who has the write lock, the two shared ones, and the turn. */
static void
watch(int number)
{
    (void)number;
    for (;;) {
        child_wait();
        child_tell(holder_of("a.db-shm", 120, 1));
        child_tell(holder_of("a.db-shm", 128, 1));
        child_tell(holder_of("a.db", 0x40000002, 510));
        child_tell(holder_of("a.db-turn", 0, 1));
    }
}

static void
check_locks(const struct child *watcher)
{
    child_go_on(watcher);
    for (int lock = 0; lock < 3; lock++)
        CHECK_INT(child_hear(watcher), getpid());
    CHECK_INT(child_hear(watcher), -1); /* taken, and by no one process */
}

static void
end_by_return(void)
{
}

static void
end_by_exit(void)
{
    exit(atomic_load(&check_failures) != 0);
}

static void
end_by_exec(void)
{
    execl("/bin/sh", "sh", "-c",
          "for f in /proc/self/fd/*; do case $(readlink $f) in *a.db*) exit 1;;"
          " esac; done", (char *)NULL);
    CHECK(!"the shell runs");
}

static void
end_after_all_calls(void)
{
    call_everything();
    exit(atomic_load(&check_failures) != 0);
}

TEST(fork__however_the_child_ends_the_parent_keeps_its_locks)
{
    static void (*const ends[])(void) = {end_by_return, end_by_exit,
                                         end_by_exec, end_after_all_calls};
    struct child watcher = child_start(watch, 0);
    set_up();
    check_locks(&watcher);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        api_forked(ends[i]);
        check_locks(&watcher);
    }
    CHECK_INT(api_health(db).lost_locks, 0);
    CHECK_INT(api_health(db).lock_checks, 1);
    tear_down();
    child_kill(&watcher);
}

static void
stay(int number)
{
    (void)number;
    signal(SIGALRM, SIG_DFL); /* the end of it, if the case fails */
    child_tell(1);
    pause();
}

/* A lock of the turn belongs to the open file, which the child shares. */
static void
open_fork_and_die(int number)
{
    (void)number;
    set_up();
    struct child survivor = child_start(stay, 0);
    CHECK_INT(child_hear(&survivor), 1);
    child_tell(survivor.pid);
    child_wait();
}

TEST(fork__a_child_that_outlives_the_parent_keeps_no_lock_of_it)
{
    struct child parent = child_start(open_fork_and_die, 0);
    int64_t survivor = child_hear(&parent);
    CHECK(survivor > 0);
    CHECK_INT(holder_of("a.db-turn", 0, 1), -1);
    child_kill(&parent);
    CHECK_INT(holder_of("a.db-turn", 0, 1), 0);
    CHECK_INT(holder_of("a.db-shm", 120, 1), 0);
    db = api_open("a.db", "busy_timeout=0");
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (9)"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 2);
    api_close(db);
    kill((pid_t)survivor, SIGKILL);
}

CHECK_MAIN()
