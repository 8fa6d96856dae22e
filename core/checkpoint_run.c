/* Checkpoint run: the steps that policy asks for, one after the other.
 *
 *   step       holds                     waits for
 *   COPY       the right to copy         nobody
 *   FINISH     that, writer and turn     old readers, RESET_BUDGET_NS at most
 *   GATE       that; new readers wait    old readers, the gate's budget at most
 *   INTERRUPT  that; for the second time readers that run, ENDING_BUDGET_NS
 *              new readers wait, too     at most; so does FINISH after it
 *
 * With the writer in hand it is looked once more how much there is to copy: if
 * others have written too much while FINISH waited for it, it gives the writer
 * back. That look, while nobody can write, is also the one that tells for sure
 * whether SQLite's WAL-reset bug has struck.
 *
 * Behind a gate the steps begin anew, now without readers in their way, and
 * the gate opens when they are through.
 *
 * Does: carry out steps, count them, and say what came of it.
 * Must not: decide which step is next (policy.c), or when a run is due
 * (checkpointer.c).
 * Lock: none of ours; the worker belongs to whoever has the slot. */
#include "checkpoint_run.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "fsinfo.h"
#include "rescue.h"

/* Longest wait of a run that nobody asked for, for the writer. */
#define BACKGROUND_MS 1000
/* Longest wait for readers while the writer is held. */
#define RESET_BUDGET_NS 5000000
/* Longest wait for calls that were asked to end their snapshots. */
#define ENDING_BUDGET_NS 20000000
/* Between two looks. */
#define NAP_US 200

struct run {
    struct walpool__ckpt_room *room;
    const struct walpool__ckpt_wish *wish;
    struct walpool__call *call;
    struct walpool__wal_view view;
    struct walpool__pin pin; /* as far as it was looked for */
    bool anchored; /* SQLite has the WAL-reset bug, and others may copy, too */
    bool too_much; /* the newest FINISH was turned away */
    bool worked;   /* some step was done */
    bool gated_now;
    bool unsynced; /* frames were copied and the file was not synced since */
    walpool_checkpoint_result *out;
    walpool_error *err;
};

static bool
is_broken_off(const struct run *run)
{
    return !run->wish->asked && atomic_load(&run->room->broken_off);
}

static walpool_status
stop(struct run *run)
{
    run->call->stopped = WALPOOL_CLOSED;
    return walpool__call_stopped(run->call, "checkpoint", "", run->err);
}

/* A sync that failed: what the disk has is not known any more. Where it was our
 * own, SQLite knows nothing of the error. */
static walpool_status
failed(struct run *run, struct walpool__conn *conn, int rc)
{
    int error = sqlite3_errcode(conn->db) == rc ? sqlite3_system_errno(conn->db)
                                                : errno;

    if (rc == SQLITE_INTERRUPT && is_broken_off(run))
        return stop(run);
    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
        walpool__poison_set(run->room->poison, WALPOOL__POISON_SYNC, error);
    return walpool__conn_error(conn, rc, "checkpoint", run->err);
}

void
walpool__ckpt_rescue(struct walpool__ckpt_room *room)
{
    struct walpool__poison *poison = room->poison;

    if (!room->watch || !room->writer->conn || atomic_load(&poison->saved) ||
        !walpool__poison_is_only(poison, WALPOOL__POISON_SIDECAR) ||
        walpool__rescue_run(room->watch, room->writer->conn) !=
            WALPOOL__RESCUE_DONE)
        return;
    walpool__stats_add(&room->stats->rescues, 1);
    atomic_store(&poison->saved, true);
}

static void
rescue(struct walpool__ckpt_room *room)
{
    struct walpool__call call;

    if (!room->watch || !walpool__watch_may_rescue(room->watch))
        return;
    walpool__call_begin_own(&call, BACKGROUND_MS);
    call.why = "rescue";
    if (walpool__writer_take(room->writer, &call, NULL) != WALPOOL_OK)
        return;
    walpool__ckpt_rescue(room);
    walpool__writer_give(room->writer);
}

