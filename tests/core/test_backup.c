/* Backups: a snapshot in one file, whatever is written meanwhile, and nothing
 * left behind by one that does not come to its end. */
#include <fcntl.h>

#include "backup_calls.h"

TEST(backup__is_one_file_that_opens_anywhere)
{
    walpool *db = open_with_rows("a.db", 300);
    const char *to = check_path("copy.db");
    CHECK_OK(api_write(db, "PRAGMA user_version=42"));
    back_up(db, to, 0, 10);
    CHECK_INT(files(), 5); /* with the database, -wal, -shm, -turn */
    CHECK_INT(rows_in(to), 300);
    CHECK_INT(ask(to, SQLITE_OPEN_READONLY, "PRAGMA user_version"), 42);
    CHECK_INT(ask(to, SQLITE_OPEN_READONLY, "SELECT journal_mode = 'delete' "
                                            "FROM pragma_journal_mode"), 1);
    CHECK_INT(files(), 5); /* SQLite has made none beside it */
    CHECK_INT(api_health(db).private_open, 0);
    CHECK_INT(api_health(db).backups, 1);
    CHECK_INT(api_health(db).backup_running, 0);
    api_close(db);
    db = api_open("copy.db", "");
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 300);
    CHECK_OK(api_write(db, "DELETE FROM t"));
    api_close(db);
}

TEST(backup__steps_tell_how_far_they_are)
{
    walpool *db = open_with_rows("a.db", 300);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    walpool_backup_progress first = step(backup, 7);
    CHECK_INT(first.phase, WALPOOL_BACKUP_COPY);
    CHECK_INT(first.page_size, 4096);
    CHECK_INT(first.copied, 7);
    CHECK(first.pages > 70);
    walpool_backup_progress all = step(backup, -1);
    CHECK_INT(all.phase, WALPOOL_BACKUP_CHECK);
    CHECK_INT(all.copied, first.pages);
    CHECK_INT(all.pages, first.pages);
    CHECK_INT(step(backup, 1).phase, WALPOOL_BACKUP_PLACE);
    CHECK(!exists(check_path("copy.db")));
    CHECK_INT(step(backup, 1).phase, WALPOOL_BACKUP_DONE);
    CHECK(exists(check_path("copy.db")));
    CHECK_INT(step(backup, 1).phase, WALPOOL_BACKUP_DONE); /* nothing to do */
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK_INT(rows_in(check_path("copy.db")), 300);
    api_close(db);
}

/* SQLite's own backup would begin anew at each commit. */
TEST(backup__is_of_one_snapshot_however_much_is_written)
{
    walpool *db = open_with_rows("a.db", 300);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    walpool_backup_progress progress = {.phase = WALPOOL_BACKUP_COPY};
    int64_t before = -1;
    while (progress.phase == WALPOOL_BACKUP_COPY) {
        CHECK_OK(api_write(db, "INSERT INTO t(v) VALUES (zeroblob(1000))"));
        CHECK_OK(api_write(db, "UPDATE t SET v = 7 WHERE id % 10 = 0"));
        progress = step(backup, 5);
        CHECK(progress.copied > before);
        before = progress.copied;
    }
    while (step(backup, 5).phase != WALPOOL_BACKUP_DONE)
        continue;
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK_INT(rows_in(check_path("copy.db")), 300);
    CHECK_INT(ask(check_path("copy.db"), SQLITE_OPEN_READONLY,
                  "SELECT count(*) FROM t WHERE v = 7"), 0);
    api_close(db);
}

TEST(backup__is_listed_for_as_long_as_it_has_its_snapshot)
{
    walpool *db = open_with_rows("a.db", 100);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    walpool_lease_info info;
    CHECK_INT(walpool_leases(db, &info, 1, &err), 1);
    CHECK_STR(info.why, "backup");
    CHECK_INT(info.holder, WALPOOL_HOLDER_BACKUP);
    CHECK(info.frames > 0);
    CHECK_STR(api_health(db).oldest_why, "backup");
    CHECK_INT(api_health(db).backup_running, 1);
    step(backup, -1);
    CHECK_INT(walpool_leases(db, &info, 1, &err), 0);
    CHECK_OK(walpool_backup_finish(backup, &err));
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = "nightly";
    backup = walpool_backup_start(db, check_path("copy.db"), 0, &call, &err);
    CHECK(backup != NULL);
    CHECK_INT(walpool_leases(db, &info, 1, &err), 1);
    CHECK_STR(info.why, "nightly");
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK_INT(walpool_leases(db, &info, 1, &err), 0);
    api_close(db);
}

