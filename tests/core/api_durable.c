/* Durability of a call: what waits for the disk, what does not, and what both
 * say when the disk fails. Syncs of the -wal file are counted below the
 * library. */
#include "api.h"
#include "disk.h"

static walpool *db;

/* A database with a table, whose WAL has begun: that alone costs a sync. */
static bool
begin(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1, 'one')"));
    bool watched = disk_watch("a.db-wal");
    if (!watched)
        api_close(db);
    return watched;
}

static walpool_call
asking(uint32_t flags)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = flags;
    return call;
}

static walpool_status
write_as(uint32_t flags, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = asking(flags);
    return walpool_write(db, &statement, &call, NULL, &err);
}

static walpool_status
read_as(uint32_t flags, const char *sql)
{
    walpool_statement statement = {.sql = sql};
    walpool_call call = asking(flags);
    return walpool_read(db, &statement, &call, NULL, &err);
}

static walpool_lease *
acquire_as(uint32_t flags, walpool_kind kind)
{
    walpool_call call = asking(flags);
    return walpool_acquire(db, kind, &call, &err);
}

static void
insert_on(walpool_lease *lease)
{
    CHECK_OK(api_run(lease, "INSERT INTO t(v) VALUES('more')"));
}

static walpool_status
commit_as(walpool_lease *lease, uint32_t flags)
{
    walpool_call call = asking(flags);
    return walpool_commit(lease, &call, &err);
}

/* ------------------------------------------------------------------ writes */

static const char more[] = "INSERT INTO t(v) VALUES('more')";

TEST(durable__a_write_waits_for_the_disk_although_the_database_is_normal)
{
    if (!begin("durability=normal"))
        return;
    CHECK_OK(write_as(0, more));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(write_as(WALPOOL_CALL_DURABLE, more));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(write_as(WALPOOL_CALL_NORMAL, more));
    CHECK_INT(disk_count(), 0);
    api_close(db);
}

TEST(durable__a_write_does_not_wait_although_the_database_is_full)
{
    if (!begin("durability=full"))
        return;
    CHECK_OK(write_as(0, more));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(write_as(WALPOOL_CALL_NORMAL, more));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(write_as(WALPOOL_CALL_DURABLE, more));
    CHECK_INT(disk_count(), 1);
    api_close(db);
}

TEST(durable__a_batch_and_a_script_are_as_durable_as_they_ask)
{
    walpool_statement both[2] = {{.sql = more}, {.sql = more}};
    walpool_call call = asking(WALPOOL_CALL_DURABLE);
    if (!begin(""))
        return;
    CHECK_OK(walpool_batch(db, both, 2, NULL, NULL, NULL, &err));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(walpool_batch(db, both, 2, &call, NULL, NULL, &err));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(write_as(WALPOOL_CALL_SCRIPT, "DELETE FROM t; VALUES(1)"));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(write_as(WALPOOL_CALL_SCRIPT | WALPOOL_CALL_DURABLE,
                      "INSERT INTO t VALUES(1, 1); VALUES(1)"));
    CHECK_INT(disk_count(), 1);
    api_close(db);
}

