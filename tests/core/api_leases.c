/* Leases that are out: listed, named when they are out for long, counted when
 * they come back late or dirty. */
#include <stdbool.h>

#include "api.h"

#if defined(__linux__)
#include <sys/syscall.h>
#endif

static walpool *db;
static walpool_lease_info infos[8];

static walpool_lease *
label(walpool_kind kind, const char *why)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = why;
    walpool_lease *lease = walpool_acquire(db, kind, &call, &err);
    CHECK(lease != NULL);
    return lease;
}

static size_t
list(void)
{
    err.status = WALPOOL_OK;
    size_t count = walpool_leases(db, infos, 8, &err);
    CHECK_INT(err.status, WALPOOL_OK);
    return count;
}

static const char endless[] =
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) "
    "SELECT i FROM n";

static walpool_cursor *
begin_endless_read(walpool_rows *rows, const char *why)
{
    walpool_statement statement = {.sql = endless};
    walpool_call call = WALPOOL_CALL_INIT;
    call.why = why;
    walpool_rows_init(rows);
    CHECK_OK(walpool_read(db, &statement, &call, rows, &err));
    return api_cursor(rows);
}

/* -------------------------------------------------------------------- list */

TEST(leases__are_none_at_first)
{
    db = api_open("a.db", "");
    CHECK_INT(list(), 0);
    CHECK_INT(walpool_leases(db, NULL, 0, &err), 0);
    api_close(db);
}

