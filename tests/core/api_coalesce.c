/* coalesce: writes of many threads share a transaction, and each is told its
 * own truth. */
#include "crowd.h"

static int64_t
number(const char *sql)
{
    return api_number(db, sql);
}

#define COUNT(all) ((int)(sizeof(all) / sizeof((all)[0])))

TEST(coalesce__those_who_wait_share_one_transaction)
{
    struct one all[8];
    crowd_open("coalesce=1000");
    for (int i = 0; i < COUNT(all); i++)
        all[i] = one("INSERT INTO t(v) VALUES (abs(random()))");
    walpool_health before = api_health(db);
    crowd_run(all, COUNT(all));
    walpool_health after = api_health(db);
    for (int i = 0; i < COUNT(all); i++) {
        CHECK_ONE(all[i], WALPOOL_OK);
        CHECK_INT(api_header(&all[i].rows)->changes, 1);
        CHECK_INT(api_header(&all[i].rows)->last_rowid, i + 1); /* in order */
    }
    CHECK_INT(number("SELECT count(*) FROM t"), COUNT(all));
    CHECK_INT(after.coalesced - before.coalesced, COUNT(all));
    CHECK_INT(after.writes - before.writes, 1);
    CHECK_INT(after.rollbacks - before.rollbacks, 1); /* the test's lease */
    CHECK_INT(after.writer_wait_count - before.writer_wait_count,
              COUNT(all) + 1);
    CHECK_INT(after.errors, 0);
    crowd_finish(all, COUNT(all));
    crowd_close();
}

TEST(coalesce__is_off_unless_it_is_asked_for)
{
    struct one all[] = {one("INSERT INTO t VALUES (1, 1)"),
                        one("INSERT INTO t VALUES (2, 2)")};
    crowd_open("");
    int64_t writes = api_health(db).writes;
    crowd_run(all, 2);
    CHECK_ONE(all[1], WALPOOL_OK);
    CHECK_INT(api_health(db).writes - writes, 2);
    CHECK_INT(api_health(db).coalesced, 0);
    crowd_finish(all, 2);
    crowd_close();
}

TEST(coalesce__one_alone_is_a_transaction_of_its_own)
{
    crowd_open("coalesce=1000");
    for (int i = 0; i < 3; i++)
        CHECK_OK(api_write(db, "INSERT INTO t(v) VALUES (abs(random()))"));
    CHECK_INT(api_health(db).writes, 4);
    CHECK_INT(api_health(db).coalesced, 0);
    crowd_close();
}

TEST(coalesce__everybody_gets_his_own_rows)
{
    struct one all[] = {
        one("INSERT INTO t VALUES (1, 'a'), (2, 'b') RETURNING n, v"),
        one("UPDATE t SET v = v || '!' RETURNING v AS shouted"),
        one("  \n delete from t where n = 2 returning n"),
        one("WITH c AS (SELECT 7 AS x) INSERT INTO t SELECT x, x FROM c "
            "RETURNING v"),
        one("REPLACE INTO t VALUES (7, 8)")};
    crowd_open("coalesce=1000");
    all[1].call.flags = WALPOOL_CALL_NAMES;
    crowd_run(all, COUNT(all));
    for (int i = 0; i < COUNT(all); i++)
        CHECK_ONE(all[i], WALPOOL_OK);
    CHECK_INT(walpool_rows_count(&all[0].rows), 2);
    CHECK_INT(walpool_rows_count(&all[1].rows), 2);
    CHECK(api_header(&all[1].rows)->flags & WALPOOL_ROWS_NAMES);
    CHECK(memcmp(walpool_rows_bytes(&all[1].rows, 1, 0, NULL), "b!", 2) == 0);
    CHECK_INT(walpool_rows_int64(&all[2].rows, 0, 0), 2);
    CHECK_INT(walpool_rows_int64(&all[3].rows, 0, 0), 7);
    CHECK_INT(api_header(&all[4].rows)->changes, 1);
    CHECK_INT(api_health(db).coalesced, COUNT(all));
    crowd_finish(all, COUNT(all));
    crowd_close();
}

/* ----------------------------------------------------------- one that fails */

/* `bad` is among others, in each place once: it fails, and they hold. */
static void
among_others(struct one (*bad)(void), walpool_status want, const char *words)
{
    for (int place = 0; place < 3; place++) {
        struct one all[3];
        CHECK_OK(api_write(db, "DELETE FROM t"));
        CHECK_OK(api_write(db, "INSERT INTO t VALUES (99, 99)"));
        for (int i = 0; i < 3; i++)
            all[i] = one(i == 1 ? "INSERT INTO t VALUES (1, 'one')"
                                : "INSERT INTO t(v) VALUES (abs(random()))");
        all[place] = bad();
        crowd_run(all, 3);
        for (int i = 0; i < 3; i++)
            CHECK_ONE(all[i], i == place ? want : WALPOOL_OK);
        CHECK_CONTAINS(all[place].error.message, words);
        CHECK_INT(all[place].error.outcome, WALPOOL_NOT_APPLIED);
        CHECK_INT(walpool_rows_count(&all[place].rows), 0);
        CHECK_INT(number("SELECT count(*) FROM t"), 3);
        crowd_finish(all, 3);
    }
}

