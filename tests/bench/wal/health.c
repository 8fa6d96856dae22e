/* Health: how long it takes to ask how a database is.
 *
 * The process that holds the write lock is forked before the database is
 * opened, and takes the lock when it is told to. */
#include "health.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "histogram.h"
#include "sample.h"
#include "writer.h"

enum { CALLS = 2000, WRITING = 4, READING = 4 };

#define QUERY "SELECT count(*) FROM sqlite_schema"
#define LOOKUP "SELECT number FROM t WHERE id = 1"

/* ---------------------------------------------------------------- asking */

struct asked {
    walpool *db;
    sqlite3 *raw;
    sqlite3_stmt *query;
};

static void
raw_must(bool good, sqlite3 *db)
{
    if (!good)
        die("raw connection", sqlite3_errmsg(db));
}

static void
ask_ours(struct asked *asked)
{
    walpool_health health;
    walpool_error err;
    if (walpool_health_get(asked->db, &health, &err) != WALPOOL_OK)
        die(walpool_status_name(err.status), err.message);
}

static void
ask_query(struct asked *asked)
{
    raw_must(sqlite3_step(asked->query) == SQLITE_ROW, asked->raw);
    sqlite3_reset(asked->query);
}

static struct health_outcome
ask_often(struct asked *asked, void (*ask)(struct asked *))
{
    struct histogram times = {0};
    double now = now_seconds();
    for (int i = 0; i < CALLS; i++) {
        double before = now;
        ask(asked);
        now = now_seconds();
        histogram_add(&times, now - before);
    }
    return (struct health_outcome){histogram_quantile(&times, 0.5),
                                   histogram_quantile(&times, 0.99)};
}

static void
open_both(struct asked *asked, const char *path)
{
    walpool_error err;
    asked->db = walpool_open(path, NULL, &err);
    if (!asked->db)
        die(walpool_status_name(err.status), err.message);
    raw_must(!sqlite3_open(path, &asked->raw), asked->raw);
    raw_must(!sqlite3_prepare_v2(asked->raw, QUERY, -1, &asked->query, NULL),
             asked->raw);
}

/* An idle database has frames in its WAL, as after any day's work. */
static void
write_something(const struct store *store)
{
    struct writer writer = {.way = &way_ours};
    writer.way->open(&writer, store);
    for (int i = 0; i < BATCH; i++)
        if (!writer.way->add(&writer, i))
            die("the first writer", "it was refused");
    writer.way->close(&writer);
}

static void
close_both(struct asked *asked)
{
    walpool_error err;
    sqlite3_finalize(asked->query);
    raw_must(!sqlite3_close(asked->raw), asked->raw);
    if (walpool_close(asked->db, -1, &err) != WALPOOL_OK)
        die(walpool_status_name(err.status), err.message);
}

/* ------------------------------------------------------------------ load */

struct load {
    struct store store;
    atomic_bool is_over;
    pthread_t threads[WRITING + READING];
};

static void *
write_on(void *data)
{
    struct load *load = data;
    struct writer writer = {.way = &way_ours};
    writer.way->open(&writer, &load->store);
    for (int64_t i = 0; !atomic_load(&load->is_over); i++)
        if (!writer.way->add(&writer, i))
            die("a writer of the load", "it was refused");
    writer.way->close(&writer);
    return NULL;
}

static void *
read_on(void *data)
{
    struct load *load = data;
    walpool_error err;
    walpool_rows rows;
    walpool_statement lookup = WALPOOL_STATEMENT_INIT(LOOKUP);
    walpool *db = walpool_open(load->store.path, NULL, &err);
    if (!db)
        die(walpool_status_name(err.status), err.message);
    walpool_rows_init(&rows);
    while (!atomic_load(&load->is_over))
        if (walpool_read(db, &lookup, NULL, &rows, &err) != WALPOOL_OK)
            die(walpool_status_name(err.status), err.message);
    walpool_rows_finish(&rows);
    if (walpool_close(db, -1, &err) != WALPOOL_OK)
        die(walpool_status_name(err.status), err.message);
    return NULL;
}

static void
start_load(struct load *load)
{
    for (int i = 0; i < WRITING + READING; i++)
        if (pthread_create(&load->threads[i], NULL,
                           i < WRITING ? write_on : read_on, load))
            die("pthread_create", "no more threads");
}

static void
end_load(struct load *load)
{
    atomic_store(&load->is_over, true);
    for (int i = 0; i < WRITING + READING; i++)
        pthread_join(load->threads[i], NULL);
}

/* -------------------------------------------------------- another process */

struct holder {
    pid_t pid;
    int to, from; /* pipes; closing `to` ends it */
};

/* The life of the other process. */
static _Noreturn void
hold(const char *path, int from, int to)
{
    char byte;
    sqlite3 *db = NULL;
    if (read(from, &byte, 1) != 1)
        _exit(0);
    raw_must(!sqlite3_open(path, &db), db);
    raw_must(!sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), db);
    if (write(to, "h", 1) != 1)
        _exit(1);
    while (read(from, &byte, 1) > 0)
        ;
    raw_must(!sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), db);
    raw_must(!sqlite3_close(db), db);
    _exit(0);
}

static void
fork_holder(struct holder *holder, const char *path)
{
    int to[2], from[2];
    if (pipe(to) || pipe(from))
        die("pipe", strerror(errno));
    holder->pid = fork();
    if (holder->pid < 0)
        die("fork", strerror(errno));
    if (holder->pid == 0) {
        close(to[1]);
        close(from[0]);
        hold(path, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    holder->to = to[1];
    holder->from = from[0];
}

static void
let_hold(struct holder *holder)
{
    char byte;
    if (write(holder->to, "b", 1) != 1 || read(holder->from, &byte, 1) != 1)
        die("the process that holds the write lock", "it is gone");
}

static void
end_holder(struct holder *holder)
{
    int status;
    close(holder->to);
    close(holder->from);
    waitpid(holder->pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the process that holds the write lock", "it failed");
}

/* ------------------------------------------------------------------ both */

static void
ask_in_turns(struct asked *asked, struct health_outcome *ours,
             struct health_outcome *query, int repetitions)
{
    ask_often(asked, ask_ours);
    ask_often(asked, ask_query);
    for (int i = 0; i < repetitions; i++) {
        if (i % 2)
            query[i] = ask_often(asked, ask_query);
        ours[i] = ask_often(asked, ask_ours);
        if (i % 2 == 0)
            query[i] = ask_often(asked, ask_query);
    }
}

void
health_run(const char *path, enum health_state state,
           struct health_outcome *ours, struct health_outcome *query,
           int repetitions)
{
    struct asked asked;
    struct holder holder = {0};
    struct load load = {.store = {.path = path}};
    writer_make_file(path);
    if (state == HEALTH_LOCKED)
        fork_holder(&holder, path);
    open_both(&asked, path);
    write_something(&load.store);
    if (state == HEALTH_LOCKED)
        let_hold(&holder);
    if (state == HEALTH_LOAD)
        start_load(&load);
    ask_in_turns(&asked, ours, query, repetitions);
    if (state == HEALTH_LOAD)
        end_load(&load);
    if (state == HEALTH_LOCKED)
        end_holder(&holder);
    close_both(&asked);
    writer_remove_file(path);
}
