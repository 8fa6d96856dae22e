/* ownlocks on systems that do not tell everything: what cannot be known is no
 * false alarm, and what can be known is still noticed. */
#include "ownlocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "inside.h"

#include "../system/child.h"

/* How this system answers F_OFD_GETLK, and whether it lists the locks of a
 * descriptor. */
static enum { ANSWERS, REFUSES, NAMES_ANOTHER, NAMES_NONE } question;
static bool lists = true;

static void
answer(struct flock *lock)
{
    if (lock->l_type != F_UNLCK && question != ANSWERS)
        lock->l_pid = question == NAMES_ANOTHER ? 1 : 0;
}

/* In place of the C library's, for the core and for SQLite. */
int
fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_OFD_GETLK && question == REFUSES) {
        errno = EINVAL;
        return -1;
    }
    int result = (int)syscall(SYS_fcntl, fd, command, argument);
    if (command == F_OFD_GETLK && result == 0)
        answer(argument);
    return result;
}

FILE *
fopen(const char *restrict path, const char *restrict mode)
{
    if (!lists && strncmp(path, "/proc/self/fdinfo", 17) == 0) {
        errno = ENOENT;
        return NULL;
    }
    bool reads = mode[0] == 'r';
    int fd = open(path, reads ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND, 0600);
    return fd < 0 ? NULL : fdopen(fd, reads ? "r" : "a");
}

static struct inside inside;
static struct walpool__poison poison;
static struct walpool__ownlocks own;

static void
set_up(void)
{
    memset(&poison, 0, sizeof poison);
    inside_open(&inside, "a.db", WALPOOL__CONN_WRITER);
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_SNAPSHOT), SQLITE_OK);
    walpool__ownlocks_init(&own, &poison, &inside_stats);
    walpool__ownlocks_attach(&own, inside.path);
    CHECK_INT(walpool__conn_own(inside.conn, WALPOOL__OWN_BEGIN_WRITE),
              SQLITE_OK);
}

static void
tear_down(void)
{
    walpool__conn_own(inside.conn, WALPOOL__OWN_ROLLBACK);
    walpool__ownlocks_detach(&own);
    walpool__ownlocks_finish(&own);
    inside_close(&inside);
    question = ANSWERS;
    lists = true;
}

static void
rogue_close(const char *name)
{
    int fd = open(check_path(name), O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
}

static bool
check(void)
{
    static int64_t now_ns;
    now_ns += 1000000000;
    return walpool__ownlocks_check(&own, now_ns);
}

TEST(ownlocks_blind__looks_at_nothing_where_the_answer_makes_no_sense)
{
    for (int how = REFUSES; how <= NAMES_NONE; how++) {
        question = how;
        lists = false;
        set_up();
        CHECK(!walpool__ownlocks_is_on(&own));
        CHECK(check());
        rogue_close("a.db-shm");
        CHECK(check());
        CHECK(walpool__ownlocks_check_open(&own));
        CHECK(!walpool__poison_is_set(&poison));
        tear_down();
    }
}

TEST(ownlocks_blind__notices_without_a_list_what_it_alone_has)
{
    static const char *const names[] = {"a.db", "a.db-shm"};
    for (int i = 0; i < 2; i++) {
        lists = false;
        set_up();
        CHECK(walpool__ownlocks_is_on(&own));
        CHECK(check());
        rogue_close(names[i]);
        CHECK(!check());
        CHECK(walpool__poison_is_set(&poison));
        tear_down();
    }
}

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

/* Whether a shared lock is ours cannot be known then, neither now nor later,
 * so nothing is looked at: not even the write lock, which could. */
TEST(ownlocks_blind__raises_no_alarm_without_a_list_beside_an_older_process)
{
    struct child child = child_start(keep_open, 0);
    CHECK_INT(child_hear(&child), 1);
    lists = false;
    set_up();
    CHECK(!walpool__ownlocks_is_on(&own));
    CHECK(check());
    CHECK(walpool__ownlocks_check_open(&own));
    CHECK(!walpool__poison_is_set(&poison));
    tear_down();
    child_go_on(&child);
    child_join(&child);
}

CHECK_MAIN()