static struct one
breaks_a_constraint(void)
{
    return one("INSERT INTO t VALUES (50, 1), (99, 2)");
}

static struct one
misses_what_it_expects(void)
{
    struct one made = one("UPDATE t SET v = 'changed' WHERE n = 99");
    made.expect = 2;
    return made;
}

static struct one
gives_bad_text(void)
{
    return one("UPDATE t SET v = v + 1000 WHERE n = 99 RETURNING "
               "CAST(x'ff' AS TEXT)");
}

static struct one
is_no_sql(void)
{
    return one("INSERT INTO nowhere VALUES (1)");
}

static struct one
fails_half_way(void)
{
    return one("INSERT OR FAIL INTO t VALUES (50, 50), (51, 51), (99, 52)");
}

static struct one
lacks_parameters(void)
{
    return one("DELETE FROM t WHERE n = ?");
}

static struct one
rolls_back(void)
{
    return one("INSERT OR ROLLBACK INTO t VALUES (50, 50), (99, 51)");
}

static struct one
fails_by_the_schema(void)
{
    return one("INSERT INTO u VALUES (1), (2), (1)");
}

static struct one
opens_a_foreign_key(void)
{
    return one("INSERT INTO child VALUES (12345)");
}

TEST(coalesce__one_that_fails_is_undone_and_the_others_hold)
{
    crowd_open("coalesce=1000");
    CHECK_OK(api_write(db, "CREATE TABLE u(n UNIQUE ON CONFLICT FAIL)"));
    among_others(breaks_a_constraint, WALPOOL_CONSTRAINT, "t.n");
    among_others(misses_what_it_expects, WALPOOL_MISMATCH, "changed 1 row");
    among_others(gives_bad_text, WALPOOL_ENCODING, "not UTF-8");
    among_others(is_no_sql, WALPOOL_SQL, "nowhere");
    among_others(lacks_parameters, WALPOOL_PARAM, "takes 1 parameter");
    among_others(fails_half_way, WALPOOL_CONSTRAINT, "t.n");
    among_others(fails_by_the_schema, WALPOOL_CONSTRAINT, "u.n");
    CHECK_INT(number("SELECT count(*) FROM u"), 0);
    crowd_close();
}

TEST(coalesce__a_foreign_key_left_open_is_the_error_of_who_left_it)
{
    crowd_open("coalesce=1000");
    CHECK_OK(api_write(db, "CREATE TABLE child(n REFERENCES t DEFERRABLE "
                           "INITIALLY DEFERRED)"));
    among_others(opens_a_foreign_key, WALPOOL_CONSTRAINT,
                 "FOREIGN KEY constraint failed");
    CHECK_INT(number("SELECT count(*) FROM child"), 0);
    crowd_close();
}

TEST(coalesce__one_that_rolls_all_back_is_left_out_and_the_others_hold)
{
    crowd_open("coalesce=1000");
    among_others(rolls_back, WALPOOL_CONSTRAINT, "t.n");
    CHECK_OK(api_write(db, "CREATE TRIGGER guard BEFORE INSERT ON t WHEN "
                           "NEW.n = 50 BEGIN SELECT RAISE(ROLLBACK, 'no 50'); "
                           "END"));
    among_others(breaks_a_constraint, WALPOOL_CONSTRAINT, "no 50");
    crowd_close();
}

TEST(coalesce__all_is_run_again_in_its_order)
{
    struct one all[] = {
        one("INSERT INTO t VALUES (1, 'first')"),
        one("INSERT INTO t VALUES (1, 'second')"),
        one("INSERT OR ROLLBACK INTO t VALUES (5, 5), (5, 6)"),
        one("INSERT INTO t VALUES (2, 'third')")};
    crowd_open("coalesce=1000");
    crowd_run(all, COUNT(all));
    CHECK_ONE(all[0], WALPOOL_OK);
    CHECK_ONE(all[1], WALPOOL_CONSTRAINT);
    CHECK_ONE(all[2], WALPOOL_CONSTRAINT);
    CHECK_ONE(all[3], WALPOOL_OK);
    CHECK_INT(number("SELECT group_concat(v) = 'first,third' FROM t"), 1);
    CHECK_INT(api_health(db).coalesced, 2);
    crowd_finish(all, COUNT(all));
    crowd_close();
}

