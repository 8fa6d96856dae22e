/* Backups while other processes write, and what is left of one whose process is
 * killed, or whose disk is full. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "child.h"

#define WRITERS 2
#define ACCOUNTS 1000
#define SUM 1000000

static char path[512], to[512];

static void
name_files(void)
{
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    snprintf(to, sizeof to, "%s", check_path("copy.db"));
}

static int64_t
ask(const char *name, const char *sql)
{
    sqlite3 *plain;
    sqlite3_stmt *native;
    CHECK_INT(sqlite3_open_v2(name, &plain, SQLITE_OPEN_READONLY, NULL),
              SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(plain, sql, -1, &native, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(native), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(native, 0);
    sqlite3_finalize(native);
    sqlite3_close(plain);
    return number;
}

/* Money moves, and none is made. */
static void
move_money(int number)
{
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    unsigned seed = (unsigned)number + 1;
    for (int64_t moves = 0;; moves++) {
        char sql[2][160];
        walpool_statement list[2] = {{.sql = sql[0]}, {.sql = sql[1]}};
        seed = seed * 1103515245u + 12345u;
        snprintf(sql[0], sizeof sql[0],
                 "UPDATE account SET money = money - 7 WHERE id = %u",
                 1 + (seed >> 8) % ACCOUNTS);
        snprintf(sql[1], sizeof sql[1],
                 "UPDATE account SET money = money + 7 WHERE id = %u",
                 1 + (seed >> 16) % ACCOUNTS);
        CHECK_OK(walpool_batch(db, list, 2, NULL, NULL, NULL, &err));
        if (moves % 50 == 0)
            child_tell(moves);
    }
}

static void
make_accounts(void)
{
    char sql[300];
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    CHECK_OK(api_write(db, "CREATE TABLE account(id INTEGER PRIMARY KEY, "
                           "money INT, data)"));
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
             " LIMIT %d) INSERT INTO account SELECT i, %d, zeroblob(2000)"
             " FROM n", ACCOUNTS, SUM / ACCOUNTS);
    CHECK_OK(api_write(db, sql));
    api_close(db);
}

static void
expect_whole(const char *name)
{
    CHECK_INT(ask(name, "SELECT integrity_check = 'ok' FROM "
                        "pragma_integrity_check"), 1);
    CHECK_INT(ask(name, "SELECT sum(money) FROM account"), SUM);
}

TEST(backup__is_one_state_of_what_processes_write)
{
    struct child writers[WRITERS];
    name_files();
    make_accounts();
    for (int i = 0; i < WRITERS; i++)
        writers[i] = child_start(move_money, i);
    for (int i = 0; i < WRITERS; i++)
        CHECK_INT(child_hear(&writers[i]), 0);
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    walpool_backup *backup = walpool_backup_start(db, to, 0, NULL, &err);
    CHECK(backup != NULL);
    walpool_backup_progress progress = {.phase = WALPOOL_BACKUP_COPY};
    for (int step = 0; progress.phase != WALPOOL_BACKUP_DONE; step++) {
        CHECK_OK(walpool_backup_step(backup, 60, NULL, &progress, &err));
        if (progress.phase == WALPOOL_BACKUP_COPY && step < 10)
            for (int i = 0; i < WRITERS; i++) /* nobody keeps them back */
                CHECK(child_hear(&writers[i]) > 0);
    }
    CHECK_OK(walpool_backup_finish(backup, &err));
    for (int i = 0; i < WRITERS; i++)
        child_kill(&writers[i]);
    expect_whole(to);
    CHECK_INT(api_number(db, "SELECT sum(money) FROM account"), SUM);
    CHECK_OK(walpool_restore(db, to, NULL, &err));
    CHECK_INT(api_number(db, "SELECT sum(money) FROM account"), SUM);
    api_close(db);
    expect_whole(path);
}

/* Every process sees a restore as a commit. */
static void
read_and_tell(int number)
{
    (void)number;
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    CHECK_INT(api_number(db, "SELECT count(*) FROM account"), ACCOUNTS);
    child_tell(1);
    child_wait();
    CHECK_INT(api_number(db, "SELECT sum(v) FROM other"), 42);
    CHECK_OK(api_write(db, "INSERT INTO other VALUES (1)"));
    api_close(db);
}

TEST(restore__is_seen_by_other_processes)
{
    sqlite3 *plain;
    name_files();
    make_accounts();
    CHECK_INT(sqlite3_open(to, &plain), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, "CREATE TABLE other(v);"
                                  "INSERT INTO other VALUES (42)",
                           NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(plain);
    struct child reader = child_start(read_and_tell, 0);
    CHECK_INT(child_hear(&reader), 1);
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    CHECK_OK(walpool_restore(db, to, NULL, &err));
    child_go_on(&reader);
    child_join(&reader);
    CHECK_INT(api_number(db, "SELECT sum(v) FROM other"), 43);
    api_close(db);
}

/* ------------------------------------------------------------------- kills */

static void
back_up_and_wait(int steps)
{
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    walpool_backup *backup =
        walpool_backup_start(db, to, WALPOOL_BACKUP_REPLACE, NULL, &err);
    CHECK(backup != NULL);
    for (int i = 0; i < steps; i++)
        CHECK_OK(walpool_backup_step(backup, i < 3 ? 10 : -1, NULL, NULL,
                                     &err));
    child_tell(1);
    child_wait();
}

/* At any moment: what was at the target is there, or the whole copy is. */
TEST(backup__that_is_killed_leaves_the_target_as_it_was)
{
    char partial[600];
    name_files();
    make_accounts();
    snprintf(partial, sizeof partial, "%s.walpool-partial", to);
    for (int steps = 0; steps < 6; steps++) {
        int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CHECK_INT(write(fd, "mine", 4), 4);
        close(fd);
        struct child child = child_start(back_up_and_wait, steps);
        CHECK_INT(child_hear(&child), 1);
        CHECK_INT(access(partial, F_OK), 0);
        child_kill(&child);
        struct stat facts;
        CHECK_INT(stat(to, &facts), 0);
        CHECK_INT(facts.st_size, 4);
    }
    walpool *db = walpool_open(path, NULL, &err);
    walpool_backup_progress progress;
    walpool_backup *backup =
        walpool_backup_start(db, to, WALPOOL_BACKUP_REPLACE, NULL, &err);
    CHECK(backup != NULL);
    do
        CHECK_OK(walpool_backup_step(backup, -1, NULL, &progress, &err));
    while (progress.phase != WALPOOL_BACKUP_DONE);
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK(access(partial, F_OK) != 0);
    expect_whole(to);
    api_close(db);
}

/* -------------------------------------------------------------- a full disk */

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(backup__that_finds_no_room_leaves_nothing)
{
    name_files();
    make_accounts();
    walpool *db = walpool_open(path, NULL, &err);
    CHECK(db != NULL);
    walpool_backup *backup = walpool_backup_start(db, to, 0, NULL, &err);
    CHECK(backup != NULL);
    limit_files(1000000);
    walpool_status status = walpool_backup_step(backup, -1, NULL, NULL, &err);
    limit_files(RLIM_INFINITY);
    if (status != WALPOOL_IO)
        CHECK_STATUS(status, WALPOOL_FULL);
    CHECK_INT(err.system_errno, EFBIG);
    CHECK_CONTAINS(err.message, "copy.db");
    CHECK_OK(walpool_backup_finish(backup, &err));
    CHECK(access(to, F_OK) != 0);
    CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
    CHECK_OK(api_write(db, "UPDATE account SET money = money"));
    api_close(db);
}

CHECK_MAIN()
