/* Seam: the linker lets calls of warm.h and of conn_stay come here first, to
 * count, and to have a commit come at the worst moment.
 *
 * Does: count uses of snapshots that stayed; delay between the moment when a
 * snapshot is taken and the next look at the header.
 * Must not: change what the calls do.
 * Lock: none; the counts are atomic. */
#include <sched.h>

#include "board.h"
#include "warm.h"

struct board *board;

void __real_walpool__warm_use(struct walpool__warm *warm,
                              struct walpool__conn *conn,
                              const struct walpool__walindex *walindex,
                              int64_t keep_ns, int64_t now_ns);
void __wrap_walpool__warm_use(struct walpool__warm *warm,
                              struct walpool__conn *conn,
                              const struct walpool__walindex *walindex,
                              int64_t keep_ns, int64_t now_ns);
bool __real_walpool__conn_stay(struct walpool__conn *conn, int64_t now_ns);
bool __wrap_walpool__conn_stay(struct walpool__conn *conn, int64_t now_ns);

void
__wrap_walpool__warm_use(struct walpool__warm *warm, struct walpool__conn *conn,
                         const struct walpool__walindex *walindex,
                         int64_t keep_ns, int64_t now_ns)
{
    int64_t since = conn->warm_ns;
    __real_walpool__warm_use(warm, conn, walindex, keep_ns, now_ns);
    if (since != 0 && conn->warm_ns == since)
        atomic_fetch_add(&board->warm, 1);
}

/* Now and then, give the writers the time for a commit. */
bool
__wrap_walpool__conn_stay(struct walpool__conn *conn, int64_t now_ns)
{
    static _Thread_local uint64_t state = 1;
    bool stays = __real_walpool__conn_stay(conn, now_ns);
    int64_t before = board_commits();
    int turns = board_pick(&state, 4) == 0 ? 200 : 0;
    while (turns-- > 0 && board_commits() == before)
        sched_yield();
    if (board_commits() != before)
        atomic_fetch_add(&board->moved, 1);
    return stays;
}
