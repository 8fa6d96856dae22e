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
 *   ours      this process may write         away
 *
 * With strict alternation every write would cost a switch between processes.
 * So a turn may be used for STREAK_NS: meanwhile the process keeps it for its
 * own waiting threads, and may take it again right after it gave it. But when
 * is somebody else waiting? The file has two locks. Who wants to write takes
 * the queue lock first, then waits for the turn, and gives the queue lock back
 * when he has it. In its streak a process goes straight for the turn; after it,
 * it takes the queue lock like anybody, and if another process waits, it is
 * behind that one. The longest wait is then about one streak for each process
 * that writes.
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

enum state { AWAY, ASKED, CAME, OURS };

struct walpool__turn {
    int fd;
    struct walpool__stats *stats;
    int64_t streak_ns; /* when it came through the queue; belongs to whoever
                          has the writer slot, as do the calls below */
    struct walpool__mutex mutex; /* guards the rest */
    struct walpool__cond changed; /* for the keeper */
    enum state state;
    struct walpool__parker *waiting; /* the caller that wants it, or NULL */
    bool keeper_runs, stopping, abandoned;
    struct walpool__thread keeper;
};

struct walpool__turn *
walpool__turn_open(const char *database, struct walpool__stats *stats)
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
    walpool__mutex_init(&turn->mutex);
    walpool__cond_init(&turn->changed);
    return turn;
}

static void
destroy(struct walpool__turn *turn)
{
    walpool__sidelock_close(turn->fd);
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
    walpool__sidelock_wait(fd, WALPOOL__SIDELOCK_QUEUE);
    walpool__sidelock_wait(fd, WALPOOL__SIDELOCK_TURN);
    walpool__sidelock_give(fd, WALPOOL__SIDELOCK_QUEUE);
}

static void
run_keeper(void *arg)
{
    struct walpool__turn *turn = arg;
    bool abandoned;

    walpool__mutex_lock(&turn->mutex);
    while (!turn->stopping) {
        if (turn->state != ASKED) {
            walpool__cond_wait(&turn->changed, &turn->mutex, WALPOOL__NEVER);
            continue;
        }
        walpool__mutex_unlock(&turn->mutex);
        queue_up(turn->fd);
        walpool__mutex_lock(&turn->mutex);
        hand_over(turn);
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

/* Ask the keeper. The mutex is held. False: no thread to be had. */
static bool
ask(struct walpool__turn *turn, struct walpool__parker *parker)
{
    if (!turn->keeper_runs)
        turn->keeper_runs = walpool__thread_start(&turn->keeper, "walpool-turn",
                                                  run_keeper, turn) == 0;
    turn->waiting = parker;
    if (turn->state == AWAY)
        turn->state = ASKED;
    walpool__cond_signal(&turn->changed);
    return turn->keeper_runs;
}

/* Is it ours, or must the call go? The mutex is held. */
static bool
settled(struct walpool__turn *turn, struct walpool__call *call, bool *mine)
{
    *mine = turn->state == CAME || turn->state == OURS;
    if (!*mine && !walpool__call_must_stop(call))
        return false;
    turn->waiting = NULL;
    if (*mine)
        turn->state = OURS;
    return true;
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
        walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_QUEUE);
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

static bool
in_streak(const struct walpool__turn *turn)
{
    return turn->streak_ns &&
           walpool__clock_now() - turn->streak_ns < STREAK_NS;
}

/* Try both locks. On failure the queue lock may be ours: the keeper goes on
 * from there. */
static bool
try_locks(struct walpool__turn *turn)
{
    if (in_streak(turn) &&
        walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_TURN) == 0)
        return true;
    if (walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_QUEUE) != 0)
        return false;
    if (walpool__sidelock_try(turn->fd, WALPOOL__SIDELOCK_TURN) != 0)
        return false;
    walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_QUEUE);
    turn->streak_ns = walpool__clock_now();
    return true;
}

/* Without waiting: kept from the thread before us, or to be had. */
static bool
take_at_once(struct walpool__turn *turn, bool may_wait)
{
    bool mine;

    walpool__mutex_lock(&turn->mutex);
    if (turn->state == AWAY && try_locks(turn))
        turn->state = OURS;
    else if (turn->state == AWAY && !may_wait)
        walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_QUEUE);
    mine = turn->state == OURS;
    walpool__mutex_unlock(&turn->mutex);
    return mine;
}

bool
walpool__turn_take(struct walpool__turn *turn, struct walpool__call *call)
{
    bool may_wait = call->timeout_ms != 0;

    if (LIKELY(take_at_once(turn, may_wait)))
        return true;
    call->phase = WALPOOL_PHASE_TURN;
    if (!may_wait) {
        call->stopped = WALPOOL_TIMEOUT;
        return false;
    }
    if (!wait_for_keeper(turn, call))
        return false;
    turn->streak_ns = walpool__clock_now();
    return true;
}

void
walpool__turn_give(struct walpool__turn *turn, bool next_waits)
{
    if (next_waits && in_streak(turn))
        return;
    walpool__mutex_lock(&turn->mutex);
    if (turn->state == OURS) {
        turn->state = AWAY;
        walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_TURN);
    }
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
