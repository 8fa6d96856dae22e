/* Round: what the processes of the oracle know of each other. */
#ifndef ROUND_H
#define ROUND_H

#include "../child.h"
#include "../plain.h"
#include "board.h"

enum who { HERE, OTHER, PLAIN, SHELL }; /* rows 1 to 4 of t */

static struct {
    uint64_t seed;
    int keep_ms;                /* option snapshot_keep */
    int pace_us[BOARD_WRITERS]; /* pause between bursts */
    int burst[BOARD_WRITERS];   /* commits between pauses */
    bool writes[BOARD_WRITERS];
    bool disturbs;    /* checkpoints, changes of schema, VACUUM */
    bool copies_each; /* the other process copies each of its commits, and
                         waits behind both until readers have moved on */
    char path[512];
} this_round;

struct actor {
    pthread_t thread;
    walpool *db;
    enum who who;
    uint64_t state;
    int64_t seen[BOARD_WRITERS]; /* the most, by a reader */
};

static inline void
round_make_file(void)
{
    snprintf(this_round.path, sizeof this_round.path, "%s", check_path("a.db"));
    plain_run(this_round.path,
              "PRAGMA journal_mode = WAL;"
              "CREATE TABLE t(id INTEGER PRIMARY KEY, n);"
              "INSERT INTO t VALUES (1, 0), (2, 0), (3, 0), (4, 0);"
              "CREATE TABLE filler(v);"
              "INSERT INTO filler VALUES (zeroblob(20000))");
}

static inline walpool *
round_open(void)
{
    char options[120];
    snprintf(options, sizeof options, "readers=2&busy_timeout=50000&"
             "checkpoint_frames=%d&snapshot_keep=%d",
             this_round.copies_each ? 100000 : 50, this_round.keep_ms);
    return api_open("a.db", options);
}

static inline bool
round_is_over(void)
{
    return atomic_load(&board->over);
}

static inline void
round_start(struct actor *actor, void *(*body)(void *))
{
    CHECK_INT(pthread_create(&actor->thread, NULL, body, actor), 0);
}

static inline void
round_pause(int us)
{
    if (us > 0)
        nanosleep(&(struct timespec){0, us * 1000L}, NULL);
}

/* After a commit: publish it, and keep to the pace. */
static inline void
round_publish(enum who who)
{
    int64_t count = atomic_fetch_add(&board->committed[who], 1) + 1;
    if (count % this_round.burst[who] == 0)
        round_pause(this_round.pace_us[who]);
}

static inline bool
round_has_shell(void)
{
    static int known = -1;
    if (known < 0)
        known = system("command -v sqlite3 >/dev/null 2>&1") == 0;
    return known;
}

#endif
