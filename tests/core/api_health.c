/* Health as a struct and as JSON; checkpoints' counters. What the numbers mean
 * is in the contract. */
#include "api.h"

static walpool *db;

static char *
json_of(void)
{
    size_t need = 0, again = 0;
    CHECK_STATUS(walpool_health_json(db, NULL, 0, &need, &err), WALPOOL_TOOBIG);
    CHECK(need > 100);
    char *text = malloc(need + 64);
    CHECK_OK(walpool_health_json(db, text, need + 64, &again, &err));
    CHECK_INT(strlen(text) + 1, again);
    return text;
}

TEST(health__json_has_every_number_and_word)
{
    db = api_open("a.db", "");
    char *text = json_of();
    CHECK_INT(text[0], '{');
    CHECK_INT(text[strlen(text) - 1], '}');
#define NAMED(name, meaning) CHECK_CONTAINS(text, "\"" #name "\":");
    WALPOOL_HEALTH_LIST(NAMED)
#undef NAMED
    CHECK_CONTAINS(text, "\"verdict\":\"ok\"");
    CHECK_CONTAINS(text, "\"reason\":\"\"");
    CHECK_CONTAINS(text, "\"oldest_why\":\"\"");
    CHECK_CONTAINS(text, "\"path\":\"");
    CHECK_CONTAINS(text, "a.db\"");
    CHECK_CONTAINS(text, WALPOOL_VERSION);
    free(text);
    api_close(db);
}

TEST(health__json_fits_exactly_or_says_how_much_it_needs)
{
    char text[4096];
    size_t need;
    db = api_open("a.db", "");
    CHECK_STATUS(walpool_health_json(db, text, 1, &need, &err), WALPOOL_TOOBIG);
    size_t asked = need;
    CHECK(asked < sizeof text);
    for (size_t room = 0; room < asked; room++) {
        memset(text, '!', sizeof text);
        CHECK_STATUS(walpool_health_json(db, text, room, &need, NULL),
                     WALPOOL_TOOBIG);
        CHECK_INT(text[room], '!');
    }
    CHECK_OK(walpool_health_json(db, text, sizeof text, NULL, &err));
    api_close(db);
}

TEST(health__json_escapes_what_json_cannot_hold)
{
    walpool_call call = WALPOOL_CALL_INIT;
    db = api_open("a \"b\" \\ \n \xc3\xa4.db", "");
    call.why = "say \"hi\"\n\\ \xc3\xa4 \xff";
    walpool_lease *lease = walpool_acquire(db, WALPOOL_READ, &call, &err);
    CHECK(lease != NULL);
    char *text = json_of();
    CHECK_CONTAINS(text, "a \\\"b\\\" \\\\ \\");
    CHECK_CONTAINS(text, "say \\\"hi\\\"");
    CHECK_CONTAINS(text, "\xc3\xa4.db");
    for (const char *c = text; *c != 0; c++)
        CHECK((unsigned char)*c >= 0x20);
    CHECK(strchr(text, '\xff') == NULL);
    free(text);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(health__blocks_on_nothing)
{
    db = api_open("a.db", "readers=1");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    walpool_lease *writer = api_acquire(db, WALPOOL_WRITE);
    int64_t began = check_now_ms();
    for (int i = 0; i < 1000; i++)
        CHECK_INT(api_health(db).writer_leased, 1);
    CHECK(check_now_ms() - began < 5000);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

TEST(health__ages_the_oldest_lease)
{
    db = api_open("a.db", "");
    walpool_lease *reader = api_acquire(db, WALPOOL_READ);
    int64_t began = check_now_ms();
    CHECK_EVENTUALLY(check_now_ms() - began >= 20);
    CHECK(api_health(db).oldest_lease_us >= 19000);
    CHECK(api_health(db).oldest_lease_us < 20000000);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_INT(api_health(db).oldest_lease_us, 0);
    api_close(db);
}

TEST(health__a_wal_that_cannot_be_kept_small_is_degraded_and_why)
{
    walpool_call call = WALPOOL_CALL_INIT;
    db = api_open("a.db", "checkpoint_frames=10");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    call.why = "endless report";
    walpool_lease *reader = walpool_acquire(db, WALPOOL_READ, &call, &err);
    CHECK(reader != NULL);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(1000000))"));
    walpool_health health = api_health(db);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(health.reason, "endless report");
    CHECK_OK(walpool_release(reader, &err));
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(health__says_that_writers_take_no_turns)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    db = api_open("a.db", "");
    CHECK_INT(api_health(db).turns, 1);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
    options.mode = 2;
    db = walpool_open(check_path("a.db"), &options, &err);
    CHECK_INT(api_health(db).turns, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    api_close(db);
    unlink(check_path("a.db-turn"));
    CHECK_INT(mkdir(check_path("a.db-turn"), 0700), 0);
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_INT(api_health(db).turns, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(api_health(db).reason, "do not take turns");
    api_close(db);
}

/* ------------------------------------------------------------- checkpoints */

TEST(checkpoint__runs_by_itself_past_its_threshold)
{
    db = api_open("a.db", "checkpoint_frames=50");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (int i = 0; i < 300; i++)
        CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(4000))"));
    CHECK_EVENTUALLY(api_health(db).checkpoints > 0);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (1)"));
    CHECK_INT(api_health(db).checkpoint_failures, 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 301);
    api_close(db);
}

TEST(checkpoint__takes_no_result_and_no_error_slot)
{
    db = api_open("a.db", "");
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++)
        CHECK_INT(walpool_checkpoint(db, (walpool_checkpoint_mode)mode, NULL,
                                     NULL, NULL),
                  WALPOOL_OK);
    api_close(db);
}

CHECK_MAIN()
