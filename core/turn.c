/* Turn: the right of this process to write, among all that use the file.
 *
 * SQLite's own waiting is a contest: who sleeps longest between two tries
 * loses, and with many processes some get one transaction in seconds. The
 * kernel's queue for a file lock is fair, but it has no timed wait. So the
 * lock is tried without waiting; if somebody has it, a keeper thread waits in
 * the kernel, and the caller waits for the keeper, with its deadline and its
 * token. A caller that gives up leaves the keeper waiting: the next caller
 * finds it in the queue already, and a turn that nobody wants is given on.
 *
 *   state     meaning                        next
 *   away      others have it, or nobody      ours (try), asked
 *   asked     the keeper waits in the kernel came
 *   came      the keeper has it for us       ours, or away (nobody wants it)
 *   ours      this process may write         away, kept
 *   kept      nobody here writes just now    ours, away (the streak is over)
 *
 * With strict alternation every write would cost a switch between processes.
 * So a turn may be used for STREAK_NS, and may be taken again right after it
 * was given. But when is somebody else waiting? The file has locks for that. Who
 * wants to write takes the queue lock first, then waits for the turn, and gives
 * the queue lock back when he has it. In its streak a process goes straight for
 * the turn; after it, it takes the queue lock like anybody, and if another
 * process waits, it is behind that one. The longest wait is then about one
 * streak for each process that writes.
 *
 * To give a lock and take it again costs more than a tenth of a small
 * transaction. So in its streak a process keeps the turn between two writes, if
 * another thread of it waits, or if the last writes followed each other within
 * GAP_NS. At the end of a streak it looks at the queue lock: if nobody is
 * in line, the next streak begins. Where the expected write does not come, the
 * keeper gives the turn on at the end of the streak, through `idle`: a process
 * that does not write keeps nobody from writing.
 *
 * Does: take turns.
 * Must not: touch the database.
 * Lock: `mutex` guards what is below it; the file lock is waited for without
 * it. */
#include "turn.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "clock.h"
#include "mem.h"
#include "sidelock.h"

#define STREAK_NS 1000000
#define GAP_NS 50000
#define SLOW_NAP_US 20
#define SLOW_TRIES 50
#define CLOSE_WRITES 3 /* in a row, before another one is expected */

enum state { AWAY, ASKED, CAME, OURS, KEPT };

struct walpool__turn {
    int fd;
    struct walpool__stats *stats;
    void (*idle)(void *arg);
    void *idle_arg;
    int close_writes; /* in a row that followed the one before closely; belongs
                         to whoever has the writer slot, as do the calls below */
    struct walpool__mutex mutex; /* guards the rest */
    int64_t streak_ns; /* when the streak began; 0: there is none */
    int64_t gave_ns;   /* when the last write ended */
    struct walpool__cond changed; /* for the keeper */
    struct walpool__cond called;  /* `idle` has returned */
    enum state state;
    struct walpool__parker *waiting; /* the caller that wants it, or NULL */
    bool keeper_runs, stopping, abandoned;
    bool watching; /* the keeper looks after what is kept */
    bool calling;  /* it is in `idle` */
    bool keeps_none;
    bool is_next;  /* the queue lock is ours: the keeper goes on from there */
    struct walpool__thread keeper;
};

struct walpool__turn *
walpool__turn_open(const char *database, struct walpool__stats *stats,
                   void (*idle)(void *arg), void *arg)
{
    struct walpool__turn *turn = walpool__mem_zalloc(sizeof *turn);
    char path[4200];

    if (!turn) {
        errno = ENOMEM;
        return NULL;
    }
    snprintf(path, sizeof path, "%s-turn", database);
    turn->fd = walpool__sidelock_open(path, database);
    if (turn->fd < 0) {
        int error = errno;

        walpool__mem_free(turn);
        errno = error;
        return NULL;
    }
    turn->stats = stats;
    turn->idle = idle;
    turn->idle_arg = arg;
    walpool__mutex_init(&turn->mutex);
    walpool__cond_init(&turn->changed);
    walpool__cond_init(&turn->called);
    return turn;
}

