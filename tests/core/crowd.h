/* What the tests of coalescing share: writers on threads of their own that
 * stand in line while the test holds the writer, and then share a
 * transaction. */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>

#include "api.h"

struct one {
    const char *sql;
    walpool_call call;
    int64_t expect; /* -1: nothing is expected */
    pthread_t thread;
    walpool_rows rows;
    walpool_status status;
    walpool_error error;
    atomic_bool done;
};

static walpool *db;
static walpool_lease *held; /* the writer, while the crowd gathers */
static struct one *crowd[16];
static int crowd_count;

static inline void
crowd_open(const char *options)
{
    db = api_open("a.db", options);
    CHECK_OK(api_write(db, "CREATE TABLE IF NOT EXISTS t("
                           "n INTEGER PRIMARY KEY, v UNIQUE)"));
}

/* Nobody is left behind, and nothing is half done. The checkpointer may have
 * the writer for a moment. */
static inline void
crowd_close(void)
{
    CHECK_INT(api_health(db).writer_waiters, 0);
    CHECK_EVENTUALLY(api_health(db).writer_leased == 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM pragma_integrity_check "
                             "WHERE integrity_check <> 'ok'"), 0);
    CHECK_INT(api_number(db, "SELECT count(*) FROM pragma_foreign_key_check"),
              0);
    api_close(db);
}

static inline struct one
one(const char *sql)
{
    struct one made = {.sql = sql, .call = WALPOOL_CALL_INIT, .expect = -1};
    walpool_rows_init(&made.rows);
    return made;
}

static inline void *
crowd_write(void *arg)
{
    struct one *me = arg;
    walpool_statement statement = {.sql = me->sql};
    if (me->expect >= 0) {
        statement.flags = WALPOOL_STATEMENT_EXPECT;
        statement.expect = me->expect;
    }
    me->status =
        walpool_write(db, &statement, &me->call, &me->rows, &me->error);
    atomic_store(&me->done, true);
    return NULL;
}

static inline int64_t
crowd_waiting(void)
{
    return api_health(db).writer_waiters;
}

/* Begin a crowd: from now on nobody gets the writer. */
static inline void
crowd_hold(void)
{
    crowd_count = 0;
    held = api_acquire(db, WALPOOL_WRITE);
}

static inline void
crowd_start(struct one *one)
{
    CHECK_INT(pthread_create(&one->thread, NULL, crowd_write, one), 0);
}

/* How many must be in line: some may have gone. */
static inline int64_t
crowd_left(void)
{
    int64_t left = 0;
    for (int i = 0; i < crowd_count; i++)
        left += !atomic_load(&crowd[i]->done);
    return left;
}

/* Have one write, and see it in line: so their order is known. */
static inline void
crowd_add(struct one *one)
{
    CHECK(crowd_count < 16);
    crowd[crowd_count++] = one;
    crowd_start(one);
    CHECK_EVENTUALLY(crowd_waiting() == crowd_left());
}

static inline void
crowd_join(struct one *one)
{
    CHECK_INT(pthread_join(one->thread, NULL), 0);
}

static inline void
crowd_release(void)
{
    CHECK_OK(walpool_release(held, &err));
}

/* All of it: they gather, share a transaction, and come back. */
static inline void
crowd_run(struct one *all, int count)
{
    crowd_hold();
    for (int i = 0; i < count; i++)
        crowd_add(&all[i]);
    crowd_release();
    for (int i = 0; i < count; i++)
        crowd_join(&all[i]);
}

static inline void
crowd_finish(struct one *all, int count)
{
    for (int i = 0; i < count; i++)
        walpool_rows_finish(&all[i].rows);
}

#define CHECK_ONE(one, want)                 \
    do {                                     \
        err = (one).error;                   \
        CHECK_STATUS((one).status, want);    \
    } while (0)

#endif