/* A lease that is out beside it is what health warns of. */
TEST(backup__is_no_lease_that_was_forgotten)
{
    walpool *db = api_open("a.db", "lease_warn=1");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    CHECK_EVENTUALLY(api_health(db).oldest_lease_us > 2000);
    CHECK_INT(api_health(db).leases_long, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = "report";
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, &call, &err);
    CHECK_EVENTUALLY(api_health(db).leases_long == 1);
    CHECK_CONTAINS(api_health(db).reason, "by report");
    CHECK_STR(api_health(db).oldest_why, "backup");
    CHECK_OK(walpool_release(lease, &err));
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK_INT(api_health(db).leases_overdue, 1);
    api_close(db);
}

TEST(backup__lets_the_wal_be_reset_when_all_is_copied)
{
    walpool *db = open_with_rows("a.db", 100);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_checkpoint_result result;
    call.timeout_ms = 0;
    CHECK_OK(api_write(db, "DELETE FROM t"));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, &call, &result, &err));
    CHECK_INT(result.busy, 1);
    step(backup, -1);
    call.timeout_ms = -1;
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, &call, &result, &err));
    CHECK_INT(result.busy, 0);
    CHECK_OK(walpool_backup_finish(backup, &err));
    api_close(db);
}

TEST(backup__that_is_finished_early_leaves_nothing)
{
    walpool *db = open_with_rows("a.db", 300);
    int before = files();
    for (int32_t steps = 0; steps < 4; steps++) {
        walpool_backup *backup = start(db, check_path("copy.db"), 0);
        for (int32_t i = 0; i < steps; i++)
            step(backup, i == 0 ? 10 : -1);
        CHECK_OK(walpool_backup_finish(backup, &err));
        CHECK_INT(files(), before);
        CHECK_STATUS(walpool_backup_step(backup, 1, NULL, NULL, &err),
                     WALPOOL_CLOSED);
        CHECK_STATUS(walpool_backup_finish(backup, &err), WALPOOL_CLOSED);
    }
    CHECK_INT(api_health(db).private_open, 0);
    CHECK_INT(api_health(db).backups, 0);
    api_close(db);
}

TEST(backup__goes_on_after_a_cancel_and_a_deadline)
{
    walpool *db = open_with_rows("a.db", 300);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    walpool_call call = WALPOOL_CALL_INIT;
    call.token = walpool_token_open(&err);
    CHECK_OK(walpool_cancel(call.token, &err));
    CHECK_STATUS(walpool_backup_step(backup, -1, &call, NULL, &err),
                 WALPOOL_CANCELLED);
    walpool_token_close(call.token);
    call.token = NULL;
    call.timeout_ms = 1;
    call.spent_ms = 1000;
    for (int phase = WALPOOL_BACKUP_COPY; phase < WALPOOL_BACKUP_PLACE;
         phase++) {
        CHECK_STATUS(walpool_backup_step(backup, -1, &call, NULL, &err),
                     WALPOOL_TIMEOUT);
        CHECK_INT(err.phase, WALPOOL_PHASE_EXECUTE);
        CHECK_INT(step(backup, -1).phase, phase + 1);
    }
    CHECK_INT(step(backup, -1).phase, WALPOOL_BACKUP_DONE);
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK_INT(rows_in(check_path("copy.db")), 300);
    api_close(db);
}

/* --------------------------------------------------------------- lifetimes */

TEST(backup__keeps_the_database_from_closing)
{
    walpool *db = open_with_rows("a.db", 10);
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    CHECK_STATUS(walpool_close(db, 0, &err), WALPOOL_TIMEOUT);
    CHECK_CONTAINS(err.message, "backup");
    CHECK_OK(walpool_backup_finish(backup, &err));
    api_close(db);
    CHECK_NULL(walpool_backup_start(db, check_path("copy.db"), 0, NULL, &err),
               WALPOOL_CLOSED);
}

TEST(backup__of_a_read_only_database)
{
    walpool *db = open_with_rows("a.db", 10);
    api_close(db);
    db = api_open("a.db", "mode=ro");
    back_up(db, check_path("copy.db"), WALPOOL_BACKUP_FULL_CHECK, 1);
    CHECK_INT(rows_in(check_path("copy.db")), 10);
    api_close(db);
}