static void
destroy(struct walpool__turn *turn)
{
    walpool__sidelock_close(turn->fd);
    walpool__cond_finish(&turn->called);
    walpool__cond_finish(&turn->changed);
    walpool__mutex_finish(&turn->mutex);
    walpool__mem_free(turn);
}

/* ------------------------------------------------------------- the keeper */

/* The lock is ours, in the keeper's hands: to the caller, or on. */
static void
hand_over(struct walpool__turn *turn)
{
    if (turn->waiting) {
        turn->state = CAME;
        walpool__parker_wake(turn->waiting);
    } else {
        turn->state = AWAY;
        walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_TURN);
    }
}

/* In line, and then the turn. Whether the queue lock is ours already does not
 * matter: the locks are the descriptor's. */
static void
queue_up(int fd)
{
    walpool__sidelock_join(fd);
    walpool__sidelock_wait(fd, WALPOOL__SIDELOCK_QUEUE);
    walpool__sidelock_wait(fd, WALPOOL__SIDELOCK_TURN);
    walpool__sidelock_give(fd, WALPOOL__SIDELOCK_LINE);
    walpool__sidelock_give(fd, WALPOOL__SIDELOCK_QUEUE);
}

/* The kernel wakes the first in line when the queue lock is free, and lets
 * anybody take it until that one has come to his senses: who comes anew would
 * be before all who wait. So he waits until it is taken. Who has it leaves the
 * line first: whoever stands there while it is free is about to take it. */
static void
let_the_first_in(int fd)
{
    for (int i = 0; i < SLOW_TRIES &&
                    !walpool__sidelock_is_others(fd, WALPOOL__SIDELOCK_QUEUE) &&
                    walpool__sidelock_is_others(fd, WALPOOL__SIDELOCK_LINE);
         i++)
        walpool__thread_nap_us(SLOW_NAP_US);
}

/* When to look again. A write that is just between two others is no idle one:
 * its process looks at the queue by itself. */
static int64_t
watch_until(const struct walpool__turn *turn)
{
    int64_t end = turn->streak_ns + STREAK_NS;

    if (turn->state != KEPT)
        return turn->gave_ns + STREAK_NS;
    return end > turn->gave_ns + GAP_NS ? end : turn->gave_ns + GAP_NS;
}

/* Look after what is kept. The mutex is held, and given up meanwhile. */
static void
watch(struct walpool__turn *turn)
{
    int64_t until = watch_until(turn);

    if (walpool__clock_now() < until) {
        walpool__cond_wait(&turn->changed, &turn->mutex, until);
        return;
    }
    if (turn->state != KEPT || turn->keeps_none) {
        turn->watching = false;
        return;
    }
    turn->gave_ns = walpool__clock_now(); /* not again at once */
    turn->calling = true;
    walpool__mutex_unlock(&turn->mutex);
    turn->idle(turn->idle_arg);
    walpool__mutex_lock(&turn->mutex);
    turn->calling = false;
    walpool__cond_broadcast(&turn->called);
}

static void
run_keeper(void *arg)
{
    struct walpool__turn *turn = arg;
    bool abandoned;

    walpool__mutex_lock(&turn->mutex);
    while (!turn->stopping) {
        if (turn->state == ASKED) {
            bool is_next = turn->is_next;

            turn->is_next = false;
            walpool__mutex_unlock(&turn->mutex);
            if (!is_next)
                let_the_first_in(turn->fd);
            queue_up(turn->fd);
            walpool__mutex_lock(&turn->mutex);
            hand_over(turn);
        } else if (turn->watching) {
            watch(turn);
        } else {
            walpool__cond_wait(&turn->changed, &turn->mutex, WALPOOL__NEVER);
        }
    }
    abandoned = turn->abandoned;
    walpool__mutex_unlock(&turn->mutex);
    if (abandoned)
        destroy(turn);
}