TEST(durable__commits_of_a_lease_are_as_durable_as_it_was_acquired)
{
    if (!begin(""))
        return;
    walpool_lease *lease = acquire_as(WALPOOL_CALL_DURABLE, WALPOOL_WRITE);
    CHECK(lease != NULL);
    insert_on(lease);
    CHECK_OK(walpool_savepoint(lease, &err));
    insert_on(lease);
    CHECK_OK(commit_as(lease, 0));
    CHECK_INT(disk_count(), 0); /* a savepoint is no commit */
    CHECK_OK(commit_as(lease, 0));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    insert_on(lease);
    CHECK_OK(commit_as(lease, WALPOOL_CALL_NORMAL));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    insert_on(lease);
    CHECK_OK(commit_as(lease, 0));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(durable__begin_changes_what_a_lease_was_acquired_with)
{
    walpool_call normal = asking(WALPOOL_CALL_NORMAL);
    if (!begin("durability=full"))
        return;
    walpool_lease *lease = acquire_as(0, WALPOOL_WRITE);
    insert_on(lease);
    CHECK_OK(commit_as(lease, 0));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(walpool_begin(lease, &normal, &err));
    insert_on(lease);
    CHECK_OK(commit_as(lease, 0));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    insert_on(lease);
    CHECK_OK(commit_as(lease, WALPOOL_CALL_DURABLE));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

static walpool_completion
carried_out(const walpool_job *job)
{
    walpool_completion done;
    walpool_queue *queue = walpool_queue_open(&err);
    CHECK(queue != NULL);
    CHECK_OK(walpool_submit(queue, job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    walpool_queue_close(queue);
    return done;
}

TEST(durable__jobs_of_a_queue_are_as_durable_as_they_ask)
{
    walpool_statement statement = {.sql = more};
    walpool_call durable = asking(WALPOOL_CALL_DURABLE);
    walpool_job job = {.op = WALPOOL_OP_WRITE, .statements = &statement,
                       .call = &durable};
    if (!begin(""))
        return;
    job.target = db;
    CHECK_INT(carried_out(&job).error.status, WALPOOL_OK);
    CHECK_INT(disk_count(), 1);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    insert_on(lease);
    job.target = lease;
    job.op = WALPOOL_OP_COMMIT;
    CHECK_INT(carried_out(&job).error.status, WALPOOL_OK);
    CHECK_INT(disk_count(), 1);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

/* ------------------------------------------------------------------- reads */

static const char count[] = "SELECT count(*) FROM t";

TEST(durable__a_read_waits_for_what_it_saw_and_only_once)
{
    if (!begin(""))
        return;
    CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
    CHECK_INT(disk_count(), 1);
    for (int i = 0; i < 10; i++)
        CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(write_as(0, more));
    CHECK_OK(read_as(0, count));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(write_as(WALPOOL_CALL_DURABLE, more));
    CHECK_INT(disk_count(), 1);
    CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
    CHECK_INT(disk_count(), 0); /* the write has synced it */
    api_close(db);
}

TEST(durable__a_read_needs_no_sync_of_an_empty_wal)
{
    if (!begin(""))
        return;
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    disk_count();
    CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
    CHECK_INT(disk_count(), 0);
    api_close(db);
}

TEST(durable__a_snapshot_is_waited_for_when_it_is_taken)
{
    walpool_call durable = asking(WALPOOL_CALL_DURABLE);
    if (!begin(""))
        return;
    walpool_lease *lease = acquire_as(WALPOOL_CALL_DURABLE, WALPOOL_READ);
    CHECK(lease != NULL);
    CHECK_INT(disk_count(), 1);
    CHECK_OK(write_as(0, more));
    CHECK_INT(api_lease_number(lease, count), 1);
    CHECK_INT(disk_count(), 0);
    CHECK_OK(walpool_begin(lease, &durable, &err));
    CHECK_INT(disk_count(), 1);
    CHECK_INT(api_lease_number(lease, count), 2);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(durable__a_cursor_has_rows_of_a_durable_snapshot)
{
    walpool_statement statement = {.sql = "WITH RECURSIVE n(i) AS (VALUES(1) "
        "UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i, v FROM n, t"};
    walpool_call call = asking(WALPOOL_CALL_DURABLE);
    walpool_rows rows;
    walpool_rows_init(&rows);
    if (!begin(""))
        return;
    CHECK_OK(walpool_read(db, &statement, &call, &rows, &err));
    CHECK_INT(disk_count(), 1);
    CHECK(api_cursor(&rows) != NULL);
    CHECK_OK(walpool_cursor_next(api_cursor(&rows), NULL, &rows, &err));
    CHECK_INT(disk_count(), 0);
    CHECK_OK(walpool_cursor_close(api_cursor(&rows), &err));
    walpool_rows_finish(&rows);
    api_close(db);
}

/* ----------------------------------------------------------- other processes */

static int asks[2], answers[2];

/* Writes a row for each byte that comes in, and keeps the file open. */
static void
serve_writes(const char *path)
{
    char byte;
    walpool_statement create = {.sql = "CREATE TABLE IF NOT EXISTS "
                                       "t(n INTEGER PRIMARY KEY, v)"};
    walpool_statement insert = {.sql = more};
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.permissions = 0644;
    walpool *own = walpool_open(path, &options, NULL);
    close(asks[1]);
    bool good = own != NULL &&
                walpool_write(own, &create, NULL, NULL, NULL) == WALPOOL_OK;
    while (good && read(asks[0], &byte, 1) == 1) {
        good = walpool_write(own, &insert, NULL, NULL, NULL) == WALPOOL_OK;
        good = good && write(answers[1], &byte, 1) == 1;
    }
    _exit(good && walpool_close(own, -1, NULL) == WALPOOL_OK ? 0 : 1);
}

static pid_t
start_other_process(void)
{
    const char *path = check_path("a.db");
    CHECK_INT(pipe(asks), 0);
    CHECK_INT(pipe(answers), 0);
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        serve_writes(path);
    close(asks[0]);
    close(answers[1]);
    return child;
}

static void
have_it_write(void)
{
    char byte = '1';
    CHECK_INT(write(asks[1], &byte, 1), 1);
    CHECK_INT(read(answers[0], &byte, 1), 1);
}

static void
end_other_process(pid_t child)
{
    int status;
    close(asks[1]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    close(answers[0]);
}

static void
see_what_another_process_commits(const char *options)
{
    pid_t child = start_other_process();
    have_it_write();
    db = api_open("a.db", options);
    if (disk_watch("a.db-wal")) {
        CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
        CHECK_INT(disk_count(), 1);
        CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
        CHECK_INT(disk_count(), 0);
        have_it_write();
        CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
        CHECK_INT(disk_count(), 1);
        CHECK_INT(api_number(db, count), 2);
    }
    api_close(db);
    end_other_process(child);
}

TEST(durable__a_read_waits_for_commits_of_other_processes)
{
    see_what_another_process_commits("");
}

TEST(durable__a_read_of_a_read_only_database_is_durable_too)
{
    see_what_another_process_commits("mode=ro");
}

/* A sync needs no right to write. */
TEST(durable__a_read_of_a_user_who_may_not_write_is_durable_too)
{
    if (geteuid() != 0) {
        check_skip("only root can become another user");
        return;
    }
    CHECK_INT(chmod(check_folder(), 0755), 0);
    pid_t child = start_other_process();
    have_it_write();
    CHECK_INT(seteuid(65534), 0);
    db = api_open("a.db", "mode=ro");
    if (disk_watch("a.db-wal")) {
        CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
        CHECK_INT(disk_count(), 1);
        CHECK_OK(read_as(WALPOOL_CALL_DURABLE, count));
        CHECK_INT(disk_count(), 0);
    }
    api_close(db);
    CHECK_INT(seteuid(0), 0);
    end_other_process(child);
}

/* ------------------------------------------------------------------ misuse */

TEST(durable__both_flags_at_once_are_misuse_that_names_them)
{
    uint32_t both = WALPOOL_CALL_DURABLE | WALPOOL_CALL_NORMAL;
    db = api_open("a.db", "");
    CHECK_STATUS(write_as(both, "CREATE TABLE t(v)"), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "WALPOOL_CALL_DURABLE and WALPOOL_CALL_NORMAL");
    CHECK_STATUS(read_as(both, "VALUES(1)"), WALPOOL_MISUSE);
    CHECK_NULL(acquire_as(both, WALPOOL_WRITE), WALPOOL_MISUSE);
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_STATUS(commit_as(lease, both), WALPOOL_MISUSE);
    CHECK_OK(commit_as(lease, 0));
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(durable__a_flag_that_means_nothing_there_is_misuse)
{
    walpool_statement statement = {.sql = "VALUES(1)"};
    walpool_call durable = asking(WALPOOL_CALL_DURABLE);
    db = api_open("a.db", "");
    CHECK_STATUS(read_as(WALPOOL_CALL_NORMAL, "VALUES(1)"), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "a read does not take WALPOOL_CALL_NORMAL");
    CHECK_NULL(acquire_as(WALPOOL_CALL_NORMAL, WALPOOL_READ), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_checkpoint(db, WALPOOL_PASSIVE, &durable, NULL, &err),
                 WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "a checkpoint does not take WALPOOL_CALL_DURABLE");
    for (int kind = WALPOOL_READ; kind <= WALPOOL_WRITE; kind++) {
        walpool_lease *lease = api_acquire(db, (walpool_kind)kind);
        CHECK_STATUS(walpool_run(lease, &statement, &durable, NULL, &err),
                     WALPOOL_MISUSE);
        CHECK_CONTAINS(err.message, "on a lease does not take");
        CHECK_OK(walpool_run(lease, &statement, NULL, NULL, &err));
        CHECK_OK(walpool_release(lease, &err));
    }
    api_close(db);
}

TEST(durable__a_cursor_goes_on_after_a_flag_that_means_nothing)
{
    walpool_statement statement = {.sql = "WITH RECURSIVE n(i) AS (VALUES(1) "
        "UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n"};
    walpool_call durable = asking(WALPOOL_CALL_DURABLE);
    walpool_rows rows;
    walpool_rows_init(&rows);
    db = api_open("a.db", "");
    CHECK_OK(walpool_read(db, &statement, NULL, &rows, &err));
    walpool_cursor *cursor = api_cursor(&rows);
    CHECK_STATUS(walpool_cursor_next(cursor, &durable, &rows, &err),
                 WALPOOL_MISUSE);
    CHECK_OK(walpool_cursor_next(cursor, NULL, &rows, &err));
    CHECK_OK(walpool_cursor_close(cursor, &err));
    walpool_rows_finish(&rows);
    api_close(db);
}

CHECK_MAIN()
