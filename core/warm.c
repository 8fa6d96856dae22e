/* Warm: a reader's snapshot that stays open between two uses.
 *
 * Four fifths of a point read are the read transaction around it: two locks
 * asked of the kernel. So the transaction stays open, and the next use asks
 * instead whether any commit came since, in any process: that is in the header
 * of the wal-index, 48 bytes of memory that SQLite itself maps. A writer
 * changes it before its COMMIT returns. If it is the one that the snapshot
 * began with, then this snapshot is the newest.
 *
 * Which one did it begin with? It is read before and after the snapshot is
 * taken. If it moved meanwhile nobody knows, and the snapshot serves one use,
 * for which it is new enough.
 *
 * A snapshot that stays keeps checkpoints back: it ends when it is as old as
 * uses may lie apart, however often it is used. Where commits come faster than
 * uses there is nothing to gain, and no try is made for a while.
 *
 * Does: keep, compare, renew, end.
 * Must not: wait, or look after connections that nobody uses: keeper of the
 * pool (sweeper.c) does.
 * Lock: none; whoever has the connection leased is its only user. */
#include "warm.h"

#include <string.h>

#define MOST_DOUBTS 6

static void
doubt(struct walpool__warm *warm)
{
    if (warm->doubts < MOST_DOUBTS)
        warm->doubts++;
    warm->skip = (1 << warm->doubts) - 2;
}

void
walpool__warm_end(struct walpool__warm *warm, struct walpool__conn *conn)
{
    if (!conn->warm_ns)
        return;
    walpool__conn_cool(conn);
    if (warm->reused)
        warm->doubts = warm->skip = 0;
    else
        doubt(warm);
}

static bool
is_newest(const struct walpool__warm *warm, const struct walpool__conn *conn,
          const struct walpool__walindex *walindex, int64_t keep_ns,
          int64_t now_ns)
{
    return now_ns - conn->warm_ns < keep_ns && !conn->failed &&
           walpool__walindex_is(walindex, &warm->began);
}

static void
begin(struct walpool__warm *warm, struct walpool__conn *conn,
      const struct walpool__walindex *walindex, int64_t now_ns)
{
    if (!walpool__walindex_header(walindex, &warm->began) ||
        !walpool__conn_stay(conn, now_ns))
        return;
    warm->reused = false;
    if (!walpool__walindex_is(walindex, &warm->began))
        memset(&warm->began, 0, sizeof warm->began);
}

void
walpool__warm_use(struct walpool__warm *warm, struct walpool__conn *conn,
                  const struct walpool__walindex *walindex, int64_t keep_ns,
                  int64_t now_ns)
{
    bool soon = now_ns - warm->used_ns < keep_ns;

    warm->used_ns = now_ns;
    if (LIKELY(conn->warm_ns)) {
        if (LIKELY(is_newest(warm, conn, walindex, keep_ns, now_ns))) {
            warm->reused = true;
            return;
        }
        walpool__warm_end(warm, conn);
    }
    conn->failed = false;
    if (!soon)
        return;
    if (warm->skip > 0)
        warm->skip--;
    else
        begin(warm, conn, walindex, now_ns);
}
