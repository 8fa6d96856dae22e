/* Scenes of stepping ahead: users that read results block by block, threads
 * that fill the next ones, cancels, deadlines, frees at any moment, and a stop
 * of the threads while all that goes on.
 *
 * A block holds its number. Who is aboard a result may use what makes its
 * blocks: its user where nobody steps ahead, or a thread; never both.
 *
 * Does: what a cursor does with its blocks, without SQLite.
 * Must not: change what it looks at in a result or in the crew.
 * Lock: none, there is one real thread. */
#include "scenes.h"

#include <string.h>

#include "ahead.h"
#include "error.h"
#include "roll.h"
#include "ticket.h"

#define MS 1000000
#define UNTIL_STOPPED SIM_NEVER /* a fill that ends with the result only */

enum { RESULTS = 4, BLOCKS = 6, BUFFER_BYTES = 256 };

struct result {
    char name[4];
    int last;       /* block; it ends with that */
    int fails_at;   /* block; 0: none */
    int free_after; /* blocks, at the latest */
    struct { /* of each block, or of the call that asks for it */
        int64_t fill_ns, timeout_ms, rest_ns;
        bool waits; /* its user must look at it first */
        bool small; /* offers a buffer first that cannot hold it */
    } of[BLOCKS];
    struct ticket *ticket;
    struct walpool__ahead *ahead;
    struct walpool__call call;
    int user;         /* thread */
    int made, given;  /* blocks */
    int filler;       /* thread + 1 in `fill` */
    bool aboard;      /* its user is */
    bool takes, frees, freed;
    _Alignas(8) unsigned char buffer[BUFFER_BYTES];
};

static struct {
    struct walpool__steppers steppers;
    struct result results[RESULTS];
    struct ticket ticket;
    int count;
    bool stops, stopped;
} scene;

/* ----------------------------------------------------------------- filling */

static void
begin_fill(struct result *its)
{
    SIM_CHECK(!its->filler, "threads %d and %d fill %s at once",
              its->filler - 1, sim_self(), its->name);
    its->filler = sim_self() + 1;
    if (sim_self() == its->user)
        return;
    SIM_CHECK(!scene.stopped, "%s is filled ahead after the stop", its->name);
    SIM_CHECK(!its->freed, "%s is filled after it was freed", its->name);
    SIM_CHECK(!its->aboard, "%s is filled while its user is aboard", its->name);
    SIM_CHECK(its->ahead->state == WALPOOL__AHEAD_RUNS,
              "%s is filled, and its state is %d", its->name,
              (int)its->ahead->state);
    /* One that its user is taking may count as given, or not yet. */
    SIM_CHECK(its->made - its->given <
                  WALPOOL__AHEAD_BLOCKS + (its->takes ? 1 : 0),
              "more than two blocks of %s are filled", its->name);
}

static void
end_fill(struct result *its)
{
    SIM_CHECK(its->filler == sim_self() + 1, "another fills %s, too",
              its->name);
    SIM_CHECK(!its->freed, "%s is freed while it is filled", its->name);
    its->made++;
    its->filler = 0;
}

static void
sleep_until_stopped(struct walpool__call *call)
{
    struct walpool__sleeper sleeper;
    struct walpool__parker parker;
    walpool__parker_init(&parker);
    walpool__token_watch(call->token, &sleeper, &parker);
    while (!walpool__call_must_stop(call))
        walpool__parker_sleep(&parker, call->deadline_ns);
    walpool__token_unwatch(call->token, &sleeper);
    walpool__parker_finish(&parker);
}

static void
write_number(walpool_rows *rows, int number)
{
    rows->building = 0;
    SIM_CHECK(walpool_rows_begin(rows, 1, NULL, NULL) == WALPOOL_OK &&
                  walpool_rows_add_int64(rows, number, NULL) == WALPOOL_OK,
              "a block has no room");
}

