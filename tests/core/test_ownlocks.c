/* ownlocks: a lock that a stray close() has dropped is noticed in time. */
#include "ownlocks.h"

#include <errno.h>
#include <fcntl.h>

#include "inside.h"
#include "posixlock.h"
#include "txn.h"

#include "../system/child.h"

#define WRITE_BYTE 120

static struct inside inside;
static struct walpool__poison poison;
static struct walpool__ownlocks own;
static int64_t now_ns;

/* A writer without a pool, in a transaction, and a guard beside it. */
static void
set_up(void)
{
    memset(&poison, 0, sizeof poison);
    atomic_store(&inside_stats.lost_locks, 0);
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_SNAPSHOT), SQLITE_OK);
    walpool__ownlocks_init(&own, &poison, &inside_stats);
    walpool__ownlocks_attach(&own, inside.path);
    CHECK(walpool__ownlocks_is_on(&own));
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_WRITE),
              SQLITE_OK);
    now_ns = 1;
}

static void
tear_down(void)
{
    walpool__conn_own(inside.conn, WALPOOL__OWN_ROLLBACK);
    walpool__ownlocks_detach(&own);
    walpool__ownlocks_finish(&own);
    inside_close(&inside);
}

static void
rogue_close(const char *name)
{
    int fd = open(check_path(name), O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
}

/* So much later that everything is looked at. */
static bool
check_later(void)
{
    now_ns += 1000000000;
    return walpool__ownlocks_check(&own, now_ns);
}

static void
check_poisoned(enum walpool__poison_reason reason)
{
    CHECK(walpool__poison_has(&poison, reason));
    CHECK_INT(atomic_load(&inside_stats.lost_locks), 1);
    CHECK_INT(walpool__poison_check(&poison, &err), WALPOOL_POISONED);
}

static void
check_fine(void)
{
    CHECK(!walpool__poison_is_set(&poison));
    CHECK_INT(atomic_load(&inside_stats.lost_locks), 0);
}

TEST(ownlocks__finds_all_of_them_held)
{
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    CHECK(walpool__ownlocks_check(&own, now_ns));
    CHECK(check_later());
    CHECK(walpool__ownlocks_check_again(&own));
    CHECK(walpool__ownlocks_check_open(&own));
    check_fine();
    tear_down();
}

TEST(ownlocks__notices_at_once_when_the_write_lock_is_lost)
{
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    rogue_close("a.db-shm");
    CHECK(!walpool__ownlocks_check(&own, now_ns));
    check_poisoned(WALPOOL__POISON_WRITE_LOCK);
    CHECK(!walpool__ownlocks_check(&own, now_ns));
    CHECK_INT(atomic_load(&inside_stats.lost_locks), 1);
    tear_down();
}

TEST(ownlocks__notices_in_the_next_transaction_too)
{
    set_up();
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_ROLLBACK), SQLITE_OK);
    rogue_close("a.db-shm");
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_WRITE),
              SQLITE_OK);
    CHECK(!walpool__ownlocks_check(&own, now_ns));
    check_poisoned(WALPOOL__POISON_SHM_LOCK);
    tear_down();
}

TEST(ownlocks__notices_a_while_later_that_the_lock_on_the_file_is_lost)
{
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    rogue_close("a.db");
    CHECK(walpool__ownlocks_check(&own, now_ns));
    CHECK(!check_later());
    check_poisoned(WALPOOL__POISON_FILE_LOCK);
    tear_down();
}

TEST(ownlocks__notices_outside_of_a_transaction)
{
    static const char *const names[] = {"a.db", "a.db-shm"};
    for (int i = 0; i < 2; i++) {
        set_up();
        CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_ROLLBACK),
                  SQLITE_OK);
        CHECK(walpool__ownlocks_check_open(&own));
        check_fine();
        rogue_close(names[i]);
        CHECK(!walpool__ownlocks_check_open(&own));
        check_poisoned(i == 0 ? WALPOOL__POISON_FILE_LOCK
                              : WALPOOL__POISON_SHM_LOCK);
        tear_down();
    }
}

TEST(ownlocks__notices_a_loss_during_the_commit)
{
    set_up();
    CHECK(check_later());
    rogue_close("a.db-shm");
    CHECK(!walpool__ownlocks_check_again(&own));
    check_poisoned(WALPOOL__POISON_SHM_LOCK);
    tear_down();
}

TEST(ownlocks__a_commit_under_way_is_undone_when_the_database_was_poisoned)
{
    set_up();
    inside.conn->ownlocks = &own;
    CHECK_INT(sqlite3_exec(inside.conn->db, "CREATE TABLE w(v)", NULL, NULL,
                           NULL), SQLITE_OK);
    walpool__poison_set(&poison, WALPOOL__POISON_SYNC, EIO);
    CHECK_STATUS(walpool__txn_commit(inside.conn, &err), WALPOOL_POISONED);
    CHECK_CONTAINS(err.message, "cannot commit: a sync of the WAL failed");
    CHECK_INT(err.outcome, WALPOOL_NOT_APPLIED);
    CHECK_INT(err.system_errno, EIO);
    CHECK(!walpool__conn_in_transaction(inside.conn));
    CHECK_INT(raw_number(inside.conn->db, "SELECT count(*) FROM sqlite_schema"),
              0);
    tear_down();
}

/* ------------------------------------------------- shared with an older one */

/* Another process that had the file open first, so that the kernel names it. */
static void
keep_open(int number)
{
    (void)number;
    sqlite3 *db = raw_open(check_path("a.db"));
    raw_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(v)");
    raw_number(db, "SELECT count(*) FROM t");
    child_tell(1);
    child_wait();
    sqlite3_close(db);
}

