/* walindex: the counters of the shared memory, as SQLite tells them itself. */
#include "walindex.h"

#include "inside.h"

static struct inside inside;
static struct walpool__walindex walindex;

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(sqlite3_exec(inside.conn->db, "CREATE TABLE t(n)", NULL, NULL,
                           NULL), SQLITE_OK);
    walpool__walindex_init(&walindex);
    walpool__walindex_attach(&walindex, inside.conn);
}

static void
end(void)
{
    walpool__walindex_detach(&walindex);
    walpool__walindex_finish(&walindex);
    inside_close(&inside);
}

static struct walpool__wal_state
look(void)
{
    struct walpool__wal_state state = {0, 0};
    CHECK(walpool__walindex_read(&walindex, &state));
    return state;
}

static void
insert(sqlite3 *db, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_INT(sqlite3_exec(db, "INSERT INTO t VALUES(randomblob(2000))",
                               NULL, NULL, NULL), SQLITE_OK);
}

/* SQLite's own counters, and ours must be the same. */
static void
check_checkpoint(int mode, int *log, int *copied)
{
    sqlite3_wal_checkpoint_v2(inside.conn->db, "main", mode, log, copied);
    struct walpool__wal_state state = look();
    CHECK_INT(state.checkpointed, *copied);
    if (mode == SQLITE_CHECKPOINT_PASSIVE)
        CHECK_INT(state.frames, *log);
}