static enum walpool__ahead_next
fill(void *owner, struct walpool__call *call, walpool_rows *rows,
     walpool_status *status, walpool_error *err)
{
    struct result *its = owner;
    int number = its->made + 1;
    int64_t fill_ns = its->of[its->made].fill_ns;
    begin_fill(its);
    sim_must_hold_none("fill");
    sim_point("fill", its);
    if (fill_ns != UNTIL_STOPPED)
        sim_nap_ns(fill_ns);
    else if (sim_self() != its->user)
        sleep_until_stopped(call);
    *status = WALPOOL_OK;
    if (call->stopped != WALPOOL_OK)
        *status = walpool__call_stopped(call, "fill", "", err);
    else if (number == its->fails_at)
        *status = walpool__error_set(err, WALPOOL_IO, "no block %d", number);
    else
        write_number(rows, number);
    end_fill(its);
    if (*status != WALPOOL_OK || number == its->last)
        return WALPOOL__AHEAD_ENDED;
    return its->of[number - 1].waits ? WALPOOL__AHEAD_WAITS
                                     : WALPOOL__AHEAD_GOES_ON;
}

/* ------------------------------------------------------------------- users */

static void
board(struct result *its)
{
    SIM_CHECK(!its->filler,
              "the user of %s comes aboard, and a thread is there", its->name);
    its->aboard = true;
}

static void
leave(void *unused)
{
    (void)unused;
    sim_must_hold_none("leave");
    sim_point("leave", NULL);
}

static void
check_block(struct result *its, const walpool_rows *rows, walpool_status status,
            enum walpool__ahead_next next)
{
    int number = ++its->given;
    if (number == its->fails_at) {
        SIM_CHECK(status == WALPOOL_IO && next == WALPOOL__AHEAD_ENDED,
                  "block %d of %s fails, and reports %d", number, its->name,
                  (int)status);
        return;
    }
    SIM_CHECK(status == WALPOOL_OK, "block %d of %s reports %d", number,
              its->name, (int)status);
    SIM_CHECK(walpool_rows_int64(rows, 0, 0) == number,
              "%s gives block %d in place of block %d", its->name,
              (int)walpool_rows_int64(rows, 0, 0), number);
    SIM_CHECK((next == WALPOOL__AHEAD_ENDED) == (number == its->last),
              "block %d of %s is not followed by what follows it", number,
              its->name);
}

/* The timeouts of a database are for waiting, not for running. */
static void
check_stopped(const struct result *its, walpool_status status,
              enum walpool__ahead_next next, bool was_there)
{
    SIM_CHECK(!was_there, "a block of %s is there, and it is not given",
              its->name);
    SIM_CHECK(status == its->call.stopped && next == WALPOOL__AHEAD_ENDED,
              "a call that was stopped reports %d", (int)status);
    SIM_CHECK(status != WALPOOL_TIMEOUT || !its->call.waits_only,
              "a call ends at a deadline that it has not");
    ticket_check_stopped(its->ticket, &its->call, false);
}

/* Where the block is there, it stays. */
static void
offer_small_buffer(struct result *its)
{
    _Alignas(8) unsigned char small[BUFFER_BYTES / 2];
    enum walpool__ahead_next next;
    walpool_status status;
    walpool_rows rows;
    if (its->ahead->filled == 0 || its->given + 1 == its->fails_at)
        return;
    walpool_rows_wrap(&rows, small, sizeof small);
    SIM_CHECK(walpool__ahead_take(its->ahead, &its->call, &rows, &next, &status,
                                  NULL) &&
                  status == WALPOOL_TOOBIG && next == WALPOOL__AHEAD_WAITS,
              "a small buffer is not refused");
}

static enum walpool__ahead_next
take(struct result *its, walpool_rows *rows)
{
    enum walpool__ahead_next next;
    walpool_status status;
    bool taken, was_there = its->ahead->filled > 0;
    its->takes = true;
    taken = walpool__ahead_take(its->ahead, &its->call, rows, &next, &status,
                                NULL);
    its->takes = false;
    if (taken && its->call.stopped != WALPOOL_OK) {
        check_stopped(its, status, next, was_there);
        return next;
    }
    if (!taken) {
        SIM_CHECK(!was_there, "a block of %s is there, and nobody has it",
                  its->name);
        board(its);
        next = fill(its, &its->call, rows, &status, NULL);
    }
    check_block(its, rows, status, next);
    return next;
}

/* What follows block `n`, counted from 0; ENDED: nothing, for its user. */
static enum walpool__ahead_next
get_block(struct result *its, int n)
{
    enum walpool__ahead_next next;
    walpool_rows rows;
    walpool_rows_wrap(&rows, its->buffer, BUFFER_BYTES);
    if (!ticket_begin(its->ticket, &its->call, its->of[n].timeout_ms, leave,
                      NULL))
        return WALPOOL__AHEAD_ENDED;
    if (its->of[n].small)
        offer_small_buffer(its);
    next = take(its, &rows);
    walpool__call_end(&its->call);
    if (next == WALPOOL__AHEAD_WAITS)
        board(its);
    return next;
}