/* The keeper sleeps in the kernel for as long as another process keeps the
 * turn, and cannot be woken: leave it the memory, it ends by itself. */
void
walpool__turn_close(struct walpool__turn *turn)
{
    bool keeper_runs;

    if (!turn)
        return;
    walpool__mutex_lock(&turn->mutex);
    keeper_runs = turn->keeper_runs;
    turn->stopping = true;
    turn->abandoned = keeper_runs && turn->state == ASKED;
    walpool__cond_signal(&turn->changed);
    if (turn->abandoned) {
        walpool__thread_detach(&turn->keeper);
        walpool__mutex_unlock(&turn->mutex);
        return;
    }
    walpool__mutex_unlock(&turn->mutex);
    if (keeper_runs)
        walpool__thread_join(&turn->keeper);
    destroy(turn);
}

/* ------------------------------------------------------------- the caller */

/* The mutex is held. False: no thread to be had. */
static bool
have_keeper(struct walpool__turn *turn)
{
    if (!turn->keeper_runs)
        turn->keeper_runs = walpool__thread_start(&turn->keeper, "walpool-turn",
                                                  run_keeper, turn) == 0;
    return turn->keeper_runs;
}

/* Ask the keeper. The mutex is held. False: there is none. */
static bool
ask(struct walpool__turn *turn, struct walpool__parker *parker)
{
    bool runs = have_keeper(turn);

    turn->waiting = parker;
    if (turn->state == AWAY)
        turn->state = ASKED;
    walpool__cond_signal(&turn->changed);
    return runs;
}

/* Is it ours, or must the call go? The mutex is held. */
static bool
settled(struct walpool__turn *turn, struct walpool__call *call, bool *mine)
{
    *mine = turn->state == CAME || turn->state == OURS;
    if (!*mine && !walpool__call_must_stop(call))
        return false;
    turn->waiting = NULL;
    if (turn->state == CAME)
        turn->streak_ns = walpool__clock_now();
    if (*mine)
        turn->state = OURS;
    return true;
}

/* Nobody goes on from the queue lock. The mutex is held. */
static void
leave_queue(struct walpool__turn *turn)
{
    turn->is_next = false;
    walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_QUEUE);
}

static bool
wait_for_keeper(struct walpool__turn *turn, struct walpool__call *call)
{
    struct walpool__parker parker;
    struct walpool__sleeper sleeper;
    bool mine;

    walpool__parker_init(&parker);
    walpool__call_leave(call);
    walpool__token_watch(call->token, &sleeper, &parker);
    walpool__mutex_lock(&turn->mutex);
    walpool__stats_add(&turn->stats->turn_waits, 1);
    if (!ask(turn, &parker)) { /* no thread to be had: SQLite's lock decides */
        turn->state = OURS;
        turn->streak_ns = 0;
        leave_queue(turn);
    }
    while (!settled(turn, call, &mine)) {
        walpool__mutex_unlock(&turn->mutex);
        walpool__parker_sleep(&parker, call->deadline_ns);
        walpool__mutex_lock(&turn->mutex);
    }
    walpool__mutex_unlock(&turn->mutex);
    walpool__token_unwatch(call->token, &sleeper);
    walpool__parker_finish(&parker);
    return mine;
}

/* The mutex is held. */
static bool
in_streak(const struct walpool__turn *turn, int64_t now)
{
    return turn->streak_ns && now - turn->streak_ns < STREAK_NS;
}

/* Try both locks. On failure the queue lock may be ours: the keeper goes on
 * from there. */
static bool
try_locks(struct walpool__turn *turn)
{
    if (in_streak(turn, walpool__clock_now()) &&
        walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_TURN) == 0)
        return true;
    if (walpool__sidelock_is_others(turn->fd, WALPOOL__SIDELOCK_LINE) ||
        walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_QUEUE) != 0)
        return false;
    turn->is_next = true;
    if (walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_TURN) != 0)
        return false;
    leave_queue(turn);
    turn->streak_ns = walpool__clock_now();
    return true;
}

