/* Board: memory that the processes of the oracle share. Writers publish there
 * what they have committed, readers what they have seen that they must not. */
#ifndef BOARD_H
#define BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { BOARD_WRITERS = 4 };

struct board {
    _Atomic int64_t committed[BOARD_WRITERS]; /* once COMMIT has returned */
    atomic_bool over;
    atomic_long reads;    /* all of them */
    atomic_long warm;     /* of these, from a snapshot that stayed */
    atomic_long moved;    /* snapshots during which a commit came */
    atomic_long stale;    /* less was seen than was committed before */
    atomic_long backward; /* less than by the same thread before */
    atomic_long beyond;   /* more than any writer can have committed */
    atomic_long torn;     /* one snapshot showed two states */
};

extern struct board *board;

static inline int64_t
board_commits(void)
{
    int64_t all = 0;
    for (int i = 0; i < BOARD_WRITERS; i++)
        all += atomic_load(&board->committed[i]);
    return all;
}

/* A number below `below`; each thread has a state of its own. */
static inline uint32_t
board_pick(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

#endif
