/* verb: what a text does to the transaction, without a connection. */
#include "verb.h"

#include "inside.h"

static enum walpool__verb
of(const char *sql)
{
    walpool_statement statement = {.sql = sql};
    return walpool__verb_of(&statement, &inside_stats);
}

TEST(verb__knows_what_begins_a_transaction)
{
    CHECK_INT(of("BEGIN"), WALPOOL__VERB_BEGIN);
    CHECK_INT(of(" begin deferred transaction; -- now"), WALPOOL__VERB_BEGIN);
    CHECK_INT(of("/* x */ BEGIN IMMEDIATE"), WALPOOL__VERB_BEGIN);
}

TEST(verb__knows_the_others)
{
    CHECK_INT(of("COMMIT"), WALPOOL__VERB_COMMIT);
    CHECK_INT(of("ROLLBACK"), WALPOOL__VERB_ROLLBACK);
    CHECK_INT(of("SAVEPOINT a"), WALPOOL__VERB_SAVEPOINT);
    CHECK_INT(of("RELEASE a"), WALPOOL__VERB_RELEASE);
    CHECK_INT(of("ROLLBACK TO a"), WALPOOL__VERB_ROLLBACK_TO);
}

TEST(verb__finds_none_in_anything_else)
{
    static const char *const others[] = {
        "", "SELECT 1", "SELECT * FROM t", "BEGIN; SELECT 1", "EXPLAIN BEGIN",
        "nonsense", "INSERT INTO t VALUES('BEGIN')", "PRAGMA user_version=1",
        "ATTACH 'x.db' AS x", "CREATE TABLE t(BEGIN)", "BEGIN\xff"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        CHECK_INT(of(others[i]), WALPOOL__VERB_NONE);
    walpool_statement cut = {.sql = "BEGINNING", .sql_bytes = 5};
    CHECK_INT(walpool__verb_of(&cut, &inside_stats), WALPOOL__VERB_BEGIN);
    CHECK(access("x.db", F_OK) != 0);
}

CHECK_MAIN()
