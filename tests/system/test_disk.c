/* A disk that takes no more: the write fails with its reason, nothing of it is
 * applied, reads go on, and when there is room again so do writes. The limit
 * is that of the process on the size of a file. */
#include <errno.h>
#include <sys/resource.h>

#include "../core/api.h"

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static walpool *
open_with_little_room(void)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES ('before')"));
    limit_files(100000);
    return db;
}

static void
expect_no_room(walpool_status status)
{
    limit_files(RLIM_INFINITY); /* first: failures must be printed */
    if (status != WALPOOL_IO)
        CHECK_STATUS(status, WALPOOL_FULL);
    CHECK(err.outcome != WALPOOL_APPLIED); /* UNKNOWN when COMMIT failed */
    CHECK(err.sqlite_code != 0);
    CHECK_INT(err.system_errno, EFBIG);
    limit_files(100000);
}

static void
close_with_room(walpool *db, int64_t rows)
{
    limit_files(RLIM_INFINITY);
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), rows);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES ('after')"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), rows + 1);
    CHECK_INT(
        api_number(db,
                   "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    api_close(db);
}

TEST(disk__a_write_without_room_fails_and_is_not_applied)
{
    walpool *db = open_with_little_room();
    expect_no_room(api_write(db, "INSERT INTO t VALUES (zeroblob(1000000))"));
    CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 1);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES ('small')"));
    close_with_room(db, 2);
}

TEST(disk__a_batch_without_room_fails_and_is_not_applied)
{
    walpool_statement list[] = {
        {.sql = "INSERT INTO t VALUES ('first')"},
        {.sql = "INSERT INTO t VALUES (zeroblob(1000000))"}};
    walpool *db = open_with_little_room();
    expect_no_room(walpool_batch(db, list, 2, NULL, NULL, NULL, &err));
    close_with_room(db, 1);
}

TEST(disk__a_lease_without_room_fails_at_its_commit_and_goes_on)
{
    walpool *db = open_with_little_room();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    walpool_status status =
        api_run(lease, "INSERT INTO t VALUES (zeroblob(1000000))");
    if (status == WALPOOL_OK)
        status = walpool_commit(lease, NULL, &err);
    expect_no_room(status);
    limit_files(RLIM_INFINITY);
    status = walpool_rollback(lease, &err); /* SQLite may have done so */
    CHECK(status == WALPOOL_OK || status == WALPOOL_MISUSE);
    CHECK_OK(walpool_begin(lease, NULL, &err));
    CHECK_OK(api_run(lease, "INSERT INTO t VALUES ('second try')"));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_release(lease, &err));
    close_with_room(db, 2);
}

TEST(disk__a_checkpoint_without_room_fails_and_keeps_the_wal)
{
    walpool *db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    for (int i = 0; i < 30; i++)
        CHECK_OK(api_write(db, "INSERT INTO t VALUES (zeroblob(4000))"));
    limit_files(50000);
    walpool_status status =
        walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err);
    limit_files(RLIM_INFINITY);
    CHECK(status == WALPOOL_IO || status == WALPOOL_FULL);
    CHECK_INT(err.system_errno, EFBIG);
    CHECK_INT(api_health(db).checkpoint_failures, 1);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_FAILING);
    CHECK_OK(walpool_checkpoint(db, WALPOOL_TRUNCATE, NULL, NULL, &err));
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    close_with_room(db, 30);
}

TEST(disk__a_new_database_without_room_is_an_error_and_can_be_opened_later)
{
    check_folder();
    limit_files(100);
    walpool *db = walpool_open(check_path("new.db"), NULL, &err);
    walpool_status status = db != NULL ? api_write(db, "CREATE TABLE t(v)")
                                       : (walpool_status)err.status;
    limit_files(RLIM_INFINITY);
    CHECK(status == WALPOOL_IO || status == WALPOOL_FULL);
    if (db != NULL)
        api_close(db);
    else
        CHECK(access(check_path("new.db"), F_OK) != 0);
    db = api_open("new.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    api_close(db);
}

CHECK_MAIN()