static void
start(struct result *its)
{
    its->aboard = false;
    walpool__ahead_start(its->ahead);
}

static void
end_result(struct result *its)
{
    its->frees = true;
    walpool__ahead_free(its->ahead);
    its->freed = true;
    board(its);
}

static void
read_result(void *arg)
{
    struct result *its = arg;
    enum walpool__ahead_next next = WALPOOL__AHEAD_GOES_ON;
    walpool_rows like;
    walpool_rows_wrap(&like, its->buffer, BUFFER_BYTES);
    its->user = sim_self();
    its->ahead = walpool__ahead_make(&scene.steppers, fill, its, &like);
    SIM_CHECK(its->ahead != NULL, "no memory");
    for (int n = 0; n < its->free_after && next != WALPOOL__AHEAD_ENDED; n++) {
        if (next == WALPOOL__AHEAD_GOES_ON)
            start(its);
        if (its->of[n].rest_ns > 0)
            sim_nap_ns(its->of[n].rest_ns);
        next = get_block(its, n);
    }
    if (next == WALPOOL__AHEAD_GOES_ON)
        start(its);
    end_result(its);
}

static void
cancel(void *unused)
{
    (void)unused;
    sim_nap_ns((int64_t)sim_choose(4) * 400000);
    ticket_cancel(&scene.ticket, 1);
}

static void
stop(void *unused)
{
    (void)unused;
    scene.stops = true;
    walpool__steppers_stop(&scene.steppers);
    scene.stopped = true;
    for (int i = 0; i < scene.count; i++) {
        const struct result *its = &scene.results[i];
        SIM_CHECK(!its->filler || its->filler == its->user + 1,
                  "%s is filled ahead after the stop", its->name);
    }
}

static void
stop_at_some_time(void *unused)
{
    sim_nap_ns((int64_t)sim_choose(4) * 400000);
    stop(unused);
}

/* ----------------------------------------------------------------- looking */

static void
look_at_crew(void *unused)
{
    (void)unused;
    walpool__mutex_lock(&scene.steppers.mutex);
    roll_look_at_step(&scene.steppers.crew);
    walpool__mutex_unlock(&scene.steppers.mutex);
}

/* Who takes or frees sleeps here. */
static void
look_at_result(const struct result *its)
{
    struct walpool__call call = its->call;
    if (call.waits_only)
        call.deadline_ns = SIM_NEVER;
    if (its->takes) {
        ticket_check_asleep(its->ticket, &call);
        SIM_CHECK(its->ahead->filled == 0,
                  "the user of %s sleeps although a block is there", its->name);
    }
    SIM_CHECK(!(its->takes || its->frees) || its->filler,
              "the user of %s sleeps, and nobody is at it", its->name);
    SIM_CHECK(its->ahead->state != WALPOOL__AHEAD_RUNS || its->filler,
              "%s is said to be filled, and nobody is at it", its->name);
}

static void
look_when_quiet(void *unused)
{
    (void)unused;
    for (int i = 0; i < scene.count; i++)
        if (scene.results[i].ahead && !scene.results[i].freed)
            look_at_result(&scene.results[i]);
    roll_look_when_quiet(&scene.steppers.crew);
}

/* ------------------------------------------------------------------ scenes */

static void
begin(int threads, int failures)
{
    memset(&scene, 0, sizeof scene);
    sim_set_thread_failures(failures);
    walpool__steppers_init(&scene.steppers, threads);
    sim_on_step(look_at_crew, NULL);
    sim_on_quiet(look_when_quiet, NULL);
}

static void
invite(const struct result *wishes)
{
    struct result *its = &scene.results[scene.count++];
    *its = *wishes;
    its->name[0] = (char)('A' + scene.count - 1);
    its->free_after = its->free_after ? its->free_after : its->last;
    sim_spawn(its->name, 0, read_result, its);
}

static void
end(void)
{
    sim_join_all();
    if (!scene.stops)
        stop(NULL);
    SIM_CHECK(scene.steppers.crew.busy == 0, "a thread is busy after the stop");
    SIM_CHECK(scene.steppers.crew.lane.ready_count == 0,
              "a task is left that nobody has");
    ticket_close(&scene.ticket);
    sim_on_step(NULL, NULL);
    sim_on_quiet(NULL, NULL);
    walpool__steppers_finish(&scene.steppers);
}

