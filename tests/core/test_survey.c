/* survey: who pins the WAL and who writes, as the kernel tells it. */
#include "survey.h"

#include "../system/child.h"
#include "inside.h"
#include "posixlock.h"

static struct inside inside;
static struct walpool__walindex walindex;
static struct walpool__survey survey;
static int64_t now_ns;

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    raw_exec(inside.conn->db, "CREATE TABLE t(n); INSERT INTO t VALUES(1)");
    walpool__walindex_init(&walindex);
    walpool__walindex_attach(&walindex, inside.conn);
    walpool__survey_init(&survey, inside.path, &walindex);
    walpool__survey_attach(&survey);
}

static void
end(void)
{
    walpool__survey_detach(&survey);
    walpool__survey_finish(&survey);
    walpool__walindex_detach(&walindex);
    walpool__walindex_finish(&walindex);
    inside_close(&inside);
}

/* What a look finds so many nanoseconds after the one before. */
static struct walpool__findings
after(int64_t ns)
{
    struct walpool__findings findings;
    now_ns += ns;
    walpool__survey_look(&survey, now_ns, &findings);
    return findings;
}

static int64_t
frames(void)
{
    struct walpool__wal_state state;
    CHECK(walpool__walindex_read(&walindex, &state));
    return state.frames;
}

/* In another process: a transaction, until told to go. */
static void
keep(int write)
{
    sqlite3 *db = raw_open(check_path("a.db"));
    raw_exec(db, write ? "BEGIN IMMEDIATE" : "BEGIN; SELECT count(*) FROM t");
    child_tell(1);
    child_wait();
    sqlite3_close(db);
}

TEST(survey__finds_nobody_and_room_on_the_disk)
{
    begin();
    struct walpool__findings found = after(0);
    CHECK(found.disk_free > 0);
    CHECK_INT(found.pin_frames, -1);
    CHECK_INT(found.pin.pid, 0);
    CHECK_STR(found.pin.name, "");
    CHECK_INT(found.writer.pid, 0);
    CHECK(!found.beyond);
    end();
}

TEST(survey__names_the_process_that_pins_and_its_frame)
{
    begin();
    int64_t before = frames();
    struct child child = child_start(keep, false);
    CHECK_INT(child_hear(&child), 1);
    raw_exec(inside.conn->db, "INSERT INTO t VALUES(2)");
    CHECK(frames() > before);
    struct walpool__findings found = after(0);
    CHECK_INT(found.pin_frames, before);
    CHECK_INT(found.pin.pid, child.pid);
    CHECK_CONTAINS(found.pin.name, "process ");
    child_go_on(&child);
    child_join(&child);
    found = after(99999999); /* as it was found before */
    CHECK_INT(found.pin_frames, before);
    found = after(1);
    CHECK_INT(found.pin_frames, -1);
    CHECK_INT(found.pin.pid, 0);
    end();
}

TEST(survey__names_this_process_and_the_oldest_of_several)
{
    begin();
    int64_t oldest = frames();
    sqlite3 *first = raw_open(inside.path), *second = raw_open(inside.path);
    raw_exec(first, "BEGIN; SELECT count(*) FROM t");
    raw_exec(inside.conn->db, "INSERT INTO t VALUES(2)");
    int64_t newer = frames();
    raw_exec(second, "BEGIN; SELECT count(*) FROM t");
    raw_exec(inside.conn->db, "INSERT INTO t VALUES(3)");
    CHECK_INT(after(0).pin_frames, oldest);
    CHECK_INT(after(0).pin.pid, getpid());
    raw_exec(first, "COMMIT");
    CHECK_INT(after(100000000).pin_frames, newer);
    sqlite3_close(first);
    sqlite3_close(second);
    CHECK_INT(after(100000000).pin_frames, -1);
    end();
}

/* Who reads the bare file keeps all frames, if there are any. */
TEST(survey__finds_who_reads_the_database_file_alone)
{
    begin();
    sqlite3 *other = raw_open(inside.path);
    raw_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    raw_exec(other, "BEGIN; SELECT count(*) FROM t");
    CHECK_INT(after(0).pin_frames, -1);
    raw_exec(inside.conn->db, "INSERT INTO t VALUES(2)");
    CHECK_INT(after(100000000).pin_frames, 0);
    CHECK_INT(after(0).pin.pid, getpid());
    sqlite3_close(other);
    end();
}

TEST(survey__names_the_process_that_writes)
{
    begin();
    struct child child = child_start(keep, true);
    CHECK_INT(child_hear(&child), 1);
    CHECK_INT(after(0).writer.pid, child.pid);
    CHECK_CONTAINS(after(0).writer.name, "process ");
    child_go_on(&child);
    child_join(&child);
    CHECK_INT(after(100000000).writer.pid, 0);
    end();
}

/* The state that the WAL-reset bug leaves behind, written by hand. */
TEST(survey__sees_a_checkpoint_beyond_the_WAL_unless_somebody_writes)
{
    begin();
    volatile uint32_t *words = (volatile uint32_t *)walindex.header;
    uint32_t before = words[24];
    CHECK(!after(0).beyond);
    words[24] = (uint32_t)frames() + 1;
    struct child child = child_start(keep, true);
    CHECK_INT(child_hear(&child), 1);
    CHECK(!after(100000000).beyond);
    child_go_on(&child);
    child_join(&child);
    CHECK(after(100000000).beyond);
    words[24] = before;
    CHECK(!after(100000000).beyond);
    end();
}

/* Its descriptors are SQLite's: it opens none, and takes and drops no lock. */
TEST(survey__leaves_no_trace)
{
    begin();
    int fds[8];
    size_t count = walpool__posixlock_descriptors(&survey.id, fds, 8);
    char path[64], with[4096] = "", without[4096] = "";
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", survey.fd);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL && fread(with, 1, sizeof with - 1, file) > 0);
    fclose(file);
    after(100000000);
    file = fopen(path, "r");
    CHECK(file != NULL && fread(without, 1, sizeof without - 1, file) > 0);
    fclose(file);
    CHECK_STR(with, without);
    CHECK_CONTAINS(with, "POSIX");
    CHECK_INT(walpool__posixlock_descriptors(&survey.id, fds, 8), count);
    end();
}

TEST(survey__asks_nobody_without_its_descriptor)
{
    begin();
    sqlite3 *other = raw_open(inside.path);
    raw_exec(other, "BEGIN; SELECT count(*) FROM t");
    CHECK(after(0).pin_frames >= 0);
    walpool__survey_detach(&survey);
    CHECK_INT(after(100000000).pin_frames, -1);
    CHECK_INT(after(0).pin.pid, 0);
    CHECK(after(0).disk_free > 0);
    sqlite3_close(other);
    end();
}

CHECK_MAIN()