TEST(coalesce__rows_that_do_not_fit_are_the_error_of_one)
{
    static _Alignas(8) unsigned char memory[88];
    struct one all[] = {one("INSERT INTO t VALUES (1, 1) RETURNING n, v"),
                        one("INSERT INTO t VALUES (2, 2) RETURNING n, v"),
                        one("INSERT INTO t VALUES (3, 3) RETURNING n, v")};
    crowd_open("coalesce=1000");
    walpool_rows_wrap(&all[1].rows, memory, sizeof memory);
    crowd_run(all, 3);
    CHECK_ONE(all[0], WALPOOL_OK);
    CHECK_ONE(all[1], WALPOOL_TOOBIG);
    CHECK_ONE(all[2], WALPOOL_OK);
    CHECK_INT(number("SELECT sum(n) FROM t"), 4);
    crowd_finish(all, 3);
    crowd_close();
}

TEST(coalesce__all_may_fail)
{
    struct one all[3];
    crowd_open("coalesce=1000");
    walpool_health before = api_health(db);
    for (int i = 0; i < 3; i++)
        all[i] = one("INSERT INTO t VALUES (1, 1), (1, 2)");
    crowd_run(all, 3);
    for (int i = 0; i < 3; i++)
        CHECK_ONE(all[i], WALPOOL_CONSTRAINT);
    CHECK_INT(api_health(db).writes, before.writes);
    CHECK_INT(api_health(db).wal_frames, before.wal_frames);
    CHECK_INT(api_health(db).errors, 3);
    crowd_finish(all, 3);
    crowd_close();
}

static void *
write_without_error(void *arg)
{
    walpool_statement statement = {.sql = arg};
    return (void *)(intptr_t)walpool_write(db, &statement, NULL, NULL, NULL);
}

TEST(coalesce__nobody_needs_an_error_slot)
{
    static char *const texts[] = {"INSERT INTO t VALUES (1, 1)",
                                  "INSERT INTO t VALUES (1, 2)"};
    pthread_t threads[2];
    void *status[2];
    crowd_open("coalesce=1000");
    crowd_hold();
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, write_without_error,
                                 texts[i]), 0);
        CHECK_EVENTUALLY(crowd_waiting() == i + 1);
    }
    crowd_release();
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], &status[i]), 0);
    CHECK_INT((intptr_t)status[0], WALPOOL_OK);
    CHECK_INT((intptr_t)status[1], WALPOOL_CONSTRAINT);
    crowd_close();
}

/* ------------------------------------------------------- who does not share */

TEST(coalesce__what_cannot_share_a_transaction_is_written_all_the_same)
{
    struct one all[] = {
        one("INSERT INTO t VALUES (1, 1)"),   one("VACUUM"),
        one("PRAGMA user_version = 7"),       one("CREATE TABLE u(x)"),
        one("/* why */ DELETE FROM t WHERE n = 9"), one("SELECT 1"),
        one("DELETE FROM t WHERE n = 9"),     one("INSERTED nonsense")};
    crowd_open("coalesce=1000");
    crowd_run(all, COUNT(all));
    for (int i = 0; i < COUNT(all) - 1; i++)
        CHECK_ONE(all[i], WALPOOL_OK);
    CHECK_ONE(all[7], WALPOOL_SQL);
    CHECK_INT(number("PRAGMA user_version"), 7);
    CHECK_INT(number("SELECT count(*) FROM t"), 1);
    crowd_finish(all, COUNT(all));
    crowd_close();
}

TEST(coalesce__who_waits_for_nobody_does_not_wait_for_a_group)
{
    struct one all[] = {one("INSERT INTO t VALUES (1, 1)"),
                        one("INSERT INTO t VALUES (2, 2)")};
    crowd_open("coalesce=1000");
    all[1].call.timeout_ms = 0;
    crowd_hold();
    crowd_add(&all[0]);
    crowd_add(&all[1]);
    crowd_join(&all[1]);
    CHECK_ONE(all[1], WALPOOL_TIMEOUT);
    crowd_release();
    crowd_join(&all[0]);
    CHECK_ONE(all[0], WALPOOL_OK);
    crowd_finish(all, 2);
    crowd_close();
}

TEST(coalesce__a_thread_that_holds_the_writer_does_not_wait_for_itself)
{
    struct one other = one("INSERT INTO t VALUES (1, 1)");
    crowd_open("coalesce=1000");
    crowd_hold();
    crowd_add(&other); /* somebody leads */
    CHECK_STATUS(api_write(db, "INSERT INTO t VALUES (2, 2)"),
                 WALPOOL_DEADLOCK);
    crowd_release();
    crowd_join(&other);
    CHECK_ONE(other, WALPOOL_OK);
    crowd_finish(&other, 1);
    crowd_close();
}

TEST(coalesce__a_read_only_database_says_so)
{
    crowd_open("");
    api_close(db);
    db = api_open("a.db", "mode=ro&coalesce=1000");
    CHECK_STATUS(api_write(db, "INSERT INTO t VALUES (1, 1)"),
                 WALPOOL_READONLY);
    api_close(db);
}

CHECK_MAIN()