/* A block that is not made before the result ends is asked for with a deadline,
 * or never. */
static void
wish(struct result *its)
{
    static const int64_t timeouts[] = {0, 1, 3, -1, -1};
    static const int64_t times[] = {0, 0, 10000, 300000, MS, 2500000};
    int never = sim_choose(4) == 0 ? (int)sim_choose(BLOCKS) : -1;
    *its = (struct result){.last = 1 + (int)sim_choose(BLOCKS)};
    its->free_after = 1 + (int)sim_choose(BLOCKS);
    if (sim_choose(4) == 0)
        its->fails_at = 1 + (int)sim_choose(BLOCKS);
    for (int i = 0; i < BLOCKS; i++) {
        its->of[i].fill_ns = i == never ? UNTIL_STOPPED : times[sim_choose(6)];
        its->of[i].timeout_ms = never >= 0 ? 1 + (int64_t)sim_choose(3)
                                           : timeouts[sim_choose(5)];
        its->of[i].rest_ns = times[sim_choose(6)];
        its->of[i].waits = sim_choose(6) == 0;
        its->of[i].small = sim_choose(6) == 0;
    }
}

void
scene_ahead_crowd(void)
{
    begin(1 + (int)sim_choose(2), (int)sim_choose(3));
    if (sim_choose(2) == 0) {
        ticket_open(&scene.ticket);
        sim_spawn("canceller", 0, cancel, NULL);
    }
    for (int n = 1 + (int)sim_choose(RESULTS); n > 0; n--) {
        struct result wishes;
        wish(&wishes);
        if (scene.ticket.token != NULL && sim_choose(2) == 0)
            wishes.ticket = &scene.ticket;
        invite(&wishes);
    }
    if (sim_choose(4) == 0)
        sim_spawn("stopper", 0, stop_at_some_time, NULL);
    end();
}

/* --------------------------------------------- small ones, searched completely */

/* The result is freed while a thread is anywhere in it. */
void
scene_ahead_free(void)
{
    begin(1, 0);
    invite(&(struct result){.last = 4, .free_after = 1,
                            .of = {[0].timeout_ms = -1}});
    end();
}

void
scene_ahead_two_results(void)
{
    begin(2, 0);
    for (int i = 0; i < 2; i++)
        invite(&(struct result){.last = 2, .of = {[0] = {.timeout_ms = -1},
                                                  [1] = {.timeout_ms = -1}}});
    end();
}

/* One thread, which another result has: the user takes the work back. */
void
scene_ahead_no_thread_is_free(void)
{
    begin(1, 0);
    for (int i = 0; i < 2; i++)
        invite(&(struct result){.last = 2, .of = {[0].waits = true,
                                                  [0].fill_ns = MS,
                                                  [0].timeout_ms = -1,
                                                  [1].timeout_ms = -1}});
    end();
}

void
scene_ahead_deadline(void)
{
    begin(1, 0);
    invite(&(struct result){.last = 3, .of = {[0].timeout_ms = -1,
                                              [1] = {.fill_ns = UNTIL_STOPPED,
                                                     .timeout_ms = 1}}});
    end();
}

void
scene_ahead_cancel(void)
{
    begin(1, 0);
    ticket_open(&scene.ticket);
    invite(&(struct result){.last = 2, .ticket = &scene.ticket,
                            .of = {[0] = {.fill_ns = 2500000,
                                          .timeout_ms = -1},
                                   [1].timeout_ms = -1}});
    sim_spawn("canceller", 0, cancel, NULL);
    end();
}

void
scene_ahead_stop(void)
{
    begin(2, 0);
    invite(&(struct result){.last = 3, .of = {[0].timeout_ms = -1,
                                              [1].timeout_ms = -1,
                                              [2].timeout_ms = -1}});
    sim_spawn("stopper", 0, stop, NULL);
    end();
}

void
scene_ahead_no_thread_starts(void)
{
    begin(2, 2);
    for (int i = 0; i < 2; i++)
        invite(&(struct result){.last = 2, .of = {[0].timeout_ms = -1,
                                                  [1].timeout_ms = -1}});
    end();
}