TEST(ownlocks__tells_its_own_from_those_of_an_older_process)
{
    struct child child = child_start(keep_open, 0);
    CHECK_INT(child_hear(&child), 1);
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    CHECK(!own.shm.first);
    CHECK(!own.file.first);
    CHECK(check_later());
    CHECK(walpool__ownlocks_check_open(&own));
    check_fine();
    rogue_close("a.db");
    CHECK(!check_later());
    check_poisoned(WALPOOL__POISON_FILE_LOCK);
    tear_down();
    child_go_on(&child);
    child_join(&child);
}

TEST(ownlocks__notices_the_write_lock_beside_an_older_process)
{
    struct child child = child_start(keep_open, 0);
    CHECK_INT(child_hear(&child), 1);
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    rogue_close("a.db-shm");
    CHECK(!walpool__ownlocks_check(&own, now_ns));
    check_poisoned(WALPOOL__POISON_WRITE_LOCK);
    tear_down();
    child_go_on(&child);
    child_join(&child);
}

TEST(ownlocks__is_named_again_when_the_older_process_has_gone)
{
    struct child child = child_start(keep_open, 0);
    CHECK_INT(child_hear(&child), 1);
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    CHECK(!own.shm.first);
    child_go_on(&child);
    child_join(&child);
    CHECK(check_later());
    CHECK(own.shm.first);
    check_fine();
    tear_down();
}

/* --------------------------------------------------------- the descriptors */

/* Whoever closes SQLite's own descriptor ends the protection, too; SQLite does
 * not get over it, so this process does not try to close. */
static void
close_the_descriptor(void)
{
    set_up();
    CHECK(walpool__ownlocks_check(&own, now_ns));
    close(own.shm.fd);
    CHECK_INT(open(check_path("other"), O_RDWR | O_CREAT, 0600), own.shm.fd);
    CHECK(!walpool__ownlocks_check(&own, now_ns));
    CHECK(walpool__poison_is_set(&poison));
    CHECK_INT(walpool__ownlocks_retake(&own), EBADF);
    CHECK_INT(walpool__ownlocks_writer(&own), 0);
}

TEST(ownlocks__does_not_take_another_file_for_its_own)
{
    check_folder();
    api_forked(close_the_descriptor);
}

TEST(ownlocks__that_cannot_be_found_are_not_checked)
{
    set_up();
    walpool__ownlocks_detach(&own);
    walpool__ownlocks_attach(&own, check_path("b.db"));
    CHECK(!walpool__ownlocks_is_on(&own));
    CHECK(walpool__ownlocks_check(&own, now_ns));
    CHECK(walpool__ownlocks_check_again(&own));
    CHECK(walpool__ownlocks_check_open(&own));
    CHECK_INT(walpool__ownlocks_writer(&own), 0);
    check_fine();
    tear_down();
}

/* A connection of another part of the program keeps SQLite from taking the
 * locks anew when the file is opened a second time. */
TEST(ownlocks__that_were_lost_before_are_noticed_at_the_opening)
{
    struct walpool__ownlocks second;
    set_up();
    rogue_close("a.db");
    walpool__ownlocks_init(&second, &poison, &inside_stats);
    walpool__ownlocks_attach(&second, inside.path);
    check_poisoned(WALPOOL__POISON_FILE_LOCK);
    walpool__ownlocks_detach(&second);
    walpool__ownlocks_finish(&second);
    tear_down();
}

/* ------------------------------------------------------------ other holders */

static void
write_for_a_while(int number)
{
    (void)number;
    child_wait();
    sqlite3 *db = raw_open(check_path("a.db"));
    raw_exec(db, "BEGIN IMMEDIATE; CREATE TABLE w(v)");
    child_tell(1);
    child_wait();
    raw_exec(db, "COMMIT");
    sqlite3_close(db);
}

TEST(ownlocks__names_the_process_that_writes)
{
    char text[128], want[64];
    struct child child = child_start(write_for_a_while, 0);
    set_up();
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_ROLLBACK), SQLITE_OK);
    CHECK_INT(walpool__ownlocks_writer(&own), 0);
    walpool__ownlocks_name_writer(&own, true, "writes", "nobody", text, sizeof text);
    CHECK_STR(text, "nobody");
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 1);
    CHECK_INT(walpool__ownlocks_writer(&own), child.pid);
    walpool__ownlocks_name_writer(&own, true, "writes", "nobody", text, sizeof text);
    snprintf(want, sizeof want, "process %d (test_ownlocks) writes",
             (int)child.pid);
    CHECK_STR(text, want);
    child_go_on(&child);
    child_join(&child);
    CHECK_INT(walpool__ownlocks_writer(&own), 0);
    check_fine();
    tear_down();
}

TEST(ownlocks__takes_the_write_lock_back_when_the_other_lets_go)
{
    struct child child = child_start(write_for_a_while, 0);
    set_up();
    rogue_close("a.db-shm");
    child_go_on(&child);
    CHECK_INT(child_hear(&child), 1); /* it is in a transaction: so are we */
    CHECK(!walpool__ownlocks_check(&own, now_ns));
    CHECK_INT(walpool__ownlocks_retake(&own), EAGAIN);
    child_go_on(&child);
    child_join(&child);
    CHECK_INT(walpool__ownlocks_retake(&own), 0);
    CHECK_INT(walpool__posixlock_holder(own.shm.fd, WRITE_BYTE, 1), getpid());
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_ROLLBACK), SQLITE_OK);
    CHECK_INT(walpool__posixlock_holder(own.shm.fd, WRITE_BYTE, 1), 0);
    tear_down();
}

CHECK_MAIN()
