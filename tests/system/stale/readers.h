/* Readers: threads that note what is published, read, and compare. */
#ifndef READERS_H
#define READERS_H

#include "round.h"

struct sight {
    int64_t before[BOARD_WRITERS]; /* published when the read began */
    int64_t got[BOARD_WRITERS];    /* -1: not read */
};

static inline void
readers_begin(struct sight *sight)
{
    for (int i = 0; i < BOARD_WRITERS; i++) {
        sight->before[i] = atomic_load(&board->committed[i]);
        sight->got[i] = -1;
    }
}

/* A writer publishes behind its COMMIT: one may be under way. */
static inline void
readers_judge(struct actor *actor, const struct sight *sight)
{
    for (int i = 0; i < BOARD_WRITERS; i++) {
        if (sight->got[i] < 0)
            continue;
        if (sight->got[i] < sight->before[i])
            atomic_fetch_add(&board->stale, 1);
        if (sight->got[i] < actor->seen[i])
            atomic_fetch_add(&board->backward, 1);
        if (sight->got[i] > atomic_load(&board->committed[i]) + 1)
            atomic_fetch_add(&board->beyond, 1);
        actor->seen[i] = sight->got[i];
    }
    atomic_fetch_add(&board->reads, 1);
}

static inline void
readers_point(struct actor *actor, walpool_rows *rows)
{
    static const char *const questions[] = {
        "SELECT n FROM t WHERE id = 1", "SELECT n FROM t WHERE id = 2",
        "SELECT n FROM t WHERE id = 3", "SELECT n FROM t WHERE id = 4"};
    uint32_t which = board_pick(&actor->state, BOARD_WRITERS);
    walpool_statement ask = {.sql = questions[which]};
    struct sight sight;
    readers_begin(&sight);
    CHECK_OK(walpool_read(actor->db, &ask, NULL, rows, &err));
    sight.got[which] = walpool_rows_int64(rows, 0, 0);
    readers_judge(actor, &sight);
}

static const walpool_statement readers_all = {
    .sql = "SELECT n FROM t ORDER BY id"};

static inline void
readers_fill(struct sight *sight, const walpool_rows *rows)
{
    CHECK_INT(walpool_rows_count(rows), BOARD_WRITERS);
    for (int i = 0; i < BOARD_WRITERS; i++)
        sight->got[i] = walpool_rows_int64(rows, (size_t)i, 0);
}

static inline void
readers_whole(struct actor *actor, walpool_rows *rows)
{
    struct sight sight;
    readers_begin(&sight);
    CHECK_OK(walpool_read(actor->db, &readers_all, NULL, rows, &err));
    readers_fill(&sight, rows);
    readers_judge(actor, &sight);
}

/* It is as new as its beginning, and the same until its end. */
static inline void
readers_lease(struct actor *actor, walpool_rows *rows)
{
    struct sight sight, again;
    readers_begin(&sight);
    walpool_lease *lease = api_acquire(actor->db, WALPOOL_READ);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(walpool_run(lease, &readers_all, NULL, rows, &err));
        readers_fill(i == 0 ? &sight : &again, rows);
        if (i > 0 && memcmp(sight.got, again.got, sizeof sight.got) != 0)
            atomic_fetch_add(&board->torn, 1);
        sched_yield();
    }
    CHECK_OK(walpool_release(lease, &err));
    readers_judge(actor, &sight);
}

/* A row of this result is larger than a block: a cursor has the others. */
static inline void
readers_cursor(struct actor *actor, walpool_rows *rows)
{
    walpool_statement ask = {
        .sql = "SELECT (SELECT group_concat(n) FROM (SELECT n FROM t ORDER BY "
               "id)), n, zeroblob(100000) FROM t ORDER BY id"};
    struct sight sight;
    char first[100];
    readers_begin(&sight);
    CHECK_OK(walpool_read(actor->db, &ask, NULL, rows, &err));
    for (size_t i = 0, row = 0; i < BOARD_WRITERS; i++, row++) {
        if (row == walpool_rows_count(rows)) {
            CHECK(api_cursor(rows) != NULL);
            CHECK_OK(walpool_cursor_next(api_cursor(rows), NULL, rows, &err));
            row = 0;
        }
        size_t bytes;
        const char *text = walpool_rows_bytes(rows, row, 0, &bytes);
        if (i == 0)
            snprintf(first, sizeof first, "%.*s", (int)bytes, text);
        if (strlen(first) != bytes || memcmp(first, text, bytes) != 0)
            atomic_fetch_add(&board->torn, 1);
        sight.got[i] = walpool_rows_int64(rows, row, 1);
    }
    if (api_cursor(rows) != NULL)
        CHECK_OK(walpool_cursor_close(api_cursor(rows), &err));
    readers_judge(actor, &sight);
}

static inline void *
readers_look(void *argument)
{
    struct actor *actor = argument;
    walpool_rows rows;
    walpool_rows_init(&rows);
    while (!round_is_over()) {
        uint32_t what = board_pick(&actor->state, 400);
        if (what < 4)
            readers_lease(actor, &rows);
        else if (what < 6)
            readers_cursor(actor, &rows);
        else if (what < 8) /* long enough for the sweeper, now and then */
            round_pause(3000);
        else if (what < 100)
            readers_whole(actor, &rows);
        else
            readers_point(actor, &rows);
    }
    walpool_rows_finish(&rows);
    return NULL;
}

#endif
