/* checkpoint: one step, under the write lock, that waits for nobody. */
#include "checkpoint.h"

#include <sys/stat.h>

#include "inside.h"

static struct inside writer, worker;
static walpool_checkpoint_result out;

static void
begin(void)
{
    inside_open(&writer, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(sqlite3_exec(writer.conn->db, "CREATE TABLE t(n)", NULL, NULL,
                           NULL), SQLITE_OK);
    inside_open(&worker, "a.db", WALPOOL__CONN_CHECKPOINTER);
    worker.conn->call = NULL;
    memset(&out, 0x5A, sizeof out);
}

static void
end(void)
{
    CHECK(!walpool__conn_in_transaction(writer.conn));
    inside_close(&worker);
    inside_close(&writer);
}

static void
insert(int count)
{
    for (int i = 0; i < count; i++)
        CHECK_INT(sqlite3_exec(writer.conn->db, "INSERT INTO t VALUES(1)",
                               NULL, NULL, NULL), SQLITE_OK);
}

static int64_t
wal_bytes(void)
{
    struct stat facts;
    char path[600];
    snprintf(path, sizeof path, "%s-wal", writer.path);
    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : -1;
}

static int
copy(bool *locked)
{
    int rc = walpool__checkpoint_lock(writer.conn);
    *locked = rc == SQLITE_OK;
    if (!*locked)
        return rc;
    rc = walpool__checkpoint_copy_beside(worker.conn, &out);
    walpool__checkpoint_unlock(writer.conn);
    return rc;
}

/* A reader of another connection, on the snapshot of now. */
static sqlite3 *
pin(void)
{
    sqlite3 *reader = raw_open(writer.path);
    raw_exec(reader, "BEGIN; SELECT count(*) FROM t");
    return reader;
}

TEST(checkpoint__copies_all_frames)
{
    bool locked;
    begin();
    insert(10);
    CHECK_INT(copy(&locked), SQLITE_OK);
    CHECK(locked);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(out.busy, 0);
    CHECK(out.log_frames >= 10);
    CHECK_INT(out.checkpointed_frames, out.log_frames);
    int64_t before = wal_bytes();
    insert(1);
    CHECK_INT(wal_bytes(), before);
    end();
}

TEST(checkpoint__tells_what_a_reader_keeps_back)
{
    bool locked;
    begin();
    insert(5);
    sqlite3 *reader = pin();
    insert(5);
    CHECK_INT(copy(&locked), SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    CHECK_INT(out.busy, 1);
    CHECK_INT(out.log_frames - out.checkpointed_frames, 5);
    sqlite3_close(reader);
    CHECK_INT(copy(&locked), SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    end();
}

TEST(checkpoint__copies_behind_an_anchor_what_was_there_when_it_was_cast)
{
    struct inside anchor;
    struct walpool__walindex walindex;
    bool copied;
    begin();
    inside_open(&anchor, "a.db", WALPOOL__CONN_CHECKPOINTER);
    walpool__walindex_init(&walindex);
    walpool__walindex_attach(&walindex, writer.conn);
    insert(10);
    for (int again = 0; again < 2; again++) { /* then all is copied */
        CHECK_INT(walpool__checkpoint_copy_anchored(worker.conn, anchor.conn,
                                                    &walindex, &copied, &out),
                  SQLITE_OK);
        CHECK_INT(copied, !again);
        CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
        CHECK(out.checkpointed_frames >= 10);
        CHECK(!walpool__conn_in_transaction(anchor.conn));
    }
    walpool__walindex_detach(&walindex);
    CHECK_INT(walpool__checkpoint_copy_anchored(worker.conn, anchor.conn,
                                                &walindex, &copied, &out),
              SQLITE_OK);
    CHECK(!copied); /* what cannot be seen is not relied on */
    walpool__walindex_finish(&walindex);
    inside_close(&anchor);
    end();
}

TEST(checkpoint__copies_nothing_while_another_writes)
{
    bool locked = true;
    begin();
    insert(5);
    sqlite3 *other = raw_open(writer.path);
    raw_exec(other, "BEGIN IMMEDIATE");
    walpool__call_begin_own(&writer.call, 3);
    CHECK_INT(copy(&locked) & 0xff, SQLITE_BUSY);
    CHECK(!locked);
    CHECK_INT(writer.call.stopped, WALPOOL_TIMEOUT);
    int log = 0, copied = -1;
    raw_exec(other, "ROLLBACK");
    sqlite3_wal_checkpoint_v2(other, "main", SQLITE_CHECKPOINT_PASSIVE, &log,
                              &copied);
    CHECK(log > 0);
    sqlite3_close(other);
    end();
}

/* sqlite.org/wal.html, section 11: no writer may begin the WAL anew meanwhile. */
static int other_rc;

static int
try_to_write(unsigned type, void *path, void *native, void *text)
{
    (void)type, (void)native;
    if (strcmp(text, "ROLLBACK") != 0)
        return 0;
    sqlite3 *other = raw_open(path);
    other_rc = sqlite3_exec(other, "INSERT INTO t VALUES(2)", NULL, NULL, NULL);
    sqlite3_close(other);
    return 0;
}

TEST(checkpoint__keeps_writers_out_until_it_has_copied)
{
    bool locked;
    begin();
    insert(5);
    other_rc = -1;
    sqlite3_trace_v2(writer.conn->db, SQLITE_TRACE_STMT, try_to_write,
                     writer.path);
    CHECK_INT(copy(&locked), SQLITE_OK);
    sqlite3_trace_v2(writer.conn->db, 0, NULL, NULL);
    CHECK_INT(other_rc, SQLITE_BUSY);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    end();
}

/* Another program's checkpoint is under way: there is something to come back
 * for, but nothing has failed. */
TEST(checkpoint__is_partial_while_another_program_checkpoints)
{
    bool locked;
    begin();
    insert(5);
    sqlite3 *other = raw_open(writer.path);
    sqlite3_file *file = NULL;
    CHECK_INT(raw_number(other, "SELECT count(*) FROM t"), 5);
    CHECK_INT(sqlite3_file_control(other, "main", SQLITE_FCNTL_FILE_POINTER,
                                   &file), SQLITE_OK);
    int exclusive = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
    CHECK_INT(file->pMethods->xShmLock(file, 1, 1, exclusive), SQLITE_OK);
    CHECK_INT(copy(&locked), SQLITE_OK);
    CHECK(locked);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_PARTIAL);
    CHECK_INT(out.busy, 1);
    file->pMethods->xShmLock(file, 1, 1,
                             SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    sqlite3_close(other);
    end();
}

TEST(checkpoint__of_an_empty_WAL_is_complete)
{
    bool locked;
    begin();
    CHECK_INT(walpool__checkpoint_reset(worker.conn, WALPOOL_TRUNCATE, &out),
              SQLITE_OK);
    CHECK_INT(copy(&locked), SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(out.log_frames, 0);
    CHECK_INT(out.checkpointed_frames, 0);
    end();
}

TEST(checkpoint__truncates_the_WAL)
{
    begin();
    insert(5);
    CHECK_INT(walpool__checkpoint_reset(worker.conn, WALPOOL_TRUNCATE, &out),
              SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(out.log_frames, 0);
    CHECK_INT(wal_bytes(), 0);
    end();
}

TEST(checkpoint__restarts_the_WAL)
{
    begin();
    insert(5);
    int64_t before = wal_bytes();
    CHECK_INT(walpool__checkpoint_reset(worker.conn, WALPOOL_RESTART, &out),
              SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    CHECK_INT(wal_bytes(), before);
    insert(1);
    CHECK_INT(wal_bytes(), before);
    end();
}

static void
check_not_reset(walpool_checkpoint_mode mode)
{
    int64_t bytes = wal_bytes(), began = check_now_ms();
    memset(&out, 0, sizeof out);
    CHECK_INT(walpool__checkpoint_reset(worker.conn, mode, &out), SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_NOT_RESET);
    CHECK_INT(out.busy, 1);
    CHECK_INT(wal_bytes(), bytes);
    CHECK(check_now_ms() - began < 1000);
    CHECK(!worker.conn->impatient);
}

TEST(checkpoint__does_not_reset_under_a_reader)
{
    begin();
    insert(5);
    sqlite3 *reader = pin();
    insert(5);
    check_not_reset(WALPOOL_TRUNCATE);
    check_not_reset(WALPOOL_RESTART);
    CHECK_INT(raw_number(reader, "SELECT count(*) FROM t"), 5);
    sqlite3_close(reader);
    CHECK_INT(walpool__checkpoint_reset(worker.conn, WALPOOL_TRUNCATE, &out),
              SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    end();
}

/* Even a reader of the newest commit keeps the WAL from being reset. */
TEST(checkpoint__does_not_reset_under_a_reader_of_everything)
{
    bool locked;
    begin();
    insert(5);
    sqlite3 *reader = pin();
    CHECK_INT(copy(&locked), SQLITE_OK);
    CHECK_INT(out.outcome, WALPOOL_CHECKPOINT_COMPLETE);
    check_not_reset(WALPOOL_TRUNCATE);
    sqlite3_close(reader);
    end();
}

TEST(checkpoint__does_not_reset_while_another_writes)
{
    begin();
    insert(5);
    sqlite3 *other = raw_open(writer.path);
    raw_exec(other, "BEGIN IMMEDIATE");
    check_not_reset(WALPOOL_TRUNCATE);
    check_not_reset(WALPOOL_RESTART);
    raw_exec(other, "INSERT INTO t VALUES(7); COMMIT");
    sqlite3_close(other);
    CHECK_INT(raw_number(writer.conn->db, "SELECT count(*) FROM t"), 6);
    end();
}

TEST(checkpoint__that_gave_up_leaves_no_interrupt_behind)
{
    begin();
    insert(5);
    sqlite3 *reader = pin();
    insert(5);
    check_not_reset(WALPOOL_TRUNCATE);
    CHECK_INT(raw_number(worker.conn->db, "SELECT count(*) FROM t"), 10);
    sqlite3_close(reader);
    end();
}

CHECK_MAIN()