/* A write begins. The mutex is held. */
static void
note_gap(struct walpool__turn *turn, int64_t started_ns)
{
    if (!turn->gave_ns || started_ns - turn->gave_ns >= GAP_NS)
        turn->close_writes = 0;
    else if (turn->close_writes < CLOSE_WRITES)
        turn->close_writes++;
}

/* Without waiting: kept from the thread before us, or to be had. */
static bool
take_at_once(struct walpool__turn *turn, const struct walpool__call *call,
             bool may_wait)
{
    bool mine;

    walpool__mutex_lock(&turn->mutex);
    if (turn->state == KEPT || (turn->state == AWAY && try_locks(turn)))
        turn->state = OURS;
    else if (turn->state == AWAY && !may_wait)
        leave_queue(turn);
    mine = turn->state == OURS;
    note_gap(turn, call->started_ns);
    walpool__mutex_unlock(&turn->mutex);
    return mine;
}

bool
walpool__turn_take(struct walpool__turn *turn, struct walpool__call *call)
{
    bool may_wait = call->timeout_ms != 0;

    if (LIKELY(take_at_once(turn, call, may_wait)))
        return true;
    call->phase = WALPOOL_PHASE_TURN;
    if (!may_wait) {
        call->stopped = WALPOOL_TIMEOUT;
        return false;
    }
    return wait_for_keeper(turn, call);
}

bool
walpool__turn_is_hot(const struct walpool__turn *turn)
{
    return turn->close_writes >= CLOSE_WRITES;
}

/* Who is in line has the queue lock. The turn is ours, so nobody else gives the
 * queue lock back for having it. */
static bool
is_somebody_in_line(const struct walpool__turn *turn)
{
    if (walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_QUEUE) != 0)
        return true;
    walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_QUEUE);
    return false;
}

/* May the process go on after this write? The mutex is held. */
static bool
may_stay(struct walpool__turn *turn, int64_t now)
{
    if (turn->state != OURS || turn->keeps_none || !turn->streak_ns ||
        !have_keeper(turn))
        return false;
    if (in_streak(turn, now))
        return true;
    if (is_somebody_in_line(turn))
        return false;
    turn->streak_ns = now;
    return true;
}

/* The keeper is to see that what is kept is used. The mutex is held. */
static void
look_after(struct walpool__turn *turn)
{
    if (!turn->watching)
        walpool__cond_signal(&turn->changed);
    turn->watching = true;
}

bool
walpool__turn_stay(struct walpool__turn *turn, bool next_waits, int64_t now)
{
    bool stays;

    walpool__mutex_lock(&turn->mutex);
    turn->gave_ns = now;
    stays = (next_waits || walpool__turn_is_hot(turn)) && may_stay(turn, now);
    if (stays) {
        turn->state = KEPT;
        look_after(turn);
    }
    walpool__mutex_unlock(&turn->mutex);
    return stays;
}

void
walpool__turn_give(struct walpool__turn *turn)
{
    walpool__mutex_lock(&turn->mutex);
    if (turn->state == OURS || turn->state == KEPT) {
        turn->state = AWAY;
        walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_TURN);
    }
    walpool__mutex_unlock(&turn->mutex);
}

void
walpool__turn_keep_none(struct walpool__turn *turn, bool none)
{
    walpool__mutex_lock(&turn->mutex);
    turn->keeps_none = none;
    while (turn->calling)
        walpool__cond_wait(&turn->called, &turn->mutex, WALPOOL__NEVER);
    if (!none && turn->state == KEPT) /* the keeper had to look away */
        look_after(turn);
    walpool__mutex_unlock(&turn->mutex);
}

int
walpool__turn_try_copy(struct walpool__turn *turn)
{
    return turn ? walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_COPY)
                : ENOTSUP;
}

void
walpool__turn_end_copy(struct walpool__turn *turn)
{
    walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_COPY);
}

void
walpool__turn_forget_in_child(struct walpool__turn *turn)
{
    if (turn)
        walpool__sidelock_close(turn->fd);
}
