/* nest: savepoints by name, in step with SQLite's own stack of them. */
#include "nest.h"

#include "fuzz.h"
#include "inside.h"
#include "mem.h"
#include "txn.h"

static struct inside inside;
static struct walpool__nest nest;

static void
begin(void)
{
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    raw_exec(inside.conn->db, "CREATE TABLE t(n)");
    walpool__nest_init(&nest);
    CHECK_OK(walpool__txn_begin_write(inside.conn, &err));
}

static void
end(void)
{
    walpool__nest_clear(&nest);
    walpool__txn_rollback(inside.conn);
    inside_close(&inside);
}

static void
insert(void)
{
    raw_exec(inside.conn->db, "INSERT INTO t VALUES(1)");
}

static int64_t
rows(void)
{
    return raw_number(inside.conn->db, "SELECT count(*) FROM t");
}

static int
depth(void)
{
    int count = 0;
    for (struct walpool__link *link = nest.savepoints.next;
         link != &nest.savepoints; link = link->next)
        count++;
    return count;
}

TEST(nest__keeps_and_undoes_the_newest)
{
    begin();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, NULL, &err));
    insert();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, NULL, &err));
    insert();
    CHECK_INT(depth(), 2);
    CHECK_OK(walpool__nest_undo(&nest, inside.conn, NULL, &err));
    CHECK_INT(depth(), 2);
    CHECK_INT(rows(), 1);
    CHECK_OK(walpool__nest_keep(&nest, inside.conn, NULL, &err));
    CHECK_OK(walpool__nest_keep(&nest, inside.conn, NULL, &err));
    CHECK_INT(depth(), 0);
    CHECK_INT(rows(), 1);
    CHECK(walpool__conn_in_transaction(inside.conn));
    end();
}

TEST(nest__ends_what_is_inside_a_name)
{
    begin();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, "a", &err));
    insert();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, NULL, &err));
    insert();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, "b", &err));
    insert();
    CHECK_OK(walpool__nest_undo(&nest, inside.conn, "A", &err));
    CHECK_INT(depth(), 1);
    CHECK_INT(rows(), 0);
    CHECK_STATUS(walpool__nest_keep(&nest, inside.conn, "b", &err),
                 WALPOOL_SQL);
    CHECK_CONTAINS(err.message, "no such savepoint: b");
    CHECK_INT(depth(), 1);
    CHECK_OK(walpool__nest_keep(&nest, inside.conn, "a", &err));
    CHECK_INT(depth(), 0);
    end();
}

TEST(nest__ends_what_text_has_opened_in_ours)
{
    begin();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, NULL, &err));
    CHECK_OK(walpool__nest_open(&nest, inside.conn, "a", &err));
    insert();
    CHECK_OK(walpool__nest_open(&nest, inside.conn, "b", &err));
    insert();
    CHECK_INT(nest.ours, 1);
    CHECK_OK(walpool__nest_keep(&nest, inside.conn, NULL, &err));
    CHECK_INT(nest.ours, 0);
    CHECK_INT(depth(), 0);
    CHECK_INT(rows(), 2);
    end();
}

TEST(nest__takes_any_name)
{
    static const char *const names[] = {"", " ", "a\"b", "'; COMMIT; --",
                                        "\xc3\xa4", "walpool", "select"};
    begin();
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        CHECK_OK(walpool__nest_open(&nest, inside.conn, names[i], &err));
    for (size_t i = ARRAY_COUNT(names); i-- > 0;) {
        CHECK_OK(walpool__nest_undo(&nest, inside.conn, names[i], &err));
        CHECK_OK(walpool__nest_keep(&nest, inside.conn, names[i], &err));
        CHECK_INT(depth(), i);
    }
    CHECK(walpool__conn_in_transaction(inside.conn));
    end();
}

TEST(nest__opens_nothing_without_memory)
{
    begin();
    walpool__mem_fail_after(0);
    walpool_status status = walpool__nest_open(&nest, inside.conn, "a", &err);
    walpool__mem_fail_after(-1);
    CHECK_INT(status, WALPOOL_NOMEM);
    CHECK_INT(depth(), 0);
    CHECK_STATUS(walpool__nest_keep(&nest, inside.conn, "a", &err),
                 WALPOOL_SQL);
    end();
}

/* Where this name is newest in a stack of `count`, or -1. */
static int
find(const int *stack, int count, int name)
{
    while (count > 0 && stack[count - 1] != name)
        count--;
    return count - 1;
}

static int
ours_of(const int *stack, int count)
{
    int ours = 0;
    for (int i = 0; i < count; i++)
        ours += stack[i] == 3;
    return ours;
}

/* A random walk: whatever we do, SQLite finds a name exactly if it is on the
 * stack, and ours is as high. */
TEST(nest__stays_in_step_with_SQLite)
{
    static const char *const names[] = {"a", "b", "C", "walpool"};
    struct fuzz fuzz = {.state = 4711};
    int stack[2000], count = 0;
    begin();
    for (int step = 0; step < 2000; step++) {
        int name = (int)fuzz_below(&fuzz, 4), what = (int)fuzz_below(&fuzz, 4);
        int at = find(stack, count, name);
        walpool_status status;
        if (what <= 1) {
            status = walpool__nest_open(&nest, inside.conn, names[name], &err);
            CHECK_OK(status);
            stack[count++] = name;
        } else if (what == 2) {
            status = walpool__nest_keep(&nest, inside.conn, names[name], &err);
            count = at >= 0 ? at : count;
        } else {
            status = walpool__nest_undo(&nest, inside.conn, names[name], &err);
            count = at >= 0 ? at + 1 : count;
        }
        if (what > 1)
            CHECK_INT(status, at >= 0 ? WALPOOL_OK : WALPOOL_SQL);
        CHECK_INT(depth(), count);
        CHECK_INT(nest.ours, ours_of(stack, count));
    }
    while (nest.ours > 0)
        CHECK_OK(walpool__nest_keep(&nest, inside.conn, NULL, &err));
    CHECK(walpool__conn_in_transaction(inside.conn));
    end();
}

CHECK_MAIN()
