/* Checkpoint run: the steps that policy asks for, one after the other. */
#ifndef WALPOOL_CHECKPOINT_RUN_H
#define WALPOOL_CHECKPOINT_RUN_H

#include "ceiling.h"
#include "checkpoint.h"
#include "policy.h"
#include "pool.h"
#include "walcut.h"
#include "watch.h"
#include "writer.h"

/* What a run works with. */
struct walpool__ckpt_room {
    struct walpool__waitq slot;   /* one run at a time in this process */
    struct walpool__conn *worker; /* NULL until the first run */
    struct walpool__conn *anchor; /* the same; only where SQLite has the
                                     WAL-reset bug */
    struct walpool__writer *writer;
    struct walpool__pool *pool;
    struct walpool__walindex *walindex;
    struct walpool__pin_room pin_room;
    struct walpool__ceiling *ceiling;
    struct walpool__pin foreign; /* of the newest run; pid 0: it was ours, or */
    int64_t foreign_since_ns;    /* nobody. And since when it stands there */
    atomic_bool curable; /* what keeps the WAL will be ended: see policy.h */
    atomic_bool in_hand; /* a run has the writer, or waits for it */
    atomic_bool broken_off; /* a run that nobody asked for is to end at once */
    _Atomic(struct walpool__conn *) copier; /* the worker, to be interrupted */
    struct walpool__poison *poison;
    struct walpool__ownlocks *ownlocks; /* NULL: nobody looks after them */
    struct walpool__watch *watch;       /* NULL: the same */
    struct walpool__stats *stats;
    const walpool_options *options;
    const char *path;
    const char *wal_path;
};

struct walpool__ckpt_wish {
    walpool_checkpoint_mode mode;
    bool asked;      /* by a caller; otherwise what the threshold says */
    int64_t gate_ms; /* how long new readers may be made to wait; 0: never */
};

/* Carry out one run; the caller has the slot. WALPOOL_OK also when it did not
 * get to the end: out->busy says so. */
walpool_status walpool__ckpt_run(struct walpool__ckpt_room *room,
                                 const struct walpool__ckpt_wish *wish,
                                 struct walpool__call *call,
                                 walpool_checkpoint_result *out,
                                 walpool_error *err);

/* Close the connections of the room; no run is under way. */
static inline void
walpool__ckpt_close(struct walpool__ckpt_room *room)
{
    atomic_store(&room->copier, NULL);
    walpool__conn_close(room->worker);
    walpool__conn_close(room->anchor);
    room->worker = room->anchor = NULL;
}

/* A sidecar is lost: save its commits if that does no harm. The caller has the
 * writer. */
void walpool__ckpt_rescue(struct walpool__ckpt_room *room);

#endif
