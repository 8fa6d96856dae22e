/* Pulse: another process, without walpool, that commits at a steady rate. */
#include "pulse.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sample.h"

struct pulse {
    pid_t parent, child;
    atomic_long count;
    atomic_bool is_over;
};

static void
nap(void)
{
    struct timespec spec = {0, 100000};
    nanosleep(&spec, NULL);
}

static void
must(int good, sqlite3 *db)
{
    if (!good)
        die("the committing process", sqlite3_errmsg(db));
}

/* The life of the other process. */
static _Noreturn void
beat(struct pulse *pulse, const char *path, int commits_per_second)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *update = NULL;
    must(!sqlite3_open(path, &db), db);
    must(!sqlite3_exec(db,
                       "PRAGMA busy_timeout=5000; PRAGMA synchronous=NORMAL;"
                       "CREATE TABLE IF NOT EXISTS pulse(n INTEGER);"
                       "INSERT INTO pulse VALUES(0)",
                       NULL, NULL, NULL),
         db);
    must(!sqlite3_prepare_v2(db, "UPDATE pulse SET n = n + 1", -1, &update,
                             NULL),
         db);
    double start = now_seconds();
    while (!atomic_load(&pulse->is_over) && getppid() == pulse->parent) {
        long due = (long)((now_seconds() - start) * commits_per_second);
        if (atomic_load(&pulse->count) > due) {
            nap();
            continue;
        }
        must(sqlite3_step(update) == SQLITE_DONE, db);
        sqlite3_reset(update);
        atomic_fetch_add(&pulse->count, 1);
    }
    sqlite3_finalize(update);
    must(!sqlite3_exec(db, "DROP TABLE pulse", NULL, NULL, NULL), db);
    must(!sqlite3_close(db), db);
    _exit(0);
}

struct pulse *
pulse_start(const char *path, int commits_per_second)
{
    int status;
    struct pulse *pulse = mmap(NULL, sizeof *pulse, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pulse == MAP_FAILED)
        die("mmap", strerror(errno));
    pulse->parent = getpid();
    pulse->child = fork();
    if (pulse->child < 0)
        die("fork", strerror(errno));
    if (pulse->child == 0)
        beat(pulse, path, commits_per_second);
    while (atomic_load(&pulse->count) == 0) {
        if (waitpid(pulse->child, &status, WNOHANG) > 0)
            die("the committing process", "it ended before it committed");
        nap();
    }
    return pulse;
}

long
pulse_count(const struct pulse *pulse)
{
    return atomic_load(&pulse->count);
}

void
pulse_end(struct pulse *pulse)
{
    int status;
    atomic_store(&pulse->is_over, true);
    waitpid(pulse->child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the committing process", "it failed");
    munmap(pulse, sizeof *pulse);
}