TEST(walindex__counts_as_SQLite_does)
{
    int log, copied;
    begin();
    for (int round = 0; round < 20; round++) {
        insert(inside.conn->db, round + 1);
        uint32_t frames = look().frames;
        check_checkpoint(SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
        CHECK_INT(frames, log);
        CHECK_INT(log, copied);
    }
    end();
}

TEST(walindex__sees_what_a_reader_keeps_back)
{
    int log, copied;
    begin();
    insert(inside.conn->db, 5);
    sqlite3 *other = raw_open(inside.path);
    raw_exec(other, "BEGIN; SELECT count(*) FROM t");
    insert(inside.conn->db, 5);
    check_checkpoint(SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
    CHECK(copied < log);
    CHECK(copied > 0);
    sqlite3_close(other);
    end();
}

TEST(walindex__sees_the_commits_of_others)
{
    begin();
    uint32_t before = look().frames;
    sqlite3 *other = raw_open(inside.path);
    insert(other, 3);
    CHECK(look().frames > before);
    sqlite3_close(other);
    end();
}

TEST(walindex__begins_anew_with_the_WAL)
{
    int log, copied;
    begin();
    insert(inside.conn->db, 10);
    check_checkpoint(SQLITE_CHECKPOINT_TRUNCATE, &log, &copied);
    CHECK_INT(look().frames, 0);
    insert(inside.conn->db, 1);
    CHECK(look().frames > 0);
    CHECK(look().frames < 5);
    CHECK_INT(look().checkpointed, 0);
    end();
}

TEST(walindex__knows_nothing_when_it_is_not_attached)
{
    struct walpool__wal_state state;
    begin();
    walpool__walindex_detach(&walindex);
    CHECK(!walpool__walindex_read(&walindex, &state));
    walpool__walindex_attach(&walindex, inside.conn);
    CHECK(walpool__walindex_read(&walindex, &state));
    end();
}

TEST(walindex__knows_nothing_without_shared_memory)
{
    struct walpool__conn conn = {0};
    struct walpool__wal_state state;
    CHECK_INT(sqlite3_open(":memory:", &conn.db), SQLITE_OK);
    walpool__walindex_init(&walindex);
    walpool__walindex_attach(&walindex, &conn);
    CHECK(!walpool__walindex_read(&walindex, &state));
    walpool__walindex_finish(&walindex);
    sqlite3_close(conn.db);
}

/* ------------------------------------------------------------------- marks */

static struct walpool__wal_mark
mark(void)
{
    struct walpool__wal_mark newest;
    CHECK(walpool__walindex_mark(&walindex, &newest));
    return newest;
}

TEST(walindex__marks_the_newest_commit)
{
    uint32_t salt[2];
    begin();
    sqlite3 *other = raw_open(inside.path);
    struct walpool__wal_mark before = mark();
    CHECK(walpool__wal_mark_covers(&before, &before));
    insert(other, 1);
    struct walpool__wal_mark after = mark();
    CHECK_INT(after.frames, look().frames);
    CHECK(walpool__wal_mark_covers(&after, &before));
    CHECK(!walpool__wal_mark_covers(&before, &after));
    FILE *wal = fopen(check_path("a.db-wal"), "r"); /* has no locks to lose */
    CHECK_INT(fseek(wal, 16, SEEK_SET), 0);
    CHECK_INT(fread(salt, sizeof salt, 1, wal), 1);
    fclose(wal);
    CHECK_INT(memcmp(salt, after.salt, sizeof salt), 0);
    sqlite3_close(other);
    end();
}

TEST(walindex__marks_of_another_WAL_cover_nothing_but_an_empty_one)
{
    int log, copied;
    begin();
    insert(inside.conn->db, 10);
    struct walpool__wal_mark old = mark();
    check_checkpoint(SQLITE_CHECKPOINT_TRUNCATE, &log, &copied);
    struct walpool__wal_mark empty = mark();
    CHECK_INT(empty.frames, 0);
    CHECK(walpool__wal_mark_covers(&old, &empty));
    insert(inside.conn->db, 1);
    struct walpool__wal_mark newer = mark();
    CHECK(newer.frames < old.frames);
    CHECK(!walpool__wal_mark_covers(&old, &newer));
    CHECK(!walpool__wal_mark_covers(&newer, &old));
    end();
}

TEST(walindex__tells_how_far_readers_have_come)
{
    struct walpool__wal_pins pins;
    bool found = false;
    begin();
    insert(inside.conn->db, 3);
    uint32_t frames = look().frames;
    sqlite3 *other = raw_open(inside.path);
    raw_exec(other, "BEGIN; SELECT count(*) FROM t");
    insert(inside.conn->db, 3);
    CHECK(walpool__walindex_pins(&walindex, &pins));
    CHECK_INT(pins.marks[0], 0);
    for (int slot = 1; slot < WALPOOL__WAL_MARKS; slot++)
        found |= pins.marks[slot] == frames;
    CHECK(found);
    sqlite3_close(other);
    walpool__walindex_detach(&walindex);
    CHECK(!walpool__walindex_pins(&walindex, &pins));
    end();
}

/* The words of both copies, as SQLite leaves them after a commit. */
static void
make_header(uint32_t words[24])
{
    const unsigned char init[4] = {1, 0, 0, 16};
    memset(words, 0, 24 * sizeof *words);
    words[0] = 3007000;
    memcpy(&words[3], init, sizeof init);
    words[4] = 7;
    words[8] = 111;
    words[9] = 222;
    memcpy(words + 12, words, 12 * sizeof *words);
}

TEST(walindex__sees_more_copied_than_there_is)
{
    uint32_t words[30] = {0};
    struct walpool__wal_mark mark;
    walpool__walindex_init(&walindex);
    CHECK(!walpool__walindex_is_beyond(&walindex, &mark));
    make_header(words);
    walindex.header = words;
    words[24] = 7;
    CHECK(!walpool__walindex_is_beyond(&walindex, &mark));
    words[24] = 8;
    CHECK(walpool__walindex_is_beyond(&walindex, &mark));
    CHECK_INT(mark.frames, 7);
    words[0] = 3008000;
    words[12] = 3008000;
    CHECK(!walpool__walindex_is_beyond(&walindex, &mark));
    walindex.header = NULL;
    walpool__walindex_finish(&walindex);
}

TEST(walindex__marks_nothing_where_it_cannot_be_sure)
{
    uint32_t words[24];
    struct walpool__wal_mark newest;
    walpool__walindex_init(&walindex);
    CHECK(!walpool__walindex_mark(&walindex, &newest));
    walindex.header = words;
    make_header(words);
    CHECK_INT(mark().frames, 7);
    CHECK_INT(mark().salt[0], 111);
    CHECK_INT(mark().salt[1], 222);
    for (int i = 0; i < 24; i++) { /* a writer has died between the copies */
        words[i] ^= 1;
        CHECK(!walpool__walindex_mark(&walindex, &newest));
        words[i] ^= 1;
    }
    words[0] = words[12] = 3008000;
    CHECK(!walpool__walindex_mark(&walindex, &newest));
    make_header(words);
    memset(&words[3], 0, 1); /* nobody has made an index yet */
    memset(&words[15], 0, 1);
    CHECK(!walpool__walindex_mark(&walindex, &newest));
    walindex.header = NULL;
    walpool__walindex_finish(&walindex);
}

/* ------------------------------------------------------------- many threads */

static atomic_bool over;

static void *
read_all_the_time(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        struct walpool__wal_state state;
        struct walpool__wal_mark newest;
        walpool__walindex_read(&walindex, &state);
        walpool__walindex_mark(&walindex, &newest);
    }
    return NULL;
}

TEST(walindex__may_be_read_while_it_is_attached_and_detached)
{
    pthread_t thread;
    begin();
    atomic_store(&over, false);
    CHECK_INT(pthread_create(&thread, NULL, read_all_the_time, NULL), 0);
    for (int i = 0; i < 50; i++) {
        walpool__walindex_detach(&walindex);
        inside_close(&inside);
        CHECK_OK(inside_try(&inside, "a.db", WALPOOL__CONN_WRITER, 1000));
        raw_number(inside.conn->db, "SELECT count(*) FROM t");
        walpool__walindex_attach(&walindex, inside.conn);
    }
    atomic_store(&over, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    end();
}

CHECK_MAIN()