TEST(leases__tell_kind_holder_label_thread_and_age)
{
    walpool_rows rows;
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    int64_t began = check_now_ms();
    walpool_lease *reader = label(WALPOOL_READ, "report");
    walpool_cursor *cursor = begin_endless_read(&rows, "export");
    walpool_lease *writer = label(WALPOOL_WRITE, NULL);
    CHECK_EVENTUALLY(check_now_ms() - began >= 3);
    CHECK_INT(list(), 3);
    int64_t oldest_us = 0;
    for (int i = 0; i < 3; i++) {
        bool read = infos[i].kind == WALPOOL_READ;
        CHECK_INT(infos[i].kind, i < 2 ? WALPOOL_READ : WALPOOL_WRITE);
        CHECK(infos[i].age_us <= (check_now_ms() - began + 1) * 1000);
        oldest_us = infos[i].age_us > oldest_us ? infos[i].age_us : oldest_us;
        CHECK(read ? infos[i].frames >= 2 : infos[i].frames == -1);
        CHECK_INT(infos[i].stack_depth, 0);
#if defined(__linux__)
        CHECK_INT(infos[i].thread, syscall(SYS_gettid));
#endif
    }
    CHECK(oldest_us >= 2000);
    CHECK(strcmp(infos[0].why, "report") == 0 ||
          strcmp(infos[1].why, "report") == 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(infos[i].holder, strcmp(infos[i].why, "export") == 0
                                       ? WALPOOL_HOLDER_CURSOR
                                       : WALPOOL_HOLDER_LEASE);
    CHECK_INT(infos[2].holder, WALPOOL_HOLDER_LEASE);
    CHECK_STR(infos[2].why, "");
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_OK(walpool_release(reader, &err));
    CHECK_INT(list(), 1);
    CHECK_OK(walpool_commit(writer, NULL, &err));
    CHECK_INT(list(), 0); /* it has no connection between transactions */
    CHECK_OK(walpool_release(writer, &err));
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(leases__keep_their_label_for_later_transactions)
{
    walpool_call other = WALPOOL_CALL_INIT;
    db = api_open("a.db", "");
    walpool_lease *lease = label(WALPOOL_WRITE, "import");
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(list(), 1);
    CHECK_STR(infos[0].why, "import");
    CHECK_OK(walpool_rollback(lease, &err));
    other.why = "again";
    CHECK_OK(walpool_begin(lease, &other, &err));
    CHECK_INT(list(), 1);
    CHECK_STR(infos[0].why, "again");
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(leases__tell_from_which_frame_on_a_snapshot_keeps_the_wal)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    walpool_lease *lease = label(WALPOOL_READ, NULL);
    CHECK_INT(list(), 1);
    int64_t before = infos[0].frames;
    CHECK_INT(before, api_health(db).wal_frames);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
    CHECK_INT(list(), 1);
    CHECK_INT(infos[0].frames, before);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_INT(list(), 1);
    CHECK_INT(infos[0].frames, api_health(db).wal_frames);
    CHECK(infos[0].frames > before);
    CHECK_OK(walpool_release(lease, &err));
    api_close(db);
}

TEST(leases__are_counted_beyond_what_there_is_room_for)
{
    walpool_lease *leases[3];
    db = api_open("a.db", "");
    for (int i = 0; i < 3; i++)
        leases[i] = label(WALPOOL_READ, "r");
    memset(infos, 0x55, sizeof infos);
    CHECK_INT(walpool_leases(db, infos, 2, &err), 3);
    CHECK_STR(infos[1].why, "r");
    CHECK_INT(infos[2].why[0], 0x55);
    CHECK_INT(walpool_leases(db, NULL, 0, &err), 3);
    for (int i = 0; i < 3; i++)
        CHECK_OK(walpool_release(leases[i], &err));
    api_close(db);
}

static void *
read_endlessly(void *token)
{
    walpool_statement statement = {.sql = "WITH RECURSIVE n(i) AS (VALUES(1) "
        "UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"};
    walpool_call call = WALPOOL_CALL_INIT;
    call.token = token;
    call.why = "count";
    CHECK_STATUS(walpool_read(db, &statement, &call, NULL, &err),
                 WALPOOL_CANCELLED);
    return NULL;
}

TEST(leases__show_a_call_that_runs)
{
    pthread_t thread;
    db = api_open("a.db", "");
    walpool_token *token = walpool_token_open(&err);
    CHECK_INT(pthread_create(&thread, NULL, read_endlessly, token), 0);
    CHECK_EVENTUALLY(list() == 1);
    CHECK_INT(infos[0].holder, WALPOOL_HOLDER_CALL);
    CHECK_STR(infos[0].why, "count");
    CHECK_INT(infos[0].frames, -1);
    CHECK_OK(walpool_cancel(token, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(list(), 0);
    walpool_token_close(token);
    api_close(db);
}

TEST(leases__are_refused_where_there_is_no_room_or_no_database)
{
    size_t need;
    err.status = 0;
    CHECK_INT(walpool_leases(NULL, infos, 8, &err), 0);
    CHECK_INT(err.status, WALPOOL_MISUSE);
    CHECK_STATUS(walpool_leases_json(NULL, NULL, 0, &need, &err),
                 WALPOOL_MISUSE);
    db = api_open("a.db", "");
    err.status = 0;
    CHECK_INT(walpool_leases(db, NULL, 1, &err), 0);
    CHECK_INT(err.status, WALPOOL_MISUSE);
    CHECK_STATUS(walpool_leases_json(db, NULL, 1, &need, &err), WALPOOL_MISUSE);
    api_close(db);
    err.status = 0;
    CHECK_INT(walpool_leases(db, infos, 8, &err), 0);
    CHECK_INT(err.status, WALPOOL_CLOSED);
    CHECK_STATUS(walpool_leases_json(db, NULL, 0, &need, NULL), WALPOOL_CLOSED);
}

/* -------------------------------------------------------------------- JSON */

static const char *
as_json(void)
{
    static char text[16384];
    size_t need = 0;
    CHECK_OK(walpool_leases_json(db, text, sizeof text, &need, &err));
    CHECK_INT(need, strlen(text) + 1);
    return text;
}

TEST(leases__are_told_as_json)
{
    size_t need;
    db = api_open("a.db", "");
    CHECK_STR(as_json(), "[]");
    walpool_lease *reader = label(WALPOOL_READ, "say \"hi\"");
    walpool_lease *writer = label(WALPOOL_WRITE, "w");
    const char *text = as_json();
    CHECK_CONTAINS(text, "[{\"kind\":\"read\",\"holder\":\"lease\","
                         "\"why\":\"say \\\"hi\\\"\",\"thread\":");
    CHECK_CONTAINS(text, "\"stack\":[]},{\"kind\":\"write\",");
    CHECK_CONTAINS(text, "\"frames\":-1,\"stack\":[]}]");
    CHECK_STATUS(walpool_leases_json(db, NULL, 0, &need, &err), WALPOOL_TOOBIG);
    CHECK(need > 100);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_OK(walpool_release(writer, &err));
    api_close(db);
}

static bool
has_stack(const walpool_lease_info *info)
{
    return info->stack_depth > 0 && info->stack[0] != 0;
}

TEST(leases__know_where_they_were_acquired)
{
    walpool_rows rows;
    db = api_open("a.db", "lease_trace=1");
    walpool_lease *reader = label(WALPOOL_READ, NULL);
    walpool_lease *writer = label(WALPOOL_WRITE, NULL);
    walpool_cursor *cursor = begin_endless_read(&rows, NULL);
    CHECK_INT(list(), 3);
    if (!has_stack(&infos[0]))
        check_skip("the C library cannot tell the stack");
    for (int i = 0; i < 3 && check_skipped[0] == 0; i++)
        CHECK(has_stack(&infos[i]));
    if (check_skipped[0] == 0)
        CHECK_CONTAINS(as_json(), "walpool_acquire");
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_OK(walpool_release(reader, &err));
    CHECK_OK(walpool_release(writer, &err));
    walpool_rows_finish(&rows);
    api_close(db);
}

/* ------------------------------------------------------------------ health */

TEST(leases__that_are_out_for_long_are_named)
{
    char thread[48];
    db = api_open("a.db", "lease_warn=1");
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    walpool_lease *reader = label(WALPOOL_READ, "nightly report");
    CHECK_EVENTUALLY(api_health(db).leases_long == 1);
    walpool_health health = api_health(db);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_DEGRADED);
    CHECK_CONTAINS(health.reason, "nightly report");
    CHECK_CONTAINS(health.reason, "release it");
    CHECK_INT(list(), 1);
    snprintf(thread, sizeof thread, "(thread %lld)",
             (long long)infos[0].thread);
    CHECK_CONTAINS(health.reason, thread);
    CHECK_INT(health.leases_overdue, 0);
    CHECK_OK(walpool_release(reader, &err));
    health = api_health(db);
    CHECK_INT(health.leases_long, 0);
    CHECK_INT(health.leases_overdue, 1);
    CHECK_INT(health.verdict, WALPOOL_HEALTH_OK);
    api_close(db);
}

TEST(leases__of_every_kind_are_overdue_when_they_come_back_late)
{
    walpool_rows rows;
    db = api_open("a.db", "lease_warn=1");
    walpool_cursor *cursor = begin_endless_read(&rows, NULL);
    walpool_lease *writer = label(WALPOOL_WRITE, NULL);
    CHECK_EVENTUALLY(api_health(db).leases_long == 2);
    CHECK_OK(walpool_cursor_close(cursor, &err));
    CHECK_INT(api_health(db).leases_overdue, 1);
    CHECK_OK(walpool_rollback(writer, &err));
    CHECK_INT(api_health(db).leases_overdue, 2);
    CHECK_OK(walpool_release(writer, &err)); /* it had nothing any more */
    CHECK_INT(api_health(db).leases_overdue, 2);
    walpool_rows_finish(&rows);
    api_close(db);
}

TEST(leases__are_not_called_long_where_nobody_wants_to_know)
{
    db = api_open("a.db", "lease_warn=-1");
    walpool_lease *reader = label(WALPOOL_READ, NULL);
    CHECK_EVENTUALLY(api_health(db).oldest_lease_us > 2000);
    CHECK_INT(api_health(db).leases_long, 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_OK(walpool_release(reader, &err));
    CHECK_INT(api_health(db).leases_overdue, 0);
    api_close(db);
}

TEST(leases__that_come_back_dirty_are_counted_and_the_newest_named)
{
    db = api_open("a.db", "");
    CHECK_STR(api_health(db).dirty_why, "");
    CHECK_OK(walpool_release(label(WALPOOL_WRITE, "import"), &err));
    CHECK_INT(api_health(db).dirty_leases, 1);
    CHECK_STR(api_health(db).dirty_why, "import");
    walpool_lease *clean = label(WALPOOL_WRITE, "clean");
    CHECK_OK(walpool_rollback(clean, &err));
    CHECK_OK(walpool_release(clean, &err));
    CHECK_STR(api_health(db).dirty_why, "import");
    CHECK_OK(walpool_release(label(WALPOOL_WRITE, NULL), &err));
    CHECK_INT(api_health(db).dirty_leases, 2);
    CHECK_STR(api_health(db).dirty_why, "");
    api_close(db);
}

CHECK_MAIN()
