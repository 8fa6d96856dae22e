/* once: answers that are kept in the transaction of their write. */
#include "once.h"

#include "inside.h"
#include "txn.h"

enum { DAY_MS = 86400000 };

static struct inside inside;
static struct walpool__answer answer;

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    memset(&answer, 0, sizeof answer);
    answer.rows_limit = 1 << 20;
    CHECK_OK(walpool__txn_begin_write(inside.conn, &err));
}

/* Nothing is left busy, and the file is sound. */
static void
end(void)
{
    walpool__txn_rollback(inside.conn);
    for (sqlite3_stmt *stmt = NULL;
         (stmt = sqlite3_next_stmt(inside.conn->db, stmt)) != NULL;)
        CHECK(!sqlite3_stmt_busy(stmt));
    walpool__answer_finish(&answer);
    inside_close(&inside);
}

static void
exec(const char *sql)
{
    raw_exec(inside.conn->db, sql);
}

static int64_t
number(const char *sql)
{
    return raw_number(inside.conn->db, sql);
}

static struct walpool__once
key(const char *text)
{
    return (struct walpool__once){.key = text,
                                  .bytes = strlen(text),
                                  .digest = UINT64_MAX - 4,
                                  .keep_ms = DAY_MS};
}

static walpool_status
find(struct walpool__once once, bool *found)
{
    walpool__answer_finish(&answer);
    return walpool__once_find(inside.conn, &once, &answer, found, &err);
}

static bool
is_there(struct walpool__once once)
{
    bool found;
    CHECK_OK(find(once, &found));
    return found;
}

/* Keep an answer that says how many rows were changed. */
static walpool_status
keep(struct walpool__once once, int64_t changes)
{
    walpool__answer_finish(&answer);
    CHECK_OK(walpool__answer_add(&answer, changes, 0, NULL, &err));
    return walpool__once_keep(inside.conn, &once, &answer, &err);
}

static int64_t
changes(void)
{
    struct walpool__part part;
    size_t offset = 0;
    CHECK(walpool__answer_part(&answer, &offset, &part));
    CHECK_INT(offset, answer.bytes);
    return part.changes;
}

TEST(once__finds_nothing_and_makes_nothing_in_a_new_file)
{
    begin();
    CHECK(!is_there(key("a")));
    CHECK_INT(number("SELECT count(*) FROM sqlite_schema"), 0);
    CHECK_INT(answer.bytes, 0);
    end();
}

TEST(once__finds_what_was_kept)
{
    begin();
    CHECK_OK(keep(key("a"), 5));
    CHECK_OK(keep(key("b"), 6));
    CHECK_OK(walpool__txn_commit(inside.conn, &err));
    CHECK_OK(walpool__txn_begin_write(inside.conn, &err));
    CHECK(is_there(key("a")));
    CHECK_INT(changes(), 5);
    CHECK(is_there(key("b")));
    CHECK_INT(changes(), 6);
    CHECK(!is_there(key("")));
    CHECK(!is_there(key("ab")));
    end();
}

TEST(once__knows_keys_of_any_bytes)
{
    static char long_key[255];
    struct walpool__once zero = key("a"), one = key("a"), most = key("a");
    zero.key = "a\0";
    zero.bytes = 2;
    one.key = "\xFF";
    most.key = memset(long_key, '\'', sizeof long_key);
    most.bytes = sizeof long_key;
    begin();
    CHECK_OK(keep(zero, 1));
    CHECK(!is_there(key("a")));
    CHECK_OK(keep(key("a"), 2));
    CHECK_OK(keep(one, 3));
    CHECK_OK(keep(most, 4));
    CHECK(is_there(zero));
    CHECK_INT(changes(), 1);
    CHECK(is_there(most));
    CHECK_INT(changes(), 4);
    most.bytes--;
    CHECK(!is_there(most));
    end();
}

TEST(once__goes_with_its_transaction)
{
    begin();
    CHECK_OK(keep(key("a"), 5));
    walpool__txn_rollback(inside.conn);
    CHECK_OK(walpool__txn_begin_write(inside.conn, &err));
    CHECK(!is_there(key("a"))); /* the table is gone, too */
    CHECK_OK(keep(key("a"), 6));
    CHECK(is_there(key("a")));
    CHECK_INT(changes(), 6);
    end();
}