TEST(backup__of_an_empty_database)
{
    walpool *db = api_open("a.db", "");
    back_up(db, check_path("copy.db"), WALPOOL_BACKUP_NO_CHECK, 1);
    CHECK_INT(ask(check_path("copy.db"), SQLITE_OPEN_READONLY,
                  "SELECT count(*) FROM sqlite_schema"), 0);
    api_close(db);
}

static void
damage(const char *path, long page)
{
    unsigned char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_INT(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
    close(fd);
}

TEST(backup__of_a_damaged_database_is_not_kept)
{
    walpool *db = open_with_rows("a.db", 300);
    api_close(db);
    damage(check_path("a.db"), 20);
    db = api_open("a.db", "");
    walpool_backup *backup = start(db, check_path("copy.db"), 0);
    CHECK_INT(step(backup, -1).phase, WALPOOL_BACKUP_CHECK);
    CHECK_STATUS(walpool_backup_step(backup, -1, NULL, NULL, &err),
                 WALPOOL_CORRUPT);
    CHECK_CONTAINS(err.message, "damaged");
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK(!exists(check_path("copy.db")));
    CHECK(!exists(check_path("copy.db.walpool-partial")));
    back_up(db, check_path("copy.db"), WALPOOL_BACKUP_NO_CHECK, -1);
    CHECK(exists(check_path("copy.db"))); /* to save what is left */
    walpool_close(db, -1, NULL);
}

static walpool_backup *inherited;

static void
in_the_child(void)
{
    CHECK_STATUS(walpool_backup_step(inherited, 1, NULL, NULL, &err),
                 WALPOOL_FORKED);
    CHECK_STATUS(walpool_backup_finish(inherited, &err), WALPOOL_FORKED);
}

TEST(backup__of_the_parent_is_left_alone_by_a_child)
{
    walpool *db = open_with_rows("a.db", 10);
    inherited = start(db, check_path("copy.db"), 0);
    api_forked(in_the_child);
    while (step(inherited, 1).phase != WALPOOL_BACKUP_DONE)
        continue;
    CHECK_OK(walpool_backup_finish(inherited, &err));
    CHECK_INT(rows_in(check_path("copy.db")), 10);
    api_close(db);
}

/* ------------------------------------------------------------- by the queue */

static walpool_completion
carry_out(walpool_queue *queue, const walpool_job *job)
{
    walpool_completion done;
    CHECK_OK(walpool_submit(queue, job, &err));
    CHECK_INT(walpool_completions(queue, &done, 1, -1, &err), 1);
    err = done.error;
    return done;
}

TEST(backup__is_carried_out_by_a_queue)
{
    walpool *db = open_with_rows("a.db", 300);
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_completion done = carry_out(
        queue, &(walpool_job){.op = WALPOOL_OP_BACKUP_START, .target = db,
                              .name = check_path("copy.db")});
    CHECK_OK((walpool_status)done.error.status);
    walpool_job job = {.op = WALPOOL_OP_BACKUP_STEP, .target = done.result,
                       .mode = 20};
    for (int64_t before = 0; done.backup.phase != WALPOOL_BACKUP_DONE;
         before = done.backup.copied) {
        done = carry_out(queue, &job);
        CHECK_OK((walpool_status)done.error.status);
        CHECK(done.backup.copied >= before && done.backup.pages > 70);
    }
    job.op = WALPOOL_OP_BACKUP_FINISH;
    CHECK_OK((walpool_status)carry_out(queue, &job).error.status);
    CHECK_INT(rows_in(check_path("copy.db")), 300);
    job = (walpool_job){.op = WALPOOL_OP_RESTORE, .target = db,
                        .name = check_path("copy.db")};
    CHECK_OK(api_write(db, "DELETE FROM t"));
    CHECK_OK((walpool_status)carry_out(queue, &job).error.status);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 300);
    walpool_queue_close(queue);
    api_close(db);
}

TEST(backup__that_nobody_took_from_its_queue_is_finished)
{
    walpool *db = open_with_rows("a.db", 10);
    walpool_queue *queue = walpool_queue_open(&err);
    walpool_job job = {.op = WALPOOL_OP_BACKUP_START, .target = db,
                       .name = check_path("copy.db")};
    CHECK_OK(walpool_submit(queue, &job, &err));
    CHECK_EVENTUALLY(walpool_leases(db, NULL, 0, &err) == 1);
    walpool_queue_close(queue);
    CHECK(!exists(check_path("copy.db.walpool-partial")));
    api_close(db);
}

CHECK_MAIN()