/* With a lock lost, after a sync that failed, or from a WAL that was cut short a
 * checkpoint could write what is not true over what is. */
static walpool_status
may_copy(const struct run *run)
{
    struct walpool__ckpt_room *room = run->room;

    if (room->ownlocks)
        walpool__ownlocks_check_open(room->ownlocks); /* poisons */
    if (room->watch)
        walpool__watch_look(room->watch); /* poisons */
    if (walpool__walcut_is_short(room->walindex, room->wal_path) ||
        walpool__walcut_has_hole(room->walindex, room->wal_path))
        walpool__poison_set(room->poison, WALPOOL__POISON_WAL_CUT, 0);
    if (LIKELY(!walpool__poison_is_set(room->poison)))
        return WALPOOL_OK;
    rescue(room);
    return walpool__poison_refuse(room->poison, "cannot checkpoint", run->err);
}

static int64_t
age_ms(struct walpool__holder holder)
{
    return holder.since_ns ? walpool__holder_age_ms(&holder) : -1;
}

/* Of snapshots that no gate ends. Another process's may have gone by now: the
 * run will see. */
static int64_t
oldest_other_ms(const struct walpool__ckpt_room *room)
{
    int64_t ours = age_ms(walpool__pin_oldest_private(&room->pin_room));
    struct walpool__holder other = {
        .since_ns = room->foreign.pid ? room->foreign_since_ns : 0};
    int64_t theirs = age_ms(other);

    return ours > theirs ? ours : theirs;
}

/* The pin is looked for where it decides: it takes some system calls. */
static void
look_for_pin(struct run *run)
{
    run->view.pin_is_pooled = false;
    if (walpool__policy_is_over(&run->view)) {
        run->pin = walpool__pin_find(&run->room->pin_room);
        run->view.pin_is_pooled = run->pin.pooled;
    }
    atomic_store(&run->room->curable, walpool__policy_is_curable(&run->view));
}

/* What is there now. A wal-index in a format that we do not know leaves only
 * the steps that do not depend on it. */
static void
look(struct run *run)
{
    struct walpool__wal_state state = {0, 0};

    if (!walpool__walindex_read(run->room->walindex, &state))
        state.frames = state.checkpointed = (uint32_t)run->view.threshold;
    run->view.frames = state.frames;
    run->view.checkpointed = state.checkpointed;
    run->view.oldest_ms =
        age_ms(walpool__pool_oldest_snapshot(run->room->pool));
    run->view.others_ms = oldest_other_ms(run->room);
    look_for_pin(run);
}

static walpool_status
open_one(struct run *run, struct walpool__conn **conn)
{
    struct walpool__ckpt_room *room = run->room;
    walpool_status status = WALPOOL_OK;

    if (*conn)
        return WALPOOL_OK;
    *conn = walpool__conn_open(room->path, room->options,
                               WALPOOL__CONN_CHECKPOINTER, room->stats,
                               run->call, run->err, &status);
    if (*conn)
        (*conn)->poison = room->poison;
    return status;
}

static walpool_status
open_worker(struct run *run)
{
    walpool_status status = open_one(run, &run->room->worker);

    if (status == WALPOOL_OK && run->anchored)
        status = open_one(run, &run->room->anchor);
    atomic_store(&run->room->copier, run->room->worker);
    return status;
}

/* ------------------------------------------------------------------ steps */

static walpool_status
copy_beside(struct run *run)
{
    struct walpool__ckpt_room *room = run->room;
    int64_t before = run->view.checkpointed;
    bool copied = true;
    int rc = run->anchored
                 ? walpool__checkpoint_copy_anchored(room->worker, room->anchor,
                                                     room->walindex, &copied,
                                                     run->out)
                 : walpool__checkpoint_copy_beside(room->worker, run->out);

    run->view.copies++;
    run->unsynced |= copied;
    if (rc != SQLITE_OK)
        return failed(run, copied ? room->worker : room->anchor, rc);
    look(run);
    run->view.copied_last = run->view.checkpointed - before;
    return WALPOOL_OK;
}