TEST(once__refuses_a_key_of_another_call)
{
    struct walpool__once other = key("a");
    bool found;
    begin();
    CHECK_OK(keep(key("a"), 5));
    other.digest++;
    CHECK_STATUS(find(other, &found), WALPOOL_MISUSE);
    CHECK_CONTAINS(err.message, "once_key was used for other statements");
    CHECK(is_there(key("a")));
    end();
}

TEST(once__forgets_after_its_time)
{
    struct walpool__once longer = key("a");
    begin();
    CHECK_OK(keep(key("a"), 5));
    exec("UPDATE walpool_once SET at = at - 86400000 + 60000");
    CHECK(is_there(key("a")));
    exec("UPDATE walpool_once SET at = at - 60000");
    CHECK(!is_there(key("a")));
    longer.keep_ms *= 2;
    CHECK(is_there(longer));
    longer.digest++;
    longer.keep_ms = DAY_MS;
    CHECK_OK(keep(longer, 7)); /* it is free for anything */
    CHECK(is_there(longer));
    CHECK_INT(changes(), 7);
    CHECK_INT(number("SELECT count(*) FROM walpool_once"), 1);
    end();
}

TEST(once__drops_a_few_old_ones_at_a_time)
{
    char name[8];
    begin();
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "old%d", i);
        CHECK_OK(keep(key(name), i));
    }
    exec("UPDATE walpool_once SET at = at - 86400000 WHERE id <> 8");
    CHECK_OK(keep(key("new1"), 0));
    CHECK_INT(number("SELECT count(*) FROM walpool_once"), 7);
    CHECK_INT(number("SELECT min(id) FROM walpool_once"), 5);
    CHECK_OK(keep(key("new2"), 0)); /* of the four oldest three are old */
    CHECK_INT(number("SELECT count(*) FROM walpool_once"), 5);
    CHECK(is_there(key("old7")));
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "more%d", i);
        CHECK_OK(keep(key(name), i));
    }
    CHECK_INT(number("SELECT count(*) FROM walpool_once WHERE id = 8"),
              1);
    end();
}

TEST(once__does_not_show_in_what_the_caller_counts)
{
    begin();
    exec("CREATE TABLE t(n INTEGER PRIMARY KEY)");
    exec("INSERT INTO t VALUES (77)");
    CHECK_OK(keep(key("a"), 5));
    CHECK_INT(sqlite3_last_insert_rowid(inside.conn->db), 77);
    CHECK_OK(keep(key("b"), 5));
    CHECK_INT(sqlite3_last_insert_rowid(inside.conn->db), 77);
    end();
}

TEST(once__survives_that_its_table_is_dropped)
{
    begin();
    CHECK_OK(keep(key("a"), 5));
    exec("DROP TABLE walpool_once");
    CHECK(!is_there(key("a")));
    CHECK_OK(keep(key("a"), 6));
    exec("CREATE TABLE other(x)");
    CHECK(is_there(key("a")));
    CHECK_INT(changes(), 6);
    end();
}

TEST(once__is_not_led_astray_by_a_temporary_table)
{
    begin();
    inside.conn->guard.off = true; /* no caller may create one */
    exec("CREATE TEMP TABLE walpool_once(x)");
    inside.conn->guard.off = false;
    CHECK(!is_there(key("a")));
    CHECK_OK(keep(key("a"), 5));
    CHECK(is_there(key("a")));
    CHECK_INT(number("SELECT count(*) FROM main.walpool_once"), 1);
    end();
}

TEST(once__names_a_table_of_somebody_else)
{
    static const char *const others[] = {
        "CREATE TABLE walpool_once(id, name)",
        "CREATE TABLE walpool_once(id INTEGER PRIMARY KEY, key, at, digest)",
        "CREATE VIEW walpool_once AS SELECT 1 AS id, 2 AS key"};
    bool found;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        begin();
        exec(others[i]);
        CHECK_STATUS(find(key("a"), &found), WALPOOL_SQL);
        CHECK(!found);
        CHECK_CONTAINS(err.message, "walpool_once");
        CHECK_CONTAINS(err.message, "no such column");
        CHECK_STATUS(keep(key("a"), 5), WALPOOL_SQL);
        CHECK_CONTAINS(err.message, "walpool_once");
        end();
    }
}

CHECK_MAIN()