static bool
end_if_old(struct run *run)
{
    return walpool__ceiling_end_old(run->room->pool, run->view.patience_ms,
                                    run->room->stats);
}

static void
end_old_ones(struct run *run)
{
    int64_t until = walpool__clock_now() + ENDING_BUDGET_NS;

    while (end_if_old(run) && walpool__clock_now() < until)
        walpool__thread_nap_us(NAP_US);
}

/* Where newcomers are never made to wait, those who came after INTERRUPT are in
 * the way of FINISH. With the writer in hand nothing is written any more: who
 * comes then keeps no frame from being copied; and when all are copied, who
 * comes keeps nothing. */
static bool
ends_in_hand(const struct run *run)
{
    return run->view.interrupts > 0 && run->view.gate_ms == 0;
}

/* All frames are copied: start anew, as soon as the readers that began before
 * are gone, or not at all. */
static int
reset(struct run *run, walpool_checkpoint_mode mode)
{
    int64_t until = walpool__clock_now() + RESET_BUDGET_NS;

    for (;;) {
        int rc = walpool__checkpoint_reset(run->room->worker, mode, run->out);

        if (rc != SQLITE_OK || !run->out->busy || walpool__clock_now() >= until)
            return rc;
        if (ends_in_hand(run))
            end_old_ones(run);
        walpool__thread_nap_us(NAP_US);
    }
}

/* Nobody can write: is it little enough, and can it be true? */
static walpool_status
look_in_hand(struct run *run)
{
    int64_t most = walpool__policy_most_in_hand(run->view.threshold), pending;
    struct walpool__wal_state state = {0, 0};

    if (walpool__walindex_read(run->room->walindex, &state) &&
        walpool__wal_state_is_false(&state)) {
        walpool__poison_set(run->room->poison, WALPOOL__POISON_WAL_RESET, 0);
        return may_copy(run);
    }
    pending = (int64_t)state.frames - state.checkpointed;
    run->too_much = run->view.beside && pending > most;
    if (!run->too_much)
        walpool__stats_highest(&run->room->stats->frames_in_hand_highest,
                               pending);
    return WALPOOL_OK;
}

/* Copy the rest, and reset if the mode asks; the writer is ours. */
static walpool_status
finish_with_writer(struct run *run)
{
    struct walpool__conn *worker = run->room->worker;
    struct walpool__conn *writer = run->room->writer->conn;
    walpool_checkpoint_mode mode = run->wish->mode;
    walpool_status status;
    int rc = walpool__checkpoint_lock(writer);

    if (rc != SQLITE_OK)
        return walpool__conn_error(writer, rc, "checkpoint", run->err);
    status = look_in_hand(run);
    if (status == WALPOOL_OK && !run->too_much && ends_in_hand(run))
        end_old_ones(run);
    if (status == WALPOOL_OK && !run->too_much)
        rc = walpool__checkpoint_copy_beside(worker, run->out);
    walpool__checkpoint_unlock(writer);
    if (status != WALPOOL_OK || run->too_much)
        return status;
    if (rc == SQLITE_OK && mode >= WALPOOL_RESTART &&
        run->out->outcome == WALPOOL_CHECKPOINT_COMPLETE)
        rc = reset(run, mode);
    return rc == SQLITE_OK ? WALPOOL_OK : failed(run, worker, rc);
}

/* Who waits for a commit should not wait for the disk to take what COPY has
 * written: have it there before. */
static walpool_status
sync_first(struct run *run)
{
    int rc;

    if (!run->unsynced)
        return WALPOOL_OK;
    run->unsynced = false;
    rc = walpool__checkpoint_sync(run->room->worker);
    return rc == SQLITE_OK ? WALPOOL_OK : failed(run, run->room->worker, rc);
}

static walpool_status
finish(struct run *run)
{
    struct walpool__writer *writer = run->room->writer;
    walpool_status status = sync_first(run);
    int64_t began;

    if (status != WALPOOL_OK)
        return status;
    if (!run->wish->asked) {
        walpool__call_begin_own(run->call, BACKGROUND_MS);
        run->call->why = "checkpointer";
    }
    atomic_store(&run->room->in_hand, true);
    status = walpool__writer_take(writer, run->call, run->err);
    if (status != WALPOOL_OK)
        goto out;
    began = walpool__clock_now();
    walpool__call_leave(run->call);
    status = finish_with_writer(run);
    walpool__writer_give(writer);
    walpool__histogram_record(
        &run->room->stats->checkpoint_hold_us,
        (uint64_t)(walpool__clock_now() - began) / 1000);
    run->view.crowded += run->too_much;
    run->view.finished = !run->too_much;
    run->view.done = run->view.finished && !run->out->busy;
out:
    atomic_store(&run->room->in_hand, false);
    return status;
}

static int64_t
gate_end(const struct run *run)
{
    int64_t end = walpool__clock_deadline(run->wish->gate_ms);

    return run->wish->asked && run->call->deadline_ns < end
               ? run->call->deadline_ns
               : end;
}

/* Newcomers wait from here on, until the run ends. True: everybody is home. */
static bool
hold(struct run *run, int64_t until)
{
    run->gated_now = true;
    run->view.gated = true;
    walpool__stats_add(&run->room->stats->reader_gates, 1);
    return walpool__waitq_hold(&run->room->pool->queue, until);
}

/* Has nobody who is out a snapshot? */
static bool
is_drained(struct walpool__pool *pool)
{
    int out, waiting;

    walpool__waitq_count(&pool->queue, &out, &waiting);
    return out <= walpool__pool_ended_count(pool);
}

/* A lease whose snapshot was ended may be out for long: who waits for it to come
 * home would wait in vain. */
static void
shut_gate(struct run *run)
{
    struct walpool__pool *pool = run->room->pool;
    int64_t until = gate_end(run);
    bool empty = hold(run, walpool__pool_ended_count(pool) ? 0 : until);

    while (!empty && !(empty = is_drained(pool)) &&
           walpool__clock_now() < until)
        walpool__thread_nap_us(NAP_US);
    run->view.copies = 0;
    run->view.finished = !empty; /* in vain: nothing has changed */
}

/* Newcomers wait only where it was not enough before: it may take long to copy
 * what was kept until now. */
static void
interrupt(struct run *run)
{
    if (run->view.interrupts > 0 && run->view.gate_ms > 0 && !run->gated_now)
        hold(run, 0);
    end_old_ones(run);
    run->view.interrupts++;
    run->view.copies = 0;
    run->view.finished = false;
}

/* -------------------------------------------------------------------- run */

static walpool_status
take_steps(struct run *run)
{
    walpool_status status = WALPOOL_OK;

    while (status == WALPOOL_OK) {
        enum walpool__step step;

        if (is_broken_off(run))
            return stop(run);
        look(run);
        step = walpool__policy_next(&run->view);
        run->worked |= step != WALPOOL__STEP_END;
        switch (step) {
        case WALPOOL__STEP_COPY:
            status = copy_beside(run);
            break;
        case WALPOOL__STEP_FINISH:
            status = finish(run);
            break;
        case WALPOOL__STEP_GATE:
            shut_gate(run);
            break;
        case WALPOOL__STEP_INTERRUPT:
            interrupt(run);
            break;
        case WALPOOL__STEP_END:
            return WALPOOL_OK;
        }
    }
    return status;
}

/* To wait in vain for another process is no failure of a checkpoint. */
static void
count(struct walpool__stats *stats, walpool_status status)
{
    if (status == WALPOOL_OK) {
        walpool__stats_add(&stats->checkpoints, 1);
        walpool__stats_set(&stats->checkpoint_failing, 0);
    } else if (status != WALPOOL_TIMEOUT && status != WALPOOL_CANCELLED &&
               status != WALPOOL_CLOSED) {
        walpool__stats_add(&stats->checkpoint_failures, 1);
        walpool__stats_set(&stats->checkpoint_status, status);
        walpool__stats_add(&stats->checkpoint_failing, 1);
    }
}

static walpool_status
run_counted(struct run *run)
{
    int64_t began = walpool__clock_now();
    walpool_status status;

    walpool__stats_highest(&run->room->stats->wal_bytes_highest,
                           walpool__fsinfo_size(run->room->wal_path));
    walpool__call_leave(run->call);
    status = may_copy(run);
    if (status == WALPOOL_OK)
        status = open_worker(run);
    walpool__pool_cool(run->room->pool, true);
    if (status == WALPOOL_OK)
        status = take_steps(run);
    walpool__pool_cool(run->room->pool, false);
    if (run->gated_now)
        walpool__waitq_release(&run->room->pool->queue);
    if (!run->worked)
        return status;
    walpool__histogram_record(
        &run->room->stats->checkpoint_us,
        (uint64_t)(walpool__clock_now() - began) / 1000);
    count(run->room->stats, status);
    return status;
}

/* Another process's, as far as it is in the same place at every look. */
static void
remember_foreign(struct walpool__ckpt_room *room, const struct walpool__pin *pin)
{
    bool same = room->foreign.pid == pin->pid &&
                room->foreign.frame == pin->frame;

    room->foreign = *pin;
    if (pin->ours)
        room->foreign.pid = 0;
    if (!same)
        room->foreign_since_ns = walpool__clock_now();
}

/* Who is in the way? */
static void
tell_pin(struct run *run)
{
    walpool_checkpoint_result *out = run->out;

    run->pin = walpool__pin_find(&run->room->pin_room);
    remember_foreign(run->room, &run->pin);
    if (!run->pin.pid)
        return;
    out->pinned_pid = run->pin.pid;
    out->pinned_frame = (int32_t)run->pin.frame;
    memcpy(out->pinned_why, run->pin.why, sizeof out->pinned_why);
}

/* A run that never had the writer knows nothing new: it was another's turn. */
static void
conclude(struct run *run, walpool_status status)
{
    bool stopped = status == WALPOOL_TIMEOUT || status == WALPOOL_CANCELLED ||
                   status == WALPOOL_CLOSED;

    if (status == WALPOOL_OK && run->out->busy)
        tell_pin(run);
    else if (status == WALPOOL_OK)
        run->room->foreign.pid = 0;
    if (status != WALPOOL_OK)
        atomic_store(&run->room->curable, false);
    if (!stopped)
        walpool__ceiling_note(run->room->ceiling,
                              walpool__policy_is_over(&run->view), &run->pin);
}

static walpool_status
other_checkpointer(struct run *run)
{
    atomic_store(&run->room->curable, false);
    run->out->outcome = WALPOOL_CHECKPOINT_OTHER;
    run->out->busy = 1;
    return WALPOOL_OK;
}

walpool_status
walpool__ckpt_run(struct walpool__ckpt_room *room,
                  const struct walpool__ckpt_wish *wish,
                  struct walpool__call *call, walpool_checkpoint_result *out,
                  walpool_error *err)
{
    struct walpool__turn *turn = room->writer->turn;
    int error = walpool__turn_try_copy(turn);
    struct run run = {.room = room, .wish = wish, .call = call,
                      .out = out, .err = err};
    walpool_version_info version;
    walpool_status status;

    walpool_version(&version);
    /* On an old SQLite only where no other process copies meanwhile. */
    run.view.beside = error == 0 || version.wal_reset_safe;
    run.anchored = !version.wal_reset_safe;
    run.view.threshold = room->options->checkpoint_frames;
    run.view.ceiling = room->ceiling->frames;
    run.view.policy = room->ceiling->policy;
    run.view.patience_ms = room->options->reader_gate_ms;
    run.view.asked = wish->asked;
    run.view.gate_ms = wish->gate_ms;
    if (error == EAGAIN)
        return other_checkpointer(&run);
    status = run_counted(&run);
    conclude(&run, status);
    if (error == 0)
        walpool__turn_end_copy(turn);
    return status;
}
